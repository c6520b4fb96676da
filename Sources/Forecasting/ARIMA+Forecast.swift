import LinearAlgebra

extension ARIMA {
    /// The next `horizon` values with normal intervals.
    ///
    /// - Parameters:
    ///   - levels: Of the intervals, for instance `[0.8, 0.95]`.
    ///   - future: The regressors' values over the horizon, in order of fitting; not needed if they were given to `fit`.
    /// - Throws: ``ForecastingError`` for an unusable horizon or level, or missing regressor values.
    public func forecast(
        horizon: Int, levels: [Double] = [0.8, 0.95], future: [[Double]] = []
    ) throws(ForecastingError) -> Forecast {
        try Forecast.validate(horizon: horizon, levels: levels)
        let regression = try regressionPart(horizon: horizon, future: future)
        let mean = zip(state.expected(0, horizon: horizon), regression).map { $0 + $1 }
        return Forecast(
            mean: mean, deviations: deviations(horizon: horizon), levels: levels,
            observations: observations + appended, model: "\(order)", notes: notes)
    }

    /// Standard deviations of the errors of the next forecasts.
    func deviations(horizon: Int) -> [Double] {
        let (responses, variances) = state.responses(horizon: horizon)
        var total = [Double](repeating: 0, count: horizon)
        for (s, response) in responses.enumerated() {
            for (h, effect) in response.enumerated() { total[s + h] += effect * effect * variances[s] }
        }
        for line in state.lines.indices.dropFirst() {
            for (h, effect) in state.expected(line, horizon: horizon).enumerated() { total[h] += effect * effect }
        }
        return total.map { ($0 * variance).squareRoot() }
    }

    /// Random future paths of the series, one array of `horizon` values each.
    ///
    /// - Parameters:
    ///   - bootstrap: Errors are drawn from the residuals instead of from a normal distribution.
    ///   - seed: The only source of randomness; path *i* depends on the seed and *i* alone.
    public func simulate(
        horizon: Int, paths: Int, bootstrap: Bool = false, seed: UInt64, future: [[Double]] = []
    ) throws(ForecastingError) -> [[Double]] {
        try Forecast.validate(horizon: horizon, levels: [])
        let regression = try regressionPart(horizon: horizon, future: future)
        let mean = zip(state.expected(0, horizon: horizon), regression).map { $0 + $1 }
        let (responses, variances) = state.responses(horizon: horizon)
        let lines = state.lines.indices.dropFirst().map { state.expected($0, horizon: horizon) }
        let scale = variance.squareRoot()
        return (0..<max(paths, 0)).map { path in
            var generator = SeededGenerator(seed: seed, stream: UInt64(path))
            var values = mean
            for line in lines {
                let draw = generator.nextNormal() * scale
                for h in values.indices { values[h] += line[h] * draw }
            }
            for (s, response) in responses.enumerated() {
                let shape =
                    bootstrap && !residuals.isEmpty
                    ? residuals[generator.nextInt(below: residuals.count)] : generator.nextNormal()
                let error = shape * scale * variances[s].squareRoot()
                for (h, effect) in response.enumerated() { values[s + h] += effect * error }
            }
            return values
        }
    }
}

extension ARIMA {
    /// Regressors must have been given over the horizon at the fit; a path without them is not finite.
    func path(horizon: Int) -> ForecastPath {
        guard let regression = try? regressionPart(horizon: horizon, future: []) else {
            return ForecastPath(mean: [.nan], deviation: [.nan])
        }
        return ForecastPath(mean: state.expected(0, horizon: horizon), deviation: deviations(horizon: horizon))
            + regression
    }
}
