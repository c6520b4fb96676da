import Workloads

/// A schedule under construction: tasks are placed one after the other, in a given order, and never moved.
struct ListSchedule {
    /// How the instance for a task is chosen.
    enum Rule {
        /// The instance on which it ends first; of equals the cheapest.
        case earliestFinish
        /// The instance on which its end and the optimistic time from there to the end of the job are least.
        case lookingAhead
        /// The instance on which it adds least to the bill and still ends by the task's own deadline (seconds, by
        /// task); if none does, the one on which it ends first.
        case cheapest(by: [Double])
    }

    private struct OpenInstance {
        var entry: Int
        var number: Int
        var timeline: InstanceTimeline
        var firstUse: Double
        var lastUse: Double
    }

    private struct Place {
        var instance: Int
        var start: Double
        var end: Double
    }

    private struct Candidate {
        var instance: Int?
        var entry: Int
        var start: Double
        var end: Double
        /// The end, and what follows if the rule looks ahead.
        var score: Double
        var addedCost: Double
    }

    private let problem: PlanningProblem
    private let usable: [Bool]
    private var bills: [Bill]
    private var instances: [OpenInstance] = []
    private var opened: [Int]
    private var places: [Place?]

    /// Places all tasks. `order` must name every task after its predecessors.
    ///
    /// - Parameter usable: Which entries may be used; each task must fit one of them.
    /// - Complexity: O(*V* · *instances* · *steps looked at* + *E* · *entries*).
    init(_ problem: PlanningProblem, order: [Int], rule: Rule, usable: [Bool]? = nil) {
        self.problem = problem
        self.usable = usable ?? problem.entries.map { _ in true }
        bills = problem.entries.map { entry in Bill { problem.costs.price(entry, $0).perHour } }
        opened = problem.entries.map { _ in 0 }
        places = Array(repeating: nil, count: problem.graph.count)
        for task in order { place(task, rule) }
    }

    /// When the last task ends.
    var makespan: Double { places.reduce(0) { max($0, $1?.end ?? 0) } }

    /// When each task ends.
    var ends: [Double] { places.map { $0?.end ?? 0 } }

    /// The cost of all instances from first to last use.
    mutating func cost() -> Double {
        var total = 0.0
        for instance in instances {
            total += bills[instance.entry].dollars(from: instance.firstUse, to: instance.lastUse)
        }
        return total
    }

    /// The finished schedule as a plan.
    mutating func plan() -> Plan {
        var rented: [Plan.Instance] = []
        for instance in instances {
            let entry = problem.entries[instance.entry]
            rented.append(
                .init(
                    id: name(of: instance), entry: entry, startSeconds: instance.firstUse, endSeconds: instance.lastUse,
                    cost: bills[instance.entry].dollars(from: instance.firstUse, to: instance.lastUse)))
        }
        var assignments: [Plan.Assignment] = []
        for (task, place) in places.enumerated() {
            guard let place else { continue }
            assignments.append(
                .init(
                    task: problem.graph.tasks[task].id, instance: rented[place.instance].id, startSeconds: place.start,
                    endSeconds: place.end, cpus: problem.cpus[task], memoryBytes: problem.memoryBytes[task]))
        }
        // Sorting is not stable by contract, so positions break ties.
        let sorted = assignments.enumerated().sorted { ($0.1.startSeconds, $0.0) < ($1.1.startSeconds, $1.0) }
        return Plan(
            assignments: sorted.map(\.element),
            instances: rented.sorted { ($0.startSeconds, $0.id) < ($1.startSeconds, $1.id) },
            makespanSeconds: makespan, cost: rented.reduce(0) { $0 + $1.cost })
    }

    /// Entries may repeat in a pool: the number of the entry keeps their instances apart.
    private func name(of instance: OpenInstance) -> InstanceID {
        let entry = problem.entries[instance.entry]
        let twins = problem.entries[..<instance.entry].filter { $0.instanceID(0) == entry.instanceID(0) }
        return entry.instanceID(twins.reduce(instance.number) { $0 + $1.maximumCount })
    }
}

