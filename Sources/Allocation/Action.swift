public import Workloads

/// What is to be done, in this order.
public enum Action: Hashable, Sendable {
    /// Ask for an instance of an offer, for a slot of a job's plan, or for whoever needs it (-1, -1).
    case open(InstanceIndex, OfferIndex, job: JobIndex, slot: Int32)
    /// Give an instance back.
    case close(InstanceIndex)
    /// Start an attempt and reserve so much for it; it goes on from the `share` of its work that was saved. Of a task that
    /// runs it is a second one beside the first.
    case start(AttemptID, on: InstanceIndex, Grant, share: Double)
    /// Send what is there of a task's data, and what is made from now on, to an instance, or to one that is not there yet:
    /// -2 - its slot in the plan of the task's job.
    case stage(TaskIndex, on: InstanceIndex)
    /// Let an attempt save its work.
    case checkpoint(AttemptID)
    /// Stop an attempt and report it as failed for this cause.
    case stop(AttemptID, FailureCause)
    /// Let the processes of an attempt give way to all others.
    case throttle(AttemptID)
    /// Say and write down that an attempt is above what was predicted, and what is done about it.
    case warn(AttemptID, Alert.Kind, RetryPolicy.Reaction)
    /// Another placement decides from now on: that of the policies (0), or one of the alternatives, from 1 on.
    case follow(Int32)
    /// The task is tried again with this grant, not on this instance (-1 is any).
    case retry(TaskIndex, Grant, avoiding: InstanceIndex)
    /// The task has failed for good; those that wait for it are skipped.
    case giveUp(TaskIndex, FailureCause)
    /// The task cannot run because one that it waits for has failed.
    case skip(TaskIndex)
    /// The plan of a job does not hold any more: make another from here on.
    case replan(JobIndex, ReplanReason)
    /// Report a ``Event/timer`` then, if nothing happens before.
    case wake(at: Double)
    /// Nothing of the job runs and nothing is left that could.
    case end(JobIndex, Ending)
}

/// Why a plan does not hold any more.
public enum ReplanReason: String, Hashable, Sendable, Codable, CaseIterable {
    /// At this pace the job ends after its deadline.
    case deadline
    /// At this pace the job costs more than its budget.
    case budget
    /// An instance of the plan is gone or not to be had.
    case capacity
}

/// How a job ended.
public enum Ending: String, Hashable, Sendable, Codable, CaseIterable {
    /// Every task succeeded.
    case succeeded
    /// Some task failed for good.
    case failed
    /// It was cancelled before every task was done.
    case cancelled
    /// What is left fits no instance that is to be had.
    case infeasible
}

/// Where a plan wants each task of a job: slots are instances of the plan.
public struct Assignments: Hashable, Sendable, Codable {
    /// One instance that the plan rents.
    public struct Slot: Hashable, Sendable, Codable {
        /// What it is.
        public var offer: OfferIndex
        /// When it should take tasks, in seconds of the run's clock.
        public var startSeconds: Double
        /// The instance that is there already, or -1: it has to be asked for.
        public var instance: InstanceIndex

        /// Makes a slot.
        public init(offer: OfferIndex, startSeconds: Double, instance: InstanceIndex = -1) {
            (self.offer, self.startSeconds, self.instance) = (offer, startSeconds, instance)
        }
    }

    /// The instances.
    public var slots: [Slot]
    /// The slot of every task of the job, in the graph's order; -1 leaves it to the allocator.
    public var slotOfTask: [Int32]
    /// The place of every task in the order in which the plan starts them; the least goes first.
    public var order: [Int32]
    /// When the plan ends, in seconds of the run's clock.
    public var endSeconds: Double
    /// When the plan starts every task, in seconds of the run's clock; empty if it does not say.
    public var startSeconds: [Double]
    /// Whether the job keeps its deadline although the plan uses what may be taken back: what is lost can run on demand.
    public var isRecoverable: Bool

    /// Makes assignments.
    public init(
        slots: [Slot], slotOfTask: [Int32], order: [Int32], endSeconds: Double, startSeconds: [Double] = [],
        isRecoverable: Bool = false
    ) {
        (self.slots, self.slotOfTask, self.order, self.endSeconds) = (slots, slotOfTask, order, endSeconds)
        (self.startSeconds, self.isRecoverable) = (startSeconds, isRecoverable)
    }

    private enum CodingKeys: String, CodingKey {
        case slots, slotOfTask, order, endSeconds, startSeconds, isRecoverable
    }

    /// Reads assignments; those of releases before do not say when a task starts, or whether they are recoverable.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            slots: try values.decode([Slot].self, forKey: .slots),
            slotOfTask: try values.decode([Int32].self, forKey: .slotOfTask),
            order: try values.decode([Int32].self, forKey: .order),
            endSeconds: try values.decode(Double.self, forKey: .endSeconds),
            startSeconds: try values.decodeIfPresent([Double].self, forKey: .startSeconds) ?? [],
            isRecoverable: try values.decodeIfPresent(Bool.self, forKey: .isRecoverable) ?? false)
    }
}
