internal import Basics
internal import Scheduling
internal import Workloads

/// Gives a task that has run far longer than was believed a second attempt on another instance. The first of the two to end
/// counts; the other is stopped, and is no failure and no retry.
///
/// Only room that nothing else wants is used: a copy starts while no task waits that could start. It starts where it is
/// expected to save at least ``leastGain`` of the time for which it occupies its instance, with *R* the time that the first
/// attempt still takes, given how long it has run, and *C* that of a copy with the way of its data:
///
///     E[R] − E[min(R, C)] ≥ leastGain · E[min(R, C)]
///
/// Both are drawn from the quantiles of the task's time, as if the luck of the two had nothing in common: that is so where
/// machines are slow, not where the task itself is large, and one reason why a task must allow it. A time without spread,
/// and one beyond all its quantiles, is taken to go on as long again as it has so far, and a copy of it to take what was
/// expected. Source: Dean and Barroso, *The Tail at Scale* (2013).
///
/// Two attempts at once that write to the same files spoil them: by default only tasks that say so
/// (``TaskSpec/speculate``) get a copy. Tasks that save their work get none unless they say so.
/// - Complexity: O(log *running*) a start, and O(*instances* + jobs) each time that a running task is looked at, of which
///   there are O(log(its time / believed time)).
public struct Speculation: Sendable {
    /// Which tasks get a second attempt.
    public enum Scope: String, Hashable, Sendable, Codable, CaseIterable {
        /// None.
        case never
        /// Those that ask for it.
        case asked
        /// All that do not forbid it.
        case allowed
    }

    /// Which tasks get one.
    public var scope: Scope
    /// Tasks that have not run as long as this quantile of their believed time are not looked at; without a spread, those
    /// that have not run twice as long as believed.
    public var quantile: Double
    /// What a copy must save, in proportion to the time for which it occupies its instance.
    public var leastGain: Double

    /// Running attempts, and when they are to be looked at.
    private var agenda: [Item] = []

    private struct Item: Urgent {
        var seconds: Double
        var attempt: AttemptID

        func precedes(_ other: Item) -> Bool {
            (seconds, attempt.task, attempt.number) < (other.seconds, other.attempt.task, other.attempt.number)
        }
    }

    /// Makes a rule; by default only tasks that ask for it get a second attempt.
    public init(_ scope: Scope = .asked, quantile: Double = 0.9, leastGain: Double = 0.5) {
        (self.scope, self.quantile, self.leastGain) = (scope, quantile, leastGain)
    }
}

extension Speculation {
    /// An attempt started that may get a copy some day.
    mutating func started(_ attempt: AttemptID, _ state: RunState) {
        guard mayEver(attempt.task, state), let late = lateSeconds(attempt, state) else { return }
        agenda.push(Item(seconds: late, attempt: attempt))
    }

    /// The allocator begins anew from what is known.
    mutating func restarted(_ state: RunState) {
        agenda = []
        for instance in state.instances.running.indices {
            for task in state.instances.running[instance] {
                started(state.attempt(at: task, on: InstanceIndex(instance)), state)
            }
        }
    }

    /// The next copy to start, or `nil`.
    mutating func next(_ state: RunState) -> Action? {
        while let item = agenda.first, item.seconds <= state.seconds {
            agenda.popFirst()
            guard isOfUse(item, state), let late = lateSeconds(item.attempt, state) else { continue }
            guard late <= state.seconds else {
                // It began later than it was dispatched.
                agenda.push(Item(seconds: late, attempt: item.attempt))
                continue
            }
            let task = item.attempt.task
            if isAlone(item.attempt, state), state.hasIdleRoom, let instance = place(for: task, state) {
                return .start(
                    AttemptID(task, state.tasks.attempts[Int(task)] + 1), on: instance, state.grant(task),
                    share: Double(state.tasks.savedShare[Int(task)]))
            }
            // Again when it has run a tenth longer.
            let elapsed = state.seconds - state.startSeconds(of: item.attempt)
            agenda.push(Item(seconds: state.seconds + max(1, elapsed / 10), attempt: item.attempt))
        }
        return nil
    }

    /// When an attempt that still runs is to be looked at next.
    mutating func wakeSeconds(_ state: RunState) -> Double {
        while let item = agenda.first, !isOfUse(item, state) { agenda.popFirst() }
        return agenda.first?.seconds ?? .infinity
    }

    /// Whether a task may have two attempts, and had no failure of its own.
    private func mayEver(_ task: TaskIndex, _ state: RunState) -> Bool {
        guard scope != .never, state.tasks.speculates[Int(task)] ?? (scope == .allowed) else { return false }
        return !FailureCause.allCases.contains { $0.countsAsFailure && state.tasks.failures[Int(task)][$0] > 0 }
    }

    private func isOfUse(_ item: Item, _ state: RunState) -> Bool {
        state.runs(item.attempt) && !state.isStopping(item.attempt) && mayEver(item.attempt.task, state)
    }

