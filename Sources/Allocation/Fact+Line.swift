import Workloads

extension Fact: LosslessStringConvertible {
    /// The fact as one line of text: seconds, `event` or `action`, a word, and what belongs to it, parted by blanks.
    ///
    /// A release reads the lines of the one before; numbers are written so that they read back bit for bit.
    public var description: String {
        var words = ["\(seconds)"]
        switch what {
        case .event(let event):
            words.append("event")
            event.write(to: &words)
        case .action(let action):
            words.append("action")
            action.write(to: &words)
        }
        return words.joined(separator: " ")
    }

    /// Reads a line; `nil` if it is none that this release knows, whole or cut off.
    public init?(_ line: String) {
        var words = Words(line)
        guard let seconds = words.double() else { return nil }
        switch words.next() {
        case "event":
            guard let event = Event(&words), words.isAtEnd else { return nil }
            self.init(seconds, .event(event))
        case "action":
            guard let action = Action(&words), words.isAtEnd else { return nil }
            self.init(seconds, .action(action))
        default: return nil
        }
    }
}

/// The words of a line, one after the other.
private struct Words {
    private var rest: ArraySlice<Substring>

    init(_ line: String) { rest = line.split(separator: " ", omittingEmptySubsequences: false)[...] }

    var isAtEnd: Bool { rest.isEmpty }
    var count: Int { rest.count }

    mutating func next() -> Substring? { rest.popFirst() }
    mutating func double() -> Double? { next().flatMap { Double($0) }.flatMap { $0.isNaN ? nil : $0 } }
    mutating func int() -> Int32? { next().flatMap { Int32($0) } }

    mutating func word<Value: RawRepresentable<String>>(_: Value.Type = Value.self) -> Value? {
        next().flatMap { Value(rawValue: String($0)) }
    }

    mutating func attempt() -> AttemptID? {
        guard let task = int(), let number = int() else { return nil }
        return AttemptID(task, number)
    }

    mutating func resources() -> Resources? {
        guard let cpus = double(), let memory = double(), let gpus = double(), let storage = double() else {
            return nil
        }
        return Resources(cpus: cpus, memoryBytes: memory, gpus: gpus, storageBytes: storage)
    }

    mutating func grant() -> Grant? {
        guard let resources = resources(), let limit = double() else { return nil }
        return Grant(resources, timeLimitSeconds: limit.isFinite ? limit : nil)
    }

    mutating func assignments() -> Assignments? {
        guard let end = double(), let slots = int(), slots >= 0, Int(slots) * 3 < count else { return nil }
        var plan = Assignments(slots: [], slotOfTask: [], order: [], endSeconds: end)
        for _ in 0..<slots {
            guard let offer = int(), let start = double(), let instance = int() else { return nil }
            plan.slots.append(.init(offer: offer, startSeconds: start, instance: instance))
        }
        guard let tasks = int(), tasks >= 0, Int(tasks) * 2 <= count else { return nil }
        for _ in 0..<tasks {
            guard let slot = int(), let order = int() else { return nil }
            plan.slotOfTask.append(slot)
            plan.order.append(order)
        }
        // A log of the release before ends here.
        if count > 0 {
            for _ in 0..<tasks {
                guard let seconds = double() else { return nil }
                plan.startSeconds.append(seconds)
            }
        }
        if count > 0 {
            guard let mark = int() else { return nil }
            plan.isRecoverable = mark != 0
        }
        return plan
    }
}

extension [String] {
    fileprivate mutating func add(_ attempt: AttemptID) { self += ["\(attempt.task)", "\(attempt.number)"] }

    fileprivate mutating func add(_ resources: Resources) {
        for lane in 0..<4 { append("\(resources.lanes[lane])") }
    }

    fileprivate mutating func add(_ grant: Grant) {
        add(grant.resources)
        append("\(grant.timeLimitSeconds ?? .infinity)")
    }

