import Scheduling
import Testing
import Workloads

@Suite("Allocator") struct AllocatorTests {
    /// What runs where, checked against every rule that an allocator must keep.
    private struct World {
        var capacities: [InstanceID: Allocator.Capacity] = [:]
        var running: [TaskID: (instance: InstanceID, attempt: Int, cpus: Double, memory: Double)] = [:]
        var succeeded: Set<TaskID> = []
        var givenUp: Set<TaskID> = []
        var skipped: Set<TaskID> = []
        var starts: [TaskID: Int] = [:]
        var ending: Allocator.Ending?

        mutating func apply(_ actions: [Allocator.Action], _ graph: TaskGraph) -> [TaskID] {
            var toKill: [TaskID] = []
            for action in actions {
                #expect(ending == nil, "an action after the end")
                switch action {
                case .start(let task, let instance, let attempt, let cpus, let memory, _):
                    #expect(!succeeded.contains(task), "\(task) is run after it succeeded")
                    #expect(running[task] == nil, "\(task) is run twice at once")
                    #expect(!givenUp.contains(task) && !skipped.contains(task))
                    #expect(graph[task]?.predecessors.allSatisfy(succeeded.contains) == true)
                    #expect(attempt == starts[task, default: 0] + 1)
                    #expect(capacities[instance] != nil, "\(instance) is not there")
                    starts[task] = attempt
                    running[task] = (instance, attempt, cpus, memory)
                    let here = running.values.filter { $0.instance == instance }
                    #expect(here.reduce(0) { $0 + $1.cpus } <= (capacities[instance]?.cpus ?? 0) + 1e-6)
                    #expect(here.reduce(0) { $0 + $1.memory } <= (capacities[instance]?.memoryBytes ?? 0) + 1)
                case .kill(let task, let attempt, _):
                    #expect(running[task]?.attempt == attempt)
                    toKill.append(task)
                case .throttle, .warn: break
                case .giveUp(let task, _): givenUp.insert(task)
                case .skip(let task): skipped.insert(task)
                case .end(let how): ending = how
                }
            }
            return toKill
        }
    }

