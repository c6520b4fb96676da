/// A model of a series without its (long) season, and the seasonal pattern to put back.
struct SeasonAdjusted: Sendable, Hashable, Codable {
    /// One value for each place of the season, that of the next step first.
    private(set) var pattern: [Double]
    private(set) var inner: FittedForecaster.Model

    /// `nil` for fewer than three seasons.
    ///
    /// - Parameter fit: Fits the adjusted series.
    init?(
        _ series: [Double], period: Int,
        fit: ([Double]) throws(ForecastingError) -> FittedForecaster.Model
    ) throws(ForecastingError) {
        guard series.count >= 3 * period,
            let parts = SeasonalDecomposition(interpolated(series), period: period, window: 9)
        else { return nil }
        inner = try fit(zip(series, parts.seasonal).map { $0 - $1 })
        pattern = Array(parts.seasonal.suffix(period))
    }

    func path(horizon: Int) -> ForecastPath {
        inner.path(horizon: horizon) + (0..<horizon).map { pattern[$0 % pattern.count] }
    }

    func appending(_ observation: Double) throws(ForecastingError) -> SeasonAdjusted {
        var next = self
        next.inner = try inner.appending(observation - pattern[0])
        next.pattern = Array(pattern.dropFirst()) + [pattern[0]]
        return next
    }

    var period: Int { pattern.count }
}
