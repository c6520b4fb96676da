/// A plan, and what is known of it.
public struct FoundPlan: Sendable, Encodable {
    /// The plan.
    public var plan: Plan
    /// No plan ends sooner.
    public var lowerBound: LowerBound
    /// Moves that were judged, and those of them that were made for it.
    public var tries = 0
    public var evaluations = 0

    /// By which share of the bound it takes longer than every plan must.
    public var gap: Double { lowerBound.gap(plan.makespanSeconds) }

    private enum CodingKeys: String, CodingKey { case lowerBoundSeconds, gap, tries, evaluations }

    /// Writes the plan, and what is known of it beside.
    public func encode(to encoder: any Encoder) throws {
        try plan.encode(to: encoder)
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(lowerBound.makespanSeconds, forKey: .lowerBoundSeconds)
        try values.encode(gap, forKey: .gap)
        try values.encode(tries, forKey: .tries)
        try values.encode(evaluations, forKey: .evaluations)
    }
}
