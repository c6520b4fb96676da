/// An amount of US dollars in whole units of 1e-9 dollar, so that sums are exact in any order.
///
///     let paid = Money.cost(ofSeconds: 90, at: Price(perHour: 0.0345))   // $0.0008625
///     let all = lives.map(\.cost).reduce(.zero, +)
///
/// Amounts beyond 9.2 billion dollars stay at that limit.
public struct Money: Hashable, Sendable, Comparable, AdditiveArithmetic, Codable, CustomStringConvertible {
    /// The amount in units of 1e-9 dollar.
    public var nanodollars: Int64

    /// An amount in units of 1e-9 dollar.
    public init(nanodollars: Int64) { self.nanodollars = nanodollars }

    /// The amount nearest to so many dollars; zero for what is no number.
    public init(dollars: Double) {
        let scaled = (dollars * 1e9).rounded()
        nanodollars = scaled.isNaN ? 0 : Int64(exactly: scaled) ?? (scaled > 0 ? .max : .min)
    }

    /// Reads a decimal number such as `12`, `0.0345` or `$1.50`, exactly.
    ///
    /// - Returns: `nil` if it is no such number, has more than nine digits after the point, or is beyond the limit.
    public init?(_ text: some StringProtocol) {
        var digits = Substring(text)
        let isNegative = digits.first == "-"
        if isNegative { digits.removeFirst() }
        if digits.first == "$" { digits.removeFirst() }
        let parts = digits.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = parts.count > 1 ? parts[1] : ""
        guard parts[0].utf8.count + fraction.utf8.count > 0, fraction.utf8.count <= 9,
            (String(parts[0]) + fraction).utf8.allSatisfy({ 48...57 ~= $0 }),
            let amount = Int64(parts[0] + fraction + String(repeating: "0", count: 9 - fraction.utf8.count))
        else { return nil }
        nanodollars = isNegative ? -amount : amount
    }

    /// Nothing.
    public static let zero = Money(nanodollars: 0)

    /// What so many seconds cost at a price of an hour, to the nearest unit; the price itself is taken to the nearest unit,
    /// too. Exact for prices to 1e-9 dollar and whole seconds, but for that one rounding.
    public static func cost(ofSeconds seconds: Double, at price: Price) -> Money {
        let hourly = Money(dollars: price.perHour).nanodollars
        guard let whole = Int64(exactly: seconds), whole >= 0, hourly >= 0 else {
            return Money(dollars: price.perHour * seconds / 3600)
        }
        let product = hourly.multipliedFullWidth(by: whole)
        guard product.high < 1800 else { return Money(nanodollars: .max) }
        let (quotient, remainder) = Int64(3600).dividingFullWidth(product)
        return Money(nanodollars: quotient + (remainder >= 1800 ? 1 : 0))
    }

    /// The amount in dollars, to the precision of a double.
    public var dollars: Double { Double(nanodollars) / 1e9 }

    /// For instance `$12.30`, `$0.0312`, as ``Units/formatPrice(_:)`` writes it.
    public var description: String { Units.formatPrice(dollars) }

    /// The amount in dollars with all its digits: `1.5`, `0.000000001`.
    public var decimal: String {
        let (whole, fraction) = nanodollars.magnitude.quotientAndRemainder(dividingBy: 1_000_000_000)
        var digits = String(fraction)
        digits = String(repeating: "0", count: 9 - digits.count) + digits
        while digits.last == "0" { digits.removeLast() }
        return (nanodollars < 0 ? "-" : "") + "\(whole)" + (digits.isEmpty ? "" : "." + digits)
    }

    /// Divides the amount in proportion to `weights`, without losing or gaining a unit: the parts add up to it.
    ///
    /// Equal weights where none is positive; none for no weights. O(*n*).
    public func divided(by weights: [Double]) -> [Money] {
        let usable = weights.map { $0 > 0 && $0.isFinite ? $0 : 0 }
        let total = usable.reduce(0, +)
        let shares =
            total > 0 && total.isFinite ? usable.map { $0 / total } : weights.map { _ in 1 / Double(weights.count) }
        let last = shares.lastIndex { $0 > 0 }
        var (reached, given) = (0.0, Int64(0))
        return shares.indices.map { index in
            reached += shares[index]
            // Rounding must not leave anything to those after the last.
            let upTo = last.map { index >= $0 } ?? true ? nanodollars : Int64(Double(nanodollars) * min(1, reached))
            defer { given = upTo }
            return Money(nanodollars: upTo - given)
        }
    }

    /// The sum.
    public static func + (a: Money, b: Money) -> Money {
        let (sum, overflow) = a.nanodollars.addingReportingOverflow(b.nanodollars)
        return Money(nanodollars: overflow ? (a.nanodollars > 0 ? .max : .min) : sum)
    }

    /// The difference.
    public static func - (a: Money, b: Money) -> Money {
        let (rest, overflow) = a.nanodollars.subtractingReportingOverflow(b.nanodollars)
        return Money(nanodollars: overflow ? (a.nanodollars >= 0 ? .max : .min) : rest)
    }

    /// The amount so many times.
    public static func * (a: Money, count: Int) -> Money {
        let (product, overflow) = a.nanodollars.multipliedReportingOverflow(by: Int64(count))
        return Money(nanodollars: overflow ? ((a.nanodollars > 0) == (count > 0) ? .max : .min) : product)
    }

    /// Adds to it.
    public static func += (a: inout Money, b: Money) { a = a + b }

    /// Less is less.
    public static func < (a: Money, b: Money) -> Bool { a.nanodollars < b.nanodollars }

    /// Reads an amount from a whole number of units.
    public init(from decoder: any Decoder) throws {
        nanodollars = try decoder.singleValueContainer().decode(Int64.self)
    }

    /// Writes a whole number of units.
    public func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        try value.encode(nanodollars)
    }
}

extension Price {
    /// What so many seconds cost, rounded once to the nearest unit; nothing for fewer than none.
    public func bill(seconds: Int) -> Money { Money.cost(ofSeconds: Double(max(0, seconds)), at: self) }
}
