public import Workloads

/// What each task of a job brings to those that wait for it, edge by edge, and how long that takes between two instances.
public struct DataFlow: Hashable, Sendable, Codable {
    /// The first edge into each task; one more than tasks.
    public let firstEdge: [Int32]
    /// Where each edge comes from.
    public let predecessors: [Int32]
    /// Bytes that the predecessor writes and the task reads; each path counts once.
    public let bytes: [Double]
    /// How fast they move.
    public let network: Network

    /// All edges of a job. O(files + edges).
    public init(_ graph: TaskGraph, over network: Network) {
        var (firstEdge, predecessors): ([Int32], [Int32]) = ([0], [])
        firstEdge.reserveCapacity(graph.count + 1)
        for task in 0..<graph.count {
            for predecessor in graph.predecessors(of: task) { predecessors.append(Int32(predecessor)) }
            firstEdge.append(Int32(predecessors.count))
        }
        var writers: [String: [(task: Int, bytes: Double?)]] = [:]
        for (index, task) in graph.tasks.enumerated() {
            for output in task.outputs where writers[output.path]?.last?.task != index {
                writers[output.path, default: []].append((index, output.sizeBytes))
            }
        }
        var bytes: [Double] = []
        bytes.reserveCapacity(predecessors.count)
        // For the task at hand: what each task before it brings.
        var brought = [Double](repeating: 0, count: graph.count)
        for (index, task) in graph.tasks.enumerated() {
            var seen: Set<String> = []
            for input in task.inputs where seen.insert(input.path).inserted {
                for writer in writers[input.path] ?? [] {
                    brought[writer.task] += max(0, writer.bytes ?? input.sizeBytes ?? 0)
                }
            }
            for predecessor in graph.predecessors(of: index) { bytes.append(brought[predecessor]) }
            for path in seen { for writer in writers[path] ?? [] { brought[writer.task] = 0 } }
        }
        (self.firstEdge, self.predecessors, self.bytes, self.network) = (firstEdge, predecessors, bytes, network)
    }

    /// Those of several jobs over one network, one after the other.
    package init(joining parts: [DataFlow], over network: Network) {
        var (firstEdge, predecessors, bytes): ([Int32], [Int32], [Double]) = ([0], [], [])
        for part in parts {
            let (tasks, edges) = (Int32(firstEdge.count - 1), Int32(predecessors.count))
            firstEdge += part.firstEdge.dropFirst().map { $0 + edges }
            predecessors += part.predecessors.map { $0 + tasks }
            bytes += part.bytes
        }
        (self.firstEdge, self.predecessors, self.bytes, self.network) = (firstEdge, predecessors, bytes, network)
    }

    /// The edges into a task.
    @inlinable public func edges(of task: Int) -> Range<Int> { Int(firstEdge[task])..<Int(firstEdge[task + 1]) }

    /// The time that what comes along an edge takes from one instance to another, in seconds.
    ///
    /// - Parameter isFar: To another zone.
    public func seconds(along edge: Int, isFar: Bool = false) -> Double { network.seconds(bytes[edge], isFar: isFar) }
}
