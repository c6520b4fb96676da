public import Workloads

/// Decides which ready task starts next, and where. It holds nothing but an index of the state.
///
/// The allocator tells it what changed, then asks until it has no answer. A pair that it names must hold: the task is
/// ready, its job may start tasks, and the instance is open with room for the task.
public protocol Placement: Sendable {
    /// A task can start now.
    mutating func becameReady(_ task: TaskIndex, _ state: RunState)
    /// The room or the phase of an instance is another than before.
    mutating func changed(_ instance: InstanceIndex, _ state: RunState)
    /// A job has another plan.
    mutating func planned(_ job: JobIndex, _ state: RunState)
    /// The next pair; the task counts as started when this returns.
    mutating func next(_ state: RunState) -> (task: TaskIndex, instance: InstanceIndex)?
    /// When something could start that cannot now although nothing ends before; infinite if there is no such time.
    func wakeSeconds(_ state: RunState) -> Double
    /// Where a task that has not started is expected to run, so that its data can be sent ahead: an instance, an instance of
    /// its job's plan that was not asked for yet as -2 - its slot, ``RunState/everywhere``, or -1 if nobody knows.
    func destination(of task: TaskIndex, _ state: RunState) -> InstanceIndex
    /// Tasks whose destination may be another than when this was asked last.
    mutating func takeRedirected() -> [TaskIndex]
}

extension Placement {
    /// Nothing, for placements without plans.
    public mutating func planned(_ job: JobIndex, _ state: RunState) {}
    /// Never.
    public func wakeSeconds(_ state: RunState) -> Double { .infinity }
    /// Nobody knows.
    public func destination(of task: TaskIndex, _ state: RunState) -> InstanceIndex { -1 }
    /// None.
    public mutating func takeRedirected() -> [TaskIndex] { [] }
}
