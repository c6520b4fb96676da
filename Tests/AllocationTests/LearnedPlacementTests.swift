import Allocation
import Scheduling
import TestSupport
import Testing
import Workloads

@Suite("A learnt placement") struct LearnedPlacementTests {
    private static func graph(_ tasks: [(id: String, cpus: Double)]) throws -> TaskGraph {
        try TaskGraph(tasks.map { TaskSpec(id: TaskID($0.id), request: .init(cpus: $0.cpus), claimedSeconds: 10) })
    }

    private static func world(
        _ placement: LearnedPlacement, _ graph: TaskGraph, _ offers: [Offer], ranks: [Double]? = nil
    ) throws -> TestWorld {
        var allocator = Allocator(offers: offers, policies: Policies(placement: placement))
        allocator.add(Job(graph), ranks: ranks, estimates: Estimates(claimedBy: graph))
        var world = TestWorld(allocator, [graph])
        try world.send([.admitted(0)])
        try world.openAll()
        return world
    }

    private static func rule(_ weights: [PairFeatures.Name: Float]) -> PairRule {
        var rule = PairRule(weights: Array(repeating: 0, count: PairFeatures.count))
        for (name, weight) in weights { rule[name] = weight }
        return rule
    }

    @Test("what scores highest starts, and where")
    func highest() throws {
        let offers = [offer("slow", cpus: 1), offer("fast", cpus: 1, speed: 4)]
        let graph = try Self.graph([("a", 1), ("b", 1)])
        let byPath = Self.rule([.start: 1, .path: 1, .slowness: -1])
        var world = try Self.world(LearnedPlacement(byPath), graph, offers.reversed(), ranks: [1, 2])
        #expect(world.running[1]?.instance == 0, "the longer path goes to the instance that is there first")
        #expect(world.running[0]?.instance == 1, "the other scores 2 - ln 4 on the slower one")
        let thrifty = Self.rule([.start: 1, .slowness: -10])
        world = try Self.world(LearnedPlacement(thrifty), graph, offers, ranks: [1, 2])
        #expect(world.running.count == 1, "what is slower by 4 scores 1 - 10 ln 4 and waits for the fast instance")
        #expect(world.running.values.first?.instance == 1)
    }

    @Test("what scores below zero starts all the same when nothing else goes on")
    func neverIdle() throws {
        let graph = try Self.graph([("a", 1), ("b", 1), ("c", 1)])
        var world = try Self.world(LearnedPlacement(Self.rule([.start: -5])), graph, [offer(cpus: 4)])
        for _ in 0..<3 {
            #expect(world.running.count == 1)
            let task = try #require(world.running.keys.first)
            world.now += 10
            try world.finish(task)
        }
        #expect(world.endings[0] == .succeeded)
    }

    @Test("a wide task is not passed for ever by a stream of narrow ones")
    func noStarvation() throws {
        let graph = try Self.graph([("wide", 4)] + (0..<400).map { ("n\($0)", 1) })
        var world = try Self.world(LearnedPlacement(Self.rule([.start: 1, .tightness: -1])), graph, [offer(cpus: 4)])
        var ended = 0
        while !world.succeeded.contains(0), ended < 401 {
            let task = try #require(world.running.keys.sorted().first)
            world.now += 3
            try world.finish(task)
            ended += 1
        }
        #expect(ended < 200, "of 400 narrow tasks \(ended) went before the wide one")
    }

    @Test("a rule that is no rule, or meets what it was never shown, is not asked again")
    func fallsBack() throws {
        let graph = try Self.graph([("a", 1), ("b", 2), ("c", 1)])
        var broken = PairRule.untuned
        broken[.path] = .nan
        #expect(LearnedPlacement(broken).failure != nil)
        var world = try Self.world(LearnedPlacement(broken), graph, [offer(cpus: 4)])
        #expect(world.running.count == 3, "it starts what there is room for")
        var narrow = PairRule.untuned
        narrow.low = PairFeatures.names.map { _ in 100 }
        narrow.high = PairFeatures.names.map { _ in 101 }
        let many = try Self.graph((0..<200).map { ("t\($0)", 1) })
        world = try Self.world(LearnedPlacement(narrow), many, [offer(cpus: 4)])
        while let task = world.running.keys.sorted().first {
            world.now += 1
            try world.finish(task)
        }
        #expect(world.endings[0] == .succeeded)
        let placement = try #require(world.allocator.policies.placement as? LearnedPlacement)
        #expect(placement.failure?.contains("trained") == true)
    }

    @Test("tasks without length, without estimates, and of no rank are placed")
    func degenerate() throws {
        let tasks = [0.0, 0, .infinity, .nan].enumerated().map { place, seconds in
            TaskSpec(id: TaskID("t\(place)"), claimedSeconds: seconds)
        }
        let graph = try TaskGraph(tasks)
        var allocator = Allocator(
            offers: [offer(cpus: 2)], policies: Policies(placement: LearnedPlacement(.untuned, reclaimsPerHour: [.nan]))
        )
        allocator.add(Job(graph), ranks: [.nan, .infinity, 0, -1])
        var world = TestWorld(allocator, [graph])
        try world.send([.admitted(0)])
        try world.openAll()
        while let task = world.running.keys.sorted().first { try world.finish(task) }
        #expect(world.endings[0] == .succeeded)
    }
}
