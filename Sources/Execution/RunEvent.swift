public import Allocation
public import Workloads

/// What a live view of a run is told.
public enum RunEvent: Hashable, Sendable {
    /// An attempt started.
    case started(TaskID, attempt: Int)
    /// An attempt ended.
    case ended(AttemptRecord)
    /// A running attempt is above what was predicted for it.
    case alert(TaskID, attempt: Int, Alert)
    /// So many processes of an attempt lived on when its command had ended, and were killed.
    case leftBehind(TaskID, attempt: Int, processes: Int)
    /// A task failed for good.
    case gaveUp(TaskID, FailureCause)
    /// A task cannot run, because one that it waits for has failed.
    case skipped(TaskID)
    /// An instance takes tasks, will be taken back, or is gone.
    case instance(InstanceID, String)
    /// Something that a person should know.
    case remark(String)
    /// The plan did not hold any more; the new one ends in so many seconds, `nil` if there is no other.
    case replanned(ReplanReason, endSeconds: Double?)
    /// The policy that was learnt does not decide any more.
    case policyFailed(String)
    /// Somebody asked the run to stop; what runs is being ended.
    case stopping
    /// Time has passed.
    case tick(RunStatus)
}

/// How far a run is.
public struct RunStatus: Hashable, Sendable {
    /// An attempt that runs.
    public struct Running: Hashable, Sendable {
        /// The task.
        public var task: TaskID
        /// 1 for the first attempt.
        public var attempt: Int
        /// When it started, in Unix seconds.
        public var startTimeSeconds: Double
    }

    /// How long it still takes, by what is believed and what the run has shown.
    public struct TimeLeft: Hashable, Sendable, Codable {
        /// With probability 50 %, in seconds.
        public var p50: Double
        /// With probability 95 %, in seconds.
        public var p95: Double

        /// Makes it of two quantiles of the end, seen from `now`; none is less than 0.
        public init(_ foresight: Foresight, from now: Double) {
            (p50, p95) = (max(0, foresight.end(0.5) - now), max(0, foresight.end(0.95) - now))
        }

        enum CodingKeys: String, CodingKey {
            case p50 = "p50_seconds"
            case p95 = "p95_seconds"
        }
    }

    /// Tasks of the job.
    public var total: Int
    /// Tasks that succeeded, earlier processes of this run included.
    public var finished: Int
    /// Tasks that failed for good.
    public var failed: Int
    /// Tasks that cannot run.
    public var skipped: Int
    /// Attempts that run now.
    public var running: [Running]
    /// Seconds since this process took up the run.
    public var elapsedSeconds: Double
    /// How long it still takes; `nil` if nobody knows.
    public var left: TimeLeft?
}

/// How a run ended.
public struct RunResult: Hashable, Sendable, Codable {
    /// Whether all tasks succeeded.
    public var ending: Ending
    /// Tasks of the job.
    public var total: Int
    /// Tasks that succeeded, earlier processes of this run included.
    public var finished: Int
    /// Tasks that failed for good, and why.
    public var failed: [TaskID: FailureCause]
    /// Tasks that could not run.
    public var skipped: [TaskID]
    /// Attempts that this process saw end.
    public var attempts: Int
    /// Seconds that this process worked on the run.
    public var elapsedSeconds: Double
}
