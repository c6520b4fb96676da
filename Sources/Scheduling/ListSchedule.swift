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
    private(set) var schedule: Schedule
    private var timelines: [InstanceTimeline] = []
    private var firstUse: [Double] = []
    private var lastUse: [Double] = []
    /// The instances of each entry, in the order in which they were opened.
    private var instances: [[Int]]

    /// Places all tasks. `order` must name every task after its predecessors.
    ///
    /// - Parameter usable: Which entries may be used; each task must fit one of them.
    /// - Complexity: O(*V* · *instances with room before the best* · *steps looked at* + *E* · *entries*).
    init(_ problem: PlanningProblem, order: [Int], rule: Rule, usable: [Bool]? = nil) {
        self.problem = problem
        schedule = Schedule(taskCount: problem.graph.count)
        instances = problem.entries.map { _ in [] }
        let entries = problem.entries.indices.filter { usable?[$0] ?? true }
        for task in order { place(task, rule, entries) }
        schedule.measure(problem)
    }
}

extension ListSchedule {
    private mutating func place(_ task: Int, _ rule: Rule, _ entries: [Int]) {
        var best: Candidate?
        var fastest: Candidate?
        var deadline = -Double.infinity
        if case .cheapest(let deadlines) = rule { deadline = deadlines[task] }
        var isLookingAhead = false
        if case .lookingAhead = rule { isLookingAhead = true }
        let free = problem.transfersAreFree
        let edges = problem.edges(of: task)
        // The same for all instances that run none of the predecessors.
        let elsewhere = arrival(edges, on: -1)

        for entry in entries {
            let seconds = problem.seconds(of: task, on: entry)
            guard seconds.isFinite else { continue }
            let rest = isLookingAhead ? problem.optimisticRest[task * problem.entries.count + entry] : 0
            for index in instances[entry] {
                let isHost =
                    !free && edges.contains { schedule.instance[Int(problem.predecessors[$0])] == Int32(index) }
                let ready = isHost ? arrival(edges, on: Int32(index)) : elsewhere
                consider(task, index, entry, ready, seconds, rest, deadline, &best, &fastest)
            }
            if instances[entry].count < problem.entries[entry].maximumCount {
                consider(task, nil, entry, elsewhere, seconds, rest, deadline, &best, &fastest)
            }
        }
        if let choice = best ?? fastest { commit(task, choice) }
    }

    /// When all data can be on `instance`, where what is there needs no transfer.
    private func arrival(_ edges: Range<Int>, on instance: Int32) -> Double {
        var latest = 0.0
        for edge in edges {
            let predecessor = Int(problem.predecessors[edge])
            let transfer = schedule.instance[predecessor] == instance ? 0 : problem.transfers[edge]
            latest = max(latest, schedule.ends[predecessor] + transfer)
        }
        return latest
    }

    private mutating func consider(
        _ task: Int, _ index: Int?, _ entry: Int, _ ready: Double, _ seconds: Double, _ rest: Double,
        _ deadline: Double, _ best: inout Candidate?, _ fastest: inout Candidate?
    ) {
        // No start later than this can win.
        let bound = max(deadline, best == nil ? (fastest?.score ?? .infinity) - rest : -.infinity) - seconds
        let latest = bound + 1e-9 * abs(bound)
        var start = ready
        var added: Double
        if let index {
            let (first, last) = (firstUse[index], lastUse[index])
            if ready < last {
                guard timelines[index].fullUntil <= latest else { return }
                let found = timelines[index].earliestStart(
                    ready: ready, seconds: seconds, cpus: problem.cpus[task], memoryBytes: problem.memoryBytes[task],
                    latest: latest)
                guard let found else { return }
                start = found
            } else if ready > latest {
                return
            }
            added =
                problem.bills[entry].dollars(from: min(first, start), to: max(last, start + seconds))
                - problem.bills[entry].dollars(from: first, to: last)
        } else {
            added = problem.bills[entry].dollars(from: start, to: start + seconds)
        }
        let end = start + seconds
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
        let index = choice.instance ?? timelines.count
        if choice.instance == nil {
            let type = problem.entries[choice.entry].type
            timelines.append(
                InstanceTimeline(
                    cpus: type.cpus, memoryBytes: type.memoryBytes, smallestCPUs: problem.smallestCPUs,
                    smallestMemory: problem.smallestMemory))
            firstUse.append(choice.start)
            lastUse.append(choice.end)
            instances[choice.entry].append(index)
            schedule.entryOfInstance.append(Int32(choice.entry))
        }
        timelines[index].reserve(
            start: choice.start, end: choice.end, cpus: problem.cpus[task], memoryBytes: problem.memoryBytes[task])
        firstUse[index] = min(firstUse[index], choice.start)
        lastUse[index] = max(lastUse[index], choice.end)
        schedule.starts[task] = choice.start
        schedule.ends[task] = choice.end
        schedule.instance[task] = Int32(index)
    }
}
