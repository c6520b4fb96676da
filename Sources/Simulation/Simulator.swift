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
    /// The plan that the run starts with; the policies of the allocator must be those that keep to plans.
    public var plan: Assignments?
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
        Parallel.map(count: count, threads: threads) { run(seed: seed &+ UInt64($0)) }
    }

    /// One run.
    ///
    /// - Complexity: That of the allocator, and O(log *n*) an event.
    public func run(seed: UInt64) -> SimulatedRun {
        var course = Course(self, seed: seed)
        return course.run()
    }
}

/// The course of one run.
private struct Course {
    private enum Item {
        case event(Event)
        /// The attempt ends, if it still runs.
        case end(AttemptID, FailureCause?)
        /// The instance is taken back, if it is still there.
        case reclaim(InstanceIndex)
        case notice(InstanceIndex, at: Double)
        case wake
    }

    private let simulator: Simulator
    private let seed: UInt64
    private var allocator: Allocator
    private var agenda = Agenda<Item>()
    private var now = 0.0
    private var result = SimulatedRun(ending: .succeeded, makespanSeconds: 0, cost: 0)
    /// How many instances of each offer were asked for.
    private var asked: [Int]

    init(_ simulator: Simulator, seed: UInt64) {
        (self.simulator, self.seed, allocator) = (simulator, seed, simulator.allocator)
        allocator.add(simulator.job, ranks: simulator.ranks, estimates: simulator.estimates)
        asked = Array(repeating: 0, count: allocator.state.offers.count)
        if let plan = simulator.plan { agenda.add(.event(.planned(0, plan)), at: 0) }
        agenda.add(.event(.admitted(0)), at: 0)
    }

    mutating func run() -> SimulatedRun {
        var events: [Event] = []
        while agenda.nextSeconds < .infinity, !isOver {
            now = max(now, agenda.nextSeconds)
            events.removeAll(keepingCapacity: true)
            while agenda.nextSeconds <= now, let item = agenda.removeFirst() { happen(item, &events) }
            if allocator.state.wakeSeconds <= now { events.append(.timer) }
            guard !events.isEmpty else { continue }
            result.events += events.count
            for action in allocator.handle(events, at: now) { carryOut(action) }
        }
        result.cost = allocator.state.spentDollars()
        result.ending = allocator.state.jobs[0].ending ?? .infeasible
        return result
    }

    private var isOver: Bool {
        allocator.state.jobs[0].ending != nil && allocator.state.openCounts.allSatisfy { $0 == 0 }
    }

    private mutating func happen(_ item: Item, _ events: inout [Event]) {
        switch item {
        case .event(let event): events.append(event)
        case .end(let attempt, let cause):
            guard allocator.state.runs(attempt) else { return }
            events.append(cause.map { .failed(attempt, $0) } ?? .finished(attempt))
        case .notice(let instance, let time):
            if allocator.state.instances.phase[Int(instance)] == .open {
                events.append(.reclaimNotice(instance, at: time))
            }
        case .reclaim(let instance):
            guard allocator.state.instances.phase[Int(instance)] != .closed else { return }
            result.reclaims += 1
            for task in allocator.state.instances.running[Int(instance)].sorted() {
                events.append(.failed(allocator.state.attempt(at: task), .reclaimed))
            }
            events.append(.closed(instance, .reclaimed))
        case .wake: break
        }
    }

    private mutating func carryOut(_ action: Action) {
        switch action {
        case .open(let instance, let offer, _, _):
            let place = Int(offer)
            let number = asked[place]
            asked[place] += 1
            let opening = now + allocator.state.offers[place].openSeconds
            guard !simulator.world.isRefused(number, allocator.state.offers[place], place, seed: seed) else {
                return agenda.add(.event(.refused(instance)), at: opening)
            }
            agenda.add(.event(.opened(instance, allocator.state.offers[place].capacity)), at: opening)
            let end = opening + simulator.world.life(number, of: place, seed: seed)
            agenda.add(.notice(instance, at: end), at: max(opening, end - simulator.world.warningSeconds))
            agenda.add(.reclaim(instance), at: end)
        case .close(let instance): agenda.add(.event(.closed(instance, nil)), at: now)
        case .start(let attempt, let instance, _, let share):
            result.attempts += 1
            let offer = allocator.state.offers[Int(allocator.state.instances.offer[Int(instance)])]
            let task = Int(attempt.task)
            let seconds = (1 - share) * simulator.world.seconds(task, attempt.number, on: offer.type, seed: seed)
            let failure = simulator.world.failure(task, attempt.number, seed: seed)
            agenda.add(.end(attempt, failure == nil ? nil : .programError), at: now + seconds * (failure ?? 1))
        case .stop(let attempt, let cause): agenda.add(.end(attempt, cause), at: now)
        case .replan(let job, let reason):
            result.plans += 1
            let plan = simulator.replan?(allocator.state, reason) ?? allocator.state.jobs[Int(job)].keptPlan
            if let plan { agenda.add(.event(.planned(job, plan)), at: now) }
        case .wake(let time): agenda.add(.wake, at: time)
        case .end: result.makespanSeconds = now
        case .checkpoint, .throttle, .warn, .retry, .giveUp, .skip: break
        }
    }
}
