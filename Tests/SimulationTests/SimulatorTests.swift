import Allocation
import Execution
import Markets
import Scheduling
import Simulation
import TestSupport
import Testing
import Workloads

@Suite("Simulated runs") struct SimulatorTests {
    private static func graph(_ seed: UInt64) throws -> TaskGraph {
        var generator = TestGenerator(seed: seed)
        return try TaskGraph(
            (0..<30).map { index in
                let before = (0..<min(index, 2)).map { _ in
                    TaskID("t\(Int.random(in: 0..<index, using: &generator))")
                }
                return TaskSpec(
                    id: TaskID("t\(index)"), type: "k", predecessors: Array(Set(before)).sorted(),
                    claimedSeconds: Double.random(in: 60...6000, using: &generator))
            })
    }

    private static let pool = ResourcePool(entries: [
        Offer(
            type: InstanceType(name: "m", cpus: 1, memoryBytes: 1e9, onDemandPrice: Price(perHour: 1)), maximumCount: 3),
        Offer(
            type: InstanceType(
                name: "s", cpus: 1, memoryBytes: 1e9, speed: 1.5, onDemandPrice: Price(perHour: 2),
                spotPrice: Price(perHour: 0.5)), purchase: .spot, maximumCount: 3),
    ])

    private static func simulator(
        _ graph: TaskGraph, _ goal: Goal = Goal(.time), startUpSeconds: Double = 0,
        world: (inout World) -> Void = { _ in }
    ) throws -> (Simulator, Plan) {
        var pool = pool
        for place in pool.entries.indices { pool.entries[place].openSeconds = startUpSeconds }
        let costs = CostModel.claimed(by: graph)
        let plan = try Planner(graph, on: pool, costs: costs).plan(goal)
        let setup = RunSetup(
            graph, offers: pool.entries, policy: .standard, keepsGoing: true, goal: goal, ranks: nil,
            estimates: costs.estimates, plan: plan, startSeconds: 0)
        var found = World(costs.estimates)
        world(&found)
        return (
            Simulator(
                setup.job(graph, name: "w"), estimates: costs.estimates, allocator: setup.allocator, world: found,
                plan: setup.plan), plan
        )
    }

    @Test("without chance a run is its plan: as long and as dear", arguments: UInt64(0)..<20)
    func asPlanned(seed: UInt64) throws {
        for goal in [Goal(.time), Goal(.cost), Goal(.balanced)] {
            let (simulator, plan) = try Self.simulator(Self.graph(seed), goal)
            let run = simulator.run(seed: seed)
            #expect(run.ending == .succeeded && run.attempts == 30 && run.reclaims == 0 && run.plans == 0)
            #expect(abs(run.makespanSeconds - plan.makespanSeconds) < 1e-6 * plan.makespanSeconds)
            // Bills are by the whole second.
            #expect(run.cost >= plan.cost - 1e-9 && run.cost <= plan.cost + 6 * 2.0 / 3600 + 1e-9)
        }
    }

    @Test("where instances take a while to come, the plan says so, and a run is its plan", arguments: UInt64(0)..<5)
    func startUp(seed: UInt64) throws {
        let (simulator, plan) = try Self.simulator(Self.graph(seed), startUpSeconds: 100)
        let run = simulator.run(seed: seed)
        #expect(abs(run.makespanSeconds - plan.makespanSeconds) < 1e-6 * plan.makespanSeconds)
        #expect(plan.instances.allSatisfy { $0.startSeconds >= 100 && $0.requestSeconds == $0.startSeconds - 100 })
        #expect(run.ending == .succeeded && run.plans == 0)
    }

