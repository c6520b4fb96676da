internal import Basics
public import Scheduling
public import Workloads

/// Everything that is known of a run: jobs, tasks, instances, as arrays. It applies, it never decides.
///
/// ``apply(_:at:)`` takes events and ``apply(_:)`` the actions that were decided on; folding a log of both through them
/// restores a run, whatever the policies would decide today. Tasks of all jobs share one index space.
///
/// - Complexity: O(1) an event or action, but for what it changes: successors of a task that ends, attempts on an
///   instance that goes. About 120 bytes a task.
public struct RunState: Sendable {
    /// The phase of a task.
    public enum Phase: UInt8, Sendable {
        /// It waits for predecessors, or its job is not admitted.
        case blocked
        /// It could start, as soon as there is room.
        case ready
        /// An attempt runs.
        case running
        /// An attempt runs, and was told to stop.
        case stopping
        /// An attempt did not succeed, and nobody has decided what follows.
        case interrupted
        /// It succeeded.
        case finished
        /// It failed for good.
        case failed
        /// It cannot run, because one that it waits for has failed.
        case skipped

        /// Whether it occupies an instance.
        public var isRunning: Bool { self == .running || self == .stopping }
        /// Whether nothing more will happen to it.
        public var isOver: Bool { rawValue >= Phase.finished.rawValue }
    }

    /// The phase of an instance.
    public enum InstancePhase: UInt8, Sendable {
        /// It was asked for.
        case opening
        /// It takes tasks.
        case open
        /// It will be taken back, or was told to close: it takes no more tasks.
        case closing
        /// It is gone.
        case closed
    }

    /// The tasks of all jobs, a column for each property.
    public internal(set) var tasks = Tasks()
    /// All instances that were ever asked for, a column for each property.
    public internal(set) var instances = Instances()
    /// The jobs, in the order in which they were told of.
    public internal(set) var jobs: [JobState] = []
    /// The tenants of the jobs.
    public internal(set) var tenants: [Tenant] = []
    /// What can be rented, with today's prices.
    public internal(set) var offers: [Offer]
    /// Whether new attempts go on in a job of which a task has failed for good.
    public let keepsGoing: Bool
    /// After so many seconds what a tenant had counts half.
    public let halfLifeSeconds: Double
    /// The time of the last event.
    public internal(set) var seconds = 0.0
    /// When the allocator asked to be woken.
    public internal(set) var wakeSeconds = Double.infinity
    /// Instances of each offer that are not gone.
    public internal(set) var openCounts: [Int32]
    /// Those of each offer that run nothing, open or on their way.
    public internal(set) var spareCounts: [Int32]
    /// Tasks of each kind of restriction that are ready and have not started: how many, what they want together, and the
    /// most that one of them wanted since there were none.
    private(set) var waiting: [(count: Int, sum: Resources, largest: Resources)] = [(0, .zero, .zero)]
    /// The placement that decides: that of the policies, or one of the alternatives that are followed, from 1 on.
    public internal(set) var followed: Int32 = 0
    /// How often an instance of each offer was refused, and when last.
    public internal(set) var refusals: [(count: Int32, seconds: Double)]

    /// The offers that tasks of each kind of restriction may run on; the first kind is none.
    private(set) var allowed: [[Bool]]
    private var restrictions: [Restriction: Int32] = [:]

    /// What all instances of all offers have room for together.
    let whole: Resources

    /// Whether a tenant has a quota.
    private(set) var hasQuotas = false
    /// How often something happened after which a tenant may be within its quota again.
    var quotaChanges = 0

    /// The tasks that may not start at once, and from when on, in seconds after the start of their job.
    private(set) var notBefore: [TaskIndex: Double] = [:]
    /// Those of them that wait for nothing but their time, the first to come first.
    var timed: [Timed] = []

