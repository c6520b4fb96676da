internal import Foundation
internal import LinearAlgebra
public import Prediction
public import Traces
public import Workloads

/// What to request for each task type: memory, time and processors, how risky that is, and what it would have saved.
///
/// A run that was killed for want of memory or time needed more than it had, and counts so. Where more were killed than
/// the risk allows, the need is not known, and the request says so.
///
///     let requests = try ResourceRequests(store.executions())
///     print(NextflowConfiguration(requests).text)
public struct ResourceRequests: Sendable, Encodable {
    public let options: RequestOptions
    /// By task type.
    public let requests: [Request]
    /// Attempts that say nothing of what tasks need, by the reason.
    public let leftOut: [String: Int]
    /// How requests made in the same way would have fared; `nil` where no type has ten runs.
    public let check: RequestCheck?

    enum CodingKeys: String, CodingKey {
        case options, requests, check
        case leftOut = "left_out"
    }

    /// Requests for every type of a trace, or for the types of a job.
    ///
    /// - Parameters:
    ///   - table: What was recorded.
    ///   - models: Of run time and memory, for the tasks of a job; those that are missing are fitted to the table.
    ///   - job: Predict these tasks instead of the recorded ones.
    /// - Throws: `PredictionError.noRows` if no run recorded its time or memory.
    public init(
        _ table: ExecutionTable, models: ModelSet = ModelSet(), job: TaskGraph? = nil,
        options: RequestOptions = .init(), modelOptions: TaskModelOptions = .init(), seed: UInt64 = 1
    ) throws {
        self.options = options
        let times = RunHistory(table, target: .runtime)
        let memory = RunHistory(table, target: .peakMemory)
        guard !times.runs.isEmpty || !memory.runs.isEmpty else { throw PredictionError.noRows(.runtime) }
        let jobTasks = Dictionary(grouping: job?.tasks ?? [], by: \.type)
        var demands: [TaskTarget: TaskModel] = [:]
        if job != nil {
            func model(_ given: TaskModel?, _ target: TaskTarget, _ history: RunHistory) throws -> TaskModel? {
                try given
                    ?? (history.runs.isEmpty
                        ? nil
                        : TaskModel.fit(TaskSamples(table, target: target), options: modelOptions, seed: seed))
            }
            demands[.runtime] = try model(models.runtime, .runtime, times)
            demands[.peakMemory] = try model(models.memory, .peakMemory, memory)
        }
        let types = job == nil ? Set(times.rowsByType.keys).union(memory.rowsByType.keys) : Set(jobTasks.keys)
        requests = types.sorted().map { [demands] type in
            Request(
                type, times: times.runs(of: type), memory: memory.runs(of: type), tasks: jobTasks[type] ?? [], demands,
                options)
        }
        leftOut = Self.leftOut([memory, times])
        check = RequestCheck(memory, times: times, options: options)
    }

    /// Attempts that neither history uses, by the reason.
    private static func leftOut(_ histories: [RunHistory]) -> [String: Int] {
        let used = Set(histories.flatMap(\.needs.rows))
        var reasons: [Int: ObservedNeeds.LeftOut] = [:]
        for history in histories { reasons.merge(history.needs.leftOut) { _, newer in newer } }
        return Dictionary(
            reasons.filter { !used.contains($0.key) }.map { ($0.value.rawValue, 1) }, uniquingKeysWith: +)
    }
}
