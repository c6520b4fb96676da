internal import LinearAlgebra
internal import Workloads

/// Searches for better plans than list schedules are, as long as it may.
///
/// Several chains, of annealing and of windows that are put back in the best way, start from the best list schedules, each
/// with habits of its own; the best of them go on, colder. Of small jobs a beam that holds all that may be better then proves
/// the optimum.
/// What a search finds depends on the seed and on how many tries it has, never on the number of threads; with a limit in
/// seconds it has as many tries as fit.
public struct PlanSearch: Sendable {
    /// How long it may search.
    public enum Limit: Hashable, Sendable {
        /// Seconds by the clock.
        case seconds(Double)
        /// Moves that are judged, by all chains together.
        case tries(Int)
        /// As many moves as take some milliseconds, always the same.
        case brief

        /// A share of it; what is brief stays so.
        func times(_ share: Double) -> Limit {
            switch self {
            case .seconds(let seconds): .seconds(seconds * share)
            case .tries(let tries): .tries(max(1, Int(Double(tries) * share)))
            case .brief: .brief
            }
        }
    }

    /// How it may search.
    public enum Method: String, Hashable, Sendable, CaseIterable {
        /// Simulated annealing.
        case annealing
        /// A genetic algorithm on orders of tasks.
        case genetic
        /// Large-neighbourhood search: some tasks at a time are put back in the best way. Where tasks of different size
        /// share instances, it is annealing.
        case windows
        /// Beam search, wider and wider.
        case beam
    }

    /// The best schedule found.
    public private(set) var schedule: Schedule
    /// Moves that were judged, and those of them that were made for it.
    public private(set) var tries = 0
    public private(set) var evaluations = 0
    /// A makespan below which there is none, if one was proved; 0 if not.
    public private(set) var provedSeconds = 0.0

    /// Searches, from schedules of the problem.
    init(
        _ problem: PlanningProblem, _ goal: Goal, from known: [Schedule], bound: LowerBound, limit: Limit,
        method: Method? = nil, threads: Int, seed: UInt64
    ) {
        let score = PlanScore(goal, scale: (known[0].makespan, known[0].cost))
        func value(_ schedule: Schedule) -> Double { score(schedule) }
        // The first, HEFT's, may be bad, but is unlike the others.
        let sorted = known.sorted { value($0) < value($1) }
        let starts = Self.distinct([sorted[0], known[0]] + sorted)
        schedule = starts[0]
        let least = goal.objective == .time ? bound.makespanSeconds * (1 + 1e-9) : -.infinity
        guard problem.graph.count > 1, value(schedule) > least else { return }
        // Room for instances that none of them uses; for all, where an optimum may be proved.
        let isSmall = problem.graph.count <= Self.fewTasks
        let most =
            isSmall ? problem.entries.map { _ in problem.graph.count } : LaneModel.room(for: starts, problem)
        if method != .genetic,
            let model = LaneModel(problem, most: most) ?? LaneModel(problem, most: most, sharing: true)
        {
            search(model, score, starts, least, limit, method, threads, seed)
            if isSmall, goal == Goal(.time, confidence: goal.confidence), value(schedule) > least {
                prove(model, score, limit)
            }
        } else {
            search(OrderModel(problem), score, starts, least, limit, method, threads, seed)
        }
    }

    private mutating func search<Space: SearchSpace>(
        _ space: Space, _ score: PlanScore, _ starts: [Schedule], _ least: Double, _ limit: Limit,
        _ method: Method?, _ threads: Int, _ seed: UInt64
    ) {
        // Some tens of moves are not worth making the search ready.
        if limit == .brief, space.briefTries < 50 { return }
        // Large jobs have too few tries for many.
        let size = max(1, starts[0].starts.count)
        let chains = limit == .brief || size > 400 ? 2 : 4
        let shares = limit == .brief ? [1] : [0.4, 0.3, 0.3]
        var points = starts.map { space.point($0) }
        for (round, share) in shares.enumerated() {
            let found = Parallel.map(count: chains, threads: threads) { [points] chain in
                var end =
                    switch limit {
                    case .seconds(let seconds):
                        SearchLimit(seconds: seconds * share * Double(min(threads, chains)) / Double(chains))
                    case .tries(let tries): SearchLimit(tries: max(1, Int(Double(tries) * share) / chains))
                    case .brief: SearchLimit(tries: space.briefTries / 2)
                    }
                end.least = least
                return space.search(
                    points, score, method, round: limit == .brief ? 2 : round, chain: chain, keepsFront: false,
                    until: end,
                    seed: seed &* 0x9E37_79B9 &+ UInt64(round * chains + chain))
            }
            tries += found.reduce(0) { $0 + $1.tries }
            evaluations += found.reduce(0) { $0 + $1.evaluations }
            let sorted = found.enumerated().sorted { ($0.element.score, $0.offset) < ($1.element.score, $1.offset) }
            points = sorted.prefix(round == 0 ? 2 : 1).map(\.element.point)
            let best = space.schedule(points[0])
            if score(best) < score(schedule) { schedule = best }
        }
    }

    /// Of how many tasks at most a search tries to prove that there is no better schedule.
    private static let fewTasks = 12

    /// Looks for anything better than what was found, by a beam that holds all that may be if the job is small.
    private mutating func prove(_ model: LaneModel, _ score: PlanScore, _ limit: Limit) {
        guard !model.problem.hasZones, model.problem.startsAtOnce, !model.problem.isDated else { return }
        var end = SearchLimit()
        if case .seconds(let seconds) = limit { end.seconds = seconds / 4 }
        let known = score(schedule)
        let found = BeamSearch(width: limit == .brief ? 100 : 50_000).run(model, score, better: known, until: end)
        if let plan = found.plan { schedule = model.schedule(plan) }
        provedSeconds = max(0, min(found.bound, schedule.makespan))
    }

    /// The best four of which no two are alike.
    private static func distinct(_ schedules: [Schedule]) -> [Schedule] {
        var kept: [Schedule] = []
        for schedule in schedules where kept.count < 4 {
            let isNew = kept.allSatisfy { $0.makespan != schedule.makespan || $0.cost != schedule.cost }
            if isNew { kept.append(schedule) }
        }
        return kept
    }
}
