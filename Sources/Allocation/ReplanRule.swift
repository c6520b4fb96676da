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
        // A plan that just keeps its limits is no danger; where the last one could not keep them, the next one hardly will.
        let slack = 1.01
        let isLost = plan.endSeconds > item.deadlineSeconds * slack
        guard !isLost || state.seconds >= item.replanSeconds + 10 * patience else { return nil }
        if item.deadlineSeconds.isFinite, state.expectedEnd(of: item, plan) > item.deadlineSeconds * slack {
            return .deadline
        }
        if state.isHeldByRisk(item) { return .deadline }
        if item.budget.isFinite,
            max(state.spentDollars(), state.expectedDollars(of: item, plan)) > item.budget * slack
        {
            return .budget
        }
        return nil
    }
}

extension ReplanRule {
    /// When to look again although nothing happens before: a task that hangs is no event.
    func wakeSeconds(_ state: RunState) -> Double {
        guard case .whenInDanger(let patience) = self, patience > 0 else { return .infinity }
        let isWatched = state.jobs.contains {
            $0.isAdmitted && $0.ending == nil && $0.plan != nil
                && ($0.running > 0 || $0.ready > 0 && $0.plan?.isRecoverable == true)
                && ($0.deadlineSeconds.isFinite || $0.budget.isFinite)
        }
        return isWatched ? state.seconds + patience : .infinity
    }
}

extension RunState {
    /// The time for which a task wants the instance of its slot at least, in seconds; 0 if nobody knows.
    func leastSeconds(of task: TaskIndex, inSlot slot: Int) -> Double {
        let job = jobs[Int(tasks.job[Int(task)])]
        guard let offer = job.plan?.slots[slot].offer, let estimates = job.estimates else { return 0 }
        let type = offers[Int(offer)].type
        let seconds = estimates.seconds(of: Int(task - job.first), on: type)
        return seconds.isFinite ? seconds * min(1, tasks.request[Int(task)].cpus / type.cpus) : 0
    }

    /// When a job is expected to end: the plan's end, and by how much the task that is most behind is late; and not before
    /// an instance can have done all that it is to do.
    func expectedEnd(of job: JobState, _ plan: Assignments) -> Double {
        var late = 0.0
        for instance in 0..<instances.count where instances.phase[instance] == .open {
            for task in instances.running[instance]
            where tasks.job[Int(task)] == tasks.job[Int(job.first)]
                && tasks.instance[Int(task)] == InstanceIndex(instance)
            {
                let speed = offers[Int(instances.offer[instance])].type.speed
                guard let seconds = expectedSeconds(of: task, speed: speed) else { continue }
                late = max(late, self.seconds - tasks.startSeconds[Int(task)] - seconds)
            }
        }
        let begun = elapsedSeconds(of: job, plan)
        let rest = job.restOfSlot.indices.map { job.restOfSlot[$0] - begun[$0] }.max() ?? 0
        return max(plan.endSeconds + late, seconds + max(0, rest))
    }

    /// What of the seconds that are left in every slot its running tasks have behind them.
    private func elapsedSeconds(of job: JobState, _ plan: Assignments) -> [Double] {
        var elapsed = [Double](repeating: 0, count: job.restOfSlot.count)
        for slot in elapsed.indices where job.instanceOfSlot[slot] >= 0 {
            for task in instances.running[Int(job.instanceOfSlot[slot])] where job.range.contains(Int(task)) {
                guard plan.slotOfTask[Int(task - job.first)] == slot,
                    tasks.instance[Int(task)] == job.instanceOfSlot[slot]
                else { continue }
                let share = min(1, tasks.request[Int(task)].cpus / offers[Int(plan.slots[slot].offer)].type.cpus)
                let behind = share * max(0, seconds - tasks.startSeconds[Int(task)])
                elapsed[slot] += min(behind, leastSeconds(of: task, inSlot: slot))
            }
        }
        return elapsed
    }

    /// What a job is expected to cost at least, in US dollars at today's prices: all that was rented so far, and every
    /// instance of its plan until it can have done all that it is to do.
    func expectedDollars(of job: JobState, _ plan: Assignments) -> Double {
        var rest = [Double](repeating: 0, count: instances.count)
        var dollars = 0.0
        func cost(_ offer: OfferIndex, _ seconds: Double) -> Double {
            offers[Int(offer)].price.cost(ofSeconds: max(0, seconds))
        }
        let begun = elapsedSeconds(of: job, plan)
        for (slot, instance) in job.instanceOfSlot.enumerated() where job.restOfSlot[slot] > begun[slot] {
            let seconds = job.restOfSlot[slot] - begun[slot]
            if instance >= 0, instances.phase[Int(instance)] != .closed {
                rest[Int(instance)] += seconds
            } else {
                dollars += cost(plan.slots[slot].offer, seconds)
            }
        }
        for instance in 0..<instances.count {
            let opened = instances.openedSeconds[instance]
            let used = opened.isFinite ? min(instances.closedSeconds[instance], seconds) - opened : 0
            dollars += cost(instances.offer[instance], used + rest[instance])
        }
        return dollars
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
