import Glibc
import LinearAlgebra

/// Forecasts prices that move in steps, such as spot prices, from what many such series have in common.
///
/// A price holds for hours and then moves a little, mostly on in the same direction. How far it will have moved after
/// `h` steps is a linear function of its last changes, learnt by least absolute errors on all series together: a short
/// series borrows from the others. There is one set of coefficients for each class of times (since the last change, and
/// whether that one came soon after the one before) and, near to it, for each direction of the last changes. Intervals
/// are quantiles of what such forecasts missed, in units of each series' own volatility, by class of times: just after a
/// change the next one is hours away. Classes and their weight were chosen on the days before those that the benchmark
/// forecasts.
///
///     let model = try StepPriceForecaster.fit(hourlyPrices, horizon: 24)
///     let forecast = try model.forecast(hourlyPrices[0], horizon: 24, levels: [0.9])
public struct StepPriceForecaster: Sendable, Hashable, Codable {
    /// Steps ahead for which coefficients were learnt; those between are interpolated.
    public let horizons: [Int]
    /// Changes of price that were learnt from.
    public let observations: Int
    /// By horizon, then by class of states.
    let coefficients: [[[Double]]]
    /// By horizon, then by class of times: missed changes in units of volatility, at ``probabilities``.
    let quantiles: [[[Double]]]
    /// Added to every series' volatility.
    let floor: Double

    static let probabilities = (0..<61).map { Double($0) / 60 }
    /// A series needs this many steps before its first forecast.
    static let memory = 169
    static let lags = [6, 12, 24, 48, 72, 120, 168]
    static let waits = [1, 2, 3, 4, 5, 6, 7, 9, 13, 25, 49]
    /// Prices on the move change every five to seven hours; a change within so many steps of the one before belongs to
    /// such a run.
    static let run = 8
    /// Classes of the time since the last change and of the time between the last two, and of their directions.
    static let timeClasses = 2 * (waits.count + 1)
    static let directionClasses = 4
    /// Examples that a class needs to be learnt from alone.
    static let enough = 400
    static let mostExamples = 500_000
    static let featureCount = 5 + lags.count + 3

