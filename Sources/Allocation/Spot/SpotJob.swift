/// One job that must be done by a deadline, on a spot machine while there is one, or on demand at a higher price.
///
/// It saves its work: a reclaim costs what is done again after it, which is part of the changeover. Decisions fall at the
/// beginning of ticks, where a spot machine may be lost too, without notice. Times are whole seconds from the start.
///
///     let job = SpotJob(work: 48 * 3600, deadline: 60 * 3600, changeover: 720, tick: 600, onDemandRatio: 3.1)
///
/// Source: Wu et al., *Can't Be Late: Optimizing Spot Instance Savings under Deadlines* (NSDI 2024).
public struct SpotJob: Sendable, Hashable, Codable {
    /// Seconds of work.
    public var work: Int
    /// Seconds from the start until all of it must be done.
    public var deadline: Int
    /// Seconds that each start of a machine takes, its set-up and lost work included; billed like work.
    public var changeover: Int
    /// Seconds between decisions.
    public var tick: Int
    /// The price of a machine on demand as a multiple of that on spot, above 1.
    public var onDemandRatio: Double

    /// Makes a job.
    ///
    /// - Precondition: Work, deadline and tick are positive, the changeover is not negative, the ratio is finite and at least 1.
    public init(work: Int, deadline: Int, changeover: Int, tick: Int, onDemandRatio: Double) {
        precondition(work > 0 && deadline > 0 && tick > 0 && changeover >= 0, "Times of a job are positive.")
        precondition(onDemandRatio >= 1 && onDemandRatio < .infinity, "On demand is not cheaper than spot.")
        (self.work, self.deadline, self.changeover, self.tick) = (work, deadline, changeover, tick)
        self.onDemandRatio = onDemandRatio
    }

    /// The earliest time at which it can be done for sure: on demand from the start.
    public var earliestEnd: Int { changeover + work }

    /// Whether the deadline can be met whatever happens to spot.
    public var isFeasible: Bool { earliestEnd <= deadline }

    /// Ticks until the deadline, the last of which may be cut short.
    public var tickCount: Int { (deadline + tick - 1) / tick }

    /// What it costs on demand, in seconds of spot.
    public var onDemandCost: Double { onDemandRatio * Double(work + changeover) }
}
