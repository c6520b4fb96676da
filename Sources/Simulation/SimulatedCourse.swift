import Allocation
import Scheduling
import Workloads

/// The course of one simulated run.
struct SimulatedCourse {
    /// What runs of one job begin with, made once for all of them.
    final class Start: Sendable {
        let simulator: Simulator
        let allocator: Allocator
        /// How fast each kind of task is on each offer, by offer and kind; each offer's own speed if there are no kinds.
        let speeds: [[Double]]
        /// The edges that leave each task, in the order of its successors; empty if data take no time.
        let leaving: [Int32]
        let readers: [TaskIndex]
        /// How attempts can save their work, of tasks that can.
        let savers: [TaskIndex: CheckpointSpec]
        /// The tasks that have deadlines of their own.
        let deadlines: [(task: Int, seconds: Double)]
        /// When each job comes.
        let arrivals: [Double]

        init(_ simulator: Simulator) {
            self.simulator = simulator
            var allocator = simulator.allocator
            allocator.add(
                simulator.job, ranks: simulator.ranks, estimates: simulator.estimates, flow: simulator.flow)
            for other in simulator.others {
                allocator.add(other.job, ranks: other.ranks, estimates: other.estimates, flow: other.flow)
            }
            let estimates = simulator.world.estimates
            speeds = allocator.state.offers.map { offer in estimates.learntSpeeds(on: offer.type) ?? [offer.type.speed]
            }
            (leaving, readers) = simulator.world.flow.map { Self.leaving($0, allocator.state.tasks) } ?? ([], [])
            self.allocator = allocator
            arrivals = [0] + simulator.others.map(\.arrivalSeconds)
            var (savers, deadlines): ([TaskIndex: CheckpointSpec], [(task: Int, seconds: Double)]) = ([:], [])
            var first = 0
            for (job, arrival) in zip([simulator.job] + simulator.others.map(\.job), arrivals) {
                let tasks = job.graph.tasks
                for place in tasks.indices {
                    if let spec = tasks[place].request.checkpoint { savers[TaskIndex(first + place)] = spec }
                    if let deadline = tasks[place].deadlineSeconds {
                        deadlines.append((first + place, arrival + deadline))
                    }
                }
                first += tasks.count
            }
            (self.savers, self.deadlines) = (savers, deadlines)
        }

        /// Seconds that an attempt takes from the beginning, without waiting for data.
        func seconds(_ task: Int, _ attempt: Int32, on offer: Int, seed: UInt64) -> Double {
            let kind = speeds[offer].count > 1 ? Int(simulator.world.estimates.kind[task]) : 0
            return simulator.world.seconds(task, attempt, seed: seed) / speeds[offer][kind]
                + simulator.world.dispatchSeconds
        }

        private static func leaving(_ flow: DataFlow, _ tasks: RunState.Tasks) -> (
            leaving: [Int32], readers: [TaskIndex]
        ) {
            var next = Array(tasks.firstSuccessor.dropLast())
            var leaving = [Int32](repeating: -1, count: flow.predecessors.count)
            var readers = leaving
            for task in 0..<tasks.count {
                for edge in flow.edges(of: task) {
                    let source = Int(flow.predecessors[edge])
                    leaving[Int(next[source])] = Int32(edge)
                    readers[edge] = TaskIndex(task)
                    next[source] += 1
                }
            }
            return (leaving, readers)
        }
    }

    private let start: Start
    private let seed: UInt64
    private(set) var allocator: Allocator
    private var agenda = Agenda()
    private var now = 0.0
    private var result = SimulatedRun(ending: .succeeded, makespanSeconds: 0, cost: 0)
    private var plans: [Assignments] = []
    /// How many instances of each offer were asked for.
    private var asked: [Int32]
    private var transfers: Transfers?
    /// What attempts will take once their data are there: seconds, and the share after which they fail.
    private var held: [AttemptID: (seconds: Double, failure: Double?)] = [:]
    /// When running attempts that can save their work began, and the seconds that they take.
    private var work: [AttemptID: (begin: Double, seconds: Double)] = [:]
    /// What is over, if it is to be kept; and when attempts were dispatched and began.
    var history: [SimulatedHistory.Attempt]?
    private var begun: [AttemptID: SimulatedHistory.Attempt] = [:]

