public import Allocation
public import Workloads

/// All attempts and instances of one simulated run.
public struct SimulatedHistory: Sendable {
    /// One attempt that is over.
    public struct Attempt: Hashable, Sendable {
        /// Which.
        public var id: AttemptID
        /// Where.
        public var instance: InstanceIndex
        /// When all that it waits for was there.
        public var readySeconds: Double
        /// When it was dispatched and took its room.
        public var dispatchSeconds: Double
        /// When its data were there and it began to work; infinite if it never did.
        public var startSeconds: Double
        /// When it was over.
        public var endSeconds: Double
        /// Why it did not succeed.
        public var failure: FailureCause?
    }

    /// What came of it.
    public let run: SimulatedRun
    /// The attempts in the order in which they ended.
    public let attempts: [Attempt]
    /// The state at the end: its instances and what became of the tasks.
    public let state: RunState

    init(_ run: SimulatedRun, _ attempts: [Attempt], _ state: RunState) {
        (self.run, self.attempts, self.state) = (run, attempts, state)
    }
}