    @Test("equal seeds give equal runs on any number of threads, and others give others")
    func seeds() throws {
        let (simulator, _) = try Self.simulator(Self.graph(1)) {
            ($0.noise, $0.reclaimsPerHour, $0.refusals) = (0.5, [0, 0.4], 0.2)
        }
        let runs = simulator.runs(40, seed: 7)
        #expect(simulator.runs(40, seed: 7, threads: 2) == runs)
        #expect(simulator.run(seed: 9) == runs[2])
        #expect(Set(runs.map(\.makespanSeconds)).count == 40)
        #expect(runs.allSatisfy { $0.ending == .succeeded && $0.attempts >= 30 })
        #expect(runs.contains { $0.reclaims > 0 } && runs.contains { $0.plans > 0 })
    }

    @Test("a chain takes the sum of its times, whose mean is the expected one")
    func mean() throws {
        let chain = try TaskGraph(
            (0..<10).map {
                TaskSpec(id: TaskID("t\($0)"), predecessors: $0 == 0 ? [] : [TaskID("t\($0 - 1)")], claimedSeconds: 100)
            })
        let (simulator, _) = try Self.simulator(chain, Goal(.cost)) { $0.noise = 0.5 }
        let found = Statistics(simulator.runs(4000, seed: 0, threads: 2))
        // One log-normal time of mean 1 has the variance exp(s²) − 1; the mean of 4,000 sums of ten is known to 0.3 %.
        let speed = found.makespanSeconds.mean > 800 ? 1.0 : 1.5
        #expect(abs(found.makespanSeconds.mean * speed / 1000 - 1) < 0.01)
        #expect(found.makespanSeconds.p5 < found.makespanSeconds.median)
    }

    /// Jobs of equal independent tasks on a pool with room for four at a time.
    private static func sharing(_ jobs: [(account: Account, tasks: Int, arrival: Double)]) throws -> Simulator {
        let made = try jobs.enumerated().map { index, item in
            let graph = try TaskGraph((0..<item.tasks).map { TaskSpec(id: TaskID("t\($0)"), claimedSeconds: 10) })
            let account = item.account
            return SimulatedJob(
                Job(
                    graph, name: "j\(index)", tenant: account.tenant, weight: account.weight, quota: account.quota),
                arrivalSeconds: item.arrival, estimates: Estimates(claimedBy: graph))
        }
        let offer = Offer(
            type: InstanceType(name: "m", cpus: 1, memoryBytes: 1e9, onDemandPrice: Price(perHour: 1)), maximumCount: 4)
        var simulator = Simulator(
            made[0].job, estimates: made[0].estimates,
            allocator: Allocator(offers: [offer], policies: Policies(placement: Backfilling(.fairShare))),
            world: World(Estimates(joining: made.map(\.estimates))))
        simulator.others = Array(made.dropFirst())
        return simulator
    }

    @Test("tenants get their parts of a pool while both have work, and what one leaves the other takes")
    func shares() throws {
        let run = try Self.sharing([
            (Account(tenant: "a", weight: 3), 120, 0), (Account(tenant: "b"), 40, 0), (Account(tenant: "b"), 4, 100),
        ]).run(seed: 1)
        #expect(run.ending == .succeeded && run.attempts == 164 && run.jobs.count == 3)
        // 1,640 seconds of work on four machines.
        #expect(abs(run.makespanSeconds - 410) < 1e-6)
        let all = run.jobs.reduce(0) { $0 + $1.contendedUse }
        #expect(abs(run.jobs[0].contendedUse / all - 0.75) < 0.02, "\(run.jobs)")
        #expect(run.jobs[2].arrivalSeconds == 100 && run.jobs[2].endSeconds > 110)
        #expect(run.cost > 0)
    }

    @Test("a quota holds whatever is free, and jobs that come later start later")
    func quotas() throws {
        let quota = Quota(
            resources: Resources(cpus: 1, memoryBytes: .infinity, gpus: .infinity, storageBytes: .infinity))
        let run = try Self.sharing([
            (Account(tenant: "a", quota: quota), 5, 0), (Account(tenant: "b"), 8, 35),
        ]).run(seed: 1)
        // One after the other on four machines; the other tenant has three of them.
        #expect(run.jobs[0].endSeconds == 50 && run.jobs[0].meanWaitSeconds == 20)
        #expect(run.jobs[1].arrivalSeconds == 35 && run.jobs[1].endSeconds == 65, "\(run.jobs[1])")
    }

