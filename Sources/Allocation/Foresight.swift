internal import Basics
internal import Scheduling
public import Workloads

/// When a run is likely to end, and when its waiting tasks are likely to start: it is played to its end many times by the
/// allocator that drives it, from where it is, with run times drawn anew each time.
///
/// Failures and reclaims that nobody has announced are not foreseen.
///
///     let foresight = Foresight(allocator, at: now, playouts: 40) { task, type, p in … }
///     foresight?.end(0.95)     // by then it has ended with probability 95 %
public struct Foresight: Sendable {
    /// When the last job ended in each playout, in seconds of the run's clock, ascending.
    public let ends: [Double]
    /// When each task that waits started in each playout, ascending.
    private let starts: [TaskIndex: [Double]]

    /// Plays the run out.
    ///
    /// - Parameters:
    ///   - allocator: Where the run is; it is copied.
    ///   - now: Seconds of the run's clock.
    ///   - isRestored: Whether it was restored from a log, and has decided nothing since.
    ///   - seconds: The time that a task takes on a type of instance and does not exceed with a probability; `nil` if
    ///     nobody knows.
    /// - Returns: `nil` if a time is not known, a job is cancelled, or the run would not end.
    /// - Complexity: *playouts* times what is left of the run.
    public init?(
        _ allocator: Allocator, at now: Double, isRestored: Bool = false, playouts: Int, seed: UInt64 = 1,
        seconds: (TaskIndex, InstanceType, Double) -> Double?
    ) {
        guard playouts > 0, allocator.state.jobs.allSatisfy(\.isAdmitted),
            !allocator.state.jobs.contains(where: { $0.isCancelled && $0.ending == nil })
        else {
            return nil
        }
        var (ends, starts): ([Double], [TaskIndex: [Double]]) = ([], [:])
        for playout in 0..<playouts {
            var course = Course(allocator, at: now, seed: seed &+ UInt64(playout) &* 0x9E37_79B9)
            guard let end = course.run(isRestored ? [.restarted] : nil, seconds) else { return nil }
            ends.append(end)
            for (task, start) in course.starts { starts[task, default: []].append(start) }
        }
        self.ends = ends.sorted()
        self.starts = starts.mapValues { $0.sorted() }
    }

    /// The mean of the times at which the jobs that go on end in each playout, in seconds of the run's clock; `nil` as above.
    ///
    /// - Parameter allocator: Events may have been applied of which nothing followed yet.
    static func meanEnds(
        _ allocator: Allocator, at now: Double, playouts: Int, seed: UInt64,
        _ seconds: (TaskIndex, InstanceType, Double) -> Double?
    ) -> [Double]? {
        guard !allocator.state.jobs.contains(where: { $0.isCancelled && $0.ending == nil }) else { return nil }
        var ends: [Double] = []
        for playout in 0..<playouts {
            var course = Course(allocator, at: now, seed: seed &+ UInt64(playout) &* 0x9E37_79B9)
            guard course.run([], seconds) != nil else { return nil }
            ends.append(course.endSum / Double(max(1, course.endCount)))
        }
        return ends
    }

    /// By when the run has ended with a probability, in seconds of its clock.
    public func end(_ p: Double) -> Double { Self.quantile(ends, p) }

    /// By when a task that waits has started with a probability, in seconds of the run's clock; `nil` if it does not wait.
    public func start(of task: TaskIndex, _ p: Double) -> Double? { starts[task].map { Self.quantile($0, p) } }

    private static func quantile(_ values: [Double], _ p: Double) -> Double {
        let place = (p * Double(values.count)).rounded(.up) - 1
        return values[min(values.count - 1, max(0, Int(place)))]
    }
}

/// One playout.
private struct Course {
    private struct Item: Urgent {
        var seconds: Double
        /// Of equal times the first that was added comes first.
        var number: Int
        var event: Event

        func precedes(_ other: Item) -> Bool { (seconds, number) < (other.seconds, other.number) }
    }

    private var allocator: Allocator
    private let seed: UInt64
    private var now: Double
    private var agenda: [Item] = []
    private var count = 0
    private var end: Double?
    /// When jobs ended, all together, and how many.
    private(set) var endSum = 0.0
    private(set) var endCount = 0
    /// When tasks that had not started did so first.
    private(set) var starts: [TaskIndex: Double] = [:]

    init(_ allocator: Allocator, at now: Double, seed: UInt64) {
        (self.allocator, self.seed) = (allocator, seed)
        self.now = max(now, allocator.state.seconds)
    }

    /// - Parameter events: What is to be told before all else; `nil` if everything was decided already.
    mutating func run(_ events: [Event]?, _ seconds: (TaskIndex, InstanceType, Double) -> Double?) -> Double? {
        guard begin(seconds) else { return nil }
        if let events, !carryOut(allocator.handle(events, at: now), seconds) { return nil }
        // Every task starts once, and may wait for a timer before.
        var left = 20 * allocator.state.tasks.count + 1000
        while !isOver, left > 0 {
            let next = min(agenda.first?.seconds ?? .infinity, allocator.state.wakeSeconds)
            guard next.isFinite else { return nil }
            now = max(now, next)
            var events: [Event] = []
            while let item = agenda.first, item.seconds <= now {
                agenda.popFirst()
                if case .closed(let instance, let cause?) = item.event {
                    let lost = allocator.state.instances.running[Int(instance)].sorted()
                    events += lost.map { .failed(allocator.state.attempt(at: $0, on: instance), cause) }
                }
                events.append(item.event)
            }
            if allocator.state.wakeSeconds <= now { events.append(.timer) }
            left -= 1 + events.count
            guard !events.isEmpty else { continue }
            guard carryOut(allocator.handle(events, at: now), seconds) else { return nil }
        }
        return isOver ? end ?? now : nil
    }

