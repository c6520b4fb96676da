public import Workloads

extension Plan {
    /// What each assignment waits for, by its position in ``assignments``.
    ///
    /// - Parameter transferSeconds: From the end of the first task until its data is with the second, on another instance;
    ///   both by position in the graph, with whether that is in another zone.
    package func waits(
        _ graph: TaskGraph, quota: Quota? = nil, transferSeconds: (Int, Int, Bool) -> Double = { _, _, _ in 0 }
    ) -> WaitGraph {
        let number = Dictionary(instances.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
        let place = Dictionary(assignments.enumerated().map { ($1.task, $0) }, uniquingKeysWith: { first, _ in first })
        let pieces = assignments.map { own in
            WaitGraph.Piece(
                start: own.startSeconds, end: own.endSeconds, instance: number[own.instance] ?? -1,
                resources: own.resources, notBefore: graph[own.task]?.notBeforeSeconds ?? 0)
        }
        let results = assignments.enumerated().map { index, own -> [WaitGraph.Link] in
            guard let task = graph.index(of: own.task) else { return [] }
            return graph.predecessors(of: task).compactMap { predecessor in
                guard let earlier = place[graph.tasks[predecessor].id] else { return nil }
                let (from, to) = (number[assignments[earlier].instance] ?? -1, number[own.instance] ?? -1)
                guard from != to else { return WaitGraph.Link(earlier, .result, seconds: 0) }
                let isFar = from >= 0 && to >= 0 && Network.isFar(instances[from].entry.zone, instances[to].entry.zone)
                return WaitGraph.Link(earlier, .result, seconds: transferSeconds(predecessor, task, isFar))
            }
        }
        var capacity: [Int: Resources] = [:]
        for (index, instance) in instances.enumerated() {
            // Plans fill an instance but for rounding.
            capacity[index] = Resources(lanes: instance.entry.capacity.lanes * (1 + 1e-9))
        }
        return WaitGraph(
            pieces, results: results, capacity: capacity, quota: quota, pricesPerHour: quota == nil ? [] : pricesPerHour
        )
    }

    /// The tasks that the makespan follows from, from first to last: each waits for the one before, for its result or for
    /// its room.
    public func criticalPath(_ graph: TaskGraph) -> [TaskID] {
        waits(graph).criticalPath.map { assignments[$0].task }
    }
}
