/// Which episode an environment plays.
public struct EpisodeStart: Sendable, Hashable {
    /// The problem, and what chance does within it: see ``Environment/reset(seed:luck:)``.
    public var seed: UInt64
    public var luck: UInt64
    /// The time after which it is cut off. A step that goes beyond it earns the part of its reward before.
    public var horizon: Double
    /// The number of decisions after which it is cut off.
    public var maximumDecisions: Int

    public init(seed: UInt64, luck: UInt64 = 0, horizon: Double = .infinity, maximumDecisions: Int = 1_000_000) {
        (self.seed, self.luck, self.horizon) = (seed, luck, horizon)
        self.maximumDecisions = maximumDecisions
    }
}
