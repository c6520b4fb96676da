/// A graph of tasks that somebody wants done: whose it is, how much it counts, and by when.
public struct Job: Sendable, Hashable {
    /// Its name, for instance the name of the job file.
    public var name: String
    /// On whose account it runs; jobs of one tenant share the tenant's part.
    public var tenant: String
    /// The tasks.
    public var graph: TaskGraph
    /// The tenant's part of a shared pool in proportion to the weights of the others; that of its first job counts.
    public var weight: Double
    /// The most that the tenant may have in use; `nil` is without limit. Of several jobs the least counts.
    public var quota: Quota?
    /// What it should be good at, by when it should end, in seconds of the clock that drives the run, and what it may cost.
    public var goal: Goal

    /// Makes a job; weight 1, without quota, deadline or budget, of the tenant `default`.
    public init(
        _ graph: TaskGraph, name: String = "job", tenant: String = "default", weight: Double = 1,
        quota: Quota? = nil, goal: Goal = Goal(.balanced)
    ) {
        (self.name, self.tenant, self.graph, self.quota) = (name, tenant, graph, quota)
        self.weight = weight > 0 && weight.isFinite ? weight : 1
        self.goal = goal
    }
}

/// The place of a task among the tasks of all jobs of a run.
public typealias TaskIndex = Int32
/// The place of a job among those of a run.
public typealias JobIndex = Int32
/// The place of an instance among all that a run ever asked for.
public typealias InstanceIndex = Int32
/// The place of an offer in the list that a run chooses from.
public typealias OfferIndex = Int32

/// One try at one task.
public struct AttemptID: Hashable, Sendable, Codable {
    /// The task.
    public var task: TaskIndex
    /// 1 for the first try.
    public var number: Int32

    /// Names an attempt.
    @inlinable public init(_ task: TaskIndex, _ number: Int32) { (self.task, self.number) = (task, number) }
}
