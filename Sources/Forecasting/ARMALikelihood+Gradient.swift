/// Derivatives of the objective with respect to what the recursions start from and run on.
struct CoefficientSlopes {
    /// For `1 - Σ φ B^lag`, one for each lag of the polynomial.
    var ar: [Double]
    /// For `1 + Σ θ B^lag`, one for each lag of the polynomial.
    var ma: [Double]
    /// For the first prediction variance.
    var variance = 0.0
    /// For the first gain.
    var gain: [Double]

    init(ar: LagPolynomial<Double>, ma: LagPolynomial<Double>) {
        self.ar = [Double](repeating: 0, count: ar.lags.count)
        self.ma = [Double](repeating: 0, count: ma.lags.count)
        gain = [Double](repeating: 0, count: max(ar.degree, ma.degree))
    }
}

extension ARMALikelihood {
    /// Reverse differentiation of the filter and of the gains, at fixed linear effects (which sit at their optimum).
    ///
    /// The derivative of the log determinant of the missing values is that of one more sum of squares for each of them,
    /// of the columns made orthonormal.
    func differentiate(
        _ fit: LinearEffects, errorWeight: Double, ar: LagPolynomial<Double>, ma: LagPolynomial<Double>,
        into slopes: inout CoefficientSlopes
    ) {
        let (n, k) = (sample.length, sample.columnCount - 1)
        var input = Array(sample.columns[0..<n])
        for i in 0..<k {
            var span = input.mutableSpan
            addScaled(
                sample.columns.span, from: (i + 1) * n, times: -fit.effects[i], to: &span, from: 0, count: n)
        }
        var passes = [ReversePass(input: input, errors: fit.residuals, weight: errorWeight)]
        for i in 0..<sample.missing {
            var direction = [Double](repeating: 0, count: k)
            direction[i] = 1
            // Column i of the inverse transposed factor of the missing block (which comes first).
            var block = [Double](repeating: 0, count: sample.missing * sample.missing)
            for row in 0..<sample.missing {
                for column in 0...row { block[row * sample.missing + column] = fit.triangle[row * k + column] }
            }
            direction.removeLast(k - sample.missing)
            solveUpper(block, size: sample.missing, &direction)
            var input = [Double](repeating: 0, count: n)
            var errors = input
            for (j, weight) in direction.enumerated() where weight != 0 {
                var inputSpan = input.mutableSpan
                addScaled(
                    sample.columns.span, from: (j + 1) * n, times: weight, to: &inputSpan, from: 0, count: n)
                var errorSpan = errors.mutableSpan
                addScaled(filtered.span, from: (j + 1) * n, times: weight, to: &errorSpan, from: 0, count: n)
            }
            passes.append(ReversePass(input: input, errors: errors, weight: 1))
        }

        let steady = method == .exact ? gains.steadyFrom : min(ar.degree, n)
        for i in passes.indices {
            passes[i].reverseSteady(from: steady, pad: gains.width, ma: ma, slopes: &slopes.ma)
        }
        if method == .exact { reverseGains(&passes, ar: ar, slopes: &slopes) }
        for pass in passes { pass.accumulate(ar: ar, slopes: &slopes.ar) }
    }

    /// The part before the steady state, backwards in time.
    private func reverseGains(
        _ passes: inout [ReversePass], ar: LagPolynomial<Double>, slopes: inout CoefficientSlopes
    ) {
        let (steps, width) = (gains.steadyFrom, gains.width)
        // The slope of W moves one place forward per step: the window moves instead.
        var gainSlope = [Double](repeating: 0, count: width)
        var generatorSlope = [Double](repeating: 0, count: width + steps)
        var varianceSlope = 0.0
        for t in stride(from: steps - 1, through: 0, by: -1) {
            let (variance, length) = (gains.variances[t], gains.length(at: t))
            let reflection = gains.generators[t * width] / variance
            let reflectionSlope = reverseSchurStep(
                &gainSlope, &generatorSlope, at: t + 1, gains: gains.gains, generators: gains.generators,
                base: t * width, length: length, reflection: reflection)
            let total = reflectionSlope - 2 * reflection * variance * varianceSlope
            generatorSlope[t] = total / variance
            varianceSlope =
                varianceSlope * (1 - reflection * reflection) - total * reflection / variance + 0.5 / variance
            for i in passes.indices {
                varianceSlope += passes[i].reverseStep(
                    t, variance: variance, gains: gains.gains, row: t * width, length: length, slopes: &gainSlope)
            }
        }
        guard steps > 0 else { return }
        slopes.variance += varianceSlope
        for i in slopes.gain.indices { slopes.gain[i] += gainSlope[i] + generatorSlope[i] }
        // κ starts as gain + variance · (coefficients of 1 - Σ φ B^lag).
        let startVariance = gains.variances[0]
        for (k, lag) in ar.lags.enumerated() {
            slopes.variance += gainSlope[lag - 1] * ar.coefficients[k]
            slopes.ar[k] += gainSlope[lag - 1] * startVariance
        }
    }

