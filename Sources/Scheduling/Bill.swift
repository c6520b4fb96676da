/// What an instance costs between two times, where its price may change every hour.
struct Bill: Sendable {
    /// US dollars from time 0 to the start of each hour.
    private let paid: [Double]
    private let prices: [Double]

    /// - Parameter pricesPerHour: US dollars per hour, for each hour; the last one stays. None is free of charge.
    init(pricesPerHour: [Double]) {
        prices = pricesPerHour.isEmpty ? [0] : pricesPerHour
        var paid = [0.0]
        for price in prices.dropLast() { paid.append(paid[paid.count - 1] + price) }
        self.paid = paid
    }

    /// US dollars from `start` to `end`, both in seconds and not negative.
    func dollars(from start: Double, to end: Double) -> Double {
        if prices.count == 1 { return prices[0] * (end / 3600 - start / 3600) }
        return paid(until: end / 3600) - paid(until: start / 3600)
    }

    private func paid(until hour: Double) -> Double {
        let whole = Int(min(hour, Double(prices.count - 1)))
        return paid[whole] + prices[whole] * (hour - Double(whole))
    }
}
