import Glibc

/// Exponential smoothing in state-space form, with an automatic choice of trend, season and error.
///
/// Source: Hyndman, Koehler, Ord, Snyder, *Forecasting with Exponential Smoothing* (2008).
public struct ExponentialSmoothing: Sendable, Hashable, Codable {
    /// Which components there are.
    public struct Form: Sendable, Hashable, Codable, CustomStringConvertible {
        /// How the trend continues.
        public enum Trend: String, Sendable, Hashable, Codable, CaseIterable { case none, additive, damped }
        /// How the season enters.
        public enum Season: String, Sendable, Hashable, Codable, CaseIterable { case none, additive, multiplicative }
        /// Errors grow with the level.
        public var multiplicativeError: Bool
        public var trend: Trend
        public var season: Season

        /// For instance `ETS(M,Ad,M)`.
        public var description: String {
            let letters: [Trend: String] = [.none: "N", .additive: "A", .damped: "Ad"]
            let seasons: [Season: String] = [.none: "N", .additive: "A", .multiplicative: "M"]
            return "ETS(\(multiplicativeError ? "M" : "A"),\(letters[trend] ?? ""),\(seasons[season] ?? ""))"
        }
    }

    /// The chosen components.
    public let form: Form
    /// Length of the season; 1 for none.
    public let period: Int
    /// Smoothing of level, trend, season, and the damping of the trend.
    public let alpha: Double
    public let beta: Double
    public let gamma: Double
    public let phi: Double
    /// Variance of the (relative, for multiplicative errors) innovations.
    public let variance: Double
    /// Corrected Akaike criterion, comparable among forms on one series.
    public let aicc: Double
    /// How many values it rests on.
    public private(set) var observations: Int
    private(set) var state: SmoothingState<Double>

    /// The form with the lowest corrected Akaike criterion.
    ///
    /// - Parameters:
    ///   - series: NaN where a value is missing; such steps carry the state forward.
    ///   - period: Seasons of more than 48 steps are left out.
    /// - Throws: ``ForecastingError`` for fewer than 7 observations or an infinite value.
    public static func fit(_ series: [Double], period: Int = 1) throws(ForecastingError) -> ExponentialSmoothing {
        try ranked(series, period: period)[0]
    }

    /// Every form that can be fitted, best first; at least one.
    static func ranked(_ series: [Double], period: Int) throws(ForecastingError) -> [ExponentialSmoothing] {
        let problem = try SmoothingProblem(series, period: period)
        let found = problem.forms.compactMap { problem.fit($0) }.sorted { $0.aicc < $1.aicc }
        guard found.isEmpty else { return found }
        guard problem.observations >= 7 else {
            throw .tooShort(observations: problem.observations, needed: 7, model: "exponential smoothing")
        }
        throw .noFit(model: "exponential smoothing")
    }

    /// A given form.
    static func fit(_ series: [Double], form: Form, period: Int) throws(ForecastingError) -> ExponentialSmoothing {
        guard let found = try SmoothingProblem(series, period: period).fit(form) else { throw .noFit(model: "\(form)") }
        return found
    }

    /// Means and standard deviations of the next values.
    func path(horizon: Int) -> ForecastPath {
        let rule = SmoothingRule(form: form, period: period, alpha: alpha, beta: beta, gamma: gamma, phi: phi)
        var state = state
        var states: [SmoothingState<Double>] = []
        var mean: [Double] = []
        for _ in 0..<horizon {
            states.append(state)
            let expected = rule.expected(state)
            mean.append(expected)
            rule.advance(&state, error: 0)
        }
        var total = [Double](repeating: 0, count: horizon)
        let sigma = variance.squareRoot()
        for s in 0..<horizon {
            // How one error of one deviation at step s moves everything after it.
            var shocked = states[s]
            let size = form.multiplicativeError ? sigma * abs(mean[s]) : sigma
            total[s] += size * size
            rule.advance(&shocked, error: size)
            for h in (s + 1)..<max(horizon, s + 1) {
                let difference = rule.expected(shocked) - mean[h]
                total[h] += difference * difference
                rule.advance(&shocked, error: 0)
            }
        }
        return ForecastPath(mean: mean, deviation: total.map { $0.squareRoot() })
    }