    fileprivate mutating func add(_ plan: Assignments) {
        self += ["\(plan.endSeconds)", "\(plan.slots.count)"]
        for slot in plan.slots { self += ["\(slot.offer)", "\(slot.startSeconds)", "\(slot.instance)"] }
        append("\(plan.slotOfTask.count)")
        for (slot, order) in zip(plan.slotOfTask, plan.order) { self += ["\(slot)", "\(order)"] }
        self += plan.startSeconds.map { "\($0)" }
        if plan.isRecoverable, !plan.startSeconds.isEmpty { append("1") }
    }
}

extension Event {
    fileprivate func write(to words: inout [String]) {
        switch self {
        case .admitted(let job): words += ["admitted", "\(job)"]
        case .cancelled(let job): words += ["cancelled", "\(job)"]
        case .resumed(let job): words += ["resumed", "\(job)"]
        case .opened(let instance, let room):
            words += ["opened", "\(instance)"]
            words.add(room)
        case .refused(let instance): words += ["refused", "\(instance)"]
        case .reclaimNotice(let instance, let time): words += ["notice", "\(instance)", "\(time)"]
        case .closed(let instance, let cause): words += ["closed", "\(instance)", cause?.rawValue ?? "returned"]
        case .started(let attempt):
            words.append("started")
            words.add(attempt)
        case .finished(let attempt):
            words.append("finished")
            words.add(attempt)
        case .failed(let attempt, let cause):
            words.append("failed")
            words.add(attempt)
            words.append(cause.rawValue)
        case .alert(let attempt, let alert):
            words.append("alert")
            words.add(attempt)
            words.append(alert.rawValue)
        case .checkpointed(let attempt, let share):
            words.append("checkpointed")
            words.add(attempt)
            words.append("\(share)")
        case .priced(let offer, let price): words += ["priced", "\(offer)", "\(price.perHour)"]
        case .planned(let job, let plan):
            words += ["planned", "\(job)"]
            words.add(plan)
        case .restarted: words.append("restarted")
        case .timer: words.append("timer")
        }
    }

    fileprivate init?(_ words: inout Words) {
        switch words.next() {
        case "admitted":
            guard let job = words.int() else { return nil }
            self = .admitted(job)
        case "cancelled":
            guard let job = words.int() else { return nil }
            self = .cancelled(job)
        case "resumed":
            guard let job = words.int() else { return nil }
            self = .resumed(job)
        case "opened":
            guard let instance = words.int(), let room = words.resources() else { return nil }
            self = .opened(instance, room)
        case "refused":
            guard let instance = words.int() else { return nil }
            self = .refused(instance)
        case "notice":
            guard let instance = words.int(), let time = words.double() else { return nil }
            self = .reclaimNotice(instance, at: time)
        case "closed":
            guard let instance = words.int(), let word = words.next() else { return nil }
            let cause = FailureCause(rawValue: String(word))
            guard cause != nil || word == "returned" else { return nil }
            self = .closed(instance, cause)
        case "started":
            guard let attempt = words.attempt() else { return nil }
            self = .started(attempt)
        case "finished":
            guard let attempt = words.attempt() else { return nil }
            self = .finished(attempt)
        case "failed":
            guard let attempt = words.attempt(), let cause: FailureCause = words.word() else { return nil }
            self = .failed(attempt, cause)
        case "alert":
            guard let attempt = words.attempt(), let alert: Alert.Kind = words.word() else { return nil }
            self = .alert(attempt, alert)
        case "checkpointed":
            guard let attempt = words.attempt(), let share = words.double() else { return nil }
            self = .checkpointed(attempt, share: share)
        case "priced":
            guard let offer = words.int(), let price = words.double() else { return nil }
            self = .priced(offer, Price(perHour: price))
        case "planned":
            guard let job = words.int(), let plan = words.assignments() else { return nil }
            self = .planned(job, plan)
        case "restarted": self = .restarted
        case "timer": self = .timer
        default: return nil
        }
    }
}

