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
        return Regression(columns, target: target)?.tStatistic(0) ?? 0
    }

    /// The statistic of Osborn, Chui, Smith and Birchenhall for a unit root at the season. Above
    /// ``ocsbCriticalValue(period:)`` the series should be differenced at the season (5 %).
    ///
    /// Source: Osborn et al., *Seasonality and the order of integration for consumption* (1988), as R's `ocsb.test`.
    ///
    /// - Parameter lags: Lagged differences in the regression; `nil` chooses 0...2 by Akaike's criterion as R's `nsdiffs`
    ///   does, which takes one fewer than the best of 1...3.
    /// - Returns: 0 for a series that is too short or does not vary.
    public static func ocsb(_ series: [Double], period: Int, lags: Int? = nil) -> Double {
        guard period > 1 else { return 0 }
        let x = series.filter { !$0.isNaN }
        let regressions = lags == nil ? (1...3).map { ocsbRegression(x, period: period, lags: $0, from: 3) } : []
        let criteria = regressions.map { $0.map { $0.akaike } ?? .infinity }
        let chosen = lags ?? criteria.indices.min { criteria[$0] < criteria[$1] } ?? 0
        let lags = max(0, chosen)
        return ocsbRegression(x, period: period, lags: lags, from: lags)?.tStatistic(lags + 1) ?? 0
    }

    /// Below this statistic there is no seasonal unit root (5 %); the response surface of R's `forecast` package.
    public static func ocsbCriticalValue(period: Int) -> Double {
        let m = log(Double(max(period, 2))) - 0.7656451
        return -0.2937411 * exp(-0.2850853 * m - 0.05983644 * m * m) - 1.652202
    }

    /// Twice differenced values on their own lags and on both once differenced series, filtered by these lags.
    ///
    /// - Parameter first: How many twice differenced values are left out in front, at least `lags`.
    private static func ocsbRegression(_ x: [Double], period: Int, lags: Int, from first: Int) -> Regression? {
        let start = period + 1 + first
        guard x.count > start + lags + 3 else { return nil }
        let steps = start..<x.count
        func both(_ t: Int) -> Double { x[t] - x[t - 1] - x[t - period] + x[t - period - 1] }
        let target = steps.map(both)
        let own = (1..<(lags + 1)).map { lag in steps.map { both($0 - lag) } }
        var weights: [Double] = []
        if lags > 0 {
            guard let found = Regression(own, target: target) else { return nil }
            weights = found.coefficients
        }
        func filtered(_ t: Int, _ difference: Int) -> Double {
            var value = x[t] - x[t - difference]
            for (k, weight) in weights.enumerated() { value -= weight * (x[t - k - 1] - x[t - k - 1 - difference]) }
            return value
        }
        return Regression(
            own + [steps.map { filtered($0 - 1, period) }, steps.map { filtered($0 - period, 1) }], target: target)
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
    static func seasonalDifferences(_ series: [Double], period: Int, test: SeasonalTest) -> Int {
        guard period > 1, series.count > 2 * period else { return 0 }
        switch test {
        case .strength: return seasonalStrength(series, period: period) > 0.64 ? 1 : 0
        case .ocsb:
            let statistic = ocsb(series, period: period)
            return statistic != 0 && statistic > ocsbCriticalValue(period: period) ? 1 : 0
        }
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

/// How to decide whether a series is differenced at the season.
public enum SeasonalTest: String, Sendable, Hashable, Codable, CaseIterable {
    /// By how much of the variance a seasonal pattern explains.
    case strength
    /// By a test for a seasonal unit root.
    case ocsb
}

/// Ordinary least squares on a few columns.
private struct Regression {
    let coefficients: [Double]
    let sumOfSquares: Double
    private let rows: Int
    private let triangle: [Double]

    /// `nil` where columns are collinear or there are too few rows.
    init?(_ columns: [[Double]], target: [Double]) {
        let (n, k) = (target.count, columns.count)
        guard n > k else { return nil }
        var cross = [Double](repeating: 0, count: k * k)
        var beta = [Double](repeating: 0, count: k)
        for (i, column) in columns.enumerated() {
            beta[i] = dot(column.span, from: 0, target.span, from: 0, count: n)
            for (j, other) in columns.prefix(i + 1).enumerated() {
                cross[i * k + j] = dot(column.span, from: 0, other.span, from: 0, count: n)
            }
        }
        guard choleskyInPlace(&cross, size: k) else { return nil }
        solveInPlace(cross, size: k, &beta)
        var sum = 0.0
        for t in 0..<n {
            var error = target[t]
            for i in 0..<k { error -= beta[i] * columns[i][t] }
            sum += error * error
        }
        (coefficients, sumOfSquares, rows, triangle) = (beta, sum, n, cross)
    }

    /// A coefficient in units of its standard error.
    func tStatistic(_ index: Int) -> Double {
        let k = coefficients.count
        var unit = [Double](repeating: 0, count: k)
        unit[index] = 1
        solveInPlace(triangle, size: k, &unit)
        let deviation = (sumOfSquares / Double(rows - k) * unit[index]).squareRoot()
        return deviation > 0 ? coefficients[index] / deviation : 0
    }

    /// Akaike's criterion but for a constant.
    var akaike: Double { Double(rows) * log(sumOfSquares / Double(rows)) + 2 * Double(coefficients.count) }
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
