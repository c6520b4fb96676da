/// How Slurm is used by a run.
public struct SlurmOptions: Sendable {
    /// The partitions whose nodes may be used; none for the default one.
    public var partitions: [String] = []
    /// Options that every `sbatch` gets, for instance `--account=lab`.
    public var arguments: [String] = []
    /// Whether tasks run in workers that hold a node each, in the place of a Slurm job for each attempt.
    public var usesWorkers = false
    /// This program, as nodes see it: it measures attempts. Where it is not there, a shell runs them.
    public var program: String?
    /// Seconds between two questions how the jobs are.
    public var pollSeconds = 2.0
    /// Seconds between two looks for what has ended.
    public var lookSeconds = 0.05
    /// Seconds after which an attempt is lost of which Slurm knows nothing any more and that left no result.
    public var lostSeconds = 10.0
    /// The address where workers find this process; that of the host name if it is not given.
    public var address: String?
    /// Seconds that a worker waits for another process to go on with the run when this one is gone.
    public var patienceSeconds = 600.0

    /// Makes options: a job for each attempt, in the default partition.
    public init() {}
}
