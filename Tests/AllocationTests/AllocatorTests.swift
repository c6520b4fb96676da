import Allocation
import Foundation
import Scheduling
import TestSupport
import Testing
import Workloads

@Suite("Allocator") struct AllocatorTests {
    /// A world with one job and one machine of two processors and 100 bytes that is open.
    private func world(
        _ tasks: [TaskSpec], policy: RetryPolicy = .standard, largest: Double = .infinity, offers: [Offer]? = nil,
        estimates: Estimates? = nil, placement: any Placement = Backfilling(), keepsGoing: Bool = true
    ) throws -> TestWorld {
        let graph = try TaskGraph(tasks)
        var allocator = Allocator(
            offers: offers ?? [offer(cpus: 2, memory: 100)],
            policies: Policies(
                placement: placement,
                recovery: Recovery(
                    policy, largest: Resources(cpus: .infinity, memoryBytes: largest, gpus: .infinity, storageBytes: 0))
            ),
            keepsGoing: keepsGoing)
        allocator.add(Job(graph), estimates: estimates)
        var world = TestWorld(allocator, [graph])
        try world.send([.admitted(0)])
        try world.openAll()
        return world
    }

    @Test("a task waits for its time after its job was admitted, and for what it needs")
    func notBefore() throws {
        var tasks = chain()
        tasks[0].notBeforeSeconds = 10
        tasks[1].notBeforeSeconds = 12
        let graph = try TaskGraph(tasks)
        var allocator = Allocator(offers: [offer(cpus: 2, memory: 100)])
        allocator.add(Job(graph))
        var world = TestWorld(allocator, [graph])
        world.now = 5
        try world.send([.admitted(0)])
        try world.openAll()
        #expect(world.running.isEmpty && world.wakeSeconds == 15)
        #expect(world.allocator.state.obstacle(of: 0, predecessors: []) == .notBefore(15))
        #expect(world.allocator.state.obstacle(of: 1, predecessors: [0]) == .results([0]))
        world.now = 14.5
        try world.send([.timer])
        #expect(world.running.isEmpty)
        world.now = 15
        try world.send([.timer])
        #expect(Array(world.running.keys) == [0])
        // What becomes free before its time waits for it, and any event is as good as a timer.
        world.now = 16
        try world.finish(0)
        #expect(world.running.isEmpty && world.wakeSeconds == 17)
        world.now = 18
        try world.send([.priced(0, Price(perHour: 3))])
        #expect(Array(world.running.keys) == [1])
    }

    private func chain() -> [TaskSpec] {
        [
            TaskSpec(id: "a", request: .init(memoryBytes: 30)), TaskSpec(id: "b", predecessors: ["a"]),
            TaskSpec(id: "c", predecessors: ["b"]),
        ]
    }

    @Test("a failure is repeated up to the limit, then those that wait are skipped")
    func retries() throws {
        var world = try world(chain(), policy: .standard.with(retries: 1))
        #expect(world.running[0]?.grant.resources == Resources(cpus: 1, memoryBytes: 30))
        try world.fail(0, .programError)
        #expect(world.running[0]?.number == 2)
        try world.fail(0, .programError)
        #expect(world.givenUp == [0: .programError] && world.skipped == [1, 2])
        #expect(world.endings == [0: .failed])
        #expect(world.closing == [0], "the machine is given back")
        try world.send([.cancelled(0)])
        #expect(world.endings == [0: .failed])
    }

    @Test("out of memory gets more, up to the largest; then it is hopeless")
    func memory() throws {
        var world = try world(chain(), policy: .standard.with(retries: 9), largest: 100)
        for memory in [60.0, 100] {
            try world.fail(0, .outOfMemory)
            #expect(world.running[0]?.grant.resources.memoryBytes == memory)
        }
        try world.fail(0, .outOfMemory)
        #expect(world.givenUp == [0: .outOfMemory])
    }

