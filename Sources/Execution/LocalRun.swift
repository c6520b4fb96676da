import Foundation
import Glibc
import Scheduling
import Workloads

/// The loop of one run: reports of processes become events, actions become processes.
struct LocalRun {
    let graph: TaskGraph
    let options: ExecutorOptions
    var journal: RunJournal
    let past: PastRun
    /// A byte here is the number of a signal.
    let wakeUp: Int32
    let report: (TaskOutcome) throws -> Void
    let show: (RunEvent) -> Void

    private struct Attempt {
        var number: Int
        var cpus: Double
        var memoryBytes: Double
        var timeLimitSeconds: Double?
        var readySeconds: Double
        var startSeconds: Double
        var inputBytes: Double?
        var shepherd: Shepherd
        /// What has come through the pipe, and how many lines of it were acted on.
        var received: [UInt8] = []
        var linesSeen = 0
        var alerts: [TaskAlert] = []
        /// Why we killed it, if not because the job was cancelled.
        var killedFor: FailureCause?
    }

    private let instance = InstanceID("local")
    private var running: [TaskID: Attempt] = [:]
    private var readySeconds: [TaskID: Double] = [:]
    private var failed: [TaskID: FailureCause] = [:]
    private var skipped: [TaskID] = []
    private var ended = 0
    private var stopRequests = 0
    private var isCancelled = false
    private var lastTick = 0.0
    /// Pipes that have something to say.
    private var arrived: Set<Int32> = []
    private let began = unixSeconds()
    private var allocator: Allocator

    init(
        graph: TaskGraph, options: ExecutorOptions, journal: RunJournal, past: PastRun, wakeUp: Int32,
        report: @escaping (TaskOutcome) throws -> Void, show: @escaping (RunEvent) -> Void
    ) {
        self.graph = graph
        self.options = options
        self.journal = journal
        self.past = past
        self.wakeUp = wakeUp
        self.report = report
        self.show = show
        var survivors: [TaskID: (instance: InstanceID, attempt: Int)] = [:]
        for open in past.open {
            survivors[open.task] = (instance, open.attempt)
            let files = Shepherd.Files(open.task, attempt: open.attempt, folder: options.runFolder + "/attempts")
            running[open.task] = Attempt(
                number: open.attempt, cpus: open.cpus, memoryBytes: open.memoryBytes,
                timeLimitSeconds: open.timeLimitSeconds, readySeconds: open.readySeconds,
                startSeconds: open.readySeconds, inputBytes: nil, shepherd: Shepherd(surviving: files))
        }
        allocator = Allocator(
            graph, ranks: options.ranks, options: options.allocator, largestMemory: options.instance.memoryBytes,
            memorySteps: options.expectations.mapValues(\.memorySteps), finished: past.finished,
            attempts: past.attempts, failures: past.failures, running: survivors)
    }

    /// Runs until the allocator says that the job has ended. On an error, what runs is ended first.
    mutating func toEnd() throws -> RunResult {
        do {
            var first = RunJournal.Entry(past.isNew ? .run : .resume)
            (first.version, first.workflow, first.job) = (RunJournal.version, options.workflow, options.job)
            (first.digest, first.taskCount, first.timeSeconds) = (past.digest, graph.count, unixSeconds())
            try journal.append(first)
            for outcome in past.unreported { try report(outcome) }
            try act(
                on: [
                    .instanceReady(
                        .init(instance, cpus: options.instance.cpus, memoryBytes: options.instance.memoryBytes))
                ], [])
            while allocator.ending == nil {
                try wait()
                let (outcomes, alerts) = collect()
                var events = alerts + outcomes.map(event)
                if stopRequests > 0, !isCancelled {
                    isCancelled = true
                    events.append(.cancel)
                    show(.stopping)
                }
                if stopRequests > 1 { for attempt in running.values { attempt.shepherd.stop(atOnce: true) } }
                try act(on: events, outcomes)
                if let seconds = options.tickSeconds, unixSeconds() >= lastTick + seconds { tick() }
            }
        } catch {
            endAll()
            throw error
        }
        return RunResult(
            ending: allocator.ending ?? .failed, total: graph.count, finished: allocator.finishedCount, failed: failed,
            skipped: skipped, attempts: ended, elapsedSeconds: unixSeconds() - began)
    }

}

