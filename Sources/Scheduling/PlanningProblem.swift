import Glibc
import Workloads

/// A job, a pool and a cost model as flat arrays of numbers, asked once and then used by many list schedules.
struct PlanningProblem {
    let graph: TaskGraph
    let entries: [ResourcePool.Entry]
    let costs: CostModel
    /// Processors and memory that each task occupies.
    let cpus: [Double]
    let memoryBytes: [Double]
    let smallestCPUs: Double
    let smallestMemory: Double
    /// Seconds of each task (slow index) on each entry (fast index); infinite where it does not fit.
    private let seconds: [Double]
    /// Bytes from each predecessor, in the order of `graph.predecessors`, of all tasks one after the other.
    private let bytes: [Double]
    private let firstEdge: [Int]
    let transfersAreFree: Bool
    /// For each task on each entry, the time from its end to the end of the job if each later task could choose its entry
    /// freely. Source: Arabnejad and Barbosa, *PEFT* (2014), the optimistic cost table.
    private(set) var optimisticRest: [Double] = []

    init(_ graph: TaskGraph, on pool: ResourcePool, costs: CostModel, confidence: Double?) throws(PlanError) {
        self.graph = graph
        self.costs = costs
        let entries = pool.entries.filter { $0.maximumCount > 0 }
        self.entries = entries
        cpus = graph.tasks.map { max(0, $0.request.cpus) }
        memoryBytes = graph.tasks.map { task in
            let bytes = task.request.memoryBytes > 0 ? task.request.memoryBytes : costs.memoryRequestBytes(task)
            return bytes.isFinite ? max(0, bytes) : 0
        }
        smallestCPUs = cpus.min() ?? 0
        smallestMemory = memoryBytes.min() ?? 0

        var seconds: [Double] = []
        seconds.reserveCapacity(graph.count * entries.count)
        for (index, task) in graph.tasks.enumerated() {
            let request = ResourceRequest(cpus: cpus[index], memoryBytes: memoryBytes[index])
            for entry in entries {
                seconds.append(
                    entry.type.fits(request)
                        ? try Self.seconds(of: task, on: entry, costs: costs, confidence: confidence) : .infinity)
            }
            guard seconds.suffix(entries.count).contains(where: \.isFinite) else {
                throw .impossible(task.id, cpus: request.cpus, memoryBytes: request.memoryBytes)
            }
        }
        self.seconds = seconds
        (firstEdge, bytes) = Self.edgeBytes(graph)
        let pairs = entries.flatMap { from in entries.map { (from, $0) } }
        transfersAreFree = pairs.allSatisfy {
            costs.transferSeconds(1e9, $0, $1) == 0 && costs.transferSeconds(0, $0, $1) == 0
        }
    }

    /// Fills ``optimisticRest``. O(*E* · *entries*).
    mutating func lookAhead() {
        let width = entries.count
        var rest = [Double](repeating: 0, count: graph.count * width)
        for task in graph.topologicalOrder.reversed() {
            for (place, predecessor) in graph.predecessors(of: task).enumerated() {
                let transfer = meanTransferSeconds(to: task, place: place)
                var best = Double.infinity
                for entry in 0..<width { best = min(best, rest[task * width + entry] + seconds[task * width + entry]) }
                for entry in 0..<width {
                    let here = rest[task * width + entry] + seconds[task * width + entry]
                    let value = min(here, best + transfer)
                    rest[predecessor * width + entry] = max(rest[predecessor * width + entry], value)
                }
            }
        }
        optimisticRest = rest
    }

    func seconds(of task: Int, on entry: Int) -> Double { seconds[task * entries.count + entry] }

    /// The finite times of a task on all entries.
    func possibleSeconds(of task: Int) -> some Sequence<Double> {
        seconds[task * entries.count..<(task + 1) * entries.count].lazy.filter(\.isFinite)
    }

    /// The time to bring the data of predecessor number `place` of `task` from another instance.
    func transferSeconds(to task: Int, place: Int, from source: Int, to target: Int) -> Double {
        guard !transfersAreFree else { return 0 }
        return max(0, costs.transferSeconds(bytes[firstEdge[task] + place], entries[source], entries[target]))
    }

