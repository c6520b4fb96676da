internal import Workloads

/// What an instance costs between two times, where its price may change every hour.
struct Bill: Sendable {
    /// US dollars from time 0 to the start of each hour.
    private let paid: [Double]
    private let prices: [Double]
    private let billing: Offer.Billing
    /// Whether more is billed than is used. Whole seconds are not: they are what sums of seconds are rounded to.
    let isCoarse: Bool

    /// - Parameter pricesPerHour: US dollars per hour, for each hour; the last one stays. None is free of charge.
    init(pricesPerHour: [Double], _ billing: Offer.Billing = .bySecond) {
        self.billing = billing
        isCoarse = billing.granularitySeconds > 1 || billing.minimumSeconds > 0
        prices = pricesPerHour.isEmpty ? [0] : pricesPerHour
        var paid = [0.0]
        for price in prices.dropLast() { paid.append(paid[paid.count - 1] + price) }
        self.paid = paid
    }

    /// US dollars for the time from `start` to `end`, both in seconds and not negative.
    func dollars(from start: Double, to end: Double) -> Double {
        if prices.count == 1 { return prices[0] * (end / 3600 - start / 3600) }
        return paid(until: end / 3600) - paid(until: start / 3600)
    }

    /// US dollars for all that is billed of an instance that is used from `start` to `end`.
    func total(from start: Double, to end: Double) -> Double {
        guard isCoarse else { return dollars(from: start, to: end) }
        return dollars(from: start, to: start + billing.billedSeconds(end - start))
    }

    private func paid(until hour: Double) -> Double {
        let whole = Int(min(hour, Double(prices.count - 1)))
        return paid[whole] + prices[whole] * (hour - Double(whole))
    }
}
