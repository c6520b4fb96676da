import Allocation
import Execution
import TestSupport
import Workloads

/// What lives on when the program that drives a run dies: instances, attempts and a clock, in memory.
final class SimulatedWorld {
    struct Attempt {
        var instance: InstanceIndex
        var endSeconds: Double
        var cause: FailureCause?
    }

    struct Instance {
        var openSeconds: Double
        var noticeSeconds = Double.infinity
        var reclaimSeconds = Double.infinity
        var isRefused = false
        var isClosed = false
        var cause: FailureCause?
    }

    /// What an attempt broke that no attempt may.
    struct Broken: Error { var what: String }

    /// How often anything here became another.
    private(set) var changes = 0
    private var generator: TestGenerator
    private(set) var now = 0.0
    var running: [AttemptID: Attempt] = [:]
    var over: [AttemptID: FailureCause?] = [:]
    var instances: [InstanceIndex: Instance] = [:]
    /// How often the work of every task was done to its end.
    var done: [TaskIndex: Int] = [:]
    var begun: [AttemptID: Int] = [:]
    /// The share of every task's work that was saved, and the attempt that did it.
    private(set) var saved: [TaskIndex: (share: Double, by: AttemptID)] = [:]
    let failureShare: Double
    /// How long attempts take on an instance, where that is not left to chance.
    var seconds: ((AttemptID, InstanceIndex) -> Double)?

    init(seed: UInt64) {
        generator = TestGenerator(seed: seed)
        failureShare = seed % 3 == 0 ? 0.2 : 0
    }

    /// Another world that is as this one is now.
    init(_ other: SimulatedWorld) {
        (generator, now, running, over) = (other.generator, other.now, other.running, other.over)
        (instances, done, begun, saved) = (other.instances, other.done, other.begun, other.saved)
        failureShare = other.failureShare
    }

    func random() -> Double { Double.random(in: 0..<1, using: &generator) }

    func open(_ index: InstanceIndex, after seconds: Double) {
        guard instances[index] == nil else { return }
        changes += 1
        var instance = Instance(openSeconds: now + seconds * random())
        if index < 40 {
            instance.isRefused = seconds > 0 && random() < 0.2
            if seconds > 0, !instance.isRefused, random() < 0.5 {
                instance.noticeSeconds = instance.openSeconds + 20 * random()
                instance.reclaimSeconds = instance.noticeSeconds + 2
            }
        }
        instances[index] = instance
    }

    func start(_ attempt: AttemptID, on instance: InstanceIndex, share: Double) throws {
        guard begun[attempt] == nil else { return }
        guard share <= saved[attempt.task]?.share ?? 0 else { throw Broken(what: "\(attempt) goes on from nothing") }
        changes += 1
        begun[attempt, default: 0] += 1
        let cause: FailureCause? = random() < failureShare ? .programError : nil
        let seconds = seconds?(attempt, instance) ?? 0.1 + 5 * (1 - share) * random()
        running[attempt] = Attempt(instance: instance, endSeconds: now + seconds, cause: cause)
    }

    /// A running attempt saves a part of what it has left to do.
    func checkpoint(_ attempt: AttemptID) {
        guard running[attempt] != nil else { return }
        changes += 1
        let share = saved[attempt.task]?.share ?? 0
        // Shares are kept as single numbers.
        saved[attempt.task] = (Double(Float(share + (1 - share) * 0.5 * random())), attempt)
    }

    func end(_ attempt: AttemptID, _ cause: FailureCause?) {
        changes += 1
        running[attempt] = nil
        over[attempt] = cause
        if cause == nil { done[attempt.task, default: 0] += 1 }
    }

