public import Scheduling
public import Workloads

/// Decides what to rent, which task starts where, and what follows a failure, from events alone: no clock, no files.
///
/// Executors and the simulator are thin shells around it: they report events and carry out the actions. Equal events give
/// equal actions, so a run can be replayed from its log.
///
///     var allocator = Allocator(offers: [Offer(type: machine)])
///     let job = allocator.add(Job(graph))
///     let actions = allocator.handle([.admitted(job)], at: 0)   // [.open(0, 0, …)]
public struct Allocator: Sendable {
    /// What is known.
    public private(set) var state: RunState
    /// How it decides.
    public private(set) var policies: Policies

    /// The placement as it was when it had seen nothing.
    private let pristine: any Placement
    private var checkSeconds = -Double.infinity
    /// When instances and plans are to be looked at again although nothing happens before.
    private var slowSeconds = Double.infinity
    private var noticed: [InstanceIndex] = []

    /// Why a learnt rule does not decide any more; `nil` while it does, or where there is none.
    public var policyFailure: String? { (policies.placement as? LearnedPlacement)?.failure }

    /// An allocator of an empty run that may rent these offers.
    public init(
        offers: [Offer], policies: Policies = .init(), keepsGoing: Bool = true, halfLifeSeconds: Double = 86_400
    ) {
        state = RunState(offers: offers, keepsGoing: keepsGoing, halfLifeSeconds: halfLifeSeconds)
        self.policies = policies
        pristine = policies.placement
    }

    /// Tells of a job; it starts with ``Event/admitted(_:)``.
    @discardableResult
    public mutating func add(
        _ job: Job, ranks: [Double]? = nil, estimates: Estimates? = nil, flow: DataFlow? = nil
    ) -> JobIndex {
        policies.recovery.add(job.graph)
        return state.add(job, ranks: ranks, estimates: estimates, flow: flow)
    }

    /// Applies all events, then decides until nothing is left to decide.
    ///
    /// - Complexity: O(log *tasks* + classes + offers · log *instances*) an event, and what follows from it: a task that
    ///   starts, the attempts of an instance that went, the tasks skipped after one that failed for good.
    public mutating func handle(_ events: [Event], at seconds: Double) -> [Action] {
        var (isSlow, hasReason) = (false, false)
        for event in events {
            let isNew = state.apply(event, at: seconds)
            guard isNew else { continue }
            switch event {
            case .admitted, .resumed, .reclaimNotice, .closed(_, .some), .refused, .failed, .priced, .restarted:
                hasReason = true
            default: break
            }
            switch event {
            case .reclaimNotice(let instance, _): noticed.append(instance)
            case .timer: isSlow = isSlow || slowSeconds <= state.seconds
            case .admitted, .resumed, .planned, .closed, .refused, .opened, .priced: isSlow = true
            case .restarted:
                policies.placement = policies.following?.alternative(state.followed) ?? pristine
                policies.following?.restarted()
                policies.speculation.restarted(state)
                checkSeconds = -.infinity
                noticed = (0..<InstanceIndex(state.instances.count)).filter { instance in
                    state.instances.phase[Int(instance)] == .closing
                        && state.instances.reclaimSeconds[Int(instance)].isFinite
                }
                isSlow = true
            default: break
            }
        }
        return decide(isSlow: isSlow, hasReason: hasReason)
    }

    /// Applies one fact of a log, without deciding anything: restoring a run, which ends with ``Event/restarted``.
    ///
    /// - Returns: False if it does not hold, and nothing changed.
    public mutating func restore(_ fact: Fact) -> Bool {
        switch fact.what {
        case .event(let event): return state.apply(event, at: fact.seconds)
        case .action(let action): return state.apply(action)
        }
    }
}

extension Allocator {
    private mutating func decide(isSlow: Bool, hasReason: Bool) -> [Action] {
        var actions: [Action] = []
        follow(hasReason, &actions)
        for instance in noticed {
            for action in policies.checkpoints.onNotice(instance, state) { take(action, &actions) }
        }
        noticed.removeAll(keepingCapacity: true)
        answerAlerts(&actions)
        stopSuperfluous(&actions)
        if isSlow { state.mayRent = true }
        repeat {
            stopCancelled(&actions)
            answerFailures(&actions)
            if policies.provisioning.followsDemand, !state.readied.isEmpty || !state.touched.isEmpty {
                state.mayRent = true
            }
            tellPlacement()
            while let pair = policies.placement.next(state) {
                let task = Int(pair.task)
                let start = Action.start(
                    AttemptID(pair.task, state.tasks.attempts[task] + 1), on: pair.instance, state.grant(pair.task),
                    share: Double(state.tasks.savedShare[task]))
                take(start, &actions)
                tellPlacement()
            }
            endJobs(&actions)
            if state.mayRent {
                state.mayRent = false
                rent(&actions)
                giveUpHopeless(&actions)
            }
        } while !state.interrupted.isEmpty || !state.readied.isEmpty || !state.settled.isEmpty
        while let copy = policies.speculation.next(state) { take(copy, &actions) }
        stage(&actions)
        replan(isSlow, &actions)
        wake(&actions)
        return actions
    }

