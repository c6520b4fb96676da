import Allocation
import CShepherd
public import Execution
import Foundation
import Glibc
import Workloads

/// Runs attempts for a run that another process drives, perhaps on another machine; both see the folder of the run.
public struct Worker {
    private struct Attempt {
        var shepherd: Shepherd
        var received: [UInt8] = []
        var linesSeen = 0
    }

    private let folder: WorkerFolder
    private let settings: WorkerFolder.Settings
    private let environment = ProcessInfo.processInfo.environment
    private var running: [String: Attempt] = [:]
    private var idle: [ShepherdProcess] = []
    /// The connection to the process that drives the run.
    private var channel: LineChannel?
    /// Ends of which it has not said that they are in its journal.
    private var unseen: [String: WorkerLine] = [:]
    /// Ends that may be the doing of a scheduler, which is about to end us too: when they are to be told.
    private var held: [(line: WorkerLine, seconds: Double)] = []
    /// Signals come here, a byte each.
    private let signals: Int32

    /// Makes a worker of a run.
    ///
    /// - Parameter path: The folder `workers` in the folder of the run.
    /// - Throws: ``ExecutionError`` if there is no such run.
    public init(_ path: String) throws(ExecutionError) {
        folder = WorkerFolder(path)
        guard let settings = folder.settings else { throw .nothingToResume(folder: path) }
        self.settings = settings
        let pipe = try openPipe(for: path)
        guard shepherd_watch_signals(pipe.writeEnd) == 0 else { throw .lastError("watch signals in", path) }
        signals = pipe.readEnd
        signal(SIGPIPE, SIG_IGN)
        guard shepherd_watch_notice() == 0 else { throw .lastError("watch signals in", path) }
        shepherd_raise_file_limit()
    }

    /// Runs one attempt to its end, which it writes down in one step.
    ///
    /// - Parameters:
    ///   - name: That of the files of the attempt.
    ///   - command: What a shell runs; variables of the task are in our own environment.
    /// - Returns: The exit code of the command.
    public mutating func run(
        _ name: String, command: String, timeLimitSeconds: Double?, memoryLimitBytes: Double?
    ) throws -> Int32 {
        let line = WorkerLine(
            .start, name, command: command, timeLimitSeconds: timeLimitSeconds, memoryLimitBytes: memoryLimitBytes)
        try start(line)
        while true {
            guard let channel = running[name]?.shepherd.process?.channel else { return 1 }
            var polled = [pollfd(fd: signals, events: Int16(POLLIN), revents: 0)]
            polled.append(pollfd(fd: channel, events: Int16(POLLIN), revents: 0))
            poll(&polled, 2, -1)
            let asked = takeSignals().count { $0 != UInt8(SIGUSR1) }
            if asked > 0 { running[name]?.shepherd.stop(atOnce: asked > 1) }
            guard let end = collect().first(where: { $0.kind == .ended }) else { continue }
            ShepherdProcess.end(idle)
            guard let report = end.report, let read = Shepherd.Report(report) else { return 1 }
            try folder.end(name, report: report)
            return Int32(clamping: read.exitCode)
        }
    }
}

extension Worker {
    /// Runs what the process sends that drives the run, until it says that there will be no more, or for want of one.
    ///
    /// While it is gone attempts go on; whoever goes on with the run is told of them, and of those that ended meanwhile.
    /// - Parameter instance: The number of our instance.
    /// - Returns: The exit code of a worker.
    public mutating func serve(instance: Int) throws -> Int32 {
        var lastSeconds = unixSeconds()
        while true {
            if channel == nil, unixSeconds() - lastSeconds > settings.patienceSeconds, running.isEmpty { break }
            if channel == nil { connect(instance) }
            if channel != nil { lastSeconds = unixSeconds() }
            var polled = [pollfd(fd: signals, events: Int16(POLLIN), revents: 0)]
            if let channel {
                let events = POLLIN | (channel.isBusy ? POLLOUT : 0)
                polled.append(pollfd(fd: channel.file, events: Int16(events), revents: 0))
            }
            for attempt in running.values {
                if let process = attempt.shepherd.process {
                    polled.append(pollfd(fd: process.channel, events: Int16(POLLIN), revents: 0))
                }
            }
            poll(&polled, nfds_t(polled.count), !held.isEmpty ? 50 : channel == nil ? 500 : -1)
            let numbers = takeSignals()
            if numbers.contains(UInt8(SIGUSR1)) {
                var line = WorkerLine(.notice)
                line.seconds = 60
                channel?.send(line)
            }
            // Our allocation ends, and with it what runs: the scheduler says why.
            if numbers.contains(where: { $0 != UInt8(SIGUSR1) }) { break }
            for line in collect() { tell(line) }
            tellHeld()
            let goesOn = try obey()
            if !(channel?.flush() ?? true) { disconnect() }
            guard goesOn else { break }
        }
        for name in running.keys { running[name]?.shepherd.stop(atOnce: false) }
        ShepherdProcess.end(running.values.compactMap(\.shepherd.process) + idle)
        _ = channel?.flush()
        disconnect()
        return 0
    }

