import LinearAlgebra

extension Forecaster {
    /// Fits many series on several threads, within a total time.
    ///
    /// Each series gets its share of the time that is left. Where that is less than the last full fits took, cheaper
    /// methods take their place (theta, then the naive forecast); the notes of these forecasters say so.
    ///
    /// - Parameters:
    ///   - budget: For all series together; `nil` for no limit.
    ///   - progress: Called after each series, on any thread.
    /// - Returns: One result for each series, in order; without a budget, the same on any thread count.
    public static func fit(
        many series: [[Double]], season: Int = 1, options: ForecastOptions = .init(), budget: Duration? = nil,
        threads: Int = 1, progress: @escaping @Sendable () -> Void = {}
    ) -> [Result<FittedForecaster, ForecastingError>] {
        let start = ContinuousClock.now
        let deadline = budget.map { start + $0 * 0.9 }
        return Parallel.map(count: series.count, threads: threads) { index in
            defer { progress() }
            func attempt(_ options: ForecastOptions, note: String?) -> Result<FittedForecaster, ForecastingError> {
                do throws(ForecastingError) {
                    return .success(try fit(series[index], season: season, options: options).noting(note))
                } catch { return .failure(error) }
            }
            guard let deadline else { return attempt(options, note: nil) }
            // Work that has been done so far tells how long the rest may take per series.
            let left = (deadline - .now) / .seconds(1) * Double(threads) / Double(series.count - index)
            let steps = Double(series[index].count) * Double(max(season, 1)).squareRoot()
            var cheaper = options
            if options.method == .auto || options.method == .arima || options.method == .ets, left < steps * 4e-5 {
                cheaper.method = left > 1e-3 ? .theta : season > 1 ? .seasonalNaive : .naive
                return attempt(cheaper, note: "The time budget allowed \(cheaper.method.rawValue) only.")
            }
            cheaper.budget = .seconds(max(left, 0.001))
            return attempt(cheaper, note: nil)
        }
    }
}
