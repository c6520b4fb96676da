public import Allocation
public import Scheduling
public import Workloads

/// What drives a run on any backend: reports become events, events become actions, and both are in the log before
/// anything is done.
///
///     wait → append events → handle → append actions, one sync → perform → hand outcomes on
///
/// Each start that is in the log gets exactly one outcome. All that a batch of reports leads to is made durable by one
/// write. A run whose program died goes on from its log: facts are folded, and the backend says what else happened.
public struct RunLoop<World: Backend, Log: RunLog> {
    /// One job of the run.
    public struct Member: Sendable {
        /// The job.
        public var job: Job
        /// The name of this run of it in outcomes.
        public var run: String
        /// The urgency of every task.
        public var ranks: [Double]?
        /// What is believed of the tasks.
        public var estimates: Estimates?
        /// The plan that it starts with; the policies must be those that keep to plans.
        public var plan: Assignments?
        /// Makes another plan for what is left, or says that there is none.
        public var replan: (@Sendable (RunState, ReplanReason) -> Assignments?)?

        /// Makes a member.
        public init(_ job: Job, run: String, ranks: [Double]? = nil, estimates: Estimates? = nil) {
            (self.job, self.run, self.ranks, self.estimates) = (job, run, ranks, estimates)
        }
    }

    private let members: [Member]
    private let epoch: Double
    private let tickSeconds: Double?
    private let show: (RunEvent) -> Void
    private let report: ([AttemptRecord]) throws -> Void
    private let reportLives: ([InstanceLife]) throws -> Void

    private var allocator: Allocator
    private var world: World
    private var log: Log
    /// The time of the last batch: every batch has another, so that the log tells them apart.
    private var seconds = 0.0
    /// Reports of our own for the next batch.
    private var reports: [Report] = []
    /// Alerts of the attempts that run.
    private var alerts: [AttemptID: [Alert]] = [:]
    /// Durable outcomes that are not handed on yet, and when they are to be.
    private var outcomes: [AttemptRecord] = []
    private var handingOnSeconds = Double.infinity
    /// Why instances went, and whose lives were handed on.
    private var causes: [InstanceIndex: FailureCause] = [:]
    private var refused: Set<InstanceIndex> = []
    private var toldLives: Set<InstanceIndex> = []
    /// What attempts took over from a checkpoint.
    private var restored: [AttemptID: Double] = [:]
    private var lastTick = -Double.infinity
    private var ended = 0
    /// How long tasks take, by job; when that was last played out, and when it will be again.
    private var paces: [RunPace]
    private var foresight: (found: Foresight?, nextSeconds: Double) = (nil, -.infinity)

    /// How long outcomes wait for others, so that they are handed on together.
    private static var patienceSeconds: Double { 0.2 }

    /// Makes a loop.
    ///
    /// - Parameters:
    ///   - allocator: Without jobs.
    ///   - epoch: The zero of the run's clock in Unix seconds.
    ///   - tickSeconds: Seconds between ``RunEvent/tick(_:)`` events; `nil` for none.
    ///   - show: Called with everything that happens.
    ///   - lives: Called with every instance that is gone, as `report` is with attempts.
    ///   - report: Called with every attempt that ended, some at a time, when they are durable. After a restart those
    ///     from before come once more.
    public init(
        _ members: [Member], _ allocator: Allocator, on world: World, log: Log, epoch: Double = 0,
        tickSeconds: Double? = nil, show: @escaping (RunEvent) -> Void = { _ in },
        lives: @escaping ([InstanceLife]) throws -> Void = { _ in },
        report: @escaping ([AttemptRecord]) throws -> Void
    ) {
        (self.members, self.allocator, self.world, self.log) = (members, allocator, world, log)
        (self.epoch, self.tickSeconds, self.show) = (epoch, tickSeconds, show)
        (self.report, reportLives) = (report, lives)
        paces = members.map { RunPace($0.job.graph, $0.estimates) }
        for member in members { self.allocator.add(member.job, ranks: member.ranks, estimates: member.estimates) }
    }

    /// Runs until every job has ended and every instance was given back. After an error the backend ends what runs.
    ///
    /// - Throws: What the backend, the log or `report` throws; ``ExecutionError/badFact(entry:)``.
    public mutating func run() throws -> RunResult {
        let began = world.now
        do {
            try act(on: begin())
            while !isOver {
                if reports.isEmpty { try wait() }
                let arrived = reports
                reports = []
                try act(on: arrived)
                if world.now >= handingOnSeconds { try handOn() }
                if let tickSeconds, world.now >= lastTick + tickSeconds { tick(began) }
            }
            try handOn()
        } catch {
            world.end()
            throw error
        }
        world.end()
        return result(elapsedSeconds: world.now - began)
    }
}

