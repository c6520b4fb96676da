internal import Forests
internal import Foundation
internal import Scheduling
internal import Workloads

extension TaskModel {
    /// What is expected of tasks on the common scale of machines, and the quantiles of that, all in one batch.
    ///
    /// - Parameters:
    ///   - rows: Places of the tasks of which to say it.
    ///   - kinds: The kind of each row, as a place in `types`.
    ///   - types: Task types; an unknown one is allowed.
    /// - Complexity: O(*rows*), but for kinds that chose a forest, which is asked once for all their rows.
    func estimates(
        of tasks: [TaskSpec], rows: [Int], kinds: [Int32], types names: [String]
    ) throws -> (expected: [Double], quantiles: [Estimates.Quantiles]) {
        let models = names.map { types[$0] ?? unseen }
        let sizes = sizes(of: tasks, rows: rows, kinds: kinds, models)
        var expected = [Double](repeating: 0, count: rows.count)
        var centers = expected
        for row in rows.indices {
            let model = models[Int(kinds[row])]
            expected[row] = model.models.value(of: model.chosen, size: sizes[row])
            centers[row] =
                model.center == model.chosen
                ? expected[row] : model.models.value(of: model.center, size: sizes[row])
        }
        for (candidate, forest) in forests {
            let asked = rows.indices.filter {
                let model = models[Int(kinds[$0])]
                return model.chosen == candidate || model.center == candidate
            }
            guard !asked.isEmpty else { continue }
            let places = asked.map { rows[$0] }
            let columns = featureNames.map {
                ForestData.Column.numeric($0, TaskFeatures.column($0, of: tasks, rows: places))
            }
            let type = ForestData.Column.categorical("task_type", places.map { tasks[$0].type })
            let logarithms = try forest.forest.predict(ForestData([type] + columns))
            for (row, logarithm) in zip(asked, logarithms) {
                let model = models[Int(kinds[row])]
                let base = candidate == .linearLeaves ? 1 : model.models.value(of: .logLog, size: sizes[row])
                if model.chosen == candidate { expected[row] = base * exp(logarithm) }
                if model.center == candidate { centers[row] = base * exp(logarithm) }
            }
        }
        let factors = models.map { model in Estimates.Quantiles { exp(model.residuals($0)) }.values }
        let quantiles = rows.indices.map { row in
            Estimates.Quantiles(ascending: factors[Int(kinds[row])] * centers[row])
        }
        return (expected, quantiles)
    }

    /// What to request for tasks of known types; `nil` where nothing is known.
    func memoryRequests(of tasks: [TaskSpec], rows: [Int], kinds: [Int32], types names: [String]) -> [Double?] {
        let models = names.map { types[$0] ?? unseen }
        let sizers = names.map { self.sizers[$0] }
        let sizes = sizes(of: tasks, rows: rows, kinds: kinds, models)
        return rows.indices.map { sizers[Int(kinds[$0])]?.request(size: sizes[$0]).bytes }
    }

    /// The feature that counts as the size of each row.
    private func sizes(of tasks: [TaskSpec], rows: [Int], kinds: [Int32], _ models: [TypeModel]) -> [Double] {
        let used = Set(models.map(\.models.sizeFeature))
        let columns = featureNames.enumerated().map {
            used.contains($0) ? TaskFeatures.column($1, of: tasks, rows: rows) : []
        }
        return rows.indices.map { columns[models[Int(kinds[$0])].models.sizeFeature][$0] }
    }
}