    private mutating func connect(_ instance: Int) {
        // Another process has another address.
        guard let settings = folder.settings, let address = settings.address, let port = settings.port else { return }
        channel = LineChannel.connect(to: address, port: port)
        var line = WorkerLine(.hello)
        (line.token, line.instance) = (settings.token, instance)
        line.host = environment["SLURMD_NODENAME"] ?? InstanceType.hostName
        line.running = Array(running.keys) + Array(unseen.keys) + held.map(\.line.attempt)
        channel?.send(line)
        for line in unseen.values { channel?.send(line) }
    }

    private mutating func disconnect() {
        channel?.close()
        channel = nil
    }

    private mutating func tell(_ line: WorkerLine) {
        guard line.kind == .ended else { return channel?.send(line) ?? () }
        if line.report.flatMap({ Shepherd.Report($0) })?.exitCode != 0 {
            held.append((line, unixSeconds() + 0.3))
        } else {
            unseen[line.attempt] = line
            channel?.send(line)
        }
    }

    private mutating func tellHeld() {
        let now = unixSeconds()
        for item in held where item.seconds <= now {
            unseen[item.line.attempt] = item.line
            channel?.send(item.line)
        }
        held.removeAll { $0.seconds <= now }
    }

    /// Does what was asked; false if that is to leave.
    private mutating func obey() throws -> Bool {
        guard channel != nil else { return true }
        guard let lines = channel?.receive() else {
            disconnect()
            return true
        }
        for line in lines {
            switch line.kind {
            case .start: try start(line)
            case .stop: running[line.attempt]?.shepherd.stop(atOnce: line.atOnce ?? false)
            case .throttle: running[line.attempt]?.shepherd.throttle()
            case .seen: unseen[line.attempt] = nil
            case .leave: return false
            case .hello, .alert, .ended, .notice: break
            }
        }
        return true
    }

    /// Numbers of signals.
    private func takeSignals() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = read(signals, &bytes, bytes.count)
        return Array(bytes.prefix(max(0, count)))
    }

    private mutating func start(_ line: WorkerLine) throws {
        guard let command = line.command, running[line.attempt] == nil, unseen[line.attempt] == nil else { return }
        let files = Shepherd.Files(name: line.attempt, folder: folder.attempts)
        var variables = environment.merging(line.environment ?? [:]) { $1 }
        variables[Shepherd.markName] = files.output
        let limits = Shepherd.Limits(
            timeLimitSeconds: line.timeLimitSeconds, memoryLimitBytes: line.memoryLimitBytes,
            alertSeconds: line.alertSeconds, alertMemoryBytes: line.alertMemoryBytes)
        while true {
            let isNew = idle.isEmpty
            guard let process = try idle.popLast() ?? ShepherdProcess(diesWithUs: true) else {
                throw ExecutionError.lastError("start", "a process", code: EAGAIN)
            }
            let watch = try Shepherd(
                process, command: command, directory: settings.directory,
                environment: variables.map { "\($0)=\($1)" }, files: files, spare: nil, limits: limits,
                graceSeconds: settings.graceSeconds,
                sampleSeconds: settings.sampleSeconds * max(1, Double(running.count) / 8),
                seriesSeconds: settings.seriesSeconds)
            if let watch { return running[line.attempt] = Attempt(shepherd: watch) }
            ShepherdProcess.end([process])
            if isNew { throw ExecutionError.lastError("talk to", "the process of a task", code: EPIPE) }
        }
    }

    /// What the attempts have to say.
    private mutating func collect() -> [WorkerLine] {
        var lines: [WorkerLine] = []
        for name in running.keys.sorted() {
            guard var attempt = running[name] else { continue }
            let hasEnded = attempt.shepherd.receive(into: &attempt.received)
            let texts = Shepherd.wholeLines(attempt.received)
            for text in texts.dropFirst(attempt.linesSeen) where text.hasPrefix("alert=") {
                lines.append(WorkerLine(.alert, name, report: String(text)))
            }
            attempt.linesSeen = texts.count
            running[name] = attempt
            guard hasEnded else { continue }
            running[name] = nil
            lines.append(WorkerLine(.ended, name, report: attempt.shepherd.finish(attempt.received, idle: &idle)))
        }
        return lines
    }
}
