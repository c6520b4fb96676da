/// What a policy knows when it decides, at the beginning of a tick.
public struct SpotMoment: Sendable, Hashable {
    /// Ticks since the start of the job.
    public var tick: Int
    /// Whether spot can be had, or kept, in this tick.
    public var isAvailable: Bool
    /// What is held; a spot machine that was lost is none.
    public var held: SpotMachine
    /// Seconds until what is held can work.
    public var changeoverLeft: Int
    /// Seconds of work that are left.
    public var workLeft: Int

    /// Makes a moment.
    @inlinable
    public init(tick: Int, isAvailable: Bool, held: SpotMachine, changeoverLeft: Int, workLeft: Int) {
        (self.tick, self.isAvailable, self.held) = (tick, isAvailable, held)
        (self.changeoverLeft, self.workLeft) = (changeoverLeft, workLeft)
    }

    /// Seconds that may still be lost: until the deadline, less the work that is left.
    @inlinable
    public func slack(of job: SpotJob) -> Int { job.deadline - tick * job.tick - workLeft }

    /// The safety net: whether spot may be started. If it is lost at once, there is time to start on demand.
    @inlinable
    public func mayStartSpot(_ job: SpotJob) -> Bool { isAvailable && slack(of: job) >= 2 * job.changeover }

    /// The safety net: whether this tick may be waited out. There is time to start on demand after it, and to be idle or
    /// to lose a spot machine once.
    @inlinable
    public func mayIdle(_ job: SpotJob) -> Bool { slack(of: job) - job.tick >= 2 * job.changeover }
}
