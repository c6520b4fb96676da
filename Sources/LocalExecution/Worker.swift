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
        // What a scheduler sends some time before the end. Nothing can be done about it here.
        signal(SIGUSR1, SIG_IGN)
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
            if let count = takeSignals() { running[name]?.shepherd.stop(atOnce: count > 1) }
            guard let end = collect().first(where: { $0.kind == .ended }) else { continue }
            ShepherdProcess.end(idle)
            guard let report = end.report, let read = Shepherd.Report(report) else { return 1 }
            try folder.end(name, report: report)
            return Int32(clamping: read.exitCode)
        }
    }
}

extension Worker {
    private func takeSignals() -> Int? {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = read(signals, &bytes, bytes.count)
        return count > 0 ? count : nil
    }

    private mutating func start(_ line: WorkerLine) throws {
        guard let command = line.command, running[line.attempt] == nil else { return }
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
            let whole = attempt.received.prefix((attempt.received.lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1)
            let texts = String(decoding: whole, as: UTF8.self).split(separator: "\n")
            for text in texts.dropFirst(attempt.linesSeen) where text.hasPrefix("alert=") {
                lines.append(WorkerLine(.alert, name, report: String(text)))
            }
            attempt.linesSeen = texts.count
            running[name] = attempt
            guard hasEnded else { continue }
            running[name] = nil
            let report = attempt.shepherd.reportLine(attempt.received)
            if report == nil { attempt.shepherd.killStrays() }
            if let process = attempt.shepherd.process {
                if report == nil || attempt.shepherd.isSignalled {
                    ShepherdProcess.end([process])
                } else {
                    idle.append(process)
                }
            }
            lines.append(WorkerLine(.ended, name, report: report))
        }
        return lines
    }
}
