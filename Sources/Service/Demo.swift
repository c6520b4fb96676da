internal import Allocation
public import Execution
public import Forecasting
internal import Foundation
internal import JobFiles
public import Learning
internal import LocalExecution
internal import Markets
public import Prediction
internal import Reading
public import Scheduling
internal import Store
internal import Synchronization
internal import Traces
public import Workloads

/// The whole loop once, on the project's data and this machine, one step after the other; what each finds is kept.
///
///     var demo = try Demo(datasets: "datasets", output: "almanac-demo", options: TaskModelOptions(), seed: 1, version: "1")
///     try demo.importData(); try demo.train(); …
public struct Demo {
    /// Rows that were imported.
    public private(set) var imported = (runs: 0, prices: 0)
    /// How the recorded runs are predicted, each by models that did not see it.
    public private(set) var evaluations: [TaskEvaluation] = []
    /// The liveliest market, its hourly history, and what is expected of its price.
    public private(set) var market: PriceModel.Market?
    public private(set) var history: (times: [Double], prices: [Double]) = ([], [])
    public private(set) var forecast: Forecast?
    /// Errors of the price model beside those of the naive forecast, by horizon.
    public private(set) var errorRatios: [Double] = []
    /// The job that was never run: its tasks, its plan on the pool and on this machine.
    public private(set) var graph: TaskGraph?
    public private(set) var poolPlan: Plan?
    public private(set) var localPlan: Plan?
    /// What the two runs logged.
    public private(set) var outcomes: [AttemptRecord] = []
    public private(set) var secondOutcomes: [AttemptRecord] = []
    /// What retraining on the first run brought.
    public private(set) var retrainings: [Retraining] = []
    /// How the second run was predicted, by the models before and after.
    public private(set) var before: [TaskEvaluation] = []
    public private(set) var after: [TaskEvaluation] = []

    private let datasets: String
    private let output: String
    private let training: Training
    private let store: TraceStore
    private var models = ModelSet()
    private let jobPath: String

    /// Makes the output folder anew; one that is no earlier demo is left alone.
    ///
    /// - Throws: ``ServiceError/input(_:)`` without the data, or for such a folder; what the disk says.
    public init(datasets: String, output: String, options: TaskModelOptions, seed: UInt64, version: String) throws {
        (self.datasets, self.output) = (datasets, output)
        jobPath = "\(datasets)/executions/jobs/demo.yaml"
        let (files, marker) = (FileManager.default, "\(output)/.almanac-demo")
        guard files.fileExists(atPath: jobPath) else {
            throw ServiceError.input(
                "\(jobPath): not found. Run this in the project's folder, or name its datasets folder with --datasets.")
        }
        if files.fileExists(atPath: output) {
            guard files.fileExists(atPath: marker) else {
                throw ServiceError.input("\(output): exists and is no earlier demo. Name another folder with --output.")
            }
            try files.removeItem(atPath: output)
        }
        try files.createDirectory(atPath: output, withIntermediateDirectories: true)
        try Data().write(to: URL(fileURLWithPath: marker))
        store = try TraceStore(folder: "\(output)/store")
        training = Training(folder: "\(output)/models", options: options, seed: seed, version: version)
    }