    /// The model with one more observation: same parameters, state moved by one step.
    public func appending(_ observation: Double) -> ExponentialSmoothing {
        var next = self
        let rule = SmoothingRule(form: form, period: period, alpha: alpha, beta: beta, gamma: gamma, phi: phi)
        rule.advance(&next.state, error: observation.isFinite ? observation - rule.expected(state) : 0)
        next.observations += 1
        return next
    }

    init(
        form: Form, rule: SmoothingRule<Double>, variance: Double, aicc: Double, observations: Int,
        state: SmoothingState<Double>
    ) {
        (self.form, period, self.variance, self.aicc) = (form, rule.period, variance, aicc)
        (alpha, beta, gamma, phi) = (rule.alpha, rule.beta, rule.gamma, rule.phi)
        (self.observations, self.state) = (observations, state)
    }
}

/// Level, trend and one value for each place in the season (the next one first).
struct SmoothingState<Scalar: RealScalar>: Sendable {
    var level: Scalar
    var trend: Scalar
    var season: [Scalar]
    /// The place of the next step in `season`.
    var phase = 0
}

extension SmoothingState: Equatable where Scalar: Equatable {}
extension SmoothingState: Hashable where Scalar: Hashable {}
extension SmoothingState: Codable where Scalar: Codable {}

/// One step of smoothing.
struct SmoothingRule<Scalar: RealScalar> {
    let form: ExponentialSmoothing.Form
    let period: Int
    let alpha: Scalar
    let beta: Scalar
    let gamma: Scalar
    let phi: Scalar

    @inline(__always)
    func expected(_ state: SmoothingState<Scalar>) -> Scalar {
        let base = form.trend == .none ? state.level : state.level + phi * state.trend
        switch form.season {
        case .none: return base
        case .additive: return base + state.season[state.phase]
        case .multiplicative: return base * state.season[state.phase]
        }
    }

    @inline(__always)
    func advance(_ state: inout SmoothingState<Scalar>, error: Scalar) {
        let damped = form.trend == .none ? state.trend : phi * state.trend
        let base = form.trend == .none ? state.level : state.level + damped
        var own = error
        if form.season == .multiplicative {
            let season = state.season[state.phase]
            own = error / season
            state.season[state.phase] = season + gamma * error / base
        } else if form.season == .additive {
            state.season[state.phase] = state.season[state.phase] + gamma * error
        }
        state.level = base + alpha * own
        if form.trend != .none { state.trend = damped + beta * own }
        if form.season != .none { state.phase = state.phase + 1 == period ? 0 : state.phase + 1 }
    }
}

/// A series with the starting values that every form shares.
struct SmoothingProblem {
    private let series: [Double]
    private let period: Int
    private let scale: Double
    private let isPositive: Bool
    let observations: Int
    private let level: Double
    private let trend: Double
    private let additive: [Double]
    private let multiplicative: [Double]

