/// What the exact likelihood starts from: moments of a stationary ARMA process with innovation variance 1.
struct ARMAStart<Scalar: RealScalar> {
    /// Variance of one observation.
    var variance: Scalar
    /// Covariances of one observation with what it says about the next ones: the first (unnormalised) gain.
    var gain: [Scalar]

    /// `nil` where the process is not stationary, to working precision.
    ///
    /// - Parameters:
    ///   - ar: `1 - Σ φ B^lag`.
    ///   - ma: `1 + Σ θ B^lag`.
    /// - Complexity: O(*r*²) for the largest lag *r*: Levinson's recursion downwards, then upwards.
    init?(ar: LagPolynomial<Scalar>, ma: LagPolynomial<Scalar>) {
        let zero = Scalar(0)
        let (p, q) = (ar.degree, ma.degree)
        let phi = ar.dense.map { -$0 }  // phi[0] is -1 and is not used
        let theta = ma.dense

        // Autocovariances of the autoregressive part alone, at lags 0...p + q.
        var pure = [Scalar](repeating: zero, count: p + q + 1)
        guard let partials = Self.stepDown(Array(phi.dropFirst())) else { return nil }
        var innovation = Scalar(1)
        for partial in partials { innovation = innovation / (Scalar(1) - partial * partial) }
        pure[0] = innovation
        var rising: [Scalar] = []
        for (order, partial) in partials.enumerated() {
            var next = partial * innovation
            for (i, coefficient) in rising.enumerated() { next = next + coefficient * pure[order - i] }
            pure[order + 1] = next
            innovation = innovation * (Scalar(1) - partial * partial)
            let previous = rising
            for i in previous.indices { rising[i] = previous[i] - partial * previous[previous.count - 1 - i] }
            rising.append(partial)
        }
        if q > 0 {
            for lag in (p + 1)..<(p + q + 1) {
                var sum = zero
                for (back, coefficient) in zip(ar.lags, ar.coefficients) { sum = sum - coefficient * pure[lag - back] }
                pure[lag] = sum
            }
        }

        // Autocovariances of the moving-average part, then of both, at lags 0..<max(p, 1).
        let terms = [(lag: 0, value: Scalar(1))] + zip(ma.lags, ma.coefficients).map { (lag: $0, value: $1) }
        var moving = [Scalar](repeating: zero, count: q + 1)
        var shifts: Set<Int> = []
        for a in terms {
            for b in terms where b.lag >= a.lag {
                moving[b.lag - a.lag] = moving[b.lag - a.lag] + a.value * b.value
                shifts.insert(b.lag - a.lag)
            }
        }
        let sortedShifts = shifts.sorted()
        let covariances = (0..<max(p, 1)).map { lag in
            var sum = zero
            for shift in sortedShifts {
                sum = sum + moving[shift] * (shift > 0 ? pure[lag + shift] + pure[abs(lag - shift)] : pure[lag])
            }
            return sum
        }

        // Weights of past innovations.
        var weights = [Scalar](repeating: zero, count: max(q, 1))
        weights[0] = Scalar(1)
        for lag in stride(from: 1, to: q, by: 1) {
            var sum = theta[lag]
            for (back, coefficient) in zip(ar.lags, ar.coefficients) where back <= lag {
                sum = sum - coefficient * weights[lag - back]
            }
            weights[lag] = sum
        }

        variance = covariances[0]
        gain = [Scalar](repeating: zero, count: max(p, q))
        for i in gain.indices {
            var sum = zero
            for (lag, coefficient) in zip(ar.lags, ar.coefficients) where lag > i {
                sum = sum - coefficient * covariances[lag - i - 1]
            }
            for (lag, coefficient) in zip(ma.lags, ma.coefficients) where lag > i {
                sum = sum + coefficient * weights[lag - i - 1]
            }
            gain[i] = sum
        }
        guard variance.value.isFinite, variance.value > 0 else { return nil }
    }

    /// Partial autocorrelations, `nil` outside the stationary region.
    private static func stepDown(_ coefficients: [Scalar]) -> [Scalar]? {
        var rest = coefficients
        var scratch = coefficients
        var partials = coefficients
        for order in stride(from: coefficients.count, to: 0, by: -1) {
            let partial = rest[order - 1]
            guard abs(partial.value) < 1 else { return nil }
            partials[order - 1] = partial
            let scale = Scalar(1) / (Scalar(1) - partial * partial)
            for i in 0..<(order - 1) { scratch[i] = (rest[i] + partial * rest[order - 2 - i]) * scale }
            swap(&rest, &scratch)
        }
        return partials
    }
}