    /// Reads recorded runs and generated spot prices.
    public mutating func importData() throws {
        imported.runs = try store.importFile("\(datasets)/executions/recorded.csv").rowsStored
        let folder = "\(datasets)/markets/prices"
        for file in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
            imported.prices += try store.importFile("\(folder)/\(file)").rowsStored
        }
    }

    /// Trains models of run time, memory and output, and judges them by runs that they did not see.
    public mutating func train() throws {
        let table = try store.executions()
        let trained = try TaskTarget.allCases.map { try training.train($0, on: table) }
        evaluations = trained.compactMap(\.heldOut).filter { $0.target != .outputSize }
    }

    /// Forecasts the price of the liveliest market: many never change at all.
    public mutating func forecastPrices() throws {
        let prices = try store.spotPrices(product: SpotMarket.linux)
        let (_, model) = try training.trainPrices(on: prices)
        let changes = { (market: PriceModel.Market) in prices[market.market]?.changeCount ?? 0 }
        guard let market = model.markets.max(by: { changes($0) < changes($1) }) else {
            throw ServiceError.input("\(datasets)/markets/prices: holds no Linux prices.")
        }
        let hourly = prices[market.market]?.hourly() ?? (start: 0, prices: [])
        let shown = min(hourly.prices.count, 240)
        history.prices = Array(hourly.prices.suffix(shown))
        history.times = (0..<shown).map { hourly.start + 3600 * Double(hourly.prices.count - shown + $0) }
        (self.market, forecast) = (market, try model.forecast(market.market, hours: 48))
        errorRatios = model.errorRatios
    }

    /// Plans a job that was never run, on the pool of its file and on this machine.
    public mutating func plan() throws {
        let job = try JobFile.read(jobPath)
        models = try ModelSet(folder: training.folder)
        let graph = try models.fillingSizes(of: job.tasks)
        let pool = job.pool ?? ResourcePool(entries: [])
        poolPlan = try Planner(graph, on: pool, costs: models.costModel(for: graph, on: pool)).plan(Goal(.balanced))
        let here = ResourcePool(entries: [.init(type: .thisMachine())])
        let costs = try models.costModel(for: graph, on: here, host: InstanceType.hostName)
        localPlan = try Planner(graph, on: here, costs: costs).plan(Goal(.time))
        self.graph = graph
    }

    /// Runs that job on this machine and logs every attempt.
    ///
    /// - Parameter advance: Called with the number of attempts that ended.
    /// - Returns: How the run ended.
    public mutating func runFirst(advance: @escaping @Sendable (Int) -> Void) throws -> RunResult {
        let (result, logged) = try run(graph ?? TaskGraph([]), name: "demo-1", advance)
        outcomes = logged
        return result
    }

    /// Retrains on what was logged.
    public mutating func retrain() throws {
        let table = try store.executions()
        retrainings = try [TaskTarget.runtime, .peakMemory].map {
            try Retraining.run($0, training: training, on: table)
        }
    }

    /// Runs a second job of other sizes, and judges how the models before and after predicted it.
    public mutating func runSecond(advance: @escaping @Sendable (Int) -> Void) throws -> RunResult {
        let text = try String(contentsOfFile: jobPath, encoding: .utf8)
            .replacingOccurrences(of: "[3, 6, 12, 24]", with: "[4, 8, 16, 28]")
        let (result, logged) = try run(JobFile.parse(text, file: jobPath).tasks, name: "demo-2", advance)
        secondOutcomes = logged
        let table = ExecutionTable(logged)
        func judged(_ models: ModelSet) throws -> [TaskEvaluation] {
            try [models.runtime, models.memory].compactMap { model in
                try model.map {
                    try TaskEvaluation($0, test: TaskSamples(table, target: $0.target), workflow: "second run")
                }
            }
        }
        before = try judged(models)
        after = try judged(ModelSet(folder: training.folder))
        return result
    }

    /// One processor per task.
    private func run(
        _ graph: TaskGraph, name: String, _ advance: @escaping @Sendable (Int) -> Void
    ) throws -> (RunResult, [AttemptRecord]) {
        let folder = "\(output)/work/\(name)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var options = ExecutorOptions(runFolder: "\(output)/runs/\(name)", workingFolder: folder, workflow: "demo")
        options.job = name
        let (store, collected) = (store, Outcomes())
        let result = try LocalExecutor(graph, options: options, lives: { try store.append($0) }) { outcomes in
            try store.append(outcomes)
            collected.list.withLock { $0 += outcomes }
            advance(outcomes.count)
        }.run()
        guard result.ending != .failed, result.ending != .infeasible else {
            throw ServiceError.work(
                "\(result.failed.count) tasks of the demo failed; see \(output)/runs/\(name)/attempts.")
        }
        return (result, collected.list.withLock { $0 })
    }

    /// In the order in which they were reported.
    private final class Outcomes: Sendable { let list = Mutex<[AttemptRecord]>([]) }
}
