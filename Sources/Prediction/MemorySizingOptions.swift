/// What a memory request weighs.
public struct MemorySizingOptions: Sendable, Hashable, Codable {
    /// What a failed try costs beside the memory that it held in vain, in memory·time of a typical run of the type.
    public var failurePenalty = 1.0
    /// The share of tasks that may fail for want of memory, as expected from the recorded runs.
    public var maximumFailureShare = 0.02
    /// A type with fewer runs is not predicted: it gets the most seen and a wide margin.
    public var minimumRuns = 10

    public init() {}
}
