internal import Basics
public import Workloads

extension RunState {
    /// Records an event. False if it is about something that is over, and nothing but the clock changed.
    ///
    /// - Complexity: O(1), but for successors of a task that finished and attempts on an instance that went.
    @discardableResult
    public mutating func apply(_ event: Event, at seconds: Double) -> Bool {
        self.seconds = max(self.seconds, seconds)
        if !timed.isEmpty { release() }
        switch event {
        case .admitted(let job): return admit(job)
        case .cancelled(let job):
            guard let state = known(job), state.ending == nil, !state.isCancelled else { return false }
            jobs[Int(job)].isCancelled = true
            cancelled.append(job)
            settled.append(job)
        case .resumed(let job): return resume(job)
        case .opened(let instance, let capacity):
            guard known(instance) else { return false }
            guard instances.phase[Int(instance)] == .opening else { return resize(instance, capacity) }
            instances.phase[Int(instance)] = .open
            instances.capacity[Int(instance)] = capacity
            instances.free[Int(instance)] = capacity
            instances.openedSeconds[Int(instance)] = self.seconds
            instances.idleSeconds[Int(instance)] = self.seconds
            touched.append(instance)
        case .refused(let instance):
            guard known(instance), instances.phase[Int(instance)] == .opening else { return false }
            let offer = Int(instances.offer[Int(instance)])
            refusals[offer] = (refusals[offer].count + 1, self.seconds)
            close(instance, cause: nil)
        case .reclaimNotice(let instance, let time):
            guard known(instance), instances.phase[Int(instance)] != .closed else { return false }
            instances.reclaimSeconds[Int(instance)] = time
            let wasSpare = isSpare(instance)
            if instances.phase[Int(instance)] == .open { instances.phase[Int(instance)] = .closing }
            noteSpare(instance, was: wasSpare)
            touched.append(instance)
        case .closed(let instance, let cause):
            guard known(instance), instances.phase[Int(instance)] != .closed else { return false }
            close(instance, cause: cause)
        case .started(let attempt):
            guard runs(attempt) else { return false }
            if isCopy(attempt) {
                tasks.copies[attempt.task]?.startSeconds = self.seconds
            } else {
                tasks.startSeconds[Int(attempt.task)] = self.seconds
            }
        case .finished(let attempt):
            guard runs(attempt) else { return false }
            finish(attempt)
        case .failed(let attempt, let cause):
            guard runs(attempt) else { return false }
            fail(attempt, cause)
        case .alert(let attempt, let alert):
            guard runs(attempt), !isStopping(attempt) else { return false }
            alerts.append((attempt, alert))
        case .checkpointed(let attempt, let share):
            guard runs(attempt), share > Double(tasks.savedShare[Int(attempt.task)]), share <= 1 else { return false }
            tasks.savedShare[Int(attempt.task)] = Float(share)
        case .priced(let offer, let price):
            guard offers.indices.contains(Int(offer)), offers[Int(offer)].price != price else { return false }
            offers[Int(offer)].price = price
            quotaChanges += 1
        case .planned(let job, let plan):
            guard let state = known(job), state.ending == nil, isFitting(plan, state) else { return false }
            jobs[Int(job)].plan = plan
            learnComeback(of: Int(job))
            jobs[Int(job)].instanceOfSlot = plan.slots.map { known($0.instance) ? $0.instance : -1 }
            count(job)
            planned.append(job)
            mayRent = true
            jobs[Int(job)].isReplanning = false
            jobs[Int(job)].plans += 1
        case .restarted: lookAtAllAgain()
        case .timer:
            guard wakeSeconds <= self.seconds else { return false }
            wakeSeconds = .infinity
        }
        return true
    }