extension RunLoop {
    private var isOver: Bool {
        let state = allocator.state
        return state.jobs.allSatisfy { $0.ending != nil } && state.openCounts.allSatisfy { $0 == 0 }
    }

    /// Takes up the run where its log ends.
    private mutating func begin() throws -> [Report] {
        let entries = try log.entries()
        for (number, entry) in entries.enumerated() {
            // An event may be stale, a decision was not.
            let holds = allocator.restore(entry.fact)
            if case .action = entry.fact.what, !holds { throw ExecutionError.badFact(entry: number) }
            if let outcome = entry.outcome {
                outcomes.append(outcome)
                learn(outcome, entry.fact)
            }
            note(entry.fact.what)
        }
        if !outcomes.isEmpty { handingOnSeconds = world.now }
        seconds = allocator.state.seconds
        var reports = members.indices.map { index in
            let job = JobIndex(index)
            return Report.event(allocator.state.jobs[index].isAdmitted ? .resumed(job) : .admitted(job))
        }
        for (index, member) in members.enumerated() {
            // What another process planned holds as long as its instances are there.
            guard let plan = member.plan, allocator.state.jobs[index].plan == nil else { continue }
            reports.insert(.event(.planned(JobIndex(index), plan)), at: 0)
        }
        if !entries.isEmpty { reports.append(.event(.restarted)) }
        return try reports + world.reconcile(allocator.state)
    }

    private mutating func wait() throws {
        var until = min(allocator.state.wakeSeconds, handingOnSeconds)
        if let tickSeconds { until = min(until, lastTick + tickSeconds) }
        reports = try world.wait(until: until)
    }

    /// Tells the allocator, makes what happened and what it decided durable, all in one, then acts.
    private mutating func act(on reports: [Report]) throws {
        // Microseconds, none of them before the moment that has come, or the loop would wait for it again.
        let up = (world.now * 1e6).rounded(.up)
        let now = max(up / 1e6 < world.now ? (up + 1) / 1e6 : up / 1e6, seconds + 1e-6)
        var (events, over): ([Event], [AttemptRecord]) = ([], [])
        var known: Set<AttemptID> = []
        func end(_ attempt: AttemptID, _ found: Measurement) throws {
            guard allocator.state.runs(attempt), known.insert(attempt).inserted else { return }
            let outcome = outcome(of: attempt, found)
            learn(outcome, Fact(now, .event(.finished(attempt))))
            let event = outcome.cause.map { Event.failed(attempt, $0) } ?? .finished(attempt)
            events.append(event)
            over.append(outcome)
            try log.append(LogEntry(Fact(now, .event(event)), outcome: outcome))
        }
        for report in reports {
            switch report {
            case .ended(let attempt, let found): try end(attempt, found)
            case .remark(let text): show(.remark(text))
            case .alert(let attempt, let alert):
                alerts[attempt, default: []].append(alert)
                events.append(.alert(attempt, alert.kind))
                try log.append(LogEntry(Fact(now, .event(.alert(attempt, alert.kind)))))
            case .event(let event):
                if case .closed(let instance, let cause) = event {
                    let evidence = FailureEvidence(killer: cause == .reclaimed ? .reclaim : nil, disappeared: true)
                    for task in lost(with: instance) {
                        try end(allocator.state.attempt(at: task, on: instance), Measurement(evidence))
                    }
                }
                tell(event)
                events.append(event)
                try log.append(LogEntry(Fact(now, .event(event))))
            }
        }
        if now >= allocator.state.wakeSeconds, now.isFinite {
            events.append(.timer)
            try log.append(LogEntry(Fact(now, .event(.timer))))
        }
        guard !events.isEmpty else { return }
        seconds = now
        for event in events { note(.event(event)) }
        let before = allocator.policyFailure
        let actions = allocator.handle(events, at: now)
        if before == nil, let failure = allocator.policyFailure { show(.policyFailed(failure)) }
        for action in actions {
            note(.action(action))
            try log.append(LogEntry(Fact(now, .action(action))))
        }
        try log.sync()
        // Starts first: processes run while we talk.
        for action in actions {
            guard case .start(let attempt, _, _, _) = action else { continue }
            try world.perform(action, allocator.state)
            show(.started(id(attempt.task), attempt: Int(attempt.number)))
        }
        ended += over.count
        for outcome in over { show(.ended(outcome)) }
        outcomes += over
        if !outcomes.isEmpty { handingOnSeconds = min(handingOnSeconds, world.now + Self.patienceSeconds) }
        for action in actions { try perform(action) }
    }

