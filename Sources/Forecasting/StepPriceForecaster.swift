import Glibc
import LinearAlgebra

/// Forecasts prices that move in steps, such as spot prices, from what many such series have in common.
///
/// A price holds for hours and then moves a little, mostly on in the same direction. How far it will have moved after
/// `h` steps is a linear function of its last changes, with one set of coefficients for each range of time since the
/// last change, learnt by least absolute errors on all series together: a short series borrows from the others.
/// Intervals are quantiles of what such forecasts missed, in units of each series' own volatility, with one set for each
/// of these ranges too: just after a change the next one is hours away.
///
///     let model = try StepPriceForecaster.fit(hourlyPrices, horizon: 24)
///     let forecast = try model.forecast(hourlyPrices[0], horizon: 24, levels: [0.9])
public struct StepPriceForecaster: Sendable, Hashable, Codable {
    /// Steps ahead for which coefficients were learnt; those between are interpolated.
    public let horizons: [Int]
    /// Changes of price that were learnt from.
    public let observations: Int
    /// By horizon, then by class of time since the last change.
    let coefficients: [[[Double]]]
    /// By horizon, then by class of time since the last change: missed changes in units of volatility, at
    /// ``probabilities``.
    let quantiles: [[[Double]]]
    /// Added to every series' volatility.
    let floor: Double

    static let probabilities = (0..<61).map { Double($0) / 60 }
    /// A series needs this many steps before its first forecast.
    static let memory = 169
    static let lags = [6, 12, 24, 48, 72, 120, 168]
    static let waits = [1, 2, 3, 4, 5, 6, 7, 9, 13, 25, 49]
    /// Examples that a class needs to be learnt from alone.
    static let enough = 400
    static let featureCount = 5 + lags.count + 3

    /// Learns from all series together.
    ///
    /// - Parameters:
    ///   - series: Positive prices on an equal grid; a missing one counts as unchanged. Series of fewer than 200 steps are
    ///     forecast but not learnt from.
    ///   - horizon: The furthest step that will be asked for.
    /// - Throws: ``ForecastingError`` for prices that are not positive.
    /// - Complexity: O(rows) with at most 150,000 rows of examples, whatever the number of series.
    public static func fit(
        _ series: [[Double]], horizon: Int = 24, threads: Int = 1
    ) throws(ForecastingError) -> StepPriceForecaster {
        try Forecast.validate(horizon: horizon, levels: [])
        let horizons = [1, 2, 3, 4, 6, 9, 12, 18, 24, 36, 48, 72, 96, 168].filter { $0 < horizon } + [horizon]
        let usable = series.filter { $0.count >= memory + 30 }
        let examples = usable.reduce(0) { $0 + max(0, $1.count - memory - 1) }
        let spacing = max(1, (examples + 149_999) / 150_000)
        var histories: [StepHistory] = []
        for one in usable { histories.append(try StepHistory(one)) }
        let changes = histories.map(\.changeCount).reduce(0, +)
        let volatilities = histories.map { $0.volatility(at: $0.logs.count - 1) }.filter { $0 > 0 }
        let floor = max(0.1 * (volatilities.isEmpty ? 0 : median(volatilities)), 1e-7)
        let (all, fixedFloor) = (histories, floor)
        let learnt = Parallel.map(count: horizons.count, threads: threads) { index in
            learn(all, ahead: horizons[index], spacing: spacing, floor: fixedFloor)
        }
        return StepPriceForecaster(
            horizons: horizons, observations: changes, coefficients: learnt.map(\.coefficients),
            quantiles: learnt.map(\.quantiles), floor: floor)
    }

