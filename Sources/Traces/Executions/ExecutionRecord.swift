import Reading
public import Workloads

/// One attempt at one task, as a trace records it. `nil` is not known. See ``ExecutionColumn`` for the meanings.
public struct ExecutionRecord: Hashable, Sendable {
    /// The workflow or job file.
    public var workflow: String?
    /// The run of the workflow.
    public var job: String?
    /// The task, unique in its job.
    public var task: String?
    /// What kind of task.
    public var taskType: String?
    /// 1 for the first attempt.
    public var attempt: Int?
    /// The host that ran it.
    public var machine: String?
    /// The type of that host.
    public var instanceType: String?
    /// When it was ready, Unix seconds.
    public var submitTimeSeconds: Double?
    /// When its process started, Unix seconds.
    public var startTimeSeconds: Double?
    /// When its process ended, Unix seconds.
    public var endTimeSeconds: Double?
    /// Wall time.
    public var runtimeSeconds: Double?
    /// Processors reserved.
    public var cpus: Double?
    /// User and system time.
    public var cpuSeconds: Double?
    /// Greatest memory at one moment.
    public var peakMemoryBytes: Double?
    /// Memory reserved.
    public var requestedMemoryBytes: Double?
    /// Time limit.
    public var requestedSeconds: Double?
    /// Size of the inputs, known before it runs.
    public var inputBytes: Double?
    /// Size of the outputs.
    public var outputBytes: Double?
    /// Bytes read, from the page cache too.
    public var readBytes: Double?
    /// Bytes written.
    public var writtenBytes: Double?
    /// How it ended.
    public var status: ExecutionStatus?
    /// Exit code; 128 + signal number after a signal.
    public var exitCode: Int?
    /// Why it failed.
    public var failureCause: String?
    /// Price of the instance, US dollars per hour.
    public var pricePerHour: Double?
    /// The `param.` columns, by name without that prefix.
    public var parameters: [String: ParameterValue] = [:]

    /// A record of which nothing is known yet.
    public init() {}

    /// What the executor reports, as a row of the trace schema. A numeric parameter becomes a number; the pool's
    /// name of the instance becomes the parameter `instance`, what is said of a failure and of alerts `failure` and
    /// `alert`.
    public init(_ outcome: TaskOutcome) {
        workflow = outcome.workflow
        job = outcome.job
        task = outcome.task.rawValue
        taskType = outcome.taskType
        attempt = outcome.attempt
        machine = outcome.machine
        instanceType = outcome.instanceType
        submitTimeSeconds = outcome.submitTimeSeconds
        startTimeSeconds = outcome.startTimeSeconds
        endTimeSeconds = outcome.endTimeSeconds
        runtimeSeconds = outcome.runtimeSeconds
        cpus = outcome.cpus
        cpuSeconds = outcome.cpuSeconds
        peakMemoryBytes = outcome.peakMemoryBytes
        requestedMemoryBytes = outcome.requestedMemoryBytes
        requestedSeconds = outcome.requestedSeconds
        inputBytes = outcome.inputBytes
        outputBytes = outcome.outputBytes
        readBytes = outcome.readBytes
        writtenBytes = outcome.writtenBytes
        switch outcome.status {
        case .completed: status = .completed
        case .failed: status = .failed
        case .aborted: status = .aborted
        }
        exitCode = outcome.exitCode
        failureCause = outcome.failureCause?.rawValue
        pricePerHour = outcome.pricePerHour
        parameters = outcome.parameters.mapValues { ParameterValue($0) }
        if let instance = outcome.instance { parameters["instance"] = .text(instance.rawValue) }
        if let message = outcome.failureMessage { parameters["failure"] = .text(message) }
        if let alerts = outcome.alerts { parameters["alert"] = .text(alerts.map(\.text).joined(separator: "; ")) }
    }
}

/// How an attempt ended.
public enum ExecutionStatus: String, Sendable, Hashable, Codable, CaseIterable {
    case completed
    case failed
    /// The result of an earlier run was used; the measures are of that run.
    case cached
    /// Stopped for a reason that is not its own: cancelled, reclaimed, lost or never started.
    case aborted

