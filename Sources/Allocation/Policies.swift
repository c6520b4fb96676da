import Workloads

/// How the allocator decides: one value for each question.
public struct Policies: Sendable {
    /// Which task starts next, and where.
    public var placement: any Placement
    /// What is rented and given back.
    public var provisioning: any Provisioning
    /// What follows a failure.
    public var recovery: Recovery
    /// When attempts save their work.
    public var checkpoints: CheckpointRule
    /// When a job needs another plan.
    public var replanning: ReplanRule
    /// Which tasks that run too long get a second attempt.
    public var speculation: Speculation

    /// Which placements are tried out in simulation, to follow the best; `nil` if the one above always decides.
    public var following: Following?

    /// Makes policies; by default everything there is is used, the longest path first, with a reservation for what finds
    /// no room, and failures are answered by the standard table.
    public init(
        placement: any Placement = Backfilling(), provisioning: any Provisioning = FixedPool(),
        recovery: Recovery = .init(), checkpoints: CheckpointRule = .onNotice, replanning: ReplanRule = .never,
        speculation: Speculation = .init(), following: Following? = nil
    ) {
        (self.placement, self.provisioning, self.recovery) = (placement, provisioning, recovery)
        (self.checkpoints, self.replanning, self.speculation) = (checkpoints, replanning, speculation)
        self.following = following
    }
}
