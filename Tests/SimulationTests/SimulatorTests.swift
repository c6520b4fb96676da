import Allocation
import Execution
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
