import Scheduling
import TestSupport
import Testing
import Workloads

@Suite("Importance") struct ImportanceTests {
    /// A job whose transfers are known without a schedule, its problem on one type of speed 1, and the weights.
    private func problem(_ graph: TaskGraph) throws -> (problem: PlanningProblem, weights: [Double]) {
        let pool = ResourcePool(entries: [Offer(type: InstanceType(name: "m", cpus: 4, memoryBytes: 1e12))])
        var costs = CostModel.claimed(by: graph)
        costs.network = Network(bytesPerSecond: 1e9, latencySeconds: 7)
        return (try PlanningProblem(graph, on: pool, costs: costs), graph.tasks.map { $0.claimedSeconds ?? 0 })
    }

    private func tree(_ count: Int, before: (Int) -> Int) throws -> TaskGraph {
        try TaskGraph(
            (0..<count).map { index in
                TaskSpec(
                    id: TaskID("t\(index)"), predecessors: index == 0 ? [] : [TaskID("t\(before(index))")],
                    claimedSeconds: Double(1 + index * index % 17))
            })
    }

    @Test("with damping 1, sharing 0 and the greatest flow it is the upward rank", arguments: UInt64(0)..<20)
    func upwardRank(seed: UInt64) throws {
        let graph = try randomGraph(60, wide: false, seed: seed)
        let (problem, weights) = try problem(graph)
        let ranks = Importance(damping: 1, sharing: 0, power: .infinity).ranks(problem, weights: weights)
        #expect(ranks == upwardRanks(graph, seconds: weights) { _, _ in 7 })
        // A high power comes near the greatest, from above.
        for (high, rank) in zip(Importance(damping: 1, sharing: 0, power: 40).ranks(problem, weights: weights), ranks) {
            #expect(high >= rank * (1 - 1e-9) && high <= rank * 1.25)
        }
    }

    @Test("on a chain it is the upward rank, whatever is shared and summed")
    func chain() throws {
        let graph = try tree(30) { $0 - 1 }
        let (problem, weights) = try problem(graph)
        let upward = upwardRanks(graph, seconds: weights) { _, _ in 7 }
        for (sharing, power) in [(0.0, 1.0), (1, 1), (0.5, 4), (2, .infinity)] {
            let ranks = Importance(sharing: sharing, power: power).ranks(problem, weights: weights)
            for (rank, expected) in zip(ranks, upward) { #expect(abs(rank - expected) <= 1e-9 * expected) }
        }
    }

    @Test("in a tree that branches out, the sum is all work and all transfers that follow")
    func outTree() throws {
        let graph = try tree(40) { ($0 - 1) / 3 }
        let (problem, weights) = try problem(graph)
        var expected = weights
        for task in (1..<40).reversed() { expected[(task - 1) / 3] += expected[task] + 7 }
        for sharing in [0.0, 0.5, 1] {
            let ranks = Importance(sharing: sharing).ranks(problem, weights: weights)
            for (rank, value) in zip(ranks, expected) { #expect(abs(rank - value) <= 1e-9 * value) }
        }
    }

    @Test("without damping only the own weight is left, and all that is shared adds up to what was there")
    func sharing() throws {
        let graph = try randomGraph(50, wide: false, seed: 3)
        let (problem, weights) = try problem(graph)
        #expect(Importance(damping: 0).ranks(problem, weights: weights) == weights)
        // What follows a task is shared by all that it waits for, by their weights, and nothing is counted twice.
        let join = try TaskGraph(
            [0, 1, 2].map { TaskSpec(id: TaskID("t\($0)"), claimedSeconds: Double(3 * $0 + 1)) }
                + [TaskSpec(id: "end", predecessors: ["t0", "t1", "t2"], claimedSeconds: 100)])
        let (small, own) = try self.problem(join)
        let ranks = Importance().ranks(small, weights: own)
        let flow = (0..<3).map { ranks[$0] - own[$0] }
        #expect(abs(flow.reduce(0, +) - 107) <= 1e-9)
        #expect(flow[0] < flow[1] && flow[1] < flow[2])
    }
}