    /// Learns from all series together.
    ///
    /// - Parameters:
    ///   - series: Positive prices on an equal grid; a missing one counts as unchanged. Series of fewer than 200 steps are
    ///     forecast but not learnt from.
    ///   - horizon: The furthest step that will be asked for.
    /// - Throws: ``ForecastingError`` for prices that are not positive.
    /// - Complexity: O(rows) with at most 500,000 rows of examples, whatever the number of series.
    public static func fit(
        _ series: [[Double]], horizon: Int = 24, threads: Int = 1
    ) throws(ForecastingError) -> StepPriceForecaster {
        try Forecast.validate(horizon: horizon, levels: [])
        let horizons = [1, 2, 3, 4, 6, 9, 12, 18, 24, 36, 48, 72, 96, 168].filter { $0 < horizon } + [horizon]
        var histories: [StepHistory] = []
        for one in series where one.count >= memory + 30 { histories.append(try StepHistory(one)) }
        let changes = histories.map(\.changeCount).reduce(0, +)
        let volatilities = histories.map { $0.volatility(at: $0.logs.count - 1) }.filter { $0 > 0 }
        let floor = max(0.1 * (volatilities.isEmpty ? 0 : median(volatilities)), 1e-7)
        let examples = StepExamples(histories)
        let learnt = Parallel.map(count: horizons.count, threads: threads) { index in
            learn(examples, ahead: horizons[index], floor: floor)
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
        let state = history.state(at: last)
        let kind = state / Self.directionClasses
        let moves = coefficients.map { features.isEmpty ? 0 : dotProduct($0[state], features) }
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
        _ examples: StepExamples, ahead: Int, floor: Double
    ) -> (coefficients: [[Double]], quantiles: [[Double]]) {
        let everything =
            leastAbsolute(examples, 0..<examples.count, every: 5, ahead: ahead)
            ?? [Double](repeating: 0, count: featureCount)
        var coefficients: [[Double]] = []
        var missed = [[Double]](repeating: [], count: timeClasses)
        for kind in 0..<timeClasses {
            let directions = examples.rows[(kind * directionClasses)..<((kind + 1) * directionClasses)]
            let rows = (directions.first?.lowerBound ?? 0)..<(directions.last?.upperBound ?? 0)
            let own = rows.count < enough ? everything : leastAbsolute(examples, rows, ahead: ahead) ?? everything
            for rows in directions {
                let solution = leastAbsolute(examples, rows, ahead: ahead, near: own) ?? own
                coefficients.append(solution)
                for row in rows {
                    guard let target = examples.target(row, ahead: ahead) else { continue }
                    let error = target - examples.predict(row, solution)
                    missed[kind].append(error / (examples.volatilities[row] + floor))
                }
            }
        }
        for kind in missed.indices { missed[kind].sort() }
        let all = missed.joined().sorted()
        return (
            coefficients,
            missed.map { own in
                let sample = own.count >= enough ? own : all
                return sample.isEmpty ? [0, 0] : probabilities.map { quantile(sorted: sample, $0) }
            }
        )
    }

    /// Least absolute errors by reweighted least squares, drawn towards `prior` as by a hundred examples; `nil` where
    /// there is nothing to learn.
    private static func leastAbsolute(
        _ examples: StepExamples, _ rows: Range<Int>, every spacing: Int = 1, ahead: Int, near prior: [Double]? = nil
    ) -> [Double]? {
        let k = featureCount
        var known: [(row: Int, target: Double)] = []
        for row in stride(from: rows.lowerBound, to: rows.upperBound, by: spacing) {
            if let target = examples.target(row, ahead: ahead) { known.append((row, target)) }
        }
        guard !known.isEmpty else { return nil }
        var scales = [Double](repeating: 0, count: k)
        for (row, _) in known {
            for j in 0..<k { scales[j] += examples.features[row * k + j] * examples.features[row * k + j] }
        }
        scales = scales.map { $0 > 0 ? ($0 / Double(known.count)).squareRoot() : 1 }
        let centre = prior.map { zip($0, scales).map { $0 * $1 } }
        var solution = centre ?? [Double](repeating: 0, count: k)
        for round in 0..<9 {
            var cross = [Double](repeating: 0, count: k * k)
            var right = [Double](repeating: 0, count: k)
            var total = 0.0
            var x = [Double](repeating: 0, count: k)
            for (row, target) in known {
                for j in 0..<k { x[j] = examples.features[row * k + j] / scales[j] }
                let weight = round == 0 && centre == nil ? 1 : 1 / max(abs(target - dotProduct(solution, x)), 2e-4)
                total += weight
                for i in 0..<k where x[i] != 0 {
                    let scaled = weight * x[i]
                    right[i] += scaled * target
                    for j in 0...i { cross[i * k + j] += scaled * x[j] }
                }
            }
            let strength = centre == nil ? 1e-3 * total : 100 * total / Double(known.count)
            for j in 0..<k {
                cross[j * k + j] += strength
                right[j] += strength * (centre?[j] ?? 0)
            }
            guard choleskyInPlace(&cross, size: k) else { break }
            solveInPlace(cross, size: k, &right)
            solution = right
        }
        return zip(solution, scales).map { $0 / $1 }
    }
}

extension StepPriceForecaster {
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        horizons = try values.decode([Int].self, forKey: .horizons)
        observations = try values.decode(Int.self, forKey: .observations)
        coefficients = try values.decode([[[Double]]].self, forKey: .coefficients)
        quantiles = try values.decode([[[Double]]].self, forKey: .quantiles)
        floor = try values.decode(Double.self, forKey: .floor)
        let states = Self.timeClasses * Self.directionClasses
        guard !horizons.isEmpty, coefficients.count == horizons.count, quantiles.count == horizons.count,
            coefficients.allSatisfy({ $0.count == states && $0.allSatisfy { $0.count == Self.featureCount } }),
            quantiles.allSatisfy({ $0.count == Self.timeClasses && $0.allSatisfy { !$0.isEmpty } })
        else {
            throw DecodingError.dataCorruptedError(
                forKey: .coefficients, in: values,
                debugDescription: "Price changes learnt by another version of the program: train this model again.")
        }
    }
}

/// What is learnt from: states of many series, sorted by their class.
private struct StepExamples: Sendable {
    private let histories: [StepHistory]
    private let places: [(history: Int, step: Int)]
    /// The places of each class of states.
    let rows: [Range<Int>]
    let volatilities: [Double]
    /// By row.
    let features: [Double]

