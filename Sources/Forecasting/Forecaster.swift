import Glibc
import LinearAlgebra
import ModelFiles

/// How a series is forecast.
public enum ForecastMethod: String, Sendable, Hashable, Codable, CaseIterable {
    /// The weighted mean of ARIMA, exponential smoothing and theta, and of a weekly pattern in long hourly data. In a
    /// longer series what each missed at earlier points decides the weights.
    case auto
    /// Automatic ARIMA: the candidates near the best one, weighted by their Akaike weights.
    case arima
    /// Exponential smoothing with automatic components.
    case ets
    /// The theta method, with an optimised θ where there is no season.
    case theta
    /// Trend with changepoints and seasons, added up.
    case additive
    /// The last value.
    case naive
    /// The value one season ago.
    case seasonalNaive = "seasonal-naive"
    /// The straight line from the first to the last value, continued.
    case drift
}

/// What a fit should do; see ``Forecaster``.
public struct ForecastOptions: Sendable, Hashable {
    public var method: ForecastMethod
    /// Power transformation before the model; means are adjusted for its bias.
    public var boxCox: BoxCox?
    /// How the ends of intervals are found.
    public var intervals: IntervalMethod
    /// Time for one series; searches end with the best model so far.
    public var budget: Duration?
    /// Limits of the order search.
    public var arima: AutoARIMAOptions

    /// The defaults suit most series.
    public init(
        method: ForecastMethod = .auto, boxCox: BoxCox? = nil, intervals: IntervalMethod = .gaussian,
        budget: Duration? = nil, arima: AutoARIMAOptions = .init()
    ) {
        (self.method, self.boxCox, self.intervals, self.budget) = (method, boxCox, intervals, budget)
        self.arima = arima
    }
}

/// Fits a forecasting method to a series.
///
///     let fitted = try Forecaster.fit(prices, season: 24)
///     let forecast = try fitted.forecast(horizon: 24, levels: [0.9])
///     forecast.mean[0]; forecast.intervals[0].upper[0]
public enum Forecaster {
    /// - Parameters:
    ///   - series: Equally spaced observations, oldest first; NaN where one is missing.
    ///   - season: Length of the season in steps; 1 for none. One that is too long for the series is left out, with a
    ///     note.
    /// - Throws: ``ForecastingError`` if there is no observation or an infinite one. A method that fails for another
    ///   reason is replaced by a simpler one, which the notes say.
    public static func fit(
        _ series: [Double], season: Int = 1, options: ForecastOptions = .init()
    ) throws(ForecastingError) -> FittedForecaster {
        guard season >= 1 else { throw .invalidRequest("The season has \(season) steps. Give 1 (no season) or more.") }
        for (position, value) in series.enumerated() where value.isInfinite {
            throw .notFinite(position: position, found: value)
        }
        let observations = series.count(where: { !$0.isNaN })
        guard observations > 0 else { throw .noObservations }
        var notes: [String] = []
        var period = season
        // Seasonal naive needs the last season only; the plain methods have none.
        let needed = options.method == .seasonalNaive ? season : 2 * season + 1
        if season > 1, observations < needed, options.method != .naive, options.method != .drift {
            notes.append("\(observations) observations are too few for a season of \(season): no season is modelled.")
            period = 1
        }
        var boxCox = options.boxCox
        if let transformation = boxCox, series.contains(where: { !$0.isNaN && transformation.forward($0).isNaN }) {
            notes.append(
                "Values that are not positive have no logarithm or power: the Box-Cox transformation is left out.")
            boxCox = nil
        }
        let x = boxCox.map { transformation in series.map { $0.isNaN ? $0 : transformation.forward($0) } } ?? series
        let first = x.first { !$0.isNaN } ?? 0
        let isConstant = x.allSatisfy { $0.isNaN || $0 == first }
        var parts: [FittedForecaster.Part] = []
        // The methods of `auto` go through three points, and leave nothing by which an interval could be wide.
        if isConstant || observations < (options.method == .auto ? 4 : 3) {
            if observations == 1 {
                notes.append("One observation does not tell how much they vary: its intervals have no width.")
            } else if options.method != .naive {
                notes.append(isConstant ? "The series is constant." : "Too few observations: naive forecast.")
            }
            parts = [.init(weight: 1, model: .baseline(try Baseline.fit(x, kind: .naive)))]
        } else {
            parts = try fitParts(x, period: period, options: options, notes: &notes)
        }
        if observations < series.count {
            notes.append("\(series.count - observations) of \(series.count) values are missing.")
        }
        if options.method == .auto || options.method == .arima { notes += AutoARIMA.missingValueNotes(series) }
        var scores: IntervalScores?
        if options.intervals != .gaussian {
            scores = IntervalScores(parts, series: x, period: period)
            if scores == nil {
                notes.append("Too short or too regular for \(options.intervals) intervals: normal ones.")
            }
        }
        return FittedForecaster(
            method: options.method, season: season, parts: parts, boxCox: boxCox,
            inflation: options.method == .auto ? calibrated(parts, series: x, period: period) : 1,
            walk: options.method == .auto && season == 1 ? RandomWalk(x) : nil,
            isPositive: options.method == .auto && x.allSatisfy { $0.isNaN || $0 > 0 },
            intervals: scores == nil ? .gaussian : options.intervals, scores: scores, observations: observations,
            notes: notes)
    }

