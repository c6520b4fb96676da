import Allocation
import Basics
import CShepherd
import Execution
import Glibc
package import Workloads

/// Who watches over one attempt.
package struct Shepherd {
    /// The files of one attempt.
    package struct Files {
        /// That of its task and its number, as a name for files.
        package let name: String
        package let output: String
        package let error: String
        /// Who watches over it, and at the end the result; not needed any more when that is in the journal.
        package let result: String
        /// Where earlier releases put the result.
        let earlierResult: String
        package let series: String

        package init(_ task: TaskID, attempt: Int, folder: String) {
            self.init(name: "\(fileName(for: task)).\(attempt)", folder: folder)
        }

        package init(name: String, folder: String) {
            self.name = name
            let base = "\(folder)/\(name)"
            (output, error, result) = ("\(base).out", "\(base).err", "\(base).result.tmp")
            earlierResult = "\(base).result"
            series = "\(base).series"
        }

        /// Removes those that say nothing (any more).
        package func tidy() {
            for path in [output, error] where sizeOfFile(path) == 0 { unlink(path) }
            for path in [result, earlierResult] { unlink(path) }
        }

        /// Lets another attempt have those that say nothing: to make files and to remove them takes time.
        func give(to other: Files) {
            // A process that another thread has just forked may hold the lock for a moment.
            if sizeOfFile(output) == 0, isHeld { unlink(output) }
            for (path, new) in [(output, other.output), (error, other.error)] where sizeOfFile(path) == 0 {
                rename(path, new)
            }
        }

        /// What the attempt used over time; `nil` if that was not recorded.
        package func demand() -> DemandSeries? {
            let fd = open(series, O_RDONLY | O_CLOEXEC)
            guard fd >= 0 else { return nil }
            defer { close(fd) }
            var bytes: [UInt8] = []
            let size = 5 * MemoryLayout<Int64>.size
            guard readAll(fd, into: &bytes), !bytes.isEmpty, bytes.count.isMultiple(of: size) else { return nil }
            return DemandSeries(
                bytes.withUnsafeBytes { buffer in
                    (0..<bytes.count / size).map { index in
                        func value(_ column: Int) -> Double {
                            Double(buffer.loadUnaligned(fromByteOffset: index * size + column * 8, as: Int64.self))
                        }
                        return DemandSeries.Point(
                            seconds: value(0) * 1e-6, cpuSeconds: value(1) * 1e-6, memoryBytes: value(2),
                            readBytes: value(3), writtenBytes: value(4))
                    }
                })
        }

        /// Whether the attempt still runs. Its shepherd holds the lock from before it is handed the attempt until it ends.
        var isHeld: Bool {
            let fd = open(output, O_RDONLY | O_CLOEXEC)
            guard fd >= 0 else { return false }
            defer { close(fd) }
            guard flock(fd, LOCK_EX | LOCK_NB) == 0 else { return true }
            // Not only by closing it, as a process that is forked meanwhile has it open too.
            flock(fd, LOCK_UN)
            return false
        }
    }

    /// What came of the attempt.
    package struct Report {
        package enum Cause: Int { case none, timeLimit, cancelled, memoryLimit }

        package let exitCode: Int
        package let signal: Int
        package let cause: Cause
        let startSeconds: Double
        let endSeconds: Double
        let wallSeconds: Double
        let cpuSeconds: Double
        let peakBytes: Double?
        let readBytes: Double?
        let writtenBytes: Double?
        /// How many processes the kernel killed for want of memory meanwhile; `nil` if unknown.
        let kernelKills: Int?
        /// How many processes lived on when the command had ended, and were killed.
        let leftBehind: Int
        /// The error of the step that failed before the command ran; 0 if none.
        let startError: Int

        /// Reads `name=integer` pairs; `nil` unless they are complete.
        package init?(_ line: String) {
            var values: [Substring: Int] = [:]
            for pair in line.split(whereSeparator: { $0 == " " || $0 == "\n" }) {
                let parts = pair.split(separator: "=")
                guard parts.count == 2, let value = Int(parts[1]) else { return nil }
                values[parts[0]] = value
            }
            guard line.hasSuffix("\n"), let exit = values["exit"], let signal = values["signal"],
                let cause = values["cause"].flatMap(Cause.init), let start = values["start_us"],
                let end = values["end_us"], let wall = values["wall_us"], let cpu = values["cpu_us"],
                let error = values["error"]
            else { return nil }
            exitCode = exit
            self.signal = signal
            self.cause = cause
            startSeconds = Double(start) * 1e-6
            endSeconds = Double(end) * 1e-6
            wallSeconds = Double(wall) * 1e-6
            cpuSeconds = Double(cpu) * 1e-6
            func known(_ name: Substring) -> Int? { values[name].flatMap { $0 >= 0 ? $0 : nil } }
            peakBytes = known("peak_bytes").map(Double.init)
            readBytes = known("read_bytes").map(Double.init)
            writtenBytes = known("written_bytes").map(Double.init)
            kernelKills = known("oom_kills")
            leftBehind = known("left_behind") ?? 0
            startError = error
        }
    }

    /// A line that came before the report.
    package struct AlertLine {
        package let kind: Alert.Kind
        package let seconds: Double
        /// Bytes, or seconds.
        package let value: Double

        /// `nil` for any other line.
        package init?(_ line: Substring) {
            var values: [Substring: Int] = [:]
            for pair in line.split(separator: " ") {
                let parts = pair.split(separator: "=")
                if parts.count == 2 { values[parts[0]] = Int(parts[1]) }
            }
            guard let which = values["alert"], let at = values["at_us"], let value = values["value"] else { return nil }
            kind = which == 1 ? .memory : .time
            seconds = Double(at) * 1e-6
            self.value = which == 1 ? Double(value) : Double(value) * 1e-6
        }
    }

    /// What a shepherd watches over.
    struct Limits {
        var timeLimitSeconds: Double?
        var memoryLimitBytes: Double?
        var alertSeconds: Double?
        var alertMemoryBytes: Double?
    }

    package let files: Files
    /// `nil` if an earlier process started it.
    let process: ShepherdProcess?
    /// Whether it was sent a signal, which may arrive when the attempt has ended.
    private(set) var isSignalled = false

    /// A shepherd that an earlier process started.
    init(surviving files: Files) { (self.files, process) = (files, nil) }

    /// Hands a command to a shepherd that runs none; `nil` if it is dead.
    init?(
        _ process: ShepherdProcess, command: String, directory: String, environment: [String], files: Files,
        spare: Files?, limits: Limits, graceSeconds: Double, sampleSeconds: Double, seriesSeconds: Double?
    ) throws(ExecutionError) {
        spare?.give(to: files)
        let texts = [command, directory, files.output, files.error, files.result, spare?.result ?? "", files.series]
            .map(copy)
        var variables = environment.map(copy) + [nil]
        defer { for text in texts + variables { free(text) } }
        let result = variables.withUnsafeMutableBufferPointer { variables in
            var request = shepherd_request()
            request.command = UnsafePointer(texts[0])
            request.directory = UnsafePointer(texts[1])
            request.output_path = UnsafePointer(texts[2])
            request.error_path = UnsafePointer(texts[3])
            request.result_path = UnsafePointer(texts[4])
            request.spare_path = UnsafePointer(texts[5])
            request.environment = UnsafePointer(variables.baseAddress)
            request.series_path = UnsafePointer(texts[6])
            func positive(_ seconds: Double?) -> Int64 { seconds.map { max(1, microseconds($0)) } ?? 0 }
            request.time_limit_microseconds = positive(limits.timeLimitSeconds)
            request.alert_microseconds = positive(limits.alertSeconds)
            request.series_microseconds = positive(seriesSeconds)
            request.grace_microseconds = microseconds(graceSeconds)
            request.sample_microseconds = max(1000, microseconds(sampleSeconds))
            request.memory_limit_bytes = limits.memoryLimitBytes.map { max(1, Int64(clamping: $0)) } ?? 0
            request.alert_memory_bytes = limits.alertMemoryBytes.map { max(1, Int64(clamping: $0)) } ?? 0
            return shepherd_run(process.channel, process.id, &request)
        }
        if result == -EPIPE || result == -ECONNRESET { return nil }
        guard result == 0 else {
            throw .lastError("start a process that writes to", files.output, code: -result)
        }
        (self.files, self.process) = (files, process)
    }

    /// Ends the tree of the attempt: with SIGTERM first, or at once.
    mutating func stop(atOnce: Bool) { send(atOnce ? SIGUSR1 : SIGTERM) }

    /// Makes the processes of the attempt give way to all others.
    mutating func throttle() { send(SIGUSR2) }

    private mutating func send(_ signal: Int32) {
        isSignalled = true
        // A shepherd that is not our child has left its process id, which is its own as long as it holds the lock.
        if let id = process?.id ?? (files.isHeld ? contents(ofFile: files.result).flatMap(Self.processID) : nil) {
            kill(id, signal)
        }
    }

    private static func processID(_ line: String) -> pid_t? {
        line.hasPrefix("pid=") && line.hasSuffix("\n") ? pid_t(line.dropFirst(4).prefix { $0.isNumber }) : nil
    }

    /// Appends the lines that have come; true when the attempt has ended, or its shepherd is dead.
    func receive(into bytes: inout [UInt8]) -> Bool {
        guard let process else { return !files.isHeld }
        return process.receive(into: &bytes) || Self.reportLine(in: bytes) != nil
    }

    /// The report, which may be among the lines received; `nil` if the shepherd died without.
    private func reportLine(_ received: [UInt8]) -> String? {
        if let line = Self.reportLine(in: received) { return line }
        let texts = [files.result, files.earlierResult].lazy.compactMap(contents(ofFile:))
        return texts.first { Report($0) != nil }
    }

    /// The report of an attempt that has ended; its shepherd may run another one, unless a signal is on its way to it.
    func finish(_ received: [UInt8], idle: inout [ShepherdProcess]) -> String? {
        let line = reportLine(received)
        if line == nil { killStrays() }
        if let process {
            if line == nil || isSignalled { ShepherdProcess.end([process]) } else { idle.append(process) }
        }
        return line
    }

    /// The lines that have come whole.
    static func wholeLines(_ received: [UInt8]) -> [Substring] {
        let whole = received.prefix((received.lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1)
        return String(decoding: whole, as: UTF8.self).split(separator: "\n")
    }

    private static func reportLine(in bytes: [UInt8]) -> String? {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.hasSuffix("\n") else { return nil }
        let line = text.split(separator: "\n").last { $0.hasPrefix("exit=") }.map { String($0) + "\n" }
        return line.flatMap { Report($0) == nil ? nil : $0 }
    }

    /// Kills what a dead shepherd left behind: every process that carries the mark of the attempt.
    func killStrays() {
        let mark = Array("\(Self.markName)=\(files.output)\0".utf8)
        guard let folder = opendir("/proc") else { return }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let pid = pid_t(name), pid != getpid(), let text = contents(ofFile: "/proc/\(pid)/environ") else {
                continue
            }
            if Array(text.utf8).contains(mark) { kill(pid, SIGKILL) }
        }
    }

    /// The environment variable by which processes of an attempt are recognised.
    static let markName = "ALMANAC_ATTEMPT_OUTPUT"
}

/// A name for the files of a task: letters, digits, `.`, `_` and `-` stay, all else becomes `%XX`; long names are cut and
/// end with a checksum.
package func fileName(for task: TaskID) -> String {
    var name = ""
    for byte in task.rawValue.utf8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
            name.unicodeScalars.append(Unicode.Scalar(byte))
        default: name += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }
    }
    guard name.utf8.count > 150 else { return name }
    return name.prefix(120) + "~" + String(FNV1a(task.rawValue).value, radix: 16)
}

private func copy(_ text: String) -> UnsafeMutablePointer<CChar>? { strdup(text) }

/// Clamped, so that no number of seconds traps.
private func microseconds(_ seconds: Double) -> Int64 { seconds.isNaN ? 0 : Int64(clamping: seconds * 1e6) }

extension Int64 {
    /// The nearest representable whole number; 0 if not a number.
    fileprivate init(clamping value: Double) {
        self = value.isNaN ? 0 : value >= 9.2e18 ? .max : value <= -9.2e18 ? .min : Int64(value)
    }
}
