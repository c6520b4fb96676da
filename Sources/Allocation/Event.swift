public import Workloads

/// What happened outside, as the allocator is told of it.
///
/// An event about something that is over changes nothing: a report may cross a reclaim.
public enum Event: Hashable, Sendable {
    /// A job is there to be worked on.
    case admitted(JobIndex)
    /// Somebody wants a job to stop.
    case cancelled(JobIndex)
    /// Somebody wants a job to go on that had stopped: what failed for good is tried again, and failures count anew.
    case resumed(JobIndex)
    /// An instance takes tasks, and has this much room; another room than before if it took tasks already.
    case opened(InstanceIndex, Resources)
    /// An instance that was asked for is not to be had.
    case refused(InstanceIndex)
    /// An instance will be taken back at a time.
    case reclaimNotice(InstanceIndex, at: Double)
    /// An instance is gone, and so are the attempts on it; `nil` if we gave it back.
    case closed(InstanceIndex, FailureCause?)
    /// The process of an attempt runs.
    case started(AttemptID)
    /// An attempt succeeded.
    case finished(AttemptID)
    /// An attempt did not succeed.
    case failed(AttemptID, FailureCause)
    /// A running attempt is above what was predicted for it.
    case alert(AttemptID, Alert.Kind)
    /// An attempt has saved this share (0 to 1) of its task's work.
    case checkpointed(AttemptID, share: Double)
    /// Instances of an offer cost something else from now on.
    case priced(OfferIndex, Price)
    /// A job is to be carried out like this from now on.
    case planned(JobIndex, Assignments)
    /// The program that drives the run was started anew; what it knows was restored from the log.
    case restarted
    /// The time has come that a ``Action/wake(at:)`` asked for.
    case timer
}
