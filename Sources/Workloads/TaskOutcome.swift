/// What came of one attempt at one task: a row of the outcome log, in the units of the trace schema.
///
/// A measure that could not be taken is `nil`, never 0.
public struct TaskOutcome: Hashable, Sendable, Codable {
    /// The workflow or job file that the task belongs to.
    public var workflow: String
    /// The run of that workflow.
    public var job: String
    /// The task.
    public var task: TaskID
    /// The task's type.
    public var taskType: String
    /// 1 for the first attempt.
    public var attempt: Int
    /// The machine's host name.
    public var machine: String?
    /// The instance of the pool that ran it.
    public var instance: InstanceID?
    /// The instance's type.
    public var instanceType: String?
    /// When the task became ready, in Unix seconds.
    public var submitTimeSeconds: Double?
    /// When its process started, in Unix seconds.
    public var startTimeSeconds: Double?
    /// When its process ended, in Unix seconds.
    public var endTimeSeconds: Double?
    /// Wall time of the process.
    public var runtimeSeconds: Double?
    /// Processors reserved for it.
    public var cpus: Double?
    /// User and system time of its whole process tree.
    public var cpuSeconds: Double?
    /// Greatest memory of its whole process tree at one moment.
    public var peakMemoryBytes: Double?
    /// Memory reserved for it.
    public var requestedMemoryBytes: Double?
    /// Its time limit.
    public var requestedSeconds: Double?
    /// Size of the declared inputs when it started.
    public var inputBytes: Double?
    /// Size of the declared outputs when it ended.
    public var outputBytes: Double?
    /// Bytes that its processes read, from the page cache too.
    public var readBytes: Double?
    /// Bytes that its processes wrote.
    public var writtenBytes: Double?
    /// How it ended.
    public var status: Status
    /// Exit code of its shell; 128 + signal number if a signal ended it.
    public var exitCode: Int?
    /// Why it failed; `nil` if it completed.
    public var failureCause: FailureCause?
    /// One sentence about the failure for people; `nil` if it completed.
    public var failureMessage: String?
    /// Price of its instance in US dollars per hour.
    public var pricePerHour: Double?
    /// The task's parameters.
    public var parameters: [String: String]
    /// When it was above what was predicted for it, and what was done about that; `nil` if it never was.
    public var alerts: [TaskAlert]?
    /// What it used over time; `nil` if that was not recorded.
    public var demand: DemandSeries?

    /// How an attempt ended.
    public enum Status: String, Hashable, Sendable, Codable, CaseIterable {
        /// It succeeded.
        case completed
        /// It failed by itself, or broke a limit.
        case failed
        /// It was stopped for a reason that is not its own: cancelled, reclaimed or lost.
        case aborted
    }

    /// Makes an outcome; what is not given is unknown.
    public init(
        workflow: String, job: String, task: TaskID, taskType: String, attempt: Int, status: Status,
        parameters: [String: String] = [:]
    ) {
        self.workflow = workflow
        self.job = job
        self.task = task
        self.taskType = taskType
        self.attempt = attempt
        self.status = status
        self.parameters = parameters
    }
}

/// Why an attempt at a task did not succeed.
public enum FailureCause: String, Hashable, Sendable, Codable, CodingKeyRepresentable, CaseIterable {
    /// It needed more memory than it was given.
    case outOfMemory = "out-of-memory"
    /// It ran longer than its time limit.
    case timeLimit = "time-limit"
    /// It ended with an error of its own, or without a declared output.
    case programError = "program-error"
    /// Its spot instance was taken back.
    case reclaimed
    /// Its instance or its process disappeared.
    case lost
    /// Somebody stopped it.
    case cancelled
    /// Nothing that is to be had has room for it.
    case noCapacity = "no-capacity"

    /// The causes for which an attempt can end.
    public static let ofAttempts = allCases.filter { $0 != .noCapacity }

    /// Whether the task itself is to blame, so that the attempt counts against its retries.
    public var countsAsFailure: Bool {
        switch self {
        case .outOfMemory, .timeLimit, .programError: true
        case .reclaimed, .lost, .cancelled, .noCapacity: false
        }
    }
}
