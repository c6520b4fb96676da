internal import Basics
public import Workloads

/// Tasks start on the instance that the plan of their job wants, in its order, as soon as there is room.
///
/// A task that is ready before one that the plan starts earlier on its instance waits until its own time in the plan, later
/// by as much as the instance is: it might keep the other from starting in time. Then it goes first.
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
    private var redirected: [TaskIndex] = []
    /// The tasks of every slot of a job's plan in its order, and the first of them that was not started yet.
    private var lines: [JobIndex: [Line]] = [:]
    /// Until when the first ready task of an instance waits for one before it.
    private var heldUntil: [Double] = []
    private var nextHeld = Double.infinity

    private struct Line {
        var tasks: [TaskIndex] = []
        var first = 0
        /// By how much the slot is late.
        var lateSeconds = 0.0
    }

    /// So much later than planned an instance may be asked for.
    static let patienceSeconds = 60.0

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

    public func wakeSeconds(_ state: RunState) -> Double { min(patienceEnds, nextHeld, rest.wakeSeconds(state)) }

    public func destination(of task: TaskIndex, _ state: RunState) -> InstanceIndex {
        guard let slot = slot(of: task, state) else { return -1 }
        let instance = state.jobs[Int(state.tasks.job[Int(task)])].instanceOfSlot[Int(slot)]
        return instance >= 0 ? instance : -2 - slot
    }

    public mutating func takeRedirected() -> [TaskIndex] {
        defer { redirected = [] }
        return redirected
    }

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
        line(up: job, state)
        if state.jobs[Int(job)].flow != nil { redirected += state.jobs[Int(job)].range.map { TaskIndex($0) } }
        var moved = waiting
        (waiting, patienceEnds) = ([], .infinity)
        for instance in heaps.indices { moved += take(InstanceIndex(instance)).map(\.task) }
        // Tasks that had left for other places stay there; what waits is sorted anew.
        for task in moved where state.tasks.phase[Int(task)] == .ready { becameReady(task, state) }
    }

    public mutating func next(_ state: RunState) -> (task: TaskIndex, instance: InstanceIndex)? {
        if state.instances.count != instances || state.seconds >= patienceEnds { sortWaiting(state) }
        if state.seconds >= nextHeld { release(state) }
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
                if let seconds = waits(first.task, on: instance, state) {
                    hold(instance, until: seconds)
                    dirty.removeLast()
                    continue
                }
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

    /// Puts the tasks of every slot in the plan's order.
    private mutating func line(up job: JobIndex, _ state: RunState) {
        let item = state.jobs[Int(job)]
        guard let plan = item.plan, !plan.startSeconds.isEmpty else {
            lines[job] = nil
            return
        }
        var own = [Line](repeating: Line(), count: plan.slots.count)
        for (place, slot) in plan.slotOfTask.enumerated() where slot >= 0 {
            own[Int(slot)].tasks.append(item.first + TaskIndex(place))
        }
        for slot in own.indices {
            own[slot].tasks.sort { plan.order[Int($0 - item.first)] < plan.order[Int($1 - item.first)] }
        }
        lines[job] = own
        (heldUntil, nextHeld) = ([], .infinity)
    }

    /// Until when a ready task waits for one that the plan starts before it on its instance; `nil` if it may start now.
    private mutating func waits(_ task: TaskIndex, on instance: InstanceIndex, _ state: RunState) -> Double? {
        let job = state.tasks.job[Int(task)]
        let first = state.jobs[Int(job)].first
        guard let plan = state.jobs[Int(job)].plan, case let slot = Int(plan.slotOfTask[Int(task - first)]), slot >= 0,
            var line = lines[job]?[slot]
        else { return nil }
        let planned = plan.startSeconds[Int(task - first)]
        while line.first < line.tasks.count, case let phase = state.tasks.phase[Int(line.tasks[line.first])],
            phase.isRunning || phase.isOver
        {
            line.first += 1
        }
        let late = state.instances.openedSeconds[Int(instance)] - plan.slots[slot].startSeconds
        line.lateSeconds = max(line.lateSeconds, late)
        let isNext =
            line.first == line.tasks.count
            || plan.order[Int(line.tasks[line.first] - first)] >= plan.order[Int(task - first)]
        let seconds = planned + line.lateSeconds
        let mayStart = isNext || state.seconds >= seconds - 1e-6
        if mayStart { line.lateSeconds = max(0, late, state.seconds - planned) }
        lines[job]?[slot] = line
        return mayStart ? nil : seconds
    }

    private mutating func hold(_ instance: InstanceIndex, until seconds: Double) {
        while heldUntil.count <= Int(instance) { heldUntil.append(.infinity) }
        heldUntil[Int(instance)] = seconds
        nextHeld = min(nextHeld, seconds)
    }

    /// Asks the instances again whose time has come.
    private mutating func release(_ state: RunState) {
        nextHeld = .infinity
        for instance in heldUntil.indices {
            if heldUntil[instance] <= state.seconds {
                heldUntil[instance] = .infinity
                dirty.append(InstanceIndex(instance))
            }
            nextHeld = min(nextHeld, heldUntil[instance])
        }
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
