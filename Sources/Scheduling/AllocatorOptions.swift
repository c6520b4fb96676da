public import Workloads

/// How an allocator answers failures.
public struct AllocatorOptions: Hashable, Sendable, Codable {
    /// What happens after each cause of failure, and after alerts.
    public var policy: RetryPolicy
    /// Whether independent tasks go on after one has failed for good.
    public var keepsGoing: Bool

    /// Makes options; by default the standard policy, and other tasks go on.
    public init(policy: RetryPolicy = .standard, keepsGoing: Bool = true) {
        (self.policy, self.keepsGoing) = (policy, keepsGoing)
    }
}
