import Glibc
import Workloads

/// The schedules made so far for one problem.
struct ListPortfolio {
    let problem: PlanningProblem
    private let order: [Int]
    private var fastestEnds: [Double] = []
    /// Seconds from the end of each task to the end of the job, if all that follows runs at its best.
    private let bestRest: [Double]
    /// When each task must end so that what follows may keep its deadlines.
    private let latestEnds: [Double]
    private(set) var schedules: [Schedule] = []

    /// How much work a list schedule is.
    private let size: Int
    /// Instances as lanes, where that is exact.
    private let model: LaneModel?

    /// Starts with the fastest schedules: the product of ranks (upward with mean, least and greatest times, importance) and
    /// choices (earliest finish, looking ahead), on all entries and on the fastest only; and what chooses among all that may
    /// start. The first is HEFT. Of large jobs there are fewer.
    init(_ original: PlanningProblem) {
        var problem = original
        let count = problem.graph.count
        let isHuge = count * problem.entries.count > 2_000_000
        if !problem.transfersAreFree, !isHuge { problem.lookAhead() }
        self.problem = problem
        model = LaneModel.whole(problem)
        let spans = problem.spans
        let leastRanks = problem.ranks(spans.least)
        bestRest = zip(leastRanks, spans.least).map { $0 - $1 }
        latestEnds = problem.latestEnds(spans.least, upTo: .infinity)
        let mean = problem.order(by: problem.ranks(spans.mean))
        let least = problem.order(by: leastRanks)
        // The most promising first: of large jobs there is time for few.
        typealias Recipe = (order: [Int], rule: ListSchedule.Rule, usable: [Bool]?)
        var recipes: [Recipe] = [(mean, .earliestFinish, nil), (least, .earliestFinish, nil)]
        // Where transfers take no time, what follows does not depend on the instance.
        let looksAhead = !problem.optimisticRest.isEmpty
        if looksAhead { recipes.append((least, .lookingAhead, nil)) }
        if !isHuge {
            let rules: [ListSchedule.Rule] = looksAhead ? [.lookingAhead, .earliestFinish] : [.earliestFinish]
            for usable in Self.fewerEntries(problem) { recipes += rules.map { (least, $0, usable) } }
            let greatest = problem.order(by: problem.ranks(spans.greatest))
            recipes.append((greatest, .earliestFinish, nil))
            if looksAhead { recipes += [mean, greatest].map { ($0, .lookingAhead, nil) } }
            if count <= 2000 {
                for importance in [Importance(), Importance(damping: 0.85, sharing: 0.5, power: 4)] {
                    let order = problem.order(following: importance.ranks(problem, weights: spans.mean))
                    recipes += rules.map { (order, $0, nil) }
                }
            }
        }
        size = count * (model?.host.count ?? 8 * problem.entries.count)
        recipes.removeLast(max(0, recipes.count - max(3, 80_000 / max(1, size))))
        if !problem.safeEnds.isEmpty {
            // What nobody takes back is always safe.
            let usable = problem.entries.map { $0.purchase == .onDemand }
            let fits = (0..<count).allSatisfy { task in
                usable.indices.contains { usable[$0] && problem.seconds(of: task, on: $0).isFinite }
            }
            if fits { recipes.append((least, .earliestFinish, usable)) }
        }
        var (fastest, fastestOrder, leastLate) = (Double.infinity, mean, Double.infinity)
        for (order, rule, usable) in recipes {
            let schedule = Self.schedule(problem, model, order, rule, usable)
            schedules.append(schedule)
            let late = problem.safeEnds.isEmpty ? 0 : schedule.lateness
            if (late, schedule.makespan) < (leastLate, fastest) {
                (leastLate, fastest, fastestOrder, fastestEnds) = (late, schedule.makespan, order, schedule.ends)
            }
        }
        if !problem.deadlines.isEmpty {
            // What must start first goes first.
            let ends = problem.latestEnds(spans.least, upTo: fastest)
            let urgent = problem.order(by: zip(ends, spans.least).map { $1 - $0 })
            let schedule = Self.schedule(problem, model, urgent, .earliestFinish, nil)
            let least = schedules.reduce(.infinity) { min($0, $1.lateness) }
            schedules.append(schedule)
            if schedule.lateness <= least { (fastestOrder, fastestEnds) = (urgent, schedule.ends) }
        }
        order = fastestOrder
        if let model, size <= 4000 {
            schedules += LaneList.Next.allCases.compactMap { LaneList.schedule(model, next: $0, most: 50_000) }
        }
    }

    private static func schedule(
        _ problem: PlanningProblem, _ model: LaneModel?, _ order: [Int], _ rule: ListSchedule.Rule, _ usable: [Bool]?
    ) -> Schedule {
        if let model { return LaneList.schedule(model, order: order, rule: rule, usable: usable) }
        return ListSchedule(problem, order: order, rule: rule, usable: usable).schedule
    }

    var fastest: Schedule { pick { ($0.makespan, $0.cost) } }
    var cheapest: Schedule { pick { ($0.cost, $0.makespan) } }

