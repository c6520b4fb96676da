import Workloads

/// List scheduling on lanes: as ``ListSchedule``, where an instance is a few lanes of which each runs one task at a time.
///
/// All lanes but those of the instance from which data comes last wait equally long for it, and a gap is looked for only
/// where the task would end sooner than anywhere so far.
struct LaneList {
    private let model: LaneModel
    private let problem: PlanningProblem
    /// When each lane is free before it is used last, in order; gaps that are shorter than every task are left out.
    private var gaps: [[(start: Double, end: Double)]]
    /// The shortest task on each entry, in seconds.
    private let shortest: [Double]
    private var lastEnd: [Double]
    /// The first start and the last end on each instance.
    private var uses: [(first: Double, last: Double)]
    /// The lanes that may be used: of instances of one entry of which none is used, those of the first.
    private var open: [Int32]
    private var nextHost: [Int?]
    private var starts: [Double]
    private var ends: [Double]
    private var lanes: [Int32]
    private var placed: [Int32] = []

    private init(_ model: LaneModel, usable: [Bool]?) {
        self.model = model
        problem = model.problem
        gaps = model.host.map { _ in [] }
        var shortest = problem.entries.map { _ in Double.infinity }
        for place in problem.seconds.indices {
            let entry = place % shortest.count
            shortest[entry] = min(shortest[entry], problem.seconds[place])
        }
        self.shortest = shortest
        lastEnd = model.entry.map { model.problem.opens[Int($0)] }
        uses = model.entryOfHost.map { _ in (.infinity, -.infinity) }
        starts = Array(repeating: 0, count: problem.graph.count)
        ends = starts
        lanes = Array(repeating: -1, count: problem.graph.count)
        open = []
        nextHost = problem.entries.map { _ in nil }
        // The fastest first: what comes later is seen to be worse sooner.
        let entries = problem.entries.indices.sorted {
            (-problem.entries[$0].type.speed, $0) < (-problem.entries[$1].type.speed, $1)
        }
        for entry in entries where usable?[entry] ?? true {
            if let host = model.entryOfHost.firstIndex(of: Int32(entry)) { openHost(host) }
        }
    }

    private mutating func openHost(_ host: Int) {
        open += model.lanesOfHost[host].map { Int32($0) }
        let entry = model.entryOfHost[host]
        let next = host + 1
        nextHost[Int(entry)] = next < model.entryOfHost.count && model.entryOfHost[next] == entry ? next : nil
    }

    /// Places all tasks in an order, which must name every task after its predecessors.
    ///
    /// - Parameter usable: Which entries may be used; each task must fit one of them.
    /// - Complexity: O(*V* · *open lanes* + *E*), and the gaps that are looked at.
    static func schedule(
        _ model: LaneModel, order: [Int], rule: ListSchedule.Rule, usable: [Bool]? = nil
    ) -> Schedule {
        var list = LaneList(model, usable: usable)
        for task in order { list.place(task, rule) }
        return list.schedule
    }

    /// Places of all tasks that may start the one of which the rule says so, and where it ends first.
    ///
    /// - Returns: `nil` if more lanes than `most` have to be looked at.
    /// - Complexity: O(*V* · *ready tasks* · *lanes*) at worst.
    static func schedule(_ model: LaneModel, next: Next, most: Int = .max) -> Schedule? {
        var list = LaneList(model, usable: nil)
        return list.placeAll(next, most: most) ? list.schedule : nil
    }

    /// Which of the tasks that may start is placed next. Source: Maheswaran et al., *Dynamic mapping of a class of
    /// independent tasks onto heterogeneous computing systems* (1999).
    enum Next: CaseIterable {
        /// That which ends first, or last.
        case minMin, maxMin
        /// That which loses most if it does not get its best place.
        case sufferage
    }

    private struct Place {
        var lane = -1
        var start = Double.infinity
        var end = Double.infinity
        var score = Double.infinity
        var added = Double.infinity
    }

    private mutating func place(_ task: Int, _ rule: ListSchedule.Rule) {
        let (best, _) = best(task, rule, isExact: false)
        commit(task, best)
    }