    @Test("reclaims never count, losses up to their own limit")
    func reclaims() throws {
        var policy = RetryPolicy.standard.with(retries: 0)
        policy[.lost].retries = 2
        var world = try world(chain(), policy: policy)
        for attempt in 2...51 {
            try world.close(InstanceIndex(attempt - 2), .reclaimed)
            try world.openAll()
            #expect(world.running[0]?.number == Int32(attempt))
        }
        for _ in 0..<2 {
            try world.fail(0, .lost)
            #expect(world.running[0] != nil)
        }
        try world.fail(0, .lost)
        #expect(world.givenUp == [0: .lost])
    }

    @Test("every cause is answered as its row of the table says, until its limit", arguments: FailureCause.ofAttempts)
    func table(cause: FailureCause) throws {
        let estimates = Estimates(
            expectedSeconds: [1],
            memoryQuantiles: [.init { $0 <= 0.5 ? 8 : $0 <= 0.9 ? 12 : $0 <= 0.95 ? 15 : 40 }])
        var world = try world(
            [TaskSpec(id: "a", request: .init(memoryBytes: 10, timeLimitSeconds: 100))], largest: 1000,
            offers: [offer(cpus: 2, memory: 1000)], estimates: estimates)
        var given: [[Double]] = []
        while let grant = world.running[0]?.grant, given.count < 31 {
            given.append([grant.resources.memoryBytes, grant.timeLimitSeconds ?? -1])
            try world.fail(0, cause)
        }
        switch cause {
        case .reclaimed, .cancelled: #expect(given == Array(repeating: [10, 100], count: 31))
        case .lost: #expect(given == Array(repeating: [10, 100], count: 11))
        case .outOfMemory: #expect(given == [[10, 100], [15, 100], [40, 100], [80, 100]])
        case .timeLimit: #expect(given == [[10, 100], [10, 200], [10, 400]])
        case .programError: #expect(given == [[10, 100], [10, 100]])
        case .noCapacity: Issue.record("no attempt ends so")
        }
    }

    @Test("time grows up to its cap, and no further")
    func timeCap() throws {
        var policy = RetryPolicy.standard
        policy[.timeLimit] = .init(retries: nil, timeGrowth: 2, mostTime: 3)
        var world = try world([TaskSpec(id: "a", request: .init(timeLimitSeconds: 100))], policy: policy)
        for seconds in [200.0, 300] {
            try world.fail(0, .timeLimit)
            #expect(world.running[0]?.grant.timeLimitSeconds == seconds)
        }
        try world.fail(0, .timeLimit)
        #expect(world.givenUp == [0: .timeLimit])
    }

    @Test("a task's own limit counts all that it is to blame for, and nothing else")
    func ownLimit() throws {
        var world = try world([TaskSpec(id: "a", request: .init(memoryBytes: 1), retries: 2)])
        for cause in [FailureCause.outOfMemory, .reclaimed, .lost, .programError, .reclaimed] {
            try world.fail(0, cause)
            #expect(world.running[0] != nil, "\(cause)")
        }
        try world.fail(0, .outOfMemory)
        #expect(world.givenUp == [0: .outOfMemory])
    }

    @Test("elsewhere is another instance, if one can hold the task")
    func elsewhere() throws {
        let offers = [offer("m", cpus: 2), offer("small", cpus: 1), offer("other", cpus: 2)]
        var world = try world([TaskSpec(id: "a", request: .init(cpus: 2))], offers: offers)
        #expect(world.running[0]?.instance == 0)
        try world.fail(0, .reclaimed)
        #expect(world.running[0]?.instance == 2)
        try world.close(0, .lost)
        // The instance comes again, but is not there yet, and the small one cannot hold the task.
        try world.fail(0, .reclaimed)
        #expect(world.running[0]?.instance == 2)
        try world.openAll()
        try world.fail(0, .reclaimed)
        #expect(world.running[0]?.instance == 3)
    }

