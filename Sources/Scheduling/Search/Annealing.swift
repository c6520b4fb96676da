import Glibc
import Workloads

/// Simulated annealing on lanes: a task, two, or a cluster of tasks that talk to each other are moved; what is worse is kept
/// with a probability that falls as the temperature does.
///
/// Source: Kirkpatrick, Gelatt and Vecchi, *Optimization by Simulated Annealing* (1983); that a move is judged by the longest
/// path through it before it is made is Mastrolilli and Gambardella, *Effective neighbourhood functions for the flexible job
/// shop problem* (2000).
struct Annealing: Sendable {
    /// The temperature at the beginning and at the end, as a share of the score.
    var hot = 0.03
    var cold = 0.0003
    /// How often a task is moved that lies on a longest path, and how often to where one is that it talks to.
    var critical = 0.8
    var near = 0.3
    /// How often several places on the lane are looked at.
    var choosy = 0.5
    /// How often another task goes along, two tasks change places, and a cluster is moved, which grows with probability
    /// ``growth``.
    var pair = 0.15
    var exchange = 0.1
    var cluster = 0.1
    var growth = 0.7
    /// Whether all compromises that are seen are kept.
    var keepsFront = false

    /// Anneals from a plan.
    func run(
        _ model: LaneModel, from plan: LanePlan, _ score: PlanScore, until limit: SearchLimit, seed: UInt64
    ) -> Found<LanePlan> {
        var course = Course(self, model, plan, score, seed)
        course.run(until: limit)
        return course.result
    }
}

extension LaneModel: SearchSpace {
    func point(_ schedule: Schedule) -> LanePlan { LanePlan(schedule, self) }

    func schedule(_ point: LanePlan) -> Schedule { point.schedule(self, delaying: problem.isPriced) }

    var briefTries: Int {
        let size = max(1, problem.graph.count + problem.predecessors.count / 2)
        return min(5_000, 260_000 / size + 40_000_000 / (size * size)) / (room > 0 ? 2 : 1)
    }

    func search(
        _ points: [LanePlan], _ score: PlanScore, _ method: PlanSearch.Method?, round: Int, chain: Int,
        keepsFront: Bool,
        until limit: SearchLimit, seed: UInt64
    ) -> Found<LanePlan> {
        // Windows and beams know neither zones nor instances that come later, and beams no deadlines of tasks.
        let isPlain = !problem.hasZones && problem.startsAtOnce
        if method == .beam, isPlain, !problem.isDated {
            return widen(points[chain % points.count], score, from: 4 << chain, until: limit)
        }
        // They find what annealing does not, and the other way round; but see times only.
        let takesWindows =
            room == 0 && isPlain
            && (method == .windows || (method == nil && chain % 2 == (round == 0 ? 1 : 0) && !score.needsCost))
        if takesWindows {
            return WindowSearch().run(self, from: points[chain % points.count], score, until: limit, seed: seed)
        }
        var setup = Annealing()
        setup.keepsFront = keepsFront
        // A single task weighs more in a small job.
        setup.hot = 0.5 / Double(problem.graph.count).squareRoot()
        // And what instances cost changes by less than what a move changes of the time.
        if score.needsCost { setup.hot *= 0.1 }
        switch chain {
        case 1: (setup.critical, setup.hot, setup.cold) = (0.5, 2 * setup.hot, 0.0005)
        case 2: (setup.cluster, setup.exchange) = (0.2, 0.2)
        case 3: (setup.critical, setup.hot) = (0.9, 0.3 * setup.hot)
        default: break
        }
        if round > 0 { setup.hot *= 0.3 }
        return setup.run(self, from: points[chain % points.count], score, until: limit, seed: seed)
    }

    /// Beams that become wider, until one holds all that may be better.
    private func widen(
        _ point: LanePlan, _ score: PlanScore, from first: Int, until limit: SearchLimit
    ) -> Found<LanePlan> {
        var found = Found(point: point, score: score(point))
        var width = first
        while width < 1 << 20, limit.passed(tries: found.tries, score: found.score) < 1 {
            var rest = limit
            rest.tries -= found.tries
            let outcome = BeamSearch(width: width).run(self, score, better: found.score, until: rest)
            found.tries += max(1, outcome.tries)
            if let plan = outcome.plan {
                found.point = plan
                found.score = score(plan)
            }
            if outcome.bound >= found.score { break }
            width *= 4
        }
        found.evaluations = found.tries
        return found
    }
}

extension Annealing {
    private struct Course: ~Copyable {
        let setup: Annealing
        let model: LaneModel
        let score: PlanScore
        var random: SplitMix
        var schedule: LaneSchedule
        var current: Double
        var result: Found<LanePlan>
        /// The tasks on longest paths, if nothing has changed since.
        var longest: [Int32] = []
        var isStale = true
        var cluster: [Int] = []

        init(_ setup: Annealing, _ model: LaneModel, _ plan: LanePlan, _ score: PlanScore, _ seed: UInt64) {
            (self.setup, self.model, self.score, random) = (setup, model, score, SplitMix(seed: seed))
            schedule = LaneSchedule(model)
            schedule.set(order: plan.order, lanes: plan.lanes)
            schedule.sort()
            let now = LanePlan(schedule)
            current = score(now)
            result = Found(point: now, score: current)
        }

