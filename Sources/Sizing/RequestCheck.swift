import Traces
import Workloads

/// What requests would have done to runs that came after those they were learnt from.
///
/// Of every task type with at least ten runs the first 70 % by submission are learnt from, the last 30 % are replayed:
/// a success wastes what it reserves and does not use, a try that fails for want of memory wastes its whole
/// reservation for the full run time. Of a run that was killed only a bound is known: a request of no more than it had
/// fails once at least; whether a larger one would have been enough is not known, and not counted.
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
    /// Replayed runs that had been killed with less than the request: whether it is enough, nobody knows.
    public let undecidedRuns: Int
    /// Runs with a time, and those of them that took longer than the time limit learnt from the earlier ones.
    public let timedRuns: Int
    public let overTime: Int

    enum CodingKeys: String, CodingKey {
        case types, suggested, current
        case trainingRuns = "training_runs"
        case testRuns = "test_runs"
        case usedGBHours = "used_gb_hours"
        case greatestSeen = "greatest_seen"
        case undecidedRuns = "undecided_runs"
        case timedRuns = "timed_runs"
        case overTime = "over_time"
    }

    /// `nil` where no type has `minimumRuns` runs.
    init?(_ memory: RunHistory, times: RunHistory, options: RequestOptions, minimumRuns: Int = 10) {
        func parts(_ history: RunHistory) -> [(earlier: [RunHistory.Run], later: [RunHistory.Run])] {
            history.rowsByType.keys.sorted().map(history.runs).filter { $0.count >= minimumRuns }.map { runs in
                let cut = Int(0.7 * Double(runs.count))
                return (Array(runs[..<cut]), Array(runs[cut...]))
            }
        }
        let sized = parts(memory)
        guard !sized.isEmpty else { return nil }
        var (suggested, seen, current) = (Result(), Result(), Result())
        var (used, undecided, knowsCurrent) = (0.0, 0, true)
        for (earlier, later) in sized {
            let request = ResourceRequests.Request.memory(earlier, nil, [:], [], options)?.bytes ?? 0
            var greatest = earlier.map(\.need).max() ?? 0
            for run in later {
                let hours = (run.record.runtimeSeconds ?? 0) / 3600
                if !run.isBound { used += run.need * hours / 1e9 }
                if run.isBound, request > run.need { undecided += 1 }
                suggested.add(request, run, hours, options)
                seen.add(max(greatest, 1), run, hours, options)
                greatest = max(greatest, run.need)
                if let reserved = run.record.requestedMemoryBytes, reserved > 0 {
                    current.add(reserved, run, hours, options)
                } else {
                    knowsCurrent = false
                }
            }
        }
        let timed = parts(times)
        overTime = timed.reduce(0) { sum, part in
            let limit = part.earlier.distribution.map(options.seconds) ?? .infinity
            return sum + part.later.count { $0.need > limit || ($0.isBound && $0.need == limit) }
        }
        timedRuns = timed.reduce(0) { $0 + $1.later.count }
        types = sized.count
        trainingRuns = sized.reduce(0) { $0 + $1.earlier.count }
        testRuns = sized.reduce(0) { $0 + $1.later.count }
        (usedGBHours, undecidedRuns) = (used, undecided)
        (self.suggested, greatestSeen, self.current) = (suggested, seen, knowsCurrent ? current : nil)
    }
}

extension RequestCheck.Result {
    fileprivate mutating func add(_ request: Double, _ run: RunHistory.Run, _ hours: Double, _ options: RequestOptions)
    {
        if run.isBound {
            guard request <= run.need else { return }
            (wastedGBHours, failedTries, failedFirst) = (
                wastedGBHours + request * hours / 1e9, failedTries + 1, failedFirst + 1
            )
            return
        }
        let outcome = options.replay(request, need: run.need, hours: hours)
        wastedGBHours += outcome.wasted / 1e9
        failedTries += outcome.failures
        failedFirst += outcome.failures > 0 ? 1 : 0
    }
}
