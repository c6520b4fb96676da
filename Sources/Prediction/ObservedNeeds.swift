internal import Reading
public import Traces
internal import Workloads

/// What the attempts of a trace say of the time or memory that tasks need, oldest first.
///
/// A success says it outright. An attempt that was killed for want of the very thing, or stopped before its end, says that
/// the need is more: it is a bound, unless a later attempt of the same task says more. All else is left out and counted.
public struct ObservedNeeds: Sendable {
    /// Why an attempt says nothing.
    public enum LeftOut: String, Sendable, Hashable, CaseIterable {
        case retried = "tried again, and counted then"
        case failed = "failed for another reason"
        case stopped = "stopped by somebody"
        case unlimited = "killed at a limit that was not recorded"
        case unmeasured = "not measured"
    }

    /// Rows of the table.
    public let rows: [Int]
    /// The need of each, positive and finite; of a bound what was not enough.
    public let values: [Double]
    /// Whether the need is more than that.
    public let isBound: [Bool]
    /// The rows that say nothing.
    public let leftOut: [Int: LeftOut]

    public init(_ table: ExecutionTable, target: TaskTarget) {
        let status = table.texts(.status)
        let (types, causes) = (table.texts(.taskType), table.texts(.failureCause))
        let columns = (
            observed: table.numbers(target.column), memory: table.numbers(.requestedMemory),
            seconds: table.numbers(.requestedTime)
        )
        var found: [(row: Int, value: Double, isBound: Bool)] = []
        var leftOut: [Int: LeftOut] = [:]
        func isUsable(_ value: Double) -> Bool { value > 0 && value.isFinite }
        for row in 0..<table.rowCount where types.codes[row] >= 0 {
            let word = status.codes[row] < 0 ? nil : status[row]
            let cause = causes[row].flatMap { FailureCause(rawValue: $0) }
            let value = columns.observed[row]
            if word == "completed" || word == "cached" || (word == nil && cause == nil) {
                if isUsable(value) { found.append((row, value, false)) } else { leftOut[row] = .unmeasured }
                continue
            }
            let limit: Double
            switch (cause, target) {
            case (.outOfMemory, .peakMemory): limit = max(value.isNaN ? 0 : value, known(columns.memory[row]))
            case (.timeLimit, .runtime): limit = max(value.isNaN ? 0 : value, known(columns.seconds[row]))
            // What it had come to when something else ended it: the need is that or more.
            case (.outOfMemory, .runtime), (.timeLimit, .peakMemory), (.reclaimed, .runtime), (.reclaimed, .peakMemory):
                limit = isUsable(value) ? value * (1 - 1e-9) : 0
            default:
                leftOut[row] = cause == .cancelled || cause == .lost || cause == .reclaimed ? .stopped : .failed
                continue
            }
            if isUsable(limit) { found.append((row, limit, true)) } else { leftOut[row] = .unlimited }
        }
        Self.dropRetried(&found, table, &leftOut)
        let times = Self.times(table)
        // Rows without a time keep their place in the file, after those with one.
        found.sort { (times[$0.row], $0.row) < (times[$1.row], $1.row) }
        (rows, values, isBound) = (found.map(\.row), found.map(\.value), found.map(\.isBound))
        self.leftOut = leftOut
    }

    /// A task that was tried again is one task: of its attempts the one that says most counts.
    private static func dropRetried(
        _ found: inout [(row: Int, value: Double, isBound: Bool)], _ table: ExecutionTable,
        _ leftOut: inout [Int: LeftOut]
    ) {
        guard found.contains(where: \.isBound) else { return }
        struct Key: Hashable { let workflow, job, task: Int32 }
        let (workflows, jobs, tasks) = (table.texts(.workflow), table.texts(.job), table.texts(.task))
        let attempts = table.numbers(.attempt)
        func key(_ row: Int) -> Key? {
            guard tasks.codes[row] >= 0, !attempts[row].isNaN else { return nil }
            return Key(workflow: workflows.codes[row], job: jobs.codes[row], task: tasks.codes[row])
        }
        // The last success and the last bound of each task.
        var (successes, bounds) = ([Key: Double](), [Key: (attempt: Double, value: Double)]())
        for one in found {
            guard let key = key(one.row) else { continue }
            let attempt = attempts[one.row]
            if !one.isBound {
                successes[key] = max(successes[key] ?? 0, attempt)
            } else if (one.value, attempt) > (bounds[key]?.value ?? 0, bounds[key]?.attempt ?? 0) {
                bounds[key] = (attempt, one.value)
            }
        }
        found.removeAll { one in
            guard one.isBound, let key = key(one.row) else { return false }
            let attempt = attempts[one.row]
            let isRetried = attempt < successes[key] ?? 0 || attempt != bounds[key]?.attempt
            if isRetried { leftOut[one.row] = .retried }
            return isRetried
        }
    }

    /// When each row was submitted; where that is not known, when it started or ended; infinite where nothing is.
    private static func times(_ table: ExecutionTable) -> [Double] {
        let columns = [table.numbers(.submitTime), table.numbers(.startTime), table.numbers(.endTime)]
        return (0..<table.rowCount).map { row in columns.first { !$0[row].isNaN }?[row] ?? .infinity }
    }
}

private func known(_ value: Double) -> Double { value.isFinite ? value : 0 }
