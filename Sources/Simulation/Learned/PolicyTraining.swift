public import Allocation
internal import Glibc
internal import LinearAlgebra
internal import ReinforcementLearning

/// Tunes a rule on a workload by evolution: its weights are moved towards those that did better in simulated episodes.
///
///     var training = try PolicyTraining(workload, seed: 1)
///     while secondsLeft > 0 { try training.step(threads: 2) }
///     training.rule
///
/// All candidates of a generation meet the same episodes, each compared with the best that needs no learning there. A training
/// is a value: encode it to stop, decode it to go on.
public struct PolicyTraining: Sendable {
    public let workload: PolicyWorkload
    public let seed: UInt64
    /// Episodes of a generation.
    public var episodes = 8
    /// What every generation came to: the mean logarithm of the best candidate's value by that of the longest path first.
    public private(set) var progress: [Double] = []
    private var search: CMAES
    private let start: PairRule

    /// Begins with a rule.
    public init(
        _ workload: PolicyWorkload, from start: PairRule = .untuned, population: Int = 16, seed: UInt64
    ) throws {
        (self.workload, self.seed, self.start) = (workload, seed, start)
        let vector = Self.vector(start)
        search = try CMAES(
            start: vector, scales: vector.map { max(1, abs($0) / 2) }, step: 0.5, population: population, seed: seed)
    }

    /// The rule so far.
    public var rule: PairRule { rule(search.mean) }

    /// How many generations there were.
    public var generations: Int { progress.count }

    /// One generation. Its result does not depend on the number of threads.
    public mutating func step(threads: Int = 1) throws {
        let seeds = (0..<UInt64(episodes)).map { seed &* 0x9E37_79B9 &+ UInt64(generations * episodes) &+ $0 }
        let (workload, rules) = (workload, search.candidates.map { rule($0) })
        let values = Parallel.map(count: seeds.count * (rules.count + 1), threads: threads) { index in
            let (policy, episode) = (index / seeds.count, index % seeds.count)
            return workload.value(
                seed: seeds[episode], policy == rules.count ? .longestPath : .learned(rules[policy]))
        }
        let base = values.suffix(seeds.count)
        let scores = rules.indices.map { policy in
            let own = values[policy * seeds.count..<(policy + 1) * seeds.count]
            return zip(own, base).reduce(0) { $0 + log(max($1.0, 1e-300) / max($1.1, 1e-300)) } / Double(seeds.count)
        }
        try search.update(values: scores)
        progress.append(scores.min() ?? 0)
    }

    private static func vector(_ rule: PairRule) -> [Double] {
        rule.weights.map(Double.init) + [Double(rule.skew), Double(rule.skewByLoad)]
    }

    private func rule(_ vector: [Double]) -> PairRule {
        var rule = start
        rule.weights = vector.dropLast(2).map { Float($0) }
        (rule.skew, rule.skewByLoad) = (Float(vector[vector.count - 2]), Float(vector[vector.count - 1]))
        return rule
    }
}
