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
            // By place, because a model is large to copy.
            let kind = Int(kinds[row])
            let (chosen, center) = (models[kind].chosen, models[kind].center)
            expected[row] = models[kind].models.value(of: chosen, size: sizes[row])
            centers[row] = center == chosen ? expected[row] : models[kind].models.value(of: center, size: sizes[row])
        }
        for (candidate, forest) in forests {
            let asked = rows.indices.filter {
                let kind = Int(kinds[$0])
                return models[kind].chosen == candidate || models[kind].center == candidate
            }
            guard !asked.isEmpty else { continue }
            let places = asked.map { rows[$0] }
            let columns = featureNames.map {
                ForestData.Column.numeric($0, TaskFeatures.column($0, of: tasks, rows: places))
            }
            let type = ForestData.Column.categorical("task_type", places.map { tasks[$0].type })
            let logarithms = try forest.forest.predict(ForestData([type] + columns))
            for (row, logarithm) in zip(asked, logarithms) {
                let kind = Int(kinds[row])
                let base = candidate == .linearLeaves ? 1 : models[kind].models.value(of: .logLog, size: sizes[row])
                if models[kind].chosen == candidate { expected[row] = base * exp(logarithm) }
                if models[kind].center == candidate { centers[row] = base * exp(logarithm) }
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
        let sizes = sizes(of: tasks, rows: rows, kinds: kinds, models)
        // Those that there are, and for each kind its place among them.
        var (sizers, places): ([MemorySizer], [Int]) = ([], [])
        for name in names {
            let sizer = self.sizers[name]
            places.append(sizer == nil ? -1 : sizers.count)
            if let sizer { sizers.append(sizer) }
        }
        return rows.indices.map { row in
            let place = places[Int(kinds[row])]
            return place < 0 ? nil : sizers[place].bytes(size: sizes[row])
        }
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
