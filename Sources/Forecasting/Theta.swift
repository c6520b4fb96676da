import Glibc

/// The theta method: smoothing of a series whose local curvature is scaled, with a trend that keeps adapting.
///
/// The dynamic optimised form: level, smoothing and θ minimise the squared one-step errors. θ = 2 is the method that won
/// the M3 competition. A season is removed first where the autocorrelation at its lag is significant.
///
/// Source: Fiorucci, Pellegrini, Louzada, Petropoulos, Koehler, *Models for optimising the theta method* (2016).
public struct Theta: Sendable, Hashable, Codable {
    /// Smoothing of the level.
    public let alpha: Double
    /// Weight of curvature.
    public let theta: Double
    /// Variance of one-step errors, of the seasonally adjusted series.
    public let variance: Double
    /// Seasonal factors (or terms), the next step first; empty without season.
    private(set) var season: [Double]
    let isMultiplicative: Bool
    /// The season that was looked for, and whether θ was estimated.
    let period: Int
    let isOptimised: Bool
    private(set) var state: ThetaState<Double>
    /// How many values it rests on.
    public var observations: Int { Int(state.count) }

    /// Fits the model to a series without gaps in its ends; gaps inside are interpolated.
    ///
    /// - Parameter isOptimised: θ is estimated; otherwise it is 2.
    public static func fit(
        _ series: [Double], period: Int = 1, isOptimised: Bool = true
    ) throws(ForecastingError) -> Theta {
        for (position, value) in series.enumerated() where value.isInfinite {
            throw .notFinite(position: position, found: value)
        }
        guard let first = series.firstIndex(where: { !$0.isNaN }), let last = series.lastIndex(where: { !$0.isNaN })
        else { throw .noObservations }
        var x = interpolated(Array(series[first...last]))
        guard x.count >= 3 else { throw .tooShort(observations: x.count, needed: 3, model: "Theta") }
        let trailing = series.count - 1 - last
        var season: [Double] = []
        let isPositive = x.allSatisfy { $0 > 0 }
        if isSeasonal(x, period: period) {
            season = seasonalPattern(x, period: period, multiplicative: isPositive)
            for t in x.indices { x[t] = isPositive ? x[t] / season[t % period] : x[t] - season[t % period] }
            season = (0..<period).map { season[($0 + x.count) % period] }
        }
        var fitted = estimate(
            x, season: season, multiplicative: isPositive, period: period, isOptimised: isOptimised)
        for _ in 0..<trailing { fitted = fitted.appending(.nan) }
        return fitted
    }

    private static func estimate(
        _ x: [Double], season: [Double], multiplicative: Bool, period: Int, isOptimised: Bool
    ) -> Theta {
        let scale = max(x.reduce(0) { $0 + abs($1) } / Double(x.count), 1e-300)
        let scaled = x.map { $0 / scale }
        func run<Scalar: RealScalar>(_ z: [Scalar]) -> (
            errors: Scalar, state: ThetaState<Scalar>, rule: ThetaRule<Scalar>
        ) {
            let alpha = Scalar(0.55) + Scalar(0.45) * Scalar.hyperbolicTangent(z[0])
            // 1/θ in 0...1
            let inverse = isOptimised ? Scalar(0.5) - Scalar(0.5) * Scalar.hyperbolicTangent(z[1]) : Scalar(0.5)
            let rule = ThetaRule(alpha: alpha, weight: Scalar(1) - inverse)
            var state = ThetaState(level: Scalar(scaled[0]) + Scalar(0.1) * z[2])
            var errors = Scalar(0)
            for (t, value) in scaled.enumerated() {
                let error = Scalar(value) - rule.expected(state)
                if t >= 1 { errors = errors + error * error }
                rule.advance(&state, value: Scalar(value))
            }
            return (errors, state, rule)
        }
        let minimum = quasiNewtonMinimum(from: [0, 0, 0], tolerance: 1e-4, iterations: 60) { point in
            let duals = point.enumerated().map { index, z in
                var dual = Dual(z)
                dual.slope[index] = 1
                return dual
            }
            let errors = run(duals).errors
            guard errors.value.isFinite else { return nil }
            let value = Dual(0.5 * Double(scaled.count)) * Dual.logarithm(errors + Dual(1e-12))
            return (value.value, [value.slope[0], value.slope[1], value.slope[2]])
        }
        let (errors, state, rule) = run(minimum?.point ?? [0, 0, 0])
        let variance = errors / Double(max(x.count - 3, 1)) * scale * scale
        let inverse = 1 - rule.weight
        return Theta(
            alpha: rule.alpha, theta: inverse > 0.01 ? 1 / inverse : 100, variance: variance, season: season,
            isMultiplicative: multiplicative, period: period, isOptimised: isOptimised, state: state.scaled(by: scale))
    }

