public import LinearAlgebra
public import ReinforcementLearning

/// A network that was trained on a ``SparkEnvironment`` decides, and the rule that it began as where it cannot.
///
/// It cannot where features lie far outside of what it saw in training, or are no numbers: ``fallbacks`` counts.
public struct SparkNetworkPolicy: SparkPolicy, Sendable {
    /// How far outside of the range of training a feature may be, in lengths of the range.
    public var tolerance: Float = 1
    /// Draws decisions by their probabilities; `nil` takes the likeliest.
    public var draws: SeededGenerator?
    public let rule: SparkRule
    public let policy: GraphPolicy
    /// Decisions of this copy, and how many of them the rule took.
    public private(set) var decisions = 0
    public private(set) var fallbacks = 0
    private var workspace: Workspace?

    /// Memory of one copy, which one thread uses at a time.
    private final class Workspace: @unchecked Sendable {
        let decider: PolicyDecider
        var rule: SparkRule
        var observer: SparkObserver
        var observation = GraphObservation()

        init(_ policy: GraphPolicy, _ rule: SparkRule) {
            decider = PolicyDecider(policy)
            self.rule = rule
            observer = SparkObserver(rule, showsAll: policy.shape.hops > 0)
        }
    }

    /// - Throws: `ReinforcementLearningError` if the network sees other features than this program shows.
    public init(_ policy: GraphPolicy, rule: SparkRule) throws(ReinforcementLearningError) {
        try policy.require(featuresOf: SparkEnvironment.shape())
        (self.policy, self.rule) = (policy, rule)
    }

    public mutating func decide(_ simulator: borrowing SparkSimulator) -> SparkSimulator.Decision? {
        if let forced = SparkObserver.forced(simulator) { return forced }
        // A copy has memory of its own, so that another thread may use it.
        if !isKnownUniquelyReferenced(&workspace) { workspace = nil }
        let own = workspace ?? Workspace(policy, rule)
        workspace = own
        decisions += 1
        own.observation.removeAll()
        own.observer.observe(simulator, into: &own.observation)
        if policy.ranges.strangeness(of: own.observation) <= tolerance,
            let action = try? action(own)
        {
            return own.observer.decision(action)
        }
        fallbacks += 1
        return own.rule.decide(simulator)
    }

    private mutating func action(_ own: Workspace) throws(ReinforcementLearningError) -> GraphAction {
        guard var draws else { return try own.decider.decide(own.observation) }
        defer { self.draws = draws }
        return try own.decider.decide(own.observation, using: &draws)
    }
}
