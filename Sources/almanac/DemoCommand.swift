import Allocation
import ArgumentParser
import Execution
import Forecasting
import Foundation
import Learning
import Markets
import Plots
import Prediction
import Reports
import Scheduling
import Service
import Workloads

/// `almanac demo`: the whole loop once, on bundled data and this machine.
struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run the whole loop on bundled data: import, train, evaluate, forecast, plan, run, retrain.",
        discussion: """
            Learns from the recorded runs and the generated spot prices of the project's datasets folder, plans a job, \
            runs it on this machine with real processes, learns from the outcomes, runs a second job and shows how much \
            better that one was predicted. Writes report.html. Takes under a minute and no network.
            """)

    @Option(name: .long, help: "The project's datasets folder.")
    var datasets = "datasets"

    @Option(name: .long, help: "Where the store, the models, the runs and report.html go. Made anew.")
    var output = "almanac-demo"

    @OptionGroup var global: GlobalOptions

    /// What is printed with `--json`.
    private struct Summary: Encodable {
        let report: String
        let tasksRun: Int
        let errorBefore: [String: TaskEvaluation.Errors]
        let errorAfter: [String: TaskEvaluation.Errors]
        let seconds: Double
        enum CodingKeys: String, CodingKey {
            case report, seconds
            case tasksRun = "tasks_run"
            case errorBefore = "error_before"
            case errorAfter = "error_after"
        }
    }

    func run() throws {
        let console = global.console
        let start = ContinuousClock.now
        var options = TaskModelOptions()
        options.threads = global.threads
        var demo = try Demo(
            datasets: datasets, output: output, options: options, seed: global.seed, version: Almanac.version)

        console.line("1. import")
        try demo.importData()
        console.line("   \(demo.imported.runs) recorded runs, \(demo.imported.prices) generated spot prices")

        console.line("2. train, and evaluate on runs that no model saw")
        try demo.train()
        var errors = TextTable(["", "median", "linear", "log-log", "forest", "almanac", "90 % holds"])
        for evaluation in demo.evaluations {
            let shown: [TaskModel.Candidate] = [.median, .linear, .logLog, .forest]
            errors.add(
                [evaluation.target.rawValue]
                    + shown.map { Units.formatPercent(evaluation.candidates[$0]?.mdape ?? .nan) }
                    + [Units.formatPercent(evaluation.chosen.mdape), Units.formatPercent(evaluation.coverage90)])
        }
        console.line(indented(errors.text))

        console.line("3. forecast the spot price")
        try demo.forecastPrices()
        guard let market = demo.market, let forecast = demo.forecast else { return }
        let ratios = zip(PriceModel.judgedHours, demo.errorRatios).map { "\($0) h \(String(format: "%.2f", $1))" }
        console.line(
            "   \(market.market.instanceType) in \(market.market.zone): \(Units.formatPrice(market.lastPrice)) now, "
                + "\(Units.formatPrice(forecast.mean[23])) expected in 24 h, 95 % between "
                + "\(Units.formatPrice(forecast.intervals[1].lower[23])) and \(Units.formatPrice(forecast.intervals[1].upper[23]))"
        )
        console.line(
            "   held-out error against the naive forecast (below 1 is better): \(ratios.joined(separator: ", "))")

        console.line("4. plan a job that was never run")
        try demo.plan()
        guard let graph = demo.graph, let poolPlan = demo.poolPlan, let localPlan = demo.localPlan else { return }
        console.line(
            "   on the pool: \(Units.formatSeconds(poolPlan.makespanSeconds)) for \(Units.formatPrice(poolPlan.cost)) on "
                + "\(poolPlan.instances.count) instances; on this machine: \(Units.formatSeconds(localPlan.makespanSeconds))"
        )

        console.line("5. run it here, log every attempt")
        try tell(graph.count, console, { try demo.runFirst(advance: $0) }, { demo.outcomes })

        console.line("6. retrain on the outcomes")
        try demo.retrain()
        for result in demo.retrainings { console.line("   \(result.target.rawValue): \(result.reason)") }

        console.line("7. run a second job, predicted by the models before and after")
        try tell(graph.count, console, { try demo.runSecond(advance: $0) }, { demo.secondOutcomes })
        for (old, new) in zip(demo.before, demo.after) {
            console.line(
                "   \(old.target.rawValue): MdAPE \(Units.formatPercent(old.chosen.mdape)) before, \(Units.formatPercent(new.chosen.mdape)) after; "
                    + "WAPE \(Units.formatPercent(old.chosen.wape)) before, \(Units.formatPercent(new.chosen.wape)) after"
            )
        }

        let report = DemoReport(
            evaluations: demo.evaluations, market: market, history: demo.history, forecast: forecast,
            errorRatios: demo.errorRatios, poolPlan: poolPlan, localPlan: localPlan, graph: graph,
            outcomes: demo.outcomes, retrainings: demo.retrainings, before: demo.before, after: demo.after)
        let page = "\(output)/report.html"
        try Data(report.page().html().utf8).write(to: URL(fileURLWithPath: page), options: .atomic)
        try Data(report.ganttChart().svg().utf8).write(to: URL(fileURLWithPath: "\(output)/gantt.svg"))
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        func chosen(_ evaluations: [TaskEvaluation]) -> [String: TaskEvaluation.Errors] {
            Dictionary(uniqueKeysWithValues: evaluations.map { ($0.target.rawValue, $0.chosen) })
        }
        try console.result(
            Summary(
                report: page, tasksRun: demo.outcomes.count + demo.secondOutcomes.count,
                errorBefore: chosen(demo.before), errorAfter: chosen(demo.after), seconds: seconds),
            text: "Done in \(Units.formatSeconds(seconds)). Open \(page)")
    }

    /// Shows how far a run is, and what became of it.
    private func tell(
        _ count: Int, _ console: Console, _ run: (@escaping @Sendable (Int) -> Void) throws -> RunResult,
        _ outcomes: () -> [AttemptRecord]
    ) throws {
        let bar = console.progress("   running", total: count)
        let result = try run { bar.advance(by: $0) }
        bar.finish()
        if result.ending == .cancelled { throw Failure.interrupted("The demo was stopped.") }
        console.line(
            "   \(result.finished) tasks in \(Units.formatSeconds(result.elapsedSeconds)), "
                + "\(Units.formatSeconds(outcomes().reduce(0) { $0 + ($1.cpuSeconds ?? 0) })) of CPU time")
    }

    private func indented(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { "   \($0)" }.joined(separator: "\n")
    }
}