    init(_ start: Start, seed: UInt64) {
        (self.start, self.seed, allocator) = (start, seed, start.allocator)
        asked = Array(repeating: 0, count: allocator.state.offers.count)
        transfers = start.simulator.world.flow.map {
            Transfers($0, sharesLinks: start.simulator.world.sharesLinks)
        }
        if let plan = start.simulator.plan { add(plan, 0) }
        for offer in start.simulator.world.markets.indices where start.simulator.world.markets[offer] != nil {
            agenda.add(.market, Int32(offer), at: 0)
        }
        for (job, arrival) in start.arrivals.enumerated() { agenda.add(.admit, JobIndex(job), at: arrival) }
    }

    mutating func run() -> SimulatedRun {
        var events: [Event] = []
        while agenda.nextSeconds < .infinity, !isOver {
            now = max(now, agenda.nextSeconds)
            events.removeAll(keepingCapacity: true)
            while agenda.nextSeconds <= now, let entry = agenda.removeFirst() { happen(entry, &events) }
            if allocator.state.wakeSeconds <= now { events.append(.timer) }
            guard !events.isEmpty else { continue }
            result.events += events.count
            let actions = allocator.handle(events, at: now)
            if transfers?.sharesLinks == true { send(events) }
            for action in actions { carryOut(action) }
        }
        result.cost = cost() + (transfers?.dollars ?? 0)
        let endings = allocator.state.jobs.map { $0.ending ?? .infeasible }
        result.ending = endings.first { $0 != .succeeded } ?? .succeeded
        let late = start.deadlines.filter { allocator.state.tasks.endSeconds[$0.task] > $0.seconds * (1 + 1e-9) }
        result.lateTasks = late.count
        if endings.count > 1 { result.jobs = courses(endings, late.map(\.task)) }
        return result
    }

    /// What is kept open after the last job waits for others.
    private var isOver: Bool {
        allocator.state.jobs.allSatisfy { $0.ending != nil }
            && allocator.state.instances.phase.allSatisfy { $0 == .open || $0 == .closed }
    }

    /// What came of each job.
    private func courses(_ endings: [Ending], _ late: [Int]) -> [SimulatedJob.Course] {
        let (state, tasks) = (allocator.state, allocator.state.tasks)
        func over(_ task: Int) -> Double { tasks.endSeconds[task].isFinite ? tasks.endSeconds[task] : now }
        let ends = state.jobs.map { job in job.range.reduce(0) { max($0, over($1)) } }
        // From when on until when every tenant has a job.
        var spans: [Int32: (first: Double, last: Double)] = [:]
        for (index, job) in state.jobs.enumerated() {
            let known = spans[job.tenant] ?? (.infinity, 0)
            spans[job.tenant] = (min(known.first, start.arrivals[index]), max(known.last, ends[index]))
        }
        let (from, to) = (spans.values.map(\.first).max() ?? 0, spans.values.map(\.last).min() ?? 0)
        return state.jobs.indices.map { index in
            let job = state.jobs[index]
            var (waits, use) = (0.0, 0.0)
            for task in job.range where tasks.startSeconds[task].isFinite {
                waits += max(0, tasks.startSeconds[task] - tasks.readySeconds[task])
                let span = min(to, over(task)) - max(from, tasks.startSeconds[task])
                use += max(0, span) * state.dominantShare(tasks.request[task])
            }
            return SimulatedJob.Course(
                ending: endings[index], arrivalSeconds: start.arrivals[index], endSeconds: ends[index],
                meanWaitSeconds: waits / Double(max(1, job.count)), lateTasks: late.count { job.range.contains($0) },
                contendedUse: use)
        }
    }

