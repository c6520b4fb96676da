import Allocation
import Execution
import TestSupport
import Testing
import Workloads

@Suite("The loop of a run") struct RunLoopTests {
    typealias Loop = RunLoop<SimulatedBackend, SimulatedLog>

    static func graph(_ seed: UInt64) throws -> TaskGraph {
        var generator = TestGenerator(seed: seed)
        let count = Int.random(in: 1...14, using: &generator)
        return try TaskGraph(
            (0..<count).map { index in
                let wanted = index == 0 ? 0 : Int.random(in: 0...2, using: &generator)
                return TaskSpec(
                    id: TaskID("t\(index)"),
                    predecessors: Set((0..<wanted).map { _ in Int.random(in: 0..<index, using: &generator) }).sorted()
                        .map { TaskID("t\($0)") },
                    request: ResourceRequest(
                        cpus: [1, 1, 2, 4].randomElement(using: &generator) ?? 1,
                        memoryBytes: Double.random(in: 0...8e9, using: &generator)), retries: 9)
            })
    }

    static func allocator(_ seed: UInt64) -> Allocator {
        func type(_ name: String, _ cpus: Double) -> InstanceType {
            InstanceType(name: name, cpus: cpus, memoryBytes: 9e9)
        }
        return Allocator(
            offers: [
                Offer(type: type("own", 4), maximumCount: seed % 2 == 0 ? 1 : 2),
                Offer(
                    type: type("spot", 8), purchase: .spot, maximumCount: 2, price: .init(perHour: 1), openSeconds: 3),
            ])
    }

    /// Runs until the end or a crash; true at the end.
    private func run(
        _ graph: TaskGraph, _ seed: UInt64, _ world: SimulatedWorld, _ disk: SimulatedDisk, _ fuse: Fuse,
        _ delivered: inout [[AttemptRecord]]
    ) throws -> RunResult? {
        var handed: [[AttemptRecord]] = []
        defer { delivered += handed }
        do {
            var loop = Loop(
                [.init(Job(graph, name: "w"), run: "1")], Self.allocator(seed), on: SimulatedBackend(world, fuse),
                log: SimulatedLog(disk, fuse)
            ) { outcomes in
                try fuse.step()
                handed.append(outcomes)
                try fuse.step()
            }
            return try loop.run()
        } catch is Crash {
            return nil
        }
    }

    private func check(
        _ graph: TaskGraph, _ seed: UInt64, _ result: RunResult, _ world: SimulatedWorld, _ disk: SimulatedDisk,
        _ delivered: [[AttemptRecord]], _ place: String
    ) throws {
        #expect(result.ending == .succeeded && result.finished == graph.count, "\(place)")
        #expect((0..<TaskIndex(graph.count)).allSatisfy { world.done[$0] == 1 }, "\(place): lost or run twice")
        #expect(world.begun.values.allSatisfy { $0 == 1 }, "\(place)")
        // One durable outcome for each start, and each of them handed on, always as the same.
        let outcomes = disk.durable.compactMap(\.outcome)
        var starts: [AttemptID] = []
        for case .action(.start(let attempt, _, _, _)) in disk.durable.map(\.fact.what) { starts.append(attempt) }
        #expect(Set(starts).count == starts.count, "\(place): an attempt started twice")
        func name(_ outcome: AttemptRecord) -> String { "\(outcome.task ?? "") \(outcome.attempt ?? 0)" }
        #expect(outcomes.map(name).sorted() == starts.map { "t\($0.task) \($0.number)" }.sorted(), "\(place)")
        #expect(Set(delivered.joined()) == Set(outcomes), "\(place): an outcome is lost, or another than durable")
        #expect(Set(delivered.joined().map(name)).count == outcomes.count, "\(place)")
        // The log gives the state again, and holds of itself.
        var restored = Self.allocator(seed)
        restored.add(Job(graph, name: "w"))
        for entry in disk.durable {
            let holds = restored.restore(entry.fact)
            if case .action = entry.fact.what { #expect(holds, "\(place): \(entry.fact)") }
        }
        restored.state.checkInvariants()
        #expect(restored.state.jobs[0].ending == .succeeded)
        #expect(restored.state.openCounts.allSatisfy { $0 == 0 }, "\(place): an instance was not given back")
    }

    @Test(
        "a crash at every step loses no task, runs none twice, and loses or doubles no outcome",
        arguments: UInt64(0)..<100)
    func crashAtEveryStep(seed: UInt64) throws {
        let graph = try Self.graph(seed)
        var last = 1
        while true {
            let (world, disk) = (SimulatedWorld(seed: seed), SimulatedDisk())
            var delivered: [[AttemptRecord]] = []
            let first = Fuse(last: last)
            if let result = try run(graph, seed, world, disk, first, &delivered) {
                try check(graph, seed, result, world, disk, delivered, "undisturbed")
                break
            }
            if last > 5000 { throw Stalled() }
            // While nobody drives the run, the world goes on.
            world.advance(to: world.now + (last % 3 == 0 ? 4 : 0))
            let result = try run(graph, seed, world, disk, Fuse(last: .max), &delivered)
            try check(graph, seed, try #require(result), world, disk, delivered, "crash at step \(last)")
            // Every step of small runs; of long ones some.
            last += 1 + last / 25
        }
    }

    @Test("crashes again and again, a few steps on each time", arguments: UInt64(0)..<60)
    func crashAgain(seed: UInt64) throws {
        let graph = try Self.graph(seed)
        var generator = TestGenerator(seed: seed &+ 99)
        let (world, disk) = (SimulatedWorld(seed: seed), SimulatedDisk())
        var delivered: [[AttemptRecord]] = []
        for round in 0..<2000 {
            let fuse = Fuse(last: Int.random(in: 1...(20 + round), using: &generator))
            guard let result = try run(graph, seed, world, disk, fuse, &delivered) else { continue }
            return try check(graph, seed, result, world, disk, delivered, "after \(round) crashes")
        }
        Issue.record("the run did not end")
    }

    @Test("what a batch of reports leads to is one durable write, however many tasks it starts")
    func oneWriteABatch() throws {
        let graph = try TaskGraph((0..<200).map { TaskSpec(id: TaskID("t\($0)"), request: .init(cpus: 0.001)) })
        let (world, disk) = (SimulatedWorld(seed: 1), SimulatedDisk())
        var delivered: [[AttemptRecord]] = []
        let result = try run(graph, 0, world, disk, Fuse(last: .max), &delivered)
        #expect(result?.ending == .succeeded)
        #expect(disk.syncs <= Set(disk.durable.map(\.fact.seconds)).count)
        var starts = 0
        for case .action(.start) in disk.durable.map(\.fact.what) { starts += 1 }
        #expect(starts == 200)
    }

    @Test("a decision that does not follow from the log is refused")
    func foreignDecision() throws {
        let graph = try Self.graph(1)
        let disk = SimulatedDisk()
        disk.durable = [LogEntry(Fact(0, .action(.skip(0)))), LogEntry(Fact(0, .event(.admitted(0))))]
        disk.durable.append(LogEntry(Fact(0, .action(.end(0, .succeeded)))))
        var delivered: [[AttemptRecord]] = []
        #expect(throws: ExecutionError.badFact(entry: 2)) {
            _ = try run(graph, 0, SimulatedWorld(seed: 1), disk, Fuse(last: .max), &delivered)
        }
    }
}