    @Test("an alert is answered as the table says", arguments: RetryPolicy.Reaction.allCases)
    func alerts(reaction: RetryPolicy.Reaction) throws {
        var world = try world(chain(), policy: RetryPolicy(memoryAlert: reaction, timeAlert: .ignore))
        let before = world.actions.count
        let attempt = AttemptID(0, 1)
        try world.send([.alert(attempt, .time), .alert(AttemptID(0, 2), .memory)])
        #expect(world.actions.count == before)
        try world.send([.alert(attempt, .memory)])
        let warning = Action.warn(attempt, .memory, reaction)
        let expected: [Action] =
            switch reaction {
            case .ignore: []
            case .warn: [warning]
            case .throttle: [warning, .throttle(attempt)]
            case .kill: [warning, .stop(attempt, .outOfMemory)]
            }
        #expect(Array(world.actions.dropFirst(before)) == expected)
    }

    @Test("cancel stops what runs, and the job ends when it is gone")
    func cancel() throws {
        var world = try world(chain())
        try world.send([.cancelled(0)])
        #expect(world.stopping == [AttemptID(0, 1): .cancelled])
        try world.obey()
        #expect(world.endings == [0: .cancelled])
    }

    @Test("the first failure for good stops the rest, if the job does not keep going")
    func stopOnFailure() throws {
        var world = try world(
            [TaskSpec(id: "a", retries: 0), TaskSpec(id: "b"), TaskSpec(id: "c")], keepsGoing: false)
        try world.fail(0, .programError)
        #expect(world.stopping == [AttemptID(1, 1): .cancelled] && world.running[2] == nil)
        try world.obey()
        #expect(world.endings == [0: .failed])
    }

    @Test("a restarted program counts attempts and requests on, and waits for what still runs")
    func restart() throws {
        let tasks = chain()
        var world = try world(tasks)
        try world.fail(0, .outOfMemory)
        var empty = Allocator(offers: [offer(cpus: 2, memory: 100)])
        empty.add(Job(try TaskGraph(tasks)))
        try world.crash(empty)
        #expect(world.running[0]?.number == 2 && world.running[0]?.grant.resources.memoryBytes == 60)
        let before = world.actions.count
        try world.send([.failed(AttemptID(0, 1), .lost)])
        #expect(world.actions.count == before, "a report of the first attempt is stale")
        try world.finish(0)
        #expect(world.running[1]?.number == 1)
    }

    @Test("the most urgent goes first; a task that does not fit is passed by those that do not delay it")
    func urgency() throws {
        var world = try world(
            [
                TaskSpec(id: "tail"), TaskSpec(id: "head"), TaskSpec(id: "next", predecessors: ["head"]),
                TaskSpec(id: "vip", priority: 1), TaskSpec(id: "huge", request: .init(cpus: 3), priority: 2),
            ], offers: [offer("m", cpus: 2), offer("l", cpus: 4)], placement: BestFit())
        #expect(world.actions.compactMap(\.started).prefix(5) == [3, 1, 4, 0] || world.running.count == 4)
        #expect(world.running[4]?.instance == 1)
        try world.finish(1)
        #expect(world.running[2] != nil)
    }

    // What the allocator before this one got wrong.

    @Test("it is work-conserving: thousands of tasks that do not fit do not hide those that do")
    func workConserving() throws {
        let wide = (0..<3000).map { TaskSpec(id: TaskID("w\($0)"), request: .init(cpus: 8), priority: 1) }
        let narrow = (0..<3000).map { TaskSpec(id: TaskID("n\($0)"), request: .init(cpus: 1)) }
        let world = try world(wide + narrow, offers: [offer(cpus: 12, memory: 1e9)], placement: BestFit())
        #expect(world.running.count == 5, "one wide and four narrow tasks fill twelve processors")
    }

