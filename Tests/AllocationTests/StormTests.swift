import Allocation
import Scheduling
import TestSupport
import Testing
import Workloads

@Suite("Allocator in a storm") struct StormTests {
    /// One of the placements, by number.
    static func policies(_ seed: UInt64, retries: Int) -> Policies {
        let order: Order = [.rank, .deadline, .fairShare][Int(seed / 3 % 3)]
        let placement: any Placement =
            switch seed % 3 {
            case 0 where seed % 2 == 1: LearnedPlacement(randomRule(seed))
            case 0: BestFit(order)
            case 1: Backfilling(order)
            default: Rescheduling(order)
            }
        let demand = DemandForecast(
            stepSeconds: 30, mean: [Resources(cpus: 6), Resources(cpus: 1)],
            deviation: [Resources(cpus: 3), Resources(cpus: 2)], repeats: true)
        let provisioning: any Provisioning =
            switch seed {
            case _ where seed % 13 == 5: ReservedPool(demand, level: 0.8)
            case _ where seed % 3 == 2: AsRented()
            default: FixedPool()
            }
        return Policies(
            placement: placement, provisioning: provisioning,
            recovery: Recovery(
                .standard.with(retries: retries), largest: Resources(cpus: 64, memoryBytes: 30e9, gpus: 8)),
            replanning: seed % 2 == 0 ? .whenInDanger(patienceSeconds: 5) : .never,
            following: seed % 11 == 3 && seed % 7 > 0
                ? Following([Rescheduling(order), BestFit(order)], playouts: 2, leastGain: 0, noise: 0.5) : nil)
    }

    /// A rule that wants anything.
    static func randomRule(_ seed: UInt64) -> PairRule {
        var generator = TestGenerator(seed: seed)
        return PairRule(
            weights: PairFeatures.names.map { _ in Float.random(in: -3...3, using: &generator) },
            skew: Float.random(in: -2...2, using: &generator), skewByLoad: Float.random(in: -1...1, using: &generator))
    }

