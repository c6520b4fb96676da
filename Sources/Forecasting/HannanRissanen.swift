import Glibc

/// Starting values for the likelihood by two regressions, shared by every candidate on one differenced series.
///
/// A long autoregression by Levinson's recursion gives approximate innovations; regressing the series on its own lags
/// and on theirs gives coefficients. Source: Hannan, Rissanen, *Recursive estimation of mixed autoregressive-moving
/// average order* (1982).
struct HannanRissanen: Sendable {
    private let series: [Double]
    private let innovations: [Double]
    private let firstInnovation: Int

    /// - Parameter longestLag: Seasonal lags up to this one are within the long autoregression.
    init(_ sample: ARMASample, longestLag: Int) {
        let n = sample.length
        var series = Array(sample.columns[0..<n])
        for k in 0..<sample.regressors {  // orthonormal columns
            let base = (1 + sample.missing + k) * n
            let weight = dot(sample.columns.span, from: base, series.span, from: 0, count: n)
            var span = series.mutableSpan
            addScaled(sample.columns.span, from: base, times: -weight, to: &span, from: 0, count: n)
        }
        let order = min(max(Int(10 * log10(Double(n))), longestLag + 3), n / 3)
        let covariances = (0...max(order, 0)).map {
            dot(series.span, from: $0, series.span, from: 0, count: n - $0)
        }
        var coefficients: [Double] = []
        var variance = covariances[0]
        for k in 0..<order where variance > 1e-12 * covariances[0] {
            var partial = covariances[k + 1]
            for (i, a) in coefficients.enumerated() { partial -= a * covariances[k - i] }
            partial /= variance
            let previous = coefficients
            for i in previous.indices { coefficients[i] = previous[i] - partial * previous[k - 1 - i] }
            coefficients.append(partial)
            variance *= 1 - partial * partial
        }
        var errors = series
        for (i, a) in coefficients.enumerated() {
            var span = errors.mutableSpan
            addScaled(series.span, from: 0, times: -a, to: &span, from: i + 1, count: n - i - 1)
        }
        (self.series, innovations, firstInnovation) = (series, errors, order)
    }

    /// Unconstrained parameters of a stationary, invertible model; zeros where the regression fails.
    func start(_ order: ARIMAOrder) -> [Double] {
        let n = series.count
        let own = (1..<(order.p + 1)).map { $0 } + (1..<(order.seasonalP + 1)).map { $0 * order.period }
        let errors = (1..<(order.q + 1)).map { $0 } + (1..<(order.seasonalQ + 1)).map { $0 * order.period }
        let k = own.count + errors.count
        let zeros = [Double](repeating: 0, count: k)
        let first = max(own.max() ?? 0, (errors.max() ?? 0) + (errors.isEmpty ? 0 : min(firstInnovation, n / 4)))
        guard k > 0, n - first > 2 * k + 2 else { return zeros }
        let lagged = own.map { (series, $0) } + errors.map { (innovations, $0) }
        var cross = [Double](repeating: 0, count: k * k)
        var target = zeros
        for (i, (a, lag)) in lagged.enumerated() {
            target[i] = dot(a.span, from: first - lag, series.span, from: first, count: n - first)
            for (j, (b, other)) in lagged.enumerated().prefix(i + 1) {
                cross[i * k + j] = dot(a.span, from: first - lag, b.span, from: first - other, count: n - first)
            }
            cross[i * k + i] *= 1 + 1e-6
        }
        guard choleskyInPlace(&cross, size: k) else { return zeros }
        solveInPlace(cross, size: k, &target)
        var rest = target[...]
        func take(_ count: Int, sign: Double) -> [Double] {
            defer { rest = rest.dropFirst(count) }
            return unconstrained(rest.prefix(count).map { sign * $0 })
        }
        let (ar, seasonalAR) = (take(order.p, sign: 1), take(order.seasonalP, sign: 1))
        let (ma, seasonalMA) = (take(order.q, sign: -1), take(order.seasonalQ, sign: -1))
        return ar + ma + seasonalAR + seasonalMA
    }
}

/// Numbers that the transformation turns into these coefficients, pulled inside the stationary region if need be.
func unconstrained(_ coefficients: [Double]) -> [Double] {
    var shrunk = coefficients
    for _ in 0..<40 {
        if let found = partials(polynomial: shrunk), found.allSatisfy({ abs($0) < 0.97 }) {
            return found.map { atanh($0) }
        }
        shrunk = shrunk.enumerated().map { $1 * pow(0.9, Double($0 + 1)) }
    }
    return coefficients.map { _ in 0 }
}
