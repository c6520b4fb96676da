import Glibc

/// Plans a job for what is believed of its zone, and anew when that has changed.
///
/// What was learnt from other zones is a ``SpotChain``; a ``SpotBelief`` says how much sooner than there spot is lost and
/// returns here. Both factors are rounded to steps, and the plan of each pair is made once, when it is first wanted.
///
///     var planner = SpotPlanner(job, in: chain)
///     let plan = planner.plan(for: belief)
///     plan.choice(moment, state: belief.state)
public struct SpotPlanner: Sendable {
    /// How closely what is seen is followed.
    public struct Options: Sendable, Hashable, Codable {
        /// Seconds after which what was seen of the zone counts half.
        public var halfLife: Double
        /// Ends of spells that what was learnt elsewhere is worth.
        public var priorEvents: Double
        /// Seconds between looks at the belief.
        public var secondsBetweenPlans: Int
        /// Seconds between values of slack, at most: see ``SpotPlan/init(_:in:coversArrival:resolution:)``.
        public var resolution: Int

        /// Makes options; these were chosen on recorded traces of GPU zones.
        public init(
            halfLife: Double = 168 * 3600, priorEvents: Double = 20, secondsBetweenPlans: Int = 6 * 3600,
            resolution: Int = 120
        ) {
            (self.halfLife, self.priorEvents) = (halfLife, priorEvents)
            (self.secondsBetweenPlans, self.resolution) = (secondsBetweenPlans, resolution)
        }
    }

    public let job: SpotJob
    /// What was learnt elsewhere.
    public let chain: SpotChain
    public let options: Options
    private var plans: [SIMD3<Int>: SpotPlan] = [:]

    /// The step of the logarithm of a factor.
    private static let step = 0.15
    /// No factor is taken for larger, or smaller than its inverse: e².
    private static let mostSteps = 13

    /// Makes a planner, without a plan yet.
    ///
    /// - Precondition: The deadline can be met.
    public init(_ job: SpotJob, in chain: SpotChain, options: Options = Options()) {
        precondition(job.isFeasible, "Who plans has time enough.")
        (self.job, self.chain, self.options) = (job, chain, options)
    }

    /// How many plans it has made.
    public var planCount: Int { plans.count }

    /// Ticks between looks at the belief.
    public var ticksBetweenPlans: Int { max(1, options.secondsBetweenPlans / job.tick) }

    /// How a belief about the zone is to be held.
    public var beliefOptions: SpotBelief.Options {
        SpotBelief.Options(halfLifeTicks: options.halfLife / Double(job.tick), priorEvents: options.priorEvents)
    }

    /// The plan for what is believed now: from before, or made now.
    public mutating func plan(for belief: SpotBelief) -> SpotPlan {
        plan(state: belief.state, lossFactor: Float(belief.lossFactor), returnFactor: Float(belief.returnFactor))
    }

    /// The plan for a zone that is in a state, and in which spot is lost, and returns, so many times as often as in the chain.
    public mutating func plan(state: Int, lossFactor: Float, returnFactor: Float) -> SpotPlan {
        func steps(_ factor: Float) -> Int {
            let steps = (log(Double(factor)) / Self.step).rounded()
            return Int(min(max(steps, -Double(Self.mostSteps)), Double(Self.mostSteps)))
        }
        // Who knows when the spell began will not come to states of those who do not.
        let coversArrival = state >= 2 * chain.classCount
        let key = SIMD3(steps(lossFactor), steps(returnFactor), coversArrival ? 1 : 0)
        if let known = plans[key] { return known }
        func factor(_ steps: Int) -> Double { exp(Double(steps) * Self.step) }
        let plan = SpotPlan(
            job, in: chain.scaled(loss: factor(key.x), return: factor(key.y)), coversArrival: coversArrival,
            resolution: options.resolution)
        plans[key] = plan
        return plan
    }
}
