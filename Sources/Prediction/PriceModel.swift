public import Forecasting
internal import LinearAlgebra
public import ModelFiles
public import Traces

/// Forecasts the spot price of every market that was observed, hour by hour.
public struct PriceModel: Sendable {
    /// The forecaster of one market.
    public struct Market: Sendable, Codable {
        public let market: SpotMarket
        /// Fitted to the hourly prices.
        public let forecaster: FittedForecaster
        /// The last observed hour, in Unix seconds.
        public let lastTime: Double
        public let lastPrice: Double
        /// Mean absolute error on held-out days at 1, 6 and 24 hours, divided by that of the naive forecast; below 1
        /// is better than naive. Empty where the history is too short, NaN-free: a price that never moves gives 1.
        public let errorRatios: [Double]
    }

    /// The hours ahead at which ``Market/errorRatios`` are measured.
    public static let judgedHours = [1, 6, 24]
    /// Hours of history that a forecaster learns from.
    public static let historyHours = 28 * 24

    /// By type, zone and product.
    public let markets: [Market]
    public let seed: UInt64

    /// Fits a forecaster to the last 28 days of each market.
    ///
    /// - Parameters:
    ///   - products: Markets of other products are left out; their prices move with those of Linux.
    ///   - progress: Called after each market, on any thread.
    /// - Throws: ``PredictionError/noPrices`` for an empty table, `ForecastingError` for a series that cannot be fitted.
    public static func fit(
        _ table: SpotPriceTable, products: Set<String> = [SpotMarket.linux], method: ForecastMethod = .auto,
        threads: Int = 1, seed: UInt64 = 1, progress: @escaping @Sendable () -> Void = {}
    ) throws -> PriceModel {
        let chosen = table.markets.indices.filter { products.contains(table.markets[$0].product) }
        guard !chosen.isEmpty else { throw PredictionError.noPrices }
        let markets = try Parallel.tryMap(count: chosen.count, threads: threads) {
            (index: Int) throws(ForecastingError) -> Market in
            defer { progress() }
            return try fit(table.markets[chosen[index]], table.history(of: chosen[index]), method: method)
        }
        return PriceModel(markets: markets, seed: seed)
    }

    /// What the price of a market will be over the coming hours.
    ///
    /// - Throws: ``PredictionError/unknownMarket(_:known:)``, or `ForecastingError` for an unusable horizon.
    public func forecast(_ market: SpotMarket, hours: Int, levels: [Double] = [0.8, 0.95]) throws -> Forecast {
        guard let model = self[market] else {
            throw PredictionError.unknownMarket(market.description, known: markets.map(\.market.description))
        }
        return try model.forecaster.forecast(horizon: hours, levels: levels)
    }

    public subscript(market: SpotMarket) -> Market? { markets.first { $0.market == market } }

    /// The market of an instance type in a zone; in any zone the cheapest now.
    public func market(instanceType: String, zone: String?) -> Market? {
        markets.filter { $0.market.instanceType == instanceType && (zone == nil || $0.market.zone == zone) }
            .min { $0.lastPrice < $1.lastPrice }
    }

    private static func fit(
        _ market: SpotMarket, _ history: SpotPriceHistory, method: ForecastMethod
    ) throws(ForecastingError) -> Market {
        let (start, all) = history.hourly()
        let prices = Array(all.suffix(historyHours))
        let options = ForecastOptions(method: method)
        let forecaster = try Forecaster.fit(prices, season: 24, options: options)
        return Market(
            market: market, forecaster: forecaster, lastTime: start + 3600 * Double(all.count - 1),
            lastPrice: prices.last ?? .nan, errorRatios: try ratios(prices, options))
    }

    /// Refits without the last one to seven days and forecasts them.
    private static func ratios(_ prices: [Double], _ options: ForecastOptions) throws(ForecastingError) -> [Double] {
        guard prices.count >= 14 * 24 else { return [] }
        var (errors, naive) = ([Double](repeating: 0, count: 3), [Double](repeating: 0, count: 3))
        for days in [1, 3, 5, 7] {
            let origin = prices.count - days * 24
            let forecast = try Forecaster.fit(Array(prices[..<origin]), season: 24, options: options).forecast(
                horizon: 24)
            for (index, hours) in judgedHours.enumerated() {
                errors[index] += abs(forecast.mean[hours - 1] - prices[origin + hours - 1])
                naive[index] += abs(prices[origin - 1] - prices[origin + hours - 1])
            }
        }
        return zip(errors, naive).map { $1 > 0 ? $0 / $1 : ($0 > 0 ? 2 : 1) }
    }
}

extension PriceModel {
    public static let modelKind = "price-model"
    static let schemaVersion = 1

    /// The model file.
    public func modelFile() throws -> ModelFile {
        var file = ModelFile(kind: Self.modelKind, schemaVersion: Self.schemaVersion)
        file.metadata["seed"] = String(seed)
        file.metadata["unit"] = "US dollars per instance-hour"
        file.metadata["training_rows"] = String(markets.reduce(0) { $0 + $1.forecaster.observations })
        try file.setJSON("markets", markets)
        return file
    }

    /// Reads the model that ``modelFile()`` described.
    public init(contentsOf path: String) throws {
        let file = try ModelFile(contentsOf: path, kind: Self.modelKind, schemaVersion: Self.schemaVersion)
        self.init(
            markets: try file.json("markets", as: [Market].self), seed: UInt64(try file.text("seed")) ?? 0)
    }
}
