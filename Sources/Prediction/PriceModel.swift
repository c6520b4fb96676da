public import Forecasting
public import Markets
public import ModelFiles

/// Forecasts the spot price of every market that was observed, hour by hour.
///
/// One set of coefficients is learnt from all markets together, so that a short or quiet history borrows from the others.
public struct PriceModel: Sendable {
    /// What is kept of one market: the prices from which a forecast starts.
    public struct Market: Sendable, Codable, Hashable {
        public let market: SpotMarket
        /// The last hourly prices, oldest first, up to 200.
        public let recentPrices: [Double]
        /// The hour of the last of them, in Unix seconds.
        public let lastTime: Double
        public var lastPrice: Double { recentPrices.last ?? .nan }
    }

    /// The hours ahead at which ``errorRatios`` are measured.
    public static let judgedHours = [1, 6, 24]
    /// Hours of history that are learnt from.
    public static let historyHours = 60 * 24
    /// The furthest hour that coefficients are learnt for.
    public static let horizonHours = 168
    private static let keptHours = 200

    /// By type, zone and product.
    public let markets: [Market]
    /// The mean absolute error of all markets over the last week, which the judged model had not seen, at
    /// ``judgedHours``, divided by that of the naive forecast (the last price stays). Below 1 is better than naive;
    /// empty where the histories are shorter than three weeks.
    public let errorRatios: [Double]
    private let forecaster: StepPriceForecaster

    /// Learns from the last sixty days of all markets.
    ///
    /// - Parameter products: Markets of other products are left out; their prices move with those of Linux.
    /// - Throws: ``PredictionError/noPrices`` for an empty table, `ForecastingError` for prices that are not positive.
    public static func fit(
        _ table: SpotPriceTable, products: Set<String> = [SpotMarket.linux], threads: Int = 1
    ) throws -> PriceModel {
        let chosen = table.markets.indices.filter {
            products.contains(table.markets[$0].product) && !table.rows(of: $0).isEmpty
        }
        guard !chosen.isEmpty else { throw PredictionError.noPrices }
        var (series, markets): ([[Double]], [Market]) = ([], [])
        for index in chosen {
            let (start, all) = table.history(of: index).hourly()
            series.append(Array(all.suffix(historyHours)))
            markets.append(
                Market(
                    market: table.markets[index], recentPrices: Array(all.suffix(keptHours)),
                    lastTime: start + 3600 * Double(all.count - 1)))
        }
        return PriceModel(
            markets: markets, errorRatios: try ratios(series, threads: threads),
            forecaster: try StepPriceForecaster.fit(series, horizon: horizonHours, threads: threads))
    }

    /// What the price of a market will be over the coming hours.
    ///
    /// - Throws: ``PredictionError/unknownMarket(_:known:)``, or `ForecastingError` for an unusable horizon.
    public func forecast(_ market: SpotMarket, hours: Int, levels: [Double] = [0.8, 0.95]) throws -> Forecast {
        guard let known = markets.first(where: { $0.market == market }) else {
            throw PredictionError.unknownMarket(market.description, known: markets.map(\.market.description))
        }
        return try forecaster.forecast(known.recentPrices, horizon: hours, levels: levels)
    }

    /// The market of an instance type in a zone; in any zone the cheapest now.
    public func market(instanceType: String, zone: String?) -> Market? {
        markets.filter { $0.market.instanceType == instanceType && (zone == nil || $0.market.zone == zone) }
            .min { $0.lastPrice < $1.lastPrice }
    }

    /// Learns without the last week and forecasts it from each of its days.
    private static func ratios(_ series: [[Double]], threads: Int) throws(ForecastingError) -> [Double] {
        let judged = series.filter { $0.count >= 21 * 24 }
        guard !judged.isEmpty else { return [] }
        let week = 7 * 24
        let model = try StepPriceForecaster.fit(
            judged.map { Array($0.dropLast(week)) }, horizon: 24, threads: threads)
        var (errors, naive) = ([Double](repeating: 0, count: 3), [Double](repeating: 0, count: 3))
        for prices in judged {
            for origin in stride(from: prices.count - week, through: prices.count - 24, by: 24) {
                let forecast = try model.forecast(Array(prices[..<origin].suffix(keptHours)), horizon: 24, levels: [])
                for (index, hours) in judgedHours.enumerated() {
                    // Relative to the price, so that dear machines do not decide alone.
                    errors[index] += abs(forecast.mean[hours - 1] / prices[origin + hours - 1] - 1)
                    naive[index] += abs(prices[origin - 1] / prices[origin + hours - 1] - 1)
                }
            }
        }
        return zip(errors, naive).map { $1 > 0 ? $0 / $1 : 1 }
    }
}

extension PriceModel {
    public static let modelKind = "price-model"
    static let schemaVersion = 1

    /// The model file.
    public func modelFile() throws -> ModelFile {
        var file = ModelFile(kind: Self.modelKind, schemaVersion: Self.schemaVersion)
        file.metadata["unit"] = "US dollars per instance-hour"
        file.metadata["training_rows"] = String(forecaster.observations)
        try file.setJSON("forecaster", forecaster)
        try file.setJSON("markets", markets)
        try file.set("error_ratios", errorRatios)
        return file
    }

    /// Reads the model that ``modelFile()`` described.
    public init(contentsOf path: String) throws {
        let file = try ModelFile(contentsOf: path, kind: Self.modelKind, schemaVersion: Self.schemaVersion)
        self.init(
            markets: try file.json("markets", as: [Market].self), errorRatios: try file.doubles("error_ratios"),
            forecaster: try file.json("forecaster", as: StepPriceForecaster.self))
    }
}