    // What the allocator has not looked at yet.
    /// Tasks that are over, and of which another attempt runs.
    package internal(set) var superfluous: [TaskIndex] = []
    package internal(set) var readied: [TaskIndex] = []
    package internal(set) var touched: [InstanceIndex] = []
    package internal(set) var interrupted: [TaskIndex] = []
    package internal(set) var alerts: [(attempt: AttemptID, alert: Alert.Kind)] = []
    package internal(set) var cancelled: [JobIndex] = []
    package internal(set) var settled: [JobIndex] = []
    package internal(set) var planned: [JobIndex] = []
    /// Tasks for which there are new data that take time to move.
    package internal(set) var supplied: [TaskIndex] = []
    /// Whether something happened after which other instances may be wanted.
    package internal(set) var mayRent = false

    /// An empty run that may rent these.
    public init(offers: [Offer], keepsGoing: Bool = true, halfLifeSeconds: Double = 86_400) {
        (self.offers, self.keepsGoing, self.halfLifeSeconds) = (offers, keepsGoing, halfLifeSeconds)
        var whole = Resources.zero
        for offer in offers { whole.lanes += offer.capacity.lanes * Double(max(0, offer.maximumCount)) }
        self.whole = whole
        allowed = [Array(repeating: true, count: offers.count)]
        openCounts = Array(repeating: 0, count: offers.count)
        spareCounts = openCounts
        refusals = Array(repeating: (0, -.infinity), count: offers.count)
    }

    /// Tells of a job: its tasks get indices, but nothing starts before ``Event/admitted(_:)``.
    ///
    /// - Parameters:
    ///   - ranks: The urgency of every task: the greatest goes first among equal priorities.
    ///   - estimates: What is believed of the tasks; only rules that look ahead need it.
    ///   - flow: What tasks bring to each other, if that takes time between instances; the same holds for it.
    /// - Complexity: O(*V* + *E*).
    @discardableResult
    public mutating func add(
        _ job: Job, ranks: [Double]? = nil, estimates: Estimates? = nil, flow: DataFlow? = nil
    ) -> JobIndex {
        let graph = job.graph
        precondition(ranks == nil || ranks?.count == graph.count, "one rank for each task")
        precondition(estimates == nil || estimates?.count == graph.count, "one estimate for each task")
        let first = TaskIndex(tasks.count)
        let tenant = tenants.firstIndex { $0.name == job.tenant } ?? tenants.count
        if tenant == tenants.count {
            tenants.append(Tenant(name: job.tenant, weight: job.weight, quota: job.quota))
        } else if let quota = job.quota {
            tenants[tenant].quota = tenants[tenant].quota.map { $0.within(quota) } ?? quota
        }
        hasQuotas = hasQuotas || job.quota != nil
        let ranks = ranks ?? upwardRanks(graph, seconds: Array(repeating: 1, count: graph.count))
        tasks.append(graph, job: JobIndex(jobs.count), ranks: ranks, estimates: estimates)
        let specs = graph.tasks
        tasks.restriction.reserveCapacity(tasks.count)
        for place in specs.indices {
            tasks.restriction.append(restriction(specs[place].request))
            if let wait = specs[place].notBeforeSeconds, wait > 0 { notBefore[first + TaskIndex(place)] = wait }
        }
        jobs.append(
            JobState(
                name: job.name, tenant: Int32(tenant), first: first, count: Int32(graph.count),
                open: Int32(graph.count),
                workLeft: (Int(first)..<tasks.count).reduce(0) { $0 + Double(tasks.work[$1]) },
                deadlineSeconds: job.goal.deadlineSeconds ?? .infinity, budget: job.goal.budget ?? .infinity,
                estimates: estimates, flow: flow))
        return JobIndex(jobs.count - 1)
    }
}

extension RunState {
    /// What makes tasks equally particular.
    private struct Restriction: Hashable {
        let zones: Set<String>
        let purchase: PurchaseOption?
        let gpuModel: String?
    }

    private mutating func restriction(_ request: Requirements) -> Int32 {
        if request.zones.isEmpty, request.purchase == nil, request.gpuModel == nil { return 0 }
        let key = Restriction(zones: request.zones, purchase: request.purchase, gpuModel: request.gpuModel)
        if let known = restrictions[key] { return known }
        restrictions[key] = Int32(allowed.count)
        allowed.append(offers.map { request.allow($0.type, $0.purchase, zone: $0.zone) })
        waiting.append((0, .zero, .zero))
        return Int32(allowed.count - 1)
    }