    init(_ series: [Double], period: Int) throws(ForecastingError) {
        for (position, value) in series.enumerated() where value.isInfinite {
            throw .notFinite(position: position, found: value)
        }
        let first = series.firstIndex { !$0.isNaN } ?? series.endIndex
        let trimmed = Array(series[first...])
        observations = trimmed.count(where: { !$0.isNaN })
        guard observations >= 3 else {
            throw .tooShort(observations: observations, needed: 3, model: "exponential smoothing")
        }
        var filled = trimmed
        while filled.last?.isNaN == true { filled.removeLast() }
        filled = interpolated(filled)
        isPositive = filled.allSatisfy { $0 > 0 }
        let size = filled.reduce(0) { $0 + abs($1) } / Double(filled.count)
        scale = size > 0 ? size : 1
        let scale = scale
        self.series = trimmed.map { $0 / scale }
        filled = filled.map { $0 / scale }
        self.period = period > 1 && period <= 48 && filled.count >= 2 * period + 1 ? period : 1
        var adjusted = filled
        if self.period > 1, let parts = SeasonalDecomposition(filled, period: self.period, window: 1_000_000) {
            additive = Array(parts.seasonal[0..<self.period])
            var ratios = [Double](repeating: 1, count: self.period)
            if isPositive {
                let trend = centredAverage(filled, period: self.period)
                for place in ratios.indices {
                    let places = stride(from: place, to: filled.count, by: self.period)
                    let values = places.map { filled[$0] / max(trend[$0], 1e-6) }
                    ratios[place] = max(values.reduce(0, +) / Double(values.count), 0.05)
                }
                let mean = ratios.reduce(0, +) / Double(ratios.count)
                ratios = ratios.map { $0 / mean }
            }
            multiplicative = ratios
            adjusted = zip(filled, parts.seasonal).map { $0 - $1 }
        } else {
            (additive, multiplicative) = ([], [])
        }
        // A straight line through the first values.
        let count = min(adjusted.count, max(10, 2 * self.period))
        let head = adjusted.prefix(count)
        let middle = Double(count - 1) / 2
        let mean = head.reduce(0, +) / Double(count)
        var (up, across) = (0.0, 0.0)
        for (t, value) in head.enumerated() {
            up += (Double(t) - middle) * (value - mean)
            across += (Double(t) - middle) * (Double(t) - middle)
        }
        trend = across > 0 ? up / across : 0
        level = mean - trend * (middle + 1)
    }

    var forms: [ExponentialSmoothing.Form] {
        var forms: [ExponentialSmoothing.Form] = []
        for trend in ExponentialSmoothing.Form.Trend.allCases {
            for season in ExponentialSmoothing.Form.Season.allCases where season == .none || period > 1 {
                for multiplicativeError in [false, true] {
                    if multiplicativeError, !isPositive { continue }
                    if season == .multiplicative, !multiplicativeError { continue }
                    forms.append(
                        ExponentialSmoothing.Form(
                            multiplicativeError: multiplicativeError, trend: trend, season: season))
                }
            }
        }
        return forms
    }

    /// `nil` where the series is too short for the form, or has no season that it needs.
    func fit(_ form: ExponentialSmoothing.Form) -> ExponentialSmoothing? {
        guard form.season == .none || period > 1 else { return nil }
        let optimisesSeason = period <= 12
        let smoothing =
            1 + (form.trend == .none ? 0 : 1) + (form.season == .none ? 0 : 1) + (form.trend == .damped ? 1 : 0)
        let starting = 1 + (form.trend == .none ? 0 : 1) + (form.season != .none && optimisesSeason ? period - 1 : 0)
        let count = smoothing + starting
        let free = Double(smoothing + 1 + (form.trend == .none ? 0 : 1) + (form.season == .none ? 0 : period - 1)) + 1
        let n = Double(observations)
        guard n > free + 3 else { return nil }
        var start = [Double](repeating: 0, count: count)
        start[0] = -0.8
        if form.trend != .none { start[1] = -2 }
        if form.trend == .damped { start[2] = 1.5 }
        if form.season != .none { start[smoothing - 1] = -2 }
        let minimum = quasiNewtonMinimum(from: start, tolerance: 1e-3, iterations: 60) { point in
            var gradient = [Double](repeating: 0, count: count)
            var value = 0.0
            for first in stride(from: 0, to: count, by: Dual.directions) {
                let duals = point.enumerated().map { index, z in
                    var dual = Dual(z)
                    if index >= first, index < first + Dual.directions { dual.slope[index - first] = 1 }
                    return dual
                }
                let (rule, state) = unpack(duals, form)
                guard let found = objective(rule, state).objective else { return nil }
                value = found.value
                for index in first..<min(first + Dual.directions, count) {
                    gradient[index] = found.slope[index - first]
                }
            }
            // Many starting values for few observations: those of the decomposition count as a weak prior.
            for index in smoothing..<count where form.season != .none {
                value += point[index] * point[index]
                gradient[index] += 2 * point[index]
            }
            return (value, gradient)
        }
        guard let minimum else { return nil }
        let (rule, state) = unpack(minimum.point, form)
        let (value, end, errors) = objective(rule, state)
        guard let value, value.isFinite else { return nil }
        let variance = errors / max(n - free + 1, 1)
        var scaled = end
        scaled.level *= scale
        scaled.trend *= scale
        if form.season == .additive { scaled.season = scaled.season.map { $0 * scale } }
        return ExponentialSmoothing(
            form: form, rule: rule, variance: form.multiplicativeError ? variance : variance * scale * scale,
            aicc: 2 * value + 2 * free + 2 * free * (free + 1) / (n - free - 1), observations: observations,
            state: scaled)
    }

