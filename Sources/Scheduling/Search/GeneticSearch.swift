import Workloads

/// A genetic algorithm on orders of tasks and an entry of the pool for each: two schedules that are good give their orders
/// and entries to a third, which is changed a little and takes the place of the worst.
///
/// The first tasks are in the order of one parent and all others in that of the other, so that the order keeps that of the
/// graph; entries come from either. The best is never lost. Source: Yu and Buyya, *Scheduling scientific workflow
/// applications with deadline and budget constraints using genetic algorithms* (2006).
struct GeneticSearch: Sendable {
    /// How many schedules there are at a time.
    var size = 24
    /// How often a child is changed, and how often once more.
    var mutation = 0.7
    var further = 0.5

    private struct Member {
        var genome: OrderGenome
        var score: Double
    }

    /// Searches from schedules.
    ///
    /// - Complexity: A try is one decoding.
    func run(
        _ model: OrderModel, from points: [Schedule], _ score: PlanScore, until limit: SearchLimit, seed: UInt64
    ) -> Found<Schedule> {
        var random = SplitMix(seed: seed)
        var decoder = ScheduleDecoder(model.problem)
        var best = points[0]
        func value(_ schedule: Schedule) -> Double { score(schedule) }
        for point in points where value(point) < value(best) { best = point }
        // A list schedule that moves tasks into gaps may be better than what it becomes by decoding.
        var result = Found(point: best, score: value(best))
        var members: [Member] = []
        while limit.passed(tries: result.tries, score: result.score) < 1 {
            var genome: OrderGenome
            if members.count < size {
                genome = OrderGenome(points[members.count % points.count], model.problem)
                if members.count >= points.count { mutate(&genome, model, &random) }
            } else {
                genome = cross(pick(members, &random), pick(members, &random), &random)
                if random.uniform() < mutation { mutate(&genome, model, &random) }
            }
            decoder.decode(order: genome.order, entries: genome.entries)
            result.tries += 1
            result.evaluations += 1
            let child = Member(genome: genome, score: value(decoder.schedule))
            if child.score < result.score - 1e-12 * abs(result.score) {
                (result.point, result.score) = (decoder.schedule, child.score)
            }
            insert(child, &members)
        }
        return result
    }

    /// Takes a member in, if it is unlike the others, in the place of the worst.
    private func insert(_ child: Member, _ members: inout [Member]) {
        guard members.count >= size else { return members.append(child) }
        let worst = members.indices.max { members[$0].score < members[$1].score } ?? 0
        guard child.score < members[worst].score, !members.contains(where: { $0.score == child.score }) else { return }
        members[worst] = child
    }

    /// The better of two.
    private func pick(_ members: [Member], _ random: inout SplitMix) -> OrderGenome {
        let (first, second) = (members[random.below(members.count)], members[random.below(members.count)])
        return first.score <= second.score ? first.genome : second.genome
    }

    private func cross(_ first: OrderGenome, _ second: OrderGenome, _ random: inout SplitMix) -> OrderGenome {
        let count = first.order.count
        let cut = random.below(count + 1)
        var isTaken = [Bool](repeating: false, count: count)
        for task in first.order[..<cut] { isTaken[Int(task)] = true }
        let order = first.order[..<cut] + second.order.filter { !isTaken[Int($0)] }
        // Half of the time entries go with the order, else each for itself.
        let isUniform = random.next() & 1 == 0
        let entries = (0..<count).map { task in
            (isUniform ? random.next() & 1 == 0 : isTaken[task]) ? first.entries[task] : second.entries[task]
        }
        return OrderGenome(order: Array(order), entries: entries)
    }

    private func mutate(_ genome: inout OrderGenome, _ model: OrderModel, _ random: inout SplitMix) {
        var change = OrderGenome.Change()
        repeat {
            let task = random.below(genome.order.count)
            if random.next() & 1 == 0 {
                let usable = model.choices[task]
                var wanted = usable[random.below(usable.count)]
                if let other = model.links.neighbour(of: task, &random), usable.contains(genome.entries[other]) {
                    wanted = genome.entries[other]
                }
                genome.assign(task, wanted, &change)
            } else {
                let window = genome.window(task, model.links)
                genome.move(task, to: window.lowerBound + random.below(window.count), &change)
            }
            change.clear()
        } while random.uniform() < further
    }
}
