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
    let report: ([TaskOutcome]) throws -> Void
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

    /// An attempt that the allocator has placed.
    private struct Start {
        var task: TaskSpec
        var attempt: Int
        var cpus: Double
        var memoryBytes: Double
        var timeLimitSeconds: Double?
    }

    /// How long outcomes wait for others, so that they are handed on together.
    private static let handingOnSeconds = 0.2
    /// Files that are open besides those of attempts.
    private static let otherFiles = 64

    private let instance = InstanceID("local")
    private var running: [TaskID: Attempt] = [:]
    /// Attempts that wait until the system allows another process, in their order.
    private var waiting: [Start] = []
    /// How many attempts the system allows at once.
    private var mostRunning: Int
    /// Shepherds that run nothing.
    private var idle: [ShepherdProcess] = []
    /// Files of attempts whose outcomes are in the journal.
    private var spares: [Shepherd.Files] = []
    /// What the allocator is to be told besides.
    private var events: [Allocator.Event] = []
    /// Outcomes on disk that are not handed on yet, and when they are to be.
    private var outcomes: [TaskOutcome]
    private var handingOnTime = Double.infinity
    private let environment = ProcessInfo.processInfo.environment
    private let machine = InstanceType.hostName
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
        report: @escaping ([TaskOutcome]) throws -> Void, show: @escaping (RunEvent) -> Void
    ) {
        self.graph = graph
        self.options = options
        self.journal = journal
        self.past = past
        self.wakeUp = wakeUp
        self.report = report
        self.show = show
        outcomes = past.outcomes
        mostRunning = max(1, Int(clamping: sysconf(Int32(_SC_OPEN_MAX))) - Self.otherFiles)
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
            (first.version, first.workflow, first.job) = (RunJournal.version, options.workflow, past.job)
            (first.digest, first.taskCount, first.timeSeconds) = (past.digest, graph.count, unixSeconds())
            try journal.append(first)
            events = [
                .instanceReady(.init(instance, cpus: options.instance.cpus, memoryBytes: options.instance.memoryBytes))
            ]
            try act(on: [])
            while allocator.ending == nil {
                if events.isEmpty { try wait() }
                let ended = collect()
                if stopRequests > 0, !isCancelled {
                    isCancelled = true
                    events.append(.cancel)
                    show(.stopping)
                }
                if stopRequests > 1 { for task in running.keys { running[task]?.shepherd.stop(atOnce: true) } }
                try act(on: ended)
                if unixSeconds() >= handingOnTime { try handOn() }
                if let seconds = options.tickSeconds, unixSeconds() >= lastTick + seconds { tick() }
            }
            try handOn()
        } catch {
            endAll()
            throw error
        }
        endAll()
        return RunResult(
            ending: allocator.ending ?? .failed, total: graph.count, finished: allocator.finishedCount, failed: failed,
            skipped: skipped, attempts: ended, elapsedSeconds: unixSeconds() - began)
    }
}

extension LocalRun {
    /// Hands what happened to the allocator, makes it and its decisions durable, all in one, then acts.
    private mutating func act(on ended: [TaskOutcome]) throws {
        let actions = events.flatMap { allocator.handle($0) }
        events = []
        for outcome in ended {
            var entry = RunJournal.Entry(.outcome)
            entry.outcome = outcome
            try journal.append(entry)
        }
        let now = unixSeconds()
        for action in actions {
            switch action {
            case .start(let id, _, let attempt, let cpus, let memory, let timeLimit):
                guard let task = graph[id] else { break }
                waiting.append(
                    Start(task: task, attempt: attempt, cpus: cpus, memoryBytes: memory, timeLimitSeconds: timeLimit))
            case .end(let ending):
                var entry = RunJournal.Entry(.end)
                (entry.ending, entry.timeSeconds) = (ending, now)
                try journal.append(entry)
            case .kill, .giveUp, .skip, .throttle, .warn: break
            }
        }
        let starts = isCancelled ? [] : waiting.prefix(max(0, mostRunning - running.count))
        waiting.removeFirst(starts.count)
        for start in starts {
            var entry = RunJournal.Entry(.start, task: start.task.id, attempt: start.attempt)
            (entry.cpus, entry.memoryBytes, entry.timeSeconds) = (start.cpus, start.memoryBytes, now)
            entry.timeLimitSeconds = start.timeLimitSeconds
            try journal.append(entry)
        }
        try journal.sync()
        spares += ended.map { files($0.task, $0.attempt) }
        for start in starts { try self.start(start) }
        for outcome in ended {
            show(.ended(outcome))
            if outcome.demand != nil { unlink(files(outcome.task, outcome.attempt).series) }
        }
        outcomes += ended
        if !outcomes.isEmpty { handingOnTime = min(handingOnTime, now + Self.handingOnSeconds) }
        for action in actions { perform(action) }
    }

    private mutating func handOn() throws {
        if !outcomes.isEmpty { try report(outcomes) }
        (outcomes, handingOnTime) = ([], .infinity)
    }

    private mutating func perform(_ action: Allocator.Action) {
        switch action {
        case .kill(let task, let attempt, let cause):
            if let index = waiting.firstIndex(where: { $0.task.id == task }) {
                waiting.remove(at: index)
                events.append(.failed(task, attempt: attempt, cause: cause))
            }
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
        case .start, .end: break
        }
    }

