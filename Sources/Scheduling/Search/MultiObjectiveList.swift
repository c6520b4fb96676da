import Workloads

/// List scheduling for makespan and cost together: several schedules grow side by side, every task is tried on every lane in
/// each, and the best compromises are kept, by dominance and then by how lonely they are.
///
/// Source: Durillo and Prodan, *Multi-objective workflow scheduling in Amazon EC2* (2014).
struct MultiObjectiveList {
    private let model: LaneModel
    private let problem: PlanningProblem
    private let width: Int

    /// A schedule of the first tasks.
    private struct Partial {
        var ends: [Double]
        var lanes: [Int32]
        var lastEnd: [Double]
        var uses: [(first: Double, last: Double)]
        var makespan = 0.0
        var cost = 0.0
    }

    private struct Candidate {
        var parent: Int
        var lane: Int
        var end: Double
        var makespan: Double
        var cost: Double
        var loneliness = 0.0
    }

    /// - Parameter width: How many schedules are kept.
    init(_ model: LaneModel, width: Int) {
        (self.model, problem, self.width) = (model, model.problem, width)
    }

    /// Schedules of all tasks, placed in an order, from fastest to cheapest.
    ///
    /// - Complexity: O(*V* · *width* · (*lanes* + *V*)).
    func plans(order: [Int]) -> [LanePlan] {
        let count = problem.graph.count
        var partials = [
            Partial(
                ends: Array(repeating: 0, count: count), lanes: Array(repeating: -1, count: count),
                lastEnd: model.entry.map { problem.opens[Int($0)] },
                uses: model.entryOfHost.map { _ in (.infinity, -.infinity) })
        ]
        var candidates: [Candidate] = []
        for task in order {
            candidates.removeAll(keepingCapacity: true)
            for (parent, partial) in partials.enumerated() { add(task, parent, partial, &candidates) }
            partials = best(&candidates).map { candidate in
                var partial = partials[candidate.parent]
                let host = Int(model.host[candidate.lane])
                let start = candidate.end - seconds(task, candidate.lane)
                (partial.ends[task], partial.lanes[task]) = (candidate.end, Int32(candidate.lane))
                partial.lastEnd[candidate.lane] = candidate.end
                partial.uses[host] = (min(partial.uses[host].first, start), max(partial.uses[host].last, candidate.end))
                (partial.makespan, partial.cost) = (candidate.makespan, candidate.cost)
                return partial
            }
        }
        let order = order.map { Int32($0) }
        return partials.map { LanePlan(order: order, lanes: $0.lanes, makespan: $0.makespan, cost: $0.cost) }
    }

    private func seconds(_ task: Int, _ lane: Int) -> Double {
        problem.seconds[task * problem.entries.count + Int(model.entry[lane])]
    }

    /// All places of a task in one schedule; of instances of an entry that are not used one stands for all.
    private func add(_ task: Int, _ parent: Int, _ partial: Partial, _ candidates: inout [Candidate]) {
        let edges = problem.edges(of: task)
        let release = problem.release(of: task)
        var (elsewhere, source) = (release, Int32(-1))
        for edge in edges {
            let other = Int(problem.predecessors[edge])
            let arrival = partial.ends[other] + problem.transfers[edge]
            if arrival > elsewhere { (elsewhere, source) = (arrival, model.host[Int(partial.lanes[other])]) }
        }
        var here = source < 0 ? elsewhere : release
        if source >= 0 {
            for edge in edges {
                let other = Int(problem.predecessors[edge])
                let isHere = model.host[Int(partial.lanes[other])] == source
                here = max(here, partial.ends[other] + (isHere ? 0 : problem.transfers[edge]))
            }
        }
        var lastNew = Int32(-1)
        for lane in model.possible[Int(model.possibleOf[task])].map({ Int($0) }) {
            let (host, entry) = (Int(model.host[lane]), model.entry[lane])
            let use = partial.uses[host]
            if use.last < use.first {
                if lastNew == entry { continue }
                lastNew = entry
            }
            let start = max(partial.lastEnd[lane], Int32(host) == source ? here : elsewhere)
            let end = start + seconds(task, lane)
            let bill = problem.bills[Int(entry)]
            let added =
                use.last < use.first
                ? bill.dollars(from: start, to: end)
                : (end > use.last ? bill.dollars(from: use.last, to: end) : 0)
                    + (start < use.first ? bill.dollars(from: start, to: use.first) : 0)
            candidates.append(
                Candidate(
                    parent: parent, lane: lane, end: end, makespan: max(partial.makespan, end),
                    cost: partial.cost + added))
        }
    }

    /// The best compromises; of equal ones the first of a front is of a better one than the others.
    private func best(_ candidates: inout [Candidate]) -> [Candidate] {
        candidates.sort {
            ($0.makespan, $0.cost, $0.parent, $0.lane) < ($1.makespan, $1.cost, $1.parent, $1.lane)
        }
        var kept: [Candidate] = []
        var rest = candidates
        while kept.count < width, !rest.isEmpty {
            var (front, others): ([Candidate], [Candidate]) = ([], [])
            for candidate in rest {
                if candidate.cost < front.last?.cost ?? .infinity {
                    front.append(candidate)
                } else {
                    others.append(candidate)
                }
            }
            if kept.count + front.count > width {
                let wide = max(front[front.count - 1].makespan - front[0].makespan, .leastNormalMagnitude)
                let high = max(front[0].cost - front[front.count - 1].cost, .leastNormalMagnitude)
                for place in front.indices {
                    let isOutermost = place == 0 || place == front.count - 1
                    front[place].loneliness =
                        isOutermost
                        ? .infinity
                        : (front[place + 1].makespan - front[place - 1].makespan) / wide
                            + (front[place - 1].cost - front[place + 1].cost) / high
                }
                let lonely = front.indices.sorted { (-front[$0].loneliness, $0) < (-front[$1].loneliness, $1) }
                front = lonely.prefix(width - kept.count).sorted().map { front[$0] }
            }
            kept += front
            rest = others
        }
        return kept
    }
}
