import Glibc

extension ARIMA {
    /// Autocorrelations of the residuals at lags 1...`lags`; those of white noise lie within ±2/√n.
    public func residualAutocorrelations(lags: Int) -> [Double] {
        let n = residuals.count
        let mean = residuals.reduce(0, +) / Double(max(n, 1))
        let e = residuals.map { $0 - mean }
        let total = dot(e.span, from: 0, e.span, from: 0, count: n)
        return stride(from: 1, through: max(lags, 0), by: 1).map {
            $0 < n && total > 0 ? dot(e.span, from: $0, e.span, from: 0, count: n - $0) / total : 0
        }
    }

    /// The Ljung–Box test of the residuals: a small `pValue` means that correlation is left in them.
    ///
    /// - Parameter lags: How many autocorrelations count; more than the model has coefficients.
    public func ljungBox(lags: Int) -> (statistic: Double, pValue: Double) {
        let n = Double(residuals.count)
        var statistic = 0.0
        for (k, r) in residualAutocorrelations(lags: lags).enumerated() where n > Double(k + 1) {
            statistic += n * (n + 2) * r * r / (n - Double(k + 1))
        }
        let freedom = Double(max(lags - order.coefficientCount, 1))
        return (statistic, upperGamma(freedom / 2, statistic / 2))
    }
}

/// The regularised upper incomplete gamma function: what a chi-squared variable of 2 `a` degrees exceeds.
///
/// Source: *Numerical Recipes* §6.2, by series below the mode and by continued fraction above it.
private func upperGamma(_ a: Double, _ x: Double) -> Double {
    guard x > 0, x.isFinite else { return x > 0 ? 0 : 1 }
    let scale = exp(a * log(x) - x - lgamma(a))
    if x < a + 1 {
        var (term, sum, k) = (1 / a, 1 / a, a)
        for _ in 0..<1000 where abs(term) > 1e-16 * sum {
            k += 1
            term *= x / k
            sum += term
        }
        return max(0, 1 - sum * scale)
    }
    var b = x + 1 - a
    var c = 1e300
    var d = 1 / b
    var fraction = d
    for i in 1..<1000 {
        let factor = -Double(i) * (Double(i) - a)
        b += 2
        d = 1 / (factor * d + b)
        c = b + factor / c
        let change = d * c
        fraction *= change
        if abs(change - 1) < 1e-15 { break }
    }
    return fraction * scale
}
