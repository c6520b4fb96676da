public import Allocation

/// A time in which a job held a machine, in seconds from its start.
public struct SpotStretch: Sendable, Hashable, Codable {
    public var machine: SpotMachine
    public var start: Int
    public var end: Int
    /// Seconds from its start in which no new work was done.
    public var changeover: Int
    /// Whether the provider took it back at the end.
    public var wasLost: Bool

    @inlinable
    init(machine: SpotMachine, start: Int, end: Int, changeover: Int, wasLost: Bool) {
        (self.machine, self.start, self.end) = (machine, start, end)
        (self.changeover, self.wasLost) = (changeover, wasLost)
    }

    /// Appends a stretch; one that goes on where the last ended, on the same machine, is joined with it.
    static func append(_ next: SpotStretch, to all: inout [SpotStretch]) {
        if let last = all.last, last.machine == .onDemand, next.machine == .onDemand, last.end == next.start {
            all[all.count - 1].end = next.end
        } else {
            all.append(next)
        }
    }
}
