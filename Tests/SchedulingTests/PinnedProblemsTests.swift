import Foundation
import Scheduling
import TestSupport
import Testing
import Workloads

/// Problems with proved optima or lower bounds; their machines run one task at a time.
@Suite("Pinned scheduling problems") struct PinnedProblemsTests {
    /// Tiny ones with their optima, and those of `$ALMANAC_SHARED_DATA`.
    static let folders = [Fixtures.path("scheduling")] + (SharedData.isThere ? [SharedData.path("scheduling")] : [])

    private struct Problems: Decodable {
        struct Problem: Decodable { var id, workflow, pool: String }
        var problems: [Problem]
    }

    private struct Known: Decodable {
        var best_known, lower_bound, heft_saga: Double
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
        }
        var workflow: Body
    }

    private struct Machines: Decodable {
        struct Machine: Decodable {
            var id: String
            var speed, price_per_hour: Double
        }
        struct Network: Decodable { var bandwidth_bytes_per_s, latency_s: Double }
        var machines: [Machine]
        var network: Network
    }

    @Test("no plan beats a lower bound, and plans are closer to the best known than HEFT", arguments: folders)
    func quality(folder: String) throws {
        let folder = URL(filePath: folder)
        func decode<T: Decodable>(_ path: String, as type: T.Type) throws -> T {
            try JSONDecoder().decode(type, from: Data(contentsOf: folder.appendingPathComponent(path)))
        }
        let known = try decode("best_known.json", as: [String: Known].self)
        var (logOurs, logHEFT, count) = (0.0, 0.0, 0.0)
        var seconds = 0.0
        for problem in try decode("problems.json", as: Problems.self).problems {
            let workflow = try decode(problem.workflow, as: Workflow.self).workflow
            let machines = try decode(problem.pool, as: Machines.self)
            let reference = try #require(known[problem.id])
            let graph = try self.graph(workflow)
            let pool = pool(machines)
            let network = machines.network
            var costs = CostModel.claimed(by: graph)
            costs.network = Network(
                bytesPerSecond: network.bandwidth_bytes_per_s, latencySeconds: network.latency_s)
            let planner = Planner(graph, on: pool, costs: costs)
            let start = ContinuousClock.now
            let plan = try planner.plan(Goal(.time))
            let took = ContinuousClock.now - start
            seconds += Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
            try plan.validate(graph, on: pool)
            checkTransfers(plan, graph, network)
            #expect(plan.makespanSeconds >= reference.lower_bound * (1 - 1e-9), "\(problem.id)")
            let (ours, heft) = (plan.makespanSeconds / reference.best_known, reference.heft_saga / reference.best_known)
            print(
                "\(problem.id): ours \(Units.format(ours, digits: 3)), HEFT \(Units.format(heft, digits: 3)), \(took)")
            (logOurs, logHEFT, count) = (logOurs + log(ours), logHEFT + log(heft), count + 1)
        }
        let (ours, heft) = (exp(logOurs / count), exp(logHEFT / count))
        print(
            "geometric mean to best known: ours \(Units.format(ours, digits: 4)), HEFT \(Units.format(heft, digits: 4))"
        )
        print("all plans together took \(Units.formatSeconds(seconds))")
        // In our tiny problems HEFT is near the optimum, and less is to be won.
        #expect(ours < 1.04 && ours < (folder.path == Fixtures.path("scheduling") ? 0.97 : 0.95) * heft)
    }

    private struct Machine: Decodable { var machines: [String: [String]] }

    @Test("the best schedules known decode to their makespans", arguments: folders)
    func decodes(folder: String) throws {
        let folder = URL(filePath: folder)
        func decode<T: Decodable>(_ path: String, as type: T.Type) throws -> T {
            try JSONDecoder().decode(type, from: Data(contentsOf: folder.appendingPathComponent(path)))
        }
        let known = try decode("best_known.json", as: [String: Known].self)
        for problem in try decode("problems.json", as: Problems.self).problems {
            let machines = try decode(problem.pool, as: Machines.self)
            let graph = try self.graph(decode(problem.workflow, as: Workflow.self).workflow)
            let best = try decode("best/\(problem.id).json", as: Machine.self).machines
            var costs = CostModel.claimed(by: graph)
            costs.network = Network(
                bytesPerSecond: machines.network.bandwidth_bytes_per_s, latencySeconds: machines.network.latency_s)
            var entries = [Int32](repeating: -1, count: graph.count)
            // An order that keeps that of every machine: the next of some machine whose predecessors are all done.
            let queues = try machines.machines.enumerated().map { entry, machine in
                try (best[machine.id] ?? []).map { name in
                    let task = try #require(graph.index(of: TaskID(name)))
                    entries[task] = Int32(entry)
                    return task
                }
            }
            var (order, isDone): ([Int32], [Bool]) = ([], entries.map { _ in false })
            var next = queues.map { _ in 0 }
            while order.count < graph.count {
                let before = order.count
                for machine in queues.indices {
                    while next[machine] < queues[machine].count {
                        let task = queues[machine][next[machine]]
                        guard graph.predecessors(of: task).allSatisfy({ isDone[$0] }) else { break }
                        isDone[task] = true
                        order.append(Int32(task))
                        next[machine] += 1
                    }
                }
                try #require(order.count > before, "\(problem.id)")
            }
            let arrays = try PlanningProblem(graph, on: pool(machines), costs: costs)
            var decoder = ScheduleDecoder(arrays)
            decoder.decode(order: order, entries: entries)
            let reference = try #require(known[problem.id]).best_known
            #expect(abs(decoder.schedule.makespan - reference) <= 1e-9 * reference, "\(problem.id)")
        }
    }

    private func pool(_ machines: Machines) -> ResourcePool {
        ResourcePool(
            entries: machines.machines.map {
                .init(
                    type: InstanceType(
                        name: $0.id, cpus: 1, memoryBytes: 1e18, speed: $0.speed,
                        onDemandPrice: .init(perHour: $0.price_per_hour)))
            })
    }

    private func graph(_ workflow: Workflow.Body) throws -> TaskGraph {
        let seconds = Dictionary(
            uniqueKeysWithValues: workflow.execution.tasks.map { ($0.id, max(0, $0.runtimeInSeconds)) })
        let sizes = Dictionary(
            uniqueKeysWithValues: (workflow.specification.files ?? []).map { ($0.id, $0.sizeInBytes) })
        var parents: [String: Set<String>] = [:]
        for task in workflow.specification.tasks {
            parents[task.id, default: []].formUnion(task.parents ?? [])
            for child in task.children ?? [] { parents[child, default: []].insert(task.id) }
        }
        return try TaskGraph(
            workflow.specification.tasks.map { task in
                TaskSpec(
                    id: TaskID(task.id), predecessors: (parents[task.id] ?? []).sorted().map { TaskID($0) },
                    inputs: (task.inputFiles ?? []).map { FileSpec(path: $0, sizeBytes: sizes[$0]) },
                    outputs: (task.outputFiles ?? []).map { FileSpec(path: $0, sizeBytes: sizes[$0]) },
                    claimedSeconds: seconds[task.id] ?? 0)
            })
    }

    /// Every task starts after its data arrived, computed from the files anew.
    private func checkTransfers(_ plan: Plan, _ graph: TaskGraph, _ network: Machines.Network) {
        let places = Dictionary(uniqueKeysWithValues: plan.assignments.map { ($0.task, $0) })
        for (index, task) in graph.tasks.enumerated() {
            for predecessor in graph.predecessors(of: index) {
                let producer = graph.tasks[predecessor]
                guard let from = places[producer.id], let to = places[task.id], from.instance != to.instance else {
                    continue
                }
                let shared = Set(producer.outputs.map(\.path)).intersection(task.inputs.map(\.path))
                let bytes = producer.outputs.filter { shared.contains($0.path) }.reduce(0) { $0 + ($1.sizeBytes ?? 0) }
                let arrival = from.endSeconds + network.latency_s + bytes / network.bandwidth_bytes_per_s
                #expect(to.startSeconds >= arrival * (1 - 1e-12))
            }
        }
    }
}
