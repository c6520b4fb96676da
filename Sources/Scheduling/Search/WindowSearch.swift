import Glibc
import Workloads

/// Large-neighbourhood search on lanes: all tasks of two lanes that stand in a window of the order are taken out and put
/// back in the best way.
///
/// What the best way is, is found by branch and bound over lanes and orders, with the paths to and from the window as they
/// are now; the schedule that comes of it is then computed, and kept if it is not worse, or hardly.
/// Source: Shaw, *Using constraint programming and local search methods to solve vehicle routing problems* (1998).
struct WindowSearch: Sendable {
    /// How many tasks are taken out.
    var least = 4
    var most = 7
    /// How many steps of branch and bound a window may take.
    var steps = 200
    /// The temperature at the beginning and at the end, as a share of the score.
    var hot = 0.003
    var cold = 0.0001
    /// How often a window lies around a task on a longest path.
    var critical = 0.5

    /// A window takes as long as so many tries of annealing.
    private static let triesPerWindow = 32

    /// Searches from a plan.
    ///
    /// - Complexity: A window takes at most ``steps`` steps.
    func run(
        _ model: LaneModel, from plan: LanePlan, _ score: PlanScore, until limit: SearchLimit, seed: UInt64
    ) -> Found<LanePlan> {
        var random = SplitMix(seed: seed)
        var schedule = LaneSchedule(model)
        schedule.set(order: plan.order, lanes: plan.lanes)
        schedule.sort()
        let now = LanePlan(schedule)
        var current = score(now)
        var result = Found(point: now, score: current)
        guard model.host.count > 1, model.room == 0 else { return result }
        let scale = max(current, .leastNormalMagnitude)
        var (longest, isStale) = ([Int32](), true)
        var window = Window()
        while true {
            let passed = limit.passed(tries: result.tries, score: result.score)
            guard passed < 1 else { return result }
            if result.tries % (1024 * Self.triesPerWindow) == 0 { schedule.sort() }
            result.tries += Self.triesPerWindow
            let allowed = current - scale * hot * pow(cold / hot, passed) * log(1 - random.uniform())
            if isStale {
                longest.removeAll(keepingCapacity: true)
                schedule.addLongest(to: &longest)
                isStale = false
            }
            let isCritical = !longest.isEmpty && random.uniform() < critical
            let task = isCritical ? Int(longest[random.below(longest.count)]) : random.below(schedule.count)
            window.take(around: task, least + random.below(most - least + 1), schedule, &random)
            guard window.solve(upTo: min(score.longest(upTo: allowed), .greatestFiniteMagnitude), steps, &random) else {
                continue
            }
            result.evaluations += 1
            window.put(into: &schedule)
            guard schedule.settle(upTo: score.longest(upTo: allowed)) else {
                schedule.undo()
                continue
            }
            let now = score(
                makespan: schedule.makespan, cost: score.needsCost ? schedule.cost() : 0,
                lateness: schedule.lateness())
            guard now <= allowed else {
                schedule.undo()
                continue
            }
            schedule.keep()
            (current, isStale) = (now, true)
            if now < result.score - 1e-12 * abs(result.score) {
                result.point = LanePlan(schedule)
                result.score = now
            }
        }
    }
}

extension WindowSearch {
    /// Some tasks of two lanes, and how they may stand there.
    private struct Window {
        /// Tasks in the order in which they stand, and the places where.
        private var tasks: [Int] = []
        private var places: [Int] = []
        private var lanes = [0, 0]
        /// For each task on each lane: how long it takes, when what comes from outside is there, and what comes after it
        /// outside.
        private var seconds: [Double] = []
        private var ready: [Double] = []
        private var tail: [Double] = []
        /// For each pair of tasks the seconds from the first to the second on different instances; less than 0 if there is
        /// no edge.
        private var edges: [Double] = []
        /// When each lane is free, and what follows on it.
        private var free = [0.0, 0.0]
        private var follows = [0.0, 0.0]
        private var areApart = true
        /// What is tried, and the best.
        private var trial: [(task: Int, lane: Int)] = []
        private var best: [(task: Int, lane: Int)] = []
        private var ends: [Double] = []
        private var sides: [Int] = []
        private var value = 0.0
        private var steps = 0

        /// Takes the tasks next to one in the order that are on its lane or on another.
        mutating func take(
            around task: Int, _ count: Int, _ schedule: borrowing LaneSchedule, _ random: inout SplitMix
        ) {
            let model = schedule.model
            lanes[0] = Int(schedule.lane[task])
            let talks = model.neighbourCount(task)
            lanes[1] = random.below(model.host.count)
            if talks > 0, random.uniform() < 0.5 {
                lanes[1] = Int(schedule.lane[model.neighbour(task, random.below(talks))])
            }
            if lanes[1] == lanes[0] {
                lanes[1] = (lanes[0] + 1 + random.below(model.host.count - 1)) % model.host.count
            }
            areApart = model.host[lanes[0]] != model.host[lanes[1]]
            var (low, high) = (Int(schedule.position[task]), Int(schedule.position[task]))
            places.removeAll(keepingCapacity: true)
            places.append(low)
            while places.count < count, low > 0 || high < schedule.count - 1 {
                let isUp = low == 0 || (high < schedule.count - 1 && random.next() & 1 == 0)
                if isUp { high += 1 } else { low -= 1 }
                let place = isUp ? high : low
                let lane = Int(schedule.lane[Int(schedule.order[place])])
                if lane == lanes[0] || lane == lanes[1] { places.append(place) }
            }
            places.sort()
            tasks.removeAll(keepingCapacity: true)
            for place in places { tasks.append(Int(schedule.order[place])) }
            measure(schedule)
        }

