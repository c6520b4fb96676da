import LinearAlgebra

extension ARIMA {
    /// How coefficients are estimated.
    public enum Method: String, Sendable, Hashable, Codable {
        /// Exact maximum likelihood.
        case maximumLikelihood
        /// Least squares of prediction errors, given the first observations. Faster only in other programs; here for
        /// comparison with them.
        case conditionalLeastSquares
    }

    /// Fits the coefficients of given orders.
    ///
    /// - Parameters:
    ///   - series: Equally spaced observations; NaN where one is missing.
    ///   - regressors: Known series beside it; values after the end of `series` are kept for ``forecast(horizon:levels:future:)``.
    ///   - start: A model of the same orders from which the search sets out (warm start).
    /// - Throws: ``ForecastingError`` if the series is too short for the orders, has infinite values, or a regressor is
    ///   unusable.
    /// - Complexity: Some ten to fifty likelihood evaluations, each O(*n* · largest lag) at worst.
    public static func fit(
        _ series: [Double], order: ARIMAOrder, regressors: [Regressor] = [], method: Method = .maximumLikelihood,
        start: ARIMA? = nil
    ) throws(ForecastingError) -> ARIMA {
        let design = try ARIMADesign(series, order: order, regressors: regressors)
        let future = regressors.map { Array($0.values.dropFirst(series.count)) }
        if let constant = ARIMA(constant: design, futureRegressors: future) { return constant }
        let hannanRissanen = HannanRissanen(
            design.sample, longestLag: max(order.largestARLag, order.largestMALag))
        var starts = [hannanRissanen.start(order), [Double](repeating: 0, count: order.coefficientCount)]
        if let start, start.order == order { starts.append(start.unconstrainedCoefficients) }
        switch method {
        case .maximumLikelihood:
            let search = ARMASearch(design.sample, order: order)
            guard let found = search.best(from: starts, tolerance: 1e-9) else { throw .noFit(model: "\(order)") }
            return try ARIMA(design: design, coefficients: found.coefficients, futureRegressors: future, method: method)
        case .conditionalLeastSquares:
            guard let found = ARMASearch(design.sample, order: order).conditional(from: starts) else {
                throw .noFit(model: "\(order)")
            }
            return try ARIMA(design: design, coefficients: found, futureRegressors: future, method: method)
        }
    }

    /// A fitted model from given coefficients: nothing is searched except the effects of regressors.
    init(
        design: ARIMADesign, coefficients: [Double], futureRegressors: [[Double]], method: Method = .maximumLikelihood,
        notes: [String] = [], withErrors: Bool = true
    ) throws(ForecastingError) {
        let order = design.order
        var likelihood = ARMALikelihood(
            design.sample, order: order, method: method == .maximumLikelihood ? .exact : .conditional)
        guard let value = likelihood.evaluate(coefficients),
            let linear = LinearEffects(likelihood.filtered, sample: design.sample, gains: likelihood.gains)
        else { throw .noFit(model: "\(order)") }
        let missing = design.missing.count
        let effects = design.unrotated(value.effects[missing...])
        let notes = missing == 0 ? notes : notes + ["\(missing) missing values were estimated with the model."]

        // Once more through the series, without regressors and with missing values put right: residuals and state.
        var clean = design.filled
        for (place, correction) in zip(design.missing, value.effects) { clean[place] -= correction }
        for (effect, regressor) in zip(effects, design.regressors) {
            for t in clean.indices { clean[t] -= effect * regressor[t] }
        }
        let directions = linear.missingDirections(count: missing, columns: design.sample.columnCount - 1)
        guard
            var state = method == .maximumLikelihood
                ? ARIMAState(order: order, coefficients: coefficients, lines: 1 + missing)
                : ARIMAState(conditional: order, coefficients: coefficients)
        else { throw .noFit(model: "\(order)") }
        var residuals: [Double] = []
        let isMissing = Set(design.missing)
        for t in clean.indices {
            var values = [clean[t]]
            if state.lines.count > 1 {
                for direction in directions { values.append(isMissing.contains(t) ? direction[place(t, design)] : 0) }
            }
            let scale = (state.variance * value.variance).squareRoot()
            if let errors = state.append(values), !isMissing.contains(t) { residuals.append(errors[0] / scale) }
        }
        for _ in 0..<design.trailing {
            let values = state.lines.indices.map { state.expected($0, horizon: 1)[0] }
            _ = state.append(values)
        }
        state.dropFinishedLines()
        self.init(
            design: design, coefficients: coefficients, effects: effects,
            standardErrors: withErrors
                ? Self.standardErrors(design, &likelihood, coefficients, value, linear)
                : [Double?](repeating: nil, count: coefficients.count + effects.count),
            variance: value.variance, logLikelihood: value.logLikelihood,
            observations: design.sample.observations
                - (method == .maximumLikelihood ? 0 : order.largestARLag),
            residuals: residuals, state: state, futureRegressors: futureRegressors, notes: notes)
    }

