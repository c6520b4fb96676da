public import Plots
public import Scheduling
public import Workloads

extension GanttChart {
    /// A plan over time: a row for each instance, what the makespan follows from outlined.
    public init(_ job: String, _ plan: Plan, _ graph: TaskGraph, goal: Goal) {
        // A deadline that is far away would leave the bars no room.
        let deadline = goal.deadlineSeconds.flatMap { $0 <= 2 * plan.makespanSeconds ? $0 : nil }
        self.init(
            "\(job): \(Units.formatSeconds(plan.makespanSeconds)) for \(Units.formatPrice(plan.cost)), "
                + "\(Units.count(plan.assignments.count, "task")) on \(Units.count(plan.instances.count, "instance"))",
            panels: [Panel("plan", plan, graph)], deadline: deadline)
    }
}

extension LineChart {
    /// What each makespan costs at least, from the fastest to the cheapest plan, with the limits of a goal.
    public init(_ job: String, front plans: [Plan], goal: Goal) {
        let limits = [
            goal.deadlineSeconds.map { Reference("deadline", at: $0, on: .x) },
            goal.budget.map { Reference("budget", at: $0, on: .y) },
        ]
        self.init(
            "\(job): fast against cheap, \(Units.count(plans.count, "plan"))",
            x: Axis("Makespan", .seconds), y: Axis("Cost", .dollars),
            series: [
                .init("plan", x: plans.map(\.makespanSeconds), y: plans.map(\.cost), shape: .dottedSteps)
            ], references: limits.compactMap(\.self))
    }
}
