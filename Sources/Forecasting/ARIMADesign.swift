import LinearAlgebra

/// A series and its regressors after trimming, filling and differencing.
package struct ARIMADesign: Sendable {
    package let order: ARIMAOrder
    /// The series from its first to its last observation, missing values filled by interpolation.
    let filled: [Double]
    /// Places of the missing values in `filled`.
    let missing: [Int]
    /// How many missing values were cut off in front and behind.
    let leading: Int
    let trailing: Int
    /// The constant if there is one, then the regressors, over the rows of `filled`.
    let regressors: [[Double]]
    package let regressorNames: [String]
    /// Regressors = orthonormal columns · `rotation` after differencing; the likelihood sees the orthonormal ones.
    let rotation: Matrix
    package let sample: ARMASample

    /// - Parameter regressors: At least as many rows as the series; what comes after it is not looked at.
    package init(
        _ series: [Double], order: ARIMAOrder, regressors: [Regressor] = []
    ) throws(ForecastingError) {
        try order.validate()
        for (position, value) in series.enumerated() where value.isInfinite {
            throw .notFinite(position: position, found: value)
        }
        guard let first = series.firstIndex(where: { !$0.isNaN }), let last = series.lastIndex(where: { !$0.isNaN })
        else { throw .noObservations }
        self.order = order
        leading = first
        trailing = series.count - 1 - last
        let trimmed = Array(series[first...last])
        missing = trimmed.indices.filter { trimmed[$0].isNaN }
        filled = interpolated(trimmed)
        let lost = order.observationsLost
        let needed = max(
            lost + order.coefficientCount + regressors.count + (order.hasConstant ? 1 : 0) + 2,
            lost + max(order.seasonalP, order.seasonalQ) * order.period + 1)
        guard trimmed.count - missing.count >= needed else {
            throw .tooShort(observations: trimmed.count - missing.count, needed: needed, model: order.description)
        }

        let differencing = LagPolynomial<Double>.differencing(order)
        func differenced(_ x: [Double]) -> [Double] {
            var result = Array(x.dropFirst(lost))
            for (lag, coefficient) in zip(differencing.lags, differencing.coefficients) {
                for t in result.indices { result[t] += coefficient * x[t + lost - lag] }
            }
            return result
        }
        var columns = [differenced(filled)]
        for place in missing {
            var impulse = [Double](repeating: 0, count: filled.count)
            impulse[place] = 1
            columns.append(differenced(impulse))
        }
        var names: [String] = []
        var rows: [[Double]] = []
        if order.hasConstant {
            let isMean = order.d + order.seasonalD == 0
            names.append(isMean ? "intercept" : "drift")
            rows.append(filled.indices.map { isMean ? 1 : Double($0 + first + 1) })
        }
        for regressor in regressors {
            guard regressor.values.count >= series.count else {
                throw .invalidRegressor(
                    name: regressor.name,
                    reason: "\(regressor.values.count) values for a series of \(series.count). Give one for each.")
            }
            guard regressor.values.allSatisfy(\.isFinite) else {
                throw .invalidRegressor(
                    name: regressor.name, reason: "a value is missing or infinite. Fill it in or shorten the series.")
            }
            names.append(regressor.name)
            rows.append(Array(regressor.values[first...last]))
        }
        (regressorNames, self.regressors) = (names, rows)
        let (orthonormal, rotation) = try Self.orthonormalised(rows.map(differenced), names: names)
        self.rotation = rotation
        sample = ARMASample(
            length: filled.count - lost, columns: (columns + orthonormal).flatMap { $0 }, missing: missing.count,
            regressors: rows.count)
    }

    /// Modified Gram–Schmidt, twice: few columns, and the rank shows as it goes.
    private static func orthonormalised(
        _ columns: [[Double]], names: [String]
    ) throws(ForecastingError) -> ([[Double]], Matrix) {
        var result: [[Double]] = []
        var rotation = Matrix(rows: columns.count, columns: columns.count)
        for (k, column) in columns.enumerated() {
            var rest = column
            let size = norm(column)
            for _ in 0..<2 {
                for (i, direction) in result.enumerated() {
                    let overlap = dot(direction.span, from: 0, rest.span, from: 0, count: rest.count)
                    rotation[i, k] += overlap
                    var span = rest.mutableSpan
                    addScaled(direction.span, from: 0, times: -overlap, to: &span, from: 0, count: direction.count)
                }
            }
            let left = norm(rest)
            guard left > 1e-9 * size, left > 0 else { throw .collinearRegressor(name: names[k]) }
            rotation[k, k] = left
            result.append(rest.map { $0 / left })
        }
        return (result, rotation)
    }

    private static func norm(_ x: [Double]) -> Double {
        dot(x.span, from: 0, x.span, from: 0, count: x.count).squareRoot()
    }

    /// Coefficients of the regressors from those of the orthonormal columns.
    func unrotated(_ effects: ArraySlice<Double>) -> [Double] {
        var x = Array(effects)
        for i in x.indices.reversed() {
            for j in (i + 1)..<max(x.count, i + 1) { x[i] -= rotation[i, j] * x[j] }
            x[i] /= rotation[i, i]
        }
        return x
    }
}

extension ARIMAOrder {
    func validate() throws(ForecastingError) {
        for value in [p, d, q, seasonalP, seasonalD, seasonalQ] where !(0...100).contains(value) {
            throw .invalidOrder("\(self): every order is a whole number from 0 to 100.")
        }
        guard (1...1_000_000).contains(period) else {
            throw .invalidOrder("The season has \(period) steps. Give 1 (no season) or more.")
        }
        guard period > 1 || seasonalP + seasonalD + seasonalQ == 0 else {
            throw .invalidOrder("\(self): seasonal orders need a season of at least 2 steps.")
        }
        guard d + seasonalD <= 4, largestARLag + largestMALag <= 20_000 else {
            throw .invalidOrder("\(self): too many lags or differences. Use Fourier terms for long seasons.")
        }
    }
}

/// Missing values inside a series replaced by the straight line between their neighbours.
func interpolated(_ series: [Double]) -> [Double] {
    var result = series
    var last = 0
    for i in series.indices where !series[i].isNaN {
        if i > last + 1, !series[last].isNaN {
            for j in (last + 1)..<i {
                result[j] = series[last] + (series[i] - series[last]) * Double(j - last) / Double(i - last)
            }
        }
        last = i
    }
    return result
}

extension ARIMADesign {
    /// The sample with the effects of the regressors subtracted at given coefficients instead of estimated.
    package func sample(withEffects effects: [Double]) -> ARMASample {
        precondition(effects.count == regressors.count)
        let n = sample.length
        var columns = Array(sample.columns[..<(n * (1 + sample.missing))])
        for k in effects.indices {
            var weight = 0.0
            for j in k..<effects.count { weight += rotation[k, j] * effects[j] }
            for t in 0..<n { columns[t] -= weight * sample.columns[(1 + sample.missing + k) * n + t] }
        }
        return ARMASample(length: n, columns: columns, missing: sample.missing, regressors: 0)
    }
}
