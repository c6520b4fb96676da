internal import LinearAlgebra

/// How the rows of a table are parted into those to learn from and those to be judged by.
public enum TableScheme: String, Sendable, CaseIterable {
    /// Rows at random.
    case random
    /// Whole groups: every group is judged by a model that has seen none of its rows.
    case groups
    /// Later rows by a model of the earlier ones.
    case time
}

/// A part of the rows to learn from, and the part that is judged.
struct TablePart: Sendable {
    var training: [Int]
    var test: [Int]

    /// - Parameter folds: How many parts; all rows are judged once, in time all but the first half.
    static func parts(
        _ samples: TableSamples, _ scheme: TableScheme, folds: Int, seed: UInt64
    ) throws(TableError) -> [TablePart] {
        let count = samples.count
        guard count >= 2 * folds else {
            throw .tooFewRows(samples.path, found: count, needed: 2 * folds, purpose: "judging \(folds) folds")
        }
        var random = SeededGenerator(seed: seed, stream: 7)
        switch scheme {
        case .random:
            let order = Array(0..<count).shuffled(using: &random)
            return (0..<folds).map { fold in
                let range = count * fold / folds..<count * (fold + 1) / folds
                let test = Set(order[range])
                return TablePart(training: (0..<count).filter { !test.contains($0) }, test: test.sorted())
            }
        case .groups:
            let groups = samples.groups ?? []
            let names = Set(groups).sorted().shuffled(using: &random)
            guard names.count >= 2 else {
                throw .tooFewRows(samples.path, found: names.count, needed: 2, purpose: "judging whole groups")
            }
            let folds = min(folds, names.count)
            return (0..<folds).map { fold in
                let held = Set(names[names.count * fold / folds..<names.count * (fold + 1) / folds])
                return TablePart(
                    training: groups.indices.filter { !held.contains(groups[$0]) },
                    test: groups.indices.filter { held.contains(groups[$0]) })
            }
        case .time:
            let times = samples.times ?? []
            let order = times.indices.sorted { (times[$0], $0) < (times[$1], $1) }
            let first = count / 2
            return (0..<folds).map { fold in
                let (from, to) = (
                    first + (count - first) * fold / folds, first + (count - first) * (fold + 1) / folds
                )
                return TablePart(training: Array(order[..<from]), test: Array(order[from..<to]))
            }
        }
    }
}
