public import LocalExecution
public import SlurmExecution
public import Workloads

/// What somebody asks for who wants a job run.
public struct RunRequest: Sendable {
    /// The job file.
    public var job: String
    /// The folder of models; without it, times are those in the job.
    public var models: String?
    /// The folder of the store.
    public var store: String
    /// Go on with the newest run of this job.
    public var resume = false
    /// The folder of the run instead of `STORE/runs/NAME/NUMBER`.
    public var runFolder: String?
    /// Where commands run.
    public var workingFolder = "."
    /// What the run may use, and its price.
    public var machine: InstanceType
    /// How often failed attempts are repeated, for tasks that do not say; the policy's if `nil`.
    public var retries: Int?
    /// A file with a `policy:` instead of the job's.
    public var policy: String?
    /// Seconds between two points of the recorded use; `nil` records none.
    public var seriesSeconds: Double?
    /// End the run at the first task that fails for good.
    public var stopsOnFailure = false
    /// Kill a task that uses more memory than it asks for.
    public var enforcesMemory = false
    /// Seconds between asking a task to end and killing it.
    public var graceSeconds = 5.0
    /// A plan that `almanac plan --output` wrote; by default one is made if times are known.
    public var plan: String?
    /// A policy file that `almanac train policy` wrote: it decides in the place of a plan.
    public var policyModel: String?
    /// Run as well as can be where no plan keeps the deadline or the budget.
    public var acceptsMissedLimits = false
    /// Run on the instances of the job's pool, carved out of ``machine``.
    public var usesPool = false
    /// Run on a Slurm cluster, and how; on ``machine`` if `nil`.
    public var slurm: SlurmOptions?
    /// The most nodes of the cluster that it may use at once.
    public var mostNodes: Int?
    /// Seconds from asking for an instance of the pool until it takes tasks.
    public var startUpSeconds = 0.0
    /// When instances of the pool are taken back.
    public var reclaims: [ExecutorOptions.Reclaim] = []

    /// Asks for a job to be run on a machine, its outcomes kept in a store.
    public init(job: String, models: String? = nil, store: String, on machine: InstanceType) {
        (self.job, self.models, self.store, self.machine) = (job, models, store, machine)
    }
}