    private static func fitParts(
        _ x: [Double], period: Int, options: ForecastOptions, notes: inout [String]
    ) throws(ForecastingError) -> [FittedForecaster.Part] {
        let fallback = FittedForecaster.Part(
            weight: 1,
            model: .baseline(try Baseline.fit(x, kind: period > 1 ? .seasonalNaive : .naive, period: period)))
        var parts: [FittedForecaster.Part] = []
        func attempt(_ name: String, weight: Double, _ make: () throws(ForecastingError) -> [FittedForecaster.Part]) {
            do throws(ForecastingError) {
                let found = try make().filter { $0.model.path(horizon: 2 * period + 2).isFinite }
                let total = found.reduce(0) { $0 + $1.weight }
                guard total > 0 else { throw .noFit(model: name) }
                parts += found.map { .init(weight: weight * $0.weight / total, model: $0.model) }
            } catch { notes.append("\(name) was left out: \(error)") }
        }
        switch options.method {
        case .naive: return [.init(weight: 1, model: .baseline(try Baseline.fit(x, kind: .naive)))]
        case .drift: return [.init(weight: 1, model: .baseline(try Baseline.fit(x, kind: .drift)))]
        case .seasonalNaive:
            return [.init(weight: 1, model: .baseline(try Baseline.fit(x, kind: .seasonalNaive, period: period)))]
        case .additive:
            attempt("The additive model", weight: 1) { () throws(ForecastingError) in
                let seasons = period == 24 || period == 48 ? [period, 7 * period] : period > 1 ? [period] : []
                return [.init(weight: 1, model: .additive(try AdditiveModel.fit(x, seasons: seasons)))]
            }
        case .arima, .ets, .theta, .auto:
            let members: [ForecastMethod] = options.method == .auto ? [.arima, .ets, .theta] : [options.method]
            let earlier = earlierErrors(of: members, x, period: period, options: options)
            let best = earlier.values.min() ?? 0
            for method in members {
                let ratio = earlier[method].map { $0 > best ? best / $0 : 1 } ?? 1
                guard ratio > 0 else { continue }
                let name = [.arima: "ARIMA", .ets: "ETS"][method] ?? "Theta"
                let weight = usualWeight(of: method, x.count, isSeasonal: period > 1) * pow(ratio, 4)
                attempt(name, weight: weight) { () throws(ForecastingError) in
                    try member(method, x, period: period, options: options)
                }
            }
        }
        let week = 7 * period
        if options.method == .auto, period == 24 || period == 48, x.count >= 4 * week {
            attempt("Weekly pattern", weight: 1) { () throws(ForecastingError) in
                let adjusted = try SeasonAdjusted(x, period: week) { (x) throws(ForecastingError) in
                    .arima(try AutoARIMA.fit(x, options: options.arima).best)
                }
                return adjusted.map { [.init(weight: 1, model: .adjusted($0))] } ?? []
            }
        }
        if parts.count > 1, period > 1, x.count >= 20 * period, x.count >= 400 {
            parts = weighted(parts, series: x, period: period)
        }
        if parts.isEmpty { notes.append("The naive forecast takes its place.") }
        return parts.isEmpty ? [fallback] : parts
    }

    /// A member of `auto`: its candidates, weighted among themselves.
    private static func member(
        _ method: ForecastMethod, _ x: [Double], period: Int, options: ForecastOptions
    ) throws(ForecastingError) -> [FittedForecaster.Part] {
        switch method {
        case .arima: return try averagedARIMA(x, period: period, options: options)
        case .ets:
            let ranked = try ExponentialSmoothing.ranked(x, period: period)
            return ranked.prefix(4).map {
                .init(weight: exp(-0.5 * ($0.aicc - ranked[0].aicc)), model: .smoothing($0))
            }
        default:
            return [.init(weight: 1, model: .theta(try Theta.fit(x, period: period, isOptimised: period == 1)))]
        }
    }

