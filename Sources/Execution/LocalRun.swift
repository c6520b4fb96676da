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
        var readySeconds: Double
        var startSeconds: Double
        var inputBytes: Double?
        var shepherd: Shepherd
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
                number: open.attempt, cpus: open.cpus, memoryBytes: open.memoryBytes, readySeconds: open.readySeconds,
                startSeconds: open.readySeconds, inputBytes: nil, shepherd: Shepherd(surviving: files))
        }
        allocator = Allocator(
            graph, ranks: options.ranks, options: options.allocator, largestMemory: options.instance.memoryBytes,
            finished: past.finished, attempts: past.attempts, running: survivors)
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
                let outcomes = try collect()
                var events = outcomes.map(event)
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
            case .start(let task, _, let attempt, let cpus, let memory):
                var entry = RunJournal.Entry(.start, task: task, attempt: attempt)
                (entry.cpus, entry.memoryBytes, entry.timeSeconds) = (cpus, memory, now)
                try journal.append(entry)
            case .end(let ending):
                var entry = RunJournal.Entry(.end)
                (entry.ending, entry.timeSeconds) = (ending, now)
                try journal.append(entry)
            case .kill, .giveUp, .skip: break
            }
        }
        try journal.sync()
        for outcome in outcomes {
            show(.ended(outcome))
            try report(outcome)
            try? FileManager.default.removeItem(atPath: files(outcome.task, outcome.attempt).result)
        }
        if !outcomes.isEmpty {
            try journal.append(.init(.reported))
            try journal.flush()
        }
        for action in actions { try perform(action) }
    }

    private mutating func perform(_ action: Allocator.Action) throws {
        switch action {
        case .start(let task, _, let attempt, let cpus, let memory): try start(task, attempt, cpus, memory)
        case .kill(let task, _): running[task]?.shepherd.stop(atOnce: false)
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

    private mutating func start(_ id: TaskID, _ attempt: Int, _ cpus: Double, _ memory: Double) throws {
        guard let task = graph[id], let command = task.command else { return }
        let files = files(id, attempt)
        var variables = ProcessInfo.processInfo.environment.merging(task.environment) { $1 }
        variables["ALMANAC_TASK"] = id.rawValue
        variables["ALMANAC_ATTEMPT"] = String(attempt)
        variables[Shepherd.markName] = files.output
        let now = unixSeconds()
        let shepherd = try Shepherd(
            command: command, directory: options.workingFolder, environment: variables.map { "\($0)=\($1)" },
            files: files,
            timeLimitSeconds: task.request.timeLimitSeconds, graceSeconds: options.graceSeconds,
            sampleSeconds: options.sampleSeconds, memoryLimitBytes: options.enforcesMemory && memory > 0 ? memory : nil)
        running[id] = Attempt(
            number: attempt, cpus: cpus, memoryBytes: memory, readySeconds: readySeconds[id] ?? began,
            startSeconds: now,
            inputBytes: totalSize(task.inputs), shepherd: shepherd)
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

    /// The outcomes of all attempts that have ended, by task name.
    private mutating func collect() throws -> [TaskOutcome] {
        var outcomes: [TaskOutcome] = []
        for (id, attempt) in running.sorted(by: { $0.key < $1.key }) {
            if let pipe = attempt.shepherd.pipe {
                guard arrived.contains(pipe) else { continue }
            } else if attempt.shepherd.files.isHeld {
                continue
            }
            let found = attempt.shepherd.collect()
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
        return outcomes
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
        outcome.requestedSeconds = task.request.timeLimitSeconds
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
        guard let found else { return (.lost, "The process that watched the task disappeared.") }
        if found.startError != 0 {
            return (
                .lost, "No process could be started: \(String(cString: strerror(Int32(clamping: found.startError))))."
            )
        }
        switch found.cause {
        case .timeLimit:
            let limit = Units.formatSeconds(task.request.timeLimitSeconds ?? 0)
            return (.timeLimit, "It ran longer than its time limit of \(limit).")
        case .cancelled: return (.cancelled, "It was stopped.")
        case .memoryLimit:
            let (limit, seen) = (Units.formatBytes(attempt.memoryBytes), Units.formatBytes(found.peakBytes ?? 0))
            return (.outOfMemory, "It used \(seen), more than the \(limit) reserved for it.")
        case .none: break
        }
        let lastWords = lastLine(attempt.shepherd.files.error).map { " Last line of its standard error: \($0)" } ?? ""
        if found.exitCode == 128 + Int(SIGKILL), found.kernelKills != 0 {
            return (.outOfMemory, "It was killed while the machine was out of memory.\(lastWords)")
        }
        if found.signal != 0 { return (.programError, "It was ended by signal \(found.signal).\(lastWords)") }
        if found.exitCode == 127 { return (.programError, "A command was not found (exit code 127).\(lastWords)") }
        if found.exitCode != 0 { return (.programError, "It ended with exit code \(found.exitCode).\(lastWords)") }
        let missing = task.outputs.map(\.path).filter { !exists(absolute($0, in: options.workingFolder)) }
        guard let first = missing.first else { return nil }
        let others = missing.count > 1 ? " and \(missing.count - 1) more" : ""
        return (.programError, "It ended well, but its declared output '\(first)'\(others) does not exist.")
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
