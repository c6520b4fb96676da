import Allocation
import ArgumentParser
import Execution
import Foundation
import JobFiles
import Prediction
import Scheduling
import Store
import Traces
import Workloads

/// `almanac run`: a job with real processes on this machine.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a job with real processes on this machine; every attempt becomes a row of the store.",
        discussion: """
            Each run has a folder STORE/runs/NAME/NUMBER with its journal and the output of every attempt. Ctrl-C ends \
            what runs and saves the state (exit code 130); --resume then goes on with the newest run, also after a crash \
            or kill -9. Finished tasks are not run again. Where times are known, tasks start as planned; when deadline, \
            budget or an instance of the plan is in danger, what is left is planned anew. Exit code 1: some task failed \
            for good.
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
        if let retries, retries < 0 { throw ValidationError("--retries is \(retries), expected 0 or more.") }
        guard recordEvery.seconds == 0 || recordEvery.seconds >= 0.001 else {
            throw ValidationError("--record-every is below 1 ms, expected 0 or more than that.")
        }
        guard price >= 0, price.isFinite else { throw ValidationError("--price is \(price), expected 0 or more.") }
        if memory?.bytes == 0 { throw ValidationError("--memory is 0, expected more.") }
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: directory, isDirectory: &isFolder), isFolder.boolValue else {
            throw ValidationError("--directory is '\(directory)', expected a folder that exists.")
        }
        if let cpus, !(cpus > 0) { throw ValidationError("--cpus is \(cpus), expected more than 0.") }
    }

    /// What is printed with `--json`.
    private struct Summary: Encodable {
        var job: String
        var runFolder: String
        var result: RunResult
    }

    func run() throws {
        let console = global.console
        let (read, models) = try input.read(folder: directory)
        var job = read
        var machine = InstanceType.thisMachine(price: Price(perHour: price))
        machine.cpus = cpus ?? machine.cpus
        machine.memoryBytes = memory?.bytes ?? machine.memoryBytes
        func estimates() throws -> Estimates {
            try models.estimates(of: job.tasks, on: [machine], host: InstanceType.hostName, unknownSeconds: 60)
        }
        if models.memory != nil { job.tasks = try requestingMemory(job.tasks, try estimates(), machine) }
        let believed = try estimates()

        // Whoever reads our remarks may leave; the job goes on.
        signal(SIGPIPE, SIG_IGN)
        // First of all, so that a run that is refused is the newest one all the same.
        let folder = try runFolder ?? nextFolder(job.name)
        let hasBegun = FileManager.default.fileExists(atPath: folder + "/journal.jsonl")
        let isThere = runFolder == nil && FileManager.default.fileExists(atPath: folder)
        var options = ExecutorOptions(
            runFolder: folder, workingFolder: directory, workflow: job.name, instance: machine)
        var table = try policy.map { try JobFile.readPolicy($0) } ?? job.policy ?? .standard
        if let retries { table = table.with(retries: retries) }
        (options.policy, options.keepsGoing) = (table, !stopOnFailure)
        options.seriesSeconds = recordEvery.seconds > 0 ? recordEvery.seconds : nil
        options.expectations = expectations(job.tasks, models, believed, machine)
        options.estimates = known(believed, job.tasks, models)
        options.enforcesMemory = enforceMemory
        options.graceSeconds = grace.seconds
        options.ranks = upwardRanks(
            job.tasks, seconds: job.tasks.tasks.indices.map { believed.seconds(of: $0, on: machine) })
        try plan(job, models, machine, console, &options)
        let view = RunView(console)
        options.tickSeconds = view.isLive ? 0.2 : nil

        let store = try TraceStore(folder: storing.store)
        options.job = try name(of: folder, job.name, in: store)
        if resume, isThere, !hasBegun { console.remark("the run in \(folder) had not begun: it begins now") }
        let executor = try LocalExecutor(
            job.tasks, options: options, show: view.show, lives: { try store.append($0) },
            report: { try store.append($0) })
        let result: RunResult
        do {
            result = try executor.run(resuming: resume && (hasBegun || !isThere))
        } catch let error as StoreError {
            view.finish()
            throw Failure.work("\(error)\nThe run has stopped; what is finished stays so. Go on with: \(resumption)")
        } catch {
            view.finish()
            throw error
        }
        view.finish()
        try console.result(Summary(job: job.name, runFolder: folder, result: result), text: text(result, folder))
        switch result.ending {
        case .succeeded: return
        case .failed, .infeasible: throw ExitCode(1)
        case .cancelled: throw Failure.interrupted("The run was stopped. Go on with: \(resumption)")
        }
    }

    /// The command that goes on with this run.
    private var resumption: String {
        var words = ["almanac", "run", input.job, "--resume"]
        if let runFolder { words += ["--run-folder", runFolder] }
        if storing.store != StoreOptions.defaultFolder { words += ["--store", storing.store] }
        if directory != "." { words += ["--directory", directory] }
        if let models = input.models { words += ["--models", models] }
        if let cpus { words += ["--cpus", "\(cpus)"] }
        if let memory { words += ["--memory", "\(Int(memory.bytes))"] }
        return words.map { $0.contains(" ") ? "'\($0)'" : $0 }.joined(separator: " ")
    }

    private func text(_ result: RunResult, _ folder: String) -> String {
        var lines = [
            "\(result.finished) of \(Units.count(result.total, "task")) finished in \(Units.formatSeconds(result.elapsedSeconds)), "
                + "\(Units.count(result.attempts, "attempt")), logged in \(storing.store); outputs in \(folder)/attempts"
        ]
        for (task, cause) in result.failed.sorted(by: { $0.key < $1.key }) {
            lines.append("failed: \(task) (\(cause.rawValue))")
        }
        if !result.skipped.isEmpty {
            lines.append("\(Units.count(result.skipped.count, "task")) could not run because of that")
        }
        return lines.joined(separator: "\n")
    }

    /// Where and in which order tasks start, as far as anything is known of their times.
    private func plan(
        _ job: JobFile, _ models: ModelSet, _ machine: InstanceType, _ console: Console,
        _ options: inout ExecutorOptions
    ) throws {
        @Sendable func costs(of graph: TaskGraph, _ pool: ResourcePool) throws -> CostModel {
            try models.costModel(for: graph, on: pool, host: InstanceType.hostName, unknownSeconds: 60)
        }
        func isMachine(_ name: String, _ count: Int, of all: Int) -> Bool {
            all == 1 && name == machine.name && count == 1
        }
        let began = resume ? RunSetup.latest(inRunFolder: options.runFolder)?.offers : nil
        // A run goes on with the instances that it began with.
        let rented = began.flatMap { isMachine($0[0].type.name, $0[0].maximumCount, of: $0.count) ? nil : $0 }
        if pool, began != nil, rented == nil {
            throw Failure.input(
                "\(options.runFolder): this run began on this machine as a whole. Go on without --pool.")
        }
        var entries = [ResourcePool.Entry(type: machine)]
        if let rented {
            entries = rented.map {
                .init(type: $0.type, purchase: $0.purchase, zone: $0.zone, maximumCount: $0.maximumCount)
            }
        } else if pool {
            guard let found = job.pool else {
                throw Failure.input("\(input.job): --pool is given, but the job has no pool.")
            }
            entries = found.entries
        }
        if let path = plan {
            let found: Plan = try read(path)
            if !pool, began == nil {
                entries = []
                for instance in found.instances {
                    let place = entries.firstIndex { $0.isSame(instance.entry) }
                    if let place { entries[place].maximumCount += 1 } else { entries.append(instance.entry.single) }
                }
            }
            do { try found.validate(job.tasks, on: ResourcePool(entries: found.instances.map(\.entry))) } catch {
                throw Failure.input("\(path): \(error)")
            }
            options.plan = found
        } else if job.tasks.tasks.contains(where: { $0.claimedSeconds != nil }) || models.knowsRuntime {
            let goal = Goal(
                job.objective.flatMap(Goal.Objective.init) ?? .balanced, deadlineSeconds: job.deadlineSeconds,
                budget: job.budget)
            do {
                let usable = ResourcePool(entries: entries)
                options.plan = try Planner(job.tasks, on: usable, costs: costs(of: job.tasks, usable)).plan(goal)
            } catch PlanError.infeasible(_, let fastest, _, _, _) {
                console.remark(
                    "no plan keeps the limits: the fastest takes \(Units.formatSeconds(fastest.makespanSeconds)) and costs "
                        + "\(Units.formatPrice(fastest.cost)); the run begins all the same")
                options.plan = fastest
            } catch let error as PlanError {
                throw Failure.input(error.description)
            }
        } else if job.deadlineSeconds != nil || job.budget != nil {
            console.remark("deadline and budget are not watched: no task has a known time. Give --models.")
        }
        if let rented {
            options.pool = rented
        } else if !isMachine(entries[0].type.name, entries[0].maximumCount, of: entries.count) {
            options.pool = entries.map {
                Offer(
                    type: $0.type, purchase: $0.purchase, zone: $0.zone, maximumCount: $0.maximumCount,
                    openSeconds: startUp.seconds)
            }
        }
        options.reclaims = reclaim.map(\.reclaim)
        (options.deadlineSeconds, options.budget) = (job.deadlineSeconds, job.budget)
        guard let made = options.plan else { return }
        console.remark(
            "planned: \(Units.formatSeconds(made.makespanSeconds)) on \(Units.count(made.instances.count, "instance"))")
        let usable = ResourcePool(entries: entries)
        options.replan = { rest in
            guard let costs = try? costs(of: rest, usable) else { return nil }
            return try? Planner(rest, on: usable, costs: costs).plan(Goal(.time))
        }
    }

    private func read(_ path: String) throws -> Plan {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure.input("\(path): there is no such file. Write one with 'almanac plan JOB --output \(path)'.")
        }
        do { return try decoder.decode(Plan.self, from: data) } catch {
            throw Failure.input("\(path): this is no plan. Write one with 'almanac plan JOB --output \(path)'.")
        }
    }

    /// Tasks that ask for no memory ask for what the models say, at most what there is.
    private func requestingMemory(
        _ graph: TaskGraph, _ estimates: Estimates, _ machine: InstanceType
    ) throws -> TaskGraph {
        var tasks = graph.tasks
        for index in tasks.indices where tasks[index].request.memoryBytes == 0 {
            tasks[index].request.memoryBytes = min(estimates.memoryRequestBytes[index], machine.memoryBytes)
        }
        return try TaskGraph(tasks)
    }

    /// What is predicted for each task of a type that the models know: above it an attempt raises an alert.
    private func expectations(
        _ graph: TaskGraph, _ models: ModelSet, _ estimates: Estimates, _ machine: InstanceType
    ) -> [TaskID: ExecutorOptions.Expectation] {
        var expectations: [TaskID: ExecutorOptions.Expectation] = [:]
        for (index, task) in graph.tasks.enumerated() {
            func positive(_ value: Double) -> Double? { value > 0 && value.isFinite ? value : nil }
            var expectation = ExecutorOptions.Expectation()
            if models.runtime?.choice(for: task.type) != nil {
                expectation.seconds = positive(estimates.seconds(of: index, on: machine, p: 0.99))
            }
            if models.memory?.choice(for: task.type) != nil {
                expectation.memoryBytes = positive(estimates.memoryQuantiles[index](0.99))
            }
            expectations[task.id] = expectation
        }
        return expectations
    }

    /// What somebody knows of each task: a time that nobody claims and no model predicts is not a number.
    private func known(_ estimates: Estimates, _ graph: TaskGraph, _ models: ModelSet) -> Estimates {
        var known = estimates
        for (index, task) in graph.tasks.enumerated() {
            if task.claimedSeconds == nil, models.runtime?.choice(for: task.type) == nil {
                known.expectedSeconds[index] = .nan
            }
            if index < known.memoryQuantiles.count, models.memory?.choice(for: task.type) == nil {
                known.memoryQuantiles[index] = .init(exactly: 0)
            }
        }
        return known
    }

    /// The name of a new run, which no other has in the outcomes; one that is resumed keeps its own.
    private func name(of folder: String, _ workflow: String, in store: TraceStore) throws -> String {
        let plain = "\(workflow)/\(URL(fileURLWithPath: folder).lastPathComponent)"
        var (name, number) = (plain, 1)
        // The folders of earlier runs may have been removed.
        while try store.holdsOutcomes(workflow: workflow, job: name) {
            number += 1
            name = "\(plain)#\(number)"
        }
        return name
    }

    /// The folder of the newest run of the job to resume, or a new one that is ours alone.
    private func nextFolder(_ name: String) throws -> String {
        let plain = String(name.map { $0 == "/" || $0 == "\0" ? "_" : $0 })
        let parent = "\(storing.store)/runs/\((plain.hasPrefix(".") ? "_" : "") + plain.prefix(60))"
        let files = FileManager.default
        let numbers = ((try? files.contentsOfDirectory(atPath: parent)) ?? []).compactMap { Int($0) }.filter {
            1..<1_000_000_000 ~= $0
        }
        // The newest one, whatever became of it: an older one's success is not its own.
        if resume { return "\(parent)/\(numbers.max() ?? 1)" }
        do { try files.createDirectory(atPath: parent, withIntermediateDirectories: true) } catch {
            throw Failure.work("\(parent): the folder cannot be made. Name another folder with --store.")
        }
        // Another run of this job may take a number at the same time.
        let first = numbers.max() ?? 0
        for number in first + 1...first + 1000 {
            if mkdir("\(parent)/\(number)", 0o777) == 0 { return "\(parent)/\(number)" }
            guard errno == EEXIST else {
                let reason = String(cString: strerror(errno))
                throw Failure.work("\(parent)/\(number): the folder cannot be made: \(reason).")
            }
        }
        throw Failure.work("\(parent): there is no number left for another run.")
    }
}

/// What a person sees of a run: on a terminal a picture that moves, elsewhere a line for each attempt that ended.
private final class RunView: @unchecked Sendable {
    let isLive: Bool
    private let console: Console
    private var drawnLines = 0

    init(_ console: Console) {
        self.console = console
        isLive = !console.quiet && isatty(STDERR_FILENO) == 1
    }

    func show(_ event: RunEvent) {
        switch event {
        case .ended(let outcome):
            if outcome.status != .completed {
                say(
                    "\(outcome.task ?? ""): attempt \(outcome.attempt ?? 1) \(outcome.status?.rawValue ?? ""): "
                        + (outcome.failureMessage ?? ""))
            } else if !isLive {
                let memory = outcome.peakMemoryBytes.map { ", \(Units.formatBytes($0))" } ?? ""
                say("\(outcome.task ?? ""): done in \(Units.formatSeconds(outcome.runtimeSeconds ?? 0))\(memory)")
            }
        case .alert(let task, let attempt, let alert): say("\(task): attempt \(attempt): \(alert.text)")
        case .leftBehind(let task, let attempt, let processes):
            say(
                "\(task): attempt \(attempt) left \(Units.count(processes, "process")) behind, which did not outlive it: "
                    + "let the command wait for what it starts"
            )
        case .gaveUp(let task, _): say("\(task): given up")
        case .instance(let name, let what): say("\(name) \(what)")
        case .replanned(let reason, let seconds):
            let outlook = seconds.map { "what is left is planned to take \(Units.formatSeconds($0))" }
            say("the plan is in danger (\(reason.rawValue)): \(outlook ?? "there is no other")")
        case .stopping: say("stopping; once more to kill at once")
        case .tick(let status): draw(status)
        case .started, .skipped: break
        }
    }

    /// Removes the picture.
    func finish() {
        guard drawnLines > 0 else { return }
        Console.write(erasure, to: .standardError)
        drawnLines = 0
    }

    private func say(_ text: String) {
        finish()
        console.remark(text)
    }

    private var erasure: String { String(repeating: "\u{1B}[1A\u{1B}[2K", count: drawnLines) + "\r" }

    private func draw(_ status: RunStatus) {
        guard isLive else { return }
        let done = status.finished + status.failed + status.skipped
        let filled = status.total > 0 ? done * 30 / status.total : 30
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
        let failures = status.failed > 0 ? ", \(status.failed) failed" : ""
        var lines = [
            "\(bar) \(status.finished) of \(status.total)\(failures), \(Units.formatSeconds(status.elapsedSeconds))"
        ]
        let now = Date().timeIntervalSince1970
        for attempt in status.running.prefix(8) {
            let again = attempt.attempt > 1 ? " (attempt \(attempt.attempt))" : ""
            let seconds = Units.formatSeconds(max(0, now - attempt.startTimeSeconds))
            lines.append("  \(attempt.task.rawValue.prefix(60))\(again)  \(seconds)")
        }
        if status.running.count > 8 { lines.append("  … and \(status.running.count - 8) more") }
        Console.write(erasure + lines.joined(separator: "\n") + "\n", to: .standardError)
        drawnLines = lines.count
    }
}

extension ResourcePool.Entry {
    fileprivate func isSame(_ other: Self) -> Bool {
        type == other.type && purchase == other.purchase && zone == other.zone
    }

    fileprivate var single: Self {
        var entry = self
        entry.maximumCount = 1
        return entry
    }
}
