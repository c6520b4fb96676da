import TestSupport
import Workloads

/// A random layered job; times are whole seconds, requests are 1 to 4 processors and up to 8 GB.
func randomGraph(_ count: Int, edgesPerTask: Int = 3, wide: Bool = true, seed: UInt64) throws -> TaskGraph {
    var generator = TestGenerator(seed: seed)
    return try TaskGraph(
        (0..<count).map { index in
            TaskSpec(
                id: TaskID("t\(index)"),
                predecessors: index == 0
                    ? []
                    : (0..<Int.random(in: 0...edgesPerTask, using: &generator)).map { _ in
                        TaskID("t\(Int.random(in: max(0, index - 50)..<index, using: &generator))")
                    },
                request: wide
                    ? .init(
                        cpus: Double(Int.random(in: 1...4, using: &generator)),
                        memoryBytes: Double(Int.random(in: 0...8, using: &generator)) * 1e9)
                    : .init(),
                claimedSeconds: Double(Int.random(in: 1...600, using: &generator)))
        })
}

/// Eight types: the faster, the dearer; half of them also on the spot market.
func testPool(types: Int = 8, count: Int = 4) -> ResourcePool {
    ResourcePool(
        entries: (0..<types).map { index in
            let size = Double(1 << (index % 4)) * 4
            return .init(
                type: InstanceType(
                    name: "type\(index)", cpus: size, memoryBytes: size * 4e9, speed: 1 + 0.25 * Double(index),
                    onDemandPrice: Price(perHour: 0.05 * size * (1 + 0.3 * Double(index))),
                    spotPrice: Price(perHour: 0.02 * size)),
                purchase: index % 2 == 0 ? .onDemand : .spot, maximumCount: count)
        })
}

/// The least makespan over all orders and machines; each machine runs one task at a time.
func bestMakespan(_ graph: TaskGraph, speeds: [Double]) -> Double {
    func extend(_ ends: [Double?], _ free: [Double]) -> Double {
        guard ends.contains(nil) else { return free.max() ?? 0 }
        var best = Double.infinity
        for task in 0..<graph.count where ends[task] == nil {
            let before = graph.predecessors(of: task).map { ends[$0] }
            guard !before.contains(nil) else { continue }
            let ready = before.compactMap(\.self).max() ?? 0
            for machine in speeds.indices {
                var (ends, free) = (ends, free)
                let end = max(ready, free[machine]) + (graph.tasks[task].claimedSeconds ?? 0) / speeds[machine]
                (ends[task], free[machine]) = (end, end)
                best = min(best, extend(ends, free))
            }
        }
        return best
    }
    return extend(Array(repeating: nil, count: graph.count), speeds.map { _ in 0 })
}

/// The least makespan over all orders and entries, of each of which there is one instance that tasks share; without
/// transfers.
func leastMakespan(_ graph: TaskGraph, _ pool: ResourcePool) -> Double {
    typealias Use = (start: Double, end: Double, request: Resources)
    func extend(_ ends: [Double?], _ uses: [[Use]]) -> Double {
        guard ends.contains(nil) else { return ends.compactMap(\.self).max() ?? 0 }
        var best = Double.infinity
        for (index, task) in graph.tasks.enumerated() where ends[index] == nil {
            let before = graph.predecessors(of: index).map { ends[$0] }
            guard !before.contains(nil) else { continue }
            let ready = max(before.compactMap(\.self).max() ?? 0, task.notBeforeSeconds ?? 0)
            for (entry, offer) in pool.entries.enumerated() {
                let seconds = (task.claimedSeconds ?? 0) / offer.type.speed
                // It starts when something ends, or when its data is there; at all starts within there is room.
                let starts = ([ready] + uses[entry].map(\.end)).filter { $0 >= ready }.sorted()
                let start = starts.first { start in
                    let within = uses[entry].filter { $0.start < start + seconds && $0.end > start }
                    return ([start] + within.map { max(start, $0.start) }).allSatisfy { time in
                        let running = within.filter { $0.start <= time && $0.end > time }
                        let cpus = running.reduce(task.request.cpus) { $0 + $1.request.cpus }
                        let bytes = running.reduce(task.request.memoryBytes) { $0 + $1.request.memoryBytes }
                        return cpus <= offer.type.cpus && bytes <= offer.type.memoryBytes
                    }
                }
                guard let start else { continue }
                var (ends, uses) = (ends, uses)
                ends[index] = start + seconds
                uses[entry].append((start, start + seconds, task.request.resources))
                best = min(best, extend(ends, uses))
            }
        }
        return best
    }
    return extend(graph.tasks.map { _ in nil }, pool.entries.map { _ in [] })
}
