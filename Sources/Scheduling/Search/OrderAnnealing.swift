import Glibc
import Workloads

/// Simulated annealing on an order of tasks and an entry of the pool for each, decoded anew for every move: for pools on whose
/// instances tasks of different size run beside each other.
struct OrderAnnealing: Sendable {
    /// The temperature at the beginning and at the end, as a share of the score.
    var hot = 0.02
    var cold = 0.0003
    /// How often a task changes its entry rather than its place in the order, and how often a cluster changes with it.
    var entry = 0.5
    var cluster = 0.3
    var growth = 0.6
    /// Whether all compromises that are seen are kept.
    var keepsFront = false

    /// Anneals from a schedule.
    ///
    /// - Complexity: A try is one decoding.
    func run(
        _ model: OrderModel, from first: Schedule, _ score: PlanScore, until limit: SearchLimit, seed: UInt64
    ) -> Found<Schedule> {
        let (problem, links, choices) = (model.problem, model.links, model.choices)
        var random = SplitMix(seed: seed)
        var decoder = ScheduleDecoder(problem)
        var genome = OrderGenome(first, problem)
        decoder.decode(order: genome.order, entries: genome.entries)
        var current = score(decoder.schedule)
        // The decoder may do worse than a list schedule that moves tasks into gaps.
        let given = score(first)
        var result = Found(point: given <= current ? first : decoder.schedule, score: min(given, current))
        let scale = max(current, .leastNormalMagnitude)
        var undo = OrderGenome.Change()
        while true {
            let passed = limit.passed(tries: result.tries, score: result.score)
            guard passed < 1 else { return result }
            let temperature = scale * hot * pow(cold / hot, passed)
            result.tries += 1
            result.evaluations += 1
            let task = random.below(problem.graph.count)
            let usable = choices[task]
            if usable.count > 1, random.uniform() < entry {
                var wanted = usable[random.below(usable.count)]
                if let other = links.neighbour(of: task, &random), random.uniform() < 0.5,
                    usable.contains(genome.entries[other])
                {
                    wanted = genome.entries[other]
                }
                guard wanted != genome.entries[task] else { continue }
                genome.assign(task, wanted, &undo)
                if random.uniform() < cluster {
                    var from = task
                    while random.uniform() < growth, let other = links.neighbour(of: from, &random) {
                        if choices[other].contains(wanted) { genome.assign(other, wanted, &undo) }
                        from = other
                    }
                }
            } else {
                let window = genome.window(task, links)
                let place = window.lowerBound + random.below(window.count)
                guard place != Int(genome.position[task]) else { continue }
                genome.move(task, to: place, &undo)
            }
            decoder.decode(order: genome.order, entries: genome.entries)
            let now = score(decoder.schedule)
            if now <= current - temperature * log(1 - random.uniform()) {
                current = now
                undo.clear()
                if keepsFront, decoder.schedule.lateness == 0 {
                    result.front.add(
                        makespan: decoder.schedule.makespan, cost: decoder.schedule.cost, decoder.schedule)
                }
                if now < result.score - 1e-12 * abs(result.score) {
                    (result.point, result.score) = (decoder.schedule, now)
                }
            } else {
                genome.take(back: &undo)
            }
        }
    }
}

/// The orders of a problem, for searches.
struct OrderModel: SearchSpace {
    let problem: PlanningProblem
    let links: OrderGenome.Links
    /// The entries on which each task fits.
    let choices: [[Int32]]

    init(_ problem: PlanningProblem) {
        self.problem = problem
        links = OrderGenome.Links(problem)
        choices = OrderGenome.choices(problem)
    }

    func point(_ schedule: Schedule) -> Schedule { schedule }

    func schedule(_ point: Schedule) -> Schedule { point }

    var briefTries: Int { min(2000, 30_000 / max(1, problem.graph.count)) }

    func search(
        _ points: [Schedule], _ score: PlanScore, _ method: PlanSearch.Method?, round: Int, chain: Int,
        keepsFront: Bool,
        until limit: SearchLimit, seed: UInt64
    ) -> Found<Schedule> {
        // They find what annealing does not, and the other way round.
        if method == .genetic || (method == nil && chain % 2 == 1) {
            return GeneticSearch().run(self, from: points, score, until: limit, seed: seed)
        }
        var setup = OrderAnnealing()
        setup.keepsFront = keepsFront
        if round > 0 || chain == 3 { setup.hot *= 0.3 }
        return setup.run(self, from: points[chain % points.count], score, until: limit, seed: seed)
    }
}
