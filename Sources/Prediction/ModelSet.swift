internal import Forecasting
internal import Foundation
internal import Markets
internal import ModelFiles
public import Scheduling
internal import Workloads

/// The models of one folder: what `almanac train` wrote there, and what a plan needs.
public struct ModelSet: Sendable {
    public var runtime: TaskModel?
    public var memory: TaskModel?
    public var output: TaskModel?
    public var prices: PriceModel?
    /// Forests from elsewhere, where they take the place of our own models.
    public var imported: [TaskTarget: ImportedTaskModel] = [:]

    /// Whether any model says how long tasks take.
    public var knowsRuntime: Bool { runtime != nil || imported[.runtime] != nil }

    /// The names of the files in a folder of models.
    public enum FileName {
        public static let runtime = "runtime.safetensors"
        public static let memory = "memory.safetensors"
        public static let output = "output.safetensors"
        public static let prices = "prices.safetensors"

        /// The file of a task model.
        public static func of(_ target: TaskTarget) -> String {
            switch target {
            case .runtime: runtime
            case .peakMemory: memory
            case .outputSize: output
            }
        }
    }

    public init(
        runtime: TaskModel? = nil, memory: TaskModel? = nil, output: TaskModel? = nil, prices: PriceModel? = nil
    ) {
        (self.runtime, self.memory, self.output, self.prices) = (runtime, memory, output, prices)
    }

    /// Reads whichever models the folder holds.
    ///
    /// - Throws: ``PredictionError/noModels(_:)`` if it holds none, `ModelFileError` if one cannot be read.
    public init(folder: String) throws {
        func path(_ name: String) -> String? {
            let path = (folder as NSString).appendingPathComponent(name)
            return FileManager.default.fileExists(atPath: path) ? path : nil
        }
        for target in TaskTarget.allCases {
            guard let path = path(FileName.of(target)) else { continue }
            let file = try ModelFile(contentsOf: path)
            if let model = try ImportedTaskModel(file, path: path, target: target) {
                imported[target] = model
                continue
            }
            let model = try TaskModel(contentsOf: path, target: target)
            switch target {
            case .runtime: runtime = model
            case .peakMemory: memory = model
            case .outputSize: output = model
            }
        }
        prices = try path(FileName.prices).map { try PriceModel(contentsOf: $0) }
        guard runtime != nil || memory != nil || output != nil || prices != nil || !imported.isEmpty else {
            throw PredictionError.noModels(folder)
        }
    }

    /// What a scheduler needs to know, from these models.
    ///
    /// A task whose type the run-time model has never seen keeps its recorded time if it has one. Without a run-time
    /// model all times are recorded ones. Spot prices are forecast by the hour where the market is known, else those
    /// that the pool lists. Tasks that ask for no memory get the request of least expected wastage.
    ///
    /// - Parameters:
    ///   - startTime: When the plan starts, in Unix seconds; `nil` is the end of the price history.
    ///   - machine: The machine that will run all tasks, if it is one.
    ///   - unknownSeconds: The time of a task of which nothing is known.
    public func costModel(
        startTime: Double? = nil, machine: String? = nil, unknownSeconds: Double = 1
    ) -> CostModel {
        let (runtime, memory, prices, imported) = (runtime, memory, prices, imported)
        // Time a plan could ever span, once per market; a forecast is dear, the planner asks a thousand times.
        let forecasts = PriceForecasts(prices)
        @Sendable func usesRecordedTime(_ task: TaskSpec) -> Bool {
            guard let runtime else { return true }
            return task.recordedSeconds != nil && runtime.choice(for: task.type) == nil
        }
        @Sendable func peak(_ task: TaskSpec, _ p: Double) -> Double {
            if let model = imported[.peakMemory] {
                return max(task.request.memoryBytes, model.predict(task, quantile: p))
            }
            guard let memory, memory.choice(for: task.type) != nil else {
                return max(task.request.memoryBytes, task.recordedPeakMemoryBytes ?? 0)
            }
            return memory.quantile(
                type: task.type, features: TaskFeatures.values(of: task, names: memory.featureNames), p)
        }
        return CostModel(
            expectedSeconds: { task, type in
                if let model = imported[.runtime] { return model.predict(task) / type.speed }
                guard let runtime, !usesRecordedTime(task) else {
                    return (task.recordedSeconds ?? unknownSeconds) / type.speed
                }
                let features = TaskFeatures.values(of: task, names: runtime.featureNames)
                return runtime.predict(type: task.type, features: features, machine: machine).value / type.speed
            },
            quantileSeconds: { task, type, p in
                if let model = imported[.runtime] { return model.predict(task, quantile: p) / type.speed }
                guard let runtime, !usesRecordedTime(task) else {
                    return (task.recordedSeconds ?? unknownSeconds) / type.speed
                }
                let features = TaskFeatures.values(of: task, names: runtime.featureNames)
                return runtime.quantile(type: task.type, features: features, machine: machine, p) / type.speed
            },
            peakMemoryBytes: peak,
            memoryRequestBytes: { task in
                guard imported[.peakMemory] == nil, let memory,
                    let request = memory.memoryRequest(
                        type: task.type, features: TaskFeatures.values(of: task, names: memory.featureNames))
                else { return peak(task, 0.95) }
                return request.bytes
            },
            price: { entry, seconds in
                let listed = entry.type.price(entry.purchase) ?? entry.type.onDemandPrice
                guard entry.purchase == .spot,
                    let forecast = forecasts.price(entry.type.name, entry.zone, startTime: startTime, seconds: seconds)
                else { return listed }
                return Price(perHour: forecast)
            })
    }
}

/// The hourly forecasts of all markets, made once.
private struct PriceForecasts: Sendable {
    private struct Series: Sendable {
        let lastTime: Double
        let lastPrice: Double
        let hours: [Double]
    }
    private var series: [String: Series] = [:]

    /// Later hours cost what the last of them does.
    private static let horizon = PriceModel.horizonHours

    init(_ model: PriceModel?) {
        guard let model else { return }
        for type in Set(model.markets.map(\.market.instanceType)) {
            for zone in [nil]
                + model.markets.filter({ $0.market.instanceType == type }).map({ Optional($0.market.zone) })
            {
                guard let market = model.market(instanceType: type, zone: zone),
                    let forecast = try? model.forecast(market.market, hours: Self.horizon, levels: [])
                else { continue }
                series[Self.key(type, zone)] = Series(
                    lastTime: market.lastTime, lastPrice: market.lastPrice,
                    hours: forecast.mean.map { max(0, $0) })
            }
        }
    }

    private static func key(_ type: String, _ zone: String?) -> String { "\(type) \(zone ?? "")" }

    func price(_ type: String, _ zone: String?, startTime: Double?, seconds: Double) -> Double? {
        guard let series = series[Self.key(type, zone)] ?? series[Self.key(type, nil)] else { return nil }
        let hours = (((startTime ?? series.lastTime) - series.lastTime + seconds) / 3600).rounded(.down)
        if hours < 1 { return series.lastPrice }
        return series.hours[min(series.hours.count - 1, Int(min(hours, 1e6)) - 1)]
    }
}
