import Workloads

/// Which of two ready tasks goes first. A task's own priority goes before everything but fair shares.
public enum Order: Hashable, Sendable, Codable {
    /// By rank: the longer the path that waits for it, the sooner.
    case rank
    /// By the job's deadline: the less time is left beside that path, the sooner.
    case deadline
    /// By what its tenant had so far in proportion to its weight: the least first; within a tenant by rank.
    case fairShare

    /// The tenant where it matters, else -1.
    func group(of task: TaskIndex, _ state: RunState) -> Int32 {
        let tenant = state.tenant(of: task)
        return self == .fairShare || state.tenants[tenant].quota != nil ? Int32(tenant) : -1
    }

    func urgency(of task: TaskIndex, _ state: RunState) -> ReadyQueue.Urgency {
        var rank = state.tasks.rank[Int(task)]
        if self == .deadline {
            // Jobs without a deadline come after all that have one, and by rank among each other.
            let latestStart = state.jobs[Int(state.tasks.job[Int(task)])].deadlineSeconds - rank
            rank = latestStart.isFinite ? -latestStart : rank - 1e18
        }
        return ReadyQueue.Urgency(priority: state.tasks.priority[Int(task)], task: task, rank: rank)
    }

    func precedes(_ a: ReadyQueue.Class, _ b: ReadyQueue.Class, _ state: RunState) -> Bool {
        if self == .fairShare, a.need.group != b.need.group {
            let (first, second) = (state.usage(ofTenant: a.need.group), state.usage(ofTenant: b.need.group))
            if first != second { return first < second }
        }
        return a.heap[0].precedes(b.heap[0])
    }
}
