import Allocation
import Foundation
import Scheduling
import TestSupport
import Workloads

typealias Allocator = Allocation.Allocator

/// A random job: some edges from earlier to later tasks, sizes and times of all kinds.
func randomGraph(_ count: Int, seed: UInt64, largestCPUs: Double = 4, largestMemory: Double = 8e9) throws -> TaskGraph {
    var generator = TestGenerator(seed: seed)
    let density = Double.random(in: 0...3, using: &generator)
    return try TaskGraph(
        (0..<count).map { index in
            let wanted = index == 0 ? 0 : Int(Double.random(in: 0...density, using: &generator))
            let before = (0..<min(wanted, index)).map { _ in TaskID("t\(Int.random(in: 0..<index, using: &generator))")
            }
            return TaskSpec(
                id: TaskID("t\(index)"), type: "k\(index % 5)", predecessors: before,
                request: Requirements(
                    cpus: [0.5, 1, 1, 2, largestCPUs].randomElement(using: &generator) ?? 1,
                    memoryBytes: Double.random(in: 0...largestMemory, using: &generator)),
                priority: Int.random(in: -1...1, using: &generator),
                notBeforeSeconds: index % 7 == 6 ? Double(index) / 2 : nil)
        })
}

func offer(
    _ name: String = "m", cpus: Double = 4, memory: Double = 9e9, count: Int = 1, speed: Double = 1,
    purchase: PurchaseOption = .onDemand, price: Double = 0, openSeconds: Double = 0
) -> Offer {
    Offer(
        type: InstanceType(name: name, cpus: cpus, memoryBytes: memory, speed: speed), purchase: purchase,
        maximumCount: count, price: Price(perHour: price), openSeconds: openSeconds)
}

/// A world around an allocator that keeps books of its own and checks every action against them.
///
/// It carries out opens, starts and stops at once or later, as a test wants, and writes the facts down.
struct TestWorld {
    enum Fault: Error, CustomStringConvertible {
        case broken(String)
        var description: String {
            switch self {
            case .broken(let text): text
            }
        }
    }

    var allocator: Allocator
    let graphs: [TaskGraph]
    var facts: [Fact] = []
    var handled: [(seconds: Double, events: [Event])] = []
    var actions: [Action] = []
    var now = 0.0

    /// The attempt that runs for each task, and where; and a second one beside it, or beside one that has ended well.
    var running: [TaskIndex: Attempt] = [:]
    var copies: [TaskIndex: Attempt] = [:]
    var opening: [InstanceIndex: OfferIndex] = [:]
    var rooms: [InstanceIndex: Resources] = [:]
    var noticed: Set<InstanceIndex> = []
    var stopping: [AttemptID: FailureCause] = [:]
    var succeeded: Set<TaskIndex> = []
    var givenUp: [TaskIndex: FailureCause] = [:]
    var skipped: Set<TaskIndex> = []
    var starts: [TaskIndex: Int32] = [:]
    var endings: [JobIndex: Ending] = [:]
    var replans: [(JobIndex, ReplanReason)] = []
    var closing: [InstanceIndex] = []
    var wakeSeconds = Double.infinity

    struct Attempt {
        var number: Int32
        var instance: InstanceIndex
        var grant: Grant
    }

    /// All attempts that run.
    var attempts: [Attempt] { Array(running.values) + Array(copies.values) }

    init(_ allocator: Allocator, _ graphs: [TaskGraph]) { (self.allocator, self.graphs) = (allocator, graphs) }

    /// Tells the allocator of events and books what it decides.
    mutating func send(_ events: [Event]) throws {
        for event in events { facts.append(Fact(now, .event(event))) }
        handled.append((now, events))
        let decided = allocator.handle(events, at: now)
        allocator.state.checkInvariants()
        actions += decided
        for action in decided { facts.append(Fact(now, .action(action))) }
        try book(decided)
    }

    mutating func book(_ decided: [Action]) throws {
        for action in decided {
            switch action {
            case .open(let instance, let offer, _, _):
                try check(opening[instance] == nil && rooms[instance] == nil, "instance \(instance) is opened twice")
                opening[instance] = offer
            case .close(let instance): closing.append(instance)
            case .start(let attempt, let instance, let grant, _): try start(attempt, instance, grant)
            case .stop(let attempt, let cause):
                try check(
                    [running, copies].contains { $0[attempt.task]?.number == attempt.number },
                    "\(attempt) is stopped and does not run")
                stopping[attempt] = cause
            case .retry(let task, _, _):
                try check(running[task] == nil && copies[task] == nil, "\(task) is retried while it runs")
            case .giveUp(let task, let cause): givenUp[task] = cause
            case .skip(let task): skipped.insert(task)
            case .end(let job, let ending):
                try check(endings[job] == nil, "job \(job) ends twice")
                let range = allocator.state.jobs[Int(job)].range
                try check(
                    ![running, copies].contains { $0.keys.contains { range.contains(Int($0)) } },
                    "job \(job) ends and runs")
                endings[job] = ending
            case .replan(let job, let reason): replans.append((job, reason))
            case .wake(let time): wakeSeconds = time
            case .stage, .checkpoint, .throttle, .warn, .follow: break
            }
        }
    }

