internal import Foundation
internal import Prediction
internal import Traces

/// What requests would have done to runs that came after those they were learnt from.
///
/// Of every task type with at least ten runs the first 70 % by submission are learnt from, the last 30 % are replayed:
/// a success wastes what it reserves and does not use, a try that fails for want of memory wastes its whole
/// reservation for the full run time.
public struct RequestCheck: Sendable, Hashable, Encodable {
    /// How one way of requesting fared. GB is 10⁹ bytes.
    public struct Result: Sendable, Hashable, Encodable {
        /// GB·h reserved and not used, failed tries included.
        public internal(set) var wastedGBHours = 0.0
        /// Tries that failed for want of memory.
        public internal(set) var failedTries = 0
        /// Tasks whose first try failed.
        public internal(set) var failedFirst = 0

        enum CodingKeys: String, CodingKey {
            case wastedGBHours = "wasted_gb_hours"
            case failedTries = "failed_tries"
            case failedFirst = "failed_first"
        }
    }

    /// Task types, and runs that were learnt from and replayed.
    public let types: Int
    public let trainingRuns: Int
    public let testRuns: Int
    /// GB·h that the replayed runs used.
    public let usedGBHours: Double
    /// Ours.
    public let suggested: Result
    /// The greatest peak seen so far, then twice as much.
    public let greatestSeen: Result
    /// What the runs had requested; `nil` where some run recorded none.
    public let current: Result?
    /// Replayed runs that took longer than the time limit learnt from the earlier ones.
    public let overTime: Int
    /// Median of |predicted − actual| / actual of the memory and of the run time of the replayed runs.
    public let memoryError: Double
    public let timeError: Double

    enum CodingKeys: String, CodingKey {
        case types, suggested, current
        case trainingRuns = "training_runs"
        case testRuns = "test_runs"
        case usedGBHours = "used_gb_hours"
        case greatestSeen = "greatest_seen"
        case overTime = "over_time"
        case memoryError = "memory_mdape"
        case timeError = "time_mdape"
    }

    /// `nil` where no type has `minimumRuns` runs.
    init?(
        _ history: RunHistory, options: RequestOptions, modelOptions: TaskModelOptions, seed: UInt64,
        minimumRuns: Int = 10
    ) throws {
        let (training, test) = history.split(share: 0.7, minimumRows: minimumRuns)
        guard !training.isEmpty, !test.isEmpty else { return nil }
        let records = history.records
        let earlier = try RunHistory(training.map { records[$0] }, target: .peakMemory)
        let times = try RunHistory(training.map { records[$0] }, target: .runtime)
        let memoryModel = try TaskModel.fit(earlier.samples, options: modelOptions, seed: seed)
        let timeModel = try TaskModel.fit(times.samples, options: modelOptions, seed: seed)
        var requests: [String: (memory: Double, seconds: Double, greatest: Double)] = [:]
        for (type, rows) in earlier.rowsByType {
            func demand(_ model: TaskModel, _ history: RunHistory) -> TypeDemand {
                TypeDemand(model, type: type, recorded: history, rows: rows)
            }
            let runs = rows.map { earlier.records[$0] }
            requests[type] = (
                ResourceRequests.memoryRequest(memoryModel, type, runs, [], options)?.bytes ?? 0,
                demand(timeModel, times).timeRequest(options), runs.compactMap(\.peakMemoryBytes).max() ?? 0
            )
        }

        var (suggested, seen, current) = (Result(), Result(), Result())
        var (used, overTime, knowsCurrent) = (0.0, 0, true)
        var (memoryErrors, timeErrors): ([Double], [Double]) = ([], [])
        for row in test {
            let record = records[row]
            guard let type = record.taskType, let request = requests[type], let need = record.peakMemoryBytes,
                let seconds = record.runtimeSeconds
            else { continue }
            let hours = seconds / 3600
            used += need * hours / 1e9
            suggested.add(options.replay(request.memory, need: need, hours: hours))
            seen.add(options.replay(max(request.greatest, 1), need: need, hours: hours))
            requests[type]?.greatest = max(request.greatest, need)
            if let reserved = record.requestedMemoryBytes, reserved > 0 {
                current.add(options.replay(reserved, need: need, hours: hours))
            } else {
                knowsCurrent = false
            }
            if seconds > request.seconds { overTime += 1 }
            func error(_ model: TaskModel, _ actual: Double) -> Double {
                let features = model.arranged(history.samples.features(row), named: history.samples.featureNames)
                return abs(model.predict(type: type, features: features).value - actual) / actual
            }
            memoryErrors.append(error(memoryModel, need))
            timeErrors.append(error(timeModel, seconds))
        }
        types = requests.count
        (trainingRuns, testRuns, usedGBHours) = (training.count, memoryErrors.count, used)
        (self.suggested, greatestSeen, self.current) = (suggested, seen, knowsCurrent ? current : nil)
        self.overTime = overTime
        memoryError = memoryErrors.sorted()[memoryErrors.count / 2]
        timeError = timeErrors.sorted()[timeErrors.count / 2]
    }
}

extension RequestCheck.Result {
    fileprivate mutating func add(_ outcome: (wasted: Double, failures: Int, succeeded: Bool)) {
        wastedGBHours += outcome.wasted / 1e9
        failedTries += outcome.failures
        failedFirst += outcome.failures > 0 ? 1 : 0
    }
}