    /// One more task waits for room, or one less.
    mutating func noteWaiting(_ task: TaskIndex, _ isWaiting: Bool) {
        let (kind, request) = (Int(tasks.restriction[Int(task)]), tasks.request[Int(task)])
        waiting[kind].count += isWaiting ? 1 : -1
        guard waiting[kind].count > 0 else { return waiting[kind] = (0, .zero, .zero) }
        waiting[kind].sum.lanes += isWaiting ? request.lanes : -request.lanes
        waiting[kind].largest = waiting[kind].largest.maxima(request)
    }

    /// Whether an instance runs nothing and takes tasks, or will.
    func isSpare(_ instance: InstanceIndex) -> Bool {
        let phase = instances.phase[Int(instance)]
        return (phase == .open || phase == .opening) && instances.running[Int(instance)].isEmpty
    }

    /// Counts an instance that was spare or not before something happened to it.
    mutating func noteSpare(_ instance: InstanceIndex, was: Bool) {
        let offer = Int(instances.offer[Int(instance)])
        let isSpare = isSpare(instance)
        if isSpare, !was { instances.idleSeconds[Int(instance)] = seconds }
        spareCounts[offer] += (isSpare ? 1 : 0) - (was ? 1 : 0)
    }

    /// Whether tasks of a kind of restriction may run on instances of an offer.
    func allows(kind: Int, _ offer: Int) -> Bool { allowed[kind][offer] }

    /// A task that waits for its time.
    struct Timed: Urgent {
        var seconds: Double
        var task: TaskIndex

        func precedes(_ other: Timed) -> Bool { (seconds, task) < (other.seconds, other.task) }
    }

    /// From when on a task may start, in seconds of the run's clock, whatever it waits for; in the past if it says nothing.
    public func releaseSeconds(of task: TaskIndex) -> Double {
        guard !notBefore.isEmpty, let wait = notBefore[task] else { return -.infinity }
        let job = jobs[Int(tasks.job[Int(task)])]
        return (job.isAdmitted ? job.admittedSeconds : seconds) + wait
    }

    /// When the next task may start that waits for nothing else; infinite if there is none.
    var nextReleaseSeconds: Double { timed.first?.seconds ?? .infinity }

    /// Whether a task may run on instances of an offer, whatever their size.
    public func allows(_ task: TaskIndex, _ offer: OfferIndex) -> Bool {
        allowed[Int(tasks.restriction[Int(task)])][Int(offer)]
    }

    /// Whether a task may run on an instance, and an empty one has room for it.
    func couldHold(_ task: TaskIndex, _ instance: InstanceIndex) -> Bool {
        allows(task, instances.offer[Int(instance)])
            && tasks.request[Int(task)].fits(in: instances.capacity[Int(instance)])
    }

    /// What is known of a job.
    public struct JobState: Sendable {
        /// Its name.
        public let name: String
        /// The place of its tenant.
        public let tenant: Int32
        /// The index of its first task.
        public let first: TaskIndex
        /// The number of its tasks.
        public let count: Int32
        /// Tasks that are not over.
        public internal(set) var open: Int32
        /// Tasks that succeeded.
        public internal(set) var finished: Int32 = 0
        /// Attempts that occupy an instance.
        public internal(set) var running: Int32 = 0
        /// Tasks that could start.
        public internal(set) var ready: Int32 = 0
        /// What is expected of the tasks that are not over, in seconds of one processor of speed 1.
        public internal(set) var workLeft: Double
        /// Processors that its tasks occupy.
        public internal(set) var busyCPUs = 0.0
        /// By when it should end; infinite if it does not matter.
        public let deadlineSeconds: Double
        /// What it may cost; infinite if it does not matter.
        public let budget: Double
        /// What is believed of its tasks.
        public let estimates: Estimates?
        /// What its tasks bring to each other, and how long that takes; `nil` if it takes no time.
        public let flow: DataFlow?
        /// The plan in force.
        public internal(set) var plan: Assignments?
        /// What it takes to end after a reclaim; empty before there is a plan that knows.
        var comeback = Comeback()
        /// The instance of every slot of the plan, or -1 before it is asked for.
        public internal(set) var instanceOfSlot: [InstanceIndex] = []
        /// Tasks of every slot that are not over.
        public internal(set) var openOfSlot: [Int32] = []
        /// Seconds for which the tasks of every slot that are not over want its instance at least: their expected times, each
        /// by its part of the processors. Empty if neither a deadline nor a budget is to be watched.
        var restOfSlot: [Double] = []
        /// Whether a new plan was asked for and is not there yet.
        public internal(set) var isReplanning = false
        /// When a new plan was asked for last.
        public internal(set) var replanSeconds = -Double.infinity
        /// How many plans it has had.
        public internal(set) var plans: Int32 = 0
        /// Whether it was admitted, and when, in seconds of the run's clock.
        public internal(set) var isAdmitted = false
        public internal(set) var admittedSeconds = 0.0
        /// Whether somebody wants it to stop.
        public internal(set) var isCancelled = false
        /// Whether a task failed for good.
        public internal(set) var hasFailed = false
        /// How it ended, or `nil` while it goes on.
        public internal(set) var ending: Ending?

