/// Lines over time or rounds: histories, prices as steps, forecasts with interval bands, errors per round.
///
///     LineChart(
///         "Spot price", x: Axis("", .date), y: Axis("USD per hour", .dollars),
///         series: [.init("m5.large", x: times, y: prices, shape: .steps)])
///
/// A `y` that is not finite interrupts its line. Long series are thinned to what the width can show; the least and
/// the greatest value of every two pixels stay.
public struct LineChart: Chart, Hashable {
    /// One line.
    public struct Series: Sendable, Hashable {
        /// How the points are joined.
        public enum Shape: String, Sendable, Hashable {
            case line
            /// A value holds until the next one, as prices do.
            case steps
            /// A line with a dot at every point, for few points.
            case dots
            /// Steps with a dot at every point.
            case dottedSteps
        }

        public var name: String
        public var x: [Double]
        public var y: [Double]
        public var shape: Shape
        /// Forecasts and baselines are dashed.
        public var isDashed: Bool
        /// Baselines are grey.
        public var isBaseline: Bool

        /// A line through the points (`x[i]`, `y[i]`); surplus values of the longer array are not drawn.
        public init(
            _ name: String, x: [Double], y: [Double], shape: Shape = .line, isDashed: Bool = false,
            isBaseline: Bool = false
        ) {
            (self.name, self.x, self.y, self.shape) = (name, x, y, shape)
            (self.isDashed, self.isBaseline) = (isDashed, isBaseline)
        }
    }

    /// The area between two curves, for instance a prediction interval.
    public struct Band: Sendable, Hashable {
        public var name: String
        public var x: [Double]
        public var lower: [Double]
        public var upper: [Double]
        /// The series whose colour the band takes.
        public var series: Int

        /// A band from `lower` to `upper` in the colour of the series with index `series`.
        public init(_ name: String, x: [Double], lower: [Double], upper: [Double], series: Int = 0) {
            (self.name, self.x, self.lower, self.upper, self.series) = (name, x, lower, upper, series)
        }
    }

    /// A dashed line across the plot with a name: a deadline, an on-demand price, the start of the forecast.
    public struct Reference: Sendable, Hashable {
        /// Which axis the value belongs to.
        public enum Direction: String, Sendable, Hashable { case x, y }

        public var name: String
        public var value: Double
        public var direction: Direction

        /// A line at `value` of the axis `direction`.
        public init(_ name: String, at value: Double, on direction: Direction) {
            (self.name, self.value, self.direction) = (name, value, direction)
        }
    }

    public var title: String
    public var x: Axis
    public var y: Axis
    public var series: [Series]
    /// Wider bands first, so that narrower ones lie on them.
    public var bands: [Band]
    public var references: [Reference]

    /// A chart of `series`, with `bands` below and `references` across them.
    public init(
        _ title: String, x: Axis, y: Axis, series: [Series], bands: [Band] = [], references: [Reference] = []
    ) {
        (self.title, self.x, self.y) = (title, x, y)
        (self.series, self.bands, self.references) = (series, bands, references)
    }
}

extension LineChart {
    /// A fan chart: the history, then the expected course with nested prediction intervals.
    ///
    /// - Parameters:
    ///   - intervals: Central intervals with their coverage, for instance 0.8 and 0.95, in any order; `lower` and
    ///     `upper` have as many values as `forecastX`.
    public static func fan(
        _ title: String, x: Axis, y: Axis, historyX: [Double], history: [Double], forecastX: [Double],
        forecast: [Double], intervals: [(coverage: Double, lower: [Double], upper: [Double])],
        shape: Series.Shape = .line
    ) -> LineChart {
        let bands = intervals.sorted { $0.coverage > $1.coverage }.map { interval in
            Band(
                Quantity.share.text(interval.coverage) + " interval", x: forecastX, lower: interval.lower,
                upper: interval.upper, series: 1)
        }
        let series = [
            Series("history", x: historyX, y: history, shape: shape),
            Series("forecast", x: forecastX, y: forecast, isDashed: true),
        ]
        let start = forecastX.first.map { [Reference("forecast", at: $0, on: .x)] } ?? []
        return LineChart(title, x: x, y: y, series: series, bands: bands, references: start)
    }
}
