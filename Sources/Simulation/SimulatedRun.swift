public import Allocation

/// What came of one simulated run.
public struct SimulatedRun: Hashable, Sendable, Codable {
    /// How the job ended; of several the first that did not succeed.
    public var ending: Ending
    /// When it, or the last of them, ended, in seconds after its start.
    public var makespanSeconds: Double
    /// What all instances cost together, in US dollars.
    public var cost: Double
    /// Tasks that ended after their own deadlines.
    public var lateTasks = 0
    /// What came of each job, if there are several.
    public var jobs: [SimulatedJob.Course] = []
    /// Attempts that were started.
    public var attempts = 0
    /// Instances that were taken back.
    public var reclaims = 0
    /// How often another plan was made.
    public var plans = 0
    /// Events that the allocator was told of.
    public var events = 0

    enum CodingKeys: String, CodingKey {
        case ending, cost, jobs, attempts, reclaims, plans, events
        case makespanSeconds = "makespan_seconds"
        case lateTasks = "late_tasks"
    }
}
