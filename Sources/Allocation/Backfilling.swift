import Scheduling
public import Workloads

/// Best fit with a reservation for the most urgent task that has no room: others start on the instance that it will get
/// only if they are expected to end before it can start, or leave it enough room.
///
/// So a wide task behind a stream of small ones starts at last. Run times come from the job's estimates; a task without
/// one is taken to run as long again as it has run so far. On many instances a reservation is made only after a quarter as
/// many tasks have passed, so that finding its place costs an event no more than a look at a few instances. Source: Lifka, *The ANL/IBM SP Scheduling System* (1995), EASY.
public struct Backfilling: Placement {
    private var matching: Matching
    private var reservation: Reservation?
    /// The most urgent task that has no room, and how many have passed it.
    private var head: TaskIndex = -1
    private var passes = 0
    private var instancesLookedAt = 0

    private struct Reservation {
        var task: TaskIndex
        var request: Resources
        var instance: InstanceIndex
        /// When it is expected to start.
        var seconds: Double
    }

    /// Makes a placement for an empty run.
    public init(_ order: Order = .rank) { matching = Matching(order) }

    /// Makes a placement that takes over: it is told all that there is.
    init(_ order: Order = .rank, knowing state: RunState) {
        self.init(order)
        for instance in 0..<state.instances.count where state.instances.phase[instance] != .closed {
            changed(InstanceIndex(instance), state)
        }
        for task in 0..<TaskIndex(state.tasks.count) where state.tasks.phase[Int(task)] == .ready {
            becameReady(task, state)
        }
    }

    /// How many nodes of its search trees, classes of tasks, and instances were looked at.
    package var steps: Int { matching.steps + instancesLookedAt }

    public mutating func becameReady(_ task: TaskIndex, _ state: RunState) { matching.insert(task, state) }

    public mutating func changed(_ instance: InstanceIndex, _ state: RunState) {
        if reservation?.instance == instance, state.instances.phase[Int(instance)] != .open { drop() }
        matching.changed(instance, state)
    }

    public mutating func next(_ state: RunState) -> (task: TaskIndex, instance: InstanceIndex)? {
        if let held = reservation,
            state.tasks.phase[Int(held.task)] != .ready
                || !state.isWithinQuota(held.task, on: state.instances.offer[Int(held.instance)])
        {
            drop()
        }
        // The reserved task goes first wherever it fits; what is more urgent than it, too.
        let (held, order) = (reservation, matching.order)
        let found = matching.next(state) { task, state in
            guard let held, held.task != task, !Self.mayPass(task, held, order, state) else { return -1 }
            return held.instance
        }
        guard let found else {
            if held == nil { reservation = reserve(state) }
            return nil
        }
        matching.remove(found.place)
        if found.task == held?.task { drop() }
        passes += 1
        return (found.task, found.instance)
    }

    private mutating func drop() {
        reservation = nil
        matching.unblockAll()
    }

    /// Whether a task may start on the reserved instance now.
    private static func mayPass(
        _ task: TaskIndex, _ held: Reservation, _ order: Order, _ state: RunState
    ) -> Bool {
        let instance = Int(held.instance)
        let (priority, reserved) = (state.tasks.priority[Int(task)], state.tasks.priority[Int(held.task)])
        if priority > reserved { return true }
        // Of those that need the same, the reserved one cannot be reached before the more urgent.
        if priority == reserved, state.tasks.request[Int(task)] == held.request,
            order.urgency(of: task, state).precedes(order.urgency(of: held.task, state))
        {
            return true
        }
        let speed = state.offers[Int(state.instances.offer[instance])].type.speed
        if let seconds = state.expectedSeconds(of: task, speed: speed), state.seconds + seconds <= held.seconds {
            return true
        }
        // Room that is left when the reserved task runs, with all that is not over by then.
        var free = state.instances.capacity[instance] - held.request
        for running in state.instances.running[instance] where state.expectedEnd(of: running) > held.seconds {
            free -= state.tasks.request[Int(running)]
        }
        return state.tasks.request[Int(task)].fits(in: free)
    }

