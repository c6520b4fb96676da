import Glibc

/// The likelihood of a differenced series under an ARMA model, with its exact derivatives.
///
/// The innovation variance and the coefficients of regressors are maximised out. Missing values are integrated out:
/// each enters as an unknown with a flat prior, which gives the same numbers as a Kalman filter with exact diffuse
/// start that skips them (Gómez, Maravall, Peña, *Missing observations in ARIMA models: skipping approach versus
/// additive outlier approach*, 1999).
///
/// The value holds scratch memory only: equal parameters give equal results however often and in which order they come.
package struct ARMALikelihood: Sendable {
    /// What is maximised.
    package enum Method { case exact, conditional }
    /// What the parameters mean.
    package enum Parameters { case unconstrained, coefficients }

    package struct Value {
        /// `0.5 (log(Σ v²/F) + …)` without constants, times the number of observations: what the optimiser minimises.
        package var objective: Double
        package var logLikelihood: Double
        /// Innovation variance.
        package var variance: Double
        /// Corrections of the filled-in values, then coefficients of the regressors.
        package var effects: [Double]
        /// Derivatives of `objective`; empty unless asked for.
        package var gradient: [Double] = []
    }

    package let sample: ARMASample
    package let order: ARIMAOrder
    package let method: Method
    package private(set) var gains = ARMAGains()
    /// Every column of the sample turned into prediction errors.
    private(set) var filtered: [Double]
    private var scratch: [Double] = []

    package init(_ sample: ARMASample, order: ARIMAOrder, method: Method = .exact) {
        (self.sample, self.order, self.method) = (sample, order, method)
        filtered = sample.columns
    }

    /// `nil` where the parameters are not stationary or rounding destroyed the result.
    package mutating func evaluate(
        _ parameters: [Double], as meaning: Parameters = .coefficients, gradient wantsGradient: Bool = false
    ) -> Value? {
        let coefficients =
            meaning == .unconstrained
            ? ARMACoefficients<Double>(unconstrained: parameters, order: order)
            : ARMACoefficients<Double>(parameters, order: order)
        let ar = coefficients.autoregression(period: order.period)
        let ma = coefficients.movingAverage(period: order.period)
        var start: ARMAStart<Double>?
        if method == .exact {
            start = ARMAStart(ar: ar, ma: ma)
            guard let start, gains.run(ar: ar, ma: ma, start: start, steps: sample.length) else { return nil }
        }
        for column in 0..<sample.columnCount { filter(column, ar: ar, ma: ma) }
        guard let fit = LinearEffects(filtered, sample: sample, gains: gains) else { return nil }
        let observations = Double(method == .exact ? sample.observations : sample.observations - ar.degree)
        guard observations > 0, fit.sumOfSquares > 0 else { return nil }
        let logDeterminant = fit.logDeterminant + sumOfLogarithms(gains.variances)
        let variance = fit.sumOfSquares / observations
        let objective = 0.5 * (observations * log(variance) + logDeterminant)
        guard objective.isFinite else { return nil }
        var value = Value(
            objective: objective, logLikelihood: -objective - 0.5 * observations * (log(2 * .pi) + 1),
            variance: variance, effects: fit.effects)
        if wantsGradient {
            var slopes = CoefficientSlopes(ar: ar, ma: ma)
            differentiate(fit, errorWeight: 1 / variance, ar: ar, ma: ma, into: &slopes)
            value.gradient = chain(slopes, parameters, as: meaning, startVariance: start?.variance ?? 1)
        }
        return value
    }

    /// The log-likelihood alone: for a series without regressors and missing values one pass that keeps no gains.
    package mutating func logLikelihood(at coefficients: [Double]) -> Double? {
        guard method == .exact, sample.columnCount == 1 else { return evaluate(coefficients)?.logLikelihood }
        let parts = ARMACoefficients<Double>(coefficients, order: order)
        let ar = parts.autoregression(period: order.period)
        let ma = parts.movingAverage(period: order.period)
        guard let start = ARMAStart<Double>(ar: ar, ma: ma) else { return nil }
        let n = sample.length
        var errors = sample.columns + [Double](repeating: 0, count: start.gain.count)
        subtractPast(sample.columns, from: 0, count: n, ar, in: &errors)
        var (gain, generator, variance) = (start.gain, start.gain, start.variance)
        for (lag, coefficient) in zip(ar.lags, ar.coefficients) { gain[lag - 1] += variance * coefficient }
        var (variances, sum, t) = ([Double](), 0.0, 0)
        variances.reserveCapacity(n)
        while t < n {
            if t >= ar.degree, t % 4 == 0 || ma.degree == 0,
                generator.prefix(ma.degree).allSatisfy({ abs($0) < ARMAGains.negligible })
            {
                break
            }
            guard variance > 0, variance.isFinite else { return nil }
            variances.append(variance)
            let weight = errors[t] / variance
            sum += weight * errors[t]
            let reflection = generator[0] / variance
            schurStep(
                &gain, &generator, length: max(ma.degree, ar.degree - t), reflection: reflection, takingFrom: &errors,
                at: t + 1, weight: weight)
            variance *= (1 - reflection) * (1 + reflection)
            t += 1
        }
        removeErrors(from: &errors, in: t..<n, ma)
        sum += dot(errors.span, from: t, errors.span, from: t, count: n - t)
        let value = -0.5 * (Double(n) * (log(2 * .pi * sum / Double(n)) + 1) + sumOfLogarithms(variances))
        return sum > 0 && value.isFinite ? value : nil
    }

    /// Turns one column of the sample into prediction errors.
    private mutating func filter(_ column: Int, ar: LagPolynomial<Double>, ma: LagPolynomial<Double>) {
        let (n, base) = (sample.length, column * sample.length)
        scratch.removeAll(keepingCapacity: true)
        scratch.append(contentsOf: sample.columns[base..<(base + n)])
        scratch.append(contentsOf: repeatElement(0, count: gains.width))
        subtractPast(sample.columns, from: base, count: n, ar, in: &scratch)
        switch method {
        case .exact: gains.removeKnownErrors(from: &scratch, count: n, ma)
        case .conditional:
            for t in 0..<min(ar.degree, n) { scratch[t] = 0 }
            removeErrors(from: &scratch, in: min(ar.degree, n)..<n, ma)
        }
        for t in 0..<n { filtered[base + t] = scratch[t] }
    }
}

