package import Allocation
package import Execution
import Foundation
import Glibc
package import Workloads

/// Processes on this machine, each attempt under a shepherd. An instance is a share of what the run may use; when it
/// opens and whether it is taken back is simulated.
package struct LocalBackend: Backend {
    private struct Attempt {
        var start: Start
        var inputBytes: Double?
        var shepherd: Shepherd
        /// What has come through the pipe, and how many lines of it were acted on.
        var received: [UInt8] = []
        var linesSeen = 0
        /// Why it was told to stop.
        var stoppedFor: FailureCause?
    }

    /// An attempt that is to run.
    private struct Start {
        var id: AttemptID
        var instance: InstanceIndex
        var grant: Grant
    }

    private enum Fate {
        case opens(offer: Int)
        case isNoticed(reclaimSeconds: Double)
        case isReclaimed
    }

    /// Files that are open besides those of attempts.
    private static let otherFiles = 64

    private let graph: TaskGraph
    private let options: ExecutorOptions
    /// A byte here is the number of a signal.
    private let wakeUp: Int32
    /// The zero of the run's clock, in Unix seconds.
    private let epoch: Double
    private let environment = ProcessInfo.processInfo.environment
    private let machine = InstanceType.hostName

    private var running: [AttemptID: Attempt] = [:]
    /// Attempts that wait until the system allows another process, in their order.
    private var waiting: [Start] = []
    /// How many attempts the system allows at once.
    private var mostRunning = max(1, Int(clamping: sysconf(Int32(_SC_OPEN_MAX))) - otherFiles)
    /// Shepherds that run nothing.
    private var idle: [ShepherdProcess] = []
    /// Files of attempts whose outcomes are in the journal, and of those whose outcomes were reported last.
    private var spares: [Shepherd.Files] = []
    private var reported: [(files: Shepherd.Files, hasSeries: Bool)] = []
    /// What is to be said besides.
    private var reports: [Report] = []
    /// The room of the instances that take tasks.
    private var rooms: [InstanceIndex: (offer: Int, capacity: Resources)] = [:]
    /// What will become of instances, and when.
    private var fates: [(seconds: Double, instance: InstanceIndex, fate: Fate)] = []
    /// Instances that were taken back, and are gone when their attempts have ended.
    private var dying: Set<InstanceIndex> = []
    private var stopRequests = 0

    package init(_ graph: TaskGraph, options: ExecutorOptions, wakeUp: Int32, epoch: Double) {
        (self.graph, self.options, self.wakeUp, self.epoch) = (graph, options, wakeUp, epoch)
    }

    package var now: Double { unixSeconds() - epoch }

    package func name(of instance: InstanceIndex, _ state: RunState) -> InstanceID { options.name(of: instance, state) }

    package mutating func reconcile(_ state: RunState) throws -> [Report] {
        for instance in 0..<InstanceIndex(state.instances.count) {
            let (place, offer) = (Int(instance), Int(state.instances.offer[Int(instance)]))
            let reclaim = state.instances.reclaimSeconds[place]
            switch state.instances.phase[place] {
            case .opening:
                let seconds = state.instances.requestedSeconds[place] + options.offers[offer].openSeconds
                fates.append((seconds, instance, .opens(offer: offer)))
                foresee(instance, openedSeconds: seconds, state)
            case .open:
                rooms[instance] = (offer, state.instances.capacity[place])
                foresee(instance, openedSeconds: state.instances.openedSeconds[place], state)
            case .closing where reclaim.isFinite: fates.append((reclaim, instance, .isReclaimed))
            case .closing: try perform(.close(instance), state)
            case .closed: break
            }
            for task in state.instances.running[Int(instance)].sorted() {
                let attempt = state.attempt(at: task, on: instance)
                let start = Start(id: attempt, instance: instance, grant: state.grant(task))
                let files = files(attempt)
                if !state.isStopping(attempt), !exists(files.output) {
                    // It was decided on, and never begun.
                    waiting.append(start)
                    continue
                }
                running[attempt] = Attempt(start: start, inputBytes: nil, shepherd: Shepherd(surviving: files))
                if state.isStopping(attempt) { stop(attempt, .cancelled) }
            }
        }
        return try collect()
    }

    package mutating func perform(_ action: Action, _ state: RunState) throws {
        tidyUp()
        switch action {
        case .start(let attempt, let instance, let grant, _):
            waiting.append(Start(id: attempt, instance: instance, grant: grant))
            try startWaiting()
        case .stop(let attempt, let cause): stop(attempt, cause)
        case .throttle(let attempt): running[attempt]?.shepherd.throttle()
        case .open(let instance, let offer, _, _):
            let seconds = now + options.offers[Int(offer)].openSeconds
            fates.append((seconds, instance, .opens(offer: Int(offer))))
            foresee(instance, openedSeconds: seconds, state)
        case .close(let instance):
            rooms[instance] = nil
            fates.removeAll { $0.instance == instance }
            reports.append(.event(.closed(instance, nil)))
        case .stage, .checkpoint, .follow, .warn, .retry, .giveUp, .skip, .replan, .wake, .end: break
        }
    }

    /// Waits until something has come, a signal, a time, or, with survivors, a twentieth of a second.
    package mutating func wait(until seconds: Double) throws -> [Report] {
        tidyUp()
        try startWaiting()
        var polled = [pollfd(fd: wakeUp, events: Int16(POLLIN), revents: 0)]
        let now = now
        var until = reports.isEmpty ? min(seconds, fates.map(\.seconds).min() ?? .infinity) : now
        for attempt in running.values {
            if let process = attempt.shepherd.process {
                polled.append(pollfd(fd: process.channel, events: Int16(POLLIN), revents: 0))
            } else {
                until = min(until, now + 0.05)
            }
        }
        let milliseconds = until < .infinity ? min(max(0, (until - now) * 1000).rounded(.up), 1e6) : -1
        _ = poll(&polled, nfds_t(polled.count), Int32(milliseconds))
        noteSignals()
        return try collect(from: Set(polled.dropFirst().filter { $0.revents != 0 }.map(\.fd)))
    }

    /// No process may be left behind, least of all after an error of our own.
    package mutating func end() {
        for attempt in running.keys { running[attempt]?.shepherd.stop(atOnce: false) }
        ShepherdProcess.end(running.values.compactMap(\.shepherd.process) + idle)
        for files in spares { files.tidy() }
        (running, idle, spares) = ([:], [], [])
    }
}