        mutating func run(until limit: SearchLimit) {
            let scale = max(current, .leastNormalMagnitude)
            var temperature = 0.0
            while true {
                if result.tries & 63 == 0 {
                    let passed = limit.passed(tries: result.tries, score: result.score)
                    guard passed < 1 else { return }
                    temperature = scale * setup.hot * pow(setup.cold / setup.hot, passed)
                    if result.tries & 0xFFFF == 0 { schedule.sort() }
                }
                result.tries += 1
                step(upTo: current - temperature * log(1 - random.uniform()))
            }
        }

        private mutating func step(upTo limit: Double) {
            let longest = score.longest(upTo: limit)
            let task = pick()
            let lanes = model.possible[Int(model.possibleOf[task])]
            let talks = model.neighbourCount(task)
            var lane = Int(lanes[random.below(lanes.count)])
            if talks > 0, random.uniform() < setup.near {
                let there = Int(schedule.lane[model.neighbour(task, random.below(talks))])
                if schedule.fits(task, on: there) { lane = there }
            }
            let kind = random.uniform()
            if kind < setup.cluster {
                moveCluster(of: task, to: lane)
            } else if kind < setup.cluster + setup.exchange {
                exchange(task, upTo: longest)
            } else {
                let place = place(task, lane, upTo: longest)
                guard place >= 0 else { return }
                schedule.move(task, to: lane, at: place)
                if talks > 0, random.uniform() < setup.pair {
                    let other = model.neighbour(task, random.below(talks))
                    if schedule.fits(other, on: lane) {
                        let window = schedule.window(other)
                        schedule.move(other, to: lane, at: window.lowerBound + random.below(window.count))
                    }
                }
            }
            judge(upTo: limit, longest)
        }

        private mutating func judge(upTo limit: Double, _ longest: Double) {
            guard schedule.isMoved else { return }
            result.evaluations += 1
            guard schedule.settle(upTo: longest) else { return schedule.undo() }
            let cost = score.needsCost ? schedule.cost() : 0
            let lateness = schedule.lateness()
            let now = score(makespan: schedule.makespan, cost: cost, lateness: lateness)
            guard now <= limit else { return schedule.undo() }
            schedule.keep()
            current = now
            isStale = true
            if setup.keepsFront, lateness == 0 {
                result.front.add(makespan: schedule.makespan, cost: cost, LanePlan(schedule))
            }
            if now < result.score - 1e-12 * abs(result.score) {
                result.point = LanePlan(schedule)
                result.score = now
            }
        }

        private mutating func pick() -> Int {
            guard random.uniform() < setup.critical else { return random.below(schedule.count) }
            if isStale {
                longest.removeAll(keepingCapacity: true)
                schedule.addLongest(to: &longest)
                isStale = false
            }
            return longest.isEmpty ? random.below(schedule.count) : Int(longest[random.below(longest.count)])
        }

        /// A place for a task on a lane through which no path is too long; -1 if none is found.
        private mutating func place(_ task: Int, _ lane: Int, upTo longest: Double) -> Int {
            let window = schedule.window(task)
            var best = window.lowerBound + random.below(window.count)
            var path = schedule.path(task, on: lane, at: best)
            if random.uniform() < setup.choosy {
                for _ in 0..<3 {
                    let other = window.lowerBound + random.below(window.count)
                    let candidate = schedule.path(task, on: lane, at: other)
                    if candidate < path { (best, path) = (other, candidate) }
                }
            }
            let isHere = lane == Int(schedule.lane[task]) && best == Int(schedule.position[task])
            return path <= longest && !isHere ? best : -1
        }

        private mutating func exchange(_ task: Int, upTo longest: Double) {
            let other = random.below(schedule.count)
            let (here, there) = (Int(schedule.lane[task]), Int(schedule.lane[other]))
            guard here != there, schedule.fits(task, on: there), schedule.fits(other, on: here) else { return }
            let (own, its) = (Int(schedule.position[task]), Int(schedule.position[other]))
            let window = schedule.window(task)
            let place = min(max(its, window.lowerBound), window.upperBound)
            guard schedule.path(task, on: there, at: place) <= longest else { return }
            schedule.move(task, to: there, at: place)
            let rest = schedule.window(other)
            schedule.move(other, to: here, at: min(max(own, rest.lowerBound), rest.upperBound))
        }

        /// Moves tasks that talk to each other on one instance to another lane, each at the time at which it is.
        private mutating func moveCluster(of task: Int, to lane: Int) {
            guard lane != Int(schedule.lane[task]) else { return }
            let host = model.host[Int(schedule.lane[task])]
            cluster.removeAll(keepingCapacity: true)
            cluster.append(task)
            while cluster.count < 24, random.uniform() < setup.growth {
                let from = cluster[random.below(cluster.count)]
                let talks = model.neighbourCount(from)
                guard talks > 0 else { break }
                let other = model.neighbour(from, random.below(talks))
                if model.host[Int(schedule.lane[other])] == host, schedule.fits(other, on: lane),
                    !cluster.contains(other)
                {
                    cluster.append(other)
                }
            }
            for member in cluster { schedule.move(member, to: lane, at: Int(schedule.position[member])) }
        }
    }
}
