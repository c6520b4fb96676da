import Foundation
import LinearAlgebra
import Prediction
import Scheduling
import Workloads

// allocation-bench PART...: measures each part and prints a JSON object with a number for each name.

/// Seconds of this process's processors.
func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// The least time of `repeats` runs, in seconds: what it takes when nobody else is in the way.
func least(of repeats: Int, _ body: () throws -> Void) rethrows -> Double {
    var least = Double.infinity
    for _ in 0..<repeats {
        let start = processorSeconds()
        try body()
        least = min(least, processorSeconds() - start)
    }
    return least
}

/// A random layered job: whole seconds, up to three predecessors each, some twenty tasks on the longest path.
func layered(_ count: Int, requests: Int, seed: UInt64) throws -> TaskGraph {
    var generator = SeededGenerator(seed: seed)
    return try TaskGraph(
        (0..<count).map { index in
            let edges = index < 1000 ? 0 : generator.nextInt(below: 4)
            return TaskSpec(
                id: TaskID("t\(index)"),
                predecessors: (0..<edges).map { _ in TaskID("t\(index - 1000 + generator.nextInt(below: 750))") },
                request: requests == 1
                    ? .init()
                    : .init(
                        cpus: Double(1 + generator.nextInt(below: 4)),
                        memoryBytes: 1e9 * Double(generator.nextInt(below: requests / 4))),
                claimedSeconds: Double(1 + generator.nextInt(below: 600)))
        })
}

/// Types from 4 to 32 processors, the faster the dearer.
func pool(types: Int, count: Int) -> ResourcePool {
    ResourcePool(
        entries: (0..<types).map { index in
            let size = Double(4 << (index % 4))
            return .init(
                type: InstanceType(
                    name: "type\(index)", cpus: size, memoryBytes: size * 4e9, speed: 1 + 0.25 * Double(index),
                    onDemandPrice: Price(perHour: 0.05 * size * (1 + 0.3 * Double(index)))), maximumCount: count)
        })
}

func decoding(requests: Int, types: Int) throws -> Double {
    let graph = try layered(10_000, requests: requests, seed: 1)
    let pool = pool(types: types, count: 960 / types)
    let problem = try PlanningProblem(graph, on: pool, costs: .claimed(by: graph))
    var generator = SeededGenerator(seed: 2)
    let entries = (0..<graph.count).map { _ in Int32(generator.nextInt(below: types)) }
    let order = problem.ranked
    var decoder = ScheduleDecoder(problem)
    return least(of: 40) { decoder.decode(order: order, entries: entries) }
}

func planning() throws -> Double {
    let graph = try layered(10_000, requests: 32, seed: 1)
    let planner = Planner(graph, on: pool(types: 16, count: 60), costs: .claimed(by: graph))
    return try least(of: 3) { _ = try planner.plan(Goal(.time)) }
}

/// Planning one merge over 16,000 files on one instance, whose sizes count.
func merging() throws -> Double {
    let files = (0..<16_000).map { FileSpec(path: "f\($0)", sizeBytes: 1e6) }
    let graph = try TaskGraph(
        files.indices.map { TaskSpec(id: TaskID("p\($0)"), outputs: [files[$0]]) }
            + [TaskSpec(id: "merge", predecessors: files.indices.map { TaskID("p\($0)") }, inputs: files)])
    var costs = CostModel.claimed(by: graph)
    costs.network = Network(bytesPerSecond: 1e8)
    let planner = Planner(graph, on: pool(types: 1, count: 1), costs: costs)
    return try least(of: 5) { _ = try planner.plan(Goal(.balanced)) }
}

func estimating() throws -> Double {
    var generator = SeededGenerator(seed: 3)
    let names = (0..<20).map { "type \($0)" }
    func size() -> Double { 1e6 * pow(10, 3 * generator.nextUniform()) }
    func samples(_ target: TaskTarget) throws -> TaskSamples {
        let types = (0..<4000).map { $0 % 20 }
        let sizes = types.map { _ in size() }
        let values = zip(types, sizes).map { type, size in
            (5 + Double(type) * size / 1e7) * exp(0.1 * generator.nextNormal()) * (target == .runtime ? 1 : 1e7)
        }
        return try TaskSamples(
            target: target, typeNames: names, featureNames: ["input_bytes"], types: types, features: [sizes],
            values: values, instanceTypes: types.map { "type\($0 % 16)" })
    }
    let models = ModelSet(
        runtime: try TaskModel.fit(samples(.runtime), seed: 1),
        memory: try TaskModel.fit(samples(.peakMemory), seed: 1))
    let graph = try TaskGraph(
        (0..<100_000).map { index in
            TaskSpec(
                id: TaskID("t\(index)"), type: names[index % 20], inputs: [.init(path: "f\(index)", sizeBytes: size())])
        })
    let pool = pool(types: 16, count: 60)
    return try least(of: 5) { _ = try models.costModel(for: graph, on: pool) }
}

var rows: [String: Double] = [:]
for part in CommandLine.arguments.dropFirst() {
    switch part {
    case "decoder":
        rows["decode_1_request"] = try decoding(requests: 1, types: 16)
        rows["decode_8_requests"] = try decoding(requests: 8, types: 16)
        rows["decode_32_requests"] = try decoding(requests: 32, types: 16)
        rows["decode_1_entry"] = try decoding(requests: 1, types: 1)
    case "plan": rows["plan"] = try planning()
    case "merge": rows["merge"] = try merging()
    case "estimates": rows["estimates"] = try estimating()
    case "events": for (name, value) in try eventRows() { rows[name] = value }
    case "state": rows["state_bytes"] = try stateRow()
    default:
        FileHandle.standardError.write(Data("allocation-bench: there is no part '\(part)'\n".utf8))
        exit(2)
    }
}
print(String(decoding: try JSONSerialization.data(withJSONObject: rows), as: UTF8.self))
