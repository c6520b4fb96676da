import Workloads

/// How good a makespan and a cost are for a goal, as one number: the less the better.
struct PlanScore: Sendable {
    let objective: Goal.Objective
    let deadline: Double
    let budget: Double
    /// What one second late and one dollar too much cost, in units of the objective.
    private let late: Double
    private let dear: Double
    /// What it costs that a task ends one second after its own deadline.
    private let missed: Double

    /// - Parameter scale: A makespan and a cost of the size that is expected.
    init(_ goal: Goal, scale: (makespan: Double, cost: Double)) {
        objective = goal.objective
        deadline = goal.deadlineSeconds ?? .infinity
        budget = goal.budget ?? .infinity
        let unit =
            switch goal.objective {
            case .time: scale.makespan
            case .cost: scale.cost
            case .balanced: scale.makespan * scale.cost
            }
        late = 5 * unit / max(min(deadline, scale.makespan), .leastNormalMagnitude)
        missed = 10 * unit / max(scale.makespan, .leastNormalMagnitude)
        dear = 5 * unit / max(min(budget, scale.cost), .leastNormalMagnitude)
    }

    /// Whether it takes the cost to know the score.
    var needsCost: Bool { objective != .time || budget < .infinity }

    func callAsFunction(_ schedule: Schedule) -> Double {
        self(makespan: schedule.makespan, cost: schedule.cost, lateness: schedule.lateness)
    }

    func callAsFunction(_ plan: LanePlan) -> Double {
        self(makespan: plan.makespan, cost: plan.cost, lateness: plan.lateness)
    }

    func callAsFunction(makespan: Double, cost: Double, lateness: Double) -> Double {
        var score =
            switch objective {
            case .time: makespan
            case .cost: cost
            case .balanced: makespan * cost
            }
        if makespan > deadline { score += late * (makespan - deadline) }
        if cost > budget { score += dear * (cost - budget) }
        if lateness > 0 { score += missed * lateness }
        return score
    }

    /// A makespan above which no score is so small, whatever the cost.
    func longest(upTo score: Double) -> Double {
        switch objective {
        case .time: score
        case .cost, .balanced: deadline < .infinity ? deadline + max(0, score) / late : .infinity
        }
    }
}
