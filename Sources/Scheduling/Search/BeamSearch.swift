import Workloads

/// Beam search on lanes: partial schedules grow by one task at a time, in the order in which tasks start, and of those of
/// equal size the ones of least bound are kept.
///
/// The bound of a partial schedule is the longest path through what is not placed yet, from where it may start now, and the
/// work that is left. What cannot become better than the best schedule known is left out, so that a beam that is wide enough
/// for a small job to keep all the rest proves the optimum; if some were dropped, the least of their bounds is proved.
/// Source: Ow and Morton, *Filtered beam search in scheduling* (1988).
package struct BeamSearch: Sendable {
    /// How many partial schedules of each size are kept.
    var width: Int

    /// What was found, if it is better than what is known, and a score below which there is nothing.
    struct Outcome: Sendable {
        var plan: LanePlan?
        var bound: Double
        var tries = 0
    }

    /// The shortest makespan found, infinite if none was, and one that is proved to be below all.
    package static func shortest(_ model: LaneModel, width: Int) -> (seconds: Double, bound: Double) {
        let score = PlanScore(Goal(.time), scale: (1, 1))
        let found = BeamSearch(width: width).run(model, score, better: .infinity, until: SearchLimit())
        return (found.plan?.makespan ?? .infinity, found.bound)
    }

    /// Searches for a schedule better than a score.
    ///
    /// - Complexity: O(*width* · *V* · (*ready tasks* · *lanes* · *V* + *E*)).
    func run(_ model: LaneModel, _ score: PlanScore, better known: Double, until limit: SearchLimit) -> Outcome {
        var beam = Beam(model, score, known)
        return beam.run(width, limit)
    }
}

extension BeamSearch {
    private struct Beam {
        let model: LaneModel
        let problem: PlanningProblem
        let score: PlanScore
        let tails: [Double]
        let least: [Double]
        let work: [Double]
        let speeds: [Double]
        let place: [Int]
        var best: Double
        var bestPlan: LanePlan?
        var tries = 0
        /// The least bound of what was dropped.
        var dropped = Double.infinity

        private struct State {
            /// When each task ends, infinite if it is not placed, and the lane of each.
            var ends: [Double]
            var lanes: [Int32]
            var order: [Int32] = []
            /// When the last of them starts.
            var last = 0.0
            var makespan = 0.0
            var bound = -Double.infinity
        }

        private struct Candidate {
            var parent: Int
            var task: Int
            var lane: Int
            var start: Double
            var end: Double
            var bound: Double
            var number: Int
        }

        init(_ model: LaneModel, _ score: PlanScore, _ known: Double) {
            (self.model, problem, self.score, best) = (model, model.problem, score, known)
            tails = LowerBound.Paths(problem).tails
            least = problem.spans.least
            // A lane of speed 1 does it in so many seconds.
            speeds = model.entry.map { max(model.problem.entries[Int($0)].type.speed, .leastNormalMagnitude) }
            let entries = model.problem.entries
            work = (0..<model.problem.graph.count).map { task in
                entries.indices.reduce(.infinity) {
                    min($0, model.problem.seconds(of: task, on: $1) * entries[$1].type.speed)
                }
            }
            var place = [Int](repeating: 0, count: problem.graph.count)
            for (position, task) in problem.graph.topologicalOrder.enumerated() { place[task] = position }
            self.place = place
        }

        mutating func run(_ width: Int, _ limit: SearchLimit) -> Outcome {
            let count = problem.graph.count
            var states = [
                State(
                    ends: [Double](repeating: .infinity, count: count), lanes: [Int32](repeating: -1, count: count))
            ]
            for _ in 0..<count {
                var candidates: [Candidate] = []
                for (parent, state) in states.enumerated() {
                    guard limit.passed(tries: tries, score: best) < 1 else {
                        let open = states.reduce(dropped) { min($0, $1.bound) }
                        return Outcome(plan: bestPlan, bound: min(best, open), tries: tries)
                    }
                    expand(state, parent, &candidates)
                    if candidates.count > 16 * width {
                        sort(&candidates)
                        drop(from: 8 * width, &candidates)
                    }
                }
                sort(&candidates)
                states = children(of: states, &candidates, width)
            }
            for state in states {
                let plan = LanePlan(order: state.order, lanes: state.lanes, model)
                let value = score(plan)
                if value < best { (best, bestPlan) = (value, plan) }
            }
            return Outcome(plan: bestPlan, bound: min(best, dropped), tries: tries)
        }