    /// A plan that puts tasks on slots at random: the allocator must survive any.
    static func randomPlan(_ graph: TaskGraph, offers: Int, _ generator: inout TestGenerator, now: Double)
        -> Assignments
    {
        let slots = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
            Assignments.Slot(
                offer: OfferIndex(Int.random(in: 0..<offers, using: &generator)),
                startSeconds: now + Double.random(in: 0...20, using: &generator))
        }
        var order = [Int32](repeating: 0, count: graph.count)
        for (place, task) in graph.topologicalOrder.enumerated() { order[task] = Int32(place) }
        return Assignments(
            slots: slots,
            slotOfTask: (0..<graph.count).map { _ in Int32(Int.random(in: -1..<slots.count, using: &generator)) },
            order: order, endSeconds: now + 50)
    }

    @Test(
        "no task is lost or run twice, every invariant holds after every step, and the jobs end",
        arguments: UInt64(0)..<300)
    func storm(seed: UInt64) throws {
        var generator = TestGenerator(seed: seed)
        let graphs = try (0..<Int.random(in: 1...3, using: &generator)).map {
            try randomGraph(Int.random(in: 1...40, using: &generator), seed: seed &* 7 &+ UInt64($0)).mapTasks {
                index, task in
                task.speculate = seed % 7 < 4 && index % 3 > 0
            }
        }
        let retries = Int.random(in: 0...3, using: &generator)
        let isHarsh = seed % 4 == 0
        let offers = [
            offer("m", count: 2), offer("l", cpus: 8, memory: 30e9, count: 1, price: 2),
            offer("s", cpus: 4, memory: 9e9, count: 3, purchase: .spot, price: 0.1, openSeconds: 3),
        ]
        var empty = Allocator(
            offers: offers, policies: Self.policies(seed, retries: retries), keepsGoing: seed % 5 != 0)
        for (index, graph) in graphs.enumerated() {
            empty.add(
                Job(graph, tenant: "t\(index % 2)", goal: Goal(.balanced, deadlineSeconds: index == 0 ? 60 : nil)),
                estimates: seed % 7 < 4 ? Estimates(claimedBy: graph) : nil,
                flow: seed % 2 == 0 ? DataFlow(graph, over: Network(latencySeconds: 1)) : nil)
        }
        var world = TestWorld(empty, graphs)
        for (index, graph) in graphs.enumerated() {
            if seed % 3 == 2 {
                let plan = Self.randomPlan(graph, offers: offers.count, &generator, now: 0)
                try world.send([.planned(JobIndex(index), plan)])
            }
        }
        for index in graphs.indices { try world.send([.admitted(JobIndex(index))]) }

        var steps = 0
        while world.endings.count < graphs.count, steps < 20_000 {
            steps += 1
            world.now += Double.random(in: 0...2, using: &generator)
            let isCalm = steps > 3000
            let task = world.running.keys.sorted().randomElement(using: &generator)
            let instance = world.rooms.keys.sorted().randomElement(using: &generator)
            let opening = world.opening.keys.sorted().randomElement(using: &generator)
            try world.obey()
            // The program may die after every step; every seventh storm it does after each.
            if seed % 7 == 0 ? !isCalm : Int.random(in: 0..<40, using: &generator) == 0 {
                try world.crash(empty)
            }
            if world.now >= world.wakeSeconds {
                world.wakeSeconds = .infinity
                try world.send([.timer])
            }
            while let (job, _) = world.replans.popLast() {
                guard world.endings[job] == nil else { continue }
                let plan = Self.randomPlan(graphs[Int(job)], offers: offers.count, &generator, now: world.now)
                try world.send([.planned(job, plan)])
            }
            switch Int.random(in: 0..<100, using: &generator) {
            case 0..<25:
                guard let opening else { continue }
                if !isCalm, Int.random(in: 0..<4, using: &generator) == 0 {
                    world.opening[opening] = nil
                    try world.send([.refused(opening)])
                } else {
                    try world.open(opening)
                }
            case 25..<30 where !isCalm:
                guard let instance else { continue }
                world.noticed.insert(instance)
                try world.send([.reclaimNotice(instance, at: world.now + 2)])
            case 30..<36 where !isCalm:
                guard let instance = instance ?? opening else { continue }
                try world.close(instance, [.reclaimed, .lost].randomElement(using: &generator))
            case 36..<42 where !isCalm && isHarsh:
                guard let task else { continue }
                try world.fail(task, FailureCause.ofAttempts.randomElement(using: &generator) ?? .lost)
            case 42..<46:  // late and foreign reports
                let count = world.allocator.state.tasks.count
                let foreign = TaskIndex(Int.random(in: 0..<count, using: &generator))
                let number = (world.running[foreign]?.number ?? 1) - 1
                try world.send([
                    .finished(AttemptID(foreign, number)), .failed(AttemptID(foreign, number + 7), .lost),
                    .opened(InstanceIndex(world.allocator.state.instances.count), .zero),
                ])
            case 46..<50:
                guard let task, let running = world.running[task] else { continue }
                try world.send([
                    .alert(AttemptID(task, running.number), .time),
                    .checkpointed(AttemptID(task, running.number), share: Double.random(in: 0...1, using: &generator)),
                ])
            case 50..<51 where isHarsh && seed % 8 == 0:
                try world.send([.cancelled(JobIndex(Int.random(in: 0..<graphs.count, using: &generator)))])
            case 51..<60:
                guard let task = world.copies.keys.sorted().randomElement(using: &generator) else { continue }
                if isCalm || Int.random(in: 0..<3, using: &generator) > 0 {
                    try world.finish(task, copy: true)
                } else {
                    try world.fail(task, [.reclaimed, .lost].randomElement(using: &generator) ?? .lost, copy: true)
                }
            default:
                guard let task else { continue }
                try world.finish(task)
            }
        }
        #expect(world.endings.count == graphs.count, "a job did not end")
        let total = graphs.reduce(0) { $0 + $1.count }
        if world.endings.values.allSatisfy({ $0 == .succeeded }) { #expect(world.succeeded.count == total) }
        if !isHarsh { #expect(world.endings.values.allSatisfy { $0 == .succeeded }, "reclaims alone never fail a job") }
        try world.obey()
        #expect(world.attempts.isEmpty)

        // The same events give the same actions, and folding the facts gives the same state.
        var replay = empty
        #expect(world.handled.flatMap { replay.handle($0.events, at: $0.seconds) } == world.actions)
        var folded = empty
        for fact in world.facts {
            #expect(folded.restore(fact) || fact.isEvent, "\(fact)")
            #expect(Fact("\(fact)") == fact)
        }
        #expect(folded.state.tasks == world.allocator.state.tasks)
        #expect(folded.state.instances == world.allocator.state.instances)
    }
}

extension Fact {
    fileprivate var isEvent: Bool {
        if case .event = what { true } else { false }
    }
}