extension LocalRun {
    /// Hands events to the allocator, makes them and its decisions durable, then hands on outcomes and acts.
    private mutating func act(on events: [Allocator.Event], _ outcomes: [TaskOutcome]) throws {
        guard !events.isEmpty else { return }
        let now = unixSeconds()
        for outcome in outcomes {
            var entry = RunJournal.Entry(.outcome)
            entry.outcome = outcome
            try journal.append(entry)
        }
        let actions = events.flatMap { allocator.handle($0) }
        for action in actions {
            switch action {
            case .start(let task, _, let attempt, let cpus, let memory, let timeLimit):
                var entry = RunJournal.Entry(.start, task: task, attempt: attempt)
                (entry.cpus, entry.memoryBytes, entry.timeSeconds) = (cpus, memory, now)
                entry.timeLimitSeconds = timeLimit
                try journal.append(entry)
            case .end(let ending):
                var entry = RunJournal.Entry(.end)
                (entry.ending, entry.timeSeconds) = (ending, now)
                try journal.append(entry)
            case .kill, .giveUp, .skip, .throttle, .warn: break
            }
        }
        try journal.sync()
        for outcome in outcomes {
            show(.ended(outcome))
            try report(outcome)
            let files = files(outcome.task, outcome.attempt)
            for path in [files.result, files.series] { unlink(path) }
        }
        if !outcomes.isEmpty {
            try journal.append(.init(.reported))
            try journal.flush()
        }
        for action in actions { try perform(action) }
    }

    private mutating func perform(_ action: Allocator.Action) throws {
        switch action {
        case .start(let task, _, let attempt, let cpus, let memory, let timeLimit):
            try start(task, attempt, cpus, memory, timeLimit)
        case .kill(let task, _, let cause):
            if cause != .cancelled { running[task]?.killedFor = cause }
            running[task]?.shepherd.stop(atOnce: false)
        case .throttle(let task, _): running[task]?.shepherd.throttle()
        case .warn(let task, let attempt, let kind, let reaction):
            guard let last = running[task]?.alerts.lastIndex(where: { $0.kind == kind.rawValue }) else { break }
            running[task]?.alerts[last].reaction = reaction
            if let alert = running[task]?.alerts[last] { show(.alert(task, attempt: attempt, alert)) }
        case .giveUp(let task, let cause):
            failed[task] = cause
            show(.gaveUp(task, cause))
        case .skip(let task):
            skipped.append(task)
            show(.skipped(task))
        case .end: break
        }
    }

    private func files(_ task: TaskID, _ attempt: Int) -> Shepherd.Files {
        Shepherd.Files(task, attempt: attempt, folder: options.runFolder + "/attempts")
    }

    private mutating func start(
        _ id: TaskID, _ attempt: Int, _ cpus: Double, _ memory: Double, _ timeLimit: Double?
    ) throws {
        guard let task = graph[id], let command = task.command else { return }
        let files = files(id, attempt)
        var variables = ProcessInfo.processInfo.environment.merging(task.environment) { $1 }
        variables["ALMANAC_TASK"] = id.rawValue
        variables["ALMANAC_ATTEMPT"] = String(attempt)
        variables[Shepherd.markName] = files.output
        let now = unixSeconds()
        let expectation = options.expectations[id]
        let shepherd = try Shepherd(
            command: command, directory: options.workingFolder, environment: variables.map { "\($0)=\($1)" },
            files: files,
            limits: .init(
                timeLimitSeconds: timeLimit, memoryLimitBytes: options.enforcesMemory && memory > 0 ? memory : nil,
                alertSeconds: expectation?.seconds, alertMemoryBytes: expectation?.memoryBytes),
            graceSeconds: options.graceSeconds, sampleSeconds: options.sampleSeconds,
            seriesSeconds: options.seriesSeconds)
        running[id] = Attempt(
            number: attempt, cpus: cpus, memoryBytes: memory, timeLimitSeconds: timeLimit,
            readySeconds: readySeconds[id] ?? began, startSeconds: now, inputBytes: totalSize(task.inputs),
            shepherd: shepherd)
        show(.started(id, attempt: attempt))
    }

    /// Waits until some report has come, a signal, the next tick, or, with survivors, a twentieth of a second.
    private mutating func wait() throws {
        var polled = [pollfd(fd: wakeUp, events: Int16(POLLIN), revents: 0)]
        var milliseconds = -1.0
        if let tick = options.tickSeconds {
            milliseconds = max(0, (lastTick + tick - unixSeconds()) * 1000).rounded(.up)
        }
        for attempt in running.values {
            if let pipe = attempt.shepherd.pipe {
                polled.append(pollfd(fd: pipe, events: Int16(POLLIN), revents: 0))
            } else {
                milliseconds = milliseconds < 0 ? 50 : min(milliseconds, 50)
            }
        }
        _ = poll(&polled, nfds_t(polled.count), Int32(min(milliseconds, 1e6)))
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = read(wakeUp, &bytes, bytes.count)
        if count > 0 { stopRequests += count }
        arrived = Set(polled.dropFirst().filter { $0.revents != 0 }.map(\.fd))
    }