    private var isOver: Bool { allocator.state.jobs.allSatisfy { $0.ending != nil || !$0.isAdmitted } }

    private mutating func add(_ event: Event, at seconds: Double) {
        agenda.push(Item(seconds: seconds, number: count, event: event))
        count += 1
    }

    /// What is on its way already.
    private mutating func begin(_ seconds: (TaskIndex, InstanceType, Double) -> Double?) -> Bool {
        let state = allocator.state
        for instance in 0..<InstanceIndex(state.instances.count) {
            let place = Int(instance)
            let offer = state.offers[Int(state.instances.offer[place])]
            switch state.instances.phase[place] {
            case .opening:
                add(
                    .opened(instance, offer.capacity),
                    at: max(now, state.instances.requestedSeconds[place] + offer.openSeconds))
            case .closing:
                let reclaim = state.instances.reclaimSeconds[place]
                let isReclaimed = reclaim.isFinite
                add(.closed(instance, isReclaimed ? .reclaimed : nil), at: isReclaimed ? max(now, reclaim) : now)
            case .open, .closed: break
            }
            for task in state.instances.running[place].sorted() {
                let attempt = state.attempt(at: task, on: instance)
                guard !state.isStopping(attempt) else {
                    add(.failed(attempt, .cancelled), at: now)
                    continue
                }
                let started = state.startSeconds(of: attempt)
                let elapsed = max(0, now - (started.isFinite ? started : now))
                guard let rest = rest(of: attempt, on: offer.type, after: elapsed, seconds) else { return false }
                add(.finished(attempt), at: now + rest)
            }
        }
        return true
    }

    /// What is left of an attempt that has run for some time: of several draws the first that is longer.
    private func rest(
        of attempt: AttemptID, on type: InstanceType, after elapsed: Double,
        _ seconds: (TaskIndex, InstanceType, Double) -> Double?
    ) -> Double? {
        for draw in 0..<16 {
            guard let whole = seconds(attempt.task, type, luck(attempt, draw)) else { return nil }
            if whole > elapsed { return whole - elapsed }
        }
        // Longer than anybody thought.
        return 0.1 * elapsed
    }

    /// A number from 0 to 1 that depends on the playout and the attempt alone: the finaliser of SplitMix64 (Steele, Lea and
    /// Flood 2014), once for each part.
    private func luck(_ attempt: AttemptID, _ draw: Int = 0) -> Double {
        var value = seed
        for part in [
            UInt64(UInt32(bitPattern: attempt.task)), UInt64(UInt32(bitPattern: attempt.number)), UInt64(draw),
        ] {
            value = (value ^ part) &+ 0x9E37_79B9_7F4A_7C15
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            value ^= value >> 31
        }
        return (Double(value >> 11) + 0.5) * 0x1p-53
    }

    /// Returns false if a time is not known.
    private mutating func carryOut(
        _ actions: [Action], _ seconds: (TaskIndex, InstanceType, Double) -> Double?
    ) -> Bool {
        for action in actions {
            let state = allocator.state
            switch action {
            case .open(let instance, let offer, _, _):
                let opened = state.offers[Int(offer)]
                add(.opened(instance, opened.capacity), at: now + opened.openSeconds)
            case .close(let instance): add(.closed(instance, nil), at: now)
            case .start(let attempt, let instance, _, let share):
                if starts[attempt.task] == nil { starts[attempt.task] = now }
                let type = state.offers[Int(state.instances.offer[Int(instance)])].type
                guard let whole = seconds(attempt.task, type, luck(attempt)) else { return false }
                let begin = state.dataSeconds(of: attempt.task, on: instance)
                add(.finished(attempt), at: begin + max(0, whole) * (1 - share))
            case .stop(let attempt, let cause): add(.failed(attempt, cause), at: now)
            case .replan(let job, _):
                if let plan = state.jobs[Int(job)].keptPlan { add(.planned(job, plan), at: now) }
            case .end:
                end = now
                (endSum, endCount) = (endSum + now, endCount + 1)
            case .wake, .follow, .stage, .checkpoint, .throttle, .warn, .retry, .giveUp, .skip: break
            }
        }
        return true
    }
}

extension RunState {
    /// When all data of a task are on the instance on which it was dispatched now, if transfers share nothing.
    fileprivate func dataSeconds(of task: TaskIndex, on instance: InstanceIndex) -> Double {
        let job = jobs[Int(tasks.job[Int(task)])]
        guard let flow = job.flow else { return seconds }
        func zone(_ instance: InstanceIndex) -> String? {
            instance >= 0 ? offers[Int(instances.offer[Int(instance)])].zone : nil
        }
        let since = min(seconds, sendingSeconds(of: task, to: instance))
        var latest = seconds
        for edge in flow.edges(of: Int(task - job.first)) {
            let predecessor = Int(job.first + flow.predecessors[edge])
            let source = tasks.lastInstance[predecessor]
            guard source != instance else { continue }
            let isFar = flow.network.betweenZones != nil && Network.isFar(zone(source), zone(instance))
            latest = max(latest, max(tasks.endSeconds[predecessor], since) + flow.seconds(along: edge, isFar: isFar))
        }
        return latest
    }
}