    /// Records a decision. The allocator decides only what holds of the state; a decision from a log that does not is
    /// left out.
    ///
    /// - Returns: False if it did not hold, and nothing changed.
    @discardableResult
    public mutating func apply(_ action: Action) -> Bool {
        switch action {
        case .open(let instance, let offer, let job, let slot):
            guard Int(instance) == instances.count, offers.indices.contains(Int(offer)) else { return false }
            instances.append(offer, at: seconds)
            openCounts[Int(offer)] += 1
            noteSpare(instance, was: false)
            if let state = known(job), state.instanceOfSlot.indices.contains(Int(slot)) {
                jobs[Int(job)].instanceOfSlot[Int(slot)] = instance
            }
        case .close(let instance):
            guard known(instance), instances.phase[Int(instance)] != .closed else { return false }
            let wasSpare = isSpare(instance)
            instances.phase[Int(instance)] = .closing
            noteSpare(instance, was: wasSpare)
            // It is given back: nobody takes it any more.
            if instances.running[Int(instance)].isEmpty { instances.reclaimSeconds[Int(instance)] = .infinity }
            touched.append(instance)
        case .start(let attempt, let instance, let grant, _):
            return start(attempt, on: instance, grant)
        case .stop(let attempt, _):
            guard runs(attempt) else { return false }
            if isCopy(attempt) {
                tasks.copies[attempt.task]?.isStopping = true
            } else {
                tasks.phase[Int(attempt.task)] = .stopping
            }
        case .retry(let task, let grant, let avoided):
            guard known(task: task), tasks.phase[Int(task)] == .interrupted, avoided == -1 || known(avoided) else {
                return false
            }
            tasks.request[Int(task)] = grant.resources
            tasks.timeLimit[Int(task)] = grant.timeLimitSeconds ?? .infinity
            tasks.avoided[Int(task)] = avoided
            ready(task)
        case .giveUp(let task, let cause):
            guard known(task: task), tasks.phase[Int(task)] == .ready || tasks.phase[Int(task)] == .interrupted else {
                return false
            }
            tasks.lastCause[Int(task)] = cause
            jobs[Int(tasks.job[Int(task)])].hasFailed = true
            settle(task, as: .failed)
        case .skip(let task):
            guard known(task: task), tasks.phase[Int(task)] == .blocked else { return false }
            settle(task, as: .skipped)
        case .replan(let job, _):
            guard known(job) != nil else { return false }
            jobs[Int(job)].isReplanning = true
            jobs[Int(job)].replanSeconds = seconds
        case .wake(let time): wakeSeconds = time
        case .end(let job, let ending):
            guard let state = known(job), state.ending == nil, state.running == 0,
                ending != .succeeded || state.finished == state.count
            else { return false }
            jobs[Int(job)].ending = ending
            // What it had rented is not wanted any more, also what is only on its way.
            mayRent = true
        case .stage(let task, let instance):
            guard known(task: task), !tasks.phase[Int(task)].isRunning, !tasks.phase[Int(task)].isOver else {
                return false
            }
            tasks.staged[Int(task)] = instance
            tasks.stagedSeconds[Int(task)] = seconds
        case .follow(let number):
            guard number >= 0 else { return false }
            followed = number
        case .checkpoint, .throttle, .warn: break
        }
        return true
    }

    /// Whether this attempt occupies an instance now.
    public func runs(_ attempt: AttemptID) -> Bool {
        known(task: attempt.task)
            && (tasks.phase[Int(attempt.task)].isRunning && tasks.current[Int(attempt.task)] == attempt.number
                || isCopy(attempt))
    }

    /// The attempt at a task that runs or ran last, and not a copy of it.
    public func attempt(at task: TaskIndex) -> AttemptID { AttemptID(task, tasks.current[Int(task)]) }

    /// Whether new attempts of a job may start.
    public func mayStart(_ job: JobIndex) -> Bool {
        let state = jobs[Int(job)]
        return state.isAdmitted && !state.isCancelled && state.ending == nil && (keepsGoing || !state.hasFailed)
    }
}

extension RunState {
    /// All instances, as a place to send data to.
    public static let everywhere = InstanceIndex.min + 2

    /// Since when a task's data are sent to an instance as soon as they are made; infinite if they are not.
    public func sendingSeconds(of task: TaskIndex, to instance: InstanceIndex) -> Double {
        let staged = tasks.staged[Int(task)]
        if staged == instance { return tasks.stagedSeconds[Int(task)] }
        if staged == Self.everywhere, instance >= 0 {
            return max(tasks.stagedSeconds[Int(task)], instances.openedSeconds[Int(instance)])
        }
        let slots = jobs[Int(tasks.job[Int(task)])].instanceOfSlot
        guard staged <= -2, case let slot = Int(-2 - staged), slot < slots.count, slots[slot] == instance else {
            return .infinity
        }
        return tasks.stagedSeconds[Int(task)]
    }

