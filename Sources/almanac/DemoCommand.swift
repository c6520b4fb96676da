import Allocation
import ArgumentParser
import Execution
import Forecasting
import Foundation
import JobFiles
import Learning
import Markets
import Plots
import Prediction
import Reading
import Reports
import Scheduling
import Store
import Traces
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
        let marker = "\(output)/.almanac-demo"
        let jobPath = "\(datasets)/executions/jobs/demo.yaml"
        guard FileManager.default.fileExists(atPath: jobPath) else {
            throw Failure.input(
                "\(jobPath): not found. Run this in the project's folder, or name its datasets folder with --datasets.")
        }
        if FileManager.default.fileExists(atPath: output) {
            guard FileManager.default.fileExists(atPath: marker) else {
                throw Failure.input("\(output): exists and is no earlier demo. Name another folder with --output.")
            }
            try FileManager.default.removeItem(atPath: output)
        }
        try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        try Data().write(to: URL(fileURLWithPath: marker))

        console.line("1. import")
        let store = try TraceStore(folder: "\(output)/store")
        let recorded = try store.importFile("\(datasets)/executions/recorded.csv")
        let priceFolder = "\(datasets)/markets/prices"
        var pricesStored = 0
        for file in try FileManager.default.contentsOfDirectory(atPath: priceFolder).sorted() {
            pricesStored += try store.importFile("\(priceFolder)/\(file)").rowsStored
        }
        console.line("   \(recorded.rowsStored) recorded runs, \(pricesStored) generated spot prices")

        console.line("2. train, and evaluate on runs that no model saw")
        var options = TaskModelOptions()
        options.threads = global.threads
        let training = Training(
            folder: "\(output)/models", options: options, seed: global.seed, version: Almanac.version)
        let table = try store.executions()
        let trained = try TaskTarget.allCases.map { try training.train($0, on: table) }
        let evaluations = trained.compactMap(\.heldOut).filter { $0.target != .outputSize }
        var errors = TextTable(["", "median", "linear", "log-log", "forest", "almanac", "90 % holds"])
        for evaluation in evaluations {
            let shown: [TaskModel.Candidate] = [.median, .linear, .logLog, .forest]
            errors.add(
                [evaluation.target.rawValue]
                    + shown.map { Units.formatPercent(evaluation.candidates[$0]?.mdape ?? .nan) }
                    + [Units.formatPercent(evaluation.chosen.mdape), Units.formatPercent(evaluation.coverage90)])
        }
        console.line(indented(errors.text))

        console.line("3. forecast the spot price")
        let prices = try store.spotPrices(product: SpotMarket.linux)
        let (_, priceModel) = try training.trainPrices(on: prices)
        // The liveliest market: many never change at all.
        let changes = { (market: PriceModel.Market) in prices[market.market]?.changeCount ?? 0 }
        guard let market = priceModel.markets.max(by: { changes($0) < changes($1) }) else {
            throw Failure.input("\(priceFolder): holds no Linux prices.")
        }
        let forecast = try priceModel.forecast(market.market, hours: 48)
        let history = prices[market.market]?.hourly() ?? (start: 0, prices: [])
        let shownHours = min(history.prices.count, 240)
        let ratios = zip(PriceModel.judgedHours, priceModel.errorRatios).map { "\($0) h \(String(format: "%.2f", $1))" }
        console.line(
            "   \(market.market.instanceType) in \(market.market.zone): \(Units.formatPrice(market.lastPrice)) now, "
                + "\(Units.formatPrice(forecast.mean[23])) expected in 24 h, 95 % between "
                + "\(Units.formatPrice(forecast.intervals[1].lower[23])) and \(Units.formatPrice(forecast.intervals[1].upper[23]))"
        )
        console.line(
            "   held-out error against the naive forecast (below 1 is better): \(ratios.joined(separator: ", "))")

        console.line("4. plan a job that was never run")
        let first = try JobFile.read(jobPath)
        let models = try ModelSet(folder: training.folder)
        let graph = try models.fillingSizes(of: first.tasks)
        let pool = first.pool ?? ResourcePool(entries: [])
        let poolPlan = try Planner(graph, on: pool, costs: models.costModel(for: graph, on: pool)).plan(Goal(.balanced))
        let here = ResourcePool(entries: [.init(type: .thisMachine())])
        let localCosts = try models.costModel(for: graph, on: here, host: InstanceType.hostName)
        let localPlan = try Planner(graph, on: here, costs: localCosts).plan(Goal(.time))
        console.line(
            "   on the pool: \(Units.formatSeconds(poolPlan.makespanSeconds)) for \(Units.formatPrice(poolPlan.cost)) on "
                + "\(poolPlan.instances.count) instances; on this machine: \(Units.formatSeconds(localPlan.makespanSeconds))"
        )

        console.line("5. run it here, log every attempt")
        let outcomes = try run(graph, name: "demo-1", store, console)

        console.line("6. retrain on the outcomes")
        let retrained = try store.executions()
        let retrainings = try [TaskTarget.runtime, .peakMemory].map {
            try Retraining.run($0, training: training, on: retrained)
        }
        for result in retrainings { console.line("   \(result.target.rawValue): \(result.reason)") }

        console.line("7. run a second job, predicted by the models before and after")
        let text = try String(contentsOfFile: jobPath, encoding: .utf8)
            .replacingOccurrences(of: "[3, 6, 12, 24]", with: "[4, 8, 16, 28]")
        let second = try JobFile.parse(text, file: jobPath)
        let newOutcomes = try run(second.tasks, name: "demo-2", store, console)
        let judged = ExecutionTable(newOutcomes)
        let newModels = try ModelSet(folder: training.folder)
        func judge(_ model: TaskModel?) throws -> TaskEvaluation? {
            try model.map {
                try TaskEvaluation($0, test: TaskSamples(judged, target: $0.target), workflow: "second run")
            }
        }
        let before = try [models.runtime, models.memory].compactMap(judge)
        let after = try [newModels.runtime, newModels.memory].compactMap(judge)
        for (old, new) in zip(before, after) {
            console.line(
                "   \(old.target.rawValue): MdAPE \(Units.formatPercent(old.chosen.mdape)) before, \(Units.formatPercent(new.chosen.mdape)) after; "
                    + "WAPE \(Units.formatPercent(old.chosen.wape)) before, \(Units.formatPercent(new.chosen.wape)) after"
            )
        }

        let report = DemoReport(
            evaluations: evaluations, market: market,
            history: (
                times: (0..<shownHours).map { history.start + 3600 * Double(history.prices.count - shownHours + $0) },
                prices: Array(history.prices.suffix(shownHours))
            ), forecast: forecast, errorRatios: priceModel.errorRatios, poolPlan: poolPlan, localPlan: localPlan,
            graph: graph, outcomes: outcomes,
            retrainings: retrainings, before: before, after: after)
        let page = "\(output)/report.html"
        try Data(report.page().html().utf8).write(to: URL(fileURLWithPath: page), options: .atomic)
        try Data(report.ganttChart().svg().utf8).write(to: URL(fileURLWithPath: "\(output)/gantt.svg"))
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        try console.result(
            Summary(
                report: page, tasksRun: outcomes.count + newOutcomes.count,
                errorBefore: Dictionary(uniqueKeysWithValues: before.map { ($0.target.rawValue, $0.chosen) }),
                errorAfter: Dictionary(uniqueKeysWithValues: after.map { ($0.target.rawValue, $0.chosen) }),
                seconds: seconds),
            text: "Done in \(Units.formatSeconds(seconds)). Open \(page)")
    }

    /// Runs a job on this machine, one processor per task, and logs its outcomes.
    private func run(_ graph: TaskGraph, name: String, _ store: TraceStore, _ console: Console) throws
        -> [AttemptRecord]
    {
        let folder = "\(output)/work/\(name)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var options = ExecutorOptions(runFolder: "\(output)/runs/\(name)", workingFolder: folder, workflow: "demo")
        options.job = name
        let collected = OutcomeList()
        let bar = console.progress("   running", total: graph.count)
        let result = try LocalExecutor(graph, options: options, lives: { try store.append($0) }) { outcomes in
            try store.append(outcomes)
            collected.add(outcomes)
            bar.advance(by: outcomes.count)
        }.run()
        bar.finish()
        switch result.ending {
        case .succeeded: break
        case .cancelled: throw Failure.interrupted("The demo was stopped.")
        case .failed, .infeasible:
            throw Failure.work("\(result.failed.count) tasks of the demo failed; see \(output)/runs/\(name)/attempts.")
        }
        console.line(
            "   \(result.finished) tasks in \(Units.formatSeconds(result.elapsedSeconds)), "
                + "\(Units.formatSeconds(collected.all.reduce(0) { $0 + ($1.cpuSeconds ?? 0) })) of CPU time")
        return collected.all
    }

    private func indented(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { "   \($0)" }.joined(separator: "\n")
    }
}

/// Outcomes in the order in which they were reported.
private final class OutcomeList: @unchecked Sendable {
    private let lock = NSLock()
    private var outcomes: [AttemptRecord] = []
    func add(_ more: [AttemptRecord]) { lock.withLock { outcomes += more } }
    var all: [AttemptRecord] { lock.withLock { outcomes } }
}
