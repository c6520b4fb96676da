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

    /// All edges of a job, with the files that the predecessor writes and the task reads.
    ///
    /// - Parameter countsBytes: False leaves ``bytes`` empty.
    /// - Complexity: O(files + edges).
    public init(_ graph: TaskGraph, over network: Network, countsBytes: Bool = true) {
        var (firstEdge, predecessors): ([Int32], [Int32]) = ([0], [])
        firstEdge.reserveCapacity(graph.count + 1)
        for task in 0..<graph.count {
            for predecessor in graph.predecessors(of: task) { predecessors.append(Int32(predecessor)) }
            firstEdge.append(Int32(predecessors.count))
        }
        bytes = countsBytes ? Self.bytes(graph, edges: predecessors.count) : []
        (self.firstEdge, self.predecessors, self.network) = (firstEdge, predecessors, network)
    }

    private static func bytes(_ graph: TaskGraph, edges: Int) -> [Double] {
        // Who writes each path: the last of them, and for each the one before.
        var numbers: [String: Int] = [:]
        var (lastWriter, lastReader): ([Int], [Int]) = ([], [])
        var writers: [(task: Int, bytes: Double?, before: Int)] = []
        for (index, task) in graph.tasks.enumerated() {
            for output in task.outputs {
                let number = numbers[output.path, default: lastWriter.count]
                if number == lastWriter.count {
                    numbers[output.path] = number
                    lastWriter.append(-1)
                    lastReader.append(-1)
                }
                if lastWriter[number] >= 0, writers[lastWriter[number]].task == index { continue }
                writers.append((index, output.sizeBytes, lastWriter[number]))
                lastWriter[number] = writers.count - 1
            }
        }
        var bytes: [Double] = []
        bytes.reserveCapacity(edges)
        // For the task at hand: what each task before it brings.
        var brought = [Double](repeating: 0, count: graph.count)
        var bringers: [Int] = []
        for (index, task) in graph.tasks.enumerated() {
            for input in task.inputs {
                guard let number = numbers[input.path], lastReader[number] != index else { continue }
                lastReader[number] = index
                var place = lastWriter[number]
                while place >= 0 {
                    let writer = writers[place]
                    brought[writer.task] += max(0, writer.bytes ?? input.sizeBytes ?? 0)
                    bringers.append(writer.task)
                    place = writer.before
                }
            }
            for predecessor in graph.predecessors(of: index) { bytes.append(brought[predecessor]) }
            for bringer in bringers { brought[bringer] = 0 }
            bringers.removeAll(keepingCapacity: true)
        }
        return bytes
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