    /// The time goes on; what falls due happens.
    func advance(to seconds: Double) {
        if seconds > now { (now, changes) = (seconds, changes + 1) }
        for (attempt, item) in running.sorted(by: {
            ($0.value.endSeconds, $0.key.task) < ($1.value.endSeconds, $1.key.task)
        })
        where item.endSeconds <= min(now, instances[item.instance]?.reclaimSeconds ?? .infinity) {
            end(attempt, item.cause)
        }
        for (index, instance) in instances.sorted(by: { $0.key < $1.key })
        where instance.reclaimSeconds <= now && !instance.isClosed {
            close(index, .reclaimed)
        }
    }

    func close(_ index: InstanceIndex, _ cause: FailureCause?) {
        changes += 1
        for (attempt, item) in running.sorted(by: { $0.key.task < $1.key.task }) where item.instance == index {
            end(attempt, cause ?? .lost)
        }
        instances[index]?.isClosed = true
        instances[index]?.cause = cause
    }

    /// The next time at which something happens.
    var next: Double {
        var next = running.values.map(\.endSeconds).min() ?? .infinity
        for instance in instances.values where !instance.isClosed {
            for time in [instance.openSeconds, instance.noticeSeconds, instance.reclaimSeconds] where time > now {
                next = min(next, time)
            }
        }
        return next
    }
}

/// Somebody pulled the plug.
struct Crash: Error {}

/// The loop waits for ever.
struct Stalled: Error {}

/// Counts the steps of a loop, and lets it die at one.
final class Fuse {
    private(set) var steps = 0
    private let last: Int
    /// Told of every step, and of what a write that is torn there leaves on the disk.
    private let watch: (ArraySlice<LogEntry>) -> Void

    init(last: Int = .max, watch: @escaping (ArraySlice<LogEntry>) -> Void = { _ in }) {
        (self.last, self.watch) = (last, watch)
    }

    func step(tearing entries: ArraySlice<LogEntry> = []) throws {
        steps += 1
        watch(entries)
        if steps == last { throw Crash() }
    }
}

/// A backend that tells what is different in the world from what the state says.
struct SimulatedBackend: Backend {
    let world: SimulatedWorld
    let fuse: Fuse
    private var told: Set<AttemptID> = []
    private var saidOpen: Set<InstanceIndex> = []
    private var saidNotice: Set<InstanceIndex> = []
    private var saidClosed: Set<InstanceIndex> = []
    private var saidSaved: [TaskIndex: Double] = [:]
    private var capacities: [InstanceIndex: Resources] = [:]

    init(_ world: SimulatedWorld, _ fuse: Fuse) { (self.world, self.fuse) = (world, fuse) }

    var now: Double { world.now }

    func name(of instance: InstanceIndex, _ state: RunState) -> InstanceID { InstanceID("i\(instance)") }

    mutating func reconcile(_ state: RunState) throws -> [Report] {
        try fuse.step()
        state.checkInvariants()
        for index in 0..<InstanceIndex(state.instances.count) {
            let offer = state.instances.offer[Int(index)]
            let phase = state.instances.phase[Int(index)]
            capacities[index] = state.offers[Int(offer)].capacity
            if phase == .opening { world.open(index, after: state.offers[Int(offer)].openSeconds) }
            if phase != .opening { saidOpen.insert(index) }
            if state.instances.reclaimSeconds[Int(index)].isFinite {
                saidNotice.insert(index)
            } else if phase == .closing {
                world.close(index, nil)
            }
            if phase == .closed { saidClosed.insert(index) }
        }
        for instance in 0..<InstanceIndex(state.instances.count) {
            for task in state.instances.running[Int(instance)].sorted() {
                let attempt = state.attempt(at: task, on: instance)
                if world.begun[attempt] == nil, world.instances[instance]?.isClosed == false {
                    try world.start(attempt, on: instance, share: Double(state.tasks.savedShare[Int(task)]))
                }
                if state.isStopping(attempt), world.running[attempt] != nil { world.end(attempt, .cancelled) }
            }
        }
        // All that is over before: what the state knows it leaves out.
        return reports()
    }

