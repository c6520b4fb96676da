public import Allocation
public import Markets

/// When spot could be had in one zone, tick by tick, ready to be met by many jobs.
public struct SpotTrace: Sendable, Hashable {
    public let name: String
    /// Seconds of a tick.
    public let tick: Int
    /// Whether spot could be had in each tick.
    public let isUp: [Bool]
    /// How many ticks in a row from each one on it could be had; 0 where it could not.
    public let life: [Int32]

    /// Makes a trace.
    public init(name: String = "", tick: Int, isUp: [Bool]) {
        precondition(tick > 0, "A tick lasts a positive time.")
        (self.name, self.tick, self.isUp) = (name, tick, isUp)
        var life = Array(repeating: Int32(0), count: isUp.count)
        var ticks = Int32(0)
        for index in isUp.indices.reversed() {
            ticks = isUp[index] ? ticks + 1 : 0
            life[index] = ticks
        }
        self.life = life
    }

    /// The ticks with all of the capacity that was asked for, or with `instances` of it.
    public init(_ trace: AvailabilityTrace, atLeast instances: Int? = nil) {
        let needed = instances ?? trace.capacity
        self.init(
            name: trace.name, tick: max(1, Int(min(trace.stepSeconds.rounded(), 1e9))),
            isUp: trace.counts.map { $0 >= needed })
    }

    /// Evenly spaced ticks from which a job can meet its whole deadline within the trace, the first and the last of them
    /// among them; none if the trace is too short.
    public func starts(_ count: Int, of job: SpotJob) -> [Int] {
        let last = isUp.count - job.tickCount - 1
        guard last >= 0, count > 0 else { return [] }
        return (0..<count).map { count == 1 ? 0 : $0 * last / (count - 1) }
    }

    /// The same with ticks of so many of its own: spot could be had in one if it could throughout.
    public func coarsened(by ticks: Int) -> SpotTrace {
        guard ticks > 1 else { return self }
        let count = isUp.count / ticks
        return SpotTrace(
            name: name, tick: tick * ticks, isUp: (0..<count).map { Int(life[$0 * ticks]) >= ticks })
    }

    /// The same as someone sees it who looks every `seconds`.
    public func sampled(every seconds: Int) -> [Bool] {
        guard abs(Double(seconds) / Double(tick) - 1) > 0.1 else { return isUp }
        return (0..<isUp.count * tick / seconds).map { isUp[$0 * seconds / tick] }
    }
}