    @Test("estimates and flows of several jobs are those of each, one after the other")
    func joining() throws {
        let graphs = try [Self.graph(1), Self.graph(2)]
        let parts = graphs.map { Estimates(claimedBy: $0) }
        let joined = Estimates(joining: parts)
        #expect(joined.expectedSeconds == parts[0].expectedSeconds + parts[1].expectedSeconds)
        #expect(joined.memoryQuantiles.count == 60 && joined.secondsQuantiles.isEmpty)
        let run = try Self.sharing([(Account(), 6, 0), (Account(), 6, 0)]).history(seed: 3)
        let tasks = try TaskGraph((0..<6).map { TaskSpec(id: TaskID("t\($0)")) })
        #expect(Set(run.records([tasks, tasks]).map { "\($0.workflow ?? "")/\($0.task ?? "")" }).count == 12)
    }

    @Test("run times may differ as recorded ones did")
    func residuals() throws {
        let graph = try Self.graph(3)
        let (simulator, _) = try Self.simulator(graph) { $0.residuals = graph.tasks.map { _ in [0.5, 2] } }
        for seed in UInt64(0)..<20 {
            for attempt in simulator.history(seed: seed).attempts {
                let expected = graph.tasks[Int(attempt.id.task)].claimedSeconds ?? 0
                let speed = simulator.allocator.state.offers.map(\.type.speed)
                let took = attempt.endSeconds - attempt.startSeconds
                #expect(
                    speed.contains { abs(took * $0 / expected - 0.5) < 1e-6 || abs(took * $0 / expected - 2) < 1e-6 })
            }
        }
    }

    @Test(
        "data that move to another zone take the time of the link between them, and cost what it costs",
        arguments: [false, true])
    func zones(sharesLinks: Bool) throws {
        let graph = try TaskGraph([
            TaskSpec(id: "a", outputs: [FileSpec(path: "f", sizeBytes: 2e9)], claimedSeconds: 10),
            TaskSpec(
                id: "b", predecessors: ["a"], request: Requirements(zones: ["y"]), inputs: [FileSpec(path: "f")],
                claimedSeconds: 5),
        ])
        let offers = ["x", "y"].map { zone in
            Offer(
                type: InstanceType(
                    name: "m", cpus: 1, memoryBytes: 1e9, onDemandPrice: Price(perHour: 0), zones: [zone]), zone: zone)
        }
        let network = Network(
            bytesPerSecond: 1e9, latencySeconds: 1,
            betweenZones: .init(bytesPerSecond: 1e8, latencySeconds: 3, pricePerGigabyte: 0.25))
        let estimates = Estimates(claimedBy: graph)
        var world = World(estimates)
        (world.flow, world.sharesLinks) = (DataFlow(graph, over: network), sharesLinks)
        let plan = Assignments(
            slots: [.init(offer: 0, startSeconds: 0), .init(offer: 1, startSeconds: 0)], slotOfTask: [0, 1],
            order: [0, 1], endSeconds: 0)
        var simulator = Simulator(
            Job(graph), estimates: estimates,
            allocator: Allocator(offers: offers, policies: Policies(placement: ToTheLetter())), world: world,
            plan: plan)
        simulator.flow = world.flow
        let run = simulator.run(seed: 1)
        #expect(abs(run.makespanSeconds - (10 + 3 + 20 + 5)) < 1e-6)
        #expect(abs(run.cost - 0.5) < 1e-9)
    }

    @Test("a share of the instances is taken back within the hour, as the rate says")
    func rate() throws {
        let long = try TaskGraph([TaskSpec(id: "t", claimedSeconds: 1.5 * 3600)])
        let (simulator, _) = try Self.simulator(long, Goal(.cost)) { $0.reclaimsPerHour = [0, 0.3] }
        // On speed 1.5 it takes an hour: it is through with probability 0.7 at once.
        let runs = simulator.runs(4000, seed: 3, threads: 2)
        let undisturbed = Double(runs.count { $0.reclaims == 0 }) / 4000
        #expect(abs(undisturbed - 0.7) < 4 * (0.7 * 0.3 / 4000).squareRoot())
        #expect(runs.allSatisfy { $0.ending == .succeeded })
    }

    @Test("luck belongs to the task, not to the policy: one after the other they take as long in any order")
    func commonLuck() throws {
        // They all fit one processor of one machine only.
        let apart = try TaskGraph((0..<12).map { TaskSpec(id: TaskID("t\($0)"), claimedSeconds: 100) })
        let one = ResourcePool(entries: [Offer(type: InstanceType(name: "m", cpus: 1, memoryBytes: 1e9))])
        func runs(_ ranks: [Double]) throws -> [Double] {
            let estimates = Estimates(claimedBy: apart)
            var world = World(estimates)
            world.noise = 0.5
            let simulator = Simulator(
                Job(apart), estimates: estimates, allocator: Allocator(offers: one.entries), world: world, ranks: ranks)
            return simulator.runs(20, seed: 1).map(\.makespanSeconds)
        }
        let (a, b) = (try runs((0..<12).map(Double.init)), try runs((0..<12).map { -Double($0) }))
        #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-6 } && Set(a).count == 20)
        #expect(PairedDifference(from: a, to: b).halfWidth < 1e-6)
    }

    @Test("quantiles and differences are those of the values")
    func statistics() {
        let spread = Statistics.Spread([4, 1, 3, 2, 5])
        #expect(spread.mean == 3 && spread.median == 3 && abs(spread.p5 - 1.2) < 1e-12 && abs(spread.p95 - 4.8) < 1e-12)
        let difference = PairedDifference(from: [1, 2, 3], to: [2, 4, 6])
        #expect(difference.mean == 2 && abs(difference.halfWidth - 1.96 / 3.0.squareRoot()) < 1e-12)
        #expect(Statistics.Spread([]).mean.isNaN)
    }
}