    private mutating func start(_ attempt: AttemptID, _ instance: InstanceIndex, _ grant: Grant) throws {
        let (job, task) = place(attempt.task)
        try check(endings[job] == nil, "a task of a job that ended starts")
        try check(!succeeded.contains(attempt.task), "\(attempt) is run after it succeeded")
        let first = running[attempt.task]
        try check(copies[attempt.task] == nil, "\(attempt) is run three times at once")
        if let first {
            try check(graphs[Int(job)].tasks[task].speculate != false, "\(attempt) is run twice at once")
            try check(first.instance != instance && first.grant == grant, "\(attempt) is no copy")
            try check(
                stopping[AttemptID(attempt.task, first.number)] == nil, "\(attempt) is a copy of one that is stopped")
            try check(
                !allocator.state.jobs.indices.contains {
                    allocator.state.jobs[$0].ready > 0 && allocator.state.mayStart(JobIndex($0))
                }, "\(attempt) takes room that another task could have")
        }
        try check(givenUp[attempt.task] == nil && !skipped.contains(attempt.task), "\(attempt) was given up")
        let start = allocator.state.jobs[Int(job)].first
        try check(
            graphs[Int(job)].predecessors(of: task).allSatisfy { succeeded.contains(start + TaskIndex($0)) },
            "\(attempt) starts before its predecessors end")
        try check(attempt.number == starts[attempt.task, default: 0] + 1, "\(attempt) has the wrong number")
        guard let room = rooms[instance] else { throw Fault.broken("instance \(instance) is not there") }
        try check(!noticed.contains(instance), "\(attempt) starts where the end is near")
        starts[attempt.task] = attempt.number
        let run = Attempt(number: attempt.number, instance: instance, grant: grant)
        if first == nil { running[attempt.task] = run } else { copies[attempt.task] = run }
        let used = attempts.filter { $0.instance == instance }.reduce(Resources.zero) { $0 + $1.grant.resources }
        try check(used.fits(in: room), "instance \(instance) is overfull")
    }

    /// The program dies and is started again: what it knows comes from the log.
    mutating func crash(_ empty: Allocator) throws {
        var restored = empty
        for fact in facts { _ = restored.restore(fact) }
        restored.state.checkInvariants()
        try check(restored.state.tasks == allocator.state.tasks, "the log does not give the state of the tasks")
        try check(restored.state.instances == allocator.state.instances, "the log does not give the instances")
        allocator = restored
        wakeSeconds = .infinity
        try send([.restarted])
    }

    func place(_ task: TaskIndex) -> (job: JobIndex, task: Int) {
        let job = allocator.state.tasks.job[Int(task)]
        return (job, Int(task - allocator.state.jobs[Int(job)].first))
    }

    func check(_ condition: Bool, _ fault: @autoclosure () -> String) throws {
        if !condition { throw Fault.broken(fault()) }
    }

    // What may happen outside.

    mutating func open(_ instance: InstanceIndex, _ room: Resources? = nil) throws {
        guard let offer = opening.removeValue(forKey: instance) else { return }
        let room = room ?? allocator.state.offers[Int(offer)].capacity
        rooms[instance] = room
        try send([.opened(instance, room)])
    }

    mutating func openAll() throws { for instance in opening.keys.sorted() { try open(instance) } }

    mutating func close(_ instance: InstanceIndex, _ cause: FailureCause?) throws {
        opening[instance] = nil
        rooms[instance] = nil
        for (task, attempt) in copies where attempt.instance == instance { forget(task, attempt.number) }
        for (task, attempt) in running where attempt.instance == instance { forget(task, attempt.number) }
        try send([.closed(instance, cause)])
    }

    /// An attempt runs no more; a copy of it takes its place, unless its task is over.
    private mutating func forget(_ task: TaskIndex, _ number: Int32) {
        stopping[AttemptID(task, number)] = nil
        if copies[task]?.number == number {
            copies[task] = nil
        } else {
            running[task] = succeeded.contains(task) ? nil : copies.removeValue(forKey: task)
        }
    }

    /// An attempt ends well: the first one, or its copy.
    mutating func finish(_ task: TaskIndex, copy: Bool = false) throws {
        guard let attempt = copy ? copies[task] : running[task] else { return }
        succeeded.insert(task)
        forget(task, attempt.number)
        try send([.finished(AttemptID(task, attempt.number))])
    }

    mutating func fail(_ task: TaskIndex, _ cause: FailureCause, copy: Bool = false) throws {
        guard let attempt = copy ? copies[task] : running[task] else { return }
        forget(task, attempt.number)
        try send([.failed(AttemptID(task, attempt.number), cause)])
    }

    /// Gives back what was to be given back and stops what was to be stopped.
    mutating func obey() throws {
        for (attempt, cause) in stopping.sorted(by: { ($0.key.task, $0.key.number) < ($1.key.task, $1.key.number) }) {
            // Another may have ended since.
            guard stopping[attempt] != nil else { continue }
            try fail(attempt.task, cause, copy: copies[attempt.task]?.number == attempt.number)
        }
        while let instance = closing.popLast() { try close(instance, nil) }
    }
}
