import LinearAlgebra

/// How far forecasts were off at earlier points of the same series, beside the naive ones.
public struct ForecastEvaluation: Sendable, Hashable, Codable {
    /// One method's errors, averaged over series and origins.
    public struct Row: Sendable, Hashable, Codable {
        /// A ``ForecastMethod``, or `pooled steps` for `auto` on prices that are learnt from together.
        public let method: String
        /// Symmetric mean absolute percentage error, as a fraction.
        public let smape: Double
        /// Mean absolute error by that of the seasonal naive forecast within the training part.
        public let mase: Double
        /// The mean of sMAPE and MASE relative to the naive forecast's: below 1 is better than naive.
        public let owa: Double
        /// Root of the mean squared error by the training part's, averaged.
        public let rmsse: Double
        /// Continuous ranked probability score by the MASE scale.
        public let crps: Double
        /// Mean pinball loss of the ends of both intervals and the mean, by the MASE scale.
        public let pinball: Double
        /// Share of later values inside the 80 % interval.
        public let coverage80: Double
        /// Share of later values inside the 95 % interval.
        public let coverage95: Double
        /// Forecasts that could not be made; the naive forecast takes their place.
        public let failures: Int
    }

    /// The naive forecasts first.
    public let rows: [Row]
    /// How many forecasts each row rests on.
    public let forecasts: Int
    /// The horizon of each.
    public let horizon: Int

    /// Methods that do not beat the naive forecast (OWA of 1 or more).
    public var losers: [String] { rows.filter { $0.owa >= 1 && $0.method != "naive" }.map(\.method) }

    /// Fits every method on the series up to each origin and compares with what came.
    ///
    /// - Parameters:
    ///   - origins: How many starting points, one horizon apart, the last one horizon before the end.
    ///   - pool: Prices to learn from together, these among them, for `auto` to be the ``StepPriceForecaster`` that is
    ///     fitted to what each had so long before its end.
    ///   - progress: Called after each series and origin, on any thread.
    /// - Throws: ``ForecastingError`` if no series is long enough.
    public static func run(
        _ series: [[Double]], season: Int, horizon: Int, origins: Int = 3, methods: [ForecastMethod],
        pool: [[Double]]? = nil, threads: Int = 1, progress: @escaping @Sendable () -> Void = {}
    ) throws(ForecastingError) -> ForecastEvaluation {
        try Forecast.validate(horizon: horizon, levels: [])
        let methods = [ForecastMethod.naive, .seasonalNaive] + methods.filter { $0 != .naive && $0 != .seasonalNaive }
        let cases = series.indices.flatMap { index in
            (1...max(origins, 1)).map { (series: index, back: $0, origin: series[index].count - $0 * horizon) }
        }.filter { $0.origin >= max(season + 2, 8) }
        guard !cases.isEmpty else {
            throw .tooShort(
                observations: series.map(\.count).max() ?? 0, needed: horizon + max(season + 2, 8),
                model: "the evaluation")
        }
        var pooled: [StepPriceForecaster] = []
        if let pool, methods.contains(.auto) {
            for back in 1...max(origins, 1) {
                pooled.append(
                    try StepPriceForecaster.fit(
                        pool.map { Array($0.dropLast(back * horizon).suffix(672)) }, horizon: horizon, threads: threads)
                )
            }
        }
        let pools = pooled
        let scores = Parallel.map(count: cases.count, threads: threads) { index -> [Score?] in
            defer { progress() }
            let (s, back, origin) = cases[index]
            let past = Array(series[s][..<origin])
            let future = Array(series[s][origin..<(origin + horizon)])
            let naive = (try? Forecaster.fit(past, options: .init(method: .naive)))
                .flatMap { try? $0.forecast(horizon: horizon) }
            return methods.map { method in
                let forecast =
                    method == .auto && !pools.isEmpty
                    ? try? pools[back - 1].forecast(past, horizon: horizon)
                    : try? Forecaster.fit(past, season: season, options: .init(method: method))
                        .forecast(horizon: horizon)
                return (forecast ?? naive).flatMap {
                    Score($0, actual: future, training: past, season: season, failed: forecast == nil)
                }
            }
        }
        let usable = scores.filter { $0.allSatisfy { $0 != nil } }
        guard let first = usable.first else {
            throw .invalidRequest(
                "No series changes before and has a value in the steps to forecast: there is nothing to measure by. "
                    + "Give a shorter horizon or a longer history.")
        }
        var rows: [Row] = []
        for (index, method) in methods.enumerated() where index < first.count {
            let name = method == .auto && !pools.isEmpty ? "pooled steps" : method.rawValue
            rows.append(Row(name, usable.compactMap { $0[index] }, naive: usable.compactMap { $0[0] }))
        }
        return ForecastEvaluation(rows: rows, forecasts: usable.count, horizon: horizon)
    }
}