    /// Whether an attempt that runs is the only one at its task, and the last.
    private func isAlone(_ attempt: AttemptID, _ state: RunState) -> Bool {
        state.tasks.attempts[Int(attempt.task)] == attempt.number && state.tasks.copies[attempt.task] == nil
    }

    /// When an attempt has run so long that it is looked at; `nil` if nothing is believed of its time.
    private func lateSeconds(_ attempt: AttemptID, _ state: RunState) -> Double? {
        let type = state.offers[Int(state.instances.offer[Int(state.instance(of: attempt))])].type
        guard let believed = state.believedTimes(of: attempt.task, on: type) else { return nil }
        let late = believed.spread.map { $0(quantile) * believed.scale } ?? 2 * believed.seconds
        return state.startSeconds(of: attempt) + late
    }

    /// Where a copy gains most, if it gains enough.
    private func place(for task: TaskIndex, _ state: RunState) -> InstanceIndex? {
        let first = state.attempt(at: task)
        let (own, request) = (state.instance(of: first), state.tasks.request[Int(task)])
        let elapsed = state.seconds - state.startSeconds(of: first)
        let rest = state.restTimes(of: task, on: state.type(of: own), after: elapsed)
        let job = state.jobs[Int(state.tasks.job[Int(task)])]
        var best: (instance: InstanceIndex, seconds: Double)?
        for instance in 0..<InstanceIndex(state.instances.count) where instance != own {
            let offer = state.instances.offer[Int(instance)]
            guard state.instances.phase[Int(instance)] == .open, request.fits(in: state.instances.free[Int(instance)]),
                state.allows(task, offer), state.isWithinQuota(task, on: offer),
                let believed = state.believedTimes(of: task, on: state.type(of: instance))
            else { continue }
            let seconds = believed.seconds + state.dataSeconds(of: task, to: instance)
            if seconds < best?.seconds ?? .infinity { best = (instance, seconds) }
        }
        guard let instance = best?.instance else { return nil }
        let data = state.dataSeconds(of: task, to: instance)
        let copy = state.restTimes(of: task, on: state.type(of: instance), after: 0).map { $0 + data }
        var least = 0.0
        for r in rest { for c in copy { least += min(r, c) } }
        least /= Double(rest.count * copy.count)
        let gain = rest.reduce(0, +) / Double(rest.count) - least
        guard gain > 0, gain >= leastGain * least else { return nil }
        let dollars = state.pricePerHour(request, on: state.instances.offer[Int(instance)]) * least / 3600
        return job.budget.isFinite && state.spentDollars() + dollars > job.budget ? nil : instance
    }
}

extension RunState {
    /// Whether nothing waits that could start.
    fileprivate var hasIdleRoom: Bool {
        !jobs.indices.contains { jobs[$0].ready > 0 && mayStart(JobIndex($0)) }
    }

    fileprivate func type(of instance: InstanceIndex) -> InstanceType {
        offers[Int(instances.offer[Int(instance)])].type
    }

    /// What is believed of the time of an attempt at a task on a type of instance: what is expected, and the quantiles if it has
    /// a spread, which are to be scaled; `nil` if nothing is.
    fileprivate func believedTimes(
        of task: TaskIndex, on type: InstanceType
    ) -> (seconds: Double, spread: Estimates.Quantiles?, scale: Double)? {
        let job = jobs[Int(tasks.job[Int(task)])]
        let place = Int(task - job.first)
        guard let estimates = job.estimates, case let whole = estimates.seconds(of: place, on: type), whole.isFinite
        else { return nil }
        let seconds = whole * (1 - Double(tasks.savedShare[Int(task)]))
        guard let spread = estimates.spread(of: place) else { return (seconds, nil, 1) }
        return (seconds, spread, seconds / max(estimates.expectedSeconds[place], 1e-300))
    }

    /// How long an attempt may still take after it has run for some time, as equally likely values.
    fileprivate func restTimes(of task: TaskIndex, on type: InstanceType, after elapsed: Double) -> [Double] {
        guard let believed = believedTimes(of: task, on: type) else { return [elapsed] }
        guard let spread = believed.spread else {
            return [elapsed > believed.seconds ? elapsed : believed.seconds - elapsed]
        }
        let parts = 40
        let rest = (0..<parts).map { spread((Double($0) + 0.5) / Double(parts)) * believed.scale - elapsed }
            .filter { $0 > 0 }
        return rest.isEmpty ? [elapsed] : rest
    }

    /// How long it takes to bring a task's data to an instance, at most: the slowest way of those that are not there.
    fileprivate func dataSeconds(of task: TaskIndex, to instance: InstanceIndex) -> Double {
        let job = jobs[Int(tasks.job[Int(task)])]
        guard let flow = job.flow else { return 0 }
        var longest = 0.0
        for edge in flow.edges(of: Int(task - job.first))
        where tasks.lastInstance[Int(job.first + flow.predecessors[edge])] != instance {
            longest = max(longest, flow.seconds(along: edge))
        }
        return longest
    }
}