    /// Everything is news to policies that have seen nothing yet.
    private mutating func lookAtAllAgain() {
        showAll()
        interrupted = (0..<TaskIndex(tasks.count)).filter { tasks.phase[Int($0)] == .interrupted }
        let goingOn = self.goingOn
        cancelled = goingOn.filter { jobs[Int($0)].isCancelled }
        settled = goingOn
        alerts = []
        superfluous = tasks.copies.keys.filter { tasks.phase[Int($0)].isOver }.sorted()
        wakeSeconds = .infinity
        mayRent = true
        for job in goingOn { jobs[Int(job)].isReplanning = false }
    }

    private var goingOn: [JobIndex] {
        (0..<JobIndex(jobs.count)).filter { jobs[Int($0)].isAdmitted && jobs[Int($0)].ending == nil }
    }

    /// All that a placement is told of, for one that has seen nothing yet.
    mutating func showAll() {
        readied = (0..<TaskIndex(tasks.count)).filter { tasks.phase[Int($0)] == .ready }
        touched = (0..<InstanceIndex(instances.count)).filter { instances.phase[Int($0)] != .closed }
        planned = goingOn.filter { jobs[Int($0)].plan != nil }
        supplied = goingOn.filter { jobs[Int($0)].flow != nil }.flatMap { jobs[Int($0)].range.map { TaskIndex($0) } }
    }

    private func known(_ job: JobIndex) -> JobState? { jobs.indices.contains(Int(job)) ? jobs[Int(job)] : nil }

    private func known(_ instance: InstanceIndex) -> Bool { instance >= 0 && Int(instance) < instances.count }

    private func known(task: TaskIndex) -> Bool { task >= 0 && Int(task) < tasks.count }

    private func isFitting(_ plan: Assignments, _ job: JobState) -> Bool {
        plan.slotOfTask.count == Int(job.count) && plan.order.count == Int(job.count)
            && plan.slots.allSatisfy { offers.indices.contains(Int($0.offer)) }
            && plan.slotOfTask.allSatisfy { $0 < plan.slots.count }
    }

    /// Counts what is left in the slots of a job's plan.
    private mutating func count(_ job: JobIndex) {
        let item = jobs[Int(job)]
        guard let plan = item.plan else { return }
        var counts = [Int32](repeating: 0, count: plan.slots.count)
        let isWatched = item.deadlineSeconds.isFinite || item.budget.isFinite
        var rest = [Double](repeating: 0, count: isWatched ? plan.slots.count : 0)
        for task in item.range where !tasks.phase[task].isOver {
            let slot = Int(plan.slotOfTask[task - Int(item.first)])
            guard slot >= 0 else { continue }
            counts[slot] += 1
            if isWatched { rest[slot] += leastSeconds(of: TaskIndex(task), inSlot: slot) }
        }
        (jobs[Int(job)].openOfSlot, jobs[Int(job)].restOfSlot) = (counts, rest)
    }

    private mutating func admit(_ job: JobIndex) -> Bool {
        guard let state = known(job), !state.isAdmitted else { return false }
        jobs[Int(job)].isAdmitted = true
        jobs[Int(job)].admittedSeconds = seconds
        for task in state.range where tasks.waitsFor[task] == 0 && tasks.phase[task] == .blocked {
            unblock(TaskIndex(task))
        }
        settled.append(job)
        return true
    }

    private mutating func resume(_ job: JobIndex) -> Bool {
        guard let state = known(job), state.isAdmitted, state.ending != .succeeded else { return false }
        jobs[Int(job)].ending = nil
        jobs[Int(job)].isCancelled = false
        jobs[Int(job)].hasFailed = false
        for task in state.range {
            tasks.failures[task] = FailureCounts()
            guard tasks.phase[task] == .failed || tasks.phase[task] == .skipped else { continue }
            jobs[Int(job)].open += 1
            jobs[Int(job)].workLeft += Double(tasks.work[task])
            if tasks.phase[task] == .failed { interrupted.append(TaskIndex(task)) }
            tasks.phase[task] = tasks.phase[task] == .failed ? .interrupted : .blocked
        }
        count(job)
        settled.append(job)
        mayRent = true
        return true
    }

    /// Gives an open instance another room.
    private mutating func resize(_ instance: InstanceIndex, _ capacity: Resources) -> Bool {
        let place = Int(instance)
        guard instances.phase[place] == .open, instances.capacity[place] != capacity else { return false }
        let used = instances.capacity[place] - instances.free[place]
        guard used.fits(in: capacity) else { return false }
        instances.capacity[place] = capacity
        instances.free[place] = capacity - used
        touched.append(instance)
        return true
    }