    /// The next `horizon` prices of a series.
    ///
    /// - Parameter series: Its past, oldest first; two hundred steps are enough.
    public func forecast(
        _ series: [Double], horizon: Int, levels: [Double] = [0.8, 0.95]
    ) throws(ForecastingError) -> Forecast {
        try Forecast.validate(horizon: horizon, levels: levels)
        let history = try StepHistory(Array(series.suffix(800)))
        let last = history.logs.count - 1
        let features = history.features(at: last)
        let unit = history.volatility(at: last) + floor
        let kind = Self.waits.firstIndex { history.waits[last] < $0 } ?? Self.waits.count
        let moves = coefficients.map { $0.isEmpty || features.isEmpty ? 0 : dotProduct($0[kind], features) }
        var mean: [Double] = []
        var ends = levels.map { _ in (lower: [Double](), upper: [Double]()) }
        for h in 1...horizon {
            let (below, share) = place(of: h)
            let above = min(below + 1, horizons.count - 1)
            let move = moves[below] + share * (moves[above] - moves[below])
            // A change as large as the series has never made within so many steps is not believed.
            mean.append(exp(history.logs[last] + min(max(move, -0.5), 0.5)))
            for (index, level) in levels.enumerated() {
                func end(_ p: Double) -> Double {
                    let low = quantile(sorted: quantiles[below][kind], p)
                    let high = quantile(sorted: quantiles[above][kind], p)
                    return exp(history.logs[last] + move + unit * (low + share * (high - low)))
                }
                ends[index].lower.append(min(end(0.5 - level / 2), mean[h - 1]))
                ends[index].upper.append(max(end(0.5 + level / 2), mean[h - 1]))
            }
        }
        return Forecast(
            mean: mean, intervals: zip(levels, ends).map { .init(level: $0, lower: $1.lower, upper: $1.upper) },
            observations: history.changeCount, model: "pooled steps",
            notes: features.isEmpty ? ["Too short a history: the last price is held."] : [])
    }

    /// The learnt horizon at or below `h` and how far `h` lies towards the next one.
    private func place(of h: Int) -> (Int, Double) {
        let above = horizons.firstIndex { $0 >= h } ?? horizons.count - 1
        guard above > 0, h <= horizons[above] else { return (above, 0) }
        let below = above - 1
        return (below, Double(h - horizons[below]) / Double(horizons[above] - horizons[below]))
    }

    private static func learn(
        _ histories: [StepHistory], ahead: Int, spacing: Int, floor: Double
    ) -> (coefficients: [[Double]], quantiles: [[Double]]) {
        var rows = [[[Double]]](repeating: [], count: waits.count + 1)
        var targets = [[Double]](repeating: [], count: waits.count + 1)
        var units = targets
        for (index, history) in histories.enumerated() {
            var t = memory + index % spacing
            while t + ahead < history.logs.count {
                let kind = waits.firstIndex { history.waits[t] < $0 } ?? waits.count
                rows[kind].append(history.features(at: t))
                targets[kind].append(history.logs[t + ahead] - history.logs[t])
                units[kind].append(history.volatility(at: t) + floor)
                t += spacing
            }
        }
        let everything = leastAbsolute(Array(rows.joined()), Array(targets.joined()))
        var coefficients: [[Double]] = []
        var missed: [[Double]] = []
        for kind in rows.indices {
            let own = rows[kind].count >= enough ? leastAbsolute(rows[kind], targets[kind]) : everything
            coefficients.append(own)
            missed.append(
                zip(rows[kind], zip(targets[kind], units[kind])).map { ($1.0 - dotProduct(own, $0)) / $1.1 }.sorted())
        }
        let all = missed.joined().sorted()
        return (
            coefficients,
            missed.map { own in
                let sample = own.count >= enough ? own : all
                return sample.isEmpty ? [0, 0] : probabilities.map { quantile(sorted: sample, $0) }
            }
        )
    }