    /// Every decision is applied before the next is made.
    private mutating func take(_ action: Action, _ actions: inout [Action]) {
        let holds = state.apply(action)
        assert(holds, "a decision must hold of the state: \(action)")
        guard holds else { return }
        actions.append(action)
        if case .start(let attempt, _, _, _) = action { policies.speculation.started(attempt, state) }
    }

    /// Lets another placement decide if it does so better.
    private mutating func follow(_ hasReason: Bool, _ actions: inout [Action]) {
        guard policies.following?.isDue(state, hasReason: hasReason) == true else { return }
        let number = choice()
        guard number != state.followed else { return }
        take(.follow(number), &actions)
        policies.placement = policies.following?.alternative(number) ?? pristine
        state.showAll()
    }

    private mutating func choice() -> Int32 {
        let now = self
        return policies.following?.choice(state) { now.candidate($0) } ?? state.followed
    }

    /// The same run under one of the placements, as it stands; it does not look for others.
    private func candidate(_ number: Int32) -> Allocator {
        var copy = self
        copy.policies.following = nil
        copy.state.mayRent = true
        guard number != state.followed else { return copy }
        copy.policies.placement = policies.following?.alternative(number) ?? pristine
        copy.state.showAll()
        return copy
    }

    private mutating func tellPlacement() {
        guard !state.readied.isEmpty || !state.touched.isEmpty || !state.planned.isEmpty else { return }
        for job in state.planned { policies.placement.planned(job, state) }
        for instance in state.touched { policies.placement.changed(instance, state) }
        for task in state.readied { policies.placement.becameReady(task, state) }
        state.planned.removeAll(keepingCapacity: true)
        state.touched.removeAll(keepingCapacity: true)
        state.readied.removeAll(keepingCapacity: true)
    }

    /// Sends data ahead to where their readers are expected to run.
    private mutating func stage(_ actions: inout [Action]) {
        let redirected = policies.placement.takeRedirected()
        guard !state.supplied.isEmpty || !redirected.isEmpty else { return }
        for task in state.supplied + redirected {
            let place = Int(task)
            let job = state.jobs[Int(state.tasks.job[place])]
            guard let flow = job.flow, state.tasks.phase[place] == .blocked || state.tasks.phase[place] == .ready,
                Int(state.tasks.waitsFor[place]) < flow.edges(of: place - Int(job.first)).count
            else { continue }
            let destination = policies.placement.destination(of: task, state)
            guard destination != -1, destination != state.tasks.staged[place],
                destination < 0 || state.sendingSeconds(of: task, to: destination) == .infinity
            else { continue }
            take(.stage(task, on: destination), &actions)
        }
        state.supplied.removeAll(keepingCapacity: true)
    }

    private mutating func answerAlerts(_ actions: inout [Action]) {
        let policy = policies.recovery.policy
        for (attempt, alert) in state.alerts where state.runs(attempt) {
            let reaction = alert == .memory ? policy.memoryAlert : policy.timeAlert
            if reaction == .ignore { continue }
            take(.warn(attempt, alert, reaction), &actions)
            if reaction == .throttle { take(.throttle(attempt), &actions) }
            if reaction == .kill { take(.stop(attempt, alert == .memory ? .outOfMemory : .timeLimit), &actions) }
        }
        state.alerts.removeAll(keepingCapacity: true)
    }

    /// Stops the attempts of which another one has ended first.
    private mutating func stopSuperfluous(_ actions: inout [Action]) {
        for task in state.superfluous {
            guard let copy = state.tasks.copies[task], !copy.isStopping else { continue }
            take(.stop(AttemptID(task, copy.number), .cancelled), &actions)
        }
        state.superfluous.removeAll(keepingCapacity: true)
    }

    private mutating func stopCancelled(_ actions: inout [Action]) {
        for job in state.cancelled { stop(job, &actions) }
        state.cancelled.removeAll(keepingCapacity: true)
    }