    /// Means and standard deviations of the next values.
    func path(horizon: Int) -> ForecastPath {
        let rule = ThetaRule(alpha: alpha, weight: 1 - 1 / theta)
        func continued(_ start: ThetaState<Double>, _ count: Int) -> [Double] {
            var state = start
            return (0..<count).map { _ in
                let value = rule.expected(state)
                rule.advance(&state, value: value)
                return value
            }
        }
        let mean = continued(state, horizon)
        var total = [Double](repeating: 0, count: horizon)
        let sigma = variance.squareRoot()
        var state = state
        for s in 0..<horizon {
            var shocked = state
            rule.advance(&shocked, value: mean[s] + sigma)
            total[s] += variance
            // Far ahead the response hardly changes: its last value stands for the rest.
            let reach = min(horizon - s - 1, 60)
            let after = continued(shocked, reach)
            for (k, value) in after.enumerated() {
                total[s + 1 + k] += (value - mean[s + 1 + k]) * (value - mean[s + 1 + k])
            }
            if let last = after.last, reach < horizon - s - 1 {
                let effect = (last - mean[s + reach]) * (last - mean[s + reach])
                for h in (s + 1 + reach)..<horizon { total[h] += effect }
            }
            rule.advance(&state, value: mean[s])
        }
        var path = ForecastPath(mean: mean, deviation: total.map { $0.squareRoot() })
        guard !season.isEmpty else { return path }
        for h in 0..<horizon {
            let factor = season[h % season.count]
            if isMultiplicative {
                path.mean[h] *= factor
                path.deviation[h] *= abs(factor)
            } else {
                path.mean[h] += factor
            }
        }
        return path
    }

    /// The model with one more observation: same parameters, state moved by one step.
    public func appending(_ observation: Double) -> Theta {
        var next = self
        let rule = ThetaRule(alpha: alpha, weight: 1 - 1 / theta)
        var value = observation.isFinite ? observation : .nan
        if let factor = season.first {
            value = isMultiplicative ? value / factor : value - factor
            next.season = Array(season.dropFirst()) + [factor]
        }
        rule.advance(&next.state, value: value.isNaN ? rule.expected(state) : value)
        return next
    }

    /// The autocorrelation at the season's lag is outside its 90 % limits.
    static func isSeasonal(_ x: [Double], period: Int) -> Bool {
        let n = x.count
        guard period > 1, n >= 3 * period else { return false }
        let mean = x.reduce(0, +) / Double(n)
        let e = x.map { $0 - mean }
        let total = dot(e.span, from: 0, e.span, from: 0, count: n)
        guard total > 0 else { return false }
        var sum = 0.0
        var last = 0.0
        for lag in 1...period {
            last = dot(e.span, from: lag, e.span, from: 0, count: n - lag) / total
            if lag < period { sum += last * last }
        }
        return abs(last) > 1.645 * ((1 + 2 * sum) / Double(n)).squareRoot()
    }

    /// Classical seasonal factors with mean 1, or terms with mean 0, by place from the start of the series.
    static func seasonalPattern(_ x: [Double], period: Int, multiplicative: Bool) -> [Double] {
        let trend = centredAverage(x, period: period)
        let half = period / 2
        var pattern = (0..<period).map { place in
            let places = stride(from: place, to: x.count, by: period).filter { $0 >= half && $0 < x.count - half }
            let values = places.map { multiplicative ? x[$0] / trend[$0] : x[$0] - trend[$0] }
            return values.isEmpty ? (multiplicative ? 1 : 0) : values.reduce(0, +) / Double(values.count)
        }
        let mean = pattern.reduce(0, +) / Double(period)
        pattern = pattern.map { multiplicative ? max($0 / mean, 0.01) : $0 - mean }
        return pattern
    }
}

/// The level and the running straight line of the theta method.
struct ThetaState<Scalar: RealScalar>: Sendable {
    var level: Scalar
    var count = 0.0
    var average = 0.0
    var slope = 0.0
    var powers = Scalar(1)

    init(level: Scalar) { self.level = level }
}

extension ThetaState: Equatable where Scalar: Equatable {}
extension ThetaState: Hashable where Scalar: Hashable {}
extension ThetaState: Codable where Scalar: Codable {}

extension ThetaState where Scalar == Double {
    func scaled(by scale: Double) -> ThetaState {
        var result = self
        result.level *= scale
        result.average *= scale
        result.slope *= scale
        return result
    }
}

struct ThetaRule<Scalar: RealScalar> {
    let alpha: Scalar
    /// `1 - 1/θ`
    let weight: Scalar

    func expected(_ state: ThetaState<Scalar>) -> Scalar {
        guard state.count > 0 else { return state.level }
        let intercept = state.average - (state.count + 1) / 2 * state.slope
        let remaining = state.powers * (Scalar(1) - alpha)
        return state.level
            + weight * (state.powers * Scalar(intercept) + (Scalar(1) - remaining) / alpha * Scalar(state.slope))
    }

    func advance(_ state: inout ThetaState<Scalar>, value: Scalar) {
        let n = state.count + 1
        let y = value.value
        if n > 1 {
            state.slope = ((n - 2) * state.slope + 6 / n * (y - state.average)) / (n + 1)
        } else {
            state.slope = 0
        }
        state.average = ((n - 1) * state.average + y) / n
        state.count = n
        state.level = alpha * value + (Scalar(1) - alpha) * state.level
        state.powers = state.powers * (Scalar(1) - alpha)
    }
}