        private func sort(_ candidates: inout [Candidate]) {
            candidates.sort {
                ($0.bound, $0.end + tails[$0.task], $0.number) < ($1.bound, $1.end + tails[$1.task], $1.number)
            }
        }

        private mutating func drop(from place: Int, _ candidates: inout [Candidate]) {
            guard place < candidates.count else { return }
            dropped = min(dropped, candidates[place].bound)
            candidates.removeLast(candidates.count - place)
        }

        /// The best partial schedules of which no two can go on alike.
        private mutating func children(of states: [State], _ candidates: inout [Candidate], _ width: Int) -> [State] {
            var children: [State] = []
            var known: Set<[Double]> = []
            for (place, step) in candidates.enumerated() {
                guard children.count < width else {
                    drop(from: place, &candidates)
                    break
                }
                let child = child(of: states[step.parent], step)
                // Costs depend on what is over.
                if score.needsCost || known.insert(prospects(child)).inserted { children.append(child) }
            }
            return children
        }

        /// All that what follows depends on: what is placed, the data that is still needed, and what is in use. What has the
        /// same and a greater bound is no better.
        private func prospects(_ state: State) -> [Double] {
            var values = [state.last]
            for task in state.ends.indices {
                guard state.ends[task] < .infinity else {
                    values.append(-1)
                    continue
                }
                let after = Int(model.firstSuccessor[task])..<Int(model.firstSuccessor[task + 1])
                let isNeeded = after.contains { state.ends[Int(model.successors[$0])] == .infinity }
                let runs = state.ends[task] > state.last
                values.append(isNeeded || runs ? state.ends[task] : 0)
                values.append(isNeeded || runs ? Double(state.lanes[task]) : 0)
            }
            return values
        }

        private func child(of state: State, _ step: Candidate) -> State {
            var child = state
            (child.ends[step.task], child.lanes[step.task]) = (step.end, Int32(step.lane))
            child.order.append(Int32(step.task))
            (child.last, child.makespan, child.bound) = (step.start, max(state.makespan, step.end), step.bound)
            return child
        }

        /// All ways to go on with a partial schedule.
        private mutating func expand(_ state: State, _ parent: Int, _ candidates: inout [Candidate]) {
            let first = candidates.count
            let free = free(state)
            let open = openLanes(state, free)
            // When each task ends at the earliest, now that these are placed.
            var heads = [Double](repeating: 0, count: tails.count)
            var bound = max(state.makespan, remaining(state, free))
            for task in problem.graph.topologicalOrder {
                if state.ends[task] < .infinity {
                    heads[task] = state.ends[task]
                    bound = max(bound, state.ends[task] + tails[task])
                    continue
                }
                var (ready, isReady) = (max(state.last, problem.release(of: task)), true)
                for edge in problem.edges(of: task) {
                    let other = Int(problem.predecessors[edge])
                    ready = max(ready, heads[other])
                    isReady = isReady && state.ends[other] < .infinity
                }
                heads[task] = ready + least[task]
                if isReady {
                    heads[task] = .infinity
                    for lane in open {
                        let seconds = problem.seconds(of: task, on: Int(model.entry[lane]))
                        guard seconds < .infinity else { continue }
                        let start = start(task, lane, state, free)
                        heads[task] = min(heads[task], start + seconds)
                        tries += 1
                        candidates.append(
                            Candidate(
                                parent: parent, task: task, lane: lane, start: start, end: start + seconds, bound: 0,
                                number: tries))
                    }
                }
                bound = max(bound, heads[task] + tails[task])
            }
            // What starts later than something that is not placed yet may wait for it, but not the other way round.
            var kept = first
            for place in first..<candidates.count {
                let step = candidates[place]
                let longest = max(bound, step.end + tails[step.task], latest(state, after: step))
                let value = score(makespan: longest, cost: score.needsCost ? cost(state, step) : 0, lateness: 0)
                guard value * (1 + 1e-12) < best else { continue }
                candidates[kept] = step
                candidates[kept].bound = value
                kept += 1
            }
            candidates.removeLast(candidates.count - kept)
        }