    private mutating func perform(_ action: Action) throws {
        switch action {
        case .start, .wake, .retry, .follow, .end: break
        case .warn(let attempt, let kind, let reaction):
            guard let last = alerts[attempt]?.lastIndex(where: { $0.kind == kind }) else { break }
            alerts[attempt]?[last].reaction = reaction
            if let alert = alerts[attempt]?[last] {
                show(.alert(id(attempt.task), attempt: Int(attempt.number), alert))
            }
        case .giveUp(let task, let cause): show(.gaveUp(id(task), cause))
        case .skip(let task): show(.skipped(id(task)))
        case .replan(let job, let reason):
            let state = allocator.state
            // Without a better one the old plan goes on.
            let plan = members[Int(job)].replan?(state, reason)
            show(.replanned(reason, endSeconds: plan.map { $0.endSeconds - state.seconds }))
            if let next = plan ?? state.jobs[Int(job)].keptPlan { reports.append(.event(.planned(job, next))) }
        case .open, .close, .stage, .checkpoint, .stop, .throttle: try world.perform(action, allocator.state)
        }
    }

    private func tell(_ event: Event) {
        func name(_ instance: InstanceIndex) -> InstanceID { world.name(of: instance, allocator.state) }
        switch event {
        case .cancelled: show(.stopping)
        case .reclaimNotice(let instance, let time):
            show(.instance(name(instance), "will be taken back in \(Units.formatSeconds(max(0, time - world.now)))"))
        case .closed(let instance, let cause?): show(.instance(name(instance), "is gone (\(cause.rawValue))"))
        case .refused(let instance): show(.instance(name(instance), "is not to be had"))
        default: break
        }
    }

    /// Keeps what outcomes and lives say beside the state.
    private mutating func note(_ what: Fact.What) {
        switch what {
        case .event(.closed(let instance, let cause?)): causes[instance] = cause
        case .event(.refused(let instance)): refused.insert(instance)
        case .event(.failed(let attempt, _)), .event(.finished(let attempt)): restored[attempt] = nil
        case .action(.start(let attempt, _, _, let share)) where share > 0: restored[attempt] = share
        default: break
        }
    }

    private mutating func handOn() throws {
        if !outcomes.isEmpty { try report(outcomes) }
        (outcomes, handingOnSeconds) = ([], .infinity)
        let instances = allocator.state.instances
        let gone = (0..<InstanceIndex(instances.count)).filter {
            instances.phase[Int($0)] == .closed && !toldLives.contains($0)
        }
        guard !gone.isEmpty else { return }
        try reportLives(gone.map(life))
        toldLives.formUnion(gone)
    }

    private func life(_ index: InstanceIndex) -> InstanceLife {
        let (state, place) = (allocator.state, Int(index))
        let opened = state.instances.openedSeconds[place]
        let end: InstanceLife.End =
            switch causes[index] {
            case .reclaimed?: .reclaimed
            case nil: refused.contains(index) ? .refused : .closed
            default: .lost
            }
        return InstanceLife(
            workflow: members[0].job.name, job: members[0].run, number: place, instance: world.name(of: index, state),
            offer: state.offers[Int(state.instances.offer[place])],
            requestedTimeSeconds: epoch + state.instances.requestedSeconds[place],
            openedTimeSeconds: opened.isFinite ? epoch + opened : nil,
            closedTimeSeconds: epoch + state.instances.closedSeconds[place], end: end)
    }

    private func lost(with instance: InstanceIndex) -> [TaskIndex] {
        let running = allocator.state.instances.running
        return running.indices.contains(Int(instance)) ? running[Int(instance)].sorted() : []
    }
}

extension RunLoop {
    private func spec(_ task: TaskIndex) -> TaskSpec {
        let job = Int(allocator.state.tasks.job[Int(task)])
        return members[job].job.graph.tasks[Int(task - allocator.state.jobs[job].first)]
    }

    private func id(_ task: TaskIndex) -> TaskID { spec(task).id }

