import Foundation
import Scheduling
import Workloads

/// A problem as bench.py writes it (see peers/problem.hpp): tasks without requests, a machine an entry, which runs one at a time.
struct Problem {
    var graph: TaskGraph
    var pool: ResourcePool
    var costs: CostModel

    init(_ path: String) throws {
        var numbers = Numbers(bytes: Array(try Data(contentsOf: URL(filePath: path))))
        let (tasks, machines, edges) = (numbers.integer(), numbers.integer(), numbers.integer())
        let network = (latency: numbers.next(), bandwidth: numbers.next())
        pool = ResourcePool(
            entries: (0..<machines).map { machine in
                let (speed, price) = (numbers.next(), numbers.next())
                return Offer(
                    type: InstanceType(
                        name: "\(machine)", cpus: 1, memoryBytes: 1e18, speed: speed,
                        onDemandPrice: Price(perHour: price)))
            })
        var specs = (0..<tasks).map { TaskSpec(id: TaskID("\($0)"), claimedSeconds: numbers.next()) }
        for edge in 0..<edges {
            let (from, to) = (numbers.integer(), numbers.integer())
            let file = FileSpec(path: "\(edge)", sizeBytes: numbers.next())
            specs[to].predecessors.append(specs[from].id)
            specs[to].inputs.append(file)
            specs[from].outputs.append(file)
        }
        graph = try TaskGraph(specs)
        costs = .claimed(by: graph)
        costs.network = Network(bytesPerSecond: network.bandwidth, latencySeconds: network.latency)
    }

    /// The tasks of every machine in their order.
    func machines(_ plan: Plan) -> [[Int]] {
        var place = [Int](repeating: 0, count: graph.count)
        for (position, task) in graph.topologicalOrder.enumerated() { place[task] = position }
        let machine = Dictionary(uniqueKeysWithValues: plan.instances.map { ($0.id, Int($0.entry.type.name) ?? 0) })
        var machines = [[Plan.Assignment]](repeating: [], count: pool.entries.count)
        for assignment in plan.assignments { machines[machine[assignment.instance] ?? 0].append(assignment) }
        // What takes no time may start when another does that waits for it.
        return machines.map { own in
            own.map { (start: $0.startSeconds, end: $0.endSeconds, task: graph.index(of: $0.task) ?? 0) }
                .sorted { ($0.start, $0.end, place[$0.task]) < ($1.start, $1.end, place[$1.task]) }.map(\.task)
        }
    }
}

/// Numbers one after the other.
struct Numbers {
    let bytes: [UInt8]
    private var place = 0

    init(bytes: [UInt8]) { self.bytes = bytes + [0] }

    /// The next one; 0 after the last.
    mutating func next() -> Double {
        while place < bytes.count - 1, bytes[place] <= 32 { place += 1 }
        let start = place
        while bytes[place] > 32 { place += 1 }
        return Double(String(decoding: bytes[start..<place], as: UTF8.self)) ?? 0
    }

    mutating func integer() -> Int { Int(next()) }
}
