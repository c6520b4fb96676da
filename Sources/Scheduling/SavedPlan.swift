public import Workloads

/// A plan with all that it was made from but job and pool: planning these again gives the same plan.
///
/// On disk it is the plan, with `goal` and `costs` beside its own fields: whoever wants the plan alone reads a ``Plan``.
public struct SavedPlan: Hashable, Sendable, Codable {
    /// The plan.
    public var plan: Plan
    /// What it should be good at.
    public var goal: Goal
    /// What was believed of tasks, market and network.
    public var costs: CostModel

    private enum CodingKeys: String, CodingKey { case goal, costs }

    /// Puts them together.
    public init(_ plan: Plan, goal: Goal, costs: CostModel) { (self.plan, self.goal, self.costs) = (plan, goal, costs) }

    /// Reads the plan and what stands beside it.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            try Plan(from: decoder), goal: try values.decode(Goal.self, forKey: .goal),
            costs: try values.decode(CostModel.self, forKey: .costs))
    }

    /// Writes the plan and what stands beside it.
    public func encode(to encoder: any Encoder) throws {
        try plan.encode(to: encoder)
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(goal, forKey: .goal)
        try values.encode(costs, forKey: .costs)
    }
}
