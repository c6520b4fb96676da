internal import Foundation
internal import LinearAlgebra
public import Prediction
public import Traces
public import Workloads

/// What to request for each task type: memory, time and processors, how risky that is, and what it would have saved.
///
///     let requests = try ResourceRequests(store.executions(), models: ModelSet(folder: "models"))
///     print(NextflowConfiguration(requests).text)
public struct ResourceRequests: Sendable, Encodable {
    /// The request of one task type.
    public struct Request: Sendable, Hashable, Encodable {
        public let taskType: String
        /// The recorded successful attempts behind it; 0 for a type that was never seen.
        public let runs: Int
        /// Memory of the first attempt in bytes; `nil` if no run recorded any.
        public let memoryBytes: Double?
        /// The probability, by the model, that the first attempt needs more.
        public let memoryRisk: Double?
        /// Time limit of the first attempt in seconds; `nil` if no run recorded any.
        public let seconds: Double?
        /// The probability, by the model, that the first attempt needs more.
        public let timeRisk: Double?
        /// Processors; `nil` if neither they nor CPU times were recorded.
        public let cpus: Int?
        /// Median and greatest peak memory of the recorded runs.
        public let medianMemoryBytes: Double?
        public let greatestMemoryBytes: Double?
        /// Median and greatest run time of the recorded runs.
        public let medianSeconds: Double?
        public let greatestSeconds: Double?
        /// What the newest recorded run had requested.
        public let currentMemoryBytes: Double?
        public let currentSeconds: Double?
        public let currentCPUs: Double?
        /// How the runs were spread over nodes, where Slurm's accounting says so.
        public let layout: SlurmLayout?

        enum CodingKeys: String, CodingKey {
            case runs, cpus, seconds, layout
            case taskType = "task_type"
            case memoryBytes = "memory_bytes"
            case memoryRisk = "memory_risk"
            case timeRisk = "time_risk"
            case medianMemoryBytes = "median_memory_bytes"
            case greatestMemoryBytes = "greatest_memory_bytes"
            case medianSeconds = "median_seconds"
            case greatestSeconds = "greatest_seconds"
            case currentMemoryBytes = "current_memory_bytes"
            case currentSeconds = "current_seconds"
            case currentCPUs = "current_cpus"
        }
    }

    public let options: RequestOptions
    /// By task type.
    public let requests: [Request]
    /// How requests made in the same way would have fared; `nil` where no type has ten runs.
    public let check: RequestCheck?

    /// Requests for every type of a trace, or for the types of a job.
    ///
    /// - Parameters:
    ///   - table: What was recorded: the tasks whose needs are predicted, and what they requested.
    ///   - models: Of run time and memory; those that are missing are fitted to the table.
    ///   - job: Predict these tasks instead of the recorded ones.
    /// - Throws: `PredictionError.noRows` if no run recorded its time.
    public init(
        _ table: ExecutionTable, models: ModelSet = ModelSet(), job: TaskGraph? = nil,
        options: RequestOptions = .init(), modelOptions: TaskModelOptions = .init(), seed: UInt64 = 1
    ) throws {
        self.options = options
        let times = try RunHistory(table, target: .runtime)
        let memory = try? RunHistory(table, target: .peakMemory)
        let runtimeModel = try models.runtime ?? TaskModel.fit(times.samples, options: modelOptions, seed: seed)
        let memoryModel =
            try models.memory
            ?? memory.map {
                try TaskModel.fit($0.samples, options: modelOptions, seed: seed)
            }
        let timeRows = Dictionary(uniqueKeysWithValues: times.rowsByType.map { ($0.type, $0.rows) })
        let memoryRows = Dictionary(uniqueKeysWithValues: (memory?.rowsByType ?? []).map { ($0.type, $0.rows) })
        let jobTasks = Dictionary(grouping: job?.tasks ?? [], by: \.type)
        let types = job == nil ? Set(timeRows.keys).union(memoryRows.keys) : Set(jobTasks.keys)
        requests = types.sorted().map { type in
            let timed = (timeRows[type] ?? []).map { times.records[$0] }
            let sized = (memoryRows[type] ?? []).compactMap { row in memory?.records[row] }
            let tasks = jobTasks[type] ?? []
            let timeDemand = TypeDemand(
                runtimeModel, type: type, recorded: times, rows: timeRows[type] ?? [], tasks: tasks)
            let request = memoryModel.flatMap { Self.memoryRequest($0, type, sized, tasks, options) }
            return Self.request(type, timed, sized, timeDemand, request, options)
        }
        check = try memory.flatMap {
            try RequestCheck($0, options: options, modelOptions: modelOptions, seed: seed)
        }
    }

