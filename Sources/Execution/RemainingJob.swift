public import Allocation
public import Workloads

/// What is left of a run that needs another plan.
public struct RemainingJob: Sendable {
    /// The tasks that neither are over nor run; those before them count as done.
    public var graph: TaskGraph
    /// Why the plan does not hold any more.
    public var reason: ReplanReason
    /// What the job is for, and what is left of its time and money.
    public var goal: Goal

    package init(_ graph: TaskGraph, _ job: JobIndex, _ reason: ReplanReason, _ goal: Goal, _ state: RunState) throws {
        self.graph = try graph.rest(state)
        (self.reason, self.goal) = (reason, goal)
        let item = state.jobs[Int(job)]
        if item.deadlineSeconds.isFinite { self.goal.deadlineSeconds = max(0, item.deadlineSeconds - state.seconds) }
        if item.budget.isFinite { self.goal.budget = max(0, item.budget - state.spentDollars()) }
    }
}
