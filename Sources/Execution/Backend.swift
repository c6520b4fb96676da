public import Allocation
public import Workloads

/// What carries out the actions of a run and reports what happens: this machine, a cluster, or a simulated world.
///
/// What was returned by ``wait(until:)`` or ``reconcile(_:)`` is in the log when the backend is asked for anything the next
/// time; an action is in the log before it is to be performed. So a backend whose program dies need only compare what
/// there is with what the log says.
public protocol Backend {
    /// Seconds of the run's clock, which goes on while no program drives the run.
    var now: Double { get }

    /// What happened that the state does not know, after another process has driven the run; actions that the state
    /// knows and that were not performed are performed now.
    mutating func reconcile(_ state: RunState) throws -> [Report]

    /// Begins what an action wants; what comes of it is reported later.
    mutating func perform(_ action: Action, _ state: RunState) throws

    /// Waits until something has happened, or until a time, and says what. The ends of attempts on an instance come
    /// before its own.
    mutating func wait(until seconds: Double) throws -> [Report]

    /// The name of an instance in outcomes.
    func name(of instance: InstanceIndex, _ state: RunState) -> InstanceID

    /// Ends everything that is of no use without a program that drives the run: its job has ended, or an error ended it.
    mutating func end()
}

/// What a backend has to say.
public enum Report: Hashable, Sendable {
    /// Something happened that no attempt ended by.
    case event(Event)
    /// Something that a person should know.
    case remark(String)
    /// A running attempt is above what was predicted for it.
    case alert(AttemptID, Alert)
    /// An attempt has ended, or could not begin, and this is what was measured of it.
    case ended(AttemptID, Measurement)
}
