/// What a run took and cost, and whether it kept its limits.
public struct RunAccount: Hashable, Sendable, Codable {
    /// When it began, in Unix seconds.
    public var startTimeSeconds: Double
    /// Seconds from its beginning to the end of its last attempt.
    public var elapsedSeconds: Double
    /// What all its instances cost, in US dollars.
    public var cost: Double
    /// By when it should have ended, in seconds after its beginning, and whether it had; `nil` if that did not matter.
    public var deadlineSeconds: Double?
    public var deadlineKept: Bool?
    /// What it might have cost, in US dollars, and whether it cost no more; `nil` if that did not matter.
    public var budget: Double?
    public var budgetKept: Bool?

    enum CodingKeys: String, CodingKey {
        case cost, budget
        case startTimeSeconds = "start_time_seconds"
        case elapsedSeconds = "elapsed_seconds"
        case deadlineSeconds = "deadline_seconds"
        case deadlineKept = "deadline_kept"
        case budgetKept = "budget_kept"
    }

    /// Sums up what was logged.
    public init(_ attempts: [AttemptRecord], _ lives: [InstanceLife], _ goal: Goal) {
        let began = lives.map(\.requestedTimeSeconds).min() ?? attempts.compactMap(\.startTimeSeconds).min() ?? 0
        startTimeSeconds = began
        elapsedSeconds = max(0, (attempts.compactMap(\.endTimeSeconds).max() ?? began) - began)
        cost = lives.reduce(0) { $0 + $1.cost }
        (deadlineSeconds, budget) = (goal.deadlineSeconds, goal.budget)
        let (elapsed, spent) = (elapsedSeconds, cost)
        deadlineKept = goal.deadlineSeconds.map { elapsed <= $0 }
        budgetKept = goal.budget.map { spent <= $0 * (1 + 1e-9) }
    }
}