    /// What all instances cost; by the prices that were recorded where there are some.
    private func cost() -> Double {
        let state = allocator.state
        guard start.simulator.world.markets.contains(where: { $0?.prices.isEmpty == false }) else {
            return state.spentDollars()
        }
        var dollars = 0.0
        for instance in 0..<state.instances.count where state.instances.openedSeconds[instance].isFinite {
            let place = Int(state.instances.offer[instance])
            let (begin, end) = (
                state.instances.openedSeconds[instance], min(state.instances.closedSeconds[instance], now)
            )
            let billed = state.offers[place].billing.billedSeconds(end - begin)
            let market = start.simulator.world.markets[place]
            let share = start.simulator.world.marketShare(seed: seed)
            let shift = (market?.durationSeconds ?? 0) * share
            dollars +=
                market?.dollars(from: begin + shift, to: begin + billed + shift)
                ?? state.offers[place].price.cost(ofSeconds: billed)
        }
        return dollars
    }

    private mutating func add(_ plan: Assignments, _ job: JobIndex) {
        plans.append(plan)
        agenda.add(.plan, job, detail: Int32(plans.count - 1), at: now)
    }
}

extension SimulatedCourse {
    private mutating func happen(_ entry: Agenda.Entry, _ events: inout [Event]) {
        let subject = entry.subject
        switch entry.kind {
        case .finish:
            let attempt = AttemptID(subject, entry.number)
            guard allocator.state.runs(attempt) else { return }
            events.append(.finished(attempt))
            ended(attempt, nil)
        case .fail:
            let attempt = AttemptID(subject, entry.number)
            guard allocator.state.runs(attempt) else { return }
            fail(attempt, FailureCause.allCases[Int(entry.detail)], &events)
        case .admit: events.append(.admitted(subject))
        case .plan: events.append(.planned(subject, plans[Int(entry.detail)]))
        case .open:
            let offer = Int(allocator.state.instances.offer[Int(subject)])
            events.append(.opened(subject, allocator.state.offers[offer].capacity))
        case .refuse: events.append(.refused(subject))
        case .close: events.append(.closed(subject, nil))
        case .notice:
            guard allocator.state.instances.phase[Int(subject)] == .open else { return }
            events.append(.reclaimNotice(subject, at: now + start.simulator.world.warningSeconds))
        case .reclaim: reclaim(subject, &events)
        case .start: events.append(.started(AttemptID(subject, entry.number)))
        case .save:
            let attempt = AttemptID(subject, entry.number)
            guard allocator.state.runs(attempt), let (begin, seconds) = work[attempt], seconds > 0 else { return }
            let saved = Double(allocator.state.tasks.savedShare[Int(subject)])
            let share = saved + (1 - saved) * min(1, max(0, now - begin) / seconds)
            events.append(.checkpointed(attempt, share: share))
        case .market: market(Int(subject), &events)
        case .wake: break
        case .transfer:
            let readers = start.readers
            let arrived = transfers?.arrivals(at: now, readers: readers) ?? []
            for task in arrived { beginHeld(task) }
            noteTransfers()
        }
    }

    private mutating func reclaim(_ instance: InstanceIndex, _ events: inout [Event]) {
        guard allocator.state.instances.phase[Int(instance)] != .closed else { return }
        result.reclaims += 1
        for task in allocator.state.instances.running[Int(instance)].sorted() {
            fail(allocator.state.attempt(at: task, on: instance), .reclaimed, &events)
        }
        events.append(.closed(instance, .reclaimed))
    }

    /// When in its market an offer is now: every run begins at a moment of its own, the same for all markets.
    private func marketSeconds(_ market: RecordedMarket) -> Double {
        now + start.simulator.world.marketShare(seed: seed) * market.durationSeconds
    }