        private mutating func measure(_ schedule: borrowing LaneSchedule) {
            let (model, count) = (schedule.model, tasks.count)
            let problem = model.problem
            let isFar = problem.isFar(model.entry[lanes[0]], model.entry[lanes[1]])
            seconds.removeAll(keepingCapacity: true)
            ready.removeAll(keepingCapacity: true)
            tail.removeAll(keepingCapacity: true)
            edges.removeAll(keepingCapacity: true)
            for _ in 0..<count * count { edges.append(-1) }
            for (number, task) in tasks.enumerated() {
                for lane in lanes {
                    let host = model.host[lane]
                    seconds.append(problem.seconds(of: task, on: Int(model.entryOfHost[Int(host)])))
                    var (arrival, rest) = (problem.release(of: task), 0.0)
                    for edge in problem.edges(of: task) {
                        let other = Int(problem.predecessors[edge])
                        if let inside = tasks.firstIndex(of: other) {
                            edges[inside * count + number] =
                                isFar ? problem.farTransfers[edge] : problem.transfers[edge]
                        } else {
                            let seconds = schedule.delayIn(edge, schedule.host[other], host)
                            arrival = max(arrival, schedule.end[other] + seconds)
                        }
                    }
                    for edge in Int(schedule.firstOut[task])..<Int(schedule.firstOut[task + 1]) {
                        let other = Int(schedule.tasksOut[edge])
                        guard !tasks.contains(other) else { continue }
                        let transfer = schedule.delayOut(edge, host, schedule.host[other])
                        rest = max(rest, transfer + schedule.duration[other] + schedule.rest[other])
                    }
                    ready.append(arrival)
                    tail.append(rest)
                }
            }
            for side in 0...1 {
                let (previous, next) = schedule.around(places[0], places[count - 1], on: lanes[side])
                free[side] = previous >= 0 ? schedule.end[previous] : schedule.opening(lanes[side])
                follows[side] = next >= 0 ? schedule.duration[next] + schedule.rest[next] : 0
            }
        }

        /// Finds the order and the lanes of the shortest longest path; `false` if it is longer than a limit, or nothing
        /// changes.
        mutating func solve(upTo limit: Double, _ steps: Int, _ random: inout SplitMix) -> Bool {
            trial.removeAll(keepingCapacity: true)
            best.removeAll(keepingCapacity: true)
            ends.removeAll(keepingCapacity: true)
            sides.removeAll(keepingCapacity: true)
            for _ in tasks {
                ends.append(-1)
                sides.append(0)
            }
            (value, self.steps) = (limit, steps)
            // Ties go to what is tried first.
            extend(free[0], free[1], 0, random.below(2 * tasks.count))
            return !best.isEmpty
        }

        private mutating func extend(_ first: Double, _ second: Double, _ longest: Double, _ offset: Int) {
            let count = tasks.count
            guard trial.count < count else {
                let path = max(longest, first + follows[0], second + follows[1])
                if path < value || (path == value && best.isEmpty) { (value, best) = (path, trial) }
                return
            }
            for step in 0..<2 * count {
                let choice = (step + offset) % (2 * count)
                let (task, side) = (choice / 2, choice % 2)
                guard ends[task] < 0, seconds[choice] < .infinity else { continue }
                var start = max(side == 0 ? first : second, ready[choice])
                var isReady = true
                for other in 0..<count where edges[other * count + task] >= 0 {
                    guard ends[other] >= 0 else {
                        isReady = false
                        break
                    }
                    let isApart = areApart && sides[other] != side
                    start = max(start, ends[other] + (isApart ? edges[other * count + task] : 0))
                }
                guard isReady else { continue }
                let end = start + seconds[choice]
                let path = max(longest, end + max(tail[choice], follows[side]))
                guard path < value || (path == value && best.isEmpty), steps > 0 else { continue }
                steps -= 1
                (ends[task], sides[task]) = (end, side)
                trial.append((task, side))
                extend(side == 0 ? end : first, side == 0 ? second : end, path, offset)
                trial.removeLast()
                ends[task] = -1
            }
        }

        /// Moves the tasks to where they are best, as far as the order allows.
        func put(into schedule: inout LaneSchedule) {
            for (place, choice) in zip(places, best) {
                let task = tasks[choice.task]
                let window = schedule.window(task)
                let target = min(max(place, window.lowerBound), window.upperBound)
                if Int(schedule.lane[task]) != lanes[choice.lane] || Int(schedule.position[task]) != target {
                    schedule.move(task, to: lanes[choice.lane], at: target)
                }
            }
        }
    }
}
