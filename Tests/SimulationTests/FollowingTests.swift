import Allocation
import Execution
import Foundation
import Scheduling
import Simulation
import TestSupport
import Testing
import Workloads

@Suite("Following the simulated winner") struct FollowingTests {
    /// Layers of tasks of all lengths, each after two of the layer before.
    private static func graph(_ seed: UInt64, width: Int = 6, layers: Int = 3) throws -> TaskGraph {
        var generator = TestGenerator(seed: seed)
        return try TaskGraph(
            (0..<width * layers).map { index in
                let layer = index / width
                let before = (0..<(layer == 0 ? 0 : 2)).map { _ in
                    TaskID("t\((layer - 1) * width + Int.random(in: 0..<width, using: &generator))")
                }
                return TaskSpec(
                    id: TaskID("t\(index)"), predecessors: Array(Set(before)).sorted(),
                    request: Requirements(cpus: [1, 1, 2].randomElement(using: &generator) ?? 1),
                    claimedSeconds: exp(Double.random(in: 2...6, using: &generator)))
            })
    }

    private static let offers = [(1.0, 3), (2, 2), (4, 1)].map { speed, count in
        Offer(
            type: InstanceType(name: "x\(speed)", cpus: 2, memoryBytes: 1e9, speed: speed), maximumCount: count)
    }

    private static func makespans(
        _ graph: TaskGraph, _ policies: Policies, noise: Double, latency: Double, runs: Int, seed: UInt64 = 0
    ) -> [SimulatedRun] {
        let estimates = Estimates(claimedBy: graph)
        var world = World(estimates, noise: noise)
        let flow = latency > 0 ? DataFlow(graph, over: Network(latencySeconds: latency)) : nil
        world.flow = flow
        var simulator = Simulator(
            Job(graph), estimates: estimates, allocator: Allocator(offers: offers, policies: policies), world: world,
            ranks: upwardRanks(graph, seconds: estimates.expectedSeconds))
        simulator.flow = flow
        return simulator.runs(runs, seed: seed, threads: 2)
    }

    private static let candidates: [any Placement] = [
        Backfilling(), Rescheduling(), Rescheduling(prefetches: true), BestFit(),
    ]

    private static func following(_ noise: Double, mostWork: Int = 100_000) -> Policies {
        Policies(following: Following(Array(candidates.dropFirst()), noise: noise, mostWork: mostWork))
    }

    @Test(
        "whichever placement is best, with and without noise and where data take time, it is no worse, and better than to stay"
    )
    func study() throws {
        var winners: Set<Int> = []
        for (latency, noise) in [(0.0, 0.0), (0, 1), (40, 0), (40, 1)] {
            var fixed = Self.candidates.map { _ in [Double]() }
            var followed: [Double] = []
            var follows = 0
            for number in UInt64(0)..<3 {
                let graph = try Self.graph(number)
                func seconds(_ policies: Policies) -> [Double] {
                    let runs = Self.makespans(graph, policies, noise: noise, latency: latency, runs: 6, seed: 100)
                    #expect(runs.allSatisfy { $0.ending == .succeeded })
                    follows += runs.reduce(0) { $0 + $1.follows }
                    return runs.map(\.makespanSeconds)
                }
                for (place, candidate) in Self.candidates.enumerated() {
                    fixed[place] += seconds(Policies(placement: candidate))
                }
                #expect(number > 0 || follows == 0)
                followed += seconds(Self.following(noise))
            }
            let sums = fixed.map { $0.reduce(0, +) }
            let best = sums.indices.min { sums[$0] < sums[$1] } ?? 0
            winners.insert(best)
            let worse = PairedDifference(from: fixed[best], to: followed)
            let stayed = PairedDifference(from: fixed[0], to: followed)
            #expect(follows > 0)
            #expect(worse.mean <= worse.halfWidth + 1e-6, "latency \(latency), noise \(noise): \(worse)")
            #expect(stayed.mean < -stayed.halfWidth, "latency \(latency), noise \(noise): \(stayed)")
        }
        #expect(winners.count > 1, "what is best depends on the state")
    }

    @Test("runs are the same on any number of threads, and a job that is too large keeps what it has")
    func bounded() throws {
        let graph = try Self.graph(5)
        let runs = Self.makespans(graph, Self.following(0.5), noise: 0.5, latency: 10, runs: 3)
        #expect(Self.makespans(graph, Self.following(0.5), noise: 0.5, latency: 10, runs: 3) == runs)
        #expect(runs.contains { $0.follows > 0 })
        let alone = Self.makespans(graph, Policies(), noise: 0.5, latency: 10, runs: 3)
        let none = Self.makespans(graph, Self.following(0.5, mostWork: 0), noise: 0.5, latency: 10, runs: 3)
        #expect(none == alone)
    }

    @Test("a setup says whether its run follows, and reads back; without a word it keeps to one placement")
    func setup() throws {
        let graph = try Self.graph(2)
        var setup = RunSetup(
            graph, offers: Self.offers, policy: .standard, keepsGoing: true, goal: Goal(.time), ranks: nil,
            estimates: Estimates(claimedBy: graph), plan: nil, startSeconds: 0)
        #expect(setup.allocator.policies.following == nil)
        setup.follows = 0.4
        let text = try RunSetup.coders.0.encode(setup)
        let read = try RunSetup.coders.1.decode(RunSetup.self, from: text)
        #expect(read == setup)
        #expect(read.allocator.policies.following?.noise == 0.4)
        setup.follows = nil
        #expect(try !String(decoding: RunSetup.coders.0.encode(setup), as: UTF8.self).contains("follows"))
    }
}