/// The exact model of machines that run one task at a time, and transfers between them.
@Suite("Simulated transfers") struct TransferTests {
    /// A random job with files, machines of different speed, and a random order on each of them.
    private struct Case {
        var graph: TaskGraph
        var speeds: [Double]
        var machine: [Int]
        var order: [Int]
        var network: Network

        init(seed: UInt64, count: Int) throws {
            var generator = TestGenerator(seed: seed)
            graph = try TaskGraph(
                (0..<count).map { index in
                    let before = Set((0..<min(index, 3)).map { _ in Int.random(in: 0..<index, using: &generator) })
                    return TaskSpec(
                        id: TaskID("t\(index)"), predecessors: before.sorted().map { TaskID("t\($0)") },
                        inputs: before.sorted().map { FileSpec(path: "f\($0)") },
                        outputs: [
                            FileSpec(path: "f\(index)", sizeBytes: Double.random(in: 0...2e6, using: &generator))
                        ],
                        claimedSeconds: Double.random(in: 0.1...5, using: &generator))
                })
            speeds = (0..<3).map { _ in Double.random(in: 0.5...4, using: &generator) }
            machine = (0..<count).map { _ in Int.random(in: 0..<3, using: &generator) }
            order = graph.topologicalOrder
            network = Network(bytesPerSecond: 1e6, latencySeconds: Double.random(in: 0...0.5, using: &generator))
        }

        func bytes(_ from: Int, _ to: Int) -> Double {
            graph.tasks[to].inputs.contains { $0.path == "f\(from)" } ? graph.tasks[from].outputs[0].sizeBytes ?? 0 : 0
        }