/// `Σ log x` of positive numbers, with one logarithm for many of them: it takes longer than the rest of a step.
func sumOfLogarithms(_ x: [Double]) -> Double {
    var (sum, product) = (0.0, 1.0)
    for factor in x {
        product *= factor
        if !(product > 1e-100 && product < 1e100) {
            sum += log(product)
            product = 1
        }
    }
    return sum + log(product)
}

/// `errors[t] -= Σ φ series[t - lag]`, for a series that starts at `base`.
func subtractPast(
    _ series: [Double], from base: Int, count: Int, _ ar: LagPolynomial<Double>, in errors: inout [Double]
) {
    for (lag, coefficient) in zip(ar.lags, ar.coefficients) where lag < count {
        var target = errors.mutableSpan
        addScaled(series.span, from: base, times: coefficient, to: &target, from: lag, count: count - lag)
    }
}

/// `errors[t] -= Σ θ errors[t - lag]` over `steps`, as far as the errors before belong to `steps` too.
func removeErrors(from errors: inout [Double], in steps: Range<Int>, _ ma: LagPolynomial<Double>) {
    guard !ma.lags.isEmpty else { return }
    var errors = errors.mutableSpan
    let (lags, coefficients) = (ma.lags.span, ma.coefficients.span)
    for t in steps {
        var sum = errors[t]
        for k in lags.indices where t - lags[k] >= steps.lowerBound { sum -= coefficients[k] * errors[t - lags[k]] }
        errors[t] = sum
    }
}

extension ARMAGains {
    /// Takes from each of the first `count` numbers what the errors before it announced. What they say about later
    /// numbers stays behind them, as far as it comes from the steps before ``steadyFrom``.
    func removeKnownErrors(from errors: inout [Double], count: Int, _ ma: LagPolynomial<Double>) {
        var span = errors.mutableSpan
        for t in 0..<min(steadyFrom, count) {
            addScaled(
                gains.span, from: t * width, times: -span[t] / variances[t], to: &span, from: t + 1,
                count: min(length(at: t), span.count - t - 1))
        }
        removeErrors(from: &errors, in: min(steadyFrom, count)..<count, ma)
    }
}
