public import Allocation
internal import LinearAlgebra
public import Scheduling
public import Workloads

/// Runs a job with the allocator of real runs in a world of chance: no processes, no clock, thousands of runs a second.
///
///     let simulator = Simulator(job, estimates: estimates, allocator: allocator, world: World(estimates, noise: 0.3))
///     let runs = simulator.runs(200, seed: 1)
///
/// The allocator decides as it does in a real run: by what is believed. What happens is drawn by the ``World``.
public struct Simulator: Sendable {
    /// The job.
    public var job: Job
    /// The urgency of every task.
    public var ranks: [Double]?
    /// What is believed of the tasks.
    public var estimates: Estimates
    /// What tasks bring to each other as far as the allocator believes that it takes time.
    public var flow: DataFlow?
    /// The plan that the run starts with; the policies of the allocator must be those that keep to plans.
    public var plan: Assignments?
    /// Jobs that come later and share the pool. Then no plan is kept to: whose turn it is follows from the order of the
    /// allocator's placement.
    public var others: [SimulatedJob] = []
    /// Makes another plan for what is left, or says that there is none.
    public var replan: (@Sendable (RunState, ReplanReason) -> Assignments?)?
    /// Without jobs.
    public var allocator: Allocator
    /// What really happens.
    public var world: World

    /// Makes a simulator; without a plan tasks start by rank wherever there is room.
    public init(
        _ job: Job, estimates: Estimates, allocator: Allocator, world: World, ranks: [Double]? = nil,
        plan: Assignments? = nil
    ) {
        (self.job, self.estimates, self.allocator, self.world) = (job, estimates, allocator, world)
        (self.ranks, self.plan) = (ranks, plan)
    }

    /// So many runs, each with luck of its own: run *i* has that of seed + *i*, whatever the number of threads.
    public func runs(_ count: Int, seed: UInt64, threads: Int = 1) -> [SimulatedRun] {
        let start = SimulatedCourse.Start(self)
        return Parallel.map(count: count, threads: threads) { index in
            var course = SimulatedCourse(start, seed: seed &+ UInt64(index))
            return course.run()
        }
    }

    /// One run.
    ///
    /// - Complexity: That of the allocator, and O(log *n*) an event; some 150 bytes a task, and 20 an edge if data move.
    public func run(seed: UInt64) -> SimulatedRun {
        var course = SimulatedCourse(SimulatedCourse.Start(self), seed: seed)
        return course.run()
    }

    /// One run with all its attempts.
    public func history(seed: UInt64) -> SimulatedHistory {
        var course = SimulatedCourse(SimulatedCourse.Start(self), seed: seed)
        course.history = []
        let run = course.run()
        return SimulatedHistory(run, course.history ?? [], course.allocator.state)
    }
}
