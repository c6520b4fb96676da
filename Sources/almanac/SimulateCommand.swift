public import ArgumentParser
import Foundation
import Plots
import Reports
public import Service
import Simulation
import Traces
import Workloads

/// `almanac simulate`: a job run many times in a world of chance.
struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Run a job many times in a world of chance, and compare what-ifs under the same luck.",
        discussion: """
            The job is planned on its pool (or on this machine), then run by the allocator that 'run' uses, with run times \
            drawn from the quantiles that the models predict, failures, refusals and reclaims. Every --what-if is planned \
            and run anew and meets the same luck: its differences are the mean of pairs, with a 95 % confidence interval.

            A recorded market is met by each run at a moment of its own: reclaims and refusals follow from how many \
            instances could be had, bills from the prices of the time.

            Several jobs share the pool of the first, all of which is there until the last ends: the tenant that had least in \
            proportion to its weight goes first, within its quota ('tenant', 'weight' and 'quota' of a job file).
            """)

    @Argument(
        help: ArgumentHelp(
            "A job file (YAML), or a recorded workflow in WfFormat (.json, .json.gz). Several share the pool of the first.",
            valueName: "job"))
    var jobs: [String]

    @Option(name: .long, help: "Folder of models that 'almanac train' wrote; without it, times are those in the job.")
    var models: String?

    @Option(
        name: .long,
        help:
            "When each of several jobs comes, from the start of the simulation, for instance 0,10m,1h; all at once by default."
    )
    var arrivals: Arrivals?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Compare with a pool of which so much is kept ready as suffices for the expected demand with this probability, and "
                + "more is opened when tasks wait; of several jobs.", valueName: "level"))
    var reservation: Double?

    @OptionGroup var global: GlobalOptions

    @Option(name: .long, help: "How many runs.")
    var runs = 200

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Standard deviation of the logarithm of times that the job claims, or 'recorded': times differ from what is "
                + "expected as those of the recorded runs in the store did."))
    var noise = Noise(deviation: 0)

    @Option(name: .long, help: "The probability that a spot instance is taken back within an hour.")
    var reclaims: Double?

    @Option(name: .long, help: "The probability that a spot instance is refused.")
    var refusals = 0.0

    @Option(name: .long, help: "The probability that an attempt fails by itself.")
    var failures = 0.0

    @Option(name: .long, help: "Time from asking for an instance of the pool until it takes tasks.")
    var startUp = TimeSpan(seconds: 0)

    @Option(name: .long, help: "A file with 'pool:' and 'network:' in the place of those of the job.")
    var pool: String?

    @Option(
        name: [.long, .customLong("spot")],
        help: ArgumentHelp(
            "What happens to spot instances: a file of recorded prices or availability, 'store' for those imported, or "
                + "'generated'."))
    var market: String?

    @Option(
        name: .long,
        help: "A policy that 'almanac train policy' wrote: it decides in the place of a plan, on all of the pool.")
    var policy: String?

    @Flag(name: .long, help: "Take spot instances back without notice; else two minutes before.")
    var noNotice = false

    @Flag(
        name: .long,
        help: ArgumentHelp(
            "Fit start-up, dispatch and transfers to the recorded runs of the job, print how well each run is foretold from the "
                + "others, and keep what was fitted beside the store for 'plan' and 'simulate'."))
    var calibrate = false

    @OptionGroup var store: StoreOptions

    @Option(name: .long, help: "Write the attempts of the first run as asked in the trace schema (CSV), for 'import'.")
    var trace: String?

    @Option(name: .long, help: "Draw the first run as asked: an SVG, or a page if the name ends in .html.")
    var gantt: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Another assumption to compare with; repeatable. One or several of "
                + SimulationStudy.WhatIf.keys.joined(separator: ", ") + ", separated by commas."))
    var whatIf: [SimulationStudy.WhatIf] = []

    func validate() throws {
        guard 1...1_000_000 ~= runs else { throw ValidationError("--runs is \(runs), expected 1 to 1000000.") }
        if let arrivals, arrivals.seconds.count != jobs.count {
            throw ValidationError(
                "--arrivals names \(Units.count(arrivals.seconds.count, "time")) for \(Units.count(jobs.count, "job")). Give one "
                    + "for each.")
        }
        if let first = arrivals?.seconds.first, first != 0 {
            throw ValidationError("--arrivals: the first job comes at \(Units.formatSeconds(first)), expected 0.")
        }
        if jobs.count > 1, calibrate || gantt != nil {
            throw ValidationError("\(calibrate ? "--calibrate" : "--gantt") takes one job.")
        }
        if let reservation, !(0...0.9999 ~= reservation) || jobs.count < 2 {
            throw ValidationError(
                "--reservation is \(reservation) for \(Units.count(jobs.count, "job")), expected 0 to 0.9999 for several."
            )
        }
        for (name, value) in [("reclaims", reclaims ?? 0), ("refusals", refusals), ("failures", failures)] {
            guard 0...0.999 ~= value else { throw ValidationError("--\(name) is \(value), expected 0 to 0.999.") }
        }
    }

    private struct Answer: Encodable {
        var job: String
        var jobs: [String]?
        var scenarios: [SimulationStudy.Scenario]
    }

    func run() throws {
        if calibrate { return try fit() }
        var question = SimulationStudy.Question(job: jobs[0], models: models)
        question.others = jobs.indices.dropFirst().map { (jobs[$0], arrivals?.seconds[$0] ?? 0) }
        question.store = store.store
        (question.runs, question.seed, question.threads) = (runs, global.seed, global.threads)
        question.assumptions.noise = noise.deviation ?? 0
        question.assumptions.noiseIsRecorded = noise.deviation == nil
        question.assumptions.reclaimsPerHour = reclaims
        (question.assumptions.refusals, question.assumptions.failures) = (refusals, failures)
        question.assumptions.startUpSeconds = startUp.seconds
        question.calibration = Calibration(besideStore: store.store)
        question.assumptions.dispatchSeconds = question.calibration?.dispatchSeconds ?? 0
        (question.assumptions.pool, question.assumptions.market) = (pool, market)
        question.assumptions.policy = policy
        if noNotice { question.assumptions.noticeSeconds = 0 }
        question.wantsHistory = trace != nil || gantt != nil
        let reserved = reservation.flatMap { SimulationStudy.WhatIf("reservation=\($0)") }
        question.whatIfs = (reserved.map { [$0] } ?? []) + whatIf
        let study = try SimulationStudy(question) { global.console.remark($0) }
        if let trace { try ExecutionTable(study.attempts).writeCSV(to: trace) }
        if let gantt { try draw(study, to: gantt) }
        let answer = Answer(
            job: study.jobs[0], jobs: study.jobs.count > 1 ? study.jobs : nil, scenarios: study.scenarios)
        try global.console.result(answer, text: text(study))
    }

    private func text(_ study: SimulationStudy) -> String {
        var table = TextTable([
            "", "planned", "median", "5–95 %", "cost", "5–95 %", "in time", "in budget", "reclaims", "succeeded",
        ])
        for scenario in study.scenarios {
            let found = scenario.statistics
            let (time, cost) = (found.makespanSeconds, found.cost)
            table.add([
                scenario.name, scenario.plannedSeconds.map { Units.formatSeconds($0) } ?? "–",
                Units.formatSeconds(time.median), "\(Units.formatSeconds(time.p5))–\(Units.formatSeconds(time.p95))",
                Units.formatPrice(cost.median), "\(Units.formatPrice(cost.p5))–\(Units.formatPrice(cost.p95))",
                found.withinDeadline.map { Units.formatPercent($0) } ?? "–",
                found.withinBudget.map { Units.formatPercent($0) } ?? "–", Units.format(found.reclaims, digits: 1),
                Units.formatPercent(found.succeeded),
            ])
        }
        let names = study.jobs.joined(separator: ", ")
        var lines = ["\(names): \(Units.count(study.scenarios[0].statistics.runs, "run")) each", "", table.text]
        for scenario in study.scenarios {
            for other in scenario.differences {
                // Only where there are several what-ifs need it be said what is compared with what.
                let names = study.scenarios.count > 2 ? "\(scenario.name) against \(other.from)" : scenario.name
                lines.append(
                    "\(names): \(signed(other.longer, Units.formatSeconds)) and "
                        + signed(other.dearer, Units.formatPrice)
                        + (other.waits.map { "; tasks wait \(signed($0, Units.formatSeconds))" } ?? ""))
            }
        }
        for scenario in study.scenarios { lines += shares(scenario, isOnly: study.scenarios.count == 1) }
        return lines.joined(separator: "\n")
    }

    /// What became of each of several jobs, and what every tenant got.
    private func shares(_ scenario: SimulationStudy.Scenario, isOnly: Bool) -> [String] {
        guard let jobs = scenario.jobs, let tenants = scenario.tenants else { return [] }
        var table = TextTable(["job", "tenant", "comes at", "tasks wait", "takes", "5–95 %", "in time", "succeeded"])
        for job in jobs {
            let time = job.turnaroundSeconds
            table.add([
                job.job, job.tenant, Units.formatSeconds(job.arrivalSeconds),
                Units.formatSeconds(job.waitSeconds.median),
                Units.formatSeconds(time.median), "\(Units.formatSeconds(time.p5))–\(Units.formatSeconds(time.p95))",
                job.withinDeadline.map { Units.formatPercent($0) } ?? "–", Units.formatPercent(job.succeeded),
            ])
        }
        var parts = TextTable(["tenant", "weight", "of the use while all had work"])
        for tenant in tenants {
            parts.add([
                tenant.tenant, Units.format(tenant.weight, digits: 2),
                tenant.share.map { Units.formatPercent($0) } ?? "–",
            ])
        }
        return (isOnly ? [""] : ["", "\(scenario.name):"]) + [table.text, "", parts.text]
    }

    private func fit() throws {
        let found = try Calibration.evaluate(jobs[0], store: store.existing())
        do { try found.calibration.write(besideStore: store.store) } catch {
            throw Failure.work(
                "\(store.store)/calibration.json: cannot be written (\(error.localizedDescription)). Free some space.")
        }
        var table = TextTable(["run", "took", "foretold", "error", "its own times", "error", "uncalibrated", "error"])
        for run in found.heldOut {
            func cells(_ seconds: Double) -> [String] {
                [Units.formatSeconds(seconds), Units.formatPercent(abs(seconds / run.seconds - 1))]
            }
            table.add(
                [run.run, Units.formatSeconds(run.seconds)] + cells(run.calibrated) + cells(run.replayed)
                    + cells(run.uncalibrated))
        }
        let fitted = found.calibration
        var transfers = "none was recorded"
        if let known = fitted.transfers {
            let bandwidth = known.bytesPerSecond.map { "\(Units.formatBytes($0))/s" } ?? "no limit of bandwidth"
            transfers =
                "\(Units.formatSeconds(known.latencySeconds)), then \(bandwidth) (\(Units.count(known.count, "transfer")))"
        }
        let text = """
            fitted to \(Units.count(fitted.runs, "run")): start-up \(Units.formatSeconds(fitted.startUpSeconds)), \
            dispatch \(Units.formatSeconds(fitted.dispatchSeconds)) an attempt; transfers: \(transfers)

            each run foretold from the others; with its own times, its tasks are as long as they were:
            \(table.text)
            median error \(Units.formatPercent(found.medianError)), with its own times \
            \(Units.formatPercent(found.replayedMedianError)), uncalibrated \
            \(Units.formatPercent(found.uncalibratedMedianError))
            """
        try global.console.result(found, text: text)
    }

    private func draw(_ study: SimulationStudy, to path: String) throws {
        let report = RunReport(
            "\(study.jobs[0]), simulated", study.graphs[0], plan: nil, attempts: study.attempts,
            lives: study.lives)
        let isPage = path.hasSuffix(".html") || path.hasSuffix(".htm")
        let text = isPage ? report.page().html() : report.ganttChart().svg()
        try Console.write(Data(text.utf8), toFile: path)
    }

    private func signed(_ difference: PairedDifference, _ format: (Double) -> String) -> String {
        let sign = difference.mean < 0 ? "−" : "+"
        return "\(sign)\(format(abs(difference.mean))) (± \(format(difference.halfWidth)))"
    }
}

/// Times separated by commas, for instance `0,10m`.
struct Arrivals: ExpressibleByArgument {
    let seconds: [Double]

    init?(argument: String) {
        var seconds: [Double] = []
        for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
            guard let time = Units.parseSeconds(part.trimmingCharacters(in: .whitespaces)), time.isFinite else {
                return nil
            }
            seconds.append(time)
        }
        self.seconds = seconds
    }
}

/// A number from 0 to 3, or `recorded`.
struct Noise: ExpressibleByArgument {
    /// `nil` if it is as recorded.
    let deviation: Double?
    var defaultValueDescription: String { deviation.map { "\($0)" } ?? "recorded" }

    init(deviation: Double?) { self.deviation = deviation }

    init?(argument: String) {
        let value = Double(argument)
        guard argument == "recorded" || value.map({ 0...3 ~= $0 }) ?? false else { return nil }
        deviation = value
    }
}

extension SimulationStudy.WhatIf: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}
