/// The edges of a graph that say nothing: the later task waits for the earlier one by way of others, too.
///
///     let reduction = TransitiveReduction(graph)
///     reduction.redundant.count     // edges that can go
///     reduction.graph.edgeCount     // those that stay
public struct TransitiveReduction: Hashable, Sendable {
    /// An edge between two tasks, as positions.
    public struct Edge: Hashable, Sendable {
        /// The task that must succeed first.
        public let from: Int
        /// The task that waits for it.
        public let to: Int

        /// Makes an edge.
        public init(from: Int, to: Int) { (self.from, self.to) = (from, to) }
    }

    /// The edges that can go, by the task that waits.
    public let redundant: [Edge]
    /// The graph without them: the smallest in which the same tasks wait for one another, directly or not.
    public let graph: TaskGraph

    /// Targets that are looked at together: memory is *V* · 512 bytes.
    private static let words = 64

    /// Finds them.
    ///
    /// Reachability as bits, for 4,096 targets at a time, backwards through the topological order.
    /// - Complexity: O(*V* · *E* / 64) time. Source: Aho, Garey and Ullman, *The Transitive Reduction of a Directed
    ///   Graph* (1972).
    public init(_ graph: TaskGraph) {
        var place = [Int](repeating: 0, count: graph.count)
        for (position, task) in graph.topologicalOrder.enumerated() { place[task] = position }
        var found: [Edge] = []
        var first = 0
        while first < graph.count {
            let count = min(64 * Self.words, graph.count - first)
            Self.collect(graph, place, targets: first..<first + count, into: &found)
            first += count
        }
        redundant = found.sorted { ($0.to, $0.from) < ($1.to, $1.from) }
        var superfluous: [Int: Set<TaskID>] = [:]
        for edge in found { superfluous[edge.to, default: []].insert(graph.tasks[edge.from].id) }
        guard !found.isEmpty else {
            self.graph = graph
            return
        }
        let tasks = graph.tasks.enumerated().map { index, task in
            var task = task
            if let needless = superfluous[index] { task.predecessors.removeAll { needless.contains($0) } }
            return task
        }
        // The names are the same, and fewer edges make no cycle.
        self.graph = (try? TaskGraph(tasks)) ?? graph
    }

    /// Adds the needless edges to the tasks at some places of the topological order.
    private static func collect(_ graph: TaskGraph, _ place: [Int], targets: Range<Int>, into found: inout [Edge]) {
        let words = (targets.count + 63) / 64
        // What is reached from the task at each place, by way of at least one edge.
        var reached = [UInt64](repeating: 0, count: targets.upperBound * words)
        for at in (0..<targets.upperBound).reversed() {
            let task = graph.topologicalOrder[at]
            for successor in graph.successors(of: task) where place[successor] < targets.upperBound {
                let from = place[successor] * words
                for word in 0..<words { reached[at * words + word] |= reached[from + word] }
            }
            // Before its own successors are added: what is there by now is reached by way of others.
            for successor in graph.successors(of: task) where targets.contains(place[successor]) {
                let bit = place[successor] - targets.lowerBound
                let mask = UInt64(1) << UInt64(bit % 64)
                if reached[at * words + bit / 64] & mask != 0 { found.append(Edge(from: task, to: successor)) }
            }
            for successor in graph.successors(of: task) where targets.contains(place[successor]) {
                let bit = place[successor] - targets.lowerBound
                reached[at * words + bit / 64] |= UInt64(1) << UInt64(bit % 64)
            }
        }
    }
}
