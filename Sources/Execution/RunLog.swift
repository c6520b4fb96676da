public import Allocation
public import Workloads

/// Where a run is written down before it is acted on, so that another process can go on with it.
public protocol RunLog {
    /// Adds an entry, to be durable after the next ``sync()``.
    mutating func append(_ entry: LogEntry) throws

    /// Makes all entries durable at once, or fails.
    mutating func sync() throws

    /// What is durable from before, in its order.
    mutating func entries() throws -> [LogEntry]
}

/// A fact, and the outcome of the attempt whose end it tells of: one is never there without the other.
public struct LogEntry: Hashable, Sendable {
    /// The fact.
    public var fact: Fact
    /// The outcome, if the fact is the end of an attempt.
    public var outcome: AttemptRecord?

    /// Makes an entry.
    public init(_ fact: Fact, outcome: AttemptRecord? = nil) { (self.fact, self.outcome) = (fact, outcome) }
}