    /// The outcomes of all attempts that have ended, by task name, and the alerts of those that run.
    private mutating func collect() -> (outcomes: [TaskOutcome], alerts: [Allocator.Event]) {
        var outcomes: [TaskOutcome] = []
        var alerts: [Allocator.Event] = []
        for (id, known) in running.sorted(by: { $0.key < $1.key }) {
            var attempt = known
            if let pipe = attempt.shepherd.pipe, !arrived.contains(pipe) { continue }
            let hasEnded = attempt.shepherd.receive(into: &attempt.received)
            alerts += newAlerts(id, &attempt)
            guard hasEnded else {
                running[id] = attempt
                continue
            }
            let found = attempt.shepherd.collect(attempt.received)
            if found == nil { attempt.shepherd.killStrays() }
            running[id] = nil
            ended += 1
            guard let task = graph[id] else { continue }
            outcomes.append(outcome(of: task, attempt, found))
        }
        for outcome in outcomes where outcome.status == .completed {
            guard let index = graph.index(of: outcome.task) else { continue }
            for successor in graph.successors(of: index) {
                readySeconds[graph.tasks[successor].id] = outcome.endTimeSeconds ?? unixSeconds()
            }
        }
        return (outcomes, alerts)
    }

    /// The alerts among the whole lines that came since the last look.
    private func newAlerts(_ id: TaskID, _ attempt: inout Attempt) -> [Allocator.Event] {
        let whole = attempt.received.prefix((attempt.received.lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1)
        let lines = String(decoding: whole, as: UTF8.self).split(separator: "\n")
        defer { attempt.linesSeen = lines.count }
        return lines.dropFirst(attempt.linesSeen).compactMap(Shepherd.Alert.init).map { alert in
            let expectation = options.expectations[id]
            attempt.alerts.append(
                TaskAlert(
                    kind: alert.kind.rawValue, atSeconds: alert.seconds, value: alert.value,
                    predicted: (alert.kind == .memory ? expectation?.memoryBytes : expectation?.seconds) ?? .nan,
                    reaction: .ignore))
            return .alert(id, attempt: attempt.number, alert.kind)
        }
    }

    private func event(_ outcome: TaskOutcome) -> Allocator.Event {
        outcome.status == .completed
            ? .finished(outcome.task, attempt: outcome.attempt)
            : .failed(outcome.task, attempt: outcome.attempt, cause: outcome.failureCause ?? .lost)
    }

    private mutating func tick() {
        lastTick = unixSeconds()
        let now = running.map { RunStatus.Running(task: $0, attempt: $1.number, startTimeSeconds: $1.startSeconds) }
        show(
            .tick(
                RunStatus(
                    total: graph.count, finished: allocator.finishedCount, failed: failed.count, skipped: skipped.count,
                    running: now.sorted { ($0.startTimeSeconds, $0.task) < ($1.startTimeSeconds, $1.task) },
                    elapsedSeconds: lastTick - began)))
    }

    /// After an error of our own: no process may be left behind.
    private mutating func endAll() {
        for attempt in running.values { attempt.shepherd.stop(atOnce: false) }
        for attempt in running.values where attempt.shepherd.processID != nil { _ = attempt.shepherd.collect() }
        running = [:]
    }

    private func totalSize(_ files: [FileSpec]) -> Double? {
        guard !files.isEmpty else { return nil }
        var total = 0.0
        for file in files {
            guard let size = sizeOfFile(absolute(file.path, in: options.workingFolder)) else { return nil }
            total += size
        }
        return total
    }
}

extension LocalRun {
    private func outcome(of task: TaskSpec, _ attempt: Attempt, _ found: Shepherd.Report?) -> TaskOutcome {
        var outcome = TaskOutcome(
            workflow: options.workflow, job: options.job, task: task.id, taskType: task.type, attempt: attempt.number,
            status: .completed, parameters: task.parameters)
        outcome.machine = InstanceType.hostName
        outcome.instance = instance
        outcome.instanceType = options.instance.name
        outcome.submitTimeSeconds = attempt.readySeconds
        outcome.cpus = attempt.cpus
        outcome.requestedMemoryBytes = attempt.memoryBytes > 0 ? attempt.memoryBytes : nil
        outcome.requestedSeconds = attempt.timeLimitSeconds
        outcome.alerts = attempt.alerts.isEmpty ? nil : attempt.alerts
        outcome.demand = attempt.shepherd.series()
        outcome.inputBytes = attempt.inputBytes ?? totalSize(task.inputs)
        outcome.pricePerHour = options.instance.onDemandPrice.perHour
        if let found {
            outcome.startTimeSeconds = found.startSeconds
            outcome.endTimeSeconds = found.endSeconds
            outcome.runtimeSeconds = found.wallSeconds
            outcome.cpuSeconds = found.cpuSeconds
            outcome.peakMemoryBytes = found.peakBytes
            outcome.readBytes = found.readBytes
            outcome.writtenBytes = found.writtenBytes
            outcome.exitCode = found.exitCode
        }
        if let (cause, message) = failure(of: task, attempt, found) {
            (outcome.failureCause, outcome.failureMessage) = (cause, message)
            outcome.status = cause.countsAsFailure ? .failed : .aborted
        } else {
            outcome.outputBytes = totalSize(task.outputs)
        }
        return outcome
    }

