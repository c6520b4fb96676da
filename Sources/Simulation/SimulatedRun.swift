public import Allocation

/// What came of one simulated run.
public struct SimulatedRun: Hashable, Sendable, Codable {
    /// How the job ended; of several the first that did not succeed.
    public var ending: Ending
    /// When it, or the last of them, ended, in seconds after its start.
    public var makespanSeconds: Double
    /// What all instances cost together, in US dollars.
    public var cost: Double
    /// What the instances cost while tasks occupied them, each by its part, in US dollars.
    public var occupiedCost = 0.0
    /// Tasks that ended after their own deadlines.
    public var lateTasks = 0
    /// What came of each job, if there are several.
    public var jobs: [SimulatedJob.Course] = []
    /// How long tasks of several jobs waited for room when they could have started: the mean of the jobs, in seconds.
    public var meanWaitSeconds: Double {
        jobs.reduce(0) { $0 + $1.meanWaitSeconds } / Double(max(1, jobs.count))
    }
    /// Attempts that were started.
    public var attempts = 0
    /// Instances that were taken back.
    public var reclaims = 0
    /// How often another plan was made.
    public var plans = 0
    /// How often another placement was followed.
    public var follows = 0
    /// Events that the allocator was told of.
    public var events = 0

    enum CodingKeys: String, CodingKey {
        case ending, cost, jobs, attempts, reclaims, plans, follows, events
        case makespanSeconds = "makespan_seconds"
        case occupiedCost = "occupied_cost"
        case lateTasks = "late_tasks"
    }
}
