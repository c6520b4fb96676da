internal import LinearAlgebra
internal import Workloads

/// Searches for schedules of which none is both slower and dearer than another: the cheapest for each of a row of deadlines.
struct FrontSearch {
    /// From fastest to cheapest.
    private(set) var schedules: [Schedule]

    private static let deadlines = 16

    init(
        _ problem: PlanningProblem, from known: [Schedule], bound: LowerBound, limit: PlanSearch.Limit, threads: Int,
        seed: UInt64
    ) {
        // Both ends, then the deadlines between, twice: what is found for one may be good for others.
        var found = known
        for goal in [Goal(.time), Goal(.cost)] {
            found.append(
                PlanSearch(
                    problem, goal, from: known, bound: bound, limit: limit.times(0.15), threads: threads, seed: seed
                ).schedule)
        }
        schedules = Self.front(found)
        if let model = LaneModel(problem, most: LaneModel.room(for: found, problem)) {
            search(model, limit, threads, seed)
        } else {
            search(OrderModel(problem), limit, threads, seed)
        }
    }

    private mutating func search<Space: SearchSpace>(
        _ space: Space, _ limit: PlanSearch.Limit, _ threads: Int, _ seed: UInt64
    ) {
        let (fastest, slowest) = (schedules[0].makespan, schedules[schedules.count - 1].makespan)
        guard schedules.count > 1, fastest > 0 else { return }
        let count = limit == .brief ? Self.deadlines / 2 : Self.deadlines
        let rounds = limit == .brief ? 1 : 3
        for round in 0..<rounds {
            let known = schedules
            let found = Parallel.map(count: count, threads: threads) { place in
                let share = (Double(place) + Double(round) / Double(rounds)) / Double(count)
                let deadline = fastest + (slowest - fastest) * share * share
                let start = known.last { $0.makespan <= deadline * (1 + 1e-9) } ?? known[0]
                let score = PlanScore(
                    Goal(.cost, deadlineSeconds: max(deadline, start.makespan)), scale: (start.makespan, start.cost))
                let end =
                    switch limit {
                    case .seconds(let seconds):
                        SearchLimit(seconds: seconds * 0.7 * Double(min(threads, count)) / Double(count * rounds))
                    case .tries(let tries): SearchLimit(tries: max(1, tries * 7 / 10 / count / rounds))
                    case .brief: SearchLimit(tries: space.briefTries / 4)
                    }
                return space.search(
                    [space.point(start)], score, .annealing, round: 2, chain: 0, keepsFront: true, until: end,
                    seed: seed &* 0x9E37_79B9 &+ UInt64(1000 + round * count + place)
                ).front
            }
            var front = Front<Space.Point>()
            for found in found {
                for member in found.members { front.add(makespan: member.makespan, cost: member.cost, member.point) }
            }
            let new = front.members
            schedules = Self.front(
                schedules + Parallel.map(count: new.count, threads: threads) { space.schedule(new[$0].point) })
        }
    }

    /// So many at most, as evenly along the front as they lie; the first and the last are always among them.
    func thinned(to most: Int) -> [Schedule] {
        guard schedules.count > max(2, most), let first = schedules.first, let last = schedules.last else {
            return schedules
        }
        let (wide, high) = (last.makespan - first.makespan, first.cost - last.cost)
        var (kept, way, before) = ([first], 0.0, first)
        for schedule in schedules.dropFirst().dropLast() {
            // From end to end the way is 2.
            way += (schedule.makespan - before.makespan) / wide + (before.cost - schedule.cost) / high
            before = schedule
            if way >= 2 * Double(kept.count) / Double(most - 1), kept.count < most - 1 { kept.append(schedule) }
        }
        return kept + [last]
    }

    /// Those of which none is both slower and dearer than another.
    static func front(_ schedules: [Schedule]) -> [Schedule] {
        var front: [Schedule] = []
        // Those that are late stay only if there are no others.
        let usable = schedules.contains { $0.lateness == 0 } ? schedules.filter { $0.lateness == 0 } : schedules
        for schedule in usable.sorted(by: { ($0.makespan, $0.cost) < ($1.makespan, $1.cost) })
        where schedule.cost < front.last?.cost ?? .infinity {
            front.append(schedule)
        }
        return front
    }
}
