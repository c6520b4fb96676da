/// An amount of money in whole billionths of a US dollar: sums are exact, in any order.
///
///     let bill = Price(perHour: 0.918).bill(seconds: 7201)   // rounded once, to the nearest billionth
///     bill.dollars                                           // 1.836255
public struct Money: Hashable, Sendable, Comparable, AdditiveArithmetic {
    /// Billionths of a US dollar.
    public var nanodollars: Int64

    /// Makes an amount.
    public init(nanodollars: Int64) { self.nanodollars = nanodollars }

    /// The nearest amount; at most nine billion dollars.
    public init(dollars: Double) {
        let most = 9.2e18
        nanodollars = dollars.isNaN ? 0 : Int64(min(max((dollars * 1e9).rounded(), -most), most))
    }

    public static let zero = Money(nanodollars: 0)

    /// In US dollars, to the precision of a double.
    public var dollars: Double { Double(nanodollars) / 1e9 }

    public static func + (a: Money, b: Money) -> Money {
        Money(nanodollars: a.nanodollars.addingReportingOverflow(b.nanodollars).partialValue)
    }

    public static func - (a: Money, b: Money) -> Money {
        Money(nanodollars: a.nanodollars.subtractingReportingOverflow(b.nanodollars).partialValue)
    }

    public static func < (a: Money, b: Money) -> Bool { a.nanodollars < b.nanodollars }
}

extension Money: Codable {
    /// Reads whole billionths.
    public init(from decoder: any Decoder) throws {
        nanodollars = try decoder.singleValueContainer().decode(Int64.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(nanodollars)
    }
}

extension Price {
    /// What so many seconds cost: the price in whole billionths of a dollar an hour, times the seconds, rounded once to the
    /// nearest billionth.
    public func bill(seconds: Int) -> Money {
        let hourly = Money(dollars: perHour).nanodollars
        let (high, low) = hourly.magnitude.multipliedFullWidth(by: UInt64(max(0, seconds)))
        guard high < 3600 else { return Money(nanodollars: hourly < 0 ? .min : .max) }
        let (quotient, rest) = UInt64(3600).dividingFullWidth((high, low))
        let amount = Int64(clamping: rest >= 1800 ? quotient + 1 : quotient)
        return Money(nanodollars: hourly < 0 ? -amount : amount)
    }
}
