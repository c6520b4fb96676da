import Allocation
import Scheduling
import TestSupport
import Testing
import Workloads

@Suite("Tenants") struct TenantTests {
    private let offers = [
        offer("m", count: 2, price: 1), offer("l", cpus: 8, memory: 30e9, count: 1, speed: 2, price: 4),
        offer("s", cpus: 4, memory: 9e9, count: 3, speed: 0.5, purchase: .spot, price: 0.1, openSeconds: 3),
    ]

    /// What attempts of each tenant cost and occupy by the books of the world, at the prices when they started.
    private struct Books {
        var prices: [TaskIndex: Double] = [:]
        var starts = 0

        /// Follows the last decisions one by one from the state before them.
        mutating func follow(_ actions: some Sequence<Action>, from state: RunState) {
            var state = state
            for action in actions {
                if case .start(let attempt, let instance, let grant, _) = action {
                    starts += 1
                    let offer = state.instances.offer[Int(instance)]
                    prices[attempt.task] = state.pricePerHour(grant.resources, on: offer)
                    expectThrift(attempt.task, grant.resources, on: offer, state)
                }
                let holds = state.apply(action)
                #expect(holds)
            }
        }

        /// A task of low priority starts where it costs least of all places that have room.
        private func expectThrift(
            _ task: TaskIndex, _ request: Resources, on offer: OfferIndex, _ state: RunState
        ) {
            guard state.tasks.priority[Int(task)] < 0 else { return }
            let tenant = state.tenants[Int(state.jobs[Int(state.tasks.job[Int(task)])].tenant)]
            func price(_ offer: OfferIndex) -> Double {
                state.pricePerHour(request, on: offer) / state.offers[Int(offer)].type.speed
            }
            for other in 0..<state.instances.count
            where state.instances.phase[other] == .open && request.fits(in: state.instances.free[other]) {
                let offered = state.instances.offer[other]
                let more = tenant.pricePerHour + state.pricePerHour(request, on: offered)
                if let quota = tenant.quota, more > quota.pricePerHour { continue }
                #expect(
                    price(offer) <= price(offered) + 1e-12
                        || state.tasks.avoided[Int(task)] == InstanceIndex(other))
            }
        }
    }

    @Test(
        "with quotas in a storm: none is exceeded, every job ends, and only what exceeds one alone is given up",
        arguments: UInt64(0)..<90)
    func storm(seed: UInt64) throws {
        var generator = TestGenerator(seed: seed)
        let quotas = [
            Quota(resources: Resources(cpus: 3, memoryBytes: 12e9, gpus: .infinity, storageBytes: .infinity)),
            Quota(pricePerHour: Double.random(in: 0.05...2, using: &generator)), nil,
        ]
        let graphs = try (0..<Int.random(in: 2...6, using: &generator)).map {
            try randomGraph(Int.random(in: 1...30, using: &generator), seed: seed &* 11 &+ UInt64($0))
        }
        let isPlanned = seed % 3 == 2
        // Reservations and plans may keep a task of low priority from the cheapest place.
        let isThrifty = seed % 3 == 0
        var empty = Allocator(offers: offers, policies: StormTests.policies(seed, retries: 3), halfLifeSeconds: 20)
        for (index, graph) in graphs.enumerated() {
            empty.add(
                Job(graph, tenant: "t\(index % 3)", weight: Double(1 + index % 3), quota: quotas[index % 3]),
                estimates: Estimates(expectedSeconds: Array(repeating: 3, count: graph.count)))
        }
        var world = TestWorld(empty, graphs)
        var books = Books()
        func expectQuotas() {
            for (tenant, quota) in quotas.enumerated() {
                guard let quota else { continue }
                let own = world.running.filter { Int(world.allocator.state.tasks.job[Int($0.key)]) % 3 == tenant }
                let used = own.values.reduce(Resources.zero) { $0 + $1.grant.resources }
                #expect(used.fits(in: quota.resources))
                let price = own.keys.reduce(0) { $0 + (books.prices[$1] ?? .infinity) }
                #expect(price <= quota.pricePerHour * (1 + 1e-6))
            }
        }
        func note(_ actions: some Sequence<Action>) {
            let state = world.allocator.state
            for case .start(let attempt, let instance, let grant, _) in actions {
                let offer = state.instances.offer[Int(instance)]
                books.prices[attempt.task] = state.pricePerHour(grant.resources, on: offer)
                books.starts += 1
            }
        }
        func send(_ events: [Event]) throws {
            let (state, count) = (world.allocator.state, world.actions.count)
            try world.send(events)
            var applied = state
            for event in events { applied.apply(event, at: world.now) }
            var followed = books
            if isThrifty {
                followed.follow(world.actions[count...], from: applied)
            } else {
                note(world.actions[count...])
                followed = books
            }
            books = followed
            expectQuotas()
        }
        for (index, graph) in graphs.enumerated() {
            if isPlanned, index % 2 == 0 {
                let plan = StormTests.randomPlan(graph, offers: offers.count, &generator, now: 0)
                try send([.planned(JobIndex(index), plan)])
            }
            try send([.admitted(JobIndex(index))])
        }
        for step in 0..<20_000 where world.endings.count < graphs.count {
            world.now += Double.random(in: 0...1, using: &generator)
            if world.now >= world.wakeSeconds {
                world.wakeSeconds = .infinity
                try send([.timer])
            }
            while let (job, _) = world.replans.popLast() {
                guard world.endings[job] == nil else { continue }
                let plan = StormTests.randomPlan(graphs[Int(job)], offers: offers.count, &generator, now: world.now)
                try send([.planned(job, plan)])
            }
            while let instance = world.closing.popLast() {
                world.opening[instance] = nil
                world.rooms[instance] = nil
                for (task, attempt) in world.running where attempt.instance == instance { world.running[task] = nil }
                try send([.closed(instance, nil)])
            }
            let instance = world.rooms.keys.sorted().randomElement(using: &generator)
            switch Int.random(in: 0..<20, using: &generator) {
            case 0..<8:
                guard let next = world.opening.keys.min(), let offer = world.opening.removeValue(forKey: next) else {
                    continue
                }
                let room = offers[Int(offer)].capacity
                world.rooms[next] = room
                try send([.opened(next, room)])
            case 8 where step < 800:
                guard let instance else { continue }
                world.rooms[instance] = nil
                for (task, attempt) in world.running where attempt.instance == instance { world.running[task] = nil }
                try send([.closed(instance, .reclaimed)])
            case 9 where step < 800:
                let offer = OfferIndex(Int.random(in: 0..<offers.count, using: &generator))
                try send([.priced(offer, Price(perHour: Double.random(in: 0...2, using: &generator)))])
            case 10 where step % 5 == 0:
                let count = world.actions.count
                try world.crash(empty)
                note(world.actions[count...])
            default:
                guard let task = world.running.keys.sorted().randomElement(using: &generator),
                    let attempt = world.running.removeValue(forKey: task)
                else { continue }
                world.succeeded.insert(task)
                try send([.finished(AttemptID(task, attempt.number))])
            }
        }
        #expect(world.endings.count == graphs.count, "a job did not end")
        #expect(books.starts >= world.succeeded.count && world.succeeded.count > 0)
        let state = world.allocator.state
        for (task, cause) in world.givenUp {
            let quota = quotas[Int(state.tasks.job[Int(task)]) % 3]
            let request = state.tasks.request[Int(task)]
            #expect(cause == .noCapacity && quota != nil)
            let isBeyond = !request.fits(in: quota?.resources ?? .zero)
            #expect(isBeyond || (quota?.pricePerHour ?? 0) < .infinity, "\(request) was given up within its quota")
        }
        var replay = empty
        #expect(world.handled.flatMap { replay.handle($0.events, at: $0.seconds) } == world.actions)
    }

    @Test("what tenants that always have work get comes near their shares", arguments: UInt64(0)..<6)
    func convergence(seed: UInt64) throws {
        var generator = TestGenerator(seed: seed)
        let placement: any Placement = seed % 2 == 0 ? Backfilling(.fairShare) : BestFit(.fairShare)
        var allocator = Allocator(
            offers: [offer(cpus: 16, memory: 64e9, count: 2)], policies: Policies(placement: placement),
            halfLifeSeconds: 100)
        let weights = (0..<3).map { _ in Double.random(in: 1...4, using: &generator) }
        // Tasks of one tenant are wide or long, those of another are many.
        let cpus = [1.0, 2, 1].shuffled(using: &generator)
        let seconds = (0..<3).map { _ in Double.random(in: 1...6, using: &generator) }
        let graphs = try (0..<3).map { tenant in
            try TaskGraph(
                (0..<1000).map {
                    TaskSpec(id: TaskID("t\($0)"), request: .init(cpus: cpus[tenant]), priority: $0 % 3 - 1)
                })
        }
        for tenant in 0..<3 { allocator.add(Job(graphs[tenant], tenant: "t\(tenant)", weight: weights[tenant])) }
        var world = TestWorld(allocator, graphs)
        try world.send([.admitted(0), .admitted(1), .admitted(2)])
        try world.openAll()
        var (used, ends) = ([0.0, 0, 0], [TaskIndex: Double]())
        for _ in 0..<1000 {
            for task in world.running.keys.sorted() where ends[task] == nil {
                let own = seconds[Int(task) / 1000] * Double.random(in: 0.5...1.5, using: &generator)
                ends[task] = world.now + own
                used[Int(task) / 1000] += own * cpus[Int(task) / 1000]
            }
            guard let next = world.running.keys.min(by: { (ends[$0] ?? 0, $0) < (ends[$1] ?? 0, $1) }) else { break }
            world.now = ends[next] ?? world.now
            try world.finish(next)
        }
        #expect((0..<3).allSatisfy { world.allocator.state.jobs[$0].ready > 0 }, "a tenant had no work left")
        let (whole, weight) = (used.reduce(0, +), weights.reduce(0, +))
        for tenant in 0..<3 {
            #expect(abs(used[tenant] / whole - weights[tenant] / weight) < 0.04, "\(used), \(weights)")
        }
    }

    @Test("a wide task is not passed for ever by smaller ones of its own tenant, and others use the rest")
    func wideWithinQuota() throws {
        let wide = TaskSpec(id: "wide", request: .init(cpus: 4), priority: 1)
        let small = try TaskGraph((0..<100).map { TaskSpec(id: TaskID("s\($0)")) } + [wide])
        let others = try TaskGraph((0..<50).map { TaskSpec(id: TaskID("o\($0)")) })
        let four = Resources(cpus: 4, memoryBytes: .infinity, gpus: .infinity, storageBytes: .infinity)
        for placement in [BestFit() as any Placement, Backfilling(), Rescheduling()] {
            var allocator = Allocator(offers: [offer(cpus: 8)], policies: Policies(placement: placement))
            allocator.add(Job(small, tenant: "a", quota: Quota(resources: four)))
            allocator.add(Job(others, tenant: "b"))
            var world = TestWorld(allocator, [small, others])
            try world.send([.admitted(0), .admitted(1)])
            try world.openAll()
            #expect(world.running.keys.contains(100) && world.running.count == 5, "the most urgent first")
            try world.finish(100)
            #expect(world.running.keys.count { $0 < 100 } == 4 && world.running.keys.count { $0 > 100 } == 4)
        }
        // Ready while four small ones run: after at most four of them it starts.
        let late = try TaskGraph(
            (0..<100).map { TaskSpec(id: TaskID("s\($0)"), priority: $0 == 0 ? 2 : 0) } + [
                TaskSpec(id: "wide", predecessors: ["s0"], request: .init(cpus: 4), priority: 1)
            ])
        var allocator = Allocator(offers: [offer(cpus: 8)], policies: Policies(placement: BestFit()))
        allocator.add(Job(late, tenant: "a", quota: Quota(resources: four)))
        var world = TestWorld(allocator, [late])
        try world.send([.admitted(0)])
        try world.openAll()
        try world.finish(0)
        for _ in 0..<3 { try world.finish(world.running.keys.min() ?? -1) }
        #expect(Array(world.running.keys) == [100])
    }

    @Test("when the first tenant with a quota comes, what was scheduled before goes on")
    func lateQuota() throws {
        let graphs = try (0..<2).map { _ in try TaskGraph((0..<30).map { TaskSpec(id: TaskID("t\($0)")) }) }
        var allocator = Allocator(offers: [offer(cpus: 8)], policies: Policies(placement: Rescheduling()))
        allocator.add(Job(graphs[0], tenant: "a"))
        var world = TestWorld(allocator, graphs)
        try world.send([.admitted(0)])
        try world.openAll()
        #expect(world.running.count == 8)
        world.allocator.add(Job(graphs[1], tenant: "b", quota: Quota(resources: Resources(cpus: 2, memoryBytes: 1e12))))
        try world.send([.admitted(1)])
        while let task = world.running.keys.min() {
            world.now += 1
            try world.finish(task)
            #expect(world.running.keys.count { $0 >= 30 } <= 2)
        }
        #expect(world.endings == [0: .succeeded, 1: .succeeded])
    }

    @Test("what exceeds the quota of its tenant alone is given up, and keeps nothing else from running")
    func beyondQuota() throws {
        let graph = try TaskGraph([
            TaskSpec(id: "wide", request: .init(cpus: 3), priority: 9), TaskSpec(id: "a"), TaskSpec(id: "b"),
        ])
        for quota in [
            Quota(resources: Resources(cpus: 2, memoryBytes: .infinity, gpus: .infinity, storageBytes: .infinity)),
            Quota(pricePerHour: 2),
        ] {
            var allocator = Allocator(offers: [offer(cpus: 4, price: 4)])
            allocator.add(Job(graph, tenant: "a", quota: quota))
            var world = TestWorld(allocator, [graph])
            try world.send([.admitted(0)])
            try world.openAll()
            #expect(world.givenUp == [0: .noCapacity] && world.running.keys.sorted() == [1, 2])
            try world.finish(1)
            try world.finish(2)
            #expect(world.endings == [0: .infeasible])
        }
    }

    @Test("a task of low priority takes the cheap instance though a faster one is free; the others do not")
    func thrift() throws {
        let graph = try TaskGraph([TaskSpec(id: "low", priority: -1), TaskSpec(id: "high")])
        var allocator = Allocator(offers: [
            offer("fast", cpus: 1, speed: 4, price: 8), offer("cheap", cpus: 2, speed: 1, price: 0.5),
        ])
        allocator.add(Job(graph))
        var world = TestWorld(allocator, [graph])
        try world.send([.admitted(0)])
        try world.openAll()
        let state = world.allocator.state
        #expect(world.running.count == 2)
        #expect(state.instances.offer[Int(state.tasks.instance[0])] == 1)
        #expect(state.instances.offer[Int(state.tasks.instance[1])] == 0)
    }

    @Test("an event costs steps bounded by the logarithm of the tasks and the number of tenants")
    func countedSteps() throws {
        func steps(tasks: Int, tenants: Int) throws -> Double {
            var allocator = Allocator(
                offers: [offer(cpus: 4, count: 100)], policies: Policies(placement: BestFit(.fairShare)))
            for tenant in 0..<tenants {
                let graph = try TaskGraph((0..<tasks / tenants).map { TaskSpec(id: TaskID("t\($0)")) })
                let most = Resources(
                    cpus: 400 / Double(tenants) / 2, memoryBytes: .infinity, gpus: .infinity, storageBytes: .infinity)
                allocator.add(Job(graph, tenant: "t\(tenant)", quota: tenant % 2 == 0 ? Quota(resources: most) : nil))
            }
            _ = allocator.handle((0..<JobIndex(tenants)).map { .admitted($0) }, at: 0)
            let room = allocator.state.offers[0].capacity
            _ = allocator.handle((0..<InstanceIndex(100)).map { .opened($0, room) }, at: 1)
            func count() -> Int { (allocator.policies.placement as? BestFit)?.steps ?? .max }
            let before = count()
            var generator = TestGenerator(seed: 3)
            for event in 0..<1000 {
                let running = allocator.state.instances.running.flatMap(\.self)
                guard let task = running.randomElement(using: &generator) else { break }
                _ = allocator.handle([.finished(allocator.state.attempt(at: task))], at: 2 + Double(event))
            }
            return Double(count() - before) / 1000
        }
        let (few, many) = (try steps(tasks: 2000, tenants: 4), try steps(tasks: 32_000, tenants: 4))
        #expect(many < 1.6 * few + 8, "\(few) steps with few tasks, \(many) with many")
        #expect(try steps(tasks: 4000, tenants: 40) < few + 8 * 40)
    }
}