        /// The longest path through what is placed later, which starts no sooner than a step.
        private func latest(_ state: State, after step: Candidate) -> Double {
            var latest = 0.0
            for task in tails.indices where state.ends[task] == .infinity && task != step.task {
                latest = max(latest, step.start + least[task] + tails[task])
            }
            return latest
        }

        /// Of lanes that are alike, one: of those that an instance has free now, and of instances that are not used yet.
        private func openLanes(_ state: State, _ free: [Double]) -> [Int] {
            var isUsed = [Bool](repeating: false, count: model.host.count)
            for lane in state.lanes where lane >= 0 { isUsed[Int(lane)] = true }
            return isUsed.indices.filter { lane in
                let host = Int(model.host[lane])
                let lanes = model.lanesOfHost[host]
                if model.room == 0, free[lane] <= state.last,
                    lanes.contains(where: { $0 < lane && free[$0] <= state.last })
                {
                    return false
                }
                return isUsed[lanes.lowerBound] || host == 0 || model.entryOfHost[host - 1] != model.entryOfHost[host]
                    || isUsed[model.lanesOfHost[host - 1].lowerBound]
            }
        }

        /// When each lane is free, if none is shared.
        private func free(_ state: State) -> [Double] {
            var free = model.entry.map { problem.opens[Int($0)] }
            for task in state.order { free[Int(state.lanes[Int(task)])] = state.ends[Int(task)] }
            return free
        }

        private func start(_ task: Int, _ lane: Int, _ state: State, _ free: [Double]) -> Double {
            let entry = model.entry[lane]
            var start = max(state.last, problem.opens[Int(entry)], problem.release(of: task))
            for edge in problem.edges(of: task) {
                let other = Int(problem.predecessors[edge])
                let from = Int(state.lanes[other])
                let isHere = model.host[from] == model.host[lane]
                let seconds = isHere ? 0 : problem.seconds(along: edge, from: model.entry[from], to: entry)
                start = max(start, state.ends[other] + seconds)
            }
            guard model.room > 0 else { return max(start, free[lane]) }
            let capacity = problem.entries[Int(model.entry[lane])].type.capacity.lanes * (1 + 1e-12)
            while true {
                var (used, next) = (problem.requests[task].lanes, Double.infinity)
                for other in state.order where state.lanes[Int(other)] == Int32(lane) && state.ends[Int(other)] > start
                {
                    used += problem.requests[Int(other)].lanes
                    next = min(next, state.ends[Int(other)])
                }
                if all(used .<= capacity) || next == .infinity { return start }
                start = next
            }
        }

        /// When all lanes together can have done what is left.
        private func remaining(_ state: State, _ free: [Double]) -> Double {
            guard model.room == 0 else { return 0 }
            var (left, speed) = (0.0, 0.0)
            for task in work.indices where state.ends[task] == .infinity { left += work[task] }
            for lane in free.indices.sorted(by: { free[$0] < free[$1] }) {
                let begin = max(free[lane], state.last)
                if speed > 0, left / speed <= begin { break }
                left += begin * speeds[lane]
                speed += speeds[lane]
            }
            return speed > 0 ? left / speed : 0
        }

        /// What the instances cost so far, with one task more.
        private func cost(_ state: State, _ step: Candidate) -> Double {
            var uses = [(first: Double, last: Double)](
                repeating: (.infinity, -.infinity), count: model.entryOfHost.count)
            func use(_ task: Int, _ lane: Int, _ end: Double) {
                let entry = Int(model.entry[lane])
                let host = Int(model.host[lane])
                let start = end - problem.seconds(of: task, on: entry)
                uses[host] = (min(uses[host].first, max(0, start)), max(uses[host].last, end))
            }
            for task in state.order { use(Int(task), Int(state.lanes[Int(task)]), state.ends[Int(task)]) }
            use(step.task, step.lane, step.end)
            return uses.indices.reduce(0) { sum, host in
                guard uses[host].last >= uses[host].first else { return sum }
                return sum
                    + problem.bills[Int(model.entryOfHost[host])].dollars(from: uses[host].first, to: uses[host].last)
            }
        }
    }
}
