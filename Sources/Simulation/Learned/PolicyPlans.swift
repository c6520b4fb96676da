public import Allocation
internal import Glibc
internal import LinearAlgebra
public import Scheduling
public import Workloads

/// The plans that a learnt rule would make of a job: it runs in the simulator with the times that are expected, first as the rule
/// decides, then by chance near to that.
///
/// - Parameters:
///   - samples: How many plans; the first is the rule's own.
///   - threads: They change nothing but the time it takes.
/// - Returns: What a ``Planner`` may start from; none where the job cannot run on the pool.
public func policyPlans(
    _ rule: PairRule, _ graph: TaskGraph, on pool: ResourcePool, costs: CostModel, samples: Int = 8, seed: UInt64 = 0,
    threads: Int = 1
) -> [Planner.Proposal] {
    let flow = costs.network.isFree ? nil : DataFlow(graph, over: costs.network)
    var world = World(costs.estimates)
    world.estimates.secondsQuantiles = []
    world.flow = flow
    let ranks = upwardRanks(graph, seconds: costs.estimates.expectedSeconds)
    let fixed = world
    return Parallel.map(count: samples, threads: threads) { sample -> Planner.Proposal? in
        var placement = LearnedPlacement(rule, reclaimsPerHour: costs.outlook?.reclaimsPerHour ?? [])
        if sample > 0 {
            let luck = Luck(seed: seed, stream: UInt64(sample))
            placement.student = { _, scores, mayWait, _ in luck.choose(scores, mayWait: mayWait) }
        }
        var simulator = Simulator(
            Job(graph), estimates: costs.estimates,
            allocator: Allocator(offers: pool.entries, policies: Policies(placement: placement)), world: fixed,
            ranks: ranks)
        simulator.flow = flow
        let history = simulator.history(seed: seed)
        guard history.run.ending == .succeeded, history.attempts.count == graph.count else { return nil }
        var place = [Int](repeating: 0, count: graph.count)
        for (position, task) in graph.topologicalOrder.enumerated() { place[task] = position }
        let attempts = history.attempts.sorted {
            ($0.startSeconds, place[Int($0.id.task)]) < ($1.startSeconds, place[Int($1.id.task)])
        }
        var entries = [Int](repeating: 0, count: graph.count)
        for attempt in attempts {
            entries[Int(attempt.id.task)] = Int(history.state.instances.offer[Int(attempt.instance)])
        }
        return Planner.Proposal(order: attempts.map { Int($0.id.task) }, entries: entries)
    }.compactMap { $0 }
}

/// Chooses by chance, the better the more often. It is used by one thread.
private final class Luck: @unchecked Sendable {
    private var generator: SeededGenerator

    init(seed: UInt64, stream: UInt64) { generator = SeededGenerator(seed: seed, stream: stream) }

    /// A row by chance, as a softmax of the scores would take it; `nil` is to wait, which scores 0.
    func choose(_ scores: [Float], mayWait: Bool) -> Int? {
        func lifted(_ score: Float) -> Double { Double(score) * 4 - log(generator.nextExponential()) }
        var (best, most) = (Int?.none, mayWait ? lifted(0) : -.infinity)
        for row in scores.indices {
            let value = lifted(scores[row])
            if value > most { (best, most) = (row, value) }
        }
        return best
    }
}