extension LocalBackend {
    private func files(_ attempt: AttemptID) -> Shepherd.Files {
        let task = graph.tasks[Int(attempt.task)].id
        return Shepherd.Files(task, attempt: Int(attempt.number), folder: options.runFolder + "/attempts")
    }

    /// What was reported last is in the journal now.
    private mutating func tidyUp() {
        for item in reported where item.hasSeries { unlink(item.files.series) }
        spares += reported.map(\.files)
        reported = []
    }

    private mutating func noteSignals() {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = read(wakeUp, &bytes, bytes.count)
        guard count > 0 else { return }
        if stopRequests == 0 { reports.append(.event(.cancelled(0))) }
        stopRequests += count
        if stopRequests > 1 { for attempt in running.keys { running[attempt]?.shepherd.stop(atOnce: true) } }
    }

    /// When an instance will be taken back.
    private mutating func foresee(_ instance: InstanceIndex, openedSeconds: Double, _ state: RunState) {
        let name = name(of: instance, state)
        guard let reclaim = options.reclaims.first(where: { $0.instance == name }) else { return }
        let notice = openedSeconds + reclaim.noticeSeconds
        let end = notice + reclaim.warningSeconds
        fates += [(notice, instance, .isNoticed(reclaimSeconds: end)), (end, instance, .isReclaimed)]
    }

    /// Lets happen to instances what is due.
    private mutating func meetFates() {
        let now = now
        let due = fates.filter { $0.seconds <= now }.sorted { $0.seconds < $1.seconds }
        fates.removeAll { $0.seconds <= now }
        for (_, instance, fate) in due {
            switch fate {
            case .opens(let offer):
                let capacity = options.offers[offer].capacity
                rooms[instance] = (offer, capacity)
                reports.append(.event(.opened(instance, capacity)))
            case .isNoticed(let end): reports.append(.event(.reclaimNotice(instance, at: end)))
            case .isReclaimed:
                rooms[instance] = nil
                dying.insert(instance)
                for start in waiting where start.instance == instance { stop(start.id, .reclaimed) }
                for attempt in running.keys where running[attempt]?.start.instance == instance {
                    running[attempt]?.stoppedFor = .reclaimed
                    running[attempt]?.shepherd.stop(atOnce: true)
                }
            }
        }
    }

    /// Says it when an instance that was taken back is empty, or when the room of one is another than known, as soon as
    /// what runs there allows it.
    private mutating func tellRooms() {
        for instance in dying.sorted() where !running.values.contains(where: { $0.start.instance == instance }) {
            dying.remove(instance)
            reports.append(.event(.closed(instance, .reclaimed)))
        }
        for (instance, room) in rooms {
            let wanted = options.offers[room.offer].capacity
            guard room.capacity != wanted else { continue }
            var used = Resources.zero
            for start in waiting + running.values.map(\.start) where start.instance == instance {
                used += start.grant.resources
            }
            let next = wanted.maxima(used)
            guard next != room.capacity else { continue }
            rooms[instance]?.capacity = next
            reports.append(.event(.opened(instance, next)))
        }
    }

