import Glibc

/// Tests that say how often a series should be differenced.
public enum UnitRootTests {
    /// The KPSS statistic of stationarity around a level. Above 0.463 the series is not stationary (5 %).
    ///
    /// Long-run variance with Bartlett weights up to lag `3√n / 13`, as R's `ndiffs`.
    /// Source: Kwiatkowski, Phillips, Schmidt, Shin (1992).
    public static func kpss(_ series: [Double]) -> Double {
        let x = series.filter { !$0.isNaN }
        let n = Double(x.count)
        guard x.count > 2 else { return 0 }
        let mean = x.reduce(0, +) / n
        let e = x.map { $0 - mean }
        var (partial, eta) = (0.0, 0.0)
        for value in e {
            partial += value
            eta += partial * partial
        }
        var longRun = dot(e.span, from: 0, e.span, from: 0, count: e.count)
        let lags = min(Int(3 * n.squareRoot() / 13), e.count - 1)
        for lag in stride(from: 1, through: lags, by: 1) {
            let weight = 1 - Double(lag) / Double(lags + 1)
            longRun += 2 * weight * dot(e.span, from: lag, e.span, from: 0, count: e.count - lag)
        }
        return longRun > 0 ? eta / (n * longRun) : 0
    }

    /// The augmented Dickey–Fuller *t* statistic with a constant. Below −2.86 there is no unit root (5 %).
    ///
    /// - Parameter lags: Lagged differences; `nil` takes ⌊(n − 1)^⅓⌋.
    public static func augmentedDickeyFuller(_ series: [Double], lags: Int? = nil) -> Double {
        let x = series.filter { !$0.isNaN }
        let lags = max(0, lags ?? Int(cbrt(Double(max(x.count - 1, 0)))))
        let rows = x.count - 1 - lags
        let k = lags + 2
        guard rows > k + 1 else { return 0 }
        let differences = zip(x.dropFirst(), x).map { $0 - $1 }
        let mean = x.reduce(0, +) / Double(x.count)
        // Columns: lagged level, constant, lagged differences.
        var columns = [(0..<rows).map { x[$0 + lags] - mean }, [Double](repeating: 1, count: rows)]
        for lag in stride(from: 1, through: lags, by: 1) {
            columns.append((0..<rows).map { differences[$0 + lags - lag] })
        }
        let target = (0..<rows).map { differences[$0 + lags] }
        var cross = [Double](repeating: 0, count: k * k)
        var beta = [Double](repeating: 0, count: k)
        for (i, column) in columns.enumerated() {
            beta[i] = dot(column.span, from: 0, target.span, from: 0, count: rows)
            for (j, other) in columns.prefix(i + 1).enumerated() {
                cross[i * k + j] = dot(column.span, from: 0, other.span, from: 0, count: rows)
            }
        }
        guard choleskyInPlace(&cross, size: k) else { return 0 }
        solveInPlace(cross, size: k, &beta)
        var sum = 0.0
        for t in 0..<rows {
            var error = target[t]
            for i in 0..<k { error -= beta[i] * columns[i][t] }
            sum += error * error
        }
        var unit = [Double](repeating: 0, count: k)
        unit[0] = 1
        solveInPlace(cross, size: k, &unit)
        let deviation = (sum / Double(rows - k) * unit[0]).squareRoot()
        return deviation > 0 ? beta[0] / deviation : 0
    }

    /// Share of the detrended variance that a seasonal pattern explains, 0...1. Above 0.64 the series should be
    /// differenced at the season.
    ///
    /// Source: Wang, Smith, Hyndman, *Characteristic-based clustering for time series data* (2006); the pattern may
    /// drift slowly, as in STL.
    public static func seasonalStrength(_ series: [Double], period: Int) -> Double {
        guard let parts = SeasonalDecomposition(series, period: period) else { return 0 }
        let (rest, both) = (spread(parts.remainder), spread(zip(parts.seasonal, parts.remainder).map { $0 + $1 }))
        return both > 0 ? min(max(1 - rest / both, 0), 1) : 0
    }

    private static func spread(_ x: [Double]) -> Double {
        let mean = x.reduce(0, +) / Double(max(x.count, 1))
        return x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    }

    /// How often to difference at the season (0 or 1).
    static func seasonalDifferences(_ series: [Double], period: Int) -> Int {
        period > 1 && series.count > 2 * period && seasonalStrength(series, period: period) > 0.64 ? 1 : 0
    }