    @Test(
        "in a storm of failures and reclaims no task is lost, none is run twice, and the job ends",
        arguments: UInt64(0)..<150)
    func storm(seed: UInt64) throws {
        var generator = TestGenerator(state: seed)
        let graph = try randomGraph(Int.random(in: 1...60, using: &generator), seed: seed)
        let retries = Int.random(in: 0...3, using: &generator)
        let isHarsh = seed % 3 == 0
        var plan: Plan?
        if seed % 2 == 0 { plan = try Planner(graph, on: testPool(), costs: .claimed(by: graph)).plan(Goal(.balanced)) }
        let options = AllocatorOptions(
            policy: RetryPolicy.standard.with(retries: retries), keepsGoing: seed % 5 != 0)
        var allocator = Allocator(graph, plan: plan, options: options, largestMemory: 9e9)
        var world = World()
        var log: [Allocator.Event] = []
        var allActions: [Allocator.Action] = []

        func send(_ event: Allocator.Event) {
            if case .instanceGone(let id, _) = event {
                world.capacities[id] = nil
                for (task, place) in world.running where place.instance == id { world.running[task] = nil }
            }
            if case .instanceReady(let capacity) = event { world.capacities[capacity.id] = capacity }
            log.append(event)
            let actions = allocator.handle(event)
            allActions += actions
            let toKill = world.apply(actions, graph)
            for task in toKill {
                guard let attempt = world.running.removeValue(forKey: task)?.attempt else { continue }
                log.append(.failed(task, attempt: attempt, cause: .cancelled))
                let next = allocator.handle(.failed(task, attempt: attempt, cause: .cancelled))
                allActions += next
                _ = world.apply(next, graph)
            }
        }

        var machines = 0
        for instance in Set(plan?.assignments.map(\.instance) ?? []).sorted() {
            send(.instanceReady(.init(instance, cpus: 4, memoryBytes: 9e9)))
        }
        var steps = 0
        while world.ending == nil, steps < 20_000 {
            steps += 1
            let calm = steps > 5000
            let someone = world.running.sorted { $0.key < $1.key }.randomElement(using: &generator)
            switch Int.random(in: 0..<100, using: &generator) {
            case 0..<10 where !calm, _ where world.capacities.isEmpty:
                machines += 1
                let cpus = Double(Int.random(in: 4...8, using: &generator))
                send(.instanceReady(.init(InstanceID("m\(machines)"), cpus: cpus, memoryBytes: 9e9)))
            case 10..<16 where !calm:
                guard let id = world.capacities.keys.sorted().randomElement(using: &generator) else { continue }
                send(.instanceGone(id, cause: .reclaimed))
            case 16..<22 where !calm && isHarsh:
                guard let (task, place) = someone else { continue }
                world.running[task] = nil
                let cause = FailureCause.ofAttempts.randomElement(using: &generator) ?? .lost
                send(.failed(task, attempt: place.attempt, cause: cause))
            case 22..<28:  // late and foreign reports
                guard let task = graph.tasks.randomElement(using: &generator)?.id else { continue }
                let attempt = world.running[task].map { $0.attempt - 1 } ?? 1
                send(.finished(task, attempt: attempt))
                send(.failed(task, attempt: attempt + 7, cause: .programError))
            default:
                guard let (task, place) = someone else { continue }
                world.running[task] = nil
                world.succeeded.insert(task)
                send(.finished(task, attempt: place.attempt))
            }
        }
        let ending = try #require(world.ending, "the job did not end")
        #expect(allocator.ending == ending && world.running.isEmpty)
        #expect(allocator.finishedCount == world.succeeded.count)
        if ending == .succeeded {
            #expect(world.succeeded.count == graph.count)
        } else {
            #expect(!world.givenUp.isEmpty)
            if options.keepsGoing {
                #expect(world.succeeded.count + world.givenUp.count + world.skipped.count == graph.count)
            }
        }
        if !isHarsh { #expect(ending == .succeeded, "reclaims alone never fail a job") }

        // The same events again give the same actions.
        var replay = Allocator(graph, plan: plan, options: options, largestMemory: 9e9)
        #expect(log.flatMap { replay.handle($0) } == allActions)
    }

    private let chain: TaskGraph
    private let machine = Allocator.Capacity("m", cpus: 2, memoryBytes: 100)

    init() throws {
        chain = try TaskGraph([
            TaskSpec(id: "a", request: .init(memoryBytes: 30)),
            TaskSpec(id: "b", predecessors: ["a"]),
            TaskSpec(id: "c", predecessors: ["b"]),
        ])
    }

    @Test("a failure is repeated up to the limit, then those that wait are skipped")
    func retries() {
        var allocator = Allocator(chain, options: .init(policy: .standard.with(retries: 1)))
        #expect(
            allocator.handle(.instanceReady(machine)) == [.start("a", on: "m", attempt: 1, cpus: 1, memoryBytes: 30)])
        #expect(
            allocator.handle(.failed("a", attempt: 1, cause: .programError)) == [
                .start("a", on: "m", attempt: 2, cpus: 1, memoryBytes: 30)
            ])
        #expect(
            allocator.handle(.failed("a", attempt: 2, cause: .programError)) == [
                .giveUp("a", .programError), .skip("b"), .skip("c"), .end(.failed),
            ])
        #expect(allocator.handle(.cancel).isEmpty)
    }

    @Test("out of memory gets more, up to the largest; then it is hopeless")
    func memory() {
        var allocator = Allocator(chain, options: .init(policy: .standard.with(retries: 9)), largestMemory: 100)
        _ = allocator.handle(.instanceReady(machine))
        for (attempt, memory) in [(1, 60.0), (2, 100.0)] {
            #expect(
                allocator.handle(.failed("a", attempt: attempt, cause: .outOfMemory)) == [
                    .start("a", on: "m", attempt: attempt + 1, cpus: 1, memoryBytes: memory)
                ])
        }
        #expect(allocator.handle(.failed("a", attempt: 3, cause: .outOfMemory)).first == .giveUp("a", .outOfMemory))
    }

    @Test("reclaims never count, losses up to their own limit")
    func reclaims() {
        var policy = RetryPolicy.standard.with(retries: 0)
        policy[.lost].retries = 2
        var allocator = Allocator(chain, options: .init(policy: policy))
        _ = allocator.handle(.instanceReady(machine))
        for attempt in 1...50 {
            #expect(allocator.handle(.instanceGone("m", cause: .reclaimed)).isEmpty)
            let actions = allocator.handle(.instanceReady(machine))
            #expect(actions == [.start("a", on: "m", attempt: attempt + 1, cpus: 1, memoryBytes: 30)])
        }
        for attempt in 51...52 { #expect(allocator.handle(.failed("a", attempt: attempt, cause: .lost)).count == 1) }
        #expect(allocator.handle(.failed("a", attempt: 53, cause: .lost)).first == .giveUp("a", .lost))
    }

    /// The memory and time limit of the start among the actions; `nil` without one.
    private func request(_ actions: [Allocator.Action]) -> [Double]? {
        for case .start(_, _, _, _, let memory, let time) in actions { return [memory, time ?? -1] }
        return nil
    }

    @Test("every cause is answered as its row of the table says, until its limit", arguments: FailureCause.ofAttempts)
    func table(cause: FailureCause) throws {
        let graph = try TaskGraph([TaskSpec(id: "a", request: .init(memoryBytes: 10, timeLimitSeconds: 100))])
        var allocator = Allocator(graph, largestMemory: 1000, memorySteps: ["a": [8, 15, 40]])
        var given = [try #require(request(allocator.handle(.instanceReady(.init("m", cpus: 1, memoryBytes: 1000)))))]
        for attempt in 1...30 {
            guard let next = request(allocator.handle(.failed("a", attempt: attempt, cause: cause))) else { break }
            given.append(next)
        }
        switch cause {
        case .reclaimed, .cancelled, .noCapacity: #expect(given == Array(repeating: [10, 100], count: 31))
        case .lost: #expect(given == Array(repeating: [10, 100], count: 11))
        case .outOfMemory: #expect(given == [[10, 100], [15, 100], [40, 100], [80, 100]])
        case .timeLimit: #expect(given == [[10, 100], [10, 200], [10, 400]])
        case .programError: #expect(given == [[10, 100], [10, 100]])
        }
    }

    @Test("time grows up to its cap, and no further")
    func timeCap() throws {
        let graph = try TaskGraph([TaskSpec(id: "a", request: .init(timeLimitSeconds: 100))])
        var policy = RetryPolicy.standard
        policy[.timeLimit] = .init(retries: nil, timeGrowth: 2, mostTime: 3)
        var allocator = Allocator(graph, options: .init(policy: policy))
        _ = allocator.handle(.instanceReady(machine))
        #expect(request(allocator.handle(.failed("a", attempt: 1, cause: .timeLimit))) == [0, 200])
        #expect(request(allocator.handle(.failed("a", attempt: 2, cause: .timeLimit))) == [0, 300])
        #expect(allocator.handle(.failed("a", attempt: 3, cause: .timeLimit)).first == .giveUp("a", .timeLimit))
    }

    @Test("a task's own limit counts all that it is to blame for, and nothing else")
    func ownLimit() throws {
        let graph = try TaskGraph([TaskSpec(id: "a", request: .init(memoryBytes: 1), retries: 2)])
        var allocator = Allocator(graph)
        _ = allocator.handle(.instanceReady(machine))
        let causes: [FailureCause] = [.outOfMemory, .reclaimed, .lost, .programError, .reclaimed]
        for (index, cause) in causes.enumerated() {
            #expect(request(allocator.handle(.failed("a", attempt: index + 1, cause: cause))) != nil, "\(cause)")
        }
        #expect(
            allocator.handle(.failed("a", attempt: 6, cause: .outOfMemory)).first == .giveUp("a", .outOfMemory))
    }

    @Test("elsewhere is another instance, if one can hold the task")
    func elsewhere() throws {
        let graph = try TaskGraph([TaskSpec(id: "a", request: .init(cpus: 2))])
        var allocator = Allocator(graph)
        func place(_ actions: [Allocator.Action]) -> InstanceID? {
            for case .start(_, let instance, _, _, _, _) in actions { return instance }
            return nil
        }
        #expect(place(allocator.handle(.instanceReady(machine))) == "m")
        #expect(place(allocator.handle(.instanceReady(.init("small", cpus: 1, memoryBytes: 100)))) == nil)
        // Alone it would stay; the small one cannot hold it.
        #expect(place(allocator.handle(.failed("a", attempt: 1, cause: .reclaimed))) == "m")
        _ = allocator.handle(.instanceReady(.init("other", cpus: 2, memoryBytes: 100)))
        #expect(place(allocator.handle(.failed("a", attempt: 2, cause: .reclaimed))) == "other")
        #expect(place(allocator.handle(.failed("a", attempt: 3, cause: .reclaimed))) == "m")
    }

    @Test("an alert is answered as the table says", arguments: RetryPolicy.Reaction.allCases)
    func alerts(reaction: RetryPolicy.Reaction) {
        var allocator = Allocator(
            chain, options: .init(policy: RetryPolicy(memoryAlert: reaction, timeAlert: .ignore)))
        _ = allocator.handle(.instanceReady(machine))
        #expect(allocator.handle(.alert("a", attempt: 1, .time)).isEmpty)
        #expect(allocator.handle(.alert("a", attempt: 2, .memory)).isEmpty)
        let warning = Allocator.Action.warn("a", attempt: 1, .memory, reaction)
        let expected: [Allocator.Action] =
            switch reaction {
            case .ignore: []
            case .warn: [warning]
            case .throttle: [warning, .throttle("a", attempt: 1)]
            case .kill: [warning, .kill("a", attempt: 1, cause: .outOfMemory)]
            }
        #expect(allocator.handle(.alert("a", attempt: 1, .memory)) == expected)
    }

    @Test("a resumed job goes on with the requests that earlier failures led to")
    func resumedRequests() {
        var allocator = Allocator(
            chain, attempts: ["a": 2], failures: ["a": [.outOfMemory, .programError]])
        #expect(request(allocator.handle(.instanceReady(machine))) == [60, -1])
    }

    @Test("a resumed job runs only what is left, and counts attempts on")
    func resume() {
        var allocator = Allocator(chain, finished: ["a"], attempts: ["b": 3])
        #expect(
            allocator.handle(.instanceReady(machine)) == [.start("b", on: "m", attempt: 4, cpus: 1, memoryBytes: 0)])
        _ = allocator.handle(.finished("b", attempt: 4))
        #expect(allocator.handle(.finished("c", attempt: 1)) == [.end(.succeeded)])
        var done = Allocator(chain, finished: ["a", "b", "c"])
        #expect(done.handle(.instanceReady(machine)) == [.end(.succeeded)])
    }

    @Test("an attempt that survived an interruption keeps its place, and its end counts")
    func survivor() {
        var allocator = Allocator(chain, attempts: ["a": 2], running: ["a": ("m", 2)])
        #expect(allocator.handle(.instanceReady(machine)).isEmpty)
        #expect(allocator.state(of: "a") == .running(on: "m", attempt: 2))
        #expect(allocator.handle(.failed("a", attempt: 1, cause: .lost)).isEmpty)
        #expect(
            allocator.handle(.finished("a", attempt: 2)) == [.start("b", on: "m", attempt: 1, cpus: 1, memoryBytes: 0)])
    }

    @Test("a survivor takes up room")
    func survivorsRoom() throws {
        let graph = try TaskGraph([TaskSpec(id: "a", request: .init(cpus: 2)), TaskSpec(id: "b")])
        var allocator = Allocator(graph, running: ["a": ("m", 1)])
        #expect(allocator.handle(.instanceReady(machine)).isEmpty)
        #expect(allocator.handle(.failed("a", attempt: 1, cause: .reclaimed)).count == 1)
    }

    @Test("cancel kills what runs and ends when it is gone")
    func cancel() {
        var allocator = Allocator(chain)
        _ = allocator.handle(.instanceReady(machine))
        #expect(allocator.handle(.cancel) == [.kill("a", attempt: 1, cause: .cancelled)])
        #expect(allocator.handle(.failed("a", attempt: 1, cause: .cancelled)) == [.end(.cancelled)])
    }

    @Test("a planned task waits for its instance, and goes anywhere once that is gone")
    func planned() throws {
        let graph = try TaskGraph([TaskSpec(id: "a", claimedSeconds: 1)])
        let type = InstanceType(name: "x", cpus: 1, memoryBytes: 1e9)
        let plan = try Planner(graph, on: .init(entries: [.init(type: type)]), costs: .claimed(by: graph)).plan(
            Goal(.time))
        var allocator = Allocator(graph, plan: plan)
        #expect(allocator.handle(.instanceReady(machine)).isEmpty)
        #expect(
            allocator.handle(.instanceGone("x#0", cause: .reclaimed)) == [
                .start("a", on: "m", attempt: 1, cpus: 1, memoryBytes: 0)
            ])
    }

    @Test("the most urgent goes first; a task that does not fit lets smaller ones pass")
    func urgency() throws {
        let graph = try TaskGraph([
            TaskSpec(id: "tail"), TaskSpec(id: "head"), TaskSpec(id: "next", predecessors: ["head"]),
            TaskSpec(id: "vip", priority: 1), TaskSpec(id: "huge", request: .init(cpus: 3), priority: 2),
        ])
        var allocator = Allocator(graph)
        let started = allocator.handle(.instanceReady(machine)).compactMap { action in
            if case .start(let task, _, _, _, _, _) = action { task } else { nil }
        }
        #expect(started == ["vip", "head"])
        let large = Allocator.Capacity("l", cpus: 4, memoryBytes: 1)
        let more = allocator.handle(.instanceReady(large)).compactMap { action in
            if case .start(let task, _, _, _, _, _) = action { task } else { nil }
        }
        #expect(more == ["huge", "tail"])
    }

    @Test("a hundred thousand ready tasks are dispatched: the rate is printed", .timeLimit(.minutes(5)))
    func speed() throws {
        let graph = try TaskGraph(
            (0..<100_000).map { TaskSpec(id: TaskID("t\($0)"), request: .init(memoryBytes: Double($0))) })
        var allocator = Allocator(graph)
        var queue = allocator.handle(.instanceReady(.init("m", cpus: 2, memoryBytes: 1e6)))
        let seconds = ContinuousClock().measure {
            while let action = queue.popLast() {
                if case .start(let task, _, let attempt, _, _, _) = action {
                    queue += allocator.handle(.finished(task, attempt: attempt))
                }
            }
        }
        #expect(allocator.ending == .succeeded)
        print(
            "allocator: \(100_000 / (Double(seconds.components.seconds) + Double(seconds.components.attoseconds) / 1e18)) tasks/s"
        )
    }
}
