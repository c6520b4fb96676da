/// What a plan should be good at, and what it must keep.
public struct Goal: Hashable, Sendable, Codable {
    /// What to make small.
    public enum Objective: String, Hashable, Sendable, Codable, CaseIterable {
        /// The cost in US dollars, within the deadline.
        case cost
        /// The makespan, within the budget.
        case time
        /// Both: the smallest product of makespan and cost among the plans found.
        case balanced
    }

    /// What to make small.
    public var objective: Objective
    /// The longest allowed makespan in seconds.
    public var deadlineSeconds: Double?
    /// The greatest allowed cost in US dollars.
    public var budget: Double?
    /// Plan with this quantile of every run time in place of its expectation, for instance 0.9.
    public var confidence: Double?

    /// Makes a goal without limits, unless they are given.
    public init(
        _ objective: Objective, deadlineSeconds: Double? = nil, budget: Double? = nil, confidence: Double? = nil
    ) {
        self.objective = objective
        self.deadlineSeconds = deadlineSeconds
        self.budget = budget
        self.confidence = confidence
    }

    /// Whether a plan of this makespan and cost keeps the limits, but for rounding.
    package func allows(makespan: Double, cost: Double) -> Bool {
        makespan <= (deadlineSeconds ?? .infinity) * (1 + 1e-9) && cost <= (budget ?? .infinity) * (1 + 1e-9)
    }
}