        /// The plan in force on the instances that it has by now: what goes on where there is no better one.
        public var keptPlan: Assignments? {
            var kept = plan
            for (slot, instance) in instanceOfSlot.enumerated() { kept?.slots[slot].instance = instance }
            return kept
        }

        /// Its tasks.
        public var range: Range<Int> { Int(first)..<Int(first + count) }
    }

    /// The columns of the instances.
    public struct Instances: Hashable, Sendable {
        /// What was rented.
        public internal(set) var offer: [OfferIndex] = []
        /// What becomes of it.
        public internal(set) var phase: [InstancePhase] = []
        /// Its room when empty.
        public internal(set) var capacity: [Resources] = []
        /// Its room now.
        public internal(set) var free: [Resources] = []
        /// The attempts on it, as tasks.
        public internal(set) var running: [[TaskIndex]] = []
        /// When it was asked for.
        public internal(set) var requestedSeconds: [Double] = []
        /// When it took tasks first; infinite before.
        public internal(set) var openedSeconds: [Double] = []
        /// When it will be taken back; infinite if nobody said so.
        public internal(set) var reclaimSeconds: [Double] = []
        /// When it was gone; infinite before.
        public internal(set) var closedSeconds: [Double] = []
        /// Since when it runs nothing, while it does not.
        public internal(set) var idleSeconds: [Double] = []

        /// How many there are and were.
        public var count: Int { offer.count }

        mutating func append(_ offer: OfferIndex, at seconds: Double) {
            self.offer.append(offer)
            phase.append(.opening)
            capacity.append(.zero)
            free.append(.zero)
            running.append([])
            requestedSeconds.append(seconds)
            openedSeconds.append(.infinity)
            reclaimSeconds.append(.infinity)
            closedSeconds.append(.infinity)
            idleSeconds.append(seconds)
        }
    }

    /// The columns of the tasks.
    public struct Tasks: Hashable, Sendable {
        /// What becomes of it.
        public internal(set) var phase: [Phase] = []
        /// The job.
        public internal(set) var job: [JobIndex] = []
        /// Predecessors that have not succeeded.
        public internal(set) var waitsFor: [Int32] = []
        /// Attempts that were started.
        public internal(set) var attempts: [Int32] = []
        /// The number of the attempt that runs or ran last; a copy of it has a greater one.
        public internal(set) var current: [Int32] = []
        /// Second attempts that occupy an instance besides those.
        public internal(set) var copies: [TaskIndex: Copy] = [:]
        /// Whether two attempts may run at the same time, if that was said.
        var speculates: [Bool?] = []
        /// The instance of the running attempt, or -1.
        public internal(set) var instance: [InstanceIndex] = []
        /// The instance of the last attempt, or -1.
        public internal(set) var lastInstance: [InstanceIndex] = []
        /// What the next attempt is given.
        public internal(set) var request: [Resources] = []
        /// What kinds of instances it may run on.
        var restriction: [Int32] = []
        /// The time limit of the next attempt; infinite is none.
        public internal(set) var timeLimit: [Double] = []
        /// How often attempts ended for each cause.
        public internal(set) var failures: [FailureCounts] = []
        /// The cause of the last failure.
        public internal(set) var lastCause: [FailureCause?] = []
        /// The instance on which the next attempt should not run, or -1.
        public internal(set) var avoided: [InstanceIndex] = []
        /// When it became ready.
        public internal(set) var readySeconds: [Double] = []
        /// When its running attempt started.
        public internal(set) var startSeconds: [Double] = []
        /// When it was over.
        public internal(set) var endSeconds: [Double] = []
        /// Where its data were sent: an instance, or -2 - a slot of its job's plan, or everywhere, or -1; and since when.
        public internal(set) var staged: [InstanceIndex] = []
        public internal(set) var stagedSeconds: [Double] = []
        /// What is expected of it, in seconds of one processor of speed 1.
        var work: [Float] = []
        /// The share of its work that was saved.
        public internal(set) var savedShare: [Float] = []
        /// Urgency: the greatest goes first among equal priorities.
        public internal(set) var rank: [Double] = []
        /// Goes before rank.
        public internal(set) var priority: [Int32] = []
        /// The first of its successors in ``successors``; one more than tasks.
        public internal(set) var firstSuccessor: [Int32] = [0]
        /// Successors of all tasks, one after the other.
        public internal(set) var successors: [TaskIndex] = []