        func history(sharesLinks: Bool) -> SimulatedHistory {
            let pool = speeds.enumerated().map {
                Offer(type: InstanceType(name: "m\($0)", cpus: 1, memoryBytes: 1e9, speed: $1))
            }
            let estimates = Estimates(claimedBy: graph)
            var place = [Int32](repeating: 0, count: graph.count)
            for (position, task) in order.enumerated() { place[task] = Int32(position) }
            let plan = Assignments(
                slots: speeds.indices.map { .init(offer: OfferIndex($0), startSeconds: 0) },
                slotOfTask: machine.map { Int32($0) }, order: place, endSeconds: 0)
            var world = World(estimates)
            (world.flow, world.sharesLinks) = (DataFlow(graph, over: network), sharesLinks)
            var simulator = Simulator(
                Job(graph), estimates: estimates,
                allocator: Allocator(offers: pool, policies: Policies(placement: ToTheLetter())), world: world,
                plan: plan)
            simulator.flow = world.flow
            return simulator.history(seed: 1)
        }
    }

    @Test("a fixed plan ends when the machine model says, transfers included", arguments: UInt64(0)..<100)
    func exact(seed: UInt64) throws {
        let item = try Case(seed: seed, count: 25)
        let history = item.history(sharesLinks: false)
        // In order, each task after the one before it on its machine and the arrival of its data.
        var free = [0.0, 0, 0]
        var ends = [Double](repeating: 0, count: 25)
        for task in item.order {
            var start = free[item.machine[task]]
            for source in item.graph.predecessors(of: task) {
                let isHere = item.machine[source] == item.machine[task]
                start = max(start, ends[source] + (isHere ? 0 : item.network.seconds(item.bytes(source, task))))
            }
            ends[task] = start + (item.graph.tasks[task].claimedSeconds ?? 0) / item.speeds[item.machine[task]]
            free[item.machine[task]] = ends[task]
        }
        #expect(history.attempts.count == 25)
        for attempt in history.attempts {
            #expect(abs(attempt.endSeconds - ends[Int(attempt.id.task)]) < 1e-9 * max(1, attempt.endSeconds))
        }
    }

    @Test(
        "the best schedules known take as long as the machine model says, to the letter",
        arguments: PinnedProblem.folders)
    func pinned(folder: String) throws {
        for problem in try PinnedProblem.all(in: folder) {
            let (order, machine) = problem.placed
            var place = [Int32](repeating: 0, count: order.count)
            for (position, task) in order.enumerated() { place[task] = Int32(position) }
            let plan = Assignments(
                slots: problem.machines.indices.map { .init(offer: OfferIndex($0), startSeconds: 0) },
                slotOfTask: machine.map { Int32($0) }, order: place, endSeconds: 0)
            let estimates = Estimates(claimedBy: problem.graph)
            var world = World(estimates)
            world.flow = DataFlow(problem.graph, over: problem.network)
            var simulator = Simulator(
                Job(problem.graph), estimates: estimates,
                allocator: Allocator(
                    offers: problem.pool.entries, policies: Policies(placement: ToTheLetter())), world: world,
                plan: plan)
            simulator.flow = world.flow
            let run = simulator.run(seed: 0)
            #expect(run.ending == .succeeded && run.attempts == problem.graph.count)
            #expect(abs(run.makespanSeconds - problem.bestKnown) <= 1e-9 * problem.bestKnown, "\(problem.id)")
        }
    }

