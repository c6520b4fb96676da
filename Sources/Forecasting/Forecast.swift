/// What is expected of a series over the next steps, and how sure that is.
///
/// - Invariant: `mean`, and both ends of every interval, have one finite value per step; lower ≤ upper.
public struct Forecast: Sendable, Hashable, Codable {
    /// A range that should hold the given share of future values.
    public struct Interval: Sendable, Hashable, Codable {
        /// For instance 0.95.
        public let level: Double
        /// One value for each step.
        public let lower: [Double]
        /// One value for each step.
        public let upper: [Double]

        /// Ends are taken as they are.
        public init(level: Double, lower: [Double], upper: [Double]) {
            (self.level, self.lower, self.upper) = (level, lower, upper)
        }
    }

    /// The expected values, one for each step from 1.
    public let mean: [Double]
    /// In the order of the levels asked for.
    public let intervals: [Interval]
    /// How many observations the forecast rests on.
    public let observations: Int
    /// What made it, for instance `ARIMA(0,1,1)`.
    public let model: String
    /// What the user should know: fallbacks taken, values filled in, a forecast that does not beat the naive one.
    public let notes: [String]

    /// Values are taken as they are.
    public init(mean: [Double], intervals: [Interval], observations: Int, model: String, notes: [String] = []) {
        (self.mean, self.intervals, self.observations) = (mean, intervals, observations)
        (self.model, self.notes) = (model, notes)
    }

    /// Intervals of a normal distribution around the mean.
    init(
        mean: [Double], deviations: [Double], levels: [Double], observations: Int, model: String, notes: [String] = []
    ) {
        let intervals = levels.map { level in
            let width = NormalDistribution.quantile(0.5 + level / 2)
            return Interval(
                level: level, lower: zip(mean, deviations).map { $0 - width * $1 },
                upper: zip(mean, deviations).map { $0 + width * $1 })
        }
        self.init(mean: mean, intervals: intervals, observations: observations, model: model, notes: notes)
    }

    /// The interval of this level, if it was asked for.
    public func interval(_ level: Double) -> Interval? { intervals.first { $0.level == level } }

    static func validate(horizon: Int, levels: [Double]) throws(ForecastingError) {
        guard (1...1_000_000).contains(horizon) else {
            throw .invalidRequest("The horizon is \(horizon) steps. Ask for at least 1 and at most a million.")
        }
        for level in levels where !(level > 0 && level < 1) {
            throw .invalidRequest("The level \(level) of an interval is not between 0 and 1; 95 % is 0.95.")
        }
    }
}