        /// How many there are.
        public var count: Int { phase.count }

        mutating func append(_ graph: TaskGraph, job: JobIndex, ranks: [Double], estimates: Estimates?) {
            let first = TaskIndex(count)
            let more = graph.count
            phase += repeatElement(.blocked, count: more)
            self.job += repeatElement(job, count: more)
            attempts += repeatElement(0, count: more)
            current += repeatElement(0, count: more)
            instance += repeatElement(-1, count: more)
            lastInstance += repeatElement(-1, count: more)
            failures += repeatElement(FailureCounts(), count: more)
            lastCause += repeatElement(nil, count: more)
            avoided += repeatElement(-1, count: more)
            readySeconds += repeatElement(.infinity, count: more)
            startSeconds += repeatElement(.infinity, count: more)
            endSeconds += repeatElement(.infinity, count: more)
            staged += repeatElement(-1, count: more)
            stagedSeconds += repeatElement(.infinity, count: more)
            savedShare += repeatElement(0, count: more)
            rank += ranks
            request.reserveCapacity(count)
            work.reserveCapacity(count)
            timeLimit.reserveCapacity(count)
            priority.reserveCapacity(count)
            waitsFor.reserveCapacity(count)
            firstSuccessor.reserveCapacity(count + 1)
            let (tasks, estimates) = (graph.tasks, estimates ?? .none)
            for place in tasks.indices {
                waitsFor.append(Int32(graph.predecessors(of: place).count))
                request.append(estimates.request(of: place, tasks[place].request))
                let seconds = place < estimates.count ? estimates.expectedSeconds[place] : 1
                work.append(seconds.isFinite ? Float(max(0, seconds) * max(1, request[request.count - 1].cpus)) : 1)
                timeLimit.append(tasks[place].request.timeLimitSeconds ?? .infinity)
                // What two attempts save would be in one place.
                speculates.append(
                    tasks[place].speculate ?? (tasks[place].request.checkpoint == nil ? nil : false))
                priority.append(Int32(clamping: tasks[place].priority))
                for successor in graph.successors(of: place) { successors.append(first + TaskIndex(successor)) }
                firstSuccessor.append(Int32(successors.count))
            }
        }
    }

    /// How often the attempts at a task ended for each cause; each count stops at 255.
    public struct FailureCounts: Hashable, Sendable {
        private var bits: UInt64 = 0

        /// How often for one cause.
        public subscript(cause: FailureCause) -> Int { Int(bits >> (8 * cause.place) & 0xff) }

        mutating func add(_ cause: FailureCause) {
            if self[cause] < 255 { bits += 1 << (8 * cause.place) }
        }
    }
}

extension FailureCause {
    fileprivate var place: UInt64 {
        switch self {
        case .outOfMemory: 0
        case .timeLimit: 1
        case .programError: 2
        case .reclaimed: 3
        case .lost: 4
        case .cancelled: 5
        case .noCapacity: 6
        }
    }
}