    /// The task waits for no other: it is ready, or will be when its time has come.
    private mutating func unblock(_ task: TaskIndex) {
        let time = releaseSeconds(of: task)
        if time > seconds { timed.push(Timed(seconds: time, task: task)) } else { ready(task) }
    }

    /// The tasks whose time has come are ready.
    private mutating func release() {
        while let first = timed.first, first.seconds <= seconds {
            timed.popFirst()
            if tasks.phase[Int(first.task)] == .blocked { ready(first.task) }
        }
    }

    private mutating func ready(_ task: TaskIndex) {
        tasks.phase[Int(task)] = .ready
        tasks.readySeconds[Int(task)] = seconds
        jobs[Int(tasks.job[Int(task)])].ready += 1
        noteWaiting(task, true)
        readied.append(task)
    }

    private mutating func start(_ attempt: AttemptID, on instance: InstanceIndex, _ grant: Grant) -> Bool {
        let task = Int(attempt.task)
        guard known(task: attempt.task), known(instance), attempt.number == tasks.attempts[task] + 1,
            instances.phase[Int(instance)] == .open, jobs[Int(tasks.job[task])].ending == nil
        else { return false }
        if tasks.phase[task] == .running { return startCopy(attempt, on: instance, grant) }
        guard tasks.phase[task] == .ready else { return false }
        noteWaiting(attempt.task, false)
        tasks.phase[task] = .running
        tasks.attempts[task] = attempt.number
        tasks.current[task] = attempt.number
        tasks.instance[task] = instance
        tasks.lastInstance[task] = instance
        tasks.request[task] = grant.resources
        tasks.timeLimit[task] = grant.timeLimitSeconds ?? .infinity
        tasks.startSeconds[task] = seconds
        note(attempt.task, startsOn: instance)
        let wasSpare = isSpare(instance)
        instances.running[Int(instance)].append(attempt.task)
        noteSpare(instance, was: wasSpare)
        instances.free[Int(instance)] -= grant.resources
        jobs[Int(tasks.job[task])].ready -= 1
        jobs[Int(tasks.job[task])].running += 1
        jobs[Int(tasks.job[task])].busyCPUs += grant.resources.cpus
        charge(attempt, on: instance)
        touched.append(instance)
        return true
    }

    /// A task that starts on the instance of another slot of its plan than its own belongs to that one from now on.
    private mutating func note(_ task: TaskIndex, startsOn instance: InstanceIndex) {
        let job = Int(tasks.job[Int(task)])
        let place = Int(task - jobs[job].first)
        guard let own = jobs[job].plan?.slotOfTask[place], own >= 0, jobs[job].instanceOfSlot[Int(own)] != instance,
            let slot = jobs[job].instanceOfSlot.firstIndex(of: instance)
        else { return }
        jobs[job].openOfSlot[Int(own)] -= 1
        jobs[job].openOfSlot[slot] += 1
        if jobs[job].openOfSlot[Int(own)] == 0 { mayRent = true }
        if !jobs[job].restOfSlot.isEmpty {
            jobs[job].restOfSlot[Int(own)] -= leastSeconds(of: task, inSlot: Int(own))
            jobs[job].restOfSlot[slot] += leastSeconds(of: task, inSlot: slot)
        }
        jobs[job].plan?.slotOfTask[place] = Int32(slot)
    }

    /// The task is over, unless it was before: then another attempt has ended first.
    private mutating func finish(_ attempt: AttemptID) {
        let task = attempt.task
        guard !tasks.phase[Int(task)].isOver else { return releaseCopy(of: task) }
        if isCopy(attempt) { exchange(task) }
        releaseCurrent(of: task)
        settle(task, as: .finished)
        if tasks.copies[task] != nil { superfluous.append(task) }
    }

    /// The task is interrupted, unless another attempt goes on or has ended well.
    private mutating func fail(_ attempt: AttemptID, _ cause: FailureCause) {
        let task = attempt.task
        guard tasks.copies[task] != nil else {
            releaseCurrent(of: task)
            return interrupt(task, cause)
        }
        if !isCopy(attempt) { exchange(task) }
        releaseCopy(of: task)
        if !tasks.phase[Int(task)].isOver, cause.countsAsFailure { tasks.failures[Int(task)].add(cause) }
    }

