/// One-step intervals that keep their coverage while observations come in.
///
///     var adaptive = try AdaptiveForecaster(Forecaster.fit(load, season: 24), level: 0.9)
///     let expected = adaptive.next          // of the coming step
///     try adaptive.append(observation)      // was it inside?
///
/// Width follows adaptive conformal inference: each miss widens the interval, each hit narrows it a little, so that the
/// share of misses tends to the one asked for whatever the series does.
/// Source: Gibbs, Candès, *Adaptive conformal inference under distribution shift* (2021).
public struct AdaptiveForecaster: Sendable, Hashable, Codable {
    /// What is expected of the coming step.
    public struct Next: Sendable, Hashable, Codable {
        public let mean: Double
        public let lower: Double
        public let upper: Double
    }

    /// The forecaster after all observations so far.
    public private(set) var forecaster: FittedForecaster
    /// Share of observations that should lie inside.
    public let level: Double
    /// What is expected of the coming step.
    public private(set) var next: Next
    /// Of the interval, in forecast deviations to either side.
    private(set) var width: Double

    /// Begins with the width of a normal distribution.
    ///
    /// - Throws: ``ForecastingError`` for a level that is not between 0 and 1.
    public init(_ forecaster: FittedForecaster, level: Double) throws(ForecastingError) {
        try Forecast.validate(horizon: 1, levels: [level])
        (self.forecaster, self.level) = (forecaster, level)
        width = NormalDistribution.quantile(0.5 + level / 2)
        next = Next(forecaster, width: width)
    }

    /// Takes in an observation.
    ///
    /// - Parameter keepingMisses: Whether one outside the interval enters the model's state; if not, it counts as missing
    ///   there.
    /// - Returns: Whether it was inside; `nil` for a missing one (NaN).
    /// - Complexity: O(largest lag), whatever the length of the series.
    @discardableResult
    public mutating func append(_ observation: Double, keepingMisses: Bool = true) throws(ForecastingError) -> Bool? {
        let isInside = observation.isNaN ? nil : observation >= next.lower && observation <= next.upper
        forecaster = try forecaster.appending(isInside == false && !keepingMisses ? .nan : observation)
        if let isInside {
            let normal = NormalDistribution.quantile(0.5 + level / 2)
            width = max(width + 0.05 * normal * ((isInside ? 0 : 1) - (1 - level)), 0.25 * normal)
        }
        next = Next(forecaster, width: width)
        return isInside
    }
}

extension AdaptiveForecaster.Next {
    fileprivate init(_ forecaster: FittedForecaster, width: Double) {
        let path = forecaster.combinedPath(horizon: 1)
        let (lower, upper) = (forecaster.ends(path, -width)[0], forecaster.ends(path, width)[0])
        self.init(mean: forecaster.ends(path, 0)[0], lower: lower, upper: upper)
    }
}