    /// One request for all tasks of a type. Where a job says how large their inputs are and the peaks follow these, the
    /// largest task decides; else the recorded runs do.
    static func memoryRequest(
        _ model: TaskModel, _ type: String, _ recorded: [ExecutionRecord], _ tasks: [TaskSpec],
        _ options: RequestOptions
    ) -> (bytes: Double, risk: Double)? {
        let followed = tasks.compactMap { task in
            model.memoryRequest(type: type, features: TaskFeatures.values(of: task, names: model.featureNames))
        }.filter(\.followsSize)
        if !tasks.isEmpty, followed.count == tasks.count, let most = followed.max(by: { $0.bytes < $1.bytes }) {
            return (options.written(most.bytes), most.failureShare)
        }
        if let request = MemorySizer.constantRequest(
            peaks: recorded.compactMap(\.peakMemoryBytes), seconds: recorded.map { $0.runtimeSeconds ?? .nan },
            options: options.sizing)
        {
            return (options.written(request.bytes), request.failureShare)
        }
        guard !tasks.isEmpty else { return nil }
        let bytes = options.written(model.quantile(type: type, features: unknown(model), 1 - options.memoryRisk))
        return bytes.isFinite ? (bytes, options.memoryRisk) : nil
    }

    private static func unknown(_ model: TaskModel) -> [Double] { model.featureNames.map { _ in .nan } }

    private static func request(
        _ type: String, _ timed: [ExecutionRecord], _ sized: [ExecutionRecord], _ time: TypeDemand,
        _ memory: (bytes: Double, risk: Double)?, _ options: RequestOptions
    ) -> Request {
        let seconds = time.isEmpty ? nil : time.timeRequest(options)
        let peaks = sized.compactMap(\.peakMemoryBytes)
        let runtimes = timed.compactMap(\.runtimeSeconds)
        return Request(
            taskType: type, runs: max(timed.count, sized.count), memoryBytes: memory?.bytes,
            memoryRisk: memory?.risk, seconds: seconds, timeRisk: seconds.map { time.risk($0) },
            cpus: processors(timed), medianMemoryBytes: peaks.isEmpty ? nil : median(peaks),
            greatestMemoryBytes: peaks.max(), medianSeconds: runtimes.isEmpty ? nil : median(runtimes),
            greatestSeconds: runtimes.max(),
            currentMemoryBytes: timed.last { $0.requestedMemoryBytes != nil }?
                .requestedMemoryBytes,
            currentSeconds: timed.last { $0.requestedSeconds != nil }?.requestedSeconds,
            currentCPUs: timed.last { $0.cpus != nil }?.cpus, layout: SlurmLayout(timed))
    }

    /// As many as 95 % of the runs kept busy, rounded up; never more than were reserved.
    private static func processors(_ records: [ExecutionRecord]) -> Int? {
        let busy = records.compactMap { record -> Double? in
            guard let cpu = record.cpuSeconds, let wall = record.runtimeSeconds, wall > 0 else { return nil }
            return cpu / wall
        }
        let reserved = records.last { $0.cpus != nil }?.cpus
        guard !busy.isEmpty else { return reserved.flatMap { Int(exactly: $0.rounded(.up)) } }
        // A tenth of a processor is noise.
        let used = max(1, (quantile(busy, 0.95) - 0.1).rounded(.up))
        return Int(exactly: min(used, reserved.map { max(1, $0.rounded(.up)) } ?? used))
    }
}
