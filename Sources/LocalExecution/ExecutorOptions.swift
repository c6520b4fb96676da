public import Allocation
public import Execution
public import Scheduling
public import Workloads

/// How a job is run on this machine.
public struct ExecutorOptions: Sendable {
    /// The folder of the run: its journal and the output of every attempt.
    public var runFolder: String
    /// Where commands run; their relative paths start here.
    public var workingFolder: String
    /// Name of the workflow in outcomes.
    public var workflow: String
    /// Name of this run in outcomes.
    public var job: String
    /// On whose account it runs.
    public var account = Account()
    /// What the run may use of this machine, and at what price it is accounted.
    public var instance: InstanceType
    /// What follows failures and alerts.
    public var policy: RetryPolicy
    /// Whether independent tasks go on after one has failed for good.
    public var keepsGoing: Bool
    /// Urgency of every task; by default the longest path to the end.
    public var ranks: [Double]?
    /// What is believed of the tasks: times for who may pass whom, memory for attempts after one that ran out of it.
    public var estimates: Estimates?
    /// Instances that are carved out of this machine in place of ``instance``; none for that alone.
    public var pool: [Offer] = []
    /// When instances of the pool are taken back.
    public var reclaims: [Reclaim] = []
    /// A plan on ``instance`` or on the pool: tasks start in its order, on its instances.
    public var plan: Plan?
    /// A learnt rule that decides in the place of a plan.
    public var rule: PairRule?
    /// How long the run may take and what it may cost; the plan is made anew when that is in danger.
    public var goal = Goal(.balanced)
    /// Makes another plan for what is left.
    public var replan: (@Sendable (RemainingJob) -> Plan?)?
    /// Seconds between SIGTERM and SIGKILL.
    public var graceSeconds: Double
    /// Seconds between two looks at a process tree, at least 0.001.
    public var sampleSeconds: Double
    /// Whether a task seen above its reserved memory is killed as out of memory.
    public var enforcesMemory: Bool
    /// Seconds between two points of the recorded use over time; `nil` records none. Long attempts get wider steps.
    public var seriesSeconds: Double?
    /// The predicted 99 % quantiles of memory and run time: an attempt that is seen above them raises an alert.
    public var expectations: [TaskID: Expectation]
    /// Seconds between ``RunEvent/tick(_:)`` events; `nil` for none.
    public var tickSeconds: Double?
    /// Whether SIGINT, SIGTERM and SIGHUP end the run in an orderly way.
    public var handlesSignals: Bool

    /// What the run rents: the pool, or this machine.
    package var offers: [Offer] { pool.isEmpty ? [Offer(type: instance)] : pool }

    /// Whether the pool is somewhere else, not carved out of this machine.
    public var isElsewhere = false

    /// The name of an instance in outcomes.
    package func name(of instance: InstanceIndex, _ state: RunState) -> InstanceID {
        if pool.isEmpty { return "local" }
        let (offer, all) = (state.instances.offer[Int(instance)], state.instances.offer)
        return pool[Int(offer)].instanceID(all[..<Int(instance)].count { $0 == offer })
    }

    /// An instance is taken back some time after it opened, so that a run can be tried out without a cloud.
    public struct Reclaim: Hashable, Sendable {
        /// The name of the instance, as in plans and outcomes.
        public var instance: InstanceID
        /// Seconds from its opening to the notice.
        public var noticeSeconds: Double
        /// Seconds from the notice to the end.
        public var warningSeconds: Double

        /// Makes a reclaim.
        public init(_ instance: InstanceID, noticeSeconds: Double, warningSeconds: Double) {
            self.instance = instance
            (self.noticeSeconds, self.warningSeconds) = (noticeSeconds, warningSeconds)
        }
    }

    /// What is predicted for a task.
    public struct Expectation: Hashable, Sendable {
        /// The memory of a process tree that is exceeded with a probability of 1 %.
        public var memoryBytes: Double?
        /// The run time that is exceeded with a probability of 1 %.
        public var seconds: Double?

        /// Makes an expectation; what is not given is not watched.
        public init(memoryBytes: Double? = nil, seconds: Double? = nil) {
            (self.memoryBytes, self.seconds) = (memoryBytes, seconds)
        }
    }

    /// Makes options; only the run folder is required.
    public init(
        runFolder: String, workingFolder: String = ".", workflow: String = "job", job: String = "run",
        instance: InstanceType = .thisMachine(), policy: RetryPolicy = .standard, keepsGoing: Bool = true,
        ranks: [Double]? = nil, estimates: Estimates? = nil, graceSeconds: Double = 5, sampleSeconds: Double = 0.05,
        enforcesMemory: Bool = false,
        seriesSeconds: Double? = nil, expectations: [TaskID: Expectation] = [:],
        tickSeconds: Double? = nil, handlesSignals: Bool = true
    ) {
        self.runFolder = runFolder
        self.workingFolder = workingFolder
        self.workflow = workflow
        self.job = job
        self.instance = instance
        self.policy = policy
        self.keepsGoing = keepsGoing
        self.ranks = ranks
        self.estimates = estimates
        self.graceSeconds = graceSeconds
        self.sampleSeconds = sampleSeconds
        self.enforcesMemory = enforcesMemory
        self.seriesSeconds = seriesSeconds
        self.expectations = expectations
        self.tickSeconds = tickSeconds
        self.handlesSignals = handlesSignals
    }
}
