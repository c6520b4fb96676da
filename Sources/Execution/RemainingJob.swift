public import Allocation
public import Scheduling
public import Workloads

/// What is left of a run that needs another plan.
public struct RemainingJob: Sendable {
    /// The tasks that are not over. Those that run wait for nothing, and stay on what they run on.
    public var graph: TaskGraph
    /// Why the plan does not hold any more.
    public var reason: ReplanReason
    /// What the job is for, and what is left of its time and money.
    public var goal: Goal
    /// The most that its tenant may have in use at once.
    public var quota: Quota?
    /// What is left of the tasks that run, in seconds on speed 1, by their place in ``graph``.
    public var running: [Int: Double]
    /// Offers of the run that refused lately, with how many of them are there: more are not counted on for the time being.
    public private(set) var refused: [Int: Int] = [:]
    /// The index of the first task of the whole job.
    private let first: TaskIndex

    package init(_ whole: TaskGraph, _ job: JobIndex, _ reason: ReplanReason, _ goal: Goal, _ state: RunState) throws {
        let item = state.jobs[Int(job)]
        first = item.first
        let phases = whole.tasks.indices.map { state.tasks.phase[Int(item.first) + $0] }
        let left = whole.tasks.indices.filter { !phases[$0].isOver }
        var running: [Int: Double] = [:]
        graph = try TaskGraph(
            left.enumerated().map { place, index in
                var task = whole.tasks[index]
                task.predecessors = whole.predecessors(of: index).filter { !phases[$0].isOver }.map {
                    whole.tasks[$0].id
                }
                (task.inputs, task.outputs) = ([], [])
                func left(_ seconds: Double) -> Double { max(0, item.admittedSeconds + seconds - state.seconds) }
                task.notBeforeSeconds = task.notBeforeSeconds.map(left)
                task.deadlineSeconds = task.deadlineSeconds.map(left)
                guard phases[index].isRunning else { return task }
                task.notBeforeSeconds = nil
                let index = item.first + TaskIndex(index)
                let offer = state.offers[Int(state.instances.offer[Int(state.tasks.instance[Int(index)])])]
                running[place] = max(0, state.expectedEnd(of: index) - state.seconds) * offer.type.speed
                task.predecessors = []
                task.request.purchase = offer.purchase
                task.request.zones = offer.zone.map { [$0] } ?? []
                return task
            })
        (self.running, self.reason, self.goal) = (running, reason, goal)
        quota = state.tenants[Int(item.tenant)].quota
        // Each time for twice as long: from ten minutes to some hours.
        for (offer, refusal) in state.refusals.enumerated() where refusal.count > 0 {
            let patience = 600 * Double(sign: .plus, exponent: min(5, Int(refusal.count) - 1), significand: 1)
            guard state.seconds - refusal.seconds < patience else { continue }
            refused[offer] = (0..<state.instances.count).count {
                Int(state.instances.offer[$0]) == offer && state.instances.phase[$0] == .open
            }
        }
        if item.deadlineSeconds.isFinite { self.goal.deadlineSeconds = max(0, item.deadlineSeconds - state.seconds) }
        if item.budget.isFinite { self.goal.budget = max(0, item.budget - state.spentDollars()) }
    }

    /// What is believed of the tasks, with what is left of those that run.
    public func adjusted(_ estimates: Estimates) -> Estimates {
        var adjusted = estimates
        for (task, seconds) in running {
            adjusted.expectedSeconds[task] = seconds
            if task < adjusted.secondsQuantiles.count { adjusted.secondsQuantiles[task] = .init(exactly: seconds) }
        }
        return adjusted
    }

    /// A plan for it as the allocator carries it out: tasks that run keep their place.
    package func assignments(
        _ plan: Plan, _ whole: TaskGraph, offers: [Offer], _ state: RunState
    ) -> Assignments {
        var found = Assignments(plan, whole, offers: offers, startSeconds: state.seconds)
        for place in running.keys.sorted() {
            guard let index = whole.index(of: graph.tasks[place].id) else { continue }
            // Where it runs is the instance that the plan has for it, and for what follows there; so it is missed when that goes.
            let (slot, instance) = (Int(found.slotOfTask[index]), state.tasks.instance[Int(first) + index])
            if slot >= 0, found.slots[slot].instance < 0,
                found.slots[slot].offer == state.instances.offer[Int(instance)],
                !found.slots.contains(where: { $0.instance == instance })
            {
                found.slots[slot].instance = instance
            }
            if slot >= 0, found.slots[slot].instance != instance { found.slotOfTask[index] = -1 }
        }
        return found.taking(state)
    }
}
