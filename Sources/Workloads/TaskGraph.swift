/// Tasks and the order among them: a directed acyclic graph.
///
/// Inside, a task is its position in ``tasks``, and the edges are flat integer arrays, so that walks over a
/// graph of a hundred thousand tasks take milliseconds.
///
///     let graph = try TaskGraph([TaskSpec(id: "sort"), TaskSpec(id: "count", predecessors: ["sort"])])
///     graph.successors(of: 0)   // [1]
///
/// - Invariant: names are unique, every predecessor exists, and there is no cycle.
public struct TaskGraph: Hashable, Sendable {
    /// The tasks in the order in which they were given.
    public private(set) var tasks: [TaskSpec]
    /// Positions of all tasks, every one after its predecessors; ties keep the given order.
    public let topologicalOrder: [Int]
    /// The number of edges on the longest path from a root to each task: 0 for a root.
    public let levels: [Int]

    private let indexes: [TaskID: Int]
    private let forward: Edges
    private let backward: Edges

    /// Checks and indexes the tasks. A predecessor named twice counts once.
    ///
    /// - Throws: ``TaskGraphError`` that names the tasks involved.
    /// - Complexity: O(*V* + *E*).
    public init(_ tasks: [TaskSpec]) throws(TaskGraphError) {
        var indexes: [TaskID: Int] = [:]
        indexes.reserveCapacity(tasks.count)
        for (index, task) in tasks.enumerated() {
            guard indexes.updateValue(index, forKey: task.id) == nil else { throw .duplicateID(task.id) }
        }
        var predecessors: [[Int]] = []
        predecessors.reserveCapacity(tasks.count)
        var lastUser = [Int](repeating: -1, count: tasks.count)
        for (index, task) in tasks.enumerated() {
            var found: [Int] = []
            for id in task.predecessors {
                guard let predecessor = indexes[id] else {
                    let nearest = nearestName(to: id.rawValue, among: tasks.lazy.map(\.id.rawValue))
                    throw .missingDependency(task: task.id, dependency: id, nearest: nearest.map { TaskID($0) })
                }
                guard lastUser[predecessor] != index else { continue }
                lastUser[predecessor] = index
                found.append(predecessor)
            }
            predecessors.append(found)
        }
        self.tasks = tasks
        self.indexes = indexes
        backward = Edges(predecessors)
        forward = backward.reversed()
        (topologicalOrder, levels) = Self.order(forward: forward, backward: backward)
        guard topologicalOrder.count == tasks.count else {
            throw .cycle(Self.cycle(among: topologicalOrder, backward: backward).map { tasks[$0].id })
        }
    }

    /// The number of tasks.
    public var count: Int { tasks.count }

    /// The number of edges.
    public var edgeCount: Int { forward.targets.count }

    /// The position of the task with this name, or `nil`.
    public func index(of id: TaskID) -> Int? { indexes[id] }

    /// The task with this name, or `nil`.
    public subscript(id: TaskID) -> TaskSpec? { indexes[id].map { tasks[$0] } }

    /// Positions of the tasks that must succeed before task `index` starts.
    public func predecessors(of index: Int) -> ArraySlice<Int> { backward[index] }

    /// Positions of the tasks that wait for task `index`.
    public func successors(of index: Int) -> ArraySlice<Int> { forward[index] }

    /// Positions of the tasks that wait for none.
    public var roots: [Int] { tasks.indices.filter { backward[$0].isEmpty } }

    /// Positions of the tasks that none waits for.
    public var leaves: [Int] { tasks.indices.filter { forward[$0].isEmpty } }

    /// The graph with what its tasks claim changed, but neither their names nor what they wait for.
    package func mapTasks(_ change: (Int, inout TaskSpec) -> Void) -> TaskGraph {
        var result = self
        for index in tasks.indices { change(index, &result.tasks[index]) }
        return result
    }

    /// Graphs are equal if their tasks are; the indexes follow from them.
    public static func == (a: TaskGraph, b: TaskGraph) -> Bool { a.tasks == b.tasks }

    /// Hashes the tasks.
    public func hash(into hasher: inout Hasher) { hasher.combine(tasks) }
}

extension TaskGraph {
    /// Kahn's algorithm. The order is shorter than the graph if there is a cycle.
    private static func order(forward: Edges, backward: Edges) -> (order: [Int], levels: [Int]) {
        let count = forward.count
        var open = (0..<count).map { backward[$0].count }
        var levels = [Int](repeating: 0, count: count)
        var order = (0..<count).filter { open[$0] == 0 }
        order.reserveCapacity(count)
        var next = 0
        while next < order.count {
            let task = order[next]
            next += 1
            for successor in forward[task] {
                levels[successor] = max(levels[successor], levels[task] + 1)
                open[successor] -= 1
                if open[successor] == 0 { order.append(successor) }
            }
        }
        return (order, levels)
    }

    /// One cycle among the tasks that Kahn's algorithm could not order, its first task repeated at the end.
    private static func cycle(among ordered: [Int], backward: Edges) -> [Int] {
        var isOrdered = [Bool](repeating: false, count: backward.count)
        for task in ordered { isOrdered[task] = true }
        // Every task left over has a predecessor that is left over too: walk back until one repeats.
        var position = [Int](repeating: -1, count: backward.count)
        var path: [Int] = []
        var task = isOrdered.firstIndex(of: false)
        while let current = task {
            if position[current] >= 0 {
                return [current] + path[position[current]...].reversed()
            }
            position[current] = path.count
            path.append(current)
            task = backward[current].first { !isOrdered[$0] }
        }
        return path
    }
}

/// Adjacency lists in two flat arrays: the neighbours of `i` are `targets[offsets[i]..<offsets[i + 1]]`.
private struct Edges: Sendable {
    var offsets: [Int]
    var targets: [Int]

    init(_ lists: [[Int]]) {
        offsets = [0]
        offsets.reserveCapacity(lists.count + 1)
        targets = []
        targets.reserveCapacity(lists.reduce(0) { $0 + $1.count })
        for list in lists {
            targets += list
            offsets.append(targets.count)
        }
    }

    var count: Int { offsets.count - 1 }

    subscript(index: Int) -> ArraySlice<Int> { targets[offsets[index]..<offsets[index + 1]] }

    func reversed() -> Edges {
        var result = self
        var next = [Int](repeating: 0, count: count + 1)
        for target in targets { next[target + 1] += 1 }
        for index in 0..<count { next[index + 1] += next[index] }
        result.offsets = next
        for source in 0..<count {
            for target in self[source] {
                result.targets[next[target]] = source
                next[target] += 1
            }
        }
        return result
    }
}
