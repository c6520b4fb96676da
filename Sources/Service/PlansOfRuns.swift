internal import Allocation
internal import Execution
internal import Prediction
internal import Scheduling
internal import Workloads

extension Planner {
    /// A plan for a run whose first instances take tasks after so many seconds, which counts for the deadline.
    ///
    /// Where none keeps the limits: one that keeps the deadline, or else the budget, or else is the fastest, and the error that
    /// says what could be kept.
    /// - Throws: ``ServiceError/input(_:)`` if the tasks cannot be planned at all.
    func plan(_ goal: Goal, after startUpSeconds: Double) throws(ServiceError) -> (plan: Plan, missed: PlanError?) {
        var shorter = goal
        shorter.deadlineSeconds = goal.deadlineSeconds.map { max(0, $0 - startUpSeconds) }
        do {
            return (try plan(shorter), nil)
        } catch PlanError.infeasible(_, let fastest, let cheapest, let withinBudget, let withinDeadline) {
            func late(_ plan: Plan) -> Plan {
                var late = plan
                late.makespanSeconds += startUpSeconds
                return late
            }
            let missed = PlanError.infeasible(
                goal, fastest: late(fastest), cheapest: late(cheapest), withinBudget: withinBudget.map(late),
                withinDeadline: withinDeadline.map(late))
            return (withinDeadline ?? withinBudget ?? fastest, missed)
        } catch {
            throw .input(error.description)
        }
    }
}

extension ModelSet {
    /// Another plan for what is left of a run: within its limits, or else within what is in danger now.
    func plan(for rest: RemainingJob, on pool: ResourcePool, host: String?) -> Plan? {
        guard var costs = try? costModel(for: rest.graph, on: pool, host: host, unknownSeconds: 60) else { return nil }
        costs.estimates = rest.adjusted(costs.estimates)
        do {
            return try Planner(rest.graph, on: pool, costs: costs).plan(rest.goal)
        } catch PlanError.infeasible(_, let fastest, let cheapest, let withinBudget, let withinDeadline) {
            return rest.reason == .budget ? withinBudget ?? cheapest : withinDeadline ?? fastest
        } catch {
            return nil
        }
    }
}