    /// The instance that will have room first for the most urgent task that has none.
    private mutating func reserve(_ state: RunState) -> Reservation? {
        guard let place = matching.first(state) else { return nil }
        let (need, task) = (matching.queue.classes[place].need, matching.queue.classes[place].heap[0].task)
        if task != head { (head, passes) = (task, 0) }
        guard passes >= state.instances.count / 4 else { return nil }
        instancesLookedAt += state.instances.count
        var best: Reservation?
        for instance in 0..<state.instances.count {
            guard state.instances.phase[instance] == .open, need.avoided != InstanceIndex(instance),
                state.couldHold(task, InstanceIndex(instance)),
                state.isWithinQuota(task, on: state.instances.offer[instance]),
                state.mayRisk(task, on: state.instances.offer[instance])
            else { continue }
            var free = state.instances.free[instance]
            var seconds = state.seconds
            for (end, running) in state.instances.running[instance].map({ (state.expectedEnd(of: $0), $0) }).sorted(
                by: <)
            where !need.resources.fits(in: free) {
                free += state.tasks.request[Int(running)]
                seconds = max(seconds, end)
            }
            if seconds < best?.seconds ?? .infinity {
                best = Reservation(
                    task: task, request: need.resources, instance: InstanceIndex(instance), seconds: seconds)
            }
        }
        return best
    }
}

extension RunState {
    /// The expected run time of the next attempt at a task on an instance of a speed, or `nil` if nobody knows.
    func expectedSeconds(of task: TaskIndex, speed: Double) -> Double? {
        let job = Int(tasks.job[Int(task)])
        let own = Int(task - jobs[job].first)
        guard let seconds = jobs[job].estimates?.expectedSeconds[own], seconds.isFinite else { return nil }
        return seconds * (1 - Double(tasks.savedShare[Int(task)])) / max(speed, 1e-9)
    }

    /// When the running attempt at a task is expected to end; not before now.
    package func expectedEnd(of task: TaskIndex) -> Double {
        // Of one that is over, another attempt is being stopped.
        guard tasks.instance[Int(task)] >= 0 else { return seconds }
        let start = tasks.startSeconds[Int(task)]
        let speed = offers[Int(instances.offer[Int(tasks.instance[Int(task)])])].type.speed
        if let seconds = expectedSeconds(of: task, speed: speed) { return max(self.seconds, start + seconds) }
        return self.seconds + max(0, self.seconds - start)
    }

    /// How long the running attempt at a task is expected to go on, in seconds, given how long it has run: by the quantiles of
    /// its time if there are some; else what is left of the expected time, and a quarter of it if it is over.
    ///
    /// - Parameter begin: When it begins to work, if that is after it was dispatched: it waits for data first.
    package func expectedRest(of task: TaskIndex, begin: Double = -.infinity) -> Double {
        let index = Int(task)
        guard tasks.instance[index] >= 0 else { return 0 }
        let begin = max(begin, tasks.startSeconds[index])
        let elapsed = seconds - begin
        let job = Int(tasks.job[index])
        let own = Int(task - jobs[job].first)
        let offer = Int(instances.offer[Int(tasks.instance[index])])
        guard let whole = jobs[job].estimates?.seconds(of: own, on: offers[offer].type), whole.isFinite else {
            return abs(elapsed)
        }
        let share = 1 - Double(tasks.savedShare[index])
        let expected = whole * share
        guard expected > 0, let spread = jobs[job].estimates?.spread(of: own),
            let mean = jobs[job].estimates?.expectedSeconds[own]
        else { return elapsed < expected ? expected - elapsed : expected / 4 }
        // The mean of the quantiles at the middle of equal parts that are not behind it.
        let scale = expected / max(mean, 1e-300)
        var (sum, count) = (0.0, 0.0)
        for part in 0..<20 {
            let value = spread((Double(part) + 0.5) / 20) * scale
            if value > elapsed { (sum, count) = (sum + value, count + 1) }
        }
        return count > 0 ? sum / count - elapsed : expected / 4
    }
}
