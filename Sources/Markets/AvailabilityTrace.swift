public import Reading

/// How many spot instances could be had, or stayed alive, at regular times.
///
/// A count holds from its tick to the next. **1 (or the capacity) means available, 0 means reclaimed or refused**; the
/// window files of some simulators have it the other way round.
///
/// - Invariant: every count is within `0...capacity`; ``prices``, if any, has as many elements as ``counts``.
public struct AvailabilityTrace: Sendable, Hashable {
    /// What was observed, for instance `us-west-2a_v100_1`.
    public let name: String
    /// When the first tick was, Unix seconds; 0 where the source does not say.
    public let startTime: Double
    /// Seconds from tick to tick.
    public let stepSeconds: Double
    /// The number of instances at each tick.
    public let counts: [Int]
    /// The number of instances that were asked for.
    public let capacity: Int
    /// US dollars per instance-hour at each tick, where they were recorded.
    public let prices: [Double]?

    /// - Parameter capacity: The largest count if `nil`, at least 1.
    /// - Throws: ``TraceError`` that names the first offending tick.
    public init(
        name: String, startTime: Double = 0, stepSeconds: Double, counts: [Int], capacity: Int? = nil,
        prices: [Double]? = nil
    ) throws(TraceError) {
        guard stepSeconds.isFinite, stepSeconds > 0 else {
            throw .badRequest(
                found: "a step of \(stepSeconds) s in '\(name)'", expected: "a positive number of seconds",
                remedy: "Check 'gap_seconds'.")
        }
        let capacity = capacity ?? max(1, counts.max() ?? 1)
        if let tick = counts.firstIndex(where: { !(0...max(0, capacity) ~= $0) }) {
            throw .badRequest(
                found: "a count of \(counts[tick]) at tick \(tick) of '\(name)'", expected: "0 to \(capacity)",
                remedy: "Counts are numbers of instances.")
        }
        if let prices {
            guard prices.count == counts.count else {
                throw .lengthsDiffer(what: "Counts and prices of '\(name)'", counts.count, prices.count)
            }
            if let tick = prices.firstIndex(where: { !($0.isFinite && $0 > 0) }) {
                throw .badRequest(
                    found: "a price of \(prices[tick]) at tick \(tick) of '\(name)'", expected: "a positive number",
                    remedy: "Leave the prices out if they are not known.")
            }
        }
        (self.name, self.startTime, self.stepSeconds) = (name, startTime, stepSeconds)
        (self.counts, self.capacity, self.prices) = (counts, capacity, prices)
    }

    /// How long the trace is, in seconds.
    public var durationSeconds: Double { Double(counts.count) * stepSeconds }

    /// The count in force at `time`, or `nil` outside of the trace.
    public func count(at time: Double) -> Int? {
        let tick = ((time - startTime) / stepSeconds).rounded(.down)
        return tick >= 0 && tick < Double(counts.count) ? counts[Int(tick)] : nil
    }

    /// The share of time with at least `instances` of them; all by default.
    public func availability(atLeast instances: Int? = nil) -> Double {
        guard !counts.isEmpty else { return .nan }
        return Double(counts.count { $0 >= instances ?? capacity }) / Double(counts.count)
    }

    /// The times with and without at least `instances` of them (all by default), in their order.
    ///
    /// The first and the last spell are cut off by the trace: their true lengths are not known.
    public func spells(atLeast instances: Int? = nil) -> [Spell] {
        let needed = instances ?? capacity
        var spells: [Spell] = []
        var start = 0
        for tick in counts.indices
        where tick + 1 == counts.count || (counts[tick + 1] >= needed) != (counts[tick] >= needed) {
            spells.append(
                Spell(
                    isAvailable: counts[tick] >= needed, startSeconds: Double(start) * stepSeconds,
                    durationSeconds: Double(tick + 1 - start) * stepSeconds))
            start = tick + 1
        }
        return spells
    }

    /// An uninterrupted time with or without capacity.
    public struct Spell: Sendable, Hashable {
        public let isAvailable: Bool
        /// From the start of the trace.
        public let startSeconds: Double
        public let durationSeconds: Double
    }
}