    /// The market of an offer changes now, or what was announced happens: the youngest that are too many are taken back.
    private mutating func market(_ offer: Int, _ events: inout [Event]) {
        guard let market = start.simulator.world.markets[offer] else { return }
        let warning = start.simulator.world.warningSeconds
        let begin = marketSeconds(market)
        let (place, next) = market.step(at: begin + warning)
        if !market.prices.isEmpty, warning == 0 || market.counts.isEmpty {
            events.append(.priced(OfferIndex(offer), Price(perHour: market.prices[place])))
        }
        if !market.counts.isEmpty {
            let own = allocator.state.instances.phase.indices.filter {
                Int(allocator.state.instances.offer[$0]) == offer
                    && (allocator.state.instances.phase[$0] == .open || allocator.state.instances.phase[$0] == .opening)
            }
            for instance in own.dropFirst(market.counts[place]) {
                if warning > 0, allocator.state.instances.phase[instance] == .open {
                    events.append(.reclaimNotice(InstanceIndex(instance), at: now + warning))
                }
                agenda.add(.reclaim, InstanceIndex(instance), at: now + warning)
            }
        }
        agenda.add(.market, Int32(offer), at: now + max(next - begin - warning, 1e-3))
    }

    private mutating func fail(_ attempt: AttemptID, _ cause: FailureCause, _ events: inout [Event]) {
        events.append(.failed(attempt, cause))
        if held.removeValue(forKey: attempt) != nil { transfers?.forget(attempt.task) }
        ended(attempt, cause)
    }

    private mutating func ended(_ attempt: AttemptID, _ cause: FailureCause?) {
        let task = Int(attempt.task)
        let offer = allocator.state.instances.offer[Int(allocator.state.instance(of: attempt))]
        let occupied = max(0, now - allocator.state.startSeconds(of: attempt))
        result.occupiedCost +=
            allocator.state.pricePerHour(allocator.state.tasks.request[task], on: offer) * occupied / 3600
        guard history != nil, var record = begun.removeValue(forKey: attempt) else { return }
        (record.endSeconds, record.failure) = (now, cause)
        history?.append(record)
    }

    private mutating func carryOut(_ action: Action) {
        switch action {
        case .open(let instance, let offer, _, _): open(instance, Int(offer))
        case .close(let instance): agenda.add(.close, instance, at: now)
        case .start(let attempt, let instance, _, let share): dispatch(attempt, instance, share)
        case .stop(let attempt, let cause):
            let place = FailureCause.allCases.firstIndex(of: cause) ?? 0
            agenda.add(.fail, attempt.task, number: attempt.number, detail: Int32(place), at: now)
        case .replan(let job, let reason):
            result.plans += 1
            let plan = start.simulator.replan?(allocator.state, reason) ?? allocator.state.jobs[Int(job)].keptPlan
            if let plan { add(plan, job) }
        case .wake(let time): agenda.add(.wake, at: time)
        case .end: result.makespanSeconds = now
        case .stage(let task, let instance):
            guard instance >= 0, transfers?.sharesLinks == true else { return }
            transfers?.send(task, to: instance, allocator.state)
            noteTransfers()
        case .follow: result.follows += 1
        case .checkpoint(let attempt):
            guard let spec = start.savers[attempt.task] else { return }
            agenda.add(.save, attempt.task, number: attempt.number, at: now + max(0, spec.saveSeconds))
        case .throttle, .warn, .retry, .giveUp, .skip: break
        }
    }

