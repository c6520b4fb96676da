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
        /// Its number among the instances of the entry; one more than there are is a new one.
        var number: Int
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
    /// Until when not even the smallest request fits, by instance.
    private var fullUntil: [Double] = []
    private var tails: [InstanceTails]
    private var account: AccountTimeline?

    /// Places all tasks. `order` must name every task after its predecessors.
    ///
    /// - Parameter usable: Which entries may be used; each task must fit one of them.
    /// - Complexity: O(*V* · *instances that could start a task as early as the best* · *gaps* + *E*), in blocks.
    init(_ problem: PlanningProblem, order: [Int], rule: Rule, usable: [Bool]? = nil) {
        self.problem = problem
        schedule = Schedule(taskCount: problem.graph.count)
        tails = problem.entries.indices.map { InstanceTails(problem, entry: $0) }
        account = AccountTimeline(problem)
        let entries = problem.entries.indices.filter { usable?[$0] ?? true }
        for task in order { place(task, rule, entries) }
        schedule.measure(problem)
    }
}

extension ListSchedule {
    /// The best places of one task so far.
    private struct Choice {
        let deadline: Double
        var best: Candidate?
        var fastest: Candidate?

        /// Whether nothing that adds at least so much, and ends with what follows no earlier than this, can win.
        func passes(_ added: Double, rounding: Double, score: Double) -> Bool {
            if let best { return added > best.addedCost + 2e-9 * max(added, best.addedCost) + rounding }
            guard deadline == -.infinity, let fastest else { return false }
            return score >= fastest.score && added > fastest.addedCost + rounding
        }

        mutating func consider(_ candidate: Candidate, by latest: Double) {
            let (end, added) = (candidate.end, candidate.addedCost)
            if (candidate.score, added) < (fastest?.score ?? .infinity, fastest?.addedCost ?? .infinity) {
                fastest = candidate
            }
            guard end <= min(deadline, latest) else { return }
            // Sums of the same seconds in another order differ by rounding: that is a tie, which the earlier end breaks.
            let known = best?.addedCost ?? .infinity
            let rounding = 1e-9 * max(added, known.isFinite ? known : 0)
            if added < known - rounding || (added <= known + rounding && end < best?.end ?? .infinity) {
                best = candidate
            }
        }
    }

    private mutating func place(_ task: Int, _ rule: Rule, _ entries: [Int]) {
        var choice = Choice(deadline: -.infinity)
        if case .cheapest(let deadlines) = rule { choice = Choice(deadline: deadlines[task]) }
        var isLookingAhead = false
        if case .lookingAhead = rule { isLookingAhead = true }
        var elsewhere = schedule.arrival(problem, task, to: Int32(entries.first ?? 0))
        // Where the data that comes last was made it need not travel; anywhere else it comes as late.
        var there = elsewhere.host >= 0 ? schedule.arrival(problem, task, on: elsewhere.host) : 0
        for entry in entries {
            let seconds = problem.seconds(of: task, on: entry)
            guard seconds.isFinite else { continue }
            if problem.hasZones {
                elsewhere = schedule.arrival(problem, task, to: Int32(entry))
                there = elsewhere.host >= 0 ? schedule.arrival(problem, task, on: elsewhere.host) : 0
            }
            let rest = isLookingAhead ? problem.optimisticRest[task * problem.entries.count + entry] : 0
            let isHost = elsewhere.host >= 0 && Int(schedule.entryOfInstance[Int(elsewhere.host)]) == entry
            let host = isHost && there < elsewhere.seconds ? Int(schedule.number[elsewhere.source]) : -1
            let ready = max(problem.opens[entry], elsewhere.seconds)
            search(
                task, entry, tails[entry], ready, seconds, rest, host: host, there: max(problem.opens[entry], there),
                dollars: elsewhere.dollars, &choice)
            if tails[entry].count < tails[entry].limit {
                let start = account?.earliestStart(task, on: entry, ready: ready) ?? ready
                let end = start + seconds
                choice.consider(
                    Candidate(
                        number: tails[entry].count, entry: entry, start: start, end: end, score: end + rest,
                        addedCost: problem.bills[entry].dollars(from: start, to: end) + elsewhere.dollars),
                    by: problem.latestEnd(of: task, on: entry))
            }
        }
        if let choice = choice.best ?? choice.fastest { commit(task, choice) }
    }

