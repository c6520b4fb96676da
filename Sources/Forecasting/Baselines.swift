/// The forecasts that every model has to beat: the last value, the last season, the straight line through both ends.
public struct Baseline: Sendable, Hashable, Codable {
    /// Which of them.
    public enum Kind: String, Sendable, Hashable, Codable { case naive, seasonalNaive, drift }
    public let kind: Kind
    /// Steps between a value and the one it is forecast from.
    public let period: Int
    /// Variance of the errors over one period.
    public private(set) var variance: Double
    public private(set) var observations: Int
    /// The last values, as many as the period, oldest first.
    private(set) var last: [Double]
    private(set) var slope: Double

    /// - Parameters:
    ///   - series: NaN where a value is missing; the last known one stands for it.
    ///   - period: Of the seasonal form; one longer than the series falls back to the naive forecast. Where no value is a
    ///     period after another, changes from step to step stand for the errors.
    public static func fit(_ series: [Double], kind: Kind, period: Int = 1) throws(ForecastingError) -> Baseline {
        for (position, value) in series.enumerated() where value.isInfinite {
            throw .notFinite(position: position, found: value)
        }
        guard let first = series.firstIndex(where: { !$0.isNaN }) else { throw .noObservations }
        let period = kind == .seasonalNaive && period > 0 && series.count - first >= period ? period : 1
        var filled = Array(series[first...])
        for t in filled.indices where filled[t].isNaN { filled[t] = filled[t >= period ? t - period : t - 1] }
        let n = filled.count
        let slope = kind == .drift && n > 1 ? (filled[n - 1] - filled[0]) / Double(n - 1) : 0
        var (sum, count) = (0.0, 0)
        let lag = n > period ? period : 1
        for t in stride(from: lag, to: n, by: 1) where !series[first + t].isNaN {
            let error = filled[t] - filled[t - lag] - slope
            sum += error * error
            count += 1
        }
        return Baseline(
            kind: kind, period: period, variance: count > 0 ? sum / Double(count) : 0,
            observations: series.count(where: { !$0.isNaN }), last: Array(filled.suffix(period)), slope: slope)
    }

    func path(horizon: Int) -> ForecastPath {
        let mean = (0..<horizon).map { last[$0 % period] + slope * Double($0 + 1) }
        let deviation = (0..<horizon).map { h in
            let steps = Double(h / period + 1)
            let drift = kind == .drift ? steps * steps / Double(max(observations - 1, 1)) : 0
            return (variance * (steps + drift)).squareRoot()
        }
        return ForecastPath(mean: mean, deviation: deviation)
    }

    /// The forecast after one more observation.
    public func appending(_ observation: Double) -> Baseline {
        var next = self
        next.last.append(observation.isFinite ? observation : last[0])
        next.last.removeFirst()
        next.observations += 1
        return next
    }
}
