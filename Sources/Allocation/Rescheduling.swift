internal import Scheduling
public import Workloads

/// Tasks start where a schedule of all that is left starts them, which is made anew from the present state when something
/// happened: what ended early or late, what was taken away, what came.
///
/// The schedule in force is timed anew with all that is known by now, and so are others that start from the same present:
/// by falling rank, each task on the instance where it ends first, in gaps between others if it fits, with the time that its
/// data take and those already on their way; on all instances and on the fastest alone. The best is followed, but one that
/// moves tasks must gain more than it disturbs. Between schedules instances work through their lines in order.
///
/// Tasks that no open or coming instance can hold go by ``Backfilling``, and so do all beyond the most urgent few thousand. So
/// do all tasks under fair share, and where a tenant has a quota.
/// - Complexity: a schedule is O(*tasks* · *instances* · *predecessors*); it is made anew only as often as keeps an event within
///   ``workPerEvent`` of these on average. Source: Topcuoglu, Hariri and Wu, *HEFT* (2002), repeated from the present.
public struct Rescheduling: Placement {
    /// So much later than planned an instance may be asked for; then its tasks go elsewhere.
    static let patienceSeconds = 60.0

    /// How many places of tasks an event may look at on average.
    public var workPerEvent: Double
    /// By what part of the time that is left another schedule must end sooner to be followed.
    public var leastGain: Double
    /// Whether data are sent to all instances as soon as they are made, so that tasks may move at no loss: where the network
    /// has room for that. Else they are sent to where their reader is expected.
    public var prefetches: Bool

    private let order: Order
    private var rest: Backfilling
    private var shadow = ShadowSchedule()
    /// What is known of every instance, to tell what changed.
    private var known: [(phase: RunState.InstancePhase, free: Resources)] = []
    private var isStale = true
    private var usesShadow = false
    private var hasNews = true
    private var credit = 0.0
    private var creditSeconds = -Double.infinity
    /// Tasks that are ready and instances that have room since the last look.
    private var fresh: [TaskIndex] = []
    private var roomy: [InstanceIndex] = []
    /// Tasks of the shadow to start now, the next one last.
    private var starts: [(TaskIndex, InstanceIndex)] = []

    /// How many schedules were made.
    package private(set) var schedules = 0

    /// Makes a placement for an empty run.
    public init(
        _ order: Order = .rank, workPerEvent: Double = 20_000, leastGain: Double = 0.005, prefetches: Bool = false
    ) {
        (self.workPerEvent, self.leastGain, self.prefetches) = (workPerEvent, leastGain, prefetches)
        self.order = order
        rest = Backfilling(order)
    }

    public mutating func becameReady(_ task: TaskIndex, _ state: RunState) {
        // What tenants had or may have decides then, not when things end.
        guard order != .fairShare, !state.hasQuotas else { return rest.becameReady(task, state) }
        usesShadow = true
        hasNews = true
        fresh.append(task)
    }

    public mutating func changed(_ instance: InstanceIndex, _ state: RunState) {
        let place = Int(instance)
        while known.count < state.instances.count { known.append((.closed, .zero)) }
        let now = (phase: state.instances.phase[place], free: state.instances.free[place])
        if now.phase != known[place].phase { isStale = true }
        // What we started ourselves is no news.
        if now.phase != known[place].phase || any(now.free.lanes .> known[place].free.lanes) {
            hasNews = true
            roomy.append(instance)
        }
        known[place] = now
        rest.changed(instance, state)
    }

    public mutating func planned(_ job: JobIndex, _ state: RunState) {
        guard order != .fairShare, !state.hasQuotas else { return }
        usesShadow = true
        shadow.take(job, state)
        (isStale, hasNews) = (true, true)
    }

    public func destination(of task: TaskIndex, _ state: RunState) -> InstanceIndex {
        prefetches ? RunState.everywhere : shadow.destination(of: task)
    }

    public mutating func takeRedirected() -> [TaskIndex] { shadow.takeMoved() }

    public mutating func next(_ state: RunState) -> (task: TaskIndex, instance: InstanceIndex)? {
        if order == .fairShare || state.hasQuotas {
            if usesShadow { leaveShadow(state) }
            return rest.next(state)
        }
        if state.seconds >= shadow.patienceEnds { (isStale, hasNews) = (true, true) }
        if hasNews { look(state) }
        while let start = starts.popLast() {
            let (task, instance) = (Int(start.0), Int(start.1))
            guard state.tasks.phase[task] == .ready, state.instances.phase[instance] == .open,
                state.tasks.request[task].fits(in: state.instances.free[instance])
            else { continue }
            shadow.noteStart()
            return (start.0, start.1)
        }
        if let other = rest.next(state) { return other }
        return state.jobs.allSatisfy { $0.running == 0 } ? shadow.first(state) : nil
    }

    /// What it would start now, without counting that as done: for rules that know better.
    mutating func advice(_ state: RunState) -> [(task: TaskIndex, instance: InstanceIndex)] {
        if order == .fairShare || state.hasQuotas { return [] }
        if state.seconds >= shadow.patienceEnds { (isStale, hasNews) = (true, true) }
        if hasNews { look(state) }
        starts.removeAll { task, instance in
            state.tasks.phase[Int(task)] != .ready || state.instances.phase[Int(instance)] != .open
        }
        return starts.reversed().map { (task: $0.0, instance: $0.1) }
    }

    /// The first tenant with a quota has come: all that was scheduled goes by what tenants have in use from now on.
    private mutating func leaveShadow(_ state: RunState) {
        usesShadow = false
        // Told anew, so that it knows no task twice.
        rest = Backfilling(order, knowing: state)
        (fresh, starts, shadow) = ([], [], ShadowSchedule())
    }

    public func wakeSeconds(_ state: RunState) -> Double { min(shadow.patienceEnds, rest.wakeSeconds(state)) }

    /// Schedules anew if it is time, and finds what can start.
    private mutating func look(_ state: RunState) {
        hasNews = false
        if state.seconds > creditSeconds {
            // In a large job one event matters less.
            let open = state.jobs.reduce(0) { $0 + Double($1.open) }
            credit += workPerEvent * min(1, max(1 / 32, 1000 / max(1, open)))
            creditSeconds = state.seconds
        }
        if isStale || shadow.isUsedUp || credit >= shadow.work(state) {
            isStale = false
            schedules += 1
            credit = max(-20 * workPerEvent, min(0, credit - shadow.refresh(state, leastGain: leastGain)))
            roomy = (0..<InstanceIndex(state.instances.count)).filter { state.instances.phase[Int($0)] == .open }
        } else {
            for task in fresh {
                let instance = shadow.destination(of: task)
                if instance >= 0 { roomy.append(instance) }
            }
            roomy = Array(Set(roomy)).sorted()
        }
        for task in fresh + shadow.takeHomeless() where shadow.destination(of: task) == -1 {
            rest.becameReady(task, state)
        }
        fresh.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        for instance in roomy { shadow.startable(on: instance, state, &starts) }
        starts.reverse()
        roomy.removeAll(keepingCapacity: true)
    }
}