    @Test("transfers that share an instance share its bandwidth equally, step by step", arguments: UInt64(0)..<60)
    func shared(seed: UInt64) throws {
        let item = try Case(seed: seed, count: 8)
        let history = item.history(sharesLinks: true)
        // Brute force: small steps of time.
        let step = 2e-4
        var left = item.graph.tasks.indices.map { ($0, item.graph.tasks[$0].claimedSeconds ?? 0) }.map(\.1)
        var (ends, streams) = (
            [Double](repeating: .infinity, count: 8), [(edge: (Int, Int), from: Double, bytes: Double)]()
        )
        var arrived = Set<[Int]>()
        var now = 0.0
        while ends.contains(.infinity), now < 1000 {
            for machine in 0..<3 {
                guard let task = item.order.first(where: { item.machine[$0] == machine && ends[$0] == .infinity }),
                    item.graph.predecessors(of: task).allSatisfy({
                        ends[$0] <= now && (item.machine[$0] == machine || arrived.contains([$0, task]))
                    })
                else { continue }
                left[task] -= step * item.speeds[machine]
                guard left[task] <= 0 else { continue }
                ends[task] = now + step
                for reader in item.graph.successors(of: task) where item.machine[reader] != machine {
                    streams.append(
                        ((task, reader), now + step + item.network.latencySeconds, item.bytes(task, reader)))
                }
            }
            let moving = streams.indices.filter { streams[$0].from <= now && streams[$0].bytes > 0 }
            let rates = moving.map { index in
                let (from, to) = (item.machine[streams[index].edge.0], item.machine[streams[index].edge.1])
                let leaving = moving.count { item.machine[streams[$0].edge.0] == from }
                let coming = moving.count { item.machine[streams[$0].edge.1] == to }
                return 1e6 / Double(max(leaving, coming))
            }
            for (index, rate) in zip(moving, rates) { streams[index].bytes -= rate * step }
            now += step
            for stream in streams where stream.from <= now && stream.bytes <= 0 {
                arrived.insert([stream.edge.0, stream.edge.1])
            }
        }
        for attempt in history.attempts {
            #expect(abs(attempt.endSeconds - ends[Int(attempt.id.task)]) < 60 * step)
        }
    }
}

@Suite("Re-planning") struct ReplanningStudyTests {
    @Test(
        "scheduling anew from the present wins back a good part of what a fixed plan loses, and loses little without chance"
    )
    func pays() throws {
        var (fixed, clairvoyant, own) = (0.0, 0.0, 0.0)
        for seed in UInt64(0)..<4 {
            var generator = TestGenerator(seed: seed)
            let graph = try TaskGraph(
                (0..<60).map { index in
                    let before = Set(
                        (0..<(index < 8 ? 0 : 2)).map { _ in index - 8 + Int.random(in: 0..<6, using: &generator) })
                    return TaskSpec(
                        id: TaskID("t\(index)"), predecessors: before.sorted().map { TaskID("t\($0)") },
                        inputs: before.sorted().map { FileSpec(path: "f\($0)") },
                        outputs: [FileSpec(path: "f\(index)", sizeBytes: 1e7)],
                        claimedSeconds: Double.random(in: 10...100, using: &generator))
                })
            let pool = ResourcePool(
                entries: (0..<4).map {
                    Offer(type: InstanceType(name: "m\($0)", cpus: 1, memoryBytes: 1e9, speed: 1 + Double($0) / 2))
                })
            func study(noise: Double, reclaims: Double) -> ReplanningStudy {
                ReplanningStudy(
                    graph, on: pool, network: Network(bytesPerSecond: 1e6, latencySeconds: 0.1), noise: noise,
                    reclaims: reclaims, runs: noise > 0 ? 10 : 1, seed: seed, threads: 2,
                    policies: [("anew", Policies(placement: Rescheduling()))])
            }
            let still = study(noise: 0, reclaims: 0)
            #expect(abs(still.fixed[0] - still.plannedSeconds) < 1e-9 * still.plannedSeconds)
            #expect(still.fixed == still.clairvoyant && still.courses[0].makespans[0] <= 1.1 * still.fixed[0])
            let found = study(noise: 0.5, reclaims: 0.05)
            fixed += found.fixed.reduce(0, +) / found.plannedSeconds
            clairvoyant += found.clairvoyant.reduce(0, +) / found.plannedSeconds
            own += found.courses[0].makespans.reduce(0, +) / found.plannedSeconds
            #expect(found.courses[0].attempts > 60)
        }
        #expect((fixed - own) / (fixed - clairvoyant) > 0.3)
    }
}

@Suite("Recorded markets") struct RecordedMarketTests {
    private static func trace(_ counts: [Int], prices: [Double]? = nil) throws -> AvailabilityTrace {
        try AvailabilityTrace(name: "a", stepSeconds: 3600, counts: counts, prices: prices)
    }