    private mutating func stop(_ attempt: AttemptID, _ cause: FailureCause) {
        if let index = waiting.firstIndex(where: { $0.id == attempt }) {
            waiting.remove(at: index)
            reports.append(.ended(attempt, Measurement(stoppedBeforeItBegan: cause)))
        } else {
            running[attempt]?.stoppedFor = cause
            running[attempt]?.shepherd.stop(atOnce: stopRequests > 1)
        }
    }

    private mutating func startWaiting() throws {
        while running.count < mostRunning, !waiting.isEmpty { try begin(waiting.removeFirst()) }
    }

    private mutating func begin(_ start: Start) throws {
        let task = graph.tasks[Int(start.id.task)]
        guard let command = task.command else { return }
        let files = files(start.id)
        var variables = environment.merging(task.environment) { $1 }
        variables["ALMANAC_TASK"] = task.id.rawValue
        variables["ALMANAC_ATTEMPT"] = String(start.id.number)
        variables[Shepherd.markName] = files.output
        let words = variables.map { "\($0)=\($1)" }
        let expectation = options.expectations[task.id]
        let memory = start.grant.resources.memoryBytes
        let limits = Shepherd.Limits(
            timeLimitSeconds: start.grant.timeLimitSeconds,
            memoryLimitBytes: options.enforcesMemory && memory > 0 ? memory : nil,
            alertSeconds: expectation?.seconds, alertMemoryBytes: expectation?.memoryBytes)
        var watch: Shepherd?
        while watch == nil {
            // One that waits may have been killed; a new one is not.
            let isNew = idle.isEmpty
            guard let process = try idle.popLast() ?? ShepherdProcess() else { return try holdBack(start) }
            do {
                watch = try Shepherd(
                    process, command: command, directory: options.workingFolder, environment: words, files: files,
                    spare: spares.popLast(), limits: limits, graceSeconds: options.graceSeconds,
                    // Each looks at all processes of the machine: the more there are, the more rarely.
                    sampleSeconds: options.sampleSeconds * max(1, Double(running.count) / 8),
                    seriesSeconds: options.seriesSeconds)
                if watch == nil, isNew {
                    throw ExecutionError.lastError("talk to", "the process of a task", code: EPIPE)
                }
            } catch {
                ShepherdProcess.end([process])
                throw error
            }
            if watch == nil { ShepherdProcess.end([process]) }
        }
        guard let watch else { return }
        running[start.id] = Attempt(
            start: start, inputBytes: totalSize(task.inputs, in: options.workingFolder),
            shepherd: watch)
    }

    /// Lets an attempt wait until another has ended, as the system allows no further process now.
    private mutating func holdBack(_ start: Start) throws(ExecutionError) {
        guard !running.isEmpty else { throw .lastError("start", "a process", code: EAGAIN) }
        mostRunning = running.count
        waiting.append(start)
    }

    /// What the attempts have to say whose pipes have something, or of which an earlier process started the shepherd.
    private mutating func collect(from arrived: Set<Int32> = []) throws -> [Report] {
        for (id, known) in running.sorted(by: { ($0.key.task, $0.key.number) < ($1.key.task, $1.key.number) }) {
            var attempt = known
            if let process = attempt.shepherd.process, !arrived.contains(process.channel) { continue }
            let hasEnded = attempt.shepherd.receive(into: &attempt.received)
            noteAlerts(&attempt)
            guard hasEnded else {
                running[id] = attempt
                continue
            }
            running[id] = nil
            let found = attempt.shepherd.finish(attempt.received, idle: &idle).flatMap(Shepherd.Report.init)
            if let code = found?.startError, ShepherdProcess.isShortage(Int32(clamping: code)), !running.isEmpty {
                mostRunning = running.count
                waiting.append(attempt.start)
                continue
            }
            let measured = Measurement(
                of: graph.tasks[Int(id.task)], in: options.workingFolder, files: attempt.shepherd.files, found,
                stoppedFor: attempt.stoppedFor, machine: machine, inputBytes: attempt.inputBytes)
            reported.append((attempt.shepherd.files, measured.demand != nil))
            reports.append(.ended(attempt.start.id, measured))
        }
        meetFates()
        tellRooms()
        defer { reports = [] }
        return reports
    }

    /// The alerts among the whole lines that came since the last look.
    private mutating func noteAlerts(_ attempt: inout Attempt) {
        let lines = Shepherd.wholeLines(attempt.received)
        let expectation = options.expectations[graph.tasks[Int(attempt.start.id.task)].id]
        for alert in lines.dropFirst(attempt.linesSeen).compactMap(Shepherd.AlertLine.init) {
            let predicted = alert.kind == .memory ? expectation?.memoryBytes : expectation?.seconds
            let said = Alert(
                kind: alert.kind, atSeconds: alert.seconds, value: alert.value, predicted: predicted ?? .nan,
                reaction: .ignore)
            reports.append(.alert(attempt.start.id, said))
        }
        attempt.linesSeen = lines.count
    }
}
