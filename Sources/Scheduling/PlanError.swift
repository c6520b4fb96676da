public import Workloads

/// Why there is no plan.
public enum PlanError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No instance of the pool can hold the task, even alone.
    case impossible(TaskID, Resources)
    /// Every instance of the pool that could run the task takes more than the account may have in use, even alone.
    case beyondQuota(TaskID, Resources, Quota)
    /// The cost model gave a time or price that is negative, infinite or not a number.
    case badEstimate(TaskID, type: String, seconds: Double)
    /// No plan found keeps the limits. The nearest that do: the fastest within the budget if there is a budget,
    /// the cheapest within the deadline if there is a deadline; `nil` if not even one limit alone can be kept.
    case infeasible(Goal, fastest: Plan, cheapest: Plan, withinBudget: Plan?, withinDeadline: Plan?)
    /// No plan found lets all tasks end by their own deadlines: the one in which the latest is least late, and when each that
    /// is late ends in it.
    case late(Plan, [Plan.LateTask])
    /// A plan breaks a rule; the text says which.
    case invalid(String)

    /// What was found, what was expected, and what to do.
    public var description: String {
        switch self {
        case .impossible(let task, let request):
            return
                "Task '\(task)' needs \(request), more than any instance of the pool has. Ask for less, or add a larger instance type."
        case .beyondQuota(let task, let request, let quota):
            return
                "Task '\(task)' needs \(request), which is beyond the quota of \(quota) on every instance of the pool that could run it. "
                + "Raise the quota, ask for less, or add a cheaper instance type."
        case .badEstimate(let task, let type, let seconds):
            return "The cost model expects task '\(task)' to take \(seconds) seconds on \(type). "
                + "Times must be finite and not negative: train again, or give the task a recorded time."
        case .infeasible(let goal, let fastest, let cheapest, let withinBudget, let withinDeadline):
            var lines = ["No plan keeps \(Self.limits(of: goal))."]
            if let plan = withinBudget { lines.append("Fastest within the budget: \(Self.point(plan)).") }
            if let plan = withinDeadline { lines.append("Cheapest within the deadline: \(Self.point(plan)).") }
            lines.append("Fastest of all: \(Self.point(fastest)). Cheapest of all: \(Self.point(cheapest)).")
            lines.append("Allow more, or add instances to the pool.")
            return lines.joined(separator: "\n")
        case .late(_, let tasks):
            let most = 5
            let nearest = tasks.prefix(most).map {
                "'\($0.task)' by \(Self.up($0.endSeconds)), its deadline is \(Units.formatSeconds($0.deadlineSeconds))"
            }
            return "No plan keeps the deadlines of all tasks. The nearest ends \(nearest.joined(separator: "; "))"
                + (tasks.count > most ? "; and \(tasks.count - most) more late" : "")
                + ".\nAllow these so much, or add instances to the pool."
        case .invalid(let fault):
            return "The plan is not valid: \(fault)."
        }
    }

    private static func limits(of goal: Goal) -> String {
        let deadline = goal.deadlineSeconds.map { "the deadline of \(Units.formatSeconds($0))" }
        let budget = goal.budget.map { "the budget of \(Units.formatPrice($0))" }
        return [deadline, budget].compactMap(\.self).joined(separator: " and ")
    }

    private static func point(_ plan: Plan) -> String {
        let cost = plan.cost
        return up(plan.makespanSeconds) + " for "
            + Units.formatPrice(up(cost, cost >= 1 ? 0.01 : cost >= 0.01 ? 1e-4 : 1e-6))
    }

    /// Rounded up, so that what is printed can be kept.
    private static func up(_ value: Double, _ unit: Double) -> Double { (value / unit - 1e-9).rounded(.up) * unit }

    private static func up(_ seconds: Double) -> String {
        let day = seconds >= 86_400 ? 60.0 : seconds >= 59 ? 1 : seconds >= 10 ? 0.1 : seconds >= 1 ? 0.01 : 0.001
        return Units.formatSeconds(up(seconds, day))
    }

    static func late(_ plan: Plan, of graph: TaskGraph) -> PlanError { .late(plan, plan.lateTasks(graph)) }
}
