import Glibc
import Workloads

/// The schedules made so far for one problem.
struct ListPortfolio {
    let problem: PlanningProblem
    private let order: [Int]
    private let fastestEnds: [Double]
    /// Seconds from the end of each task to the end of the job, if all that follows runs at its best.
    private let bestRest: [Double]
    private(set) var schedules: [Schedule] = []

    /// Starts with the fastest schedules: ranks by mean, best and worst time, with and without
    /// looking ahead, on all entries and on the fastest only.
    init(_ original: PlanningProblem) {
        var problem = original
        if !problem.transfersAreFree { problem.lookAhead() }
        self.problem = problem
        let mean = problem.order(by: problem.ranks { $0.reduce(0, +) / Double($0.count) })
        let bestRanks = problem.ranks { $0.min() ?? 0 }
        bestRest = bestRanks.enumerated().map { task, rank in rank - (problem.possibleSeconds(of: task).min() ?? 0) }
        let best = problem.order(by: bestRanks)
        let worst = problem.order(by: problem.ranks { $0.max() ?? 0 })
        var fastest = ListSchedule(problem, order: mean, rule: .earliestFinish).schedule
        schedules.append(fastest)
        var fastestOrder = mean
        var tries: [([Int], ListSchedule.Rule, [Bool]?)] = [
            (best, .earliestFinish, nil), (worst, .earliestFinish, nil),
        ]
        // Where transfers take no time, what follows does not depend on the instance.
        let rules: [ListSchedule.Rule] =
            problem.transfersAreFree ? [.earliestFinish] : [.earliestFinish, .lookingAhead]
        if !problem.transfersAreFree { tries += [mean, best, worst].map { ($0, .lookingAhead, nil) } }
        for usable in Self.fewerEntries(problem) { tries += rules.map { (best, $0, usable) } }
        for (order, rule, usable) in tries {
            let schedule = ListSchedule(problem, order: order, rule: rule, usable: usable).schedule
            schedules.append(schedule)
            if schedule.makespan < fastest.makespan { (fastest, fastestOrder) = (schedule, order) }
        }
        order = fastestOrder
        fastestEnds = fastest.ends
    }

    var fastest: Schedule { pick { ($0.makespan, $0.cost) } }
    var cheapest: Schedule { pick { ($0.cost, $0.makespan) } }

    /// What a goal asks for.
    mutating func add(for goal: Goal) {
        switch goal.objective {
        case .time where goal.budget == nil: addTrimmed()
        case .cost where goal.deadlineSeconds == nil: addCheapest()
        case .time, .cost, .balanced:
            addTrimmed()
            addCheapest()
            addBetween(deadline: goal.deadlineSeconds)
        }
    }

    /// One that was found elsewhere.
    mutating func add(_ schedule: Schedule) { schedules.append(schedule) }

    /// As fast as the fastest, but cheaper where tasks can wait.
    mutating func addTrimmed() { add(deadline: fastest.makespan) }

    /// The cheapest without any deadline.
    mutating func addCheapest() {
        let rule = ListSchedule.Rule.cheapest(by: fastestEnds.map { _ in .infinity })
        schedules.append(ListSchedule(problem, order: order, rule: rule).schedule)
        for entry in problem.entries.indices { addOnly(entry) }
    }

    /// Compromises between the fastest and the cheapest, and some that aim at the deadline.
    mutating func addBetween(deadline: Double?) {
        let (fastest, slowest) = (fastest.makespan, cheapest.makespan)
        guard fastest > 0, slowest > fastest else { return }
        let steps = problem.graph.count > 2000 ? 3 : 8
        for step in 1..<steps { add(deadline: fastest * pow(slowest / fastest, Double(step) / Double(steps))) }
        guard let deadline else { return }
        for share in [1, 0.95, 0.85, 0.7] where deadline * share > fastest { add(deadline: deadline * share) }
    }

    /// The best schedule within the limits, or `nil`.
    func best(_ goal: Goal) -> Schedule? {
        let allowed = schedules.filter { goal.allows(makespan: $0.makespan, cost: $0.cost) }
        switch goal.objective {
        case .time: return least(allowed, by: \.makespan, then: \.cost)
        case .cost: return least(allowed, by: \.cost, then: \.makespan)
        case .balanced:
            return allowed.min {
                ($0.makespan * $0.cost, $0.makespan) < ($1.makespan * $1.cost, $1.makespan)
            }
        }
    }

    /// The schedule of least `first`; among those that differ by rounding alone, of least `second`.
    private func least(
        _ schedules: [Schedule], by first: KeyPath<Schedule, Double>, then second: KeyPath<Schedule, Double>
    ) -> Schedule? {
        let bound = (schedules.map { $0[keyPath: first] }.min() ?? 0) * (1 + 1e-9)
        return schedules.filter { $0[keyPath: first] <= bound }.min { $0[keyPath: second] < $1[keyPath: second] }
    }

    var front: [Schedule] {
        var front: [Schedule] = []
        for schedule in schedules.sorted(by: { ($0.makespan, $0.cost) < ($1.makespan, $1.cost) })
        where schedule.cost < (front.last?.cost ?? .infinity) {
            front.append(schedule)
        }
        return front
    }

    /// The cheapest rule for a deadline of the job. A task's own deadline is its end in the fastest schedule, stretched
    /// to the deadline; or the latest that leaves time for what follows; or between the two.
    private mutating func add(deadline: Double) {
        let stretch = deadline / max(fastestEnds.max() ?? 0, .leastNormalMagnitude)
        for share in problem.graph.count > 2000 ? [1] : [0, 0.5, 1] {
            let deadlines = zip(fastestEnds, bestRest).map { end, rest in
                (share * end * stretch + (1 - share) * max(end, deadline - rest)) * (1 + 1e-12)
            }
            schedules.append(ListSchedule(problem, order: order, rule: .cheapest(by: deadlines)).schedule)
        }
    }

    /// All on one entry, cheapest first: greedy choices may scatter tasks over instances that then wait.
    private mutating func addOnly(_ entry: Int) {
        let usable = problem.entries.indices.map { $0 == entry }
        guard problem.entries.count > 1,
            (0..<problem.graph.count).allSatisfy({ problem.seconds(of: $0, on: entry).isFinite })
        else { return }
        let rule = ListSchedule.Rule.cheapest(by: fastestEnds.map { _ in .infinity })
        schedules.append(ListSchedule(problem, order: order, rule: rule, usable: usable).schedule)
    }

    private func pick(_ key: (Schedule) -> (Double, Double)) -> Schedule {
        schedules.dropFirst().reduce(schedules[0]) { key($1) < key($0) ? $1 : $0 }
    }

    /// Sets of the fastest entries, where all tasks fit: spreading wide does not pay when transfers are slow.
    private static func fewerEntries(_ problem: PlanningProblem) -> [[Bool]] {
        let speeds = Set(problem.entries.map(\.type.speed)).sorted(by: >)
        return speeds.dropLast().prefix(problem.graph.count > 2000 ? 1 : 4).compactMap { slowest in
            let usable = problem.entries.map { $0.type.speed >= slowest }
            let fitsAll = (0..<problem.graph.count).allSatisfy { task in
                problem.entries.indices.contains { usable[$0] && problem.seconds(of: task, on: $0).isFinite }
            }
            return fitsAll ? usable : nil
        }
    }
}