    /// Upward ranks with one time for each task, made by `reduce` from its times on all entries that it fits.
    func ranks(_ reduce: ([Double]) -> Double) -> [Double] {
        let durations = (0..<graph.count).map { reduce(Array(possibleSeconds(of: $0))) }
        var ranks = durations
        for task in graph.topologicalOrder.reversed() {
            for (place, predecessor) in graph.predecessors(of: task).enumerated() {
                let path = durations[predecessor] + meanTransferSeconds(to: task, place: place) + ranks[task]
                ranks[predecessor] = max(ranks[predecessor], path)
            }
        }
        return ranks
    }

    /// Tasks by falling rank, each after its predecessors; a task of higher priority goes first, and so do all that
    /// it waits for.
    func order(by ranks: [Double]) -> [Int] {
        var priority = graph.tasks.map(\.priority)
        var place = [Int](repeating: 0, count: graph.count)
        for (position, task) in graph.topologicalOrder.enumerated() { place[task] = position }
        for task in graph.topologicalOrder.reversed() {
            for successor in graph.successors(of: task) { priority[task] = max(priority[task], priority[successor]) }
        }
        return (0..<graph.count).sorted { a, b in
            if priority[a] != priority[b] { return priority[a] > priority[b] }
            return ranks[a] != ranks[b] ? ranks[a] > ranks[b] : place[a] < place[b]
        }
    }

    /// The mean over ordered pairs of different entries, or of one with itself if there is only one.
    private func meanTransferSeconds(to task: Int, place: Int) -> Double {
        guard !transfersAreFree else { return 0 }
        var (sum, pairs) = (0.0, 0.0)
        for source in entries.indices.prefix(8) {
            for target in entries.indices.prefix(8) where source != target || entries.count == 1 {
                sum += transferSeconds(to: task, place: place, from: source, to: target)
                pairs += 1
            }
        }
        return sum / pairs
    }

    /// The expected or quantile time; on spot, the expected time including restarts from the beginning after
    /// reclaims that come at a constant rate.
    private static func seconds(
        of task: TaskSpec, on entry: ResourcePool.Entry, costs: CostModel, confidence: Double?
    ) throws(PlanError) -> Double {
        let once =
            confidence.map { costs.quantileSeconds(task, entry.type, $0) } ?? costs.expectedSeconds(task, entry.type)
        guard once >= 0, once.isFinite else { throw .badEstimate(task.id, type: entry.type.name, seconds: once) }
        let reclaim = costs.reclaimProbability(entry, once)
        guard reclaim > 0, once > 0 else { return once }
        return reclaim < 1 ? once * reclaim / ((1 - reclaim) * -log1p(-reclaim)) : .infinity
    }

    /// The bytes of files that a predecessor writes and the task reads; each path counts once. O(files + edges).
    private static func edgeBytes(_ graph: TaskGraph) -> (firstEdge: [Int], bytes: [Double]) {
        var writers: [String: [(task: Int, bytes: Double?)]] = [:]
        for (index, task) in graph.tasks.enumerated() {
            for output in task.outputs where writers[output.path]?.last?.task != index {
                writers[output.path, default: []].append((index, output.sizeBytes))
            }
        }
        var (firstEdge, bytes): ([Int], [Double]) = ([], [])
        // For the task at hand: what each task before it brings.
        var brought = [Double](repeating: 0, count: graph.count)
        for (index, task) in graph.tasks.enumerated() {
            firstEdge.append(bytes.count)
            var seen: Set<String> = []
            for input in task.inputs where seen.insert(input.path).inserted {
                for writer in writers[input.path] ?? [] {
                    brought[writer.task] += writer.bytes ?? input.sizeBytes ?? 0
                }
            }
            for predecessor in graph.predecessors(of: index) { bytes.append(brought[predecessor]) }
            for path in seen { for writer in writers[path] ?? [] { brought[writer.task] = 0 } }
        }
        return (firstEdge, bytes)
    }
}