    private func files(_ task: TaskID, _ attempt: Int) -> Shepherd.Files {
        Shepherd.Files(task, attempt: attempt, folder: options.runFolder + "/attempts")
    }

    private mutating func start(_ start: Start) throws {
        guard let command = start.task.command else { return }
        let id = start.task.id
        let files = files(id, start.attempt)
        var variables = environment.merging(start.task.environment) { $1 }
        variables["ALMANAC_TASK"] = id.rawValue
        variables["ALMANAC_ATTEMPT"] = String(start.attempt)
        variables[Shepherd.markName] = files.output
        let words = variables.map { "\($0)=\($1)" }
        let now = unixSeconds()
        let expectation = options.expectations[id]
        let limits = Shepherd.Limits(
            timeLimitSeconds: start.timeLimitSeconds,
            memoryLimitBytes: options.enforcesMemory && start.memoryBytes > 0 ? start.memoryBytes : nil,
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
                    sampleSeconds: options.sampleSeconds,
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
        running[id] = Attempt(
            number: start.attempt, cpus: start.cpus, memoryBytes: start.memoryBytes,
            timeLimitSeconds: start.timeLimitSeconds, readySeconds: readySeconds[id] ?? began, startSeconds: now,
            inputBytes: totalSize(start.task.inputs), shepherd: watch)
        show(.started(id, attempt: start.attempt))
    }

    /// Lets an attempt wait until another has ended, as the system allows no further process now.
    private mutating func holdBack(_ start: Start) throws(ExecutionError) {
        guard !running.isEmpty else { throw .lastError("start", "a process", code: EAGAIN) }
        mostRunning = running.count
        waiting.append(start)
    }

    /// Waits until some report has come, a signal, the next tick, or, with survivors, a twentieth of a second.
    private mutating func wait() throws {
        var polled = [pollfd(fd: wakeUp, events: Int16(POLLIN), revents: 0)]
        var until = handingOnTime
        if let tick = options.tickSeconds { until = min(until, lastTick + tick) }
        let now = unixSeconds()
        for attempt in running.values {
            if let process = attempt.shepherd.process {
                polled.append(pollfd(fd: process.channel, events: Int16(POLLIN), revents: 0))
            } else {
                until = min(until, now + 0.05)
            }
        }
        let milliseconds = until < .infinity ? min(max(0, (until - now) * 1000).rounded(.up), 1e6) : -1
        _ = poll(&polled, nfds_t(polled.count), Int32(milliseconds))
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = read(wakeUp, &bytes, bytes.count)
        if count > 0 { stopRequests += count }
        arrived = Set(polled.dropFirst().filter { $0.revents != 0 }.map(\.fd))
    }

    /// The outcomes of all attempts that have ended, by task name; they and the alerts of those that run become events.
    private mutating func collect() -> [TaskOutcome] {
        var outcomes: [TaskOutcome] = []
        for (id, known) in running.sorted(by: { $0.key < $1.key }) {
            var attempt = known
            if let process = attempt.shepherd.process, !arrived.contains(process.channel) { continue }
            let hasEnded = attempt.shepherd.receive(into: &attempt.received)
            events += newAlerts(id, &attempt)
            guard hasEnded else {
                running[id] = attempt
                continue
            }
            running[id] = nil
            let found = takeReport(attempt)
            guard let task = graph[id] else { continue }
            if let code = found?.startError, ShepherdProcess.isShortage(Int32(clamping: code)), !running.isEmpty {
                mostRunning = running.count
                waiting.append(
                    Start(
                        task: task, attempt: attempt.number, cpus: attempt.cpus, memoryBytes: attempt.memoryBytes,
                        timeLimitSeconds: attempt.timeLimitSeconds))
                continue
            }
            ended += 1
            if let count = found?.leftBehind, count > 0 {
                show(.leftBehind(id, attempt: attempt.number, processes: count))
            }
            outcomes.append(outcome(of: task, attempt, found))
        }
        for outcome in outcomes where outcome.status == .completed {
            guard let index = graph.index(of: outcome.task) else { continue }
            for successor in graph.successors(of: index) {
                readySeconds[graph.tasks[successor].id] = outcome.endTimeSeconds ?? unixSeconds()
            }
        }
        events += outcomes.map(event)
        return outcomes
    }

    /// The report of an attempt that has ended; its shepherd may run another one, unless a signal is on its way to it.
    private mutating func takeReport(_ attempt: Attempt) -> Shepherd.Report? {
        let report = attempt.shepherd.report(attempt.received)
        if report == nil { attempt.shepherd.killStrays() }
        if let process = attempt.shepherd.process {
            if report == nil || attempt.shepherd.isSignalled {
                ShepherdProcess.end([process])
            } else {
                idle.append(process)
            }
        }
        return report
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

    /// No process may be left behind, least of all after an error of our own.
    private mutating func endAll() {
        for task in running.keys { running[task]?.shepherd.stop(atOnce: false) }
        ShepherdProcess.end(running.values.compactMap(\.shepherd.process) + idle)
        for files in spares { files.tidy() }
        (running, idle, spares) = ([:], [], [])
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
            workflow: options.workflow, job: past.job, task: task.id, taskType: task.type, attempt: attempt.number,
            status: .completed, parameters: task.parameters)
        outcome.machine = machine
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
