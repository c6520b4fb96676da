import Workloads

/// When and where each task runs, as arrays: what searches compare, of which only the winner becomes a ``Plan``.
public struct Schedule: Hashable, Sendable {
    /// When each task starts, in seconds.
    public private(set) var starts: [Double]
    /// When each task ends, in seconds.
    public private(set) var ends: [Double]
    /// The instance of each task.
    public private(set) var instance: [Int32]
    /// The number of that instance among those of its entry.
    private(set) var number: [Int32]
    /// The entry of the pool of every instance.
    public internal(set) var entryOfInstance: [Int32] = []
    /// When the last task ends, in seconds.
    public private(set) var makespan = 0.0
    /// What all instances cost from first to last use, in US dollars.
    public private(set) var cost = 0.0

    init(taskCount: Int) {
        starts = Array(repeating: 0, count: taskCount)
        ends = starts
        instance = Array(repeating: -1, count: taskCount)
        number = instance
    }

    /// When the data of a task can be on an instance that runs none of its predecessors, which of them is the last then, and
    /// on which instance; -1 if nothing is to be waited for.
    func arrival(
        _ problem: PlanningProblem, _ edges: Range<Int>
    ) -> (seconds: Double, source: Int, host: Int32) {
        var (latest, source) = (0.0, -1)
        for edge in edges {
            let predecessor = Int(problem.predecessors[edge])
            let arrival = ends[predecessor] + problem.transfers[edge]
            if arrival > latest { (latest, source) = (arrival, predecessor) }
        }
        return (latest, source, source < 0 ? -1 : instance[source])
    }

    /// When all data can be on an instance, where what is there needs no transfer.
    func arrival(_ problem: PlanningProblem, _ edges: Range<Int>, on host: Int32) -> Double {
        var latest = 0.0
        for edge in edges {
            let predecessor = Int(problem.predecessors[edge])
            latest = max(latest, ends[predecessor] + (instance[predecessor] == host ? 0 : problem.transfers[edge]))
        }
        return latest
    }

    /// Places a task on an instance, which is number `number` of its entry.
    mutating func set(_ task: Int, start: Double, end: Double, instance: Int32, number: Int) {
        starts[task] = start
        ends[task] = end
        self.instance[task] = instance
        self.number[task] = Int32(number)
    }

    /// Sets makespan and cost by when each task runs.
    mutating func measure(_ problem: PlanningProblem) {
        makespan = ends.reduce(0, max)
        cost = 0
        for (use, entry) in zip(uses, entryOfInstance) {
            cost += problem.bills[Int(entry)].dollars(from: use.first, to: use.last)
        }
    }

    /// The first start and the last end on each instance.
    private var uses: [(first: Double, last: Double)] {
        var uses = entryOfInstance.map { _ in (first: Double.infinity, last: 0.0) }
        for task in starts.indices {
            let place = Int(instance[task])
            uses[place] = (min(uses[place].first, starts[task]), max(uses[place].last, ends[task]))
        }
        return uses
    }

    /// The schedule of a problem with names.
    ///
    /// - Complexity: O(*n* log *n*).
    public func plan(_ problem: PlanningProblem) -> Plan {
        // Entries may repeat in a pool: instances of twins are numbered on.
        let names = problem.entries.map { $0.instanceID(0) }
        var next = problem.entries.indices.map { entry in
            (0..<entry).reduce(0) { $0 + (names[$1] == names[entry] ? problem.entries[$1].maximumCount : 0) }
        }
        var rented: [Plan.Instance] = []
        for (use, entry) in zip(uses, entryOfInstance.map { Int($0) }) {
            rented.append(
                .init(
                    id: problem.entries[entry].instanceID(next[entry]), entry: problem.entries[entry],
                    startSeconds: use.first, endSeconds: use.last,
                    cost: problem.bills[entry].dollars(from: use.first, to: use.last)))
            next[entry] += 1
        }
        let order = starts.indices.sorted { (starts[$0], $0) < (starts[$1], $1) }
        let assignments = order.map { task in
            let request = problem.requests[task]
            return Plan.Assignment(
                task: problem.graph.tasks[task].id, instance: rented[Int(instance[task])].id,
                startSeconds: starts[task], endSeconds: ends[task], cpus: request.cpus,
                memoryBytes: request.memoryBytes, gpus: request.gpus > 0 ? request.gpus : nil,
                storageBytes: request.storageBytes > 0 ? request.storageBytes : nil)
        }
        return Plan(
            assignments: assignments, instances: rented.sorted { ($0.startSeconds, $0.id) < ($1.startSeconds, $1.id) },
            makespanSeconds: makespan, cost: cost)
    }
}
