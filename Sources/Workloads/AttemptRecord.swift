/// One attempt at one task: what a trace recorded of it, or what came of it in a run of our own. A row of the trace schema.
///
/// Each ``AttemptColumn`` is a property; a measure that was not taken is `nil`, never 0.
public struct AttemptRecord: Hashable, Sendable {
    /// The workflow or job file that the task belongs to.
    public var workflow: String?
    /// The run of that workflow.
    public var job: String?
    /// On whose account it ran.
    public var tenant: String?
    /// The task, unique in its job.
    public var task: String?
    /// What kind of task: those of one type run the same program.
    public var taskType: String?
    /// 1 for the first attempt.
    public var attempt: Int?
    /// The host that ran it.
    public var machine: String?
    /// The instance of the pool that ran it, unique in its job.
    public var instance: String?
    /// The type of that host, for instance m5.large.
    public var instanceType: String?
    /// How that host was bought: on-demand or spot.
    public var purchase: String?
    /// Where that host was.
    public var zone: String?
    /// When it was ready to run.
    public var submitTimeSeconds: Double?
    /// When its process started.
    public var startTimeSeconds: Double?
    /// When its process ended.
    public var endTimeSeconds: Double?
    /// Time that it was ready and waited for room.
    public var queuedSeconds: Double?
    /// Wall time; 0 is too short for the recorder to measure.
    public var runtimeSeconds: Double?
    /// Median run time that was predicted for it when it started.
    public var predictedSeconds: Double?
    /// Processors reserved for it.
    public var cpus: Double?
    /// User and system time of all its processes.
    public var cpuSeconds: Double?
    /// GPUs reserved for it.
    public var gpus: Double?
    /// Greatest memory of all its processes at one moment.
    public var peakMemoryBytes: Double?
    /// Median peak memory that was predicted for it when it started.
    public var predictedMemoryBytes: Double?
    /// Memory reserved for it.
    public var requestedMemoryBytes: Double?
    /// Its time limit.
    public var requestedSeconds: Double?
    /// Local storage reserved for it.
    public var storageBytes: Double?
    /// Size of its inputs, known before it runs.
    public var inputBytes: Double?
    /// Size of its outputs.
    public var outputBytes: Double?
    /// Bytes that it read, from the page cache too.
    public var readBytes: Double?
    /// Bytes that it wrote.
    public var writtenBytes: Double?
    /// Bytes brought to its host before it started.
    public var transferBytes: Double?
    /// Time that took.
    public var transferSeconds: Double?
    /// Share of its work that it took over from a checkpoint.
    public var restoredShare: Double?
    /// completed, failed, cached or aborted.
    public var status: AttemptStatus?
    /// Exit code; 128 + signal number if a signal ended it.
    public var exitCode: Int?
    /// Why it failed, for instance out-of-memory.
    public var failureCause: String?
    /// One sentence on that for people.
    public var failureMessage: String?
    /// When it was above what was predicted, and what was done.
    public var alert: String?
    /// Price of its instance.
    public var pricePerHour: Double?
    /// The `param.` columns, by name without that prefix.
    public var parameters: [String: ParameterValue] = [:]
    /// What it used over time; no column, `nil` if that was not recorded.
    public var demand: DemandSeries?

    /// A record of which nothing is known yet.
    public init() {}

    /// An attempt of our own, of which nothing is known but its name and that it completed.
    public init(
        workflow: String, job: String, task: String, taskType: String, attempt: Int,
        status: AttemptStatus = .completed
    ) {
        (self.workflow, self.job, self.task, self.taskType) = (workflow, job, task, taskType)
        (self.attempt, self.status) = (attempt, status)
    }

    /// Why it failed, if that is one of the causes that we know.
    public var cause: FailureCause? {
        get { failureCause.flatMap { FailureCause(rawValue: $0) } }
        set { failureCause = newValue?.rawValue }
    }
}