    /// From slopes of the polynomials and the start to slopes of the parameters, eight at a time.
    func chain(
        _ slopes: CoefficientSlopes, _ parameters: [Double], as meaning: Parameters, startVariance: Double
    ) -> [Double] {
        var gradient = [Double](repeating: 0, count: parameters.count)
        for first in stride(from: 0, to: parameters.count, by: Dual.directions) {
            let duals = parameters.enumerated().map { index, parameter in
                var dual = Dual(parameter)
                if index >= first, index < first + Dual.directions { dual.slope[index - first] = 1 }
                return dual
            }
            let coefficients =
                meaning == .unconstrained
                ? ARMACoefficients<Dual>(unconstrained: duals, order: order)
                : ARMACoefficients<Dual>(duals, order: order)
            let ar = coefficients.autoregression(period: order.period)
            let ma = coefficients.movingAverage(period: order.period)
            var total = SIMD8<Double>.zero
            for (slope, coefficient) in zip(slopes.ar, ar.coefficients) { total += coefficient.slope * slope }
            for (slope, coefficient) in zip(slopes.ma, ma.coefficients) { total += coefficient.slope * slope }
            if method == .exact, gains.steadyFrom > 0, let start = ARMAStart<Dual>(ar: ar, ma: ma) {
                total += start.variance.slope * slopes.variance
                for (slope, gain) in zip(slopes.gain, start.gain) { total += gain.slope * slope }
            }
            for index in first..<min(first + Dual.directions, parameters.count) {
                gradient[index] = total[index - first]
            }
        }
        return gradient
    }
}

/// The reverse of filtering one column.
private struct ReversePass {
    let input: [Double]
    let errors: [Double]
    /// Slope of the objective with respect to half of `Σ errors²/F`.
    let weight: Double
    /// Slope with respect to each error.
    private var slopes: [Double] = []

    init(input: [Double], errors: [Double], weight: Double) {
        (self.input, self.errors, self.weight) = (input, errors, weight)
    }

    /// Steps from `steady` on, where the errors obey the plain recursion.
    mutating func reverseSteady(from steady: Int, pad: Int, ma: LagPolynomial<Double>, slopes maSlopes: inout [Double])
    {
        let (n, weight, errors) = (errors.count, weight, errors)
        slopes = [Double](repeating: 0, count: n + pad)
        var span = slopes.mutableSpan
        let (lags, coefficients) = (ma.lags.span, ma.coefficients.span)
        for t in stride(from: n - 1, through: steady, by: -1) {
            var sum = weight * errors[t]
            for k in lags.indices where t + lags[k] < n { sum -= coefficients[k] * span[t + lags[k]] }
            span[t] = sum
        }
        for (k, lag) in ma.lags.enumerated() where steady + lag < n {
            maSlopes[k] -= dot(errors.span, from: steady, slopes.span, from: steady + lag, count: n - steady - lag)
        }
    }

    /// Step `t` before the steady state; returns the slope of its prediction variance.
    mutating func reverseStep(
        _ t: Int, variance: Double, gains: [Double], row: Int, length: Int, slopes gainSlopes: inout [Double]
    ) -> Double {
        let count = min(length, slopes.count - t - 1)
        let known = dot(gains.span, from: row, slopes.span, from: t + 1, count: count)
        let error = errors[t]
        slopes[t] = (weight * error - known) / variance
        var target = gainSlopes.mutableSpan
        addScaled(slopes.span, from: t + 1, times: -error / variance, to: &target, from: 0, count: count)
        return error / variance * (known - 0.5 * weight * error) / variance
    }

    func accumulate(ar: LagPolynomial<Double>, slopes arSlopes: inout [Double]) {
        for (k, lag) in ar.lags.enumerated() where lag < input.count {
            arSlopes[k] += dot(slopes.span, from: lag, input.span, from: 0, count: input.count - lag)
        }
    }
}
