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
        /// How long it may take; `nil` if nobody knows.
        public var spread: Spread?

        /// All that is reserved for it.
        var resources: Resources {
            Resources(cpus: cpus, memoryBytes: memoryBytes, gpus: gpus ?? 0, storageBytes: storageBytes ?? 0)
        }
    }

    /// How long a task takes where it is planned, undisturbed, in seconds: what it does not exceed with a probability of 5 %, 50 %
    /// and 95 %.
    public struct Spread: Hashable, Sendable, Codable {
        public var lowSeconds: Double
        public var medianSeconds: Double
        public var highSeconds: Double
    }

    /// What goes from one instance to another.
    public struct Transfer: Hashable, Sendable, Codable {
        /// The task that made it, and the one that waits for it.
        public var from: TaskID
        public var to: TaskID
        /// The instances of the two.
        public var source: InstanceID
        public var destination: InstanceID
        /// When it starts and ends, in seconds after the start of the plan.
        public var startSeconds: Double
        public var endSeconds: Double
        /// How much it is; 0 where the network says that bytes take no time.
        public var bytes: Double
        /// What it costs in US dollars; `nil` is nothing.
        public var cost: Double?
    }

    /// One instance that is rented.
    public struct Instance: Hashable, Sendable, Codable {
        /// Its name.
        public var id: InstanceID
        /// Its place in the pool: type, purchase and zone.
        public var entry: Offer
        /// When its first task starts.
        public var startSeconds: Double
        /// When its last task ends, and it is given back.
        public var endSeconds: Double
        /// What is billed for it from first to last use, in US dollars.
        public var cost: Double
        /// When to ask for it, so that it is there when its first task starts; `nil` in plans of earlier releases.
        public var requestSeconds: Double?
        /// On the spot market: the greatest price to pay, in US dollars per hour; for more it is dearer than on demand. `nil`
        /// elsewhere, or if nothing is known of that.
        public var maximumPricePerHour: Double?
    }

    /// A task that ends after its own deadline.
    public struct LateTask: Hashable, Sendable, Codable {
        /// The task.
        public var task: TaskID
        /// When it ends, and by when it should, in seconds after the start of the plan.
        public var endSeconds: Double
        public var deadlineSeconds: Double
    }

    /// All tasks by start time; ties by position in the graph.
    public var assignments: [Assignment]
    /// All instances used, by start time.
    public var instances: [Instance]
    /// When the last task ends, in seconds.
    public var makespanSeconds: Double
    /// The cost of all instances and transfers in US dollars.
    public var cost: Double
    /// What goes from instance to instance, by the start of the tasks that wait for it; `nil` where that takes no time, and in
    /// plans of earlier releases.
    public var transfers: [Transfer]?
    /// The hash of job, pool and cost model, by ``CostModel/digest(of:on:)``; `nil` in plans of earlier releases.
    public var digest: String?
    /// Whether the job keeps its deadline whenever a spot instance is taken back, by running on demand what that one ran and
    /// all that follows; `nil` without deadline or spot instances.
    public var isRecoverable: Bool?

    /// The tasks that end after their own deadlines, the latest first.
    public func lateTasks(_ graph: TaskGraph) -> [LateTask] {
        assignments.compactMap { own in
            guard let deadline = graph[own.task]?.deadlineSeconds, own.endSeconds > deadline * (1 + 1e-9) else {
                return nil
            }
            return LateTask(task: own.task, endSeconds: own.endSeconds, deadlineSeconds: deadline)
        }.sorted { $0.endSeconds - $0.deadlineSeconds > $1.endSeconds - $1.deadlineSeconds }
    }

    /// Checks the plan against the job: every task exactly once, none before its predecessors end or its time has come, no instance
    /// filled beyond its processors or memory or used before it has come, no more instances than the pool has, no
    /// transfer out of its time, and never more in use than a quota allows.
    ///
    /// - Parameters:
    ///   - network: What transfers take; without it only those that the plan lists are checked.
    ///   - quota: The most that all tasks may have in use at once.
    /// - Throws: ``PlanError/invalid(_:)`` with the first fault found.
    /// - Complexity: O(*n* log *n* + *E*).
    public func validate(
        _ graph: TaskGraph, on pool: ResourcePool, network: Network? = nil, quota: Quota? = nil
    ) throws(PlanError) {
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
            guard own.startSeconds >= (task.notBeforeSeconds ?? 0) * (1 - 1e-9) else {
                throw .invalid("task '\(task.id)' starts before its time has come")
            }
            if let entry = entries[own.instance], !task.request.allow(entry.type, entry.purchase, zone: entry.zone) {
                throw .invalid("task '\(task.id)' may not run on '\(own.instance)'")
            }
            for predecessor in graph.predecessors(of: index) {
                guard let earlier = byTask[graph.tasks[predecessor].id], earlier.endSeconds <= own.startSeconds
                else { throw .invalid("task '\(task.id)' starts before '\(graph.tasks[predecessor].id)' ends") }
            }
        }
        try validateTransfers(graph, byTask, network)
        let sum = instances.reduce(0) { $0 + $1.cost } + (transfers ?? []).reduce(0) { $0 + ($1.cost ?? 0) }
        guard abs(sum - cost) <= 1e-9 * max(1, abs(cost)) else {
            throw .invalid("it costs \(cost), but its instances and transfers cost \(sum)")
        }
        try validateInstances(pool)
        if let quota { try validate(quota) }
    }

    /// US dollars per hour that each assignment counts against a quota.
    var pricesPerHour: [Double] {
        let offers = Dictionary(instances.map { ($0.id, $0.entry) }, uniquingKeysWith: { first, _ in first })
        return assignments.map { offers[$0.instance]?.pricePerHour(of: $0.resources) ?? 0 }
    }

    /// When what is in use changes, in order. Ends come before starts at the same moment: intervals are half open.
    private static func changes(of own: [Assignment]) -> [(time: Double, sign: Double, place: Int)] {
        let long = own.indices.filter { own[$0].endSeconds > own[$0].startSeconds }
        let starts = long.map { (time: own[$0].startSeconds, sign: 1.0, place: $0) }
        let ends = long.map { (time: own[$0].endSeconds, sign: -1.0, place: $0) }
        return (starts + ends).sorted { ($0.time, $0.sign) < ($1.time, $1.sign) }
    }

    private func validate(_ quota: Quota) throws(PlanError) {
        let prices = pricesPerHour
        var (used, price) = (Resources.zero, 0.0)
        for change in Self.changes(of: assignments) {
            used.lanes += change.sign * assignments[change.place].resources.lanes
            price += change.sign * prices[change.place]
            guard all(used.lanes .<= quota.resources.lanes + SIMD4(1e-6, 1, 1e-6, 1)),
                price <= quota.pricePerHour * (1 + 1e-6)
            else { throw .invalid("more than the quota of \(quota) is in use at \(change.time) s") }
        }
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
            guard own.allSatisfy({ $0.startSeconds >= instance.entry.openSeconds - 1e-9 }) else {
                throw .invalid("a task starts on '\(instance.id)' before it can have come")
            }
            var used = Resources.zero
            for change in Self.changes(of: own) {
                used.lanes += change.sign * own[change.place].resources.lanes
                guard all(used.lanes .<= instance.entry.capacity.lanes + SIMD4(1e-6, 1, 1e-6, 1)) else {
                    throw .invalid("'\(instance.id)' is filled beyond its capacity at \(change.time) s")
                }
            }
        }
    }
}
