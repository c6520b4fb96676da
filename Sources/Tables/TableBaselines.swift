internal import Forests
internal import LinearAlgebra

/// The simple predictions that a forest must beat, on the scale that is learnt.
enum TableBaseline: String, CaseIterable, Sendable {
    case mean, median
    /// The median of the rows with the same level of the feature that tells most.
    case levelMedian = "median per level"
    /// Least squares on the numeric features; a missing number counts as the mean.
    case line

    /// The predictions of `test`, and those of `training` itself, by what `training` shows.
    func predict(_ training: TableSamples, _ test: TableSamples) -> (test: [Double], training: [Double]) {
        switch self {
        case .mean: constant(LinearAlgebra.mean(training.target), training, test)
        case .median: constant(LinearAlgebra.median(training.target), training, test)
        case .levelMedian: levelMedians(training, test)
        case .line: line(training, test)
        }
    }

    private func constant(_ value: Double, _ training: TableSamples, _ test: TableSamples) -> ([Double], [Double]) {
        (Array(repeating: value, count: test.count), Array(repeating: value, count: training.count))
    }

    private func levelMedians(_ training: TableSamples, _ test: TableSamples) -> ([Double], [Double]) {
        let all = LinearAlgebra.median(training.target)
        var best = (error: Double.infinity, predictions: constant(all, training, test))
        for (index, column) in training.data.columns.enumerated() {
            guard case .categorical(let codes, let levels) = column.values,
                case .categorical(let testCodes, let testLevels) = test.data.columns[index].values
            else { continue }
            var values: [String: [Double]] = [:]
            for (row, code) in codes.enumerated() where code >= 0 {
                values[levels[Int(code)], default: []].append(training.target[row])
            }
            let medians = values.mapValues { LinearAlgebra.median($0) }
            func predict(_ codes: [Int32], _ levels: [String]) -> [Double] {
                codes.map { $0 < 0 ? all : medians[levels[Int($0)]] ?? all }
            }
            let own = predict(codes, levels)
            let error = ErrorMeasures.mae(actual: training.target, predicted: own)
            if error < best.error { best = (error, (predict(testCodes, testLevels), own)) }
        }
        return best.predictions
    }

    private func line(_ training: TableSamples, _ test: TableSamples) -> ([Double], [Double]) {
        func columns(_ samples: TableSamples) -> [[Double]] {
            samples.data.columns.compactMap { if case .numeric(let values) = $0.values { values } else { nil } }
        }
        let (own, others) = (columns(training), columns(test))
        var (design, asked) = (
            [[Double](repeating: 1, count: training.count)], [[Double](repeating: 1, count: test.count)]
        )
        for (values, other) in zip(own, others) {
            let known = values.filter(\.isFinite)
            guard let low = known.min(), let high = known.max(), low < high else { continue }
            let (center, width) = (LinearAlgebra.mean(known), high - low)
            design.append(values.map { $0.isFinite ? ($0 - center) / width : 0 })
            asked.append(other.map { $0.isFinite ? ($0 - center) / width : 0 })
        }
        guard design.count > 1, let matrix = try? Matrix(columns: design),
            let fit = try? LeastSquares(matrix, target: training.target),
            let fitted = try? matrix.multiplied(by: fit.coefficients),
            let predicted = try? Matrix(columns: asked).multiplied(by: fit.coefficients)
        else { return constant(LinearAlgebra.mean(training.target), training, test) }
        return (predicted, fitted)
    }
}
