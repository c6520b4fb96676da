import Foundation
import Scheduling
import TestSupport
import Testing
import Workloads

@Suite("Schedule decoder") struct ScheduleDecoderTests {
    @Test("every task starts where brute force over all instances says", arguments: UInt64(0)..<60)
    func bruteForce(seed: UInt64) throws {
        var generator = TestGenerator(seed: seed)
        let count = 30 + Int(seed)
        // With more than eight different requests, and with fewer.
        let graph = try randomGraph(count, wide: seed % 3 != 0, seed: seed)
        let pool = testPool(types: 1 + Int(seed % 4), count: 1 + Int(seed % 5) * 9)
        var costs = CostModel.claimed(by: graph)
        let latency = seed % 2 == 0 ? 0 : 40.0
        costs.network = Network(latencySeconds: latency)
        let problem = try PlanningProblem(graph, on: pool, costs: costs)
        var decoder = ScheduleDecoder(problem)
        for _ in 0..<3 {
            // The arrays are used again: nothing of the schedule before may show.
            let entries = (0..<count).map { task in
                Int32(
                    pool.entries.indices.filter { problem.seconds(of: task, on: $0).isFinite }
                        .randomElement(using: &generator) ?? 0)
            }
            let order = seed % 4 == 1 ? graph.topologicalOrder.map { Int32($0) } : problem.ranked
            decoder.decode(order: order, entries: entries)
            let expected = BruteForce(graph, pool, latency, order, entries)
            let found = decoder.schedule
            #expect(found.starts == expected.tasks.map(\.start) && found.ends == expected.tasks.map(\.end))
            #expect(found.makespan == expected.tasks.map(\.end).max())
            #expect(abs(found.cost - expected.cost) < 1e-9 * expected.cost)
            let plan = found.plan(problem)
            try plan.validate(graph, on: pool)
            #expect(plan.makespanSeconds == found.makespan && abs(plan.cost - expected.cost) < 1e-9 * expected.cost)
        }
    }

    /// Looks at every instance at every moment at which something ends.
    private struct BruteForce {
        var tasks: [(start: Double, end: Double, entry: Int, number: Int)]
        var cost = 0.0

        init(_ graph: TaskGraph, _ pool: ResourcePool, _ latency: Double, _ order: [Int32], _ entries: [Int32]) {
            tasks = Array(repeating: (0, 0, -1, -1), count: graph.count)
            var opened = pool.entries.map { _ in 0 }
            for task in order.map({ Int($0) }) {
                let entry = Int(entries[task])
                let seconds = (graph.tasks[task].claimedSeconds ?? 1) / pool.entries[entry].type.speed
                var best: (start: Double, added: Double, number: Int) = (.infinity, .infinity, -1)
                for number in 0...opened[entry] where number < pool.entries[entry].maximumCount {
                    var ready = 0.0
                    for predecessor in graph.predecessors(of: task) {
                        let isHere = tasks[predecessor].entry == entry && tasks[predecessor].number == number
                        ready = max(ready, tasks[predecessor].end + (isHere ? 0 : latency))
                    }
                    let own = tasks.indices.filter { tasks[$0].entry == entry && tasks[$0].number == number }
                    let start =
                        ([ready] + own.map { tasks[$0].end }.filter { $0 > ready }).filter { time in
                            // All that has not ended by then counts, whenever it starts.
                            let beside = own.filter { tasks[$0].end > time }.map { graph.tasks[$0].request }
                            let request = graph.tasks[task].request
                            let type = pool.entries[entry].type
                            return beside.reduce(request.cpus) { $0 + $1.cpus } <= type.cpus * (1 + 1e-12)
                                && beside.reduce(request.memoryBytes) { $0 + $1.memoryBytes }
                                    <= type.memoryBytes * (1 + 1e-12)
                        }.min() ?? .infinity
                    let first = own.map { tasks[$0].start }.min() ?? start
                    let last = own.map { tasks[$0].end }.max() ?? start
                    let added = max(0, start + seconds - (own.isEmpty ? start : last)) + max(0, first - start)
                    if start < best.start || (start == best.start && added < best.added) {
                        best = (start, added, number)
                    }
                }
                tasks[task] = (best.start, best.start + seconds, entry, best.number)
                opened[entry] = max(opened[entry], best.number + 1)
            }
            for entry in pool.entries.indices {
                let price = pool.entries[entry].price.perHour / 3600
                for number in 0..<opened[entry] {
                    let own = tasks.filter { $0.entry == entry && $0.number == number }
                    cost += price * ((own.map(\.end).max() ?? 0) - (own.map(\.start).min() ?? 0))
                }
            }
        }
    }

    @Test("an order and places of an optimal schedule decode to the optimum", arguments: UInt64(0)..<20)
    func optimum(seed: UInt64) throws {
        let graph = try randomGraph(6, edgesPerTask: 2, wide: false, seed: seed)
        let speeds = [1.0, 3]
        let pool = ResourcePool(
            entries: speeds.map {
                .init(type: InstanceType(name: "speed \($0)", cpus: 1, memoryBytes: 1e9, speed: $0))
            })
        let problem = try PlanningProblem(graph, on: pool, costs: .claimed(by: graph))
        var decoder = ScheduleDecoder(problem)
        var best = Double.infinity
        for code in 0..<64 {
            let entries = (0..<6).map { Int32(code >> $0 & 1) }
            for order in orders(graph) {
                decoder.decode(order: order, entries: entries)
                best = min(best, decoder.schedule.makespan)
            }
        }
        #expect(best == bestMakespan(graph, speeds: speeds))
    }

    /// All orders in which each task comes after its predecessors.
    private func orders(_ graph: TaskGraph) -> [[Int32]] {
        func extend(_ order: [Int32]) -> [[Int32]] {
            guard order.count < graph.count else { return [order] }
            return (0..<graph.count).filter { task in
                !order.contains(Int32(task))
                    && graph.predecessors(of: task).allSatisfy { order.contains(Int32($0)) }
            }.flatMap { extend(order + [Int32($0)]) }
        }
        return extend([])
    }

    @Test("an empty job has an empty schedule") func empty() throws {
        let graph = try TaskGraph([])
        var decoder = ScheduleDecoder(
            try PlanningProblem(graph, on: testPool(), costs: .claimed(by: graph)))
        decoder.decode(order: [], entries: [])
        #expect(decoder.schedule.makespan == 0 && decoder.schedule.cost == 0)
    }
}
