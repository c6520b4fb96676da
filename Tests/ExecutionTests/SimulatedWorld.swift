import Allocation
import Execution
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

    var generator: TestGenerator
    var now = 0.0
    var running: [AttemptID: Attempt] = [:]
    var over: [AttemptID: FailureCause?] = [:]
    var instances: [InstanceIndex: Instance] = [:]
    /// How often the work of every task was done to its end.
    var done: [TaskIndex: Int] = [:]
    var begun: [AttemptID: Int] = [:]
    let failureShare: Double

    init(seed: UInt64) {
        generator = TestGenerator(state: seed)
        failureShare = seed % 3 == 0 ? 0.2 : 0
    }

    func random() -> Double { Double.random(in: 0..<1, using: &generator) }

    func open(_ index: InstanceIndex, after seconds: Double) {
        guard instances[index] == nil else { return }
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

    func start(_ attempt: AttemptID, on instance: InstanceIndex) {
        guard begun[attempt] == nil else { return }
        begun[attempt, default: 0] += 1
        let cause: FailureCause? = random() < failureShare ? .programError : nil
        running[attempt] = Attempt(instance: instance, endSeconds: now + 0.1 + 5 * random(), cause: cause)
    }

    func end(_ attempt: AttemptID, _ cause: FailureCause?) {
        running[attempt] = nil
        over[attempt] = cause
        if cause == nil { done[attempt.task, default: 0] += 1 }
    }

    /// The time goes on; what falls due happens.
    func advance(to seconds: Double) {
        now = max(now, seconds)
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
        for (attempt, item) in running where item.instance == index { end(attempt, cause ?? .lost) }
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
    var steps = 0
    var last: Int
    init(last: Int) { self.last = last }
    func step() throws {
        steps += 1
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
    private var capacities: [InstanceIndex: Resources] = [:]

    init(_ world: SimulatedWorld, _ fuse: Fuse) { (self.world, self.fuse) = (world, fuse) }

    var now: Double { world.now }

    func name(of instance: InstanceIndex, _ state: RunState) -> InstanceID { InstanceID("i\(instance)") }

    mutating func reconcile(_ state: RunState) throws -> [Report] {
        try fuse.step()
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
        for task in 0..<TaskIndex(state.tasks.count) where state.tasks.phase[Int(task)].isRunning {
            let attempt = state.attempt(at: task)
            let instance = state.tasks.instance[Int(task)]
            if world.begun[attempt] == nil, world.instances[instance]?.isClosed == false {
                world.start(attempt, on: instance)
            }
            if state.tasks.phase[Int(task)] == .stopping, world.running[attempt] != nil {
                world.end(attempt, .cancelled)
            }
        }
        // All that is over before: what the state knows it leaves out.
        return reports()
    }

    mutating func perform(_ action: Action, _ state: RunState) throws {
        try fuse.step()
        switch action {
        case .open(let index, let offer, _, _):
            capacities[index] = state.offers[Int(offer)].capacity
            world.open(index, after: state.offers[Int(offer)].openSeconds)
        case .close(let index): world.close(index, nil)
        case .start(let attempt, let instance, _, _):
            if world.instances[instance]?.isClosed == false { world.start(attempt, on: instance) }
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
    var durable: [LogEntry] = []
    var syncs = 0
}

struct SimulatedLog: RunLog {
    let disk: SimulatedDisk
    let fuse: Fuse
    var pending: [LogEntry] = []

    init(_ disk: SimulatedDisk, _ fuse: Fuse) { (self.disk, self.fuse) = (disk, fuse) }

    mutating func append(_ entry: LogEntry) throws {
        try fuse.step()
        pending.append(entry)
    }

    mutating func sync() throws {
        disk.syncs += 1
        do {
            try fuse.step()
            try fuse.step()
        } catch {
            // A torn write: some of the lines are there, in their order.
            disk.durable += pending.prefix(fuse.steps % (pending.count + 1))
            throw error
        }
        disk.durable += pending
        pending = []
    }

    func entries() throws -> [LogEntry] { disk.durable }
}