    /// Stops all attempts of a job.
    private mutating func stop(_ job: JobIndex, _ actions: inout [Action]) {
        let range = state.jobs[Int(job)].range
        for task in range where state.tasks.phase[task] == .running {
            take(.stop(state.attempt(at: TaskIndex(task)), .cancelled), &actions)
        }
        for (task, copy) in state.tasks.copies.sorted(by: { $0.key < $1.key })
        where range.contains(Int(task)) && !copy.isStopping {
            take(.stop(AttemptID(task, copy.number), .cancelled), &actions)
        }
    }

    private mutating func answerFailures(_ actions: inout [Action]) {
        while let task = state.interrupted.popLast() {
            let job = state.tasks.job[Int(task)]
            let decision = policies.recovery.decide(task, state)
            take(decision, &actions)
            guard case .giveUp = decision else { continue }
            skipAfter(task, &actions)
            if !state.keepsGoing { stop(job, &actions) }
        }
    }

    private mutating func skipAfter(_ failed: TaskIndex, _ actions: inout [Action]) {
        var open = [failed]
        while let task = open.popLast() {
            for place in state.tasks.firstSuccessor[Int(task)]..<state.tasks.firstSuccessor[Int(task) + 1] {
                let successor = state.tasks.successors[Int(place)]
                guard state.tasks.phase[Int(successor)] == .blocked else { continue }
                take(.skip(successor), &actions)
                open.append(successor)
            }
        }
    }

    private mutating func endJobs(_ actions: inout [Action]) {
        while let job = state.settled.popLast() {
            let item = state.jobs[Int(job)]
            guard item.isAdmitted, item.ending == nil, item.running == 0 else { continue }
            if item.open == 0 {
                let isImpossible = item.hasFailed && state.failuresAreForWantOfRoom(item)
                take(.end(job, item.hasFailed ? isImpossible ? .infeasible : .failed : .succeeded), &actions)
            } else if item.isCancelled {
                take(.end(job, .cancelled), &actions)
            } else if item.hasFailed, !state.keepsGoing {
                take(.end(job, .failed), &actions)
            }
        }
    }

    private mutating func rent(_ actions: inout [Action]) {
        while true {
            let changes = policies.provisioning.changes(state)
            if changes.isEmpty { return }
            for action in changes { take(action, &actions) }
        }
    }

    /// Ready tasks for which there is no room on anything that is there or could be rented, or none within the quota.
    private mutating func giveUpHopeless(_ actions: inout [Action]) {
        guard state.jobs.contains(where: { $0.ready > 0 && $0.running == 0 && $0.ending == nil }) else { return }
        var rooms = state.offers.enumerated().map { (OfferIndex($0), $1.capacity) }
        for instance in 0..<state.instances.count where state.instances.phase[instance] == .open {
            rooms.append((state.instances.offer[instance], state.instances.capacity[instance]))
        }
        for task in 0..<state.tasks.count where state.tasks.phase[task] == .ready {
            let request = state.tasks.request[task]
            let isPossible = rooms.contains { offer, room in
                state.allows(TaskIndex(task), offer) && request.fits(in: room)
                    && state.isWithinQuota(TaskIndex(task), on: offer, alone: true)
            }
            if isPossible { continue }
            take(.giveUp(TaskIndex(task), .noCapacity), &actions)
            skipAfter(TaskIndex(task), &actions)
        }
    }

    private mutating func replan(_ isSlow: Bool, _ actions: inout [Action]) {
        guard policies.replanning != .never, isSlow || state.seconds >= checkSeconds + 1 else { return }
        checkSeconds = state.seconds
        for job in state.jobs.indices {
            guard let reason = policies.replanning.reason(JobIndex(job), state) else { continue }
            take(.replan(JobIndex(job), reason), &actions)
        }
    }

    private mutating func wake(_ actions: inout [Action]) {
        slowSeconds = min(policies.provisioning.wakeSeconds(state), policies.replanning.wakeSeconds(state))
        let time = min(
            slowSeconds, policies.placement.wakeSeconds(state), policies.speculation.wakeSeconds(state),
            state.nextReleaseSeconds)
        if time.isFinite, time < state.wakeSeconds { take(.wake(at: time), &actions) }
    }
}

extension RunState {
    /// Whether every task of a job that failed did so because it fits nothing.
    func failuresAreForWantOfRoom(_ job: JobState) -> Bool {
        job.range.allSatisfy { tasks.phase[$0] != .failed || tasks.lastCause[$0] == .noCapacity }
    }
}
