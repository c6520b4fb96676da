/// One task of a job: what to run, what it needs, and what it waits for.
public struct TaskSpec: Hashable, Sendable, Codable {
    /// The name, unique in its graph.
    public var id: TaskID
    /// What kind of task it is, for instance a process or program name. Models are fitted per type.
    public var type: String
    /// What `/bin/sh -c` runs; `nil` for a task that is only planned or simulated.
    public var command: String?
    /// The tasks that must succeed before this one starts.
    public var predecessors: [TaskID]
    /// What the task asks of the instance that runs it.
    public var request: Requirements
    /// Files that it reads.
    public var inputs: [FileSpec]
    /// Files that it writes.
    public var outputs: [FileSpec]
    /// Higher runs first among tasks that are ready; 0 is usual.
    public var priority: Int
    /// It does not start before, in seconds after the start of its job; `nil` is as soon as it can.
    public var notBeforeSeconds: Double?
    /// It should end by then, in seconds after the start of its job; `nil` if that does not matter.
    public var deadlineSeconds: Double?
    /// How often a failed attempt is repeated; `nil` leaves it to the executor.
    public var retries: Int?
    /// Whether two attempts at it may run at the same time, so that one that takes far too long gets a copy elsewhere; `nil`
    /// leaves it to the executor. Two attempts that write to the same files spoil them.
    public var speculate: Bool?
    /// Environment variables of its process, beside those inherited.
    public var environment: [String: String]
    /// Free values that describe the work (sizes, options); models use them as features.
    public var parameters: [String: String]
    /// The run time that the job itself claims, in seconds on an instance of speed 1: a guess, never what was measured.
    public var claimedSeconds: Double?
    /// The peak memory that the job itself claims, in bytes.
    public var claimedPeakMemoryBytes: Double?

    /// Makes a task; only the name is required. `type` defaults to the name.
    public init(
        id: TaskID, type: String? = nil, command: String? = nil, predecessors: [TaskID] = [],
        request: Requirements = .init(), inputs: [FileSpec] = [], outputs: [FileSpec] = [], priority: Int = 0,
        notBeforeSeconds: Double? = nil, deadlineSeconds: Double? = nil, retries: Int? = nil, speculate: Bool? = nil,
        environment: [String: String] = [:], parameters: [String: String] = [:],
        claimedSeconds: Double? = nil, claimedPeakMemoryBytes: Double? = nil
    ) {
        self.id = id
        self.type = type ?? id.rawValue
        self.command = command
        self.predecessors = predecessors
        self.request = request
        self.inputs = inputs
        self.outputs = outputs
        self.priority = priority
        (self.notBeforeSeconds, self.deadlineSeconds) = (notBeforeSeconds, deadlineSeconds)
        self.retries = retries
        self.speculate = speculate
        self.environment = environment
        self.parameters = parameters
        self.claimedSeconds = claimedSeconds
        self.claimedPeakMemoryBytes = claimedPeakMemoryBytes
    }

    /// The summed size of all inputs in bytes, or `nil` if the size of one is unknown or there is none.
    public var inputBytes: Double? { inputs.totalBytes }

    /// The summed size of all outputs in bytes, or `nil` if the size of one is unknown or there is none.
    public var outputBytes: Double? { outputs.totalBytes }
}

/// A file that a task reads or writes.
public struct FileSpec: Hashable, Sendable, Codable {
    /// Path, or the name that a trace gives it.
    public var path: String
    /// Size in bytes; `nil` if not known yet.
    public var sizeBytes: Double?

    /// Makes a file description.
    public init(path: String, sizeBytes: Double? = nil) {
        self.path = path
        self.sizeBytes = sizeBytes
    }
}

extension [FileSpec] {
    /// The summed size of all in bytes, or `nil` if the size of one is unknown or there is none.
    package var totalBytes: Double? {
        guard !isEmpty else { return nil }
        var total = 0.0
        for file in self {
            guard let size = file.sizeBytes else { return nil }
            total += size
        }
        return total
    }
}