    @Test("bills add up hour by hour, and what is recorded begins anew after its end")
    func bills() throws {
        let market = RecordedMarket(try Self.trace([1, 1, 0, 2], prices: [1, 2, 4, 8]))
        #expect(abs((market.dollars(from: 1800, to: 5400) ?? 0) - (0.5 + 1)) < 1e-9)
        #expect(abs((market.dollars(from: 3 * 3600, to: 5 * 3600) ?? 0) - 9) < 1e-9)
        #expect([0, 2, 3, 6].map { market.count(at: Double($0) * 3600 + 1) } == [1, 0, 2, 0])
        #expect(RecordedMarket(try Self.trace([1])).dollars(from: 0, to: 1) == nil)
    }

    @Test("an instance goes when there is none to be had, and no run gets one before there is")
    func availability() throws {
        let graph = try TaskGraph([TaskSpec(id: "t", claimedSeconds: 7200)])
        let type = InstanceType(
            name: "s", cpus: 1, memoryBytes: 1e9, onDemandPrice: Price(perHour: 2), spotPrice: Price(perHour: 1))
        let estimates = Estimates(claimedBy: graph)
        var world = World(estimates, warningSeconds: 0)
        // Twelve hours there, twelve hours gone.
        world.markets = [RecordedMarket(try Self.trace((0..<24).map { $0 < 12 ? 1 : 0 }))]
        let simulator = Simulator(
            Job(graph), estimates: estimates, allocator: Allocator(offers: [Offer(type: type, purchase: .spot)]),
            world: world)
        let runs = simulator.runs(200, seed: 5, threads: 2)
        #expect(runs.allSatisfy { $0.ending == .succeeded })
        // Of 24 hours in which a run may begin, ten are far enough from the gap, in two it is met, in twelve it is waited for.
        let atOnce = Double(runs.count { $0.makespanSeconds < 7201 }) / 200
        let reclaimed = Double(runs.count { $0.reclaims > 0 }) / 200
        #expect(abs(atOnce - 10 / 24) < 0.13 && abs(reclaimed - 2 / 24) < 0.08 && reclaimed > 0)
        #expect(runs.allSatisfy { $0.makespanSeconds < 7200 + 14.5 * 3600 })
    }

    @Test("what an attempt has saved when it is told of a reclaim is not done again", arguments: UInt64(0)..<6)
    func checkpoints(seed: UInt64) throws {
        func attempts(_ spec: CheckpointSpec?) throws -> [SimulatedHistory.Attempt] {
            let graph = try TaskGraph([
                TaskSpec(id: "t", request: .init(checkpoint: spec), claimedSeconds: 20_000)
            ])
            let type = InstanceType(name: "s", cpus: 1, memoryBytes: 1e9)
            let estimates = Estimates(claimedBy: graph)
            let world = World(estimates, reclaimsPerHour: [0.5], warningSeconds: 120)
            return Simulator(
                Job(graph), estimates: estimates, allocator: Allocator(offers: [Offer(type: type, purchase: .spot)]),
                world: world
            ).history(seed: seed).attempts
        }
        let saved = try attempts(CheckpointSpec(.signal(10), saveSeconds: 20))
        let (worked, failed) = (
            saved.reduce(0) { $0 + $1.endSeconds - $1.startSeconds }, saved.count { $0.failure != nil }
        )
        #expect(saved.count == failed + 1)
        // All but the hundred seconds between the save and the reclaim counts.
        #expect(worked >= 20_000 && worked <= 20_000 + 101 * Double(failed))
        // Without that, all that was lost is done again.
        let plain = try attempts(nil)
        let lost = plain.filter { $0.failure != nil }.reduce(0) { $0 + $1.endSeconds - $1.startSeconds }
        #expect(abs(plain.reduce(0) { $0 + $1.endSeconds - $1.startSeconds } - lost - 20_000) < 1e-6)
        #expect(failed == 0 || lost > 101 * Double(failed))
    }
}
