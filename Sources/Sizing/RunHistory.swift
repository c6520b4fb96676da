internal import Prediction
internal import Traces
internal import Workloads

/// The attempts of a trace that say what tasks need of one thing, oldest first: successes, and runs that were killed for
/// want of it, whose need is more than they had.
struct RunHistory: Sendable {
    /// One attempt.
    struct Run: Sendable {
        let record: AttemptRecord
        /// What it needed; of a bound, what was not enough.
        let need: Double
        let isBound: Bool
    }

    let runs: [Run]
    /// The runs of each type, as places in ``runs``.
    let rowsByType: [String: [Int]]
    let needs: ObservedNeeds

    init(_ table: ExecutionTable, target: TaskTarget) {
        needs = ObservedNeeds(table, target: target)
        runs = zip(needs.rows, zip(needs.values, needs.isBound)).map {
            Run(record: table[$0], need: $1.0, isBound: $1.1)
        }
        rowsByType = Dictionary(grouping: runs.indices) { [runs] in runs[$0].record.taskType ?? "" }
    }

    func runs(of type: String) -> [Run] { (rowsByType[type] ?? []).map { runs[$0] } }
}

extension [RunHistory.Run] {
    /// How often more than a given amount is needed; `nil` for no runs.
    var distribution: NeedDistribution? { NeedDistribution(map(\.need), isBound: map(\.isBound)) }

    /// Killed for want of the very thing.
    func killed(_ cause: FailureCause) -> Int { count { $0.isBound && $0.record.failureCause == cause.rawValue } }
}