    mutating func perform(_ action: Action, _ state: RunState) throws {
        try fuse.step()
        state.checkInvariants()
        switch action {
        case .open(let index, let offer, _, _):
            capacities[index] = state.offers[Int(offer)].capacity
            world.open(index, after: state.offers[Int(offer)].openSeconds)
        case .close(let index): world.close(index, nil)
        case .start(let attempt, let instance, _, let share):
            if world.instances[instance]?.isClosed == false {
                try world.start(attempt, on: instance, share: share)
            }
        case .checkpoint(let attempt): world.checkpoint(attempt)
        case .stop(let attempt, let cause):
            if world.running[attempt] != nil { world.end(attempt, cause) }
        default: break
        }
    }

    mutating func wait(until seconds: Double) throws -> [Report] {
        try fuse.step()
        let first = reports()
        if !first.isEmpty { return first }
        let next = min(seconds, world.next)
        // Nothing will ever happen again: the loop waits for something that does not come.
        guard next < .infinity else { throw Stalled() }
        world.advance(to: next)
        return reports()
    }

    mutating func end() {}

    private mutating func reports() -> [Report] {
        world.advance(to: world.now)
        var reports: [Report] = []
        for (task, item) in world.saved.sorted(by: { $0.key < $1.key })
        where world.running[item.by] != nil && saidSaved[task] != item.share {
            saidSaved[task] = item.share
            reports.append(.event(.checkpointed(item.by, share: item.share)))
        }
        for (attempt, cause) in world.over.sorted(by: { ($0.key.task, $0.key.number) < ($1.key.task, $1.key.number) })
        where told.insert(attempt).inserted {
            let evidence =
                switch cause {
                case nil: FailureEvidence(exitCode: 0)
                case .reclaimed: FailureEvidence(killer: .reclaim)
                case .cancelled: FailureEvidence(killer: .person)
                case .lost: FailureEvidence(disappeared: true)
                default: FailureEvidence(exitCode: 1)
                }
            reports.append(.ended(attempt, Measurement(evidence)))
        }
        for (index, instance) in world.instances.sorted(by: { $0.key < $1.key }) {
            if !saidOpen.contains(index), instance.openSeconds <= world.now, !instance.isClosed {
                saidOpen.insert(index)
                if instance.isRefused {
                    saidClosed.insert(index)
                    reports.append(.event(.refused(index)))
                } else {
                    reports.append(.event(.opened(index, capacities[index] ?? .zero)))
                }
            }
            if instance.noticeSeconds <= world.now, saidNotice.insert(index).inserted {
                reports.append(.event(.reclaimNotice(index, at: instance.reclaimSeconds)))
            }
            if instance.isClosed, saidClosed.insert(index).inserted {
                reports.append(.event(.closed(index, instance.cause)))
            }
        }
        return reports
    }
}

/// The disk: what was synchronised stays, of the rest a part at most.
final class SimulatedDisk {
    var durable: [LogEntry]
    private(set) var syncs = 0

    init(_ durable: [LogEntry] = []) { self.durable = durable }

    func write(_ entries: some Sequence<LogEntry>) {
        durable += entries
        syncs += 1
    }
}

struct SimulatedLog: RunLog {
    let disk: SimulatedDisk
    let fuse: Fuse
    private var pending: [LogEntry] = []

    init(_ disk: SimulatedDisk, _ fuse: Fuse) { (self.disk, self.fuse) = (disk, fuse) }

    mutating func append(_ entry: LogEntry) throws {
        try fuse.step()
        pending.append(entry)
    }

    mutating func sync() throws {
        for _ in 0..<2 {
            // A torn write: some of the lines are there, in their order.
            let torn = pending.prefix(fuse.steps % (pending.count + 1))
            do { try fuse.step(tearing: torn) } catch {
                disk.write(torn)
                throw error
            }
        }
        disk.write(pending)
        pending = []
    }

    func entries() throws -> [LogEntry] { disk.durable }
}
