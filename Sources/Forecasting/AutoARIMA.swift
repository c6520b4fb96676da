import Glibc

/// What the automatic choice of orders may try.
public struct AutoARIMAOptions: Sendable, Hashable {
    /// Largest p and q.
    public var largestOrder = 5
    /// Largest P and Q.
    public var largestSeasonalOrder = 2
    /// How many models a search fits at most.
    public var largestCount = 94
    /// Every combination up to the largest orders, with at most five coefficients, instead of a stepwise search.
    public var exhaustive = false
    /// Differencing orders; `nil` decides by KPSS test and seasonal strength.
    public var d: Int?
    /// Seasonal differencing order; `nil` decides by ``seasonalTest``.
    public var seasonalD: Int?
    /// What decides about seasonal differencing.
    public var seasonalTest = SeasonalTest.strength
    /// The search ends with the best model so far after this time.
    public var budget: Duration?

    /// The defaults follow R's `auto.arima`, without its approximation.
    public init() {}
}

/// Models that an automatic search fitted, best first.
public struct AutoARIMA: Sendable, Hashable, Codable {
    /// A model that was tried.
    public struct Candidate: Sendable, Hashable, Codable {
        public let order: ARIMAOrder
        /// Corrected Akaike criterion; comparable among equal differencing orders only.
        public let aicc: Double
        var parameters: [Double]
    }

    /// The chosen model.
    public let best: ARIMA
    /// All usable candidates, best first.
    public let candidates: [Candidate]
    /// How many models were fitted.
    public let fitted: Int
    /// What the user should know, for instance that missing values were interpolated for the search.
    public let notes: [String]

    /// Chooses orders by the corrected Akaike criterion and fits them.
    ///
    /// Differencing by seasonal strength and KPSS test, then the stepwise search of Hyndman and Khandakar (2008). Every
    /// candidate is fitted by exact maximum likelihood, set out from its neighbour's optimum. Models with a root within
    /// 1 % of the unit circle are left out.
    ///
    /// - Parameter period: The season's length; 1 for none.
    /// - Throws: ``ForecastingError`` for fewer than 5 observations, or if not even a mean or a random walk can be fitted.
    public static func fit(
        _ series: [Double], period: Int = 1, regressors: [Regressor] = [], options: AutoARIMAOptions = .init()
    ) throws(ForecastingError) -> AutoARIMA {
        var search = try OrderSearch(series, period: period, regressors: regressors, options: options)
        search.run()
        let ranked = search.usable.sorted { $0.aicc < $1.aicc }
        for candidate in ranked.prefix(3) {
            guard let model = try? search.model(candidate) else { continue }
            return AutoARIMA(
                best: model, candidates: ranked, fitted: search.results.count, notes: missingValueNotes(series))
        }
        let fallback = ARIMAOrder(0, search.d, 0, seasonal: (0, search.seasonalD, 0), period: search.period)
        return AutoARIMA(
            best: try ARIMA.fit(series, order: fallback, regressors: regressors), candidates: [], fitted: 0,
            notes: missingValueNotes(series))
    }
}

extension AutoARIMA {
    /// With more missing values, orders are searched on the interpolated series.
    static let mostMissingInSearch = 12
    /// With more missing values, models are fitted to the interpolated series.
    static let mostMissingInFit = 250

    /// How missing values are treated.
    static func missingValueNotes(_ series: [Double]) -> [String] {
        let missing = series.count(where: \.isNaN)
        guard missing > mostMissingInSearch else { return [] }
        let extent = missing > mostMissingInFit ? "ARIMA was fitted" : "The ARIMA orders were searched"
        return ["\(extent) with the straight line between their neighbours in the place of missing values."]
    }