    /// What a goal asks for.
    mutating func add(for goal: Goal, briefly: Bool) {
        switch goal.objective {
        case .time where goal.budget == nil:
            addTrimmed()
            // What is as fast on a single kind of instance is mostly cheaper.
            if size <= 20_000 { cheapestOfFastest.forEach { addOnly($0) } }
        case .cost where goal.deadlineSeconds == nil: addCheapest()
        case .time, .cost, .balanced:
            addTrimmed()
            addCheapest()
            addBetween(deadline: goal.deadlineSeconds)
            addCompromises(briefly: briefly)
        }
    }

    /// Those that are proposals for the job, and possible.
    mutating func add(_ proposals: [Planner.Proposal], of pool: ResourcePool) {
        guard !proposals.isEmpty else { return }
        let places = pool.entries.indices.filter { pool.entries[$0].maximumCount > 0 }
        let count = problem.graph.count
        var decoder = ScheduleDecoder(problem)
        for proposal in proposals where proposal.entries.count == count {
            let entries = proposal.entries.map { entry in places.firstIndex(of: entry).map { Int32($0) } ?? -1 }
            let fits = entries.indices.allSatisfy {
                entries[$0] >= 0 && problem.seconds(of: $0, on: Int(entries[$0])).isFinite
            }
            guard fits, problem.isOrder(proposal.order) else { continue }
            decoder.decode(order: proposal.order.map { Int32($0) }, entries: entries)
            schedules.append(decoder.schedule)
        }
    }

    /// One that was found elsewhere.
    mutating func add(_ schedule: Schedule) { schedules.append(schedule) }

    /// As fast as the fastest, but cheaper where tasks can wait.
    mutating func addTrimmed() { add(deadline: fastest.makespan) }

    /// The cheapest without any deadline.
    mutating func addCheapest() {
        let rule = ListSchedule.Rule.cheapest(by: latestEnds)
        schedules.append(Self.schedule(problem, model, order, rule, nil))
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
        let allowed = schedules.filter {
            $0.lateness == 0 && goal.allows(makespan: $0.makespan, cost: $0.cost)
        }
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

    /// Compromises that grow side by side, where instances are lanes: as many as take some milliseconds, or a tenth of a
    /// second.
    mutating func addCompromises(briefly: Bool) {
        guard let model, problem.isPriced, problem.graph.count <= 2000 else { return }
        let work = problem.graph.count * (10 * model.host.count + problem.graph.count)
        let width = max(4, min(briefly ? 10 : 200, (briefly ? 4_000_000 : 40_000_000) / max(1, work)))
        schedules += MultiObjectiveList(model, width: width).plans(order: order)
            .map { $0.schedule(model, delaying: true) }
    }

    /// The cheapest rule for a deadline of the job. A task's own deadline is its end in the fastest schedule, stretched
    /// to the deadline; or the latest that leaves time for what follows; or between the two.
    private mutating func add(deadline: Double) {
        let stretch = deadline / max(fastestEnds.max() ?? 0, .leastNormalMagnitude)
        for share in size > 10_000 ? [1] : [0, 0.5, 1] {
            let deadlines = fastestEnds.indices.map { task in
                let (end, rest) = (fastestEnds[task], bestRest[task])
                let own = (share * end * stretch + (1 - share) * max(end, deadline - rest)) * (1 + 1e-12)
                return min(own, latestEnds[task])
            }
            schedules.append(Self.schedule(problem, model, order, .cheapest(by: deadlines), nil))
            for usable in zones {
                schedules.append(Self.schedule(problem, model, order, .cheapest(by: deadlines), usable))
            }
        }
    }

    /// The entries of each zone, where all tasks fit: greedy choices may scatter tasks over zones between which data then moves.
    private var zones: [[Bool]] {
        guard problem.hasZones, size <= 20_000 else { return [] }
        return Set(problem.zones.filter { $0 >= 0 }).sorted().map { zone in problem.zones.map { $0 == zone } }.filter {
            usable in
            (0..<problem.graph.count).allSatisfy { task in
                usable.indices.contains { usable[$0] && problem.seconds(of: task, on: $0).isFinite }
            }
        }
    }

    /// Of each of the highest speeds, four or one, the cheapest entry.
    private var cheapestOfFastest: [Int] {
        var best: [Double: Int] = [:]
        func price(_ entry: Int) -> Double { problem.bills[entry].dollars(from: 0, to: 3600) }
        for entry in problem.entries.indices {
            let speed = problem.entries[entry].type.speed
            if let known = best[speed], price(known) <= price(entry) { continue }
            best[speed] = entry
        }
        return best.keys.sorted(by: >).prefix(size > 10_000 ? 1 : 4).compactMap { best[$0] }
    }

    /// All on one entry, cheapest first: greedy choices may scatter tasks over instances that then wait.
    private mutating func addOnly(_ entry: Int) {
        let usable = problem.entries.indices.map { $0 == entry }
        guard problem.entries.count > 1,
            (0..<problem.graph.count).allSatisfy({ problem.seconds(of: $0, on: entry).isFinite })
        else { return }
        schedules.append(Self.schedule(problem, model, order, .cheapest(by: latestEnds), usable))
    }

    /// Of those that are least late.
    private func pick(_ key: (Schedule) -> (Double, Double)) -> Schedule {
        schedules.dropFirst().reduce(schedules[0]) { best, other in
            if other.lateness != best.lateness { return other.lateness < best.lateness ? other : best }
            return key(other) < key(best) ? other : best
        }
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
