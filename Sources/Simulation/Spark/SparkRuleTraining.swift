internal import Foundation
internal import LinearAlgebra
public import ReinforcementLearning

/// Tunes a ``SparkRule`` in the simulator: an evolution strategy on fresh episodes of several kinds.
///
///     var training = try SparkRuleTraining(catalogue: catalogue, seed: 1)
///     while training.generation < 200 { try training.advance(threads: 2) }
///     training.best
///
/// Every generation has episodes of its own, which all its candidates share, with the same luck. What is minimised is the sum over
/// kinds of the mean logarithm of a candidate's mean completion time over that of ``SparkBaseline/fair``.
public struct SparkRuleTraining: Sendable {
    /// A kind of episode and how many of it a generation has.
    public struct Kind: Sendable, Hashable, Codable {
        public var name: String
        public var workload: SparkWorkload
        public var episodes: Int

        public init(name: String, workload: SparkWorkload, episodes: Int) {
            (self.name, self.workload, self.episodes) = (name, workload, episodes)
        }
    }

    public static let kinds = [
        Kind(name: "batch", workload: .batch, episodes: 16), Kind(name: "stream", workload: .stream, episodes: 3),
        Kind(name: "overload", workload: .overload, episodes: 6),
    ]

    public let catalogue: SparkCatalogue
    public let kinds: [Kind]
    public let seed: UInt64
    public private(set) var search: CMAES
    /// The rule that did best on the validation episodes, which are the same all the time, and their ratios to fair by kind.
    public private(set) var best: SparkRule
    public private(set) var bestRatios: [Double] = []
    /// The ratios to fair of the newest validation, by kind.
    public private(set) var latestRatios: [Double] = []
    private let validation: [SparkTrial]

    /// - Throws: ``SparkError`` if a workload is out of range.
    public init(
        catalogue: SparkCatalogue, kinds: [Kind] = Self.kinds, start: SparkRuleParameters = .init(), step: Double = 0.3,
        population: Int = 16, seed: UInt64
    ) throws {
        (self.catalogue, self.kinds, self.seed, best) = (catalogue, kinds, seed, SparkRule(start))
        search = try CMAES(
            start: start.vector, scales: SparkRuleParameters.coordinates.map(\.scale), step: step,
            population: population,
            seed: seed)
        validation = try Self.trials(catalogue, kinds, times: 2, seed: seed, stream: .max)
    }

    public var generation: Int { search.generation }

    /// All that is needed to go on later, with the same result as without a stop.
    public struct Checkpoint: Sendable, Codable {
        fileprivate var kinds: [Kind]
        fileprivate var seed: UInt64
        fileprivate var search: CMAES
        fileprivate var best: [Double]
        fileprivate var bestRatios: [Double]
        fileprivate var latestRatios: [Double]
        fileprivate var dataDigest: UInt64
    }

    public var checkpoint: Checkpoint {
        Checkpoint(
            kinds: kinds, seed: seed, search: search, best: best.parameters.vector, bestRatios: bestRatios,
            latestRatios: latestRatios, dataDigest: catalogue.digest)
    }

    /// Goes on with a tuning that was stopped.
    /// - Throws: ``SparkError/otherJobs(found:expected:)`` if the catalogue is not the one that it began with.
    public init(catalogue: SparkCatalogue, resuming checkpoint: Checkpoint) throws {
        guard catalogue.digest == checkpoint.dataDigest else {
            throw SparkError.otherJobs(found: catalogue.digest, expected: checkpoint.dataDigest)
        }
        let count = SparkRuleParameters.names.count
        guard checkpoint.search.mean.count == count, checkpoint.best.count == count,
            [0, checkpoint.kinds.count].contains(checkpoint.bestRatios.count)
        else { throw SparkError.otherParameters(expected: count, found: checkpoint.search.mean.count) }
        try self.init(catalogue: catalogue, kinds: checkpoint.kinds, seed: checkpoint.seed)
        search = checkpoint.search
        best.parameters.vector = checkpoint.best
        (bestRatios, latestRatios) = (checkpoint.bestRatios, checkpoint.latestRatios)
    }

