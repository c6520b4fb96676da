import Glibc
public import Workloads

/// What is believed of the entries of a pool over the coming hours, in their order: prices and reclaims.
public struct MarketOutlook: Hashable, Sendable, Codable {
    /// US dollars per instance-hour, by entry, for each hour from the start of the plan; the last one stays.
    public var pricesPerHour: [[Double]]
    /// The probability that an instance of an entry is reclaimed within an hour, at a constant rate; 0 on demand.
    public var reclaimsPerHour: [Double]

    /// Makes an outlook; nothing is reclaimed unless it says so.
    public init(pricesPerHour: [[Double]], reclaimsPerHour: [Double]? = nil) {
        self.pricesPerHour = pricesPerHour
        self.reclaimsPerHour = reclaimsPerHour ?? pricesPerHour.map { _ in 0 }
    }

    /// The prices that a pool lists stay as they are, and nothing is reclaimed.
    public init(listedIn pool: ResourcePool) { self.init(pricesPerHour: pool.entries.map { [$0.price.perHour] }) }

    /// The time that a task of so many seconds takes on an entry: with restarts from the beginning after reclaims, if it
    /// is not saved in between.
    func secondsWithRestarts(_ once: Double, on entry: Int) -> Double {
        let reclaim = reclaimsPerHour[entry]
        guard reclaim > 0, once > 0 else { return once }
        guard reclaim < 1 else { return .infinity }
        // A constant rate r: (exp(r t) − 1) / r.
        let rate = -log1p(-reclaim) / 3600
        return expm1(rate * once) / rate
    }
}