    /// The candidates of a search near the best one, each with its Akaike weight, at most `count`.
    ///
    /// Averaging over them forecasts better than the best alone: near-ties are decided by chance. So is the test for
    /// differencing: where it asks for none or two, the candidates with one difference have half the weight. On the M3
    /// series and weekly M4 series that the benchmark does not use, this lowers the OWA by 2 to 5 %.
    ///
    /// To four weeks of hourly or half-hourly data (a season of 24 or 48) the best one with harmonics of the week is
    /// added, if they lower the criterion.
    static func averaged(
        _ series: [Double], period: Int, options: AutoARIMAOptions, count: Int = 6
    ) throws(ForecastingError) -> [FittedForecaster.Part] {
        var search = try OrderSearch(series, period: period, regressors: [], options: options)
        search.run()
        var result = search.best(count)
        if period == 24 || period == 48, series.count >= 28 * period,
            let best = search.usable.min(by: { $0.aicc < $1.aicc }),
            let found = FourierARIMA.extending(best, series: series, longPeriod: 7 * period),
            found.model.aicc < best.aicc
        {
            result.append(.init(weight: 0.4 * result.reduce(0) { $0 + $1.weight }, model: .fourier(found)))
        }
        if options.d == nil, search.d != 1 {
            var other = search.differenced(1)
            other.run()
            result = result.equalised + other.best(count).equalised
        }
        guard result.isEmpty else { return result }
        let fallback = ARIMAOrder(0, search.d, 0, seasonal: (0, search.seasonalD, 0), period: search.period)
        return [.init(weight: 1, model: .arima(try ARIMA.fit(series, order: fallback)))]
    }
}

extension [FittedForecaster.Part] {
    /// The same with weights that sum to 1.
    fileprivate var equalised: [FittedForecaster.Part] {
        let total = reduce(0) { $0 + $1.weight }
        return map { .init(weight: $0.weight / total, model: $0.model) }
    }
}

/// The search over orders on one series.
struct OrderSearch {
    private(set) var d: Int
    let seasonalD: Int
    let period: Int
    private let series: [Double]
    private let searched: [Double]
    private let regressors: [Regressor]
    private let options: AutoARIMAOptions
    private let deadline: ContinuousClock.Instant?
    private(set) var results: [ARIMAOrder: AutoARIMA.Candidate?] = [:]
    private var designs: [Bool: (design: ARIMADesign, starts: HannanRissanen)] = [:]
    private var seed: ARIMAOrder?

    init(
        _ series: [Double], period: Int, regressors: [Regressor], options: AutoARIMAOptions
    ) throws(ForecastingError) {
        let observations = series.count(where: { !$0.isNaN })
        guard observations > 0 else { throw .noObservations }
        // Only a mean of zero would pass the check of the sample's length.
        guard observations >= 5 else {
            throw .tooShort(observations: observations, needed: 5, model: "automatic ARIMA")
        }
        self.period = period > 1 && observations > 2 * period + 2 ? period : 1
        (self.series, self.regressors, self.options) = (series, regressors, options)
        deadline = options.budget.map { .now + $0 }
        let first = series.firstIndex { !$0.isNaN } ?? 0
        let last = series.lastIndex { !$0.isNaN } ?? 0
        let filled = interpolated(Array(series[first...last]))
        // Many missing values: search on the interpolated series, fit the chosen model to the real one.
        let isSparse = series.count - observations > AutoARIMA.mostMissingInSearch
        searched = isSparse ? interpolated(series) : series
        seasonalD =
            self.period == 1
            ? 0
            : options.seasonalD
                ?? UnitRootTests.seasonalDifferences(filled, period: self.period, test: options.seasonalTest)
        let seasonless =
            seasonalD == 0 ? filled : zip(filled.dropFirst(self.period), filled).map { $0 - $1 }
        d = options.d ?? UnitRootTests.differences(seasonless)
    }

    var usable: [AutoARIMA.Candidate] { results.values.compactMap { $0 } }

    /// The same search, yet to run, with another differencing order, setting out from the best model of this one.
    func differenced(_ d: Int) -> OrderSearch {
        var other = self
        (other.d, other.results, other.designs) = (d, [:], [:])
        if var seed = usable.min(by: { $0.aicc < $1.aicc })?.order {
            // A difference more replaces an autoregression, one less needs it again.
            let largest = period > 1 ? min(options.largestOrder, period - 1) : options.largestOrder
            seed.p = min(max(seed.p + self.d - d, 0), largest)
            seed.d = d
            seed.constant = false
            other.seed = seed
        }
        return other
    }