    /// The best place of a task, and the score of the next best, which is right only if it is to be exact.
    private func best(_ task: Int, _ rule: ListSchedule.Rule, isExact: Bool) -> (best: Place, second: Double) {
        var (deadline, isLookingAhead) = (-Double.infinity, false)
        switch rule {
        case .earliestFinish: break
        case .lookingAhead: isLookingAhead = true
        case .cheapest(let deadlines): deadline = deadlines[task]
        }
        let isPriced = deadline > -.infinity
        var data = problem.hasZones ? Arrival() : arrival(of: task, zone: -1)
        // By zone, first where it is not known.
        let ofZones =
            problem.hasZones ? (Int32(-1)...(problem.zones.max() ?? -1)).map { arrival(of: task, zone: $0) } : []
        let width = problem.entries.count
        var (fastest, cheapest, second) = (Place(), Place(), Double.infinity)
        for lane in open {
            let lane = Int(lane)
            let entry = Int(model.entry[lane])
            let seconds = problem.seconds[task * width + entry]
            guard seconds < .infinity else { continue }
            let rest = isLookingAhead ? problem.optimisticRest[task * width + entry] : 0
            let host = model.host[lane]
            if problem.hasZones { data = ofZones[Int(problem.zones[entry]) + 1] }
            let ready = host == data.source ? data.here : data.elsewhere
            // No later start can win.
            var latest = isExact ? .infinity : max(deadline, fastest.score - rest) - seconds
            latest += isExact ? 0 : 1e-9 * abs(latest)
            var start = ready
            if start < lastEnd[lane] {
                guard start <= latest else { continue }
                start = gap(lane, ready: ready, seconds: seconds, latest: latest)
            }
            guard start <= latest || fastest.lane < 0 else { continue }
            let end = start + seconds
            var candidate = Place(lane: lane, start: start, end: end, score: end + rest)
            if isPriced || candidate.score <= fastest.score {
                candidate.added = addedCost(Int(host), entry, start, end) + data.dollars
            }
            if (candidate.score, candidate.added) < (fastest.score, fastest.added) {
                second = fastest.score
                fastest = candidate
            } else {
                second = min(second, candidate.score)
            }
            guard end <= deadline, end <= problem.latestEnd(of: task, on: entry) else { continue }
            // Sums of the same seconds in another order differ by rounding: that is a tie, which the earlier end breaks.
            let rounding = 1e-9 * max(candidate.added, cheapest.added.isFinite ? cheapest.added : 0)
            if candidate.added < cheapest.added - rounding
                || (candidate.added <= cheapest.added + rounding && end < cheapest.end)
            {
                cheapest = candidate
            }
        }
        return (cheapest.lane >= 0 ? cheapest : fastest, second)
    }

    /// When the data of a task is there, on the instance from which the last comes and elsewhere, and what it costs.
    private struct Arrival {
        var elsewhere = 0.0
        var source = Int32(-1)
        var here = 0.0
        var dollars = 0.0
    }

    private func arrival(of task: Int, zone: Int32) -> Arrival {
        let (edges, release) = (problem.edges(of: task), problem.release(of: task))
        var found = Arrival(elsewhere: release)
        func isFar(_ task: Int) -> Bool {
            let other = problem.zones[Int(model.entry[Int(lanes[task])])]
            return other != zone && other >= 0 && zone >= 0
        }
        for edge in edges {
            let other = Int(problem.predecessors[edge])
            var seconds = problem.transfers[edge]
            if problem.hasZones, isFar(other) {
                seconds = problem.farTransfers[edge]
                found.dollars += problem.farDollars[edge]
            }
            let arrival = ends[other] + seconds
            if arrival > found.elsewhere {
                (found.elsewhere, found.source) = (arrival, model.host[Int(lanes[other])])
            }
        }
        found.here = found.elsewhere
        guard found.source >= 0 else { return found }
        found.here = release
        for edge in edges {
            let other = Int(problem.predecessors[edge])
            let isHere = model.host[Int(lanes[other])] == found.source
            let isFar = !isHere && problem.hasZones && isFar(other)
            let seconds = isHere ? 0 : isFar ? problem.farTransfers[edge] : problem.transfers[edge]
            found.here = max(found.here, ends[other] + seconds)
        }
        return found
    }

    /// The first start from `ready` on at which a lane is free for so long; infinite if that is after `latest`.
    private func gap(_ lane: Int, ready: Double, seconds: Double, latest: Double) -> Double {
        var (low, high) = (0, gaps[lane].count)
        while low < high {
            let middle = (low + high) / 2
            if gaps[lane][middle].end <= ready { low = middle + 1 } else { high = middle }
        }
        while low < gaps[lane].count {
            let start = max(ready, gaps[lane][low].start)
            if start > latest { return .infinity }
            if start + seconds <= gaps[lane][low].end { return start }
            low += 1
        }
        return max(ready, lastEnd[lane])
    }

