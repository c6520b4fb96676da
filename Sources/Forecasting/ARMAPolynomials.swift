/// A polynomial `1 + Σ c[k] B^lags[k]` in the lag operator, without its many zeros.
struct LagPolynomial<Scalar: RealScalar>: Sendable {
    /// Strictly increasing, positive.
    var lags: [Int]
    var coefficients: [Scalar]

    static var one: LagPolynomial { LagPolynomial(lags: [], coefficients: []) }

    /// `1 + Σ factor[i] B^((i + 1) · step)`
    init(factor: [Scalar], step: Int) {
        lags = factor.indices.map { ($0 + 1) * step }
        coefficients = factor
    }

    init(lags: [Int], coefficients: [Scalar]) {
        self.lags = lags
        self.coefficients = coefficients
    }

    var degree: Int { lags.last ?? 0 }

    static func * (a: LagPolynomial, b: LagPolynomial) -> LagPolynomial {
        var product = LagPolynomial(lags: [], coefficients: [])
        for (lag, coefficient) in zip([0] + b.lags, [Scalar(1)] + b.coefficients) {
            for (other, factor) in zip([0] + a.lags, [Scalar(1)] + a.coefficients) where lag + other > 0 {
                product.add(coefficient * factor, at: lag + other)
            }
        }
        return product
    }

    private mutating func add(_ term: Scalar, at lag: Int) {
        var position = lags.count
        while position > 0, lags[position - 1] > lag { position -= 1 }
        if position > 0, lags[position - 1] == lag {
            coefficients[position - 1] = coefficients[position - 1] + term
        } else {
            lags.insert(lag, at: position)
            coefficients.insert(term, at: position)
        }
    }

    /// Coefficients of lags 0...degree.
    var dense: [Scalar] {
        var all = [Scalar](repeating: Scalar(0), count: degree + 1)
        all[0] = Scalar(1)
        for (lag, coefficient) in zip(lags, coefficients) { all[lag] = coefficient }
        return all
    }
}

extension LagPolynomial: Equatable where Scalar: Equatable {}
extension LagPolynomial: Hashable where Scalar: Hashable {}
extension LagPolynomial: Codable where Scalar: Codable {}

extension LagPolynomial where Scalar == Double {
    /// `(1 - B)^d (1 - B^m)^D`
    static func differencing(_ order: ARIMAOrder) -> LagPolynomial {
        var product = LagPolynomial.one
        for _ in 0..<order.d { product = product * LagPolynomial(lags: [1], coefficients: [-1]) }
        for _ in 0..<order.seasonalD { product = product * LagPolynomial(lags: [order.period], coefficients: [-1]) }
        return product
    }
}

/// The coefficients of an ARMA model in the order ar, ma, sar, sma, as numbers of any kind.
struct ARMACoefficients<Scalar: RealScalar> {
    var ar: [Scalar]
    var ma: [Scalar]
    var seasonalAR: [Scalar]
    var seasonalMA: [Scalar]

    init(_ values: [Scalar], order: ARIMAOrder) {
        var rest = values[...]
        func take(_ count: Int) -> [Scalar] {
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
        ar = take(order.p)
        ma = take(order.q)
        seasonalAR = take(order.seasonalP)
        seasonalMA = take(order.seasonalQ)
    }

    /// Coefficients from unconstrained numbers: every factor becomes stationary or invertible.
    ///
    /// `tanh` gives partial autocorrelations, the Durbin–Levinson recursion gives the polynomial.
    /// Source: Monahan, *A note on enforcing stationarity in ARMA models* (1984).
    init(unconstrained values: [Scalar], order: ARIMAOrder) {
        self.init(values, order: order)
        ar = polynomial(partials: ar.map(Scalar.hyperbolicTangent))
        seasonalAR = polynomial(partials: seasonalAR.map(Scalar.hyperbolicTangent))
        ma = polynomial(partials: ma.map(Scalar.hyperbolicTangent)).map { -$0 }
        seasonalMA = polynomial(partials: seasonalMA.map(Scalar.hyperbolicTangent)).map { -$0 }
    }

    var all: [Scalar] { ar + ma + seasonalAR + seasonalMA }

    /// `φ(B)Φ(B^m)` as `1 - Σ φ B^lag`
    func autoregression(period: Int) -> LagPolynomial<Scalar> {
        LagPolynomial(factor: ar.map { -$0 }, step: 1) * LagPolynomial(factor: seasonalAR.map { -$0 }, step: period)
    }

    /// `θ(B)Θ(B^m)` as `1 + Σ θ B^lag`
    func movingAverage(period: Int) -> LagPolynomial<Scalar> {
        LagPolynomial(factor: ma, step: 1) * LagPolynomial(factor: seasonalMA, step: period)
    }
}

/// The autoregressive coefficients whose partial autocorrelations are given.
func polynomial<Scalar: RealScalar>(partials: [Scalar]) -> [Scalar] {
    var coefficients: [Scalar] = []
    for partial in partials {
        let previous = coefficients
        for i in previous.indices { coefficients[i] = previous[i] - partial * previous[previous.count - 1 - i] }
        coefficients.append(partial)
    }
    return coefficients
}

/// The partial autocorrelations of autoregressive coefficients; `nil` outside the stationary region.
func partials(polynomial coefficients: [Double]) -> [Double]? {
    var rest = coefficients
    var partials = coefficients
    for order in stride(from: coefficients.count, to: 0, by: -1) {
        let partial = rest[order - 1]
        guard abs(partial) < 1 else { return nil }
        partials[order - 1] = partial
        let scale = 1 / (1 - partial * partial)
        rest = (0..<(order - 1)).map { (rest[$0] + partial * rest[order - 2 - $0]) * scale }
    }
    return partials
}