    /// Looks at the open instances of an entry.
    private func search(
        _ task: Int, _ entry: Int, _ tails: InstanceTails, _ ready: Double, _ seconds: Double, _ rest: Double,
        host: Int, there: Double, dollars: Double, _ choice: inout Choice
    ) {
        let (bill, safe) = (problem.bills[entry], problem.latestEnd(of: task, on: entry))
        // Of bills as long as this, in whatever order they are summed.
        let rounding = 1e-12 * bill.dollars(from: 0, to: ready + seconds)
        let (kind, request) = (Int(problem.kindOfRequest[task]), problem.requests[task])
        let isExact = problem.corners[kind] == request
        let hostBlock = host < 0 ? -1 : host / InstanceTails.blockSize
        for block in 0..<tails.blockCount {
            if block != hostBlock {
                if tails.passes(block: block, kind, ready: ready, latest: latest(choice, rest, seconds)) { continue }
                let last = tails.lastUse(block: block)
                let added = last < ready + seconds ? bill.dollars(from: last, to: ready + seconds) : 0
                if choice.passes(added, rounding: rounding, score: ready + seconds + rest) { continue }
            }
            for number in tails.numbers(inBlock: block) {
                let ready = number == host ? there : ready
                let latest = latest(choice, rest, seconds)
                let (first, last) = (tails.firstUse[number], tails.lastUse[number])
                var start = ready
                if ready < tails.lastStart[number] {
                    // There may be a gap.
                    let id = Int(tails.ids[number])
                    guard fullUntil[id] <= latest else { continue }
                    let found = firstGap(task, entry, id, ready: ready, latest: latest)
                    guard let found else { continue }
                    start = found
                } else {
                    let time = tails.time(ofClass: kind, on: number)
                    guard time <= latest else { continue }
                    start = max(ready, isExact ? time : tails.time(request, on: number))
                    if let account {
                        start = account.earliestStart(task, on: entry, ready: start, latest: latest) ?? .infinity
                    }
                    guard start <= latest else { continue }
                }
                let end = start + seconds
                if end > last, choice.passes(bill.dollars(from: last, to: end), rounding: rounding, score: end + rest) {
                    continue
                }
                choice.consider(
                    Candidate(
                        number: number, entry: entry, start: start, end: end, score: end + rest,
                        addedCost: bill.dollars(from: min(first, start), to: max(last, end))
                            - bill.dollars(from: first, to: last) + dollars), by: safe)
            }
        }
    }

    /// The first start with room on an open instance, within the quota.
    private func firstGap(_ task: Int, _ entry: Int, _ id: Int, ready: Double, latest: Double) -> Double? {
        let (request, seconds) = (problem.requests[task], problem.seconds(of: task, on: entry))
        var start = ready
        while let found = timelines[id].earliestStart(request, ready: start, seconds: seconds, latest: latest) {
            guard let account else { return found }
            guard let allowed = account.earliestStart(task, on: entry, ready: found, latest: latest) else { return nil }
            if allowed == found { return found }
            start = allowed
        }
        return nil
    }

    /// No start later than this can win.
    private func latest(_ choice: Choice, _ rest: Double, _ seconds: Double) -> Double {
        let bound =
            max(choice.deadline, choice.best == nil ? (choice.fastest?.score ?? .infinity) - rest : -.infinity)
            - seconds
        return bound + 1e-9 * abs(bound)
    }

    private mutating func commit(_ task: Int, _ choice: Candidate) {
        let (entry, number, request) = (choice.entry, choice.number, problem.requests[task])
        if number == tails[entry].count {
            let type = problem.entries[entry].type
            tails[entry].open(Int32(timelines.count), at: choice.start)
            timelines.append(InstanceTimeline(type.capacity, smallest: problem.smallest))
            fullUntil.append(0)
            schedule.entryOfInstance.append(Int32(entry))
        }
        let id = tails[entry].ids[number]
        tails[entry].book(number, request, start: choice.start, end: choice.end)
        account?.reserve(task, on: entry, start: choice.start, end: choice.end)
        timelines[Int(id)].reserve(request, start: choice.start, end: choice.end)
        fullUntil[Int(id)] = timelines[Int(id)].fullUntil
        schedule.set(task, start: choice.start, end: choice.end, instance: id, number: number)
    }
}
