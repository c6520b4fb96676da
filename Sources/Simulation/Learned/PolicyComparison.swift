internal import Glibc
internal import LinearAlgebra

/// How well policies do in the same episodes.
public struct PolicyComparison: Sendable {
    /// How one of them did.
    public struct Row: Sendable, Codable, Hashable {
        /// Its name.
        public var name: String
        /// The mean of the episodes' values, and what one in twenty exceeds.
        public var mean: Double
        public var p95: Double
        /// The geometric mean of the ratios to the policy under examination, episode by episode, with a 95 % interval: below 1 it
        /// is better than that.
        public var ratio: Double
        public var low: Double
        public var high: Double
        /// Seconds that a simulated episode took.
        /// It depends on the machine, and is not written down.
        public var seconds = 0.0

        enum CodingKeys: String, CodingKey { case name, mean, p95, ratio, low, high }

        /// Makes a row.
        public init(
            name: String, mean: Double, p95: Double, ratio: Double, low: Double, high: Double, seconds: Double
        ) {
            (self.name, self.mean, self.p95) = (name, mean, p95)
            (self.ratio, self.low, self.high, self.seconds) = (ratio, low, high, seconds)
        }
    }

    /// The policy under examination first, then the others.
    public let rows: [Row]
    /// The values of all, one row for each policy.
    public let values: [[Double]]
    /// The seeds of the episodes.
    public let seeds: [UInt64]

    /// Runs all policies in all episodes.
    public init(
        _ policy: SchedulingPolicy, against others: [SchedulingPolicy] = SchedulingPolicy.rules,
        on workload: PolicyWorkload, seeds: [UInt64], threads: Int = 1
    ) {
        self.seeds = seeds
        let all = [policy] + others
        let found = Parallel.map(count: all.count * seeds.count, threads: threads) { index in
            let begin = ContinuousClock.now
            let value = workload.value(seed: seeds[index % seeds.count], all[index / seeds.count])
            return (value: value, seconds: begin.duration(to: .now) / .seconds(1))
        }
        let values = all.indices.map { row in found[row * seeds.count..<(row + 1) * seeds.count].map(\.value) }
        self.values = values
        rows = all.indices.map { row in
            let own = values[row]
            let logs = zip(own, values[0]).map { logRatio($0, $1) }
            let mean = logs.reduce(0, +) / Double(max(1, logs.count))
            let square = logs.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            let half = logs.count > 1 ? 1.96 * (square / Double(logs.count * (logs.count - 1))).squareRoot() : .infinity
            let sorted = own.sorted()
            let times = found[row * seeds.count..<(row + 1) * seeds.count].map(\.seconds)
            return Row(
                name: all[row].name, mean: own.reduce(0, +) / Double(max(1, own.count)),
                p95: sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(0.95 * Double(sorted.count)))],
                ratio: exp(mean), low: exp(mean - half), high: exp(mean + half),
                seconds: times.reduce(0, +) / Double(max(1, times.count)))
        }
    }

    /// The best of the others.
    public var best: Row? { rows.dropFirst().min { $0.ratio < $1.ratio } }

    /// Whether the policy is better than each of the others, the intervals excluding equality.
    public var isBetterThanAll: Bool { rows.dropFirst().allSatisfy { $0.low > 1 } }
}

/// The logarithm of a value by another, neither of which is less than 0.
func logRatio(_ value: Double, _ other: Double) -> Double { log(max(value, 1e-300) / max(other, 1e-300)) }
