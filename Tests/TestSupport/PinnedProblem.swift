import Foundation
package import Workloads

/// A problem of scheduling on machines that run one task at a time, with the best schedule that is known.
package struct PinnedProblem: Sendable {
    package let id: String
    package let graph: TaskGraph
    /// One instance of each machine.
    package let pool: ResourcePool
    package let network: Network
    /// Makespans in seconds: the best known, a bound below all, and HEFT's.
    package let bestKnown: Double
    package let lowerBound: Double
    package let heft: Double
    /// The best schedule: the tasks of every machine in their order there.
    package let machines: [[Int]]

    /// Tiny ones with their optima, and those of `$ALMANAC_SHARED_DATA`.
    package static let folders =
        [Fixtures.path("scheduling")] + (SharedData.isThere ? [SharedData.path("scheduling")] : [])

    /// All problems of a folder.
    package static func all(in folder: String) throws -> [PinnedProblem] {
        let folder = URL(filePath: folder)
        func decode<T: Decodable>(_ path: String, as type: T.Type) throws -> T {
            try JSONDecoder().decode(type, from: Data(contentsOf: folder.appendingPathComponent(path)))
        }
        let known = try decode("best_known.json", as: [String: Known].self)
        return try decode("problems.json", as: Problems.self).problems.map { problem in
            guard let reference = known[problem.id] else { throw CocoaError(.coderValueNotFound) }
            let graph = try decode(problem.workflow, as: Workflow.self).workflow.graph
            let pool = try decode(problem.pool, as: Pool.self)
            let best = try decode("best/\(problem.id).json", as: Best.self).machines
            return PinnedProblem(
                id: problem.id, graph: graph,
                pool: ResourcePool(
                    entries: pool.machines.map {
                        Offer(
                            type: InstanceType(
                                name: $0.id, cpus: 1, memoryBytes: 1e18, speed: $0.speed,
                                onDemandPrice: Price(perHour: $0.price_per_hour)))
                    }),
                network: Network(
                    bytesPerSecond: pool.network.bandwidth_bytes_per_s, latencySeconds: pool.network.latency_s),
                bestKnown: reference.best_known, lowerBound: reference.lower_bound, heft: reference.heft_saga,
                machines: pool.machines.map { (best[$0.id] ?? []).compactMap { graph.index(of: TaskID($0)) } })
        }
    }

    /// The machine of each task, and an order of all tasks that keeps that of every machine and of the graph; short if the
    /// schedule has none.
    package var placed: (order: [Int], machine: [Int]) {
        var machine = [Int](repeating: -1, count: graph.count)
        for (place, tasks) in machines.enumerated() { for task in tasks { machine[task] = place } }
        var (order, isDone): ([Int], [Bool]) = ([], machine.map { _ in false })
        var next = machines.map { _ in 0 }
        while order.count < graph.count {
            let before = order.count
            for place in machines.indices {
                while next[place] < machines[place].count {
                    let task = machines[place][next[place]]
                    guard graph.predecessors(of: task).allSatisfy({ isDone[$0] }) else { break }
                    isDone[task] = true
                    order.append(task)
                    next[place] += 1
                }
            }
            guard order.count > before else { break }
        }
        return (order, machine)
    }
}

private struct Problems: Decodable {
    struct Problem: Decodable { var id, workflow, pool: String }
    var problems: [Problem]
}

private struct Known: Decodable {
    var best_known, lower_bound, heft_saga: Double
}

private struct Best: Decodable { var machines: [String: [String]] }

private struct Pool: Decodable {
    struct Machine: Decodable {
        var id: String
        var speed, price_per_hour: Double
    }
    struct Network: Decodable { var bandwidth_bytes_per_s, latency_s: Double }
    var machines: [Machine]
    var network: Network
}

private struct Workflow: Decodable {
    struct Specification: Decodable {
        struct Task: Decodable {
            var id: String
            var parents, children, inputFiles, outputFiles: [String]?
        }
        struct File: Decodable {
            var id: String
            var sizeInBytes: Double
        }
        var tasks: [Task]
        var files: [File]?
    }
    struct Execution: Decodable {
        struct Task: Decodable {
            var id: String
            var runtimeInSeconds: Double
        }
        var tasks: [Task]
    }
    struct Body: Decodable {
        var specification: Specification
        var execution: Execution

        var graph: TaskGraph {
            get throws {
                let seconds = Dictionary(
                    uniqueKeysWithValues: execution.tasks.map { ($0.id, max(0, $0.runtimeInSeconds)) })
                let sizes = Dictionary(
                    uniqueKeysWithValues: (specification.files ?? []).map { ($0.id, $0.sizeInBytes) })
                var parents: [String: Set<String>] = [:]
                for task in specification.tasks {
                    parents[task.id, default: []].formUnion(task.parents ?? [])
                    for child in task.children ?? [] { parents[child, default: []].insert(task.id) }
                }
                return try TaskGraph(
                    specification.tasks.map { task in
                        TaskSpec(
                            id: TaskID(task.id), predecessors: (parents[task.id] ?? []).sorted().map { TaskID($0) },
                            inputs: (task.inputFiles ?? []).map { FileSpec(path: $0, sizeBytes: sizes[$0]) },
                            outputs: (task.outputFiles ?? []).map { FileSpec(path: $0, sizeBytes: sizes[$0]) },
                            claimedSeconds: seconds[task.id] ?? 0)
                    })
            }
        }
    }
    var workflow: Body
}