    /// Why an attempt did not succeed, and a sentence about it; `nil` if it did.
    private func failure(of task: TaskSpec, _ attempt: Attempt, _ found: Shepherd.Report?) -> (FailureCause, String)? {
        let missing = task.outputs.map(\.path).filter { !exists(absolute($0, in: options.workingFolder)) }
        guard let cause = evidence(attempt, found, missesOutput: !missing.isEmpty).cause else { return nil }
        return (cause, sentence(cause, attempt, found, missing))
    }

    private func evidence(_ attempt: Attempt, _ found: Shepherd.Report?, missesOutput: Bool) -> FailureEvidence {
        guard let found, found.startError == 0 else { return FailureEvidence(disappeared: true) }
        let killer: FailureEvidence.Killer? =
            switch (found.cause, attempt.killedFor) {
            case (.timeLimit, _), (.cancelled, .timeLimit): .timeLimit
            case (.memoryLimit, _), (.cancelled, .outOfMemory): .memoryLimit
            case (.cancelled, _): .person
            case (.none, _): nil
            }
        return FailureEvidence(
            exitCode: found.exitCode, signal: found.signal, killer: killer, memoryKills: found.kernelKills,
            missesOutput: missesOutput)
    }

    private func sentence(
        _ cause: FailureCause, _ attempt: Attempt, _ found: Shepherd.Report?, _ missing: [String]
    ) -> String {
        guard let found else { return "The process that watched the task disappeared." }
        if found.startError != 0 {
            return "No process could be started: \(String(cString: strerror(Int32(clamping: found.startError))))."
        }
        if found.cause == .cancelled {
            guard attempt.killedFor != nil else { return "It was stopped." }
            return "It was killed: \(attempt.alerts.last?.text ?? "above what was predicted")."
        }
        if found.cause == .timeLimit {
            return "It ran longer than its time limit of \(Units.formatSeconds(attempt.timeLimitSeconds ?? 0))."
        }
        if found.cause == .memoryLimit {
            let (limit, seen) = (Units.formatBytes(attempt.memoryBytes), Units.formatBytes(found.peakBytes ?? 0))
            return "It used \(seen), more than the \(limit) reserved for it."
        }
        if found.exitCode == 0, let first = missing.first {
            let others = missing.count > 1 ? " and \(missing.count - 1) more" : ""
            return "It ended well, but its declared output '\(first)'\(others) does not exist."
        }
        let lastWords = lastLine(attempt.shepherd.files.error).map { " Last line of its standard error: \($0)" } ?? ""
        switch cause {
        case .outOfMemory: return "It was killed while the machine was out of memory.\(lastWords)"
        case .timeLimit:
            return "It ended with exit code \(found.exitCode), which stands for a time limit.\(lastWords)"
        default: break
        }
        if found.signal != 0 { return "It was ended by signal \(found.signal).\(lastWords)" }
        if found.exitCode == 127 { return "A command was not found (exit code 127).\(lastWords)" }
        return "It ended with exit code \(found.exitCode).\(lastWords)"
    }

    /// The last line that is not blank, at most 200 characters of it.
    private func lastLine(_ path: String) -> String? {
        guard let handle = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? handle.close() }
        let end = (try? handle.seekToEnd()) ?? 0
        try? handle.seek(toOffset: end > 2000 ? end - 2000 : 0)
        guard let data = try? handle.readToEnd() else { return nil }
        let lines = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline)
        let line = lines.last { !$0.allSatisfy(\.isWhitespace) }
        return line.map { String($0.prefix(200)) }
    }
}
