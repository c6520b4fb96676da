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
            return zip(own, base).reduce(0) { $0 + logRatio($1.0, $1.1) } / Double(seeds.count)
        }
        try search.update(values: scores)
        progress.append(scores.min() ?? 0)
    }

    /// How good a rule is in episodes that no generation has: the mean logarithm of its value by that of the longest path first.
    func validation(_ rule: PairRule, threads: Int) -> Double {
        let seeds = (0..<12).map { 0x7661_6C69_0000 &+ seed &* 7919 &+ UInt64($0) }
        let values = Parallel.map(count: 2 * seeds.count, threads: threads) { [workload] index in
            workload.value(seed: seeds[index / 2], index % 2 == 0 ? .learned(rule) : .longestPath)
        }
        return seeds.indices.reduce(0) { $0 + logRatio(values[2 * $1], values[2 * $1 + 1]) } / Double(seeds.count)
    }

    /// The rule, with the least and the greatest of every feature that it meets in some episodes.
    func ranged() -> PairRule {
        var rule = rule
        let seen = Ranges()
        for episode in 0..<UInt64(max(4, episodes)) {
            var placement = LearnedPlacement(rule, reclaimsPerHour: workload.reclaimsPerHour)
            placement.student = { features, scores, mayWait, _ in seen.choose(features, scores, mayWait) }
            let seed = 0x7261_6E67 &+ seed &* 104_729 &+ episode
            _ = workload.simulator(seed: seed, .learned(rule), Policies(placement: placement)).run(seed: seed)
        }
        if seen.low.allSatisfy(\.isFinite) { (rule.low, rule.high) = (seen.low, seen.high) }
        return rule
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

/// What was seen of every feature. It is used by one thread.
private final class Ranges: @unchecked Sendable {
    var low = [Float](repeating: .infinity, count: PairFeatures.count)
    var high = [Float](repeating: -.infinity, count: PairFeatures.count)

    /// Takes the best, as a rule does by itself.
    func choose(_ features: [Float], _ scores: [Float], _ mayWait: Bool) -> Int? {
        for place in features.indices {
            let column = place % PairFeatures.count
            low[column] = min(low[column], features[place])
            high[column] = max(high[column], features[place])
        }
        return PairRule.choice(scores, mayWait: mayWait)
    }
}

extension PolicyTraining {
    /// Trains from two beginnings, the rule of lists and the advice of re-planning, and goes on with what is better after half of
    /// the time.
    ///
    /// - Parameters:
    ///   - seconds: For how long, by the clock; whole generations.
    ///   - generations: The most generations of what comes out: with time enough the result is the same every time.
    ///   - report: Called after every generation, with how many there were and the last one's ratio to the longest path first.
    public static func trained(
        _ workload: PolicyWorkload, seconds: Double, generations: Int = .max, seed: UInt64, threads: Int,
        report: (Int, Double) -> Void = { _, _ in }
    ) throws -> (rule: PairRule, generations: Int) {
        let begin = ContinuousClock.now
        func passed() -> Double { begin.duration(to: .now) / .seconds(1) }
        var count = 0
        func train(_ training: inout PolicyTraining, until end: Double, _ most: Int) throws {
            repeat {
                try training.step(threads: threads)
                count += 1
                report(count, exp(training.progress.last ?? 0))
            } while passed() < end && training.generations < most
        }
        var (best, least) = (PolicyTraining?.none, Double.infinity)
        for (place, start) in [PairRule.untuned, .advised].enumerated() {
            var training = try PolicyTraining(workload, from: start, seed: seed)
            try train(&training, until: seconds * Double(place + 1) / 4, max(1, generations / 2))
            // The rule that it began with may be better than what little time made of it.
            let value = training.validation(training.rule, threads: threads)
            if value < least { (best, least) = (training, value) }
        }
        guard var training = best else { return (.untuned, 0) }
        if passed() < seconds, training.generations < generations { try train(&training, until: seconds, generations) }
        return (training.ranged(), training.generations)
    }
}