    /// How often to difference (0...2) until the KPSS test accepts stationarity.
    static func differences(_ series: [Double]) -> Int {
        var x = series
        for d in 0..<2 {
            guard x.count > 3, x.contains(where: { $0 != x[0] }), kpss(x) > 0.463 else { return d }
            x = zip(x.dropFirst(), x).map { $0 - $1 }
        }
        return 2
    }
}

/// Trend, seasonal pattern and remainder by moving averages.
struct SeasonalDecomposition {
    var trend: [Double]
    var seasonal: [Double]
    var remainder: [Double]

    /// `nil` for fewer than two seasons. Missing values must have been filled in.
    ///
    /// - Parameter window: Over how many seasons the pattern is averaged (weights fall off as in loess); all of them
    ///   for a pattern that never changes.
    init?(_ series: [Double], period: Int, window: Int = 11) {
        let n = series.count
        guard period > 1, n >= 2 * period else { return nil }
        var trend = centredAverage(series, period: period)
        var seasonal = [Double](repeating: 0, count: n)
        for pass in 0..<2 {
            let detrended = zip(series, trend).map { $0 - $1 }
            for phase in 0..<period {
                let places = Array(stride(from: phase, to: n, by: period))
                for (k, place) in places.enumerated() {
                    var (sum, weight) = (0.0, 0.0)
                    for (j, other) in places.enumerated() {
                        let distance = Double(abs(j - k)) / (Double(window) / 2 + 0.5)
                        guard distance < 1 else { continue }
                        let w = pow(1 - pow(distance, 3), 3)
                        sum += w * detrended[other]
                        weight += w
                    }
                    seasonal[place] = sum / weight
                }
            }
            let level = centredAverage(seasonal, period: period)
            for t in 0..<n { seasonal[t] -= level[t] }
            if pass == 0 { trend = smoothed(zip(series, seasonal).map { $0 - $1 }, window: period | 1) }
        }
        (self.trend, self.seasonal) = (trend, seasonal)
        remainder = (0..<n).map { series[$0] - trend[$0] - seasonal[$0] }
    }
}

/// Moving average over one season, half weights at the ends of an even one; straight lines continue it at both ends.
func centredAverage(_ series: [Double], period: Int) -> [Double] {
    let n = series.count
    let half = period / 2
    guard n > 2 * half else { return [Double](repeating: series.reduce(0, +) / Double(max(n, 1)), count: n) }
    var result = [Double](repeating: 0, count: n)
    for t in half..<(n - half) {
        var sum = 0.0
        if period % 2 == 0 {
            sum = 0.5 * (series[t - half] + series[t + half])
            for j in (t - half + 1)..<(t + half) { sum += series[j] }
        } else {
            for j in (t - half)...(t + half) { sum += series[j] }
        }
        result[t] = sum / Double(period)
    }
    let (first, last) = (half, n - half - 1)
    let reach = min(period, last - first)
    let startSlope = reach > 0 ? (result[first + reach] - result[first]) / Double(reach) : 0
    let endSlope = reach > 0 ? (result[last] - result[last - reach]) / Double(reach) : 0
    for t in 0..<first { result[t] = result[first] - startSlope * Double(first - t) }
    for t in (last + 1)..<n { result[t] = result[last] + endSlope * Double(t - last) }
    return result
}

/// Locally linear regression with tricube weights over `window` points.
func smoothed(_ series: [Double], window: Int) -> [Double] {
    let n = series.count
    let width = Double(max(window, 3)) / 2 + 0.5
    let reach = Int(width.rounded(.up))
    return (0..<n).map { t in
        var (s0, s1, s2, y0, y1) = (0.0, 0.0, 0.0, 0.0, 0.0)
        // At the ends the window leans inwards and keeps its length.
        let lack = max(0, max(reach - t, reach - (n - 1 - t)))
        let span = width + Double(lack)
        for j in max(0, t - reach - lack)...min(n - 1, t + reach + lack) {
            let x = Double(j - t)
            let distance = abs(x) / span
            guard distance < 1 else { continue }
            let w = pow(1 - distance * distance * distance, 3)
            s0 += w
            s1 += w * x
            s2 += w * x * x
            y0 += w * series[j]
            y1 += w * x * series[j]
        }
        let determinant = s0 * s2 - s1 * s1
        return determinant > 1e-9 * s0 * s2 ? (s2 * y0 - s1 * y1) / determinant : y0 / s0
    }
}
