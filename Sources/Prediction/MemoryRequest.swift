/// How much memory to ask for, and what to ask for if that was not enough.
public struct MemoryRequest: Sendable, Hashable, Codable {
    /// How the request follows from the input size.
    public enum Rule: String, Sendable, Hashable, Codable, CaseIterable {
        /// The same for all inputs.
        case constant
        /// The same for all inputs, a little above the most seen.
        case mostSeen = "most seen"
        /// A straight line.
        case linear
        /// A line through the logarithms.
        case logLog = "log-log"
        /// The most that the six, or twelve, runs of nearest input size needed.
        case neighbours
        /// Too few runs to choose by: the most seen with a wide margin.
        case tooFewRuns = "too few runs"
    }

    /// What to request first, in bytes.
    public let bytes: Double
    /// What to request after that failed.
    public let retryBytes: Double
    /// The share of such tasks that is expected to need more than `bytes`.
    public let failureShare: Double
    /// The most that a recorded run of the type held, or was killed at.
    public let maximumSeenBytes: Double
    /// The recorded runs behind it, and how many of them were killed before they had all they needed.
    public let runs: Int
    public let killed: Int
    /// Where more runs were killed than may fail: what is needed is not known, but more than this. `nil` if it is known.
    public let atLeastBytes: Double?
    public let rule: Rule
    /// What the machine has: no request goes beyond.
    public let limitBytes: Double

    /// Whether the runs say more than what was the most seen.
    public var isPredicted: Bool { rule != .tooFewRuns }

    /// Whether it would be another one for another input size.
    public var followsSize: Bool { rule == .linear || rule == .logLog || rule == .neighbours }

    /// What to request after a try with `failed` bytes ran out of memory: the next quantile, then twice as much, at most
    /// what the machine has. `nil` if it had all of that.
    public func bytes(afterFailing failed: Double) -> Double? {
        guard failed < limitBytes else { return nil }
        return min(limitBytes, retryBytes > failed * 1.02 ? retryBytes : failed * 2)
    }
}