extension Action {
    fileprivate func write(to words: inout [String]) {
        switch self {
        case .open(let instance, let offer, let job, let slot):
            words += ["open", "\(instance)", "\(offer)", "\(job)", "\(slot)"]
        case .close(let instance): words += ["close", "\(instance)"]
        case .start(let attempt, let instance, let grant, let share):
            words.append("start")
            words.add(attempt)
            words.append("\(instance)")
            words.add(grant)
            words.append("\(share)")
        case .stage(let task, let instance): words += ["stage", "\(task)", "\(instance)"]
        case .checkpoint(let attempt):
            words.append("checkpoint")
            words.add(attempt)
        case .stop(let attempt, let cause):
            words.append("stop")
            words.add(attempt)
            words.append(cause.rawValue)
        case .throttle(let attempt):
            words.append("throttle")
            words.add(attempt)
        case .warn(let attempt, let alert, let reaction):
            words.append("warn")
            words.add(attempt)
            words += [alert.rawValue, reaction.rawValue]
        case .retry(let task, let grant, let avoided):
            words += ["retry", "\(task)"]
            words.add(grant)
            words.append("\(avoided)")
        case .giveUp(let task, let cause): words += ["give-up", "\(task)", cause.rawValue]
        case .skip(let task): words += ["skip", "\(task)"]
        case .replan(let job, let reason): words += ["replan", "\(job)", reason.rawValue]
        case .follow(let number): words += ["follow", "\(number)"]
        case .wake(let time): words += ["wake", "\(time)"]
        case .end(let job, let ending): words += ["end", "\(job)", ending.rawValue]
        }
    }

    fileprivate init?(_ words: inout Words) {
        switch words.next() {
        case "open":
            guard let instance = words.int(), let offer = words.int(), let job = words.int(), let slot = words.int()
            else {
                return nil
            }
            self = .open(instance, offer, job: job, slot: slot)
        case "close":
            guard let instance = words.int() else { return nil }
            self = .close(instance)
        case "start":
            guard let attempt = words.attempt(), let instance = words.int(), let grant = words.grant(),
                let share = words.double()
            else { return nil }
            self = .start(attempt, on: instance, grant, share: share)
        case "stage":
            guard let task = words.int(), let instance = words.int() else { return nil }
            self = .stage(task, on: instance)
        case "checkpoint":
            guard let attempt = words.attempt() else { return nil }
            self = .checkpoint(attempt)
        case "stop":
            guard let attempt = words.attempt(), let cause: FailureCause = words.word() else { return nil }
            self = .stop(attempt, cause)
        case "throttle":
            guard let attempt = words.attempt() else { return nil }
            self = .throttle(attempt)
        case "warn":
            guard let attempt = words.attempt(), let alert: Alert.Kind = words.word(),
                let reaction: RetryPolicy.Reaction = words.word()
            else { return nil }
            self = .warn(attempt, alert, reaction)
        case "retry":
            guard let task = words.int(), let grant = words.grant(), let avoided = words.int() else { return nil }
            self = .retry(task, grant, avoiding: avoided)
        case "give-up":
            guard let task = words.int(), let cause: FailureCause = words.word() else { return nil }
            self = .giveUp(task, cause)
        case "skip":
            guard let task = words.int() else { return nil }
            self = .skip(task)
        case "replan":
            guard let job = words.int(), let reason: ReplanReason = words.word() else { return nil }
            self = .replan(job, reason)
        case "follow":
            guard let number = words.int() else { return nil }
            self = .follow(number)
        case "wake":
            guard let time = words.double() else { return nil }
            self = .wake(at: time)
        case "end":
            guard let job = words.int(), let ending: Ending = words.word() else { return nil }
            self = .end(job, ending)
        default: return nil
        }
    }
}
