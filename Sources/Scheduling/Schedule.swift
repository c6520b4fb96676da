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
    /// What is billed for all instances, from first to last use, and for transfers, in US dollars.
    public private(set) var cost = 0.0
    /// By how much the task that is latest ends after its own deadline, in seconds; 0 if none does.
    public private(set) var lateness = 0.0

    init(taskCount: Int) {
        starts = Array(repeating: 0, count: taskCount)
        ends = starts
        instance = Array(repeating: -1, count: taskCount)
        number = instance
    }

    /// What a task waits for on the instances of an entry.
    struct Arrival {
        /// When all its data can be on one that runs none of its predecessors.
        var seconds = 0.0
        /// The predecessor whose data is the last then, and its instance; -1 if nothing is to be waited for.
        var source = -1
        var host: Int32 = -1
        /// What it costs to bring the data.
        var dollars = 0.0
    }

    /// When and at what price the data of a task can be on an instance of an entry.
    func arrival(_ problem: PlanningProblem, _ task: Int, to entry: Int32) -> Arrival {
        var found = Arrival(seconds: problem.release(of: task))
        for edge in problem.edges(of: task) {
            let predecessor = Int(problem.predecessors[edge])
            var seconds = problem.transfers[edge]
            if problem.hasZones, problem.isFar(entryOfInstance[Int(instance[predecessor])], entry) {
                seconds = problem.farTransfers[edge]
                found.dollars += problem.farDollars[edge]
            }
            let arrival = ends[predecessor] + seconds
            if arrival > found.seconds { (found.seconds, found.source) = (arrival, predecessor) }
        }
        if found.source >= 0 { found.host = instance[found.source] }
        return found
    }

    /// When all data can be on an instance, where what is there needs no transfer.
    func arrival(_ problem: PlanningProblem, _ task: Int, on host: Int32) -> Double {
        var latest = problem.release(of: task)
        for edge in problem.edges(of: task) {
            let predecessor = Int(problem.predecessors[edge])
            let from = instance[predecessor]
            let seconds =
                from == host
                ? 0
                : problem.seconds(along: edge, from: entryOfInstance[Int(from)], to: entryOfInstance[Int(host)])
            latest = max(latest, ends[predecessor] + seconds)
        }
        return latest
    }

    /// All tasks by start, each after what it waits for.
    func order(_ problem: PlanningProblem) -> [Int] {
        var place = [Int](repeating: 0, count: problem.graph.count)
        for (position, task) in problem.graph.topologicalOrder.enumerated() { place[task] = position }
        return (0..<problem.graph.count).sorted { (starts[$0], place[$0]) < (starts[$1], place[$1]) }
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
            cost += problem.bills[Int(entry)].total(from: use.first, to: use.last)
        }
        if problem.movesCost { cost += dollarsOfTransfers(problem) }
        lateness = problem.lateness(ends) { Int(entryOfInstance[Int(instance[$0])]) }
    }

    private func dollarsOfTransfers(_ problem: PlanningProblem) -> Double {
        var dollars = 0.0
        for task in starts.indices {
            let own = entryOfInstance[Int(instance[task])]
            for edge in problem.edges(of: task) {
                let other = entryOfInstance[Int(instance[Int(problem.predecessors[edge])])]
                if problem.isFar(other, own) { dollars += problem.farDollars[edge] }
            }
        }
        return dollars
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
            let offer = problem.entries[entry]
            let onDemand = offer.type.onDemandPrice.perHour
            rented.append(
                .init(
                    id: offer.instanceID(next[entry]), entry: offer, startSeconds: use.first, endSeconds: use.last,
                    cost: problem.bills[entry].total(from: use.first, to: use.last),
                    requestSeconds: max(0, use.first - offer.openSeconds),
                    maximumPricePerHour: offer.purchase == .spot && onDemand > 0 ? onDemand : nil))
            next[entry] += 1
        }
        let order = starts.indices.sorted { (starts[$0], $0) < (starts[$1], $1) }
        let assignments = order.map { task in
            let request = problem.requests[task]
            return Plan.Assignment(
                task: problem.graph.tasks[task].id, instance: rented[Int(instance[task])].id,
                startSeconds: starts[task], endSeconds: ends[task], cpus: request.cpus,
                memoryBytes: request.memoryBytes, gpus: request.gpus > 0 ? request.gpus : nil,
                storageBytes: request.storageBytes > 0 ? request.storageBytes : nil,
                spread: problem.spread(of: task, on: Int(entryOfInstance[Int(instance[task])])))
        }
        return Plan(
            assignments: assignments, instances: rented.sorted { ($0.startSeconds, $0.id) < ($1.startSeconds, $1.id) },
            makespanSeconds: makespan, cost: cost,
            transfers: transfers(problem, order, rented.map(\.id)), digest: problem.digest)
    }
}