    private func addedCost(_ host: Int, _ entry: Int, _ start: Double, _ end: Double) -> Double {
        let use = uses[host]
        let bill = problem.bills[entry]
        guard use.last >= use.first else { return bill.dollars(from: start, to: end) }
        return (end > use.last ? bill.dollars(from: use.last, to: end) : 0)
            + (start < use.first ? bill.dollars(from: start, to: use.first) : 0)
    }

    private mutating func commit(_ task: Int, _ place: Place) {
        let lane = place.lane
        let host = Int(model.host[lane])
        (starts[task], ends[task], lanes[task]) = (place.start, place.end, Int32(lane))
        placed.append(Int32(task))
        let isNew = uses[host].last < uses[host].first
        uses[host] = (min(uses[host].first, place.start), max(uses[host].last, place.end))
        if isNew, let next = nextHost[Int(model.entryOfHost[host])] { openHost(next) }
        guard place.end > place.start else { return }
        let least = shortest[Int(model.entry[lane])]
        if place.start >= lastEnd[lane] {
            if place.start - lastEnd[lane] >= least { gaps[lane].append((lastEnd[lane], place.start)) }
            lastEnd[lane] = place.end
        } else if let index = gaps[lane].firstIndex(where: { $0.end >= place.end }) {
            let gap = gaps[lane][index]
            gaps[lane].replaceSubrange(
                index...index,
                with: [(gap.start, place.start), (place.end, gap.end)].filter { $0.1 - $0.0 >= least && $0.1 > $0.0 })
        }
    }

    private mutating func placeAll(_ next: Next, most: Int) -> Bool {
        var looked = 0
        var waits = (0..<problem.graph.count).map { problem.edges(of: $0).count }
        var ready = waits.indices.filter { waits[$0] == 0 }
        var known: [Int: (best: Place, second: Double)] = [:]
        while !ready.isEmpty {
            var (choice, value) = (0, -Double.infinity)
            for (place, task) in ready.enumerated() {
                let found: (best: Place, second: Double)
                if let before = known[task] {
                    found = before
                } else {
                    found = best(task, .earliestFinish, isExact: next == .sufferage)
                    known[task] = found
                    looked += open.count
                }
                let worth =
                    switch next {
                    case .minMin: -found.best.end
                    case .maxMin: found.best.end
                    case .sufferage: found.second.isFinite ? found.second - found.best.end : .infinity
                    }
                if worth > value || place == 0 { (choice, value) = (place, worth) }
            }
            guard looked <= most else { return false }
            let task = ready.remove(at: choice)
            let place =
                known.removeValue(forKey: task)?.best ?? best(task, .earliestFinish, isExact: next == .sufferage).best
            let opened = open.count
            commit(task, place)
            // What others planned on this lane has to be planned anew, and with a new instance everything.
            if open.count > opened { known.removeAll(keepingCapacity: true) }
            for other in ready where known[other]?.best.lane == place.lane { known[other] = nil }
            for edge in Int(model.firstSuccessor[task])..<Int(model.firstSuccessor[task + 1]) {
                let successor = Int(model.successors[edge])
                waits[successor] -= 1
                if waits[successor] == 0 { ready.append(successor) }
            }
        }
        return true
    }

    private var schedule: Schedule {
        var schedule = Schedule(taskCount: starts.count)
        var (instance, number) = (model.entryOfHost.map { _ in Int32(-1) }, model.entryOfHost.map { _ in 0 })
        var numbers = problem.entries.map { _ in 0 }
        for task in placed.map({ Int($0) }) {
            let host = Int(model.host[Int(lanes[task])])
            if instance[host] < 0 {
                let entry = Int(model.entryOfHost[host])
                instance[host] = Int32(schedule.entryOfInstance.count)
                schedule.entryOfInstance.append(Int32(entry))
                number[host] = numbers[entry]
                numbers[entry] += 1
            }
            schedule.set(task, start: starts[task], end: ends[task], instance: instance[host], number: number[host])
        }
        schedule.measure(problem)
        return schedule
    }
}