    private mutating func outcome(of attempt: AttemptID, _ found: Measurement) -> AttemptRecord {
        let state = allocator.state
        let (place, task) = (Int(attempt.task), spec(attempt.task))
        let member = members[Int(state.tasks.job[place])]
        let instance = state.instance(of: attempt)
        let offer = state.offers[Int(state.instances.offer[Int(instance)])]
        let grant = state.grant(attempt.task)
        func positive(_ value: Double) -> Double? { value > 0 && value.isFinite ? value : nil }
        var outcome = AttemptRecord(
            workflow: member.job.name, job: member.run, task: task.id.rawValue, taskType: task.type,
            attempt: Int(attempt.number))
        outcome.parameters = task.parameters.mapValues { ParameterValue($0) }
        outcome.tenant = member.job.tenant
        outcome.instance = world.name(of: instance, state).rawValue
        outcome.instanceType = offer.type.name
        (outcome.purchase, outcome.zone) = (offer.purchase.rawValue, offer.zone)
        outcome.pricePerHour = offer.price.perHour
        outcome.submitTimeSeconds = epoch + state.tasks.readySeconds[place]
        outcome.cpus = grant.resources.cpus
        outcome.requestedMemoryBytes = positive(grant.resources.memoryBytes)
        (outcome.gpus, outcome.storageBytes) = (
            positive(grant.resources.gpus), positive(grant.resources.storageBytes)
        )
        outcome.requestedSeconds = grant.timeLimitSeconds
        outcome.restoredShare = restored[attempt]
        if let estimates = member.estimates {
            let index = place - Int(state.jobs[Int(state.tasks.job[place])].first)
            if estimates.expectedSeconds[index].isFinite {
                outcome.predictedSeconds = positive(estimates.seconds(of: index, on: offer.type, p: 0.5))
            }
            if index < estimates.memoryQuantiles.count {
                outcome.predictedMemoryBytes = positive(estimates.memoryQuantiles[index](0.5))
            }
        }
        outcome.take(found, alerts.removeValue(forKey: attempt) ?? [])
        if found.leftBehind > 0 {
            show(.leftBehind(task.id, attempt: Int(attempt.number), processes: found.leftBehind))
        }
        return outcome
    }

    /// Learns how long tasks take from the end of one.
    private mutating func learn(_ outcome: AttemptRecord, _ fact: Fact) {
        guard tickSeconds != nil, case .event(.finished(let attempt)) = fact.what else { return }
        let state = allocator.state
        guard let offer = state.offers.first(where: { $0.type.name == outcome.instanceType }) else { return }
        paces[Int(state.tasks.job[Int(attempt.task)])].note(outcome, speed: offer.type.speed)
    }

    /// Plays out what is left, at most a task every tenth of a millisecond of the run, so that it takes no notable part of it.
    private mutating func foresee() -> RunStatus.TimeLeft? {
        let left = allocator.state.jobs.reduce(0) { $0 + Int($1.open) }
        if world.now >= foresight.nextSeconds, left <= 20_000 {
            let playouts = min(40, max(8, 10_000 / max(1, left)))
            let (jobs, paces) = (allocator.state.jobs.map(\.first), paces)
            let found = Foresight(allocator, at: world.now, playouts: playouts) { [tasks = allocator.state.tasks.job] in
                let job = Int(tasks[Int($0)])
                return paces[job].seconds(of: Int($0 - jobs[job]), on: $1, p: $2)
            }
            foresight = (found, world.now + max(2, 1e-4 * Double(playouts * left)))
        }
        return foresight.found.map { .init($0, from: world.now) }
    }

    private mutating func tick(_ began: Double) {
        let foreseen = foresee()
        let state = allocator.state
        lastTick = world.now
        var running: [RunStatus.Running] = []
        for instance in state.instances.running.indices {
            for task in state.instances.running[instance] {
                let attempt = state.attempt(at: task, on: InstanceIndex(instance))
                running.append(
                    .init(
                        task: id(task), attempt: Int(attempt.number),
                        startTimeSeconds: epoch + state.startSeconds(of: attempt)))
            }
        }
        running.sort { ($0.startTimeSeconds, $0.task) < ($1.startTimeSeconds, $1.task) }
        show(
            .tick(
                RunStatus(
                    total: state.tasks.count, finished: state.jobs.reduce(0) { $0 + Int($1.finished) },
                    failed: state.tasks.phase.count { $0 == .failed },
                    skipped: state.tasks.phase.count { $0 == .skipped }, running: running,
                    elapsedSeconds: lastTick - began, left: foreseen)))
    }

    private func result(elapsedSeconds: Double) -> RunResult {
        let state = allocator.state
        var (failed, skipped): ([TaskID: FailureCause], [TaskID]) = ([:], [])
        for task in 0..<TaskIndex(state.tasks.count) {
            switch state.tasks.phase[Int(task)] {
            case .failed: failed[id(task)] = state.tasks.lastCause[Int(task)] ?? .lost
            case .skipped: skipped.append(id(task))
            default: break
            }
        }
        let endings = state.jobs.compactMap(\.ending)
        return RunResult(
            ending: endings.first { $0 != .succeeded } ?? .succeeded, total: state.tasks.count,
            finished: state.jobs.reduce(0) { $0 + Int($1.finished) }, failed: failed, skipped: skipped, attempts: ended,
            elapsedSeconds: elapsedSeconds)
    }
}
