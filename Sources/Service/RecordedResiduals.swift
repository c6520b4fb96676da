internal import LinearAlgebra
internal import Traces
internal import Workloads

/// By which factors recorded run times differ from what was expected of them, by type of task.
///
/// Expected is the median that was predicted when the attempt started; without one, the median of the recorded runs of the same
/// task of the same workflow, if there are at least three.
struct RecordedResiduals {
    /// Of all types together, ascending.
    let all: [Double]
    private let byType: [String: [Double]]
    /// With fewer, a type has those of all.
    private static let enough = 5

    init(_ table: ExecutionTable) {
        let (workflows, tasks) = (table.texts(.workflow), table.texts(.task))
        let (types, status) = (table.texts(.taskType), table.texts(.status))
        let (runtimes, predicted) = (table.numbers(.runtime), table.numbers(.predictedRuntime))
        struct Key: Hashable {
            var workflow: Int32
            var task: Int32
        }
        var groups: [Key: [Int]] = [:]
        var factors: [String: [Double]] = [:]
        func add(_ row: Int, _ expected: Double) {
            let type = types.codes[row]
            factors[type >= 0 ? types.levels[type] : "", default: []].append(runtimes[row] / expected)
        }
        for row in 0..<table.rowCount {
            guard runtimes[row] > 0, runtimes[row].isFinite, status.codes[row] >= 0,
                status.levels[status.codes[row]] == AttemptStatus.completed.rawValue
            else { continue }
            if predicted[row] > 0, predicted[row].isFinite {
                add(row, predicted[row])
            } else if tasks.codes[row] >= 0 {
                groups[Key(workflow: workflows.codes[row], task: tasks.codes[row]), default: []].append(row)
            }
        }
        for rows in groups.values where rows.count >= 3 {
            let median = quantile(sorted: rows.map { runtimes[$0] }.sorted(), 0.5)
            for row in rows { add(row, median) }
        }
        byType = factors.mapValues { $0.sorted() }
        all = factors.values.joined().sorted()
    }

    /// Those of a type, or of all.
    func ratios(ofType type: String) -> [Double] {
        let own = byType[type] ?? []
        return own.count >= Self.enough ? own : all
    }
}