    @Test("a planned task that outgrows its instance goes where there is room")
    func outgrown() throws {
        let graph = try TaskGraph([TaskSpec(id: "a", request: .init(memoryBytes: 80))])
        var allocator = Allocator(
            offers: [offer("s", memory: 100), offer("l", memory: 1000, price: 1)],
            policies: Policies(placement: Rescheduling(), provisioning: AsRented()))
        allocator.add(Job(graph))
        var world = TestWorld(allocator, [graph])
        let plan = Assignments(
            slots: [.init(offer: 0, startSeconds: 0)], slotOfTask: [0], order: [0], endSeconds: 10)
        try world.send([.planned(0, plan), .admitted(0)])
        try world.openAll()
        #expect(world.running[0]?.instance == 0)
        try world.fail(0, .outOfMemory)
        #expect(world.running[0] == nil && world.opening == [1: 1], "the larger machine is asked for")
        try world.openAll()
        #expect(world.running[0]?.grant.resources.memoryBytes == 160)
        try world.finish(0)
        #expect(world.endings == [0: .succeeded])
    }

    @Test("an instance that vanishes before it opens is asked for again")
    func vanishes() throws {
        var allocator = Allocator(offers: [offer()])
        let graph = try TaskGraph([TaskSpec(id: "a")])
        allocator.add(Job(graph))
        var world = TestWorld(allocator, [graph])
        try world.send([.admitted(0)])
        try world.close(0, .reclaimed)
        #expect(world.opening == [1: 0])
        try world.openAll()
        #expect(world.running[0] != nil)
    }

    @Test("a task that fits nothing is given up for that reason")
    func fitsNowhere() throws {
        let world = try world([
            TaskSpec(id: "a", request: .init(cpus: 3)), TaskSpec(id: "b", predecessors: ["a"]),
        ])
        #expect(world.givenUp == [0: .noCapacity] && world.skipped == [1])
        #expect(world.endings == [0: .infeasible])
    }

    @Test("a wide task behind a stream of small ones starts at last", arguments: [true, false])
    func starvation(isReserving: Bool) throws {
        // Two-processor machine; a chain of small tasks that overlap keeps one processor busy at any time.
        let wide = TaskSpec(id: "wide", request: .init(cpus: 2))
        let small = (0..<200).map { index in
            TaskSpec(id: TaskID("s\(index)"), predecessors: index < 2 ? [] : [TaskID("s\(index - 2)")], priority: 0)
        }
        var world = try world(
            small + [wide], placement: isReserving ? Backfilling() as any Placement : BestFit())
        var ended = 0
        while world.running[200] == nil, ended < 200 {
            world.now += 1
            guard let next = world.running.keys.min() else { break }
            try world.finish(next)
            ended += 1
        }
        #expect(isReserving ? ended < 190 : ended >= 198)
    }

    @Test("tenants share a pool in proportion to their weights, and nobody starves", arguments: [1.0, 3.0])
    func fairShare(weight: Double) throws {
        var allocator = Allocator(
            offers: [offer(cpus: 8)], policies: Policies(placement: Backfilling(.fairShare)), halfLifeSeconds: 50)
        let graphs = try (0..<2).map { _ in try TaskGraph((0..<2000).map { TaskSpec(id: TaskID("t\($0)")) }) }
        allocator.add(Job(graphs[0], tenant: "a", weight: weight))
        allocator.add(Job(graphs[1], tenant: "b"))
        var world = TestWorld(allocator, graphs)
        try world.send([.admitted(0), .admitted(1)])
        try world.openAll()
        var generator = TestGenerator(seed: 7)
        var finished = [0.0, 0.0]
        for _ in 0..<1500 {
            world.now += 0.1
            guard let task = world.running.keys.sorted().randomElement(using: &generator) else { break }
            finished[task < 2000 ? 0 : 1] += 1
            try world.finish(task)
        }
        #expect(abs(finished[0] / finished[1] / weight - 1) < 0.12, "\(finished)")
    }

    /// What 100,000 tasks need on instances of four processors and 4 GB, and what they wait for.
    enum Load: CaseIterable {
        case easy, boundByMemory, mixed, fanOut

