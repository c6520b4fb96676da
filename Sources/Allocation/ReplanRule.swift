import Scheduling
import Workloads

/// When a job needs another plan.
public enum ReplanRule: Hashable, Sendable, Codable {
    /// Never.
    case never
    /// When an instance of its plan is gone, or when at its pace it will miss its deadline or exceed its budget; at most
    /// once every so many seconds.
    case whenInDanger(patienceSeconds: Double)

    /// Why a job needs another plan now, or `nil`.
    func reason(_ job: JobIndex, _ state: RunState) -> ReplanReason? {
        let item = state.jobs[Int(job)]
        guard case .whenInDanger(let patience) = self, state.seconds >= item.replanSeconds + patience else {
            return nil
        }
        guard item.isAdmitted, item.ending == nil, !item.isReplanning, let plan = item.plan, item.open > 0 else {
            return nil
        }
        let isGone = item.instanceOfSlot.indices.contains { slot in
            let instance = item.instanceOfSlot[slot]
            return instance >= 0 && state.instances.phase[Int(instance)] == .closed
                && item.openOfSlot[slot] > 0
        }
        if isGone { return .capacity }
        if item.deadlineSeconds.isFinite, state.expectedEnd(of: item, plan) > item.deadlineSeconds { return .deadline }
        if item.budget.isFinite, state.spentDollars() > item.budget { return .budget }
        return nil
    }
}

extension RunState {
    /// When a job is expected to end: the plan's end, and by how much the task that is most behind is late.
    func expectedEnd(of job: JobState, _ plan: Assignments) -> Double {
        var late = 0.0
        for instance in 0..<instances.count where instances.phase[instance] == .open {
            for task in instances.running[instance] where tasks.job[Int(task)] == tasks.job[Int(job.first)] {
                guard let seconds = expectedSeconds(of: task, speed: 1) else { continue }
                late = max(late, self.seconds - tasks.startSeconds[Int(task)] - seconds)
            }
        }
        return max(plan.endSeconds + late, self.seconds)
    }

    /// What all instances have cost so far, in US dollars, at today's prices.
    public func spentDollars() -> Double {
        var dollars = 0.0
        for instance in 0..<instances.count where instances.openedSeconds[instance].isFinite {
            let end = min(instances.closedSeconds[instance], seconds)
            let offer = offers[Int(instances.offer[instance])]
            dollars += offer.price.cost(
                ofSeconds: offer.billing.billedSeconds(end - instances.openedSeconds[instance]))
        }
        return dollars
    }
}
