import Allocation
import Scheduling
import Simulation
import TestSupport
import Testing
import Workloads

@Suite("Second attempts in simulated runs") struct SimulatedSpeculationTests {
    /// Four stages of twenty tasks, each of which waits for the whole stage before, on eight machines.
    private static let graph = Result {
        try TaskGraph(
            (0..<80).map { index in
                TaskSpec(
                    id: TaskID("t\(index)"),
                    predecessors: index < 20 ? [] : (0..<20).map { TaskID("t\(index / 20 * 20 - 20 + $0)") },
                    claimedSeconds: 100)
            })
    }

    private static func runs(
        _ scope: Speculation.Scope, _ placement: any Placement, tail: Double, reclaims: Double = 0
    ) throws -> [SimulatedRun] {
        let graph = try graph.get()
        var estimates = Estimates(claimedBy: graph)
        // Half of the tasks take between 90 and 110 seconds, one in twenty much longer.
        estimates.secondsQuantiles = Array(
            repeating: .init { $0 < 0.95 ? 80 + 40 * $0 : $0 < 0.99 ? 120 * tail.squareRoot() : 120 * tail },
            count: graph.count)
        let offers = [Offer(type: InstanceType(name: "m", cpus: 1, memoryBytes: 1e9), maximumCount: 8)]
        var world = World(estimates, warningSeconds: 0)
        world.reclaimsPerAttempt = reclaims
        let policies = Policies(placement: placement, speculation: Speculation(scope))
        return Simulator(
            Job(graph), estimates: estimates, allocator: Allocator(offers: offers, policies: policies), world: world
        ).runs(60, seed: 1, threads: 2)
    }

    @Test("shorten runs whose times have a long tail, and cost little", arguments: [false, true])
    func gain(plansAhead: Bool) throws {
        let placement: any Placement = plansAhead ? Rescheduling() : Backfilling()
        let alone = try Self.runs(.never, placement, tail: 30)
        let twice = try Self.runs(.allowed, placement, tail: 30)
        #expect(twice.allSatisfy { $0.ending == .succeeded } && alone.allSatisfy { $0.attempts == 80 })
        let difference = PairedDifference(from: alone.map(\.makespanSeconds), to: twice.map(\.makespanSeconds))
        let mean = alone.reduce(0) { $0 + $1.makespanSeconds } / Double(alone.count)
        #expect(difference.mean + difference.halfWidth < -0.2 * mean, "\(difference) of \(mean)")
        let copies = Double(twice.reduce(0) { $0 + $1.attempts - 80 }) / Double(twice.count)
        #expect(copies > 1 && copies < 8)
    }

    @Test("change nothing where no time is unusual, and lose no run where machines are taken back")
    func calm() throws {
        let alone = try Self.runs(.never, Backfilling(), tail: 1)
        let twice = try Self.runs(.allowed, Backfilling(), tail: 1)
        #expect(alone.map(\.makespanSeconds) == twice.map(\.makespanSeconds) && twice.allSatisfy { $0.attempts == 80 })
        let lossy = try Self.runs(.allowed, Backfilling(), tail: 30, reclaims: 0.1)
        #expect(lossy.allSatisfy { $0.ending == .succeeded && $0.attempts > 80 })
    }

    @Test("are the same on every number of threads, and each task succeeds once")
    func once() throws {
        let graph = try Self.graph.get()
        var estimates = Estimates(claimedBy: graph)
        estimates.secondsQuantiles = Array(repeating: .init { $0 < 0.95 ? 100 + $0 : 5000 }, count: graph.count)
        let offers = [Offer(type: InstanceType(name: "m", cpus: 1, memoryBytes: 1e9), maximumCount: 8)]
        let policies = Policies(speculation: Speculation(.allowed))
        let simulator = Simulator(
            Job(graph), estimates: estimates, allocator: Allocator(offers: offers, policies: policies),
            world: World(estimates))
        let history = simulator.history(seed: 3)
        #expect(simulator.runs(4, seed: 3, threads: 2) == simulator.runs(4, seed: 3))
        #expect(history.run == simulator.run(seed: 3) && history.attempts.count == history.run.attempts)
        let good = history.attempts.filter { $0.failure == nil }
        #expect(Set(good.map(\.id.task)).count == 80 && history.run.attempts > 80)
        #expect(history.attempts.allSatisfy { $0.failure == nil || $0.failure == .cancelled })
    }
}
