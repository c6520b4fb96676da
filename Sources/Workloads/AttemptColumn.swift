/// The columns of the trace schema. Readers, writers, the store and the documentation all go by this one table.
///
/// Beside them a trace may have any number of `param.NAME` columns, numbers or text: what a task was asked to do.
public enum AttemptColumn: Int, CaseIterable, Sendable, Hashable {
    case workflow, job, tenant, task, taskType, attempt, machine, instance, instanceType, purchase, zone
    case submitTime, startTime, endTime, queued, runtime, predictedRuntime
    case cpus, cpuSeconds, gpus, peakMemory, predictedMemory, requestedMemory, requestedTime, storage
    case inputBytes, outputBytes, readBytes, writtenBytes, transferBytes, transferTime, restoredShare
    case status, exitCode, failureCause, failureMessage, alert, pricePerHour

    /// What the numbers of a column count.
    public enum Unit: String, Sendable {
        case text, unixSeconds = "Unix seconds", seconds, bytes, cores, dollarsPerHour = "US dollars per hour", count,
            share
    }

    /// The name in files and in the store; it carries the unit.
    public var name: String { description.name }
    /// What a value counts; ``Unit/text`` for words.
    public var unit: Unit { description.unit }
    /// One sentence on what the column holds.
    public var documentation: String { description.documentation }
    /// Whether the column holds words rather than numbers.
    public var isText: Bool {
        switch self {
        case .workflow, .job, .tenant, .task, .taskType, .machine, .instance, .instanceType, .purchase, .zone,
            .status, .failureCause, .failureMessage, .alert:
            true
        default: false
        }
    }
    /// Whether a value below zero is an error.
    public var isNonNegative: Bool { self != .exitCode }

    /// The column of that name.
    public init?(name: String) {
        guard let column = Self.byName[name] else { return nil }
        self = column
    }

    /// The columns that nobody knows before a task runs, or that name it: what no prediction of another column may rest on.
    public static let results: [AttemptColumn] = [
        .workflow, .job, .task, .attempt, .machine, .instance, .submitTime, .startTime, .endTime, .queued,
        .runtime, .predictedRuntime, .cpuSeconds, .peakMemory, .predictedMemory, .outputBytes, .readBytes,
        .writtenBytes, .transferBytes, .transferTime, .restoredShare, .status, .exitCode, .failureCause,
        .failureMessage, .alert, .pricePerHour,
    ]

    private static let byName = Dictionary(uniqueKeysWithValues: allCases.map { ($0.name, $0) })

    private var description: (name: String, unit: Unit, documentation: String) {
        switch self {
        case .workflow: ("workflow", .text, "The workflow or job file that the task belongs to.")
        case .job: ("job", .text, "The run of that workflow.")
        case .tenant: ("tenant", .text, "On whose account it ran.")
        case .task: ("task", .text, "The task, unique in its job.")
        case .taskType: ("task_type", .text, "What kind of task: those of one type run the same program.")
        case .attempt: ("attempt", .count, "1 for the first attempt.")
        case .machine: ("machine", .text, "The host that ran it.")
        case .instance: ("instance", .text, "The instance of the pool that ran it, unique in its job.")
        case .instanceType: ("instance_type", .text, "The type of that host, for instance m5.large.")
        case .purchase: ("purchase", .text, "How that host was bought: on-demand or spot.")
        case .zone: ("zone", .text, "Where that host was.")
        case .submitTime: ("submit_time_seconds", .unixSeconds, "When it was ready to run.")
        case .startTime: ("start_time_seconds", .unixSeconds, "When its process started.")
        case .endTime: ("end_time_seconds", .unixSeconds, "When its process ended.")
        case .queued: ("queued_seconds", .seconds, "Time that it was ready and waited for room.")
        case .runtime: ("runtime_seconds", .seconds, "Wall time; 0 is too short for the recorder to measure.")
        case .predictedRuntime:
            ("predicted_seconds", .seconds, "Median run time that was predicted for it when it started.")
        case .cpus: ("cpus", .cores, "Processors reserved for it.")
        case .cpuSeconds: ("cpu_seconds", .seconds, "User and system time of all its processes.")
        case .gpus: ("gpus", .count, "GPUs reserved for it.")
        case .peakMemory: ("peak_memory_bytes", .bytes, "Greatest memory of all its processes at one moment.")
        case .predictedMemory:
            ("predicted_memory_bytes", .bytes, "Median peak memory that was predicted for it when it started.")
        case .requestedMemory: ("requested_memory_bytes", .bytes, "Memory reserved for it.")
        case .requestedTime: ("requested_seconds", .seconds, "Its time limit.")
        case .storage: ("storage_bytes", .bytes, "Local storage reserved for it.")
        case .inputBytes: ("input_bytes", .bytes, "Size of its inputs, known before it runs.")
        case .outputBytes: ("output_bytes", .bytes, "Size of its outputs.")
        case .readBytes: ("read_bytes", .bytes, "Bytes that it read, from the page cache too.")
        case .writtenBytes: ("written_bytes", .bytes, "Bytes that it wrote.")
        case .transferBytes: ("transfer_bytes", .bytes, "Bytes brought to its host before it started.")
        case .transferTime: ("transfer_seconds", .seconds, "Time that took.")
        case .restoredShare: ("restored_share", .share, "Share of its work that it took over from a checkpoint.")
        case .status: ("status", .text, "completed, failed, cached or aborted.")
        case .exitCode: ("exit_code", .count, "Exit code; 128 + signal number if a signal ended it.")
        case .failureCause: ("failure_cause", .text, "Why it failed, for instance out-of-memory.")
        case .failureMessage: ("failure_message", .text, "One sentence on that for people.")
        case .alert: ("alert", .text, "When it was above what was predicted, and what was done.")
        case .pricePerHour: ("price_per_hour", .dollarsPerHour, "Price of its instance.")
        }
    }
}