extension ListSchedule {
    private mutating func place(_ task: Int, _ rule: Rule) {
        var best: Candidate?
        var fastest: Candidate?
        var deadline = -Double.infinity
        if case .cheapest(let deadlines) = rule { deadline = deadlines[task] }
        var isLookingAhead = false
        if case .lookingAhead = rule { isLookingAhead = true }
        let predecessors = problem.graph.predecessors(of: task)
        let hosts = Set(predecessors.compactMap { places[$0]?.instance })

        for entry in problem.entries.indices where usable[entry] {
            let seconds = problem.seconds(of: task, on: entry)
            guard seconds.isFinite else { continue }
            let rest = isLookingAhead ? problem.optimisticRest[task * problem.entries.count + entry] : 0
            let elsewhere = arrival(of: task, on: nil, entry: entry)
            for index in instances.indices where instances[index].entry == entry {
                let ready = hosts.contains(index) ? arrival(of: task, on: index, entry: entry) : elsewhere
                consider(task, index, entry, ready, seconds, rest, deadline, &best, &fastest)
            }
            if opened[entry] < problem.entries[entry].maximumCount {
                consider(task, nil, entry, elsewhere, seconds, rest, deadline, &best, &fastest)
            }
        }
        if let choice = best ?? fastest { commit(task, choice) }
    }

    /// When all data of the task can be on an instance of an entry; on `instance`, what is there needs no transfer.
    private func arrival(of task: Int, on instance: Int?, entry: Int) -> Double {
        var latest = 0.0
        for (number, predecessor) in problem.graph.predecessors(of: task).enumerated() {
            guard let place = places[predecessor] else { continue }
            let transfer =
                place.instance == instance
                ? 0
                : problem.transferSeconds(to: task, place: number, from: instances[place.instance].entry, to: entry)
            latest = max(latest, place.end + transfer)
        }
        return latest
    }

    private mutating func consider(
        _ task: Int, _ index: Int?, _ entry: Int, _ ready: Double, _ seconds: Double, _ rest: Double,
        _ deadline: Double, _ best: inout Candidate?, _ fastest: inout Candidate?
    ) {
        // No start later than this can win.
        let latest = max(deadline, best == nil ? (fastest?.score ?? .infinity) - rest : -.infinity) - seconds
        let start: Double?
        if let index {
            start = instances[index].timeline.earliestStart(
                ready: ready, seconds: seconds, cpus: problem.cpus[task], memoryBytes: problem.memoryBytes[task],
                latest: latest + 1e-9 * abs(latest))
        } else {
            start = ready
        }
        guard let start else { return }
        let end = start + seconds
        var added = bills[entry].dollars(from: start, to: end)
        if let index {
            let (first, last) = (instances[index].firstUse, instances[index].lastUse)
            added =
                bills[entry].dollars(from: min(first, start), to: max(last, end))
                - bills[entry].dollars(from: first, to: last)
        }
        let candidate = Candidate(
            instance: index, entry: entry, start: start, end: end, score: end + rest, addedCost: added)
        if (end + rest, added) < (fastest?.score ?? .infinity, fastest?.addedCost ?? .infinity) { fastest = candidate }
        guard end <= deadline else { return }
        // Sums of the same seconds in another order differ by rounding: that is a tie, which the earlier end breaks.
        let known = best?.addedCost ?? .infinity
        let rounding = 1e-9 * max(added, known.isFinite ? known : 0)
        if added < known - rounding || (added <= known + rounding && end < best?.end ?? .infinity) { best = candidate }
    }

    private mutating func commit(_ task: Int, _ choice: Candidate) {
        let index = choice.instance ?? instances.count
        if choice.instance == nil {
            let type = problem.entries[choice.entry].type
            instances.append(
                OpenInstance(
                    entry: choice.entry, number: opened[choice.entry],
                    timeline: InstanceTimeline(
                        cpus: type.cpus, memoryBytes: type.memoryBytes, smallestCPUs: problem.smallestCPUs,
                        smallestMemory: problem.smallestMemory),
                    firstUse: choice.start, lastUse: choice.end))
            opened[choice.entry] += 1
        }
        instances[index].timeline.reserve(
            start: choice.start, end: choice.end, cpus: problem.cpus[task], memoryBytes: problem.memoryBytes[task])
        instances[index].firstUse = min(instances[index].firstUse, choice.start)
        instances[index].lastUse = max(instances[index].lastUse, choice.end)
        places[task] = Place(instance: index, start: choice.start, end: choice.end)
    }
}
