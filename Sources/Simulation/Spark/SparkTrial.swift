internal import LinearAlgebra

/// An episode with the luck of a seed: what policies are compared in.
public struct SparkTrial: Sendable {
    public var episode: SparkEpisode
    /// What kind of episode it is, for statistics.
    public var kind: Int
    public var seed: UInt64

    public init(episode: SparkEpisode, kind: Int = 0, seed: UInt64) {
        (self.episode, self.kind, self.seed) = (episode, kind, seed)
    }

    /// The mean completion time in seconds of each policy in each trial, `nil` where jobs were never done.
    ///
    /// The result does not depend on the number of threads.
    public static func means<Policy: SparkPolicy & Sendable>(
        of policies: [Policy], in trials: [SparkTrial], threads: Int
    ) -> [[Double?]] {
        // Long episodes first, so that no thread waits for the other at the end.
        let order = trials.indices.sorted { trials[$0].episode.work > trials[$1].episode.work }
        let found = Parallel.map(count: order.count * policies.count, threads: threads) { index in
            let trial = trials[order[index / policies.count]]
            var simulator = SparkSimulator(trial.episode, seed: trial.seed)
            var policy = policies[index % policies.count]
            return simulator.run(&policy)
        }
        var means = Array(repeating: [Double?](repeating: nil, count: trials.count), count: policies.count)
        for (index, mean) in found.enumerated() { means[index % policies.count][order[index / policies.count]] = mean }
        return means
    }
}
