public import Workloads

/// The most urgent task that fits somewhere goes where little room is left.
///
/// A task that does not fit lets smaller ones pass for ever; ``Backfilling`` does not.
/// - Complexity: O(log *tasks* + classes that may fit + offers · log *instances*) a task.
public struct BestFit: Placement {
    private var matching: Matching

    /// Makes a placement for an empty run.
    public init(_ order: Order = .rank) { matching = Matching(order) }

    /// How many nodes of its search trees and classes of tasks were looked at.
    package var steps: Int { matching.steps }

    public mutating func becameReady(_ task: TaskIndex, _ state: RunState) { matching.insert(task, state) }

    public mutating func changed(_ instance: InstanceIndex, _ state: RunState) { matching.changed(instance, state) }

    public mutating func next(_ state: RunState) -> (task: TaskIndex, instance: InstanceIndex)? {
        guard let found = matching.next(state) else { return nil }
        matching.remove(found.place)
        return (found.task, found.instance)
    }
}
