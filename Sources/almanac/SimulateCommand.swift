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
            """)

    @OptionGroup var input: JobOptions
    @OptionGroup var global: GlobalOptions

    @Option(name: .long, help: "How many runs.")
    var runs = 200

    @Option(name: .long, help: "Standard deviation of the logarithm of times that the job claims.")
    var noise = 0.0

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
        name: .long,
        help: "What happens to spot instances: a file of recorded prices or availability, or 'generated'.")
    var market: String?

    @Flag(name: .long, help: "Take spot instances back without notice; else two minutes before.")
    var noNotice = false

    @Flag(
        name: .long,
        help: ArgumentHelp(
            "Fit start-up and dispatch to the recorded runs of the job, print how well held-out runs are foretold, and keep "
                + "them beside the store for 'simulate'."))
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
        guard 0...3 ~= noise else { throw ValidationError("--noise is \(noise), expected 0 to 3.") }
        for (name, value) in [("reclaims", reclaims ?? 0), ("refusals", refusals), ("failures", failures)] {
            guard 0...0.999 ~= value else { throw ValidationError("--\(name) is \(value), expected 0 to 0.999.") }
        }
    }

    private struct Answer: Encodable {
        var job: String
        var scenarios: [SimulationStudy.Scenario]
    }

    func run() throws {
        if calibrate { return try fit() }
        var question = SimulationStudy.Question(job: input.job, models: input.models)
        (question.runs, question.seed, question.threads) = (runs, global.seed, global.threads)
        question.assumptions.noise = noise
        question.assumptions.reclaimsPerHour = reclaims
        (question.assumptions.refusals, question.assumptions.failures) = (refusals, failures)
        question.assumptions.startUpSeconds = startUp.seconds
        if let known = Calibration(besideStore: store.store) {
            question.assumptions.dispatchSeconds = known.dispatchSeconds
        }
        (question.assumptions.pool, question.assumptions.market) = (pool, market)
        if noNotice { question.assumptions.noticeSeconds = 0 }
        question.wantsHistory = trace != nil || gantt != nil
        question.whatIfs = whatIf
        let study = try SimulationStudy(question) { global.console.remark($0) }
        if let trace { try ExecutionTable(study.attempts).writeCSV(to: trace) }
        if let gantt { try draw(study, to: gantt) }
        try global.console.result(Answer(job: study.job, scenarios: study.scenarios), text: text(study))
    }

    private func text(_ study: SimulationStudy) -> String {
        var table = TextTable([
            "", "planned", "median", "5–95 %", "cost", "5–95 %", "in time", "in budget", "reclaims", "succeeded",
        ])
        for scenario in study.scenarios {
            let found = scenario.statistics
            let (time, cost) = (found.makespanSeconds, found.cost)
            table.add([
                scenario.name, Units.formatSeconds(scenario.plannedSeconds),
                Units.formatSeconds(time.median), "\(Units.formatSeconds(time.p5))–\(Units.formatSeconds(time.p95))",
                Units.formatPrice(cost.median), "\(Units.formatPrice(cost.p5))–\(Units.formatPrice(cost.p95))",
                found.withinDeadline.map { Units.formatPercent($0) } ?? "–",
                found.withinBudget.map { Units.formatPercent($0) } ?? "–", Units.format(found.reclaims, digits: 1),
                Units.formatPercent(found.succeeded),
            ])
        }
        var lines = ["\(study.job): \(Units.count(study.scenarios[0].statistics.runs, "run")) each", "", table.text]
        for scenario in study.scenarios {
            for other in scenario.differences {
                // Only where there are several what-ifs need it be said what is compared with what.
                let names = study.scenarios.count > 2 ? "\(scenario.name) against \(other.from)" : scenario.name
                lines.append(
                    "\(names): \(signed(other.longer, Units.formatSeconds)) and "
                        + signed(other.dearer, Units.formatPrice))
            }
        }
        return lines.joined(separator: "\n")
    }

    private func fit() throws {
        let found = try Calibration.evaluate(input.job, store: store.existing())
        try found.calibration.write(besideStore: store.store)
        var table = TextTable(["held-out run", "took", "calibrated", "error", "uncalibrated", "error"])
        for run in found.heldOut {
            table.add([
                run.run, Units.formatSeconds(run.seconds), Units.formatSeconds(run.calibrated),
                Units.formatPercent(abs(run.calibrated / run.seconds - 1)), Units.formatSeconds(run.uncalibrated),
                Units.formatPercent(abs(run.uncalibrated / run.seconds - 1)),
            ])
        }
        let fitted = found.calibration
        let text = """
            fitted to \(Units.count(fitted.runs, "run")): start-up \(Units.formatSeconds(fitted.startUpSeconds)), \
            dispatch \(Units.formatSeconds(fitted.dispatchSeconds)) an attempt

            \(table.text)
            median error \(Units.formatPercent(found.medianError)), \
            uncalibrated \(Units.formatPercent(found.uncalibratedMedianError))
            """
        try global.console.result(found, text: text)
    }

    private func draw(_ study: SimulationStudy, to path: String) throws {
        let report = RunReport("\(study.job), simulated", study.graph, plan: nil, attempts: study.attempts, lives: [])
        let isPage = path.hasSuffix(".html") || path.hasSuffix(".htm")
        let text = isPage ? report.page().html() : report.ganttChart().svg()
        do { try text.write(toFile: path, atomically: true, encoding: .utf8) } catch {
            throw Failure.input("\(path): it cannot be written (\(error.localizedDescription)). Name another file.")
        }
    }

    private func signed(_ difference: PairedDifference, _ format: (Double) -> String) -> String {
        let sign = difference.mean < 0 ? "−" : "+"
        return "\(sign)\(format(abs(difference.mean))) (± \(format(difference.halfWidth)))"
    }
}

extension SimulationStudy.WhatIf: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}
