/// How an allocator answers failures.
public struct AllocatorOptions: Hashable, Sendable, Codable {
    /// How often a failed attempt is repeated, for tasks that do not say so themselves; at least 0.
    public var retries: Int
    /// How often an attempt that was lost without the task's fault is repeated. Reclaims are never limited.
    public var losses: Int
    /// Memory of the next attempt after one that ran out of it, as a multiple; greater than 1.
    public var memoryGrowth: Double
    /// Whether independent tasks go on after one has failed for good.
    public var keepsGoing: Bool

    /// Makes options; by default one retry, ten losses, memory doubled, and other tasks go on.
    public init(retries: Int = 1, losses: Int = 10, memoryGrowth: Double = 2, keepsGoing: Bool = true) {
        self.retries = max(0, retries)
        self.losses = max(0, losses)
        self.memoryGrowth = memoryGrowth > 1 && memoryGrowth.isFinite ? memoryGrowth : 2
        self.keepsGoing = keepsGoing
    }
}