    /// What the model file says of where the best rule comes from, with its ratios on episodes that had no part in the tuning.
    public func origin(threads: Int) throws -> SparkRule.Origin {
        let trials = try Self.trials(catalogue, kinds, times: 3, seed: seed, stream: .max - 1)
        let fair = SparkTrial.means(of: [SparkBaseline.fair], in: trials, threads: threads)[0]
        let found = ratios(SparkTrial.means(of: [best], in: trials, threads: threads)[0], to: fair, trials).map {
            exp($0)
        }
        return SparkRule.Origin(
            seed: seed, generations: generation, kinds: kinds, jobs: catalogue.jobs.count, dataDigest: catalogue.digest,
            heldOutRatioToFair: Dictionary(zip(kinds.map(\.name), found)) { first, _ in first })
    }

    /// One generation; after every tenth the mean of the distribution is validated.
    ///
    /// The result does not depend on the number of threads.
    public mutating func advance(threads: Int) throws {
        let trials = try Self.trials(catalogue, kinds, times: 1, seed: seed, stream: UInt64(generation))
        let rules = search.candidates.map(rule)
        let fair = SparkTrial.means(of: [SparkBaseline.fair], in: trials, threads: threads)[0]
        let means = SparkTrial.means(of: rules, in: trials, threads: threads)
        try search.update(values: means.map { Self.objective(ratios($0, to: fair, trials)) })
        if generation % 10 == 0 { validate(threads: threads) }
    }

    /// Compares the mean of the distribution with the best so far.
    public mutating func validate(threads: Int) {
        let fair = SparkTrial.means(of: [SparkBaseline.fair], in: validation, threads: threads)[0]
        let candidate = rule(search.mean)
        let found = ratios(SparkTrial.means(of: [candidate], in: validation, threads: threads)[0], to: fair, validation)
        latestRatios = found.map { exp($0) }
        if bestRatios.isEmpty || Self.objective(found) < Self.objective(bestRatios.map { log($0) }) {
            (best, bestRatios) = (candidate, latestRatios)
        }
    }

}

extension SparkRuleTraining {
    private func rule(_ vector: [Double]) -> SparkRule {
        var parameters = SparkRuleParameters()
        parameters.vector = vector
        return SparkRule(parameters)
    }

    /// For each kind the mean logarithm of the ratio; a rule that leaves jobs waiting for ever has e³.
    private func ratios(_ means: [Double?], to fair: [Double?], _ trials: [SparkTrial]) -> [Double] {
        var (sums, counts) = (Array(repeating: 0.0, count: kinds.count), Array(repeating: 0.0, count: kinds.count))
        for (index, trial) in trials.enumerated() {
            let ratio = log(max(1e-3, means[index] ?? .infinity) / max(1e-3, fair[index] ?? .nan))
            sums[trial.kind] += min(3, ratio)
            counts[trial.kind] += 1
        }
        return zip(sums, counts).map { $0 / max(1, $1) }
    }

    private static func objective(_ logarithms: [Double]) -> Double { logarithms.reduce(0, +) }

    private static func trials(
        _ catalogue: SparkCatalogue, _ kinds: [Kind], times: Int, seed: UInt64, stream: UInt64
    ) throws(SparkError) -> [SparkTrial] {
        var generator = SeededGenerator(seed: seed, stream: stream)
        var trials: [SparkTrial] = []
        for (index, kind) in kinds.enumerated() {
            for _ in 0..<(kind.episodes * times) {
                let episode = try kind.workload.episode(of: catalogue, seed: generator.next())
                trials.append(SparkTrial(episode: episode, kind: index, seed: generator.next()))
            }
        }
        return trials
    }
}
