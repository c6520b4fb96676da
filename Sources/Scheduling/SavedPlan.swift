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
    /// The hash of the job, by `TaskGraph.planDigest`; `nil` in plans of earlier releases.
    public var jobDigest: String?
    /// The hash of the models; `nil` if there were none, and in plans of earlier releases.
    public var modelsDigest: String?

    private enum CodingKeys: String, CodingKey { case goal, costs, jobDigest, modelsDigest }

    /// Puts them together.
    public init(
        _ plan: Plan, goal: Goal, costs: CostModel, jobDigest: String? = nil, modelsDigest: String? = nil
    ) {
        (self.plan, self.goal, self.costs) = (plan, goal, costs)
        (self.jobDigest, self.modelsDigest) = (jobDigest, modelsDigest)
    }

    /// Reads the plan and what stands beside it.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            try Plan(from: decoder), goal: try values.decode(Goal.self, forKey: .goal),
            costs: try values.decode(CostModel.self, forKey: .costs),
            jobDigest: try values.decodeIfPresent(String.self, forKey: .jobDigest),
            modelsDigest: try values.decodeIfPresent(String.self, forKey: .modelsDigest))
    }

    /// Writes the plan and what stands beside it.
    public func encode(to encoder: any Encoder) throws {
        try plan.encode(to: encoder)
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(goal, forKey: .goal)
        try values.encode(costs, forKey: .costs)
        try values.encodeIfPresent(jobDigest, forKey: .jobDigest)
        try values.encodeIfPresent(modelsDigest, forKey: .modelsDigest)
    }
}
