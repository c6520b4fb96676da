import Allocation
import ArgumentParser
import Execution
import Foundation
import JobFiles
import LocalExecution
import Plots
import Reports
import Service
import SlurmExecution
import Store
import Workloads

/// `almanac run`: a job with real processes, on this machine or a Slurm cluster.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a job with real processes, here or on Slurm; every attempt becomes a row of the store.",
        discussion: """
            Each run has a folder STORE/runs/NAME/NUMBER with its journal and the output of every attempt. Ctrl-C ends \
            what runs and saves the state (exit code 130); --resume then goes on with the newest run, also after a crash \
            or kill -9. Finished tasks are not run again. Where times are known, tasks start as planned; when deadline, \
            budget or an instance of the plan is in danger, what is left is planned anew. Exit code 1: some task failed \
            for good. Exit code 3: no plan keeps the limits.
            With --engine slurm each attempt is a Slurm job; folder of the run and working folder must be shared with the \
            nodes. Jobs go on while no process drives the run, and --resume finds them again.
            """)

    @OptionGroup var input: JobOptions
    @OptionGroup var global: GlobalOptions
    @OptionGroup var storing: StoreOptions

    @Flag(name: .long, help: "Go on with the newest run of this job.")
    var resume = false

    @Option(name: .long, help: "The folder of the run instead of STORE/runs/NAME/NUMBER.")
    var runFolder: String?

    @Option(name: [.customShort("C"), .long], help: "Where commands run; relative paths of the job start here.")
    var directory = "."

    @Option(name: .long, help: "Processors that the run may use; all by default.")
    var cpus: Double?

    @Option(name: .long, help: "Memory that the run may use, for instance '8 GB'; all by default.")
    var memory: ByteCount?

    @Option(
        name: .long, help: "How often a failed attempt is repeated, for tasks that do not say; the policy's otherwise.")
    var retries: Int?

    @Option(name: .long, help: "A file with a 'policy:' instead of the job's; 'plan JOB --policy show' prints one.")
    var policy: String?

    @Option(name: .long, help: "Record the use of processors, memory and disk this often; 0 records nothing.")
    var recordEvery = TimeSpan(seconds: 0.2)

    @Flag(name: .long, help: "End the run at the first task that fails for good.")
    var stopOnFailure = false

    @Flag(name: .long, help: "Kill a task that uses more memory than it asks for; its next attempt gets twice as much.")
    var enforceMemory = false

    @Option(name: .long, help: "Time between asking a task to end and killing it.")
    var grace = TimeSpan(seconds: 5)

    @Option(name: .long, help: "Price of this machine in US dollars per hour, for the outcomes.")
    var price = 0.0

    @Option(name: .long, help: "A plan that 'almanac plan --output' wrote; by default one is made if times are known.")
    var plan: String?

    @Option(
        name: .long,
        help:
            "A policy that 'almanac train policy' wrote: it decides which task starts next, and where, instead of a plan."
    )
    var policyModel: String?

    @Flag(name: .long, help: "Run as well as can be where no plan keeps the deadline or the budget.")
    var bestEffort = false

    /// Where a job runs.
    enum Engine: String, ExpressibleByArgument, CaseIterable {
        case local, slurm
    }

    @Option(name: .long, help: "Where it runs: on this machine (local) or a cluster (slurm).")
    var engine = Engine.local

    @Option(
        name: .long, help: "Slurm: a partition to use, the first is preferred; the default one otherwise. Repeatable.")
    var partition: [String] = []

    @Option(name: .long, help: "Slurm: the most nodes that it may use at once.")
    var nodes: Int?

    @Option(name: .long, help: "Slurm: an option for every sbatch, for instance --sbatch=--account=lab. Repeatable.")
    var sbatch: [String] = []

    @Flag(
        name: .long,
        help: "Slurm: hold nodes with workers that run many tasks each, instead of a job for each; for short tasks.")
    var workers = false

    @Option(name: .long, help: "Slurm: where workers find this machine; the address of its host name otherwise.")
    var listen: String?

    @Flag(name: .long, help: "Run on the instances of the job's pool, carved out of this machine, to try a pool out.")
    var pool = false

    @Option(name: .long, help: "Time from asking for an instance of the pool until it takes tasks.")
    var startUp = TimeSpan(seconds: 0)

    @Option(
        name: .long,
        help: "Take an instance of the pool back, NAME@TIME or NAME@TIME+WARNING after it opened; repeatable.")
    var reclaim: [ReclaimTime] = []

    /// When an instance is taken back, for instance `m5.large/spot#0@30s+2m`.
    struct ReclaimTime: ExpressibleByArgument {
        let reclaim: ExecutorOptions.Reclaim
        init?(argument: String) {
            guard let at = argument.lastIndex(of: "@") else { return nil }
            let times = argument[argument.index(after: at)...].split(separator: "+", omittingEmptySubsequences: false)
            let seconds = times.compactMap { Units.parseSeconds(String($0)) }
            guard 1...2 ~= times.count, seconds.count == times.count, seconds.allSatisfy({ $0 >= 0 }) else {
                return nil
            }
            reclaim = .init(
                InstanceID(String(argument[..<at])), noticeSeconds: seconds[0],
                warningSeconds: seconds.count > 1 ? seconds[1] : 0)
        }
    }

    func validate() throws {
        if !reclaim.isEmpty, !pool, plan == nil { throw ValidationError("--reclaim needs --pool or --plan.") }
        if engine == .slurm {
            guard cpus == nil, memory == nil, !pool, reclaim.isEmpty, startUp.seconds == 0 else {
                throw ValidationError(
                    "--cpus, --memory, --pool, --start-up and --reclaim are for runs on this machine, not for --engine slurm."
                )
            }
        } else if !partition.isEmpty || nodes != nil || !sbatch.isEmpty || workers {
            throw ValidationError("--partition, --nodes, --sbatch and --workers need --engine slurm.")
        }
        if listen != nil, !workers { throw ValidationError("--listen needs --workers.") }
        if let nodes, nodes < 1 { throw ValidationError("--nodes is \(nodes), expected 1 or more.") }
        if let retries, retries < 0 { throw ValidationError("--retries is \(retries), expected 0 or more.") }
        guard recordEvery.seconds == 0 || recordEvery.seconds >= 0.001 else {
            throw ValidationError("--record-every is below 1 ms, expected 0 or more than that.")
        }
        guard price >= 0, price.isFinite else { throw ValidationError("--price is \(price), expected 0 or more.") }
        if let runFolder, runFolder.isEmpty { throw ValidationError("--run-folder is empty, expected a folder.") }
        guard 0...2_592_000 ~= startUp.seconds else {
            throw ValidationError("--start-up is \(Units.formatSeconds(startUp.seconds)), expected 0 to 30 days.")
        }
        if startUp.seconds > 0, !pool, plan == nil { throw ValidationError("--start-up needs --pool or --plan.") }
        if memory?.bytes == 0 { throw ValidationError("--memory is 0, expected more.") }
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: directory, isDirectory: &isFolder), isFolder.boolValue else {
            throw ValidationError("--directory is '\(directory)', expected a folder that exists.")
        }
        if let cpus, !(cpus > 0) { throw ValidationError("--cpus is \(cpus), expected more than 0.") }
    }

    /// What is printed with `--json` when no plan keeps the limits.
    private struct Infeasible: Encodable {
        let feasible = false
        let error: String
    }

    /// What is printed with `--json`.
    private struct Summary: Encodable {
        var job: String
        var runFolder: String
        var result: RunResult
        /// What it took and cost, and whether its limits were kept; `nil` if the store cannot be read.
        var account: RunAccount?
    }

    func run() throws {
        let console = global.console
        // Whoever reads our remarks may leave; the job goes on.
        signal(SIGPIPE, SIG_IGN)
        let job: JobRun
        do { job = try JobRun(request, remark: { console.remark($0) }) } catch ServiceError.infeasible(let text) {
            if console.json { try console.result(Infeasible(error: text), text: "") }
            throw ServiceError.infeasible(text)
        }
        let view = RunView(console)
        let result: RunResult
        do {
            result = try job.execute(tickSeconds: view.isLive ? 0.2 : nil, show: view.show)
        } catch let error as StoreError {
            view.finish()
            throw Failure.work("\(error)\nThe run has stopped; what is finished stays so. Go on with: \(resumption)")
        } catch {
            view.finish()
            throw error
        }
        view.finish()
        let account = write(job, console)
        try console.result(
            Summary(job: job.job.name, runFolder: job.folder, result: result, account: account),
            text: text(result, job.folder, account))
        switch result.ending {
        case .succeeded: return
        case .failed, .infeasible: throw ExitCode(1)
        case .cancelled: throw Failure.interrupted("The run was stopped. Go on with: \(resumption)")
        }
    }

    /// The page of the run in its folder. A full disk does not make a run fail that succeeded.
    private func write(_ job: JobRun, _ console: Console) -> RunAccount? {
        do {
            let logged = try job.logged()
            let report = RunReport(
                "Run \(logged.attempts.first?.job ?? job.job.name)", job.job.tasks, plan: job.plan,
                attempts: logged.attempts, lives: logged.lives, goal: job.job.goal, capacity: job.capacity)
            try Data(report.page().html().utf8).write(
                to: URL(fileURLWithPath: job.folder + "/report.html"), options: .atomic)
            return report.account
        } catch {
            console.remark("\(job.folder)/report.html: cannot be written: \(error)")
            return nil
        }
    }

    private var request: RunRequest {
        var machine = InstanceType.thisMachine(price: Price(perHour: price))
        machine.cpus = cpus ?? machine.cpus
        machine.memoryBytes = memory?.bytes ?? machine.memoryBytes
        var request = RunRequest(job: input.job, models: input.models, store: storing.store, on: machine)
        (request.resume, request.runFolder, request.workingFolder) = (resume, runFolder, directory)
        (request.retries, request.policy, request.plan) = (retries, policy, plan)
        request.seriesSeconds = recordEvery.seconds > 0 ? recordEvery.seconds : nil
        (request.stopsOnFailure, request.enforcesMemory) = (stopOnFailure, enforceMemory)
        (request.acceptsMissedLimits, request.policyModel) = (bestEffort, policyModel)
        (request.graceSeconds, request.usesPool, request.startUpSeconds) = (grace.seconds, pool, startUp.seconds)
        request.reclaims = reclaim.map(\.reclaim)
        if engine == .slurm {
            var slurm = SlurmOptions()
            (slurm.partitions, slurm.arguments, slurm.program) = (partition, sbatch, Bundle.main.executablePath)
            (slurm.usesWorkers, slurm.address) = (workers, listen)
            (request.slurm, request.mostNodes) = (slurm, nodes)
        }
        return request
    }

    /// The command that goes on with this run: the same once more, as a shell reads it.
    private var resumption: String {
        let words = ["almanac"] + CommandLine.arguments.dropFirst() + (resume ? [] : ["--resume"])
        let plain = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-_./=:,+@%#"))
        return words.map { word in
            word.unicodeScalars.allSatisfy(plain.contains) && !word.isEmpty && !word.hasPrefix("#")
                ? word : "'" + word.replacing("'", with: "'\\''") + "'"
        }.joined(separator: " ")
    }

    private func text(_ result: RunResult, _ folder: String, _ account: RunAccount?) -> String {
        var lines = [
            "\(result.finished) of \(Units.count(result.total, "task")) finished in \(Units.formatSeconds(result.elapsedSeconds)), "
                + "\(Units.count(result.attempts, "attempt")), logged in \(storing.store); outputs and report.html in \(folder)"
        ]
        for (task, cause) in result.failed.sorted(by: { $0.key < $1.key }) {
            lines.append("failed: \(task) (\(cause.rawValue))")
        }
        if !result.skipped.isEmpty {
            lines.append("\(Units.count(result.skipped.count, "task")) could not run because of that")
        }
        if let account, account.deadlineKept == false, let deadline = account.deadlineSeconds {
            lines.append(
                "the deadline of \(Units.formatSeconds(deadline)) was missed by "
                    + Units.formatSeconds(account.elapsedSeconds - deadline))
        }
        if let account, account.budgetKept == false, let budget = account.budget {
            lines.append(
                "the budget of \(Units.formatPrice(budget)) was exceeded: it cost \(Units.formatPrice(account.cost))")
        }
        return lines.joined(separator: "\n")
    }
}