    /// Chosen on the M3 and weekly M4 series that the benchmark does not use.
    private static func usualWeight(of method: ForecastMethod, _ count: Int, isSeasonal: Bool) -> Double {
        // The trend of theta is that of the whole past, which says less the longer the past is.
        guard method == .theta else { return isSeasonal ? 0.75 : 0.5 }
        return min(1, isSeasonal ? 100 / Double(count) : pow(50 / Double(count), 2))
    }

    /// The mean absolute error of each member at the four last points of a series that are twelve steps apart, fitted
    /// anew to what was known there; empty where there is too little of it, or a season.
    ///
    /// The members' weights fall with the fourth power of these. `Benchmarks/forecasting/weights.py` chose these numbers.
    private static func earlierErrors(
        of members: [ForecastMethod], _ x: [Double], period: Int, options: ForecastOptions
    ) -> [ForecastMethod: Double] {
        let horizon = 12
        let origins = (1...4).map { x.count - $0 * horizon }
        guard members.count > 1, period == 1, options.budget == nil, let first = origins.last, first >= 20,
            x[..<first].count(where: { !$0.isNaN }) >= 20
        else { return [:] }
        var errors: [ForecastMethod: Double] = [:]
        for method in members {
            var missed: [Double] = []
            for origin in origins {
                guard let parts = try? member(method, Array(x[..<origin]), period: 1, options: options) else {
                    continue
                }
                let mean = ForecastPath(combining: parts, horizon: horizon).mean
                missed += zip(x[origin...], mean).filter { !$0.0.isNaN }.map { abs($0 - $1) }
            }
            let error = missed.reduce(0, +) / Double(missed.count)
            errors[method] = error.isFinite ? error : .infinity
        }
        return errors.values.contains { $0.isFinite } ? errors : [:]
    }

    /// Weights by what the parts forecast at earlier points of a long series; bad ones are dropped.
    private static func weighted(
        _ parts: [FittedForecaster.Part], series: [Double], period: Int
    ) -> [FittedForecaster.Part] {
        let horizon = max(2 * period, 12)
        let origins = (1...3).map { series.count - $0 * horizon }
        let errors = RollingOrigin(parts, series: series, horizon: horizon, origins: origins).meanAbsoluteErrors
        let best = errors.min() ?? 0
        guard best > 0, best.isFinite else { return parts }
        return zip(parts, errors).compactMap { part, error in
            let ratio = best / error
            return ratio < 0.6 ? nil : .init(weight: part.weight * ratio * ratio * ratio * ratio, model: part.model)
        }
    }

    /// How much wider than the models say intervals must be, from errors at earlier points of the series.
    ///
    /// Errors are measured in forecast deviations, so a few short forecasts say something about all steps; large ones
    /// count as two and a half deviations, for shocks are rare. A prior keeps chance out, and is wider for short series,
    /// whose parameters are hardly known. These constants were chosen on the M3 and weekly M4 series that the benchmark
    /// does not use.
    static func calibrated(_ parts: [FittedForecaster.Part], series: [Double], period: Int) -> Double {
        let n = series.count
        let horizon = max(6, min(2 * period, n / 6))
        let shortest = max(8, 2 * period + 4)
        let step = max(1, horizon / 3)
        let origins = (0..<8).map { n - max(1, step) - $0 * step }.filter { $0 >= shortest }
        let prior = 1 + (period > 1 ? 4 : 16) / Double(n)
        let priorWeight = max(2, 750 / Double(n))
        var (sum, weight) = (priorWeight * prior, priorWeight)
        for scaled in RollingOrigin(parts, series: series, horizon: horizon, origins: origins).scaled {
            let squares = scaled.filter(\.isFinite).map { min($0 * $0, 6.25) }
            guard !squares.isEmpty else { continue }
            sum += squares.reduce(0, +) / Double(squares.count)
            weight += 1
        }
        return min(max((sum / weight).squareRoot(), 0.5), 2.5)
    }

    /// The candidates of an order search with Akaike weights of at least a tenth of the best one's.
    private static func averagedARIMA(
        _ x: [Double], period: Int, options: ForecastOptions
    ) throws(ForecastingError) -> [FittedForecaster.Part] {
        var limits = options.arima
        limits.budget = limits.budget ?? options.budget
        return try AutoARIMA.averaged(x, period: period, options: limits)
    }
}

/// The random walk of a series' last ten changes: a short series says little about the model it follows, and intervals
/// as wide as the model says miss too much.
///
/// Its share, 8 of n and at most 0.3, was chosen on the M3 series that the benchmark does not use. In series with a
/// season it made intervals better for quarters and worse for months, and is left out.
struct RandomWalk: Sendable, Hashable, Codable {
    /// Standard deviation of a step.
    let deviation: Double
    /// How much it counts beside the models.
    let share: Double

