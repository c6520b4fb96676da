public import Allocation
public import Workloads

/// What became of one job under a deadline.
public struct SpotOutcome: Sendable, Hashable, Codable {
    /// Seconds billed on spot.
    public var spotSeconds = 0
    /// Seconds billed on demand.
    public var onDemandSeconds = 0
    /// Seconds of work done on spot.
    public var spotWork = 0
    /// How often a machine was started.
    public var starts = 0
    /// When all was done, in seconds from the start.
    public var end = 0

    public init() {}

    /// In seconds of spot.
    public func cost(_ job: SpotJob) -> Double { Double(spotSeconds) + job.onDemandRatio * Double(onDemandSeconds) }

    /// As a share of running on demand from the start.
    public func costShare(_ job: SpotJob) -> Double { cost(job) / job.onDemandCost }

    /// The bill at these prices.
    public func bill(spot: Price, onDemand: Price) -> Money {
        spot.bill(seconds: spotSeconds) + onDemand.bill(seconds: onDemandSeconds)
    }

    /// Whether the deadline was met.
    public func isOnTime(_ job: SpotJob) -> Bool { end <= job.deadline }
}