    /// The status that a workflow engine's word for it means, in any letter case.
    public init?(word: some StringProtocol) {
        switch word.lowercased() {
        case "completed", "complete", "ok", "success", "succeeded", "done", "finished": self = .completed
        case "failed", "error", "failure", "fail": self = .failed
        case "cached": self = .cached
        case "aborted", "cancelled", "canceled", "deleted", "deleting", "paused", "killed", "stopped": self = .aborted
        default: return nil
        }
    }
}

/// The value of a `param.` column.
public enum ParameterValue: Hashable, Sendable {
    case number(Double)
    case text(String)

    /// A number if the text is a finite decimal one, else the text.
    public init(_ text: String) {
        if let number = parseDecimal(text), number.isFinite { self = .number(number) } else { self = .text(text) }
    }

    /// As it is written to a file.
    public var text: String {
        switch self {
        case .number(let number): shortest(number)
        case .text(let text): text
        }
    }
}

extension ParameterValue: ExpressibleByStringLiteral, ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
    /// A text.
    public init(stringLiteral value: String) { self = .text(value) }
    /// A number.
    public init(floatLiteral value: Double) { self = .number(value) }
    /// A number.
    public init(integerLiteral value: Int) { self = .number(Double(value)) }
}

extension ExecutionRecord {
    /// The number in a column; `nil` for a text column.
    public subscript(number column: ExecutionColumn) -> Double? {
        get {
            switch column {
            case .attempt: attempt.map(Double.init)
            case .submitTime: submitTimeSeconds
            case .startTime: startTimeSeconds
            case .endTime: endTimeSeconds
            case .runtime: runtimeSeconds
            case .cpus: cpus
            case .cpuSeconds: cpuSeconds
            case .peakMemory: peakMemoryBytes
            case .requestedMemory: requestedMemoryBytes
            case .requestedTime: requestedSeconds
            case .inputBytes: inputBytes
            case .outputBytes: outputBytes
            case .readBytes: readBytes
            case .writtenBytes: writtenBytes
            case .exitCode: exitCode.map(Double.init)
            case .pricePerHour: pricePerHour
            case .workflow, .job, .task, .taskType, .machine, .instanceType, .status, .failureCause: nil
            }
        }
        set {
            switch column {
            case .attempt: attempt = newValue.flatMap { Int(exactly: $0.rounded()) }
            case .submitTime: submitTimeSeconds = newValue
            case .startTime: startTimeSeconds = newValue
            case .endTime: endTimeSeconds = newValue
            case .runtime: runtimeSeconds = newValue
            case .cpus: cpus = newValue
            case .cpuSeconds: cpuSeconds = newValue
            case .peakMemory: peakMemoryBytes = newValue
            case .requestedMemory: requestedMemoryBytes = newValue
            case .requestedTime: requestedSeconds = newValue
            case .inputBytes: inputBytes = newValue
            case .outputBytes: outputBytes = newValue
            case .readBytes: readBytes = newValue
            case .writtenBytes: writtenBytes = newValue
            case .exitCode: exitCode = newValue.flatMap { Int(exactly: $0.rounded()) }
            case .pricePerHour: pricePerHour = newValue
            case .workflow, .job, .task, .taskType, .machine, .instanceType, .status, .failureCause: break
            }
        }
    }

    /// The text in a column; `nil` for a number column. Setting an unknown status sets `nil`.
    public subscript(text column: ExecutionColumn) -> String? {
        get {
            switch column {
            case .workflow: workflow
            case .job: job
            case .task: task
            case .taskType: taskType
            case .machine: machine
            case .instanceType: instanceType
            case .status: status?.rawValue
            case .failureCause: failureCause
            default: nil
            }
        }
        set {
            switch column {
            case .workflow: workflow = newValue
            case .job: job = newValue
            case .task: task = newValue
            case .taskType: taskType = newValue
            case .machine: machine = newValue
            case .instanceType: instanceType = newValue
            case .status: status = newValue.flatMap { ExecutionStatus(word: $0) }
            case .failureCause: failureCause = newValue
            default: break
            }
        }
    }
}
