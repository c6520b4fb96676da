/// What distinguishes two graphs, tasks compared by name.
///
///     let difference = GraphDifference(planned, ran)
///     difference.onlyInSecond.tasks       // what was added
///     difference.onlyInFirst.edges        // what no longer waits as directly as it did
public struct GraphDifference: Hashable, Sendable {
    /// An edge by the names of its tasks.
    public struct Edge: Hashable, Sendable {
        /// The task that must succeed first.
        public let from: TaskID
        /// The task that waits for it.
        public let to: TaskID
        /// Whether the other graph has both tasks and orders them so all the same, by way of others.
        public let isImplied: Bool
    }

    /// What one graph has and the other has not.
    public struct Side: Hashable, Sendable {
        /// Tasks in the order of their graph.
        public internal(set) var tasks: [TaskID] = []
        /// Edges by the task that waits.
        public internal(set) var edges: [Edge] = []
    }

    public let onlyInFirst: Side
    public let onlyInSecond: Side
    /// How many tasks and edges are the same.
    public let commonTasks: Int
    public let commonEdges: Int

    /// Whether there is no difference.
    public var isEmpty: Bool { [onlyInFirst, onlyInSecond].allSatisfy { $0.tasks.isEmpty && $0.edges.isEmpty } }

    /// Whether the same tasks wait for one another, directly or not.
    public var hasSameOrder: Bool {
        [onlyInFirst, onlyInSecond].allSatisfy { $0.tasks.isEmpty && $0.edges.allSatisfy(\.isImplied) }
    }

    /// Compares them. O(*V* + *E*), and as much again for each task whose outgoing edges differ.
    public init(_ first: TaskGraph, _ second: TaskGraph) {
        onlyInFirst = Self.side(first, without: second)
        onlyInSecond = Self.side(second, without: first)
        commonTasks = first.count - onlyInFirst.tasks.count
        commonEdges = first.edgeCount - onlyInFirst.edges.count
    }

    private static func side(_ graph: TaskGraph, without other: TaskGraph) -> Side {
        var side = Side()
        side.tasks = graph.tasks.map(\.id).filter { other.index(of: $0) == nil }
        var missing: [(from: Int, to: Int)] = []
        for task in graph.tasks.indices {
            for predecessor in graph.predecessors(of: task) {
                let ends = (other.index(of: graph.tasks[predecessor].id), other.index(of: graph.tasks[task].id))
                if let from = ends.0, let to = ends.1, other.predecessors(of: to).contains(from) { continue }
                missing.append((predecessor, task))
            }
        }
        var reached: [TaskID: Set<Int>] = [:]
        for (from, to) in missing {
            let (first, second) = (graph.tasks[from].id, graph.tasks[to].id)
            var isImplied = false
            if let start = other.index(of: first), let end = other.index(of: second) {
                let all = reached[first] ?? Self.reachable(from: start, in: other)
                reached[first] = all
                isImplied = all.contains(end)
            }
            side.edges.append(Edge(from: first, to: second, isImplied: isImplied))
        }
        return side
    }

    private static func reachable(from start: Int, in graph: TaskGraph) -> Set<Int> {
        var (seen, open): (Set<Int>, [Int]) = ([], [start])
        while let next = open.popLast() {
            for successor in graph.successors(of: next) where seen.insert(successor).inserted { open.append(successor) }
        }
        return seen
    }
}