    /// A series that differencing turns into zeros has nothing to estimate.
    private init?(constant design: ARIMADesign, futureRegressors: [[Double]]) {
        let sample = design.sample
        guard design.regressors.isEmpty || design.order.hasConstant && design.regressors.count == 1 else { return nil }
        let series = sample.columns[0..<sample.length]
        let level = design.regressors.isEmpty ? 0 : series.reduce(0, +) / Double(sample.length)
        let scale = design.filled.reduce(0) { max($0, abs($1)) }
        guard series.allSatisfy({ abs($0 - level) <= 1e-12 * scale }) else { return nil }
        let order = design.order
        let zeros = [Double](repeating: 0, count: order.coefficientCount)
        guard var state = ARIMAState(order: order, coefficients: zeros, lines: 1) else { return nil }
        let isMean = order.d + order.seasonalD == 0
        let drift = isMean ? level : level / Double(order.seasonalD > 0 ? order.period : 1)
        let effects = design.regressors.isEmpty ? [] : [drift]
        for (t, value) in design.filled.enumerated() {
            let constant = effects.isEmpty ? 0 : isMean ? drift : drift * Double(t + design.leading + 1)
            _ = state.append([value - constant])
        }
        for _ in 0..<design.trailing { _ = state.append(state.expected(0, horizon: 1)) }
        self.init(
            design: design, coefficients: zeros, effects: effects,
            standardErrors: [Double?](repeating: nil, count: zeros.count + effects.count), variance: 0,
            logLikelihood: 0, observations: sample.observations, residuals: [], state: state,
            futureRegressors: futureRegressors,
            notes: ["The series does not vary after differencing: the forecast has no width."])
    }

    var unconstrainedCoefficients: [Double] {
        let parts = ARMACoefficients<Double>(coefficients, order: order)
        return unconstrained(parts.ar) + unconstrained(parts.ma.map { -$0 }) + unconstrained(parts.seasonalAR)
            + unconstrained(parts.seasonalMA.map { -$0 })
    }

    /// From the curvature of the concentrated likelihood, by central differences of the exact score.
    private static func standardErrors(
        _ design: ARIMADesign, _ likelihood: inout ARMALikelihood, _ coefficients: [Double],
        _ value: ARMALikelihood.Value, _ linear: LinearEffects
    ) -> [Double?] {
        let k = coefficients.count
        let missing = design.missing.count
        let effectCount = design.regressors.count
        var hessian = [Double](repeating: 0, count: k * k)
        var drifts = [[Double]](repeating: [], count: k)
        let none = [Double?](repeating: nil, count: k + effectCount)
        for i in 0..<k {
            var above = coefficients
            var below = coefficients
            var found: (above: ARMALikelihood.Value, below: ARMALikelihood.Value, width: Double)?
            for step in [1e-4, 1e-6, 1e-8] where found == nil {
                above[i] = coefficients[i] + step
                below[i] = coefficients[i] - step
                if let a = likelihood.evaluate(above, gradient: true),
                    let b = likelihood.evaluate(below, gradient: true)
                {
                    found = (a, b, 2 * step)
                }
            }
            guard let found else { return none }
            for j in 0..<k { hessian[i * k + j] = (found.above.gradient[j] - found.below.gradient[j]) / found.width }
            let upper = design.unrotated(found.above.effects[missing...])
            let lower = design.unrotated(found.below.effects[missing...])
            drifts[i] = zip(upper, lower).map { ($0 - $1) / found.width }
        }
        for i in 0..<k {
            for j in 0..<i { hessian[i * k + j] = 0.5 * (hessian[i * k + j] + hessian[j * k + i]) }
        }
        guard choleskyInPlace(&hessian, size: k) else { return none }
        var covariance = [[Double]](repeating: [], count: k)
        for i in 0..<k {
            var unit = [Double](repeating: 0, count: k)
            unit[i] = 1
            solveInPlace(hessian, size: k, &unit)
            covariance[i] = unit
        }
        let own = linear.effectCovariance(design: design, variance: value.variance)
        let effects = (0..<effectCount).map { e in
            var sum = own[e]
            for i in 0..<k { for j in 0..<k { sum += drifts[i][e] * covariance[i][j] * drifts[j][e] } }
            return sum
        }
        return ((0..<k).map { covariance[$0][$0] } + effects).map { $0 > 0 && $0.isFinite ? $0.squareRoot() : nil }
    }
}

private func place(_ t: Int, _ design: ARIMADesign) -> Int { design.missing.firstIndex(of: t) ?? 0 }

extension LinearEffects {
    /// Combinations of the missing values with unit variance (in units of the innovation variance) and no correlation.
    func missingDirections(count: Int, columns: Int) -> [[Double]] {
        guard count > 0 else { return [] }
        // The missing values' share of the inverse of all cross products, factorised.
        var inverse = [Double](repeating: 0, count: count * count)
        for i in 0..<count {
            var unit = [Double](repeating: 0, count: columns)
            unit[i] = 1
            solveInPlace(triangle, size: columns, &unit)
            for j in 0..<count { inverse[i * count + j] = unit[j] }
        }
        guard choleskyInPlace(&inverse, size: count) else { return [] }
        return (0..<count).map { column in (0..<count).map { $0 >= column ? inverse[$0 * count + column] : 0 } }
    }

    /// Variances of the effects of the regressors at fixed ARMA coefficients.
    func effectCovariance(design: ARIMADesign, variance: Double) -> [Double] {
        let (missing, count) = (design.missing.count, design.regressors.count)
        let columns = missing + count
        guard count > 0 else { return [] }
        // Rows of the inverse rotation, spread over the columns; the variance is a quadratic form of each.
        return (0..<count).map { e in
            var unit = [Double](repeating: 0, count: count)
            unit[e] = 1
            // Solve rotationᵀ x = unit: then variance of effect e is xᵀ A⁻¹ x.
            for i in 0..<count {
                for j in 0..<i { unit[i] -= design.rotation[j, i] * unit[j] }
                unit[i] /= design.rotation[i, i]
            }
            var right = [Double](repeating: 0, count: missing) + unit
            solveLower(triangle, size: columns, &right)
            return variance * right.reduce(0) { $0 + $1 * $1 }
        }
    }
}

extension ARIMA {
    /// The same coefficients, run through another series: nothing is estimated but effects and variance.
    package func refiltered(on series: [Double]) throws(ForecastingError) -> ARIMA {
        try ARIMA(
            design: ARIMADesign(series, order: order), coefficients: coefficients, futureRegressors: [],
            withErrors: false)
    }
}
