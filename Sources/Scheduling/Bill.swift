/// What an instance costs between two times, where its price may change every hour.
struct Bill {
    private let pricePerHour: (Double) -> Double
    /// US dollars from time 0 to the start of each hour asked for so far.
    private var paid = [0.0]
    private var prices: [Double]

    /// - Parameter pricePerHour: US dollars per hour at a time in seconds; looked at once an hour.
    init(pricePerHour: @escaping (Double) -> Double) {
        self.pricePerHour = pricePerHour
        prices = [pricePerHour(0)]
    }

    /// US dollars from `start` to `end`, both in seconds and not negative.
    mutating func dollars(from start: Double, to end: Double) -> Double {
        let hours = (start / 3600, end / 3600)
        // Within the first hour, and while the price has not changed, no table is needed.
        if hours.1 <= 1 { return prices[0] * (hours.1 - hours.0) }
        return paid(until: hours.1) - paid(until: hours.0)
    }

    private mutating func paid(until hour: Double) -> Double {
        let whole = Int(min(hour, Self.lastHour))
        while paid.count <= whole {
            paid.append(paid[paid.count - 1] + prices[paid.count - 1])
            prices.append(pricePerHour(Double(prices.count) * 3600))
        }
        return paid[whole] + prices[whole] * (hour - Double(whole))
    }

    /// After five years the price stays as it is.
    private static let lastHour = 5.0 * 8766
}
