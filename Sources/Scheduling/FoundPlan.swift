/// A plan, and what is known of it.
public struct FoundPlan: Sendable {
    /// The plan.
    public var plan: Plan
    /// No plan ends sooner.
    public var lowerBound: LowerBound
    /// Moves that were judged, and those of them that were made for it.
    public var tries = 0
    public var evaluations = 0
}