    /// Models near the best one with their Akaike weights, at most `count`.
    func best(_ count: Int) -> [FittedForecaster.Part] {
        let ranked = usable.sorted { $0.aicc < $1.aicc }
        return ranked.prefix(count).compactMap { candidate in
            let weight = exp(-0.5 * (candidate.aicc - ranked[0].aicc))
            guard weight > 0.1, let model = try? model(candidate, tolerance: 1e-4) else { return nil }
            return .init(weight: weight, model: .arima(model))
        }
    }

    /// - Parameter tolerance: Of the log-likelihood; the search stops at 1e-3.
    func model(_ candidate: AutoARIMA.Candidate, tolerance: Double = 1e-7) throws(ForecastingError) -> ARIMA {
        let missing = series.count(where: \.isNaN)
        let data = missing > AutoARIMA.mostMissingInFit ? interpolated(series) : series
        let design = try ARIMADesign(data, order: candidate.order, regressors: regressors)
        guard
            let found = ARMASearch(design.sample, order: candidate.order).best(
                from: [candidate.parameters], tolerance: tolerance)
        else { throw .noFit(model: "\(candidate.order)") }
        return try ARIMA(
            design: design, coefficients: found.coefficients,
            futureRegressors: regressors.map { Array($0.values.dropFirst(series.count)) }, withErrors: false)
    }

    mutating func run() {
        let seasonal = period > 1
        let constant = d + seasonalD <= 1
        if options.exhaustive { return exhaust(constant: constant) }
        let (d, seasonalD, period) = (d, seasonalD, period)
        func start(_ p: Int, _ q: Int, _ sp: Int, _ sq: Int, _ c: Bool) -> ARIMAOrder {
            ARIMAOrder(
                p, d, q, seasonal: seasonal ? (sp, seasonalD, sq) : (0, 0, 0), period: period, constant: c && constant)
        }
        let short = searched.count < 30 || searched.count < 3 * period
        var best: AutoARIMA.Candidate?
        let all = [
            start(0, 0, 0, 0, true), start(0, 0, 0, 0, false), start(1, 0, 1, 0, true), start(0, 1, 0, 1, true),
            start(short ? 1 : 2, short ? 1 : 2, 1, 1, true),
        ]
        for order in seed.map({ [$0, start(0, 0, 0, 0, false), start(0, 1, 0, 1, false)] }) ?? all {
            if let found = fit(order, from: best), found.aicc < best?.aicc ?? .infinity { best = found }
        }
        var improved = true
        while improved, results.count < options.largestCount, !isLate {
            improved = false
            guard let current = best else { return }
            for order in neighbours(current.order) where results[order] == nil {
                guard results.count < options.largestCount, !isLate else { return }
                if let found = fit(order, from: current), found.aicc < current.aicc {
                    best = found
                    improved = true
                    break
                }
            }
        }
    }

    private var isLate: Bool { deadline.map { ContinuousClock.now > $0 } ?? false }