    var count: Int { places.count }

    init(_ histories: [StepHistory]) {
        let memory = StepPriceForecaster.memory
        let available = histories.reduce(0) { $0 + max(0, $1.logs.count - memory - 1) }
        let spacing = max(1, (available + StepPriceForecaster.mostExamples - 1) / StepPriceForecaster.mostExamples)
        let classes = StepPriceForecaster.timeClasses * StepPriceForecaster.directionClasses
        var byState = [[(history: Int, step: Int)]](repeating: [], count: classes)
        for (index, history) in histories.enumerated() {
            for t in stride(from: memory + index % spacing, to: history.logs.count - 1, by: spacing) {
                byState[history.state(at: t)].append((index, t))
            }
        }
        var start = 0
        rows = byState.map {
            start += $0.count
            return (start - $0.count)..<start
        }
        places = Array(byState.joined())
        volatilities = places.map { histories[$0.history].volatility(at: $0.step) }
        var features: [Double] = []
        features.reserveCapacity(places.count * StepPriceForecaster.featureCount)
        for place in places { features += histories[place.history].features(at: place.step) }
        (self.histories, self.features) = (histories, features)
    }

    /// How far the price has moved `ahead` steps later; `nil` where that is not known.
    func target(_ row: Int, ahead: Int) -> Double? {
        let (history, step) = places[row]
        let logs = histories[history].logs
        return step + ahead < logs.count ? logs[step + ahead] - logs[step] : nil
    }

    func predict(_ row: Int, _ coefficients: [Double]) -> Double {
        let k = StepPriceForecaster.featureCount
        return dot(features.span, from: row * k, coefficients.span, from: 0, count: k)
    }
}

/// The logarithms of a step series, with when and how much it changed.
struct StepHistory: Sendable {
    let logs: [Double]
    /// Steps since the last change, at every step.
    let waits: [Int]
    /// Size of the change at each step that has one, where it is, and how many changes there are up to each step.
    private let sizes: [Double]
    private let times: [Int]
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
        var (waits, times, counts, sizes): ([Int], [Int], [Int], [Double]) = ([], [], [], [])
        var (squares, sums): ([Double], [Double]) = ([0], [0])
        var wait = 200
        for t in logs.indices {
            let change = t > 0 ? logs[t] - logs[t - 1] : 0
            wait = change != 0 ? 0 : wait + 1
            if change != 0 {
                sizes.append(change)
                times.append(t)
            }
            waits.append(wait)
            counts.append(sizes.count)
            squares.append((squares.last ?? 0) + change * change)
            sums.append((sums.last ?? 0) + logs[t])
        }
        (self.logs, self.waits, self.sizes, self.times, self.counts) = (logs, waits, sizes, times, counts)
        (self.squares, self.sums) = (squares, sums)
    }

    /// The geometric mean of the root of the mean squared change per day over the last week and of the last two changes.
    func volatility(at t: Int) -> Double {
        let first = max(0, t - 168)
        guard t > first else { return 0 }
        let week = max(0, (squares[t + 1] - squares[first + 1]) * 24 / Double(t - first)).squareRoot()
        return (week * (abs(change(1, at: t)) + abs(change(2, at: t)))).squareRoot()
    }

    /// The class of a state, by what ``StepPriceForecaster`` tells apart.
    func state(at t: Int) -> Int {
        let wait = StepPriceForecaster.waits.firstIndex { waits[t] < $0 } ?? StepPriceForecaster.waits.count
        let count = counts[t]
        let isRun = count >= 2 && times[count - 1] - times[count - 2] <= StepPriceForecaster.run
        let (last, before) = (change(1, at: t), change(2, at: t))
        return ((wait * 2 + (isRun ? 1 : 0)) * 2 + (last > 0 ? 1 : 0)) * 2 + (last * before > 0 ? 1 : 0)
    }

    /// The last change before step `t`, the one before and so on; 0 where there is none.
    private func change(_ back: Int, at t: Int) -> Double { counts[t] >= back ? sizes[counts[t] - back] : 0 }

    /// Empty where the history is too short.
    func features(at t: Int) -> [Double] {
        guard t >= StepPriceForecaster.memory - 1 else { return [] }
        var features: [Double] = []
        features.reserveCapacity(StepPriceForecaster.featureCount)
        for back in 1...5 { features.append(change(back, at: t)) }
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