/// The measures of one forecast.
private struct Score: Sendable {
    let smape, mase, rmsse, crps, pinball, coverage80, coverage95: Double
    let failed: Bool

    /// `nil` where nothing is known of the future or the past never moves.
    init?(_ forecast: Forecast, actual: [Double], training: [Double], season: Int, failed: Bool) {
        let steps = actual.indices.filter { !actual[$0].isNaN }
        let known = training.filter { !$0.isNaN }
        let period = known.count > season ? season : 1
        guard !steps.isEmpty, known.count > 1 else { return nil }
        let y = steps.map { actual[$0] }
        let mean = steps.map { forecast.mean[$0] }
        let scale =
            zip(known.dropFirst(period), known).reduce(0) { $0 + abs($1.0 - $1.1) } / Double(known.count - period)
        guard scale > 0 else { return nil }
        smape = ErrorMeasures.smape(actual: y, predicted: mean)
        mase = ErrorMeasures.mae(actual: y, predicted: mean) / scale
        rmsse = ErrorMeasures.rmsse(actual: y, predicted: mean, training: known, season: period)
        func ends(_ level: Double) -> (lower: [Double], upper: [Double]) {
            let interval = forecast.interval(level)
            return (steps.map { interval?.lower[$0] ?? .nan }, steps.map { interval?.upper[$0] ?? .nan })
        }
        let (wide, narrow) = (ends(0.95), ends(0.8))
        coverage95 = ErrorMeasures.coverage(actual: y, lower: wide.lower, upper: wide.upper)
        coverage80 = ErrorMeasures.coverage(actual: y, lower: narrow.lower, upper: narrow.upper)
        var crps = 0.0
        for i in y.indices {
            let deviation = max((wide.upper[i] - wide.lower[i]) / (2 * 1.959963984540054), 1e-12)
            crps += ErrorMeasures.crpsNormal(actual: y[i], mean: mean[i], standardDeviation: deviation)
        }
        self.crps = crps / Double(y.count) / scale
        let quantiles = [
            (0.025, wide.lower), (0.1, narrow.lower), (0.5, mean), (0.9, narrow.upper), (0.975, wide.upper),
        ]
        pinball =
            quantiles.reduce(0) { $0 + 2 * ErrorMeasures.pinball(actual: y, predicted: $1.1, p: $1.0) } / 5 / scale
        self.failed = failed
    }
}

extension ForecastEvaluation.Row {
    fileprivate init(_ method: String, _ scores: [Score], naive: [Score]) {
        func average(_ scores: [Score], _ measure: (Score) -> Double) -> Double {
            scores.reduce(0) { $0 + measure($1) } / Double(max(scores.count, 1))
        }
        func ratio(_ measure: (Score) -> Double) -> Double {
            let reference = average(naive, measure)
            return reference > 0 ? average(scores, measure) / reference : 1
        }
        self.init(
            method: method, smape: average(scores, \.smape), mase: average(scores, \.mase),
            owa: 0.5 * (ratio(\.smape) + ratio(\.mase)), rmsse: average(scores, \.rmsse), crps: average(scores, \.crps),
            pinball: average(scores, \.pinball), coverage80: average(scores, \.coverage80),
            coverage95: average(scores, \.coverage95), failures: scores.count(where: \.failed))
    }
}