    /// Frees what the running attempt at a task occupies.
    private mutating func releaseCurrent(of task: TaskIndex) {
        release(attempt(at: task), from: tasks.instance[Int(task)])
        tasks.instance[Int(task)] = -1
    }

    /// Frees what the copy of an attempt occupies.
    private mutating func releaseCopy(of task: TaskIndex) {
        guard let copy = tasks.copies.removeValue(forKey: task) else { return }
        release(AttemptID(task, copy.number), from: copy.instance)
        noteEnd(of: tasks.job[Int(task)])
    }

    private mutating func release(_ attempt: AttemptID, from instance: InstanceIndex) {
        let (task, instance) = (attempt.task, Int(instance))
        if let place = instances.running[instance].firstIndex(of: task) {
            instances.running[instance].swapAt(place, instances.running[instance].count - 1)
            instances.running[instance].removeLast()
        }
        instances.free[instance] += tasks.request[Int(task)]
        if instances.running[instance].isEmpty {
            instances.free[instance] = instances.capacity[instance]
            noteSpare(InstanceIndex(instance), was: false)
        }
        discharge(attempt)
        jobs[Int(tasks.job[Int(task)])].running -= 1
        jobs[Int(tasks.job[Int(task)])].busyCPUs -= tasks.request[Int(task)].cpus
        if jobs[Int(tasks.job[Int(task)])].running == 0 { mayRent = true }
        touched.append(InstanceIndex(instance))
    }

    private mutating func interrupt(_ task: TaskIndex, _ cause: FailureCause) {
        tasks.phase[Int(task)] = .interrupted
        tasks.failures[Int(task)].add(cause)
        tasks.lastCause[Int(task)] = cause
        interrupted.append(task)
        noteEnd(of: tasks.job[Int(task)])
    }

    /// The job may be over now.
    private mutating func noteEnd(of job: JobIndex) {
        let item = jobs[Int(job)]
        guard item.running == 0, item.open == 0 || item.isCancelled || item.hasFailed else { return }
        settled.append(job)
        mayRent = true
    }

    /// The task is over; its successors may be ready now.
    private mutating func settle(_ task: TaskIndex, as phase: Phase) {
        let job = Int(tasks.job[Int(task)])
        if tasks.phase[Int(task)] == .ready {
            jobs[job].ready -= 1
            noteWaiting(task, false)
        }
        tasks.phase[Int(task)] = phase
        tasks.endSeconds[Int(task)] = seconds
        jobs[job].open -= 1
        jobs[job].workLeft = max(0, jobs[job].workLeft - Double(tasks.work[Int(task)]))
        if let slot = jobs[job].plan?.slotOfTask[Int(task) - Int(jobs[job].first)], slot >= 0 {
            jobs[job].openOfSlot[Int(slot)] -= 1
            if jobs[job].openOfSlot[Int(slot)] == 0 { mayRent = true }
            if !jobs[job].restOfSlot.isEmpty {
                jobs[job].restOfSlot[Int(slot)] -= leastSeconds(of: task, inSlot: Int(slot))
            }
        }
        noteEnd(of: JobIndex(job))
        guard phase == .finished else { return }
        jobs[job].finished += 1
        let isMovingData = jobs[job].flow != nil
        for place in Int(tasks.firstSuccessor[Int(task)])..<Int(tasks.firstSuccessor[Int(task) + 1]) {
            let successor = tasks.successors[place]
            tasks.waitsFor[Int(successor)] -= 1
            if isMovingData { supplied.append(successor) }
            if tasks.waitsFor[Int(successor)] == 0, tasks.phase[Int(successor)] == .blocked { unblock(successor) }
        }
    }

    private mutating func close(_ instance: InstanceIndex, cause: FailureCause?) {
        let lost = instances.running[Int(instance)].sorted()
        for task in lost {
            let cause = cause ?? .lost
            fail(attempt(at: task, on: instance), cause.countsAsFailure ? .lost : cause)
        }
        let wasSpare = isSpare(instance)
        instances.phase[Int(instance)] = .closed
        noteSpare(instance, was: wasSpare)
        instances.closedSeconds[Int(instance)] = seconds
        instances.free[Int(instance)] = .zero
        openCounts[Int(instances.offer[Int(instance)])] -= 1
        touched.append(instance)
    }
}
