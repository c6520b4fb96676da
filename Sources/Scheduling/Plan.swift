public import Workloads

/// Which instance runs each task, and when.
public struct Plan: Hashable, Sendable, Codable {
    /// One task's place.
    public struct Assignment: Hashable, Sendable, Codable {
        /// The task.
        public var task: TaskID
        /// The instance that runs it.
        public var instance: InstanceID
        /// When it starts, in seconds after the start of the plan.
        public var startSeconds: Double
        /// When it ends, in seconds after the start of the plan.
        public var endSeconds: Double
        /// Processors reserved for it.
        public var cpus: Double
        /// Memory reserved for it.
        public var memoryBytes: Double
        /// GPUs and storage in bytes reserved for it; `nil` is none.
        public var gpus: Double?
        public var storageBytes: Double?

        /// All that is reserved for it.
        var resources: Resources {
            Resources(cpus: cpus, memoryBytes: memoryBytes, gpus: gpus ?? 0, storageBytes: storageBytes ?? 0)
        }
    }

    /// One instance that is rented.
    public struct Instance: Hashable, Sendable, Codable {
        /// Its name.
        public var id: InstanceID
        /// Its place in the pool: type, purchase and zone.
        public var entry: Offer
        /// When its first task starts.
        public var startSeconds: Double
        /// When its last task ends.
        public var endSeconds: Double
        /// What it costs from first to last use, in US dollars, billed by the second.
        public var cost: Double
    }

    /// All tasks by start time; ties by position in the graph.
    public var assignments: [Assignment]
    /// All instances used, by start time.
    public var instances: [Instance]
    /// When the last task ends, in seconds.
    public var makespanSeconds: Double
    /// The cost of all instances in US dollars.
    public var cost: Double

    /// Checks the plan against the job: every task exactly once, none before its predecessors end, no instance
    /// filled beyond its processors or memory, no more instances than the pool has.
    ///
    /// - Throws: ``PlanError/invalid(_:)`` with the first fault found.
    /// - Complexity: O(*n* log *n* + *E*).
    public func validate(_ graph: TaskGraph, on pool: ResourcePool) throws(PlanError) {
        var byTask: [TaskID: Assignment] = [:]
        for assignment in assignments {
            guard graph.index(of: assignment.task) != nil else {
                throw .invalid("task '\(assignment.task)' is not in the job")
            }
            guard byTask.updateValue(assignment, forKey: assignment.task) == nil else {
                throw .invalid("task '\(assignment.task)' is planned twice")
            }
            guard assignment.startSeconds >= 0, assignment.endSeconds >= assignment.startSeconds else {
                throw .invalid("task '\(assignment.task)' ends before it starts")
            }
            guard assignment.endSeconds <= makespanSeconds else {
                throw .invalid("task '\(assignment.task)' ends after the makespan")
            }
        }
        let entries = Dictionary(instances.map { ($0.id, $0.entry) }, uniquingKeysWith: { first, _ in first })
        for (index, task) in graph.tasks.enumerated() {
            guard let own = byTask[task.id] else { throw .invalid("task '\(task.id)' is not planned") }
            if let entry = entries[own.instance], !task.request.allow(entry.type, entry.purchase, zone: entry.zone) {
                throw .invalid("task '\(task.id)' may not run on '\(own.instance)'")
            }
            for predecessor in graph.predecessors(of: index) {
                guard let earlier = byTask[graph.tasks[predecessor].id], earlier.endSeconds <= own.startSeconds
                else { throw .invalid("task '\(task.id)' starts before '\(graph.tasks[predecessor].id)' ends") }
            }
        }
        try validateInstances(pool)
    }

    private func validateInstances(_ pool: ResourcePool) throws(PlanError) {
        for (entry, group) in Dictionary(grouping: instances, by: \.entry) {
            let allowed = pool.entries.reduce(0) { $0 + ($1 == entry ? $1.maximumCount : 0) }
            guard group.count <= allowed else {
                throw .invalid("\(group.count) instances of \(entry.type.name), but the pool has fewer")
            }
        }
        let used = Dictionary(grouping: assignments, by: \.instance)
        guard Set(instances.map(\.id)).isSuperset(of: used.keys) else { throw .invalid("an instance is not listed") }
        for instance in instances {
            let own = used[instance.id] ?? []
            // Ends come before starts at the same moment: intervals are half open.
            let changes =
                own.map { (time: $0.startSeconds, sign: 1.0, assignment: $0) }
                + own.map { (time: $0.endSeconds, sign: -1.0, assignment: $0) }
            var used = Resources.zero
            for change in changes.sorted(by: { ($0.time, $0.sign) < ($1.time, $1.sign) })
            where change.assignment.endSeconds > change.assignment.startSeconds {
                used.lanes += change.sign * change.assignment.resources.lanes
                guard all(used.lanes .<= instance.entry.capacity.lanes + SIMD4(1e-6, 1, 1e-6, 1)) else {
                    throw .invalid("'\(instance.id)' is filled beyond its capacity at \(change.time) s")
                }
            }
        }
    }
}
