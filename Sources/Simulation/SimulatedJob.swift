public import Allocation
public import Scheduling
public import Workloads

/// Another job that comes to the pool of a simulation while it goes on.
///
/// In the ``World`` of the simulation its tasks come after those of the jobs before it.
public struct SimulatedJob: Sendable {
    /// The job.
    public var job: Job
    /// When it comes, in seconds after the first.
    public var arrivalSeconds: Double
    /// The urgency of every task.
    public var ranks: [Double]?
    /// What is believed of the tasks.
    public var estimates: Estimates
    /// What tasks bring to each other as far as the allocator believes that it takes time.
    public var flow: DataFlow?

    /// Makes one that comes at a time.
    public init(
        _ job: Job, arrivalSeconds: Double, estimates: Estimates, ranks: [Double]? = nil, flow: DataFlow? = nil
    ) {
        (self.job, self.arrivalSeconds, self.estimates) = (job, max(0, arrivalSeconds), estimates)
        (self.ranks, self.flow) = (ranks, flow)
    }

    /// What came of one job of several that share a pool.
    public struct Course: Hashable, Sendable, Codable {
        /// How it ended.
        public var ending: Ending
        /// When it came and when it ended, in seconds after the start of the simulation.
        public var arrivalSeconds: Double
        public var endSeconds: Double
        /// How long its tasks waited for room when they could have started, on average.
        public var meanWaitSeconds: Double
        /// Tasks that ended after their own deadlines.
        public var lateTasks = 0
        /// What it used while every tenant had something to do: the dominant part of the pool that its tasks occupied, summed
        /// over time, in seconds of the whole pool.
        public var contendedUse: Double

        enum CodingKeys: String, CodingKey {
            case ending
            case arrivalSeconds = "arrival_seconds"
            case endSeconds = "end_seconds"
            case meanWaitSeconds = "mean_wait_seconds"
            case lateTasks = "late_tasks"
            case contendedUse = "contended_use"
        }
    }
}
