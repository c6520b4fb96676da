public import Workloads

/// Tasks start on the instance that the plan of their job wants, in its order, as soon as there is room.
///
/// A task without a place in a plan, whose instance is gone, closing, too small for it by now, to be avoided, or was not
/// asked for a minute after it should have been, goes wherever there is room, like all others by ``Backfilling``.
public struct AsPlanned: Placement {
    private var rest: Backfilling
    /// Ready tasks of every instance, the first in the plan's order first.
    private var heaps: [[ReadyQueue.Urgency]] = []
    /// Ready tasks whose instance was not asked for yet, when the first of them has waited long enough, and how many
    /// instances there were when they were looked at.
    private var waiting: [TaskIndex] = []
    private var patienceEnds = Double.infinity
    private var instances = 0
    private var dirty: [InstanceIndex] = []

    /// So much later than planned an instance may be asked for.
    private static let patienceSeconds = 60.0

    /// Makes a placement for an empty run.
    public init(_ order: Order = .rank) { rest = Backfilling(order) }

    public mutating func becameReady(_ task: TaskIndex, _ state: RunState) {
        guard let slot = slot(of: task, state) else { return rest.becameReady(task, state) }
        let job = Int(state.tasks.job[Int(task)])
        let instance = state.jobs[job].instanceOfSlot[Int(slot)]
        guard instance < 0, let wanted = state.jobs[job].plan?.slots[Int(slot)] else {
            return route(task, to: instance, state)
        }
        let asked = wanted.startSeconds - state.offers[Int(wanted.offer)].openSeconds
        guard state.seconds < asked + Self.patienceSeconds else { return rest.becameReady(task, state) }
        waiting.append(task)
        patienceEnds = min(patienceEnds, asked + Self.patienceSeconds)
    }

    public func wakeSeconds(_ state: RunState) -> Double { min(patienceEnds, rest.wakeSeconds(state)) }

    public mutating func changed(_ instance: InstanceIndex, _ state: RunState) {
        rest.changed(instance, state)
        if state.instances.phase[Int(instance)] == .closing || state.instances.phase[Int(instance)] == .closed {
            for item in take(instance) where state.tasks.phase[Int(item.task)] == .ready {
                rest.becameReady(item.task, state)
            }
        } else {
            dirty.append(instance)
        }
    }

    public mutating func planned(_ job: JobIndex, _ state: RunState) {
        var moved = waiting
        (waiting, patienceEnds) = ([], .infinity)
        for instance in heaps.indices { moved += take(InstanceIndex(instance)).map(\.task) }
        // Tasks that had left for other places stay there; what waits is sorted anew.
        for task in moved where state.tasks.phase[Int(task)] == .ready { becameReady(task, state) }
    }

    public mutating func next(_ state: RunState) -> (task: TaskIndex, instance: InstanceIndex)? {
        if state.instances.count != instances || state.seconds >= patienceEnds { sortWaiting(state) }
        while let instance = dirty.last {
            guard Int(instance) < heaps.count, let first = heaps[Int(instance)].first,
                state.instances.phase[Int(instance)] == .open
            else {
                dirty.removeLast()
                continue
            }
            let task = Int(first.task)
            if state.tasks.phase[task] != .ready || !state.mayStart(state.tasks.job[task]) {
                heaps[Int(instance)].popFirst()
            } else if state.tasks.request[task].fits(in: state.instances.free[Int(instance)]) {
                heaps[Int(instance)].popFirst()
                return (first.task, instance)
            } else if !state.tasks.request[task].fits(in: state.instances.capacity[Int(instance)]) {
                heaps[Int(instance)].popFirst()
                rest.becameReady(first.task, state)
            } else {
                dirty.removeLast()
            }
        }
        return rest.next(state)
    }

    /// The slot that the plan wants for a task, if it may go there.
    private func slot(of task: TaskIndex, _ state: RunState) -> Int32? {
        let job = state.jobs[Int(state.tasks.job[Int(task)])]
        guard let slot = job.plan?.slotOfTask[Int(task - job.first)], slot >= 0 else { return nil }
        return slot
    }

    private mutating func route(_ task: TaskIndex, to instance: InstanceIndex, _ state: RunState) {
        let phase = state.instances.phase[Int(instance)]
        let isThere = phase == .opening || phase == .open
        let capacity =
            phase == .opening
            ? state.offers[Int(state.instances.offer[Int(instance)])].capacity
            : state.instances.capacity[Int(instance)]
        guard isThere, state.allows(task, state.instances.offer[Int(instance)]),
            state.tasks.avoided[Int(task)] != instance,
            state.tasks.request[Int(task)].fits(in: capacity)
        else { return rest.becameReady(task, state) }
        let job = state.jobs[Int(state.tasks.job[Int(task)])]
        let order = job.plan?.order[Int(task - job.first)] ?? 0
        while heaps.count <= Int(instance) { heaps.append([]) }
        heaps[Int(instance)].push(.init(priority: 0, task: task, rank: -Double(order)))
        dirty.append(instance)
    }

    /// Instances were asked for meanwhile, or never.
    private mutating func sortWaiting(_ state: RunState) {
        instances = state.instances.count
        let tasks = waiting
        (waiting, patienceEnds) = ([], .infinity)
        for task in tasks where state.tasks.phase[Int(task)] == .ready { becameReady(task, state) }
    }

    private mutating func take(_ instance: InstanceIndex) -> [ReadyQueue.Urgency] {
        guard Int(instance) < heaps.count else { return [] }
        defer { heaps[Int(instance)] = [] }
        return heaps[Int(instance)]
    }
}
