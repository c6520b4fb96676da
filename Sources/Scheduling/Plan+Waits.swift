public import Workloads

extension Plan {
    /// What each assignment waits for, by its position in ``assignments``.
    ///
    /// - Parameter transferSeconds: From the end of the first task until its data is with the second, on another instance;
    ///   both by position in the graph.
    package func waits(_ graph: TaskGraph, transferSeconds: (Int, Int) -> Double = { _, _ in 0 }) -> WaitGraph {
        let number = Dictionary(instances.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
        let place = Dictionary(assignments.enumerated().map { ($1.task, $0) }, uniquingKeysWith: { first, _ in first })
        let pieces = assignments.map { own in
            WaitGraph.Piece(
                start: own.startSeconds, end: own.endSeconds, instance: number[own.instance] ?? -1,
                resources: Resources(cpus: own.cpus, memoryBytes: own.memoryBytes))
        }
        let results = assignments.enumerated().map { index, own -> [WaitGraph.Link] in
            guard let task = graph.index(of: own.task) else { return [] }
            return graph.predecessors(of: task).compactMap { predecessor in
                guard let earlier = place[graph.tasks[predecessor].id] else { return nil }
                let isHere = assignments[earlier].instance == own.instance
                return WaitGraph.Link(earlier, .result, seconds: isHere ? 0 : transferSeconds(predecessor, task))
            }
        }
        var capacity: [Int: Resources] = [:]
        for (index, instance) in instances.enumerated() {
            // Plans fill an instance but for rounding.
            let type = instance.entry.type
            capacity[index] = Resources(cpus: type.cpus * (1 + 1e-9), memoryBytes: type.memoryBytes * (1 + 1e-9))
        }
        return WaitGraph(pieces, results: results, capacity: capacity)
    }

    /// The tasks that the makespan follows from, from first to last: each waits for the one before, for its result or for
    /// its room.
    public func criticalPath(_ graph: TaskGraph) -> [TaskID] {
        waits(graph).criticalPath.map { assignments[$0].task }
    }
}