    init(_ series: [Double]) {
        let known = series.filter { !$0.isNaN }
        let changes = zip(known.dropFirst(), known).map { $0 - $1 }
        let (last, all) = (changes.suffix(10), Double(max(changes.count, 1)))
        let recent = (last.reduce(0) { $0 + $1 * $1 } / Double(max(last.count, 1))).squareRoot()
        deviation = recent + 0.1 * changes.reduce(0) { $0 + abs($1) } / all
        share = deviation.isFinite ? min(0.3, 8 / Double(max(known.count, 1))) : 0
    }

    /// The geometric mean of a model's deviation and its own, so many steps ahead.
    func drawing(_ model: Double, step: Int) -> Double {
        pow(model, 1 - share) * pow(deviation * Double(step).squareRoot(), share)
    }
}

/// A fitted forecasting method: immutable, saved bit for bit.
public struct FittedForecaster: Sendable, Hashable, Codable {
    /// One model of a combination.
    struct Part: Sendable, Hashable, Codable {
        var weight: Double
        var model: Model
    }

    indirect enum Model: Sendable, Hashable, Codable {
        case baseline(Baseline)
        case arima(ARIMA)
        case fourier(FourierARIMA)
        case smoothing(ExponentialSmoothing)
        case theta(Theta)
        case adjusted(SeasonAdjusted)
        case additive(AdditiveModel)

        func path(horizon: Int) -> ForecastPath {
            switch self {
            case .baseline(let model): model.path(horizon: horizon)
            case .arima(let model): model.path(horizon: horizon)
            case .fourier(let model): model.path(horizon: horizon)
            case .smoothing(let model): model.path(horizon: horizon)
            case .theta(let model): model.path(horizon: horizon)
            case .adjusted(let model): model.path(horizon: horizon)
            case .additive(let model): model.path(horizon: horizon)
            }
        }

        func appending(_ observation: Double) throws(ForecastingError) -> Model {
            switch self {
            case .baseline(let model): .baseline(model.appending(observation))
            case .arima(let model): .arima(try model.appending(observation))
            case .fourier(let model): .fourier(try model.appending(observation))
            case .smoothing(let model): .smoothing(model.appending(observation))
            case .theta(let model): .theta(model.appending(observation))
            case .adjusted(let model): .adjusted(try model.appending(observation))
            case .additive(let model): .additive(model.appending(observation))
            }
        }

        var name: String {
            switch self {
            case .baseline(let model): model.kind.rawValue
            case .arima(let model): "\(model.order)"
            case .fourier(let model): "\(model.model.order) + \(model.terms.harmonics.count) harmonics"
            case .smoothing(let model): "\(model.form)"
            case .theta: "Theta"
            case .additive: "additive"
            case .adjusted(let model): "season \(model.period) + \(model.inner.name)"
            }
        }
    }

    /// The method that was asked for.
    public let method: ForecastMethod
    /// Length of the season in steps.
    public let season: Int
    /// How many values it rests on.
    public private(set) var observations: Int
    /// Fallbacks and other things the user should know.
    public let notes: [String]
    private(set) var parts: [Part]
    let boxCox: BoxCox?
    /// By how much intervals are wider than the models say.
    let inflation: Double
    /// What a combination for a series without season is drawn towards.
    let walk: RandomWalk?
    /// Intervals are those of a lognormal distribution: no value was ever zero or negative.
    let isPositive: Bool
    /// How the ends of intervals are found.
    public let intervals: IntervalMethod
    let scores: IntervalScores?

    init(
        method: ForecastMethod, season: Int, parts: [Part], boxCox: BoxCox?, inflation: Double, walk: RandomWalk?,
        isPositive: Bool, intervals: IntervalMethod, scores: IntervalScores?, observations: Int, notes: [String]
    ) {
        (self.inflation, self.walk, self.isPositive) = (inflation, walk, isPositive)
        (self.intervals, self.scores) = (intervals, scores)
        (self.method, self.season, self.parts, self.boxCox) = (method, season, parts, boxCox)
        (self.observations, self.notes) = (observations, notes)
    }

    /// The same with one more note.
    func noting(_ note: String?) -> FittedForecaster {
        guard let note else { return self }
        return FittedForecaster(
            method: method, season: season, parts: parts, boxCox: boxCox, inflation: inflation, walk: walk,
            isPositive: isPositive, intervals: intervals, scores: scores, observations: observations,
            notes: notes + [note])
    }

