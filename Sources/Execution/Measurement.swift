internal import Allocation
public import Workloads

/// What was measured of one attempt, and what is known of its end. A measure that could not be taken is `nil`.
public struct Measurement: Hashable, Sendable {
    /// What speaks for and against success.
    public var evidence: FailureEvidence
    /// A sentence that explains the end better than the evidence could.
    public var explanation: String?
    /// The last line of its standard error.
    public var lastWords: String?
    /// Declared outputs that do not exist.
    public var missingOutputs: [String] = []
    /// Processes that lived on when the command had ended, and were killed.
    public var leftBehind = 0
    /// The host name of the machine.
    public var machine: String?
    /// When its process started, in Unix seconds.
    public var startTimeSeconds: Double?
    /// When its process ended, in Unix seconds.
    public var endTimeSeconds: Double?
    /// Wall time of the process.
    public var runtimeSeconds: Double?
    /// User and system time of its whole process tree.
    public var cpuSeconds: Double?
    /// Greatest memory of its whole process tree at one moment.
    public var peakMemoryBytes: Double?
    /// Bytes that its processes read.
    public var readBytes: Double?
    /// Bytes that its processes wrote.
    public var writtenBytes: Double?
    /// Size of the declared inputs when it started.
    public var inputBytes: Double?
    /// Size of the declared outputs when it ended.
    public var outputBytes: Double?
    /// What it used over time.
    public var demand: DemandSeries?

    /// Makes a measurement of which only the evidence is known.
    public init(_ evidence: FailureEvidence, explanation: String? = nil) {
        (self.evidence, self.explanation) = (evidence, explanation)
    }
}

extension AttemptRecord {
    /// Takes over what was measured, and works out how the attempt ended.
    ///
    /// - Parameter alerts: When it was above what was predicted, and what was done about that.
    mutating func take(_ found: Measurement, _ alerts: [TaskAlert]) {
        machine = found.machine
        startTimeSeconds = found.startTimeSeconds
        endTimeSeconds = found.endTimeSeconds
        runtimeSeconds = found.runtimeSeconds
        cpuSeconds = found.cpuSeconds
        peakMemoryBytes = found.peakMemoryBytes
        readBytes = found.readBytes
        writtenBytes = found.writtenBytes
        inputBytes = found.inputBytes
        exitCode = found.evidence.exitCode
        if !alerts.isEmpty { alert = alerts.map(\.text).joined(separator: "; ") }
        if let start = startTimeSeconds, let ready = submitTimeSeconds { queuedSeconds = max(0, start - ready) }
        demand = found.demand
        guard let cause = found.evidence.cause else {
            outputBytes = found.outputBytes
            return
        }
        status = cause.countsAsFailure ? .failed : .aborted
        self.cause = cause
        failureMessage = found.explanation ?? sentence(cause, found, alerts)
    }

    private func sentence(_ cause: FailureCause, _ found: Measurement, _ alerts: [TaskAlert]) -> String {
        switch found.evidence.killer {
        case .timeLimit where alerts.contains { $0.kind == Alert.time.rawValue && $0.reaction == .kill },
            .memoryLimit where alerts.contains { $0.kind == Alert.memory.rawValue && $0.reaction == .kill }:
            return "It was killed: \(alerts.last?.text ?? "above what was predicted")."
        case .timeLimit: return "It ran longer than its time limit of \(Units.formatSeconds(requestedSeconds ?? 0))."
        case .memoryLimit:
            let (limit, seen) = (Units.formatBytes(requestedMemoryBytes ?? 0), Units.formatBytes(peakMemoryBytes ?? 0))
            return "It used \(seen), more than the \(limit) reserved for it."
        case .person: return "It was stopped."
        case .reclaim: return "Its instance was taken back."
        case nil: break
        }
        if found.evidence.disappeared { return "The process that watched the task disappeared." }
        let code = exitCode ?? 0
        if code == 0, let first = found.missingOutputs.first {
            let others = found.missingOutputs.count > 1 ? " and \(found.missingOutputs.count - 1) more" : ""
            return "It ended well, but its declared output '\(first)'\(others) does not exist."
        }
        let lastWords = found.lastWords.map { " Last line of its standard error: \($0)" } ?? ""
        switch cause {
        case .outOfMemory: return "It was killed while the machine was out of memory.\(lastWords)"
        case .timeLimit: return "It ended with exit code \(code), which stands for a time limit.\(lastWords)"
        default: break
        }
        if found.evidence.signal != 0 { return "It was ended by signal \(found.evidence.signal).\(lastWords)" }
        if code == 127 { return "A command was not found (exit code 127).\(lastWords)" }
        return "It ended with exit code \(code).\(lastWords)"
    }
}