    private mutating func open(_ instance: InstanceIndex, _ place: Int) {
        let number = Int(asked[place])
        asked[place] += 1
        let offer = allocator.state.offers[place]
        let opening = now + start.simulator.world.openSeconds(offer.openSeconds, number, of: place, seed: seed)
        let world = start.simulator.world
        var isRefused = world.isRefused(number, offer, place, seed: seed)
        if place < world.markets.count, let market = world.markets[place],
            let count = market.count(at: marketSeconds(market)), Int(allocator.state.openCounts[place]) > count
        {
            isRefused = true
        }
        guard !isRefused else {
            return agenda.add(.refuse, instance, at: opening)
        }
        agenda.add(.open, instance, at: opening)
        let end = opening + start.simulator.world.life(number, of: place, seed: seed)
        let warning = start.simulator.world.warningSeconds
        if warning > 0 { agenda.add(.notice, instance, at: max(opening, end - warning)) }
        agenda.add(.reclaim, instance, at: end)
    }

    private mutating func dispatch(_ attempt: AttemptID, _ instance: InstanceIndex, _ share: Double) {
        result.attempts += 1
        let (task, offer) = (Int(attempt.task), Int(allocator.state.instances.offer[Int(instance)]))
        let seconds = (1 - share) * start.seconds(task, attempt.number, on: offer, seed: seed)
        let failure = start.simulator.world.failure(task, attempt.number, seed: seed)
        if history != nil {
            begun[attempt] = SimulatedHistory.Attempt(
                id: attempt, instance: instance, readySeconds: allocator.state.tasks.readySeconds[task],
                dispatchSeconds: now, startSeconds: .infinity, endSeconds: now)
        }
        var arrival: Double? = now
        if transfers != nil {
            arrival = transfers?.arrival(attempt.task, on: instance, allocator.state)
            noteTransfers()
        }
        if let arrival {
            begin(attempt, seconds, failure, at: arrival)
        } else {
            held[attempt] = (seconds, failure)
        }
    }

    /// The last data of a dispatched task have come.
    private mutating func beginHeld(_ task: TaskIndex) {
        let state = allocator.state
        let copy = state.tasks.copies[task].map { AttemptID(task, $0.number) }
        for attempt in [state.attempt(at: task)] + (copy.map { [$0] } ?? []) {
            guard let (seconds, failure) = held.removeValue(forKey: attempt) else { continue }
            begin(attempt, seconds, failure, at: now)
        }
    }

    private mutating func begin(_ attempt: AttemptID, _ seconds: Double, _ failure: Double?, at begin: Double) {
        if history != nil { begun[attempt]?.startSeconds = begin }
        // Until then it waited for its data.
        if begin > allocator.state.startSeconds(of: attempt) {
            agenda.add(.start, attempt.task, number: attempt.number, at: begin)
        }
        if start.simulator.world.reclaimsPerAttempt > 0,
            let share = start.simulator.world.reclaim(Int(attempt.task), attempt.number, seed: seed)
        {
            let instance = allocator.state.instance(of: attempt)
            agenda.add(.reclaim, instance, at: begin + seconds * share)
        }
        if start.savers[attempt.task] != nil { work[attempt] = (begin, seconds) }
        if let failure {
            let place = FailureCause.allCases.firstIndex(of: .programError) ?? 0
            agenda.add(
                .fail, attempt.task, number: attempt.number, detail: Int32(place), at: begin + seconds * failure)
        } else {
            agenda.add(.finish, attempt.task, number: attempt.number, at: begin + seconds)
        }
    }

    /// What was made now moves to where it is expected to be read.
    private mutating func send(_ events: [Event]) {
        for case .finished(let attempt) in events where allocator.state.tasks.phase[Int(attempt.task)] == .finished {
            let task = Int(attempt.task)
            for place in allocator.state.tasks.firstSuccessor[task]..<allocator.state.tasks.firstSuccessor[task + 1] {
                let edge = Int(start.leaving[Int(place)])
                let reader = allocator.state.tasks.successors[Int(place)]
                transfers?.made(edge, for: reader, allocator.state)
            }
        }
        noteTransfers()
    }

    private mutating func noteTransfers() {
        if let next = transfers?.nextSeconds, next < .infinity { agenda.add(.transfer, at: next) }
    }
}