    /// The models behind it, for instance `ARIMA(0,1,1) + ETS(A,N,N) + Theta`.
    public var name: String { parts.map(\.model.name).joined(separator: " + ") }

    /// Expected values and intervals of the next `horizon` steps.
    ///
    /// - Parameters:
    ///   - levels: Of the intervals, between 0 and 1.
    ///   - seed: Of the paths behind bootstrapped intervals, which nothing else depends on.
    /// - Throws: ``ForecastingError`` for an unusable horizon or level.
    public func forecast(
        horizon: Int, levels: [Double] = [0.8, 0.95], seed: UInt64 = 1
    ) throws(ForecastingError) -> Forecast {
        try Forecast.validate(horizon: horizon, levels: levels)
        let path = combinedPath(horizon: horizon)
        let mean = boxCox.map { zip(path.mean, path.deviation).map($0.backwardMean) } ?? path.mean
        return Forecast(
            mean: mean, intervals: intervals(path, levels: levels, seed: seed), observations: observations, model: name,
            notes: notes)
    }

    private func intervals(_ path: ForecastPath, levels: [Double], seed: UInt64) -> [Forecast.Interval] {
        switch (intervals, scores) {
        case (.conformal, let scores?):
            // Errors are in units of what the models say, without the inflation of normal intervals.
            let path = ForecastPath(combining: parts, horizon: path.mean.count)
            return levels.map { level in
                let widths = path.mean.indices.map { scores.width(level, steps: $0 + 1) }
                let sides = [-1.0, 1].map { side in
                    path.mean.indices.map { back(path.mean[$0] + side * widths[$0] * path.deviation[$0]) }
                }
                return .init(level: level, lower: sides[0], upper: sides[1])
            }
        case (.bootstrap, let scores?):
            let paths = scores.paths(parts, horizon: path.mean.count, count: 500, seed: seed)
            let sorted = path.mean.indices.map { h in paths.map { $0[h] }.sorted() }
            return levels.map { level in
                .init(
                    level: level, lower: sorted.map { back(quantile(sorted: $0, 0.5 - level / 2)) },
                    upper: sorted.map { back(quantile(sorted: $0, 0.5 + level / 2)) })
            }
        default:
            return levels.map { level in
                let width = NormalDistribution.quantile(0.5 + level / 2)
                return .init(level: level, lower: ends(path, -width), upper: ends(path, width))
            }
        }
    }

    private func back(_ value: Double) -> Double { boxCox?.backward(value) ?? value }

    /// The values `width` deviations above what is expected.
    func ends(_ path: ForecastPath, _ width: Double) -> [Double] {
        zip(path.mean, path.deviation).map { mean, deviation in
            if let boxCox { return boxCox.backward(mean + width * deviation) }
            guard isPositive, mean > 0 else { return mean + width * deviation }
            let spread = deviation / mean
            return mean * exp(width * log(1 + spread * spread).squareRoot())
        }
    }

    /// The mixture of all parts, widened by what earlier forecasts missed.
    func combinedPath(horizon: Int) -> ForecastPath {
        var path = ForecastPath(combining: parts, horizon: horizon)
        for h in 0..<horizon {
            path.deviation[h] = inflation * (walk?.drawing(path.deviation[h], step: h + 1) ?? path.deviation[h])
        }
        return path
    }

    /// The forecaster after one more observation; no parameter is estimated again.
    ///
    /// - Complexity: O(largest lag), whatever the length of the series.
    public func appending(_ observation: Double) throws(ForecastingError) -> FittedForecaster {
        guard !observation.isInfinite else { throw .notFinite(position: observations, found: observation) }
        var next = self
        let value = observation.isNaN ? observation : boxCox.map { $0.forward(observation) } ?? observation
        next.parts = []
        for part in parts { next.parts.append(Part(weight: part.weight, model: try part.model.appending(value))) }
        if !value.isNaN { next.observations += 1 }
        return next
    }
}

extension FittedForecaster {
    static let fileKind = "forecaster"
    static let fileVersion = 1

    /// Writes a model file.
    public func write(to path: String, metadata: [String: String] = [:]) throws {
        var file = ModelFile(kind: Self.fileKind, schemaVersion: Self.fileVersion, metadata: metadata)
        try file.setJSON("forecaster", self)
        try file.write(to: path)
    }

    /// Reads a model file that ``write(to:metadata:)`` made; forecasts are the same bit for bit.
    public init(contentsOf path: String) throws {
        let file = try ModelFile(contentsOf: path, kind: Self.fileKind, schemaVersion: Self.fileVersion)
        self = try file.json("forecaster", as: FittedForecaster.self)
    }
}
