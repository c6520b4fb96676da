import Allocation
import Execution
import Scheduling
import TestSupport
import Testing
import Workloads

@Suite("The loop of a run") struct RunLoopTests {
    typealias Loop = RunLoop<SimulatedBackend, SimulatedLog>

    static func graph(_ seed: UInt64, speculates: Bool? = nil) throws -> TaskGraph {
        var generator = TestGenerator(seed: seed)
        let count = Int.random(in: 1...14, using: &generator)
        return try TaskGraph(
            (0..<count).map { index in
                let wanted = index == 0 ? 0 : Int.random(in: 0...2, using: &generator)
                return TaskSpec(
                    id: TaskID("t\(index)"),
                    predecessors: Set((0..<wanted).map { _ in Int.random(in: 0..<index, using: &generator) }).sorted()
                        .map { TaskID("t\($0)") },
                    request: Requirements(
                        cpus: [1, 1, 2, 4].randomElement(using: &generator) ?? 1,
                        memoryBytes: Double.random(in: 0...8e9, using: &generator)), retries: 9, speculate: speculates)
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

    /// Tasks take up to five seconds.
    private static func estimates(_ graph: TaskGraph) -> Estimates {
        Estimates(expectedSeconds: graph.tasks.map { _ in 0.7 })
    }

    /// What was handed on, of all processes that drove a run.
    private final class Deliveries {
        var outcomes: [AttemptRecord]
        init(_ outcomes: [AttemptRecord] = []) { self.outcomes = outcomes }
    }

    /// Runs until the end, or until a crash: `nil`.
    private func run(
        _ graph: TaskGraph, _ seed: UInt64, _ world: SimulatedWorld, _ disk: SimulatedDisk, _ fuse: Fuse,
        _ delivered: Deliveries
    ) throws -> RunResult? {
        do {
            var loop = Loop(
                [.init(Job(graph, name: "w"), run: "1", estimates: Self.estimates(graph))], Self.allocator(seed),
                on: SimulatedBackend(world, fuse),
                log: SimulatedLog(disk, fuse)
            ) { outcomes in
                try fuse.step()
                delivered.outcomes += outcomes
                try fuse.step()
            }
            return try loop.run()
        } catch is Crash {
            return nil
        }
    }

    private func check(
        _ graph: TaskGraph, _ seed: UInt64, _ result: RunResult, _ world: SimulatedWorld, _ disk: SimulatedDisk,
        _ delivered: Deliveries, after known: Int = 0, _ place: @autoclosure () -> String
    ) throws {
        let place = place()
        #expect(result.ending == .succeeded && result.finished == graph.count, "\(place)")
        // Of two attempts that may run at once, the second may end before it hears that it need not.
        let most = graph.tasks.contains { $0.speculate == true } ? 2 : 1
        #expect(
            (0..<TaskIndex(graph.count)).allSatisfy { 1...most ~= world.done[$0] ?? 0 }, "\(place): lost or run twice")
        #expect(world.begun.values.allSatisfy { $0 == 1 }, "\(place)")
        // One durable outcome for each start, and each of them handed on, always as the same.
        let outcomes = disk.durable.compactMap(\.outcome)
        var starts: [AttemptID] = []
        for case .action(.start(let attempt, _, _, _)) in disk.durable.map(\.fact.what) { starts.append(attempt) }
        #expect(Set(starts).count == starts.count, "\(place): an attempt started twice")
        func name(_ outcome: AttemptRecord) -> String { "\(outcome.task ?? "") \(outcome.attempt ?? 0)" }
        #expect(outcomes.map(name).sorted() == starts.map { "t\($0.task) \($0.number)" }.sorted(), "\(place)")
        let handedOn = Set(delivered.outcomes)
        #expect(handedOn == Set(outcomes), "\(place): an outcome is lost, or another than durable")
        #expect(Set(handedOn.map(name)).count == outcomes.count, "\(place)")
        // The log gives the state again, and holds of itself.
        var restored = Self.allocator(seed)
        restored.add(Job(graph, name: "w"), estimates: Self.estimates(graph))
        for (number, entry) in disk.durable.enumerated() {
            let holds = restored.restore(entry.fact)
            if case .action = entry.fact.what { #expect(holds, "\(place): \(entry.fact)") }
            if number >= known { restored.state.checkInvariants() }
        }
        #expect(restored.state.jobs[0].ending == .succeeded)
        #expect(restored.state.openCounts.allSatisfy { $0 == 0 }, "\(place): an instance was not given back")
    }

    @Test(
        "a crash at every step loses no task, runs none twice, and loses or doubles no outcome",
        arguments: UInt64(0)..<300)
    func crashAtEveryStep(seed: UInt64) throws {
        // In some runs two attempts at a task run at once.
        let graph = try Self.graph(seed, speculates: seed % 3 == 0 ? true : nil)
        let (world, disk, delivered) = (SimulatedWorld(seed: seed), SimulatedDisk(), Deliveries())
        // At every step of an undisturbed run, what a crash there would leave behind. Steps between which nothing outside
        // of the program has changed leave the same.
        var crashes: [(step: Int, world: SimulatedWorld, disk: SimulatedDisk, delivered: Deliveries)] = []
        var (steps, last) = (0, (changes: -1, durable: -1, delivered: -1))
        let fuse = Fuse { torn in
            steps += 1
            let now = (world.changes, disk.durable.count + torn.count, delivered.outcomes.count)
            if now == last { return }
            last = now
            crashes.append(
                (steps, SimulatedWorld(world), SimulatedDisk(disk.durable + torn), Deliveries(delivered.outcomes)))
        }
        let result = try run(graph, seed, world, disk, fuse, delivered)
        try check(graph, seed, try #require(result), world, disk, delivered, "undisturbed")
        #expect(crashes.count > 3 * graph.count)
        for (step, world, disk, delivered) in crashes {
            // While nobody drives the run, the world goes on.
            if step % 3 == 0 { world.advance(to: world.now + 4) }
            let known = disk.durable.count
            let result = try run(graph, seed, world, disk, Fuse(), delivered)
            try check(
                graph, seed, try #require(result), world, disk, delivered, after: known, "crash at step \(step)")
        }
    }

    @Test("crashes again and again, a few steps on each time", arguments: UInt64(0)..<60)
    func crashAgain(seed: UInt64) throws {
        let graph = try Self.graph(seed, speculates: seed % 2 == 0 ? true : nil)
        var generator = TestGenerator(seed: seed &+ 99)
        let (world, disk, delivered) = (SimulatedWorld(seed: seed), SimulatedDisk(), Deliveries())
        for round in 0..<2000 {
            let fuse = Fuse(last: Int.random(in: 1...(20 + round), using: &generator))
            guard let result = try run(graph, seed, world, disk, fuse, delivered) else { continue }
            return try check(graph, seed, result, world, disk, delivered, "after \(round) crashes")
        }
        Issue.record("the run did not end")
    }

    @Test("what a batch of reports leads to is one durable write, however many tasks it starts")
    func oneWriteABatch() throws {
        let graph = try TaskGraph((0..<200).map { TaskSpec(id: TaskID("t\($0)"), request: .init(cpus: 0.001)) })
        let disk = SimulatedDisk()
        let result = try run(graph, 0, SimulatedWorld(seed: 1), disk, Fuse(), Deliveries())
        #expect(result?.ending == .succeeded)
        #expect(disk.syncs <= Set(disk.durable.map(\.fact.seconds)).count)
        var starts = 0
        for case .action(.start) in disk.durable.map(\.fact.what) { starts += 1 }
        #expect(starts == 200)
    }

    @Test("a decision that does not follow from the log is refused")
    func foreignDecision() throws {
        let graph = try Self.graph(1)
        let facts: [Fact] = [
            Fact(0, .action(.skip(0))), Fact(0, .event(.admitted(0))), Fact(0, .action(.end(0, .succeeded))),
        ]
        let disk = SimulatedDisk(facts.map { LogEntry($0) })
        #expect(throws: ExecutionError.badFact(entry: 2)) {
            _ = try run(graph, 0, SimulatedWorld(seed: 1), disk, Fuse(), Deliveries())
        }
    }
}