    private func unpack<Scalar: RealScalar>(
        _ z: [Scalar], _ form: ExponentialSmoothing.Form
    ) -> (SmoothingRule<Scalar>, SmoothingState<Scalar>) {
        func share(_ a: Scalar) -> Scalar { Scalar(0.5) + Scalar(0.4998) * Scalar.hyperbolicTangent(a) }
        var k = 0
        func next() -> Scalar {
            defer { k += 1 }
            return z[k]
        }
        let alpha = share(next())
        let beta = form.trend == .none ? Scalar(0) : alpha * share(next())
        let phi = form.trend == .damped ? Scalar(0.89) + Scalar(0.09) * Scalar.hyperbolicTangent(next()) : Scalar(1)
        let gamma = form.season == .none ? Scalar(0) : (Scalar(1) - alpha) * share(next())
        let level = Scalar(level) + Scalar(0.1) * next()
        let trend = form.trend == .none ? Scalar(0) : Scalar(trend) + Scalar(0.01) * next()
        var season: [Scalar] = []
        if form.season != .none {
            season = (form.season == .additive ? additive : multiplicative).map { Scalar($0) }
            if period <= 12 {
                for place in 0..<(period - 1) {
                    let shift = Scalar(0.05) * next()
                    season[place] = season[place] + shift
                    season[period - 1] = season[period - 1] - shift
                }
            }
        }
        return (
            SmoothingRule(form: form, period: period, alpha: alpha, beta: beta, gamma: gamma, phi: phi),
            SmoothingState(level: level, trend: trend, season: season)
        )
    }

    /// Half of R's `n log Σe² + 2 Σ log|μ|`, the last state, and `Σ e²`.
    private func objective<Scalar: RealScalar>(
        _ rule: SmoothingRule<Scalar>, _ start: SmoothingState<Scalar>
    ) -> (objective: Scalar?, state: SmoothingState<Scalar>, errors: Double) {
        var state = start
        var errors = Scalar(0)
        var scales = Scalar(1)
        var logScales = Scalar(0)
        let n = Scalar(Double(observations))
        for value in series {
            let expected = rule.expected(state)
            if value.isNaN {
                rule.advance(&state, error: Scalar(0))
                continue
            }
            var error = Scalar(value) - expected
            rule.advance(&state, error: error)
            if rule.form.multiplicativeError {
                guard expected.value > 1e-8, expected.value.isFinite else { return (nil, state, 0) }
                error = error / expected
                scales = scales * expected
                if scales.value > 1e100 || scales.value < 1e-100 {
                    logScales = logScales + Scalar.logarithm(scales)
                    scales = Scalar(1)
                }
            }
            if rule.form.season == .multiplicative, !(state.season.allSatisfy { $0.value > 0 }) {
                return (nil, state, 0)
            }
            errors = errors + error * error
        }
        guard errors.value.isFinite else { return (nil, state, 0) }
        let sum = errors + Scalar(1e-12)
        let half = Scalar(0.5) * n * Scalar.logarithm(sum) + logScales + Scalar.logarithm(scales)
        return (half, state, errors.value)
    }
}