        func task(_ number: Int) -> TaskSpec {
            let id = TaskID("t\(number)")
            return switch self {
            case .easy: TaskSpec(id: id)
            case .boundByMemory: TaskSpec(id: id, request: .init(memoryBytes: 3e9))
            case .mixed: TaskSpec(id: id, request: .init(memoryBytes: Double(number % 7) * 5e8))
            case .fanOut: TaskSpec(id: id, predecessors: number == 0 ? [] : ["t0"])
            }
        }
    }

    @Test(
        "an event costs steps that are bounded by a multiple of the logarithm of tasks and instances",
        arguments: Load.allCases, [false, true])
    func countedSteps(load: Load, isReserving: Bool) throws {
        func steps(tasks: Int, instances: Int) throws -> Double {
            func count(_ allocator: Allocator) -> Int {
                let placement = allocator.policies.placement
                return (placement as? BestFit)?.steps ?? (placement as? Backfilling)?.steps ?? .max
            }
            let placement: any Placement = isReserving ? Backfilling() : BestFit()
            var allocator = Allocator(
                offers: [offer(cpus: 4, memory: 4e9, count: instances)], policies: Policies(placement: placement))
            allocator.add(Job(try TaskGraph((0..<tasks).map { load.task($0) })))
            _ = allocator.handle([.admitted(0)], at: 0)
            let room = Resources(cpus: 4, memoryBytes: 4e9)
            var queue = allocator.handle((0..<InstanceIndex(instances)).map { .opened($0, room) }, at: 0)
            let before = count(allocator)
            var events = 0
            while let action = queue.popLast() {
                guard case .start(let attempt, _, _, _) = action else { continue }
                events += 1
                queue += allocator.handle([.finished(attempt)], at: Double(events))
            }
            #expect(allocator.state.jobs[0].ending == .succeeded && events == tasks)
            return Double(count(allocator) - before) / Double(events)
        }
        let (few, many) = (try steps(tasks: 4000, instances: 32), try steps(tasks: 100_000, instances: 1000))
        #expect(many < 6 * log2(100_000), "\(many) steps an event")
        #expect(many < 2 * few + 20, "\(few) steps with 32 instances, \(many) with 1000")
    }
}

extension Action {
    /// The task that it starts.
    fileprivate var started: TaskIndex? {
        if case .start(let attempt, _, _, _) = self { attempt.task } else { nil }
    }
}

@Suite("Plans of more tasks than are scheduled at once") struct LongPlanTests {
    @Test("a run goes on when all that was scheduled has run, however little work an event may be")
    func usedUp() throws {
        let graph = try TaskGraph((0..<4400).map { TaskSpec(id: TaskID("t\($0)")) })
        var allocator = Allocator(
            offers: [offer(cpus: 1, count: 2)],
            policies: Policies(placement: Rescheduling(workPerEvent: 1e-6), provisioning: AsRented()))
        allocator.add(Job(graph), estimates: Estimates(expectedSeconds: Array(repeating: 1, count: 4400)))
        let plan = Assignments(
            slots: [.init(offer: 0, startSeconds: 0), .init(offer: 0, startSeconds: 0)],
            slotOfTask: (0..<4400).map { Int32($0 % 2) }, order: Array(0..<4400), endSeconds: 2200)
        var (now, running, ended) = (0.0, [AttemptID](), false)
        var events: [Event] = [.planned(0, plan), .admitted(0)]
        while !events.isEmpty {
            let actions = allocator.handle(events, at: now)
            now += 1
            events = running.map { .finished($0) }
            running = []
            for action in actions {
                switch action {
                case .open(let instance, _, _, _):
                    events.append(.opened(instance, Resources(cpus: 1, memoryBytes: 9e9)))
                case .start(let attempt, _, _, _): running.append(attempt)
                case .end(_, let ending): ended = ending == .succeeded
                default: break
                }
            }
            if events.isEmpty { events = running.map { .finished($0) }; running = [] }
        }
        #expect(ended)
        #expect(allocator.state.jobs[0].finished == 4400)
    }
}
