internal import Forests
internal import Foundation
internal import Scheduling
internal import Workloads

extension TaskModel {
    /// What is expected of some tasks, by their rows.
    struct Expectations {
        /// On the common scale of machines.
        fileprivate(set) var expected: [Double]
        /// What the quantiles of each kind are multiples of, and these multiples.
        fileprivate var centers: [Double]
        fileprivate let factors: [SIMD8<Double>]
        fileprivate let kinds: [Int32]
        /// The rows of each kind: models are large to copy, so that each is taken once for all of its rows.
        fileprivate let rowsByKind: [[Int]]
        /// The feature that counts as the size.
        fileprivate let sizes: [Double]

        /// Quantiles of the quantity.
        func quantiles(of row: Int) -> Estimates.Quantiles {
            Estimates.Quantiles(ascending: factors[Int(kinds[row])] * centers[row])
        }
    }

    /// What is expected of tasks, all in one batch.
    ///
    /// - Parameters:
    ///   - rows: Places of the tasks of which to say it.
    ///   - kinds: The kind of each row, as a place in `types`.
    ///   - types: Task types; an unknown one is allowed.
    ///   - features: Features of all tasks that were read before, to which those are added that are read now.
    /// - Complexity: O(*rows*), but for kinds that chose a forest, which is asked once for all their rows.
    func estimates(
        of tasks: [TaskSpec], rows: [Int], kinds: [Int32], types names: [String], features: inout [String: [Double]]
    ) throws -> Expectations {
        let models = names.map { types[$0] ?? unseen }
        let sizeFeatures = models.map(\.models.sizeFeature)
        let columns = featureNames.enumerated().map { place, name in
            sizeFeatures.contains(place) ? column(name, of: tasks, known: &features) : []
        }
        var rowsByKind = names.map { _ in [Int]() }
        for kind in rowsByKind.indices { rowsByKind[kind].reserveCapacity(2 * rows.count / names.count) }
        for (row, kind) in kinds.enumerated() { rowsByKind[Int(kind)].append(row) }
        var result = Expectations(
            expected: Array(repeating: 0, count: rows.count), centers: Array(repeating: 0, count: rows.count),
            factors: models.map { model in Estimates.Quantiles { exp(model.residuals($0)) }.values }, kinds: kinds,
            rowsByKind: rowsByKind,
            sizes: rows.indices.map { columns[sizeFeatures[Int(kinds[$0])]][rows[$0]] })
        for (model, rows) in zip(models, rowsByKind) {
            for row in rows {
                let value = model.models.value(of: model.chosen, size: result.sizes[row])
                result.expected[row] = value
                result.centers[row] =
                    model.center == model.chosen ? value : model.models.value(of: model.center, size: result.sizes[row])
            }
        }
        let (chosen, centers) = (models.map(\.chosen), models.map(\.center))
        for (candidate, forest) in forests {
            let isAsked = zip(chosen, centers).map { $0 == candidate || $1 == candidate }
            let asked = rows.indices.filter { isAsked[Int(kinds[$0])] }
            guard !asked.isEmpty else { continue }
            let columns = featureNames.map { name in
                let column = column(name, of: tasks, known: &features)
                return ForestData.Column.numeric(name, asked.map { column[rows[$0]] })
            }
            let type = ForestData.Column.categorical("task_type", codes: asked.map { kinds[$0] }, levels: names)
            let logarithms = try forest.forest.predict(ForestData([type] + columns))
            for (row, logarithm) in zip(asked, logarithms) {
                let kind = Int(kinds[row])
                // Where a forest was chosen, the value of the simple models is the base that it corrects.
                let factor = exp(logarithm)
                if chosen[kind] == candidate {
                    result.expected[row] = candidate == .linearLeaves ? factor : result.expected[row] * factor
                }
                if centers[kind] == candidate {
                    result.centers[row] = candidate == .linearLeaves ? factor : result.centers[row] * factor
                }
            }
        }
        return result
    }

    /// What to request for tasks of known types, and the 95 % quantile where nothing is known.
    func memoryRequests(_ expectations: Expectations, types names: [String]) -> [Double] {
        var requests = [Double](repeating: 0, count: expectations.kinds.count)
        for (name, rows) in zip(names, expectations.rowsByKind) {
            if let sizer = sizers[name] {
                for row in rows { requests[row] = sizer.bytes(size: expectations.sizes[row]) }
            } else {
                for row in rows { requests[row] = expectations.quantiles(of: row)(0.95) }
            }
        }
        return requests
    }

    /// A feature of all tasks, read once.
    private func column(_ name: String, of tasks: [TaskSpec], known: inout [String: [Double]]) -> [Double] {
        if let column = known[name] { return column }
        let column = TaskFeatures.column(name, of: tasks)
        known[name] = column
        return column
    }
}
