import Scheduling
public import Workloads

/// What follows when an attempt did not succeed: the rows of a ``RetryPolicy``.
public struct Recovery: Sendable {
    /// The table.
    public var policy: RetryPolicy
    /// The retries that tasks have for themselves, by task index; -1 leaves it to the table.
    var retries: [Int32] = []
    /// The first time limit of every task.
    var firstTimeLimits: [Double] = []
    /// What an attempt may be given at most.
    public var largest: Resources

    /// Makes a recovery by a table, that gives no attempt more than the largest.
    public init(_ policy: RetryPolicy = .standard, largest: Resources = Resources(lanes: SIMD4(repeating: .infinity))) {
        (self.policy, self.largest) = (policy, largest)
    }

    mutating func add(_ graph: TaskGraph) {
        retries += graph.tasks.map { Int32(clamping: $0.retries ?? -1) }
        firstTimeLimits += graph.tasks.map { $0.request.timeLimitSeconds ?? .infinity }
    }

    /// Whether an interrupted task is tried again, with what, and where not; or given up.
    func decide(_ task: TaskIndex, _ state: RunState) -> Action {
        let place = Int(task)
        let cause = state.tasks.lastCause[place] ?? .programError
        let rule = policy[cause]
        // After all that failed was forgotten, it is tried once more even where it cannot be given more.
        let known = state.tasks.failures[place][cause] == 0 ? state.grant(task) : nil
        guard mayRepeat(task, rule, cause, state), let grant = grant(task, rule, state) ?? known else {
            return .giveUp(task, cause)
        }
        return .retry(task, grant, avoiding: rule.elsewhere ? state.lastInstance(of: task) : -1)
    }

    /// A task's own limit counts all that it is to blame for; the table's limits count each cause alone.
    private func mayRepeat(
        _ task: TaskIndex, _ rule: RetryPolicy.Rule, _ cause: FailureCause, _ state: RunState
    ) -> Bool {
        let counts = state.tasks.failures[Int(task)]
        let own = Int(task) < retries.count ? retries[Int(task)] : -1
        if rule.countsAsFailure, own >= 0 {
            let failures = FailureCause.allCases.reduce(0) { $0 + (policy[$1].countsAsFailure ? counts[$1] : 0) }
            return failures <= Int(own)
        }
        return rule.retries.map { counts[cause] <= $0 } ?? true
    }

    /// What the next attempt gets; `nil` if it cannot be given more than the last.
    private func grant(_ task: TaskIndex, _ rule: RetryPolicy.Rule, _ state: RunState) -> Grant? {
        var resources = state.tasks.request[Int(task)]
        if rule.usesQuantiles || rule.memoryGrowth > 1 {
            let known = resources.memoryBytes
            guard known < largest.memoryBytes else { return nil }
            let job = state.jobs[Int(state.tasks.job[Int(task)])]
            let steps = rule.usesQuantiles ? job.estimates?.memorySteps(of: Int(task - job.first)) ?? [] : []
            let grown = known > 0 ? steps.first { $0 > known } ?? known * rule.memoryGrowth : state.largestFreeMemory
            resources.memoryBytes = min(grown, largest.memoryBytes)
        }
        var limit = state.tasks.timeLimit[Int(task)]
        let first = Int(task) < firstTimeLimits.count ? firstTimeLimits[Int(task)] : .infinity
        if rule.timeGrowth > 1, limit.isFinite, first.isFinite {
            guard limit < first * rule.mostTime else { return nil }
            limit = min(limit * rule.timeGrowth, first * rule.mostTime)
        }
        return Grant(resources, timeLimitSeconds: limit.isFinite ? limit : nil)
    }
}

extension RunState {
    /// The greatest memory that is free on one instance.
    var largestFreeMemory: Double {
        var largest = 0.0
        for instance in 0..<instances.count where instances.phase[instance] == .open {
            largest = max(largest, instances.free[instance].memoryBytes)
        }
        return largest
    }

    /// What the running attempt at a task has, or the next one gets.
    public func grant(_ task: TaskIndex) -> Grant {
        let limit = tasks.timeLimit[Int(task)]
        return Grant(tasks.request[Int(task)], timeLimitSeconds: limit.isFinite ? limit : nil)
    }

    /// The instance on which the last attempt at a task ran, or -1.
    func lastInstance(of task: TaskIndex) -> InstanceIndex { tasks.lastInstance[Int(task)] }
}
