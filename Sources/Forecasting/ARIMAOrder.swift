/// The orders (p,d,q)(P,D,Q)m of a seasonal ARIMA model and whether it has a constant.
///
///     let airline = ARIMAOrder(0, 1, 1, seasonal: (0, 1, 1), period: 12)
///
/// The constant is the mean where `d + D` is 0, the drift per step where it is 1, and is left out otherwise.
public struct ARIMAOrder: Sendable, Hashable, Codable, CustomStringConvertible {
    /// Order of the autoregressive part.
    public var p: Int
    /// Order of differencing at lag 1.
    public var d: Int
    /// Order of the moving-average part.
    public var q: Int
    /// Order of the seasonal autoregressive part.
    public var seasonalP: Int
    /// Order of differencing at the lag of one season.
    public var seasonalD: Int
    /// Order of the seasonal moving-average part.
    public var seasonalQ: Int
    /// Length of the season in observations; 1 where there is none.
    public var period: Int
    /// A mean or a drift is estimated.
    public var constant: Bool

    /// Orders as they are written in the literature: (p,d,q)(P,D,Q)m.
    public init(
        _ p: Int, _ d: Int, _ q: Int, seasonal: (Int, Int, Int) = (0, 0, 0), period: Int = 1, constant: Bool = false
    ) {
        (self.p, self.d, self.q) = (p, d, q)
        (seasonalP, seasonalD, seasonalQ) = seasonal
        self.period = period
        self.constant = constant
    }

    /// For instance `ARIMA(2,1,1)(0,1,1)[12] with drift`.
    public var description: String {
        let seasonal =
            seasonalP + seasonalD + seasonalQ == 0 ? "" : "(\(seasonalP),\(seasonalD),\(seasonalQ))[\(period)]"
        let suffix = !hasConstant ? "" : d + seasonalD == 0 ? " with mean" : " with drift"
        return "ARIMA(\(p),\(d),\(q))\(seasonal)\(suffix)"
    }

    /// How many observations differencing takes away.
    public var observationsLost: Int { d + seasonalD * period }

    /// The constant is asked for and can be told from the differencing.
    public var hasConstant: Bool { constant && d + seasonalD <= 1 }

    /// Number of autoregressive and moving-average coefficients.
    public var coefficientCount: Int { p + q + seasonalP + seasonalQ }

    /// `ar1, …, ma1, …, sar1, …, sma1, …`
    public var coefficientNames: [String] {
        [("ar", p), ("ma", q), ("sar", seasonalP), ("sma", seasonalQ)]
            .flatMap { name, count in (0..<count).map { "\(name)\($0 + 1)" } }
    }

    /// Largest lag of the product of both autoregressive polynomials.
    var largestARLag: Int { p + seasonalP * period }
    /// Largest lag of the product of both moving-average polynomials.
    var largestMALag: Int { q + seasonalQ * period }
}