    /// Least absolute errors by reweighted least squares; zeros where there is nothing to learn.
    private static func leastAbsolute(_ rows: [[Double]], _ targets: [Double]) -> [Double] {
        let k = featureCount
        var scales = [Double](repeating: 0, count: k)
        for row in rows { for j in 0..<k { scales[j] += row[j] * row[j] } }
        scales = scales.map { $0 > 0 ? ($0 / Double(max(rows.count, 1))).squareRoot() : 1 }
        var solution = [Double](repeating: 0, count: k)
        for round in 0..<9 {
            var cross = [Double](repeating: 0, count: k * k)
            var right = [Double](repeating: 0, count: k)
            var total = 0.0
            var x = [Double](repeating: 0, count: k)
            for (row, target) in zip(rows, targets) {
                for j in 0..<k { x[j] = row[j] / scales[j] }
                let weight = round == 0 ? 1 : 1 / max(abs(target - dotProduct(solution, x)), 2e-4)
                total += weight
                for i in 0..<k where x[i] != 0 {
                    let scaled = weight * x[i]
                    right[i] += scaled * target
                    for j in 0...i { cross[i * k + j] += scaled * x[j] }
                }
            }
            guard total > 0 else { return solution }
            for j in 0..<k { cross[j * k + j] += 1e-3 * total }
            guard choleskyInPlace(&cross, size: k) else { break }
            solveInPlace(cross, size: k, &right)
            solution = right
        }
        return zip(solution, scales).map { $0 / $1 }
    }
}

/// The logarithms of a step series, with when and how much it changed.
struct StepHistory: Sendable {
    let logs: [Double]
    /// Steps since the last change, at every step.
    let waits: [Int]
    /// Size of the change at each step that has one, and how many changes there are up to each step.
    private let sizes: [Double]
    private let counts: [Int]
    private let squares: [Double]
    private let sums: [Double]

    var changeCount: Int { sizes.count }

    init(_ series: [Double]) throws(ForecastingError) {
        guard let first = series.first(where: { !$0.isNaN }) else { throw .noObservations }
        var logs: [Double] = []
        logs.reserveCapacity(series.count)
        var last = first
        for (position, value) in series.enumerated() {
            if !value.isNaN { last = value }
            guard last > 0, last.isFinite else { throw .notFinite(position: position, found: value) }
            logs.append(log(last))
        }
        var (waits, sizes, counts, squares, sums): ([Int], [Double], [Int], [Double], [Double]) = ([], [], [], [0], [0])
        var wait = 200
        for t in logs.indices {
            let change = t > 0 ? logs[t] - logs[t - 1] : 0
            wait = change != 0 ? 0 : wait + 1
            if change != 0 { sizes.append(change) }
            waits.append(wait)
            counts.append(sizes.count)
            squares.append((squares.last ?? 0) + change * change)
            sums.append((sums.last ?? 0) + logs[t])
        }
        (self.logs, self.waits, self.sizes, self.counts) = (logs, waits, sizes, counts)
        (self.squares, self.sums) = (squares, sums)
    }

    /// Root of the mean squared change per day over the last week.
    func volatility(at t: Int) -> Double {
        let first = max(0, t - 168)
        return t > first ? max(0, (squares[t + 1] - squares[first + 1]) * 24 / Double(t - first)).squareRoot() : 0
    }

    /// Empty where the history is too short.
    func features(at t: Int) -> [Double] {
        guard t >= StepPriceForecaster.memory - 1 else { return [] }
        var features: [Double] = []
        features.reserveCapacity(StepPriceForecaster.featureCount)
        for back in 1...5 { features.append(counts[t] >= back ? sizes[counts[t] - back] : 0) }
        for lag in StepPriceForecaster.lags { features.append(logs[t] - logs[t - lag]) }
        let first = max(0, t - 504)
        features.append(logs[t] - (sums[t + 1] - sums[first]) / Double(t + 1 - first))
        var (low, high) = (logs[t], logs[t])
        for s in stride(from: t, through: first, by: -6) { (low, high) = (min(low, logs[s]), max(high, logs[s])) }
        features.append(logs[t] - low)
        features.append(high - logs[t])
        return features
    }
}

private func dotProduct(_ a: [Double], _ b: [Double]) -> Double {
    dot(a.span, from: 0, b.span, from: 0, count: min(a.count, b.count))
}
