internal import Basics
internal import Foundation
public import Prediction
public import Store
public import Traces
internal import Workloads

/// What was reserved and not used, by task type: for whoever has to explain a full cluster.
///
/// A success wastes what it reserves and does not use; an attempt that failed wastes its whole reservation. GB is 10⁹
/// bytes.
public struct WasteReport: Sendable, Encodable {
    /// One task type.
    public struct Tool: Sendable, Encodable {
        public let taskType: String
        /// Attempts with a run time, and those of them that failed, that ran out of memory or over their time limit.
        public let attempts: Int
        public let failed: Int
        public let outOfMemory: Int
        public let overTime: Int
        public let hours: Double
        public let usedGBHours: Double
        /// `nil` where no attempt recorded what it requested.
        public let wastedGBHours: Double?
        public let wastedCPUHours: Double?
        /// What the runs would have wasted with the suggested request, failed tries included; `nil` without one. What killed runs
        /// need is not known: they count where the request is no more than they had.
        public let suggestedGBHours: Double?
        /// The suggested request with its risk.
        public let request: ResourceRequests.Request?
        /// Use over the course of a run; `nil` where none was recorded.
        public let profile: DemandProfile?

        enum CodingKeys: String, CodingKey {
            case attempts, failed, hours, request, profile
            case taskType = "task_type"
            case outOfMemory = "out_of_memory"
            case overTime = "over_time"
            case usedGBHours = "used_gb_hours"
            case wastedGBHours = "wasted_gb_hours"
            case wastedCPUHours = "wasted_cpu_hours"
            case suggestedGBHours = "suggested_wasted_gb_hours"
        }
    }

    /// What rows are put together by.
    public enum Grouping: String, Sendable, CaseIterable {
        case taskType = "type"
        case user, account, partition, array
        case day, week, month

        /// For a heading.
        public var title: String {
            switch self {
            case .taskType: "task type"
            case .week: "week from"
            default: rawValue
            }
        }

        /// Rows follow one another in time.
        var isTime: Bool { [.day, .week, .month].contains(self) }

        /// Times are those at which runs ended, UTC; weeks begin on Monday.
        func name(_ record: AttemptRecord) -> String? {
            if self == .taskType { return record.taskType }
            guard isTime else { return record.parameters[rawValue]?.text ?? "–" }
            let start = record.startTimeSeconds ?? record.submitTimeSeconds
            guard let end = record.endTimeSeconds ?? start.map({ $0 + (record.runtimeSeconds ?? 0) }),
                abs(end) < 1e11
            else { return "–" }
            // 1970-01-01 was a Thursday.
            let days = (end / 86_400).rounded(.down)
            let monday = days - (days + 3 - 7 * ((days + 3) / 7).rounded(.down))
            let text = CivilDate(secondsSince1970: (self == .week ? monday : days) * 86_400).dateText
            return self == .month ? String(text.dropLast(3)) : text
        }
    }

    /// The most wasteful first; where nothing was requested, the most used; of times the newest.
    public let tools: [Tool]
    /// How requests made in the same way fare on later runs.
    public let check: RequestCheck?

    /// - Parameter demands: Use over time, where it was recorded.
    ///   By anything but the task type there is no suggestion for a group, yet what it would have wasted with those for its
    ///   types.
    public init(
        _ table: ExecutionTable, requests: ResourceRequests, demands: [RecordedDemand] = [],
        by grouping: Grouping = .taskType
    ) {
        var records: [String: [AttemptRecord]] = [:]
        for row in 0..<table.rowCount {
            let record = table[row]
            // What a cached row says was wasted when it ran, not again.
            guard record.taskType != nil, let group = grouping.name(record), record.status != .cached,
                (record.runtimeSeconds ?? 0) > 0
            else { continue }
            records[group, default: []].append(record)
        }
        let requested = Dictionary(uniqueKeysWithValues: requests.requests.map { ($0.taskType, $0) })
        let courses = Dictionary(grouping: demands.filter { $0.status == .completed }, by: { $0.taskType ?? "" })
        tools = records.map { group, records in
            let isType = grouping == .taskType
            return Tool(
                group, records, isType ? requested[group] : nil, { requested[$0.taskType ?? ""]?.memoryBytes },
                isType ? courses[group] ?? [] : [], requests.options)
        }.sorted { a, b in
            if grouping.isTime { return a.taskType > b.taskType }
            let (wasteA, wasteB) = (a.wastedGBHours ?? -1, b.wastedGBHours ?? -1)
            return (wasteB, b.usedGBHours, a.taskType) < (wasteA, a.usedGBHours, b.taskType)
        }
        check = requests.check
    }

    /// Sum over all types of what is known.
    public var wastedGBHours: Double { tools.reduce(0) { $0 + ($1.wastedGBHours ?? 0) } }

    /// The types whose requests were recorded.
    public var judged: [Tool] { tools.filter { $0.wastedGBHours != nil } }
}

extension WasteReport.Tool {
    fileprivate init(
        _ type: String, _ records: [AttemptRecord], _ request: ResourceRequests.Request?,
        _ suggestion: (AttemptRecord) -> Double?, _ demands: [RecordedDemand], _ options: RequestOptions
    ) {
        var (used, wasted, wastedCPU, suggested) = (0.0, 0.0, 0.0, 0.0)
        var (knowsMemory, knowsCPU, knowsSuggestion) = (false, false, request?.memoryBytes != nil)
        var causes: [FailureCause: Int] = [:]
        for record in records {
            let hours = (record.runtimeSeconds ?? 0) / 3600
            let succeeded = record.status == nil || record.status == .completed
            let peak = succeeded ? record.peakMemoryBytes ?? .nan : 0
            if let cause = record.failureCause.flatMap({ FailureCause(rawValue: $0) }) {
                causes[cause, default: 0] += 1
            }
            // What was reserved is used or wasted: all of it is wasted where nothing came of it.
            if let peak = record.peakMemoryBytes, succeeded || record.requestedMemoryBytes ?? 0 <= 0 {
                used += peak * hours / 1e9
            }
            if let reserved = record.requestedMemoryBytes, reserved > 0, !peak.isNaN {
                knowsMemory = true
                wasted += max(0, reserved - peak) * hours / 1e9
            }
            if let cpus = record.cpus, let busy = record.cpuSeconds {
                knowsCPU = true
                wastedCPU += succeeded ? max(0, cpus * hours - busy / 3600) : cpus * hours
            }
            if let memory = suggestion(record) {
                if succeeded, !peak.isNaN {
                    knowsSuggestion = true
                    suggested += options.replay(memory, need: peak, hours: hours).wasted / 1e9
                } else if let had = record.requestedMemoryBytes, memory <= had,
                    record.failureCause == FailureCause.outOfMemory.rawValue
                {
                    // It would be killed again.
                    suggested += memory * hours / 1e9
                }
            }
        }
        taskType = type
        attempts = records.count
        failed = records.count { $0.status == .failed || $0.status == .aborted }
        outOfMemory = causes[.outOfMemory] ?? 0
        overTime = causes[.timeLimit] ?? 0
        hours = records.reduce(0) { $0 + ($1.runtimeSeconds ?? 0) } / 3600
        usedGBHours = used
        wastedGBHours = knowsMemory ? wasted : nil
        wastedCPUHours = knowsCPU ? wastedCPU : nil
        suggestedGBHours = knowsSuggestion ? suggested : nil
        self.request = request
        profile = DemandProfile.fit(demands.map(\.series))
    }
}