    private func neighbours(_ order: ARIMAOrder) -> [ARIMAOrder] {
        var moves: [(Int, Int, Int, Int)] = []
        if period > 1 {
            moves += [(0, 0, -1, 0), (0, 0, 0, -1), (0, 0, 1, 0), (0, 0, 0, 1), (0, 0, -1, -1), (0, 0, 1, 1)]
            moves += [(0, 0, -1, 1), (0, 0, 1, -1)]
        }
        moves += [(-1, 0, 0, 0), (0, -1, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (-1, -1, 0, 0), (1, 1, 0, 0)]
        moves += [(-1, 1, 0, 0), (1, -1, 0, 0)]
        var result = moves.compactMap { move -> ARIMAOrder? in
            var next = order
            next.p += move.0
            next.q += move.1
            next.seasonalP += move.2
            next.seasonalQ += move.3
            let isAllowed =
                (0...options.largestOrder).contains(next.p) && (0...options.largestOrder).contains(next.q)
                && (0...options.largestSeasonalOrder).contains(next.seasonalP)
                && (0...options.largestSeasonalOrder).contains(next.seasonalQ)
                && (period == 1 || next.p < period && next.q < period)
            return isAllowed ? next : nil
        }
        if d + seasonalD <= 1 {
            var next = order
            next.constant.toggle()
            result.append(next)
        }
        return result
    }

    private mutating func exhaust(constant: Bool) {
        let seasonalRange = period > 1 ? 0...options.largestSeasonalOrder : 0...0
        for total in 0...5 {
            for p in 0...min(total, options.largestOrder) {
                for q in 0...min(total - p, options.largestOrder) {
                    for sp in seasonalRange where p + q + sp <= total {
                        let sq = total - p - q - sp
                        guard seasonalRange.contains(sq) else { continue }
                        for c in constant ? [true, false] : [false] where !isLate {
                            let order = ARIMAOrder(
                                p, d, q, seasonal: (sp, seasonalD, sq), period: period, constant: c)
                            let parents = results.values.compactMap { $0 }.filter { $0.order.constant == c }
                            _ = fit(order, from: parents.min { $0.aicc < $1.aicc })
                        }
                    }
                }
            }
        }
    }

    /// Fits one candidate once; `nil` if it is unusable.
    private mutating func fit(_ order: ARIMAOrder, from neighbour: AutoARIMA.Candidate?) -> AutoARIMA.Candidate? {
        if let known = results[order] { return known }
        let candidate = estimate(order, from: neighbour)
        results[order] = .some(candidate)
        return candidate
    }

    private mutating func estimate(_ order: ARIMAOrder, from neighbour: AutoARIMA.Candidate?) -> AutoARIMA.Candidate? {
        if designs[order.hasConstant] == nil {
            let bare = ARIMAOrder(
                0, d, 0, seasonal: (0, seasonalD, 0), period: period, constant: order.hasConstant)
            guard let design = try? ARIMADesign(searched, order: bare, regressors: regressors) else { return nil }
            designs[order.hasConstant] = (design, HannanRissanen(design.sample, longestLag: 2 * period))
        }
        guard let (design, hannanRissanen) = designs[order.hasConstant] else { return nil }
        let sample = design.sample
        let parameterCount = order.coefficientCount + sample.regressors + 1
        guard sample.observations > parameterCount + 2, sample.length > 2 * order.coefficientCount else { return nil }
        var likelihood = ARMALikelihood(sample, order: order)
        var starts = [hannanRissanen.start(order)]
        if let neighbour { starts.append(moved(neighbour, to: order)) }
        let values = starts.map { likelihood.evaluate($0, as: .unconstrained)?.objective ?? .infinity }
        let start = values.count > 1 && values[1] <= values[0] ? starts[1] : starts[0]
        guard let found = ARMASearch(sample, order: order).best(from: [start], tolerance: 1e-3, iterations: 60) else {
            return nil
        }
        guard isClearOfUnitCircle(found.coefficients, order) else { return nil }
        let (n, k) = (Double(sample.observations), Double(parameterCount))
        let aicc = -2 * found.logLikelihood + 2 * k + 2 * k * (k + 1) / (n - k - 1)
        return aicc.isFinite ? AutoARIMA.Candidate(order: order, aicc: aicc, parameters: found.parameters) : nil
    }

    /// The neighbour's optimum as a start: a partial autocorrelation of zero more or less is the same model.
    private func moved(_ neighbour: AutoARIMA.Candidate, to order: ARIMAOrder) -> [Double] {
        let old = ARMACoefficients<Double>(neighbour.parameters, order: neighbour.order)
        func resized(_ values: [Double], _ count: Int) -> [Double] {
            Array((values + [Double](repeating: 0.05, count: count)).prefix(count)).map { min(max($0, -2), 2) }
        }
        return resized(old.ar, order.p) + resized(old.ma, order.q) + resized(old.seasonalAR, order.seasonalP)
            + resized(old.seasonalMA, order.seasonalQ)
    }

    private func isClearOfUnitCircle(_ coefficients: [Double], _ order: ARIMAOrder) -> Bool {
        let parts = ARMACoefficients<Double>(coefficients, order: order)
        return [parts.ar, parts.ma.map { -$0 }, parts.seasonalAR, parts.seasonalMA.map { -$0 }].allSatisfy {
            // Roots of the polynomial scaled by 1.01 outside the circle: its partial autocorrelations stay below 1.
            let scaled = $0.enumerated().map { $1 * pow(1.01, Double($0 + 1)) }
            return partials(polynomial: scaled) != nil
        }
    }
}
