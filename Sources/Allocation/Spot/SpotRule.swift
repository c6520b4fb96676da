/// When to wait, to run on spot and to pay for on demand, by a rule that knows nothing of the market.
///
/// Each keeps a spot machine until it is lost, and none of them misses a deadline that can be met: the safety net of
/// ``SpotMoment`` holds for all. Source of Uniform Progress: Wu et al. (NSDI 2024).
public enum SpotRule: Sendable, Hashable, Codable {
    /// On demand from the first tick.
    case onDemandOnly
    /// Spot when there is some, idle else, until the safety net.
    case greedy
    /// Spot when there is some, else on demand at once, and back: what fallback in autoscalers does.
    case eager
    /// As much progress as time has passed, in proportion: on demand when behind, idle when ahead. From on demand to spot
    /// only when two changeovers ahead.
    case uniformProgress
    /// … from on demand to spot whenever there is some.
    case uniformProgressEager
    /// … from on demand to idle, too, when two changeovers ahead.
    case uniformProgressIdle
    /// The time in so many equal slices, each with its share of the work: greedy within.
    case timeSliced(Int)
    /// Greedy for so many starts on spot, then on demand to the end.
    case attempts(Int)
    /// Waits so many seconds for spot before it falls back to on demand; back to spot whenever there is some.
    case waiting(seconds: Int)

    /// What a rule must remember between decisions.
    public struct Memory: Sendable, Hashable {
        /// On demand to the end.
        public var isCommitted = false
        /// How often spot was started.
        public var spotStarts = 0
        /// Ticks without a machine since one was held.
        public var idleTicks = 0

        @inlinable
        public init() {}
    }

    /// What to hold in this tick.
    @inlinable
    public func choice(_ moment: SpotMoment, _ job: SpotJob, _ memory: inout Memory) -> SpotMachine {
        let choice = memory.isCommitted ? .onDemand : moment.held == .spot ? .spot : wish(moment, job, &memory)
        if choice == .spot, moment.held != .spot { memory.spotStarts += 1 }
        memory.idleTicks = choice == .none ? memory.idleTicks + 1 : 0
        return choice
    }

    /// The wish of one who holds no spot machine and is not committed.
    @inlinable
    func wish(_ moment: SpotMoment, _ job: SpotJob, _ memory: inout Memory) -> SpotMachine {
        func idleOrCommitted() -> SpotMachine {
            if moment.mayIdle(job) { return .none }
            memory.isCommitted = true
            return .onDemand
        }
        let mayStartSpot = moment.mayStartSpot(job)
        let done = job.work - moment.workLeft
        let time = moment.tick * job.tick
        switch self {
        case .onDemandOnly:
            memory.isCommitted = true
            return .onDemand
        case .greedy: return mayStartSpot ? .spot : idleOrCommitted()
        case .eager: return mayStartSpot ? .spot : .onDemand
        case .uniformProgress, .uniformProgressEager, .uniformProgressIdle:
            if moment.held == .none {
                if mayStartSpot { return .spot }
                if idleOrCommitted() == .onDemand { return .onDemand }
                return done * job.deadline < time * job.work ? .onDemand : .none
            }
            let isAhead = done * job.deadline >= (time + 2 * job.changeover) * job.work
            if self == .uniformProgressEager { return mayStartSpot ? .spot : .onDemand }
            guard isAhead else { return .onDemand }
            if mayStartSpot { return .spot }
            return self == .uniformProgressIdle && moment.mayIdle(job) ? .none : .onDemand
        case .timeSliced(let count):
            if mayStartSpot, moment.held == .none { return .spot }
            guard moment.mayIdle(job) else { return idleOrCommitted() }
            let slice = min(time * count / job.deadline + 1, count)
            let isDone = done * count >= slice * job.work
            if moment.held == .onDemand { return isDone ? (mayStartSpot ? .spot : .none) : .onDemand }
            // Until the end of the slice, less the work that belongs into it.
            let slack = slice * job.deadline / count - time - max(0, slice * job.work / count - done)
            return isDone || slack - job.tick >= 2 * job.changeover ? .none : .onDemand
        case .attempts(let count):
            if mayStartSpot, memory.spotStarts < count { return .spot }
            if memory.spotStarts < count { return idleOrCommitted() }
            memory.isCommitted = true
            return .onDemand
        case .waiting(let seconds):
            if mayStartSpot { return .spot }
            let waits = moment.held == .none && (memory.idleTicks + 1) * job.tick <= seconds && moment.mayIdle(job)
            return waits ? .none : .onDemand
        }
    }
}
