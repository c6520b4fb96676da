internal import Allocation
internal import Execution
internal import Prediction
internal import Scheduling
internal import Workloads

extension Planner {
    /// A plan for a run.
    ///
    /// Where none keeps the limits: one that keeps the deadline, or else the budget, or else is the fastest, and the error that
    /// says what could be kept.
    /// - Throws: ``ServiceError/input(_:)`` if the tasks cannot be planned at all.
    func planOfRun(_ goal: Goal) throws(ServiceError) -> (plan: Plan, missed: PlanError?) {
        do {
            return (try plan(goal), nil)
        } catch PlanError.infeasible(let goal, let fastest, let cheapest, let withinBudget, let withinDeadline) {
            let missed = PlanError.infeasible(
                goal, fastest: fastest, cheapest: cheapest, withinBudget: withinBudget, withinDeadline: withinDeadline)
            return (withinDeadline ?? withinBudget ?? fastest, missed)
        } catch PlanError.late(let plan, let tasks) {
            return (plan, .late(plan, tasks))
        } catch {
            throw .input(error.description)
        }
    }
}

extension ModelSet {
    /// Another plan for what is left of a run: within its limits, or else within what is in danger now.
    ///
    /// What refused lately is left out, if there is anything else.
    func plan(for rest: RemainingJob, on pool: ResourcePool, host: String?) -> Plan? {
        var willing = pool
        for (place, count) in rest.refused where place < willing.entries.count {
            willing.entries[place].maximumCount = min(count, willing.entries[place].maximumCount)
        }
        if !rest.refused.isEmpty, let plan = plan(for: rest, onAll: willing, host: host) { return plan }
        return plan(for: rest, onAll: pool, host: host)
    }

    private func plan(for rest: RemainingJob, onAll pool: ResourcePool, host: String?) -> Plan? {
        guard var costs = try? costModel(for: rest.graph, on: pool, host: host, unknownSeconds: 60) else { return nil }
        costs.estimates = rest.adjusted(costs.estimates)
        // Most of what it needs is there.
        var pool = pool
        for place in pool.entries.indices { pool.entries[place].openSeconds = 0 }
        do {
            return try Planner(rest.graph, on: pool, costs: costs, quota: rest.quota).plan(rest.goal)
        } catch PlanError.infeasible(_, let fastest, let cheapest, let withinBudget, let withinDeadline) {
            return rest.reason == .budget ? withinBudget ?? cheapest : withinDeadline ?? fastest
        } catch PlanError.late(let plan, _) {
            return plan
        } catch {
            return nil
        }
    }
}
