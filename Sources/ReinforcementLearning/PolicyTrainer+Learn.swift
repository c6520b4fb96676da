internal import LinearAlgebra

extension PolicyTrainer {
    /// Lets a teacher, or a mixture of teacher and policy, play, and makes the teacher's decisions likelier.
    ///
    /// - Parameters:
    ///   - starts: The episodes.
    ///   - teacher: What it would do. Where the observation carries a rule's scores,
    ///     ``GraphObservation/preferredAction(levels:)`` says it.
    ///   - teacherShare: How often the teacher itself acts. 1 is behaviour cloning; less shows it states that the policy
    ///     leads to (Ross, Gordon, Bagnell, *A Reduction of Imitation Learning to No-Regret Online Learning*, 2011).
    ///   - progress: The share of the training that is over, for the learning rate.
    /// - Throws: ``ReinforcementLearningError``; the weights are then as they were, unless they diverged.
    @discardableResult
    public func imitate(
        _ starts: [EpisodeStart], teacherShare: Double = 1, progress: Double = 0,
        teacher: @escaping Rollouts<World>.Teacher
    ) throws(ReinforcementLearningError) -> LearningReport {
        try options.validate(shape)
        var draws = generator(0)
        try rollouts.play(
            policy, starts, mode: .sampled(seed: draws.next()), keeping: true, teacher: teacher,
            teacherShare: teacherShare)
        var samples: [Sample] = []
        for episode in starts.indices {
            for step in 0..<rollouts.log(episode, { $0.decisions.count }) {
                samples.append(Sample(episode: episode, step: step))
            }
        }
        return finish(try learn(samples, imitating: true, progress: progress), episodes: starts.count)
    }

    /// Plays several rollouts of each of some problems, and makes what turned out better than expected likelier.
    ///
    /// - Parameters:
    ///   - problems: Their seeds; `nil` draws ``LearningOptions/problems`` fresh ones.
    ///   - horizon: When episodes are cut off. Draw it anew each time, from an exponential distribution whose mean grows,
    ///     and the policy does not learn to exploit the end.
    ///   - progress: The share of the training that is over, for the learning rate and the weight of the entropy.
    /// - Throws: ``ReinforcementLearningError``; the weights are then as they were, unless they diverged.
    /// - Complexity: O(decisions · (1 + 3 · epochs) passes of the network); O(decisions) memory for what was seen.
    @discardableResult
    public func improve(
        problems: [UInt64]? = nil, horizon: Double = .infinity, maximumDecisions: Int = 1_000_000, progress: Double = 0
    ) throws(ReinforcementLearningError) -> LearningReport {
        try options.validate(shape)
        var draws = generator(0)
        let mode = Rollouts<World>.Mode.sampled(seed: draws.next())
        let seeds = problems ?? (0..<options.problems).map { _ in draws.next() }
        let starts = seeds.flatMap { seed in
            let luck = draws.next()
            return (0..<options.rollouts).map { rollout in
                EpisodeStart(
                    seed: seed, luck: options.sharesLuck ? luck : luck &+ UInt64(rollout), horizon: horizon,
                    maximumDecisions: maximumDecisions)
            }
        }
        try rollouts.play(policy, starts, mode: mode, keeping: true, teacher: nil, teacherShare: 0)
        let samples = judge(problems: seeds.count)
        return finish(try learn(samples, imitating: false, progress: progress), episodes: starts.count)
    }

    private func finish(_ report: LearningReport, episodes: Int) -> LearningReport {
        var report = report
        for index in 0..<episodes {
            let episode = rollouts.log(index) { $0.episode }
            report.reward += episode.reward / Double(episodes)
            report.duration += episode.duration / Double(episodes)
        }
        return report
    }

    /// The decisions of the episodes that were played last, with their advantages.
    private func judge(problems: Int) -> [Sample] {
        let (count, rate) = (options.rollouts, options.discountRate)
        let returns = (0..<(problems * count)).map { index in
            rollouts.log(index) { Returns.discounted($0.rewards, $0.durations, rate: rate) }
        }
        updateValueScale(returns)
        var groups: [[Sample]] = []
        for problem in 0..<problems {
            var samples: [Sample] = []
            for episode in (problem * count)..<((problem + 1) * count) {
                let advantages = advantages(of: episode, returns, group: (problem * count)..<((problem + 1) * count))
                for (step, advantage) in advantages.enumerated() {
                    let target = options.baseline == .value ? returns[episode][step] / valueScale : 0
                    samples.append(
                        Sample(episode: episode, step: step, advantage: Float(advantage), target: Float(target)))
                }
            }
            groups.append(samples)
        }
        switch options.scale {
        case .none: return groups.flatMap { $0 }
        case .group: return groups.flatMap(standardized)
        case .batch: return standardized(groups.flatMap { $0 })
        }
    }

    private func advantages(of episode: Int, _ returns: [[Double]], group: Range<Int>) -> [Double] {
        rollouts.log(episode) { log in
            switch options.baseline {
            case .none: return returns[episode].dropLast()
            case .value:
                return Returns.advantages(
                    log.rewards, log.durations, values: log.decisions.map { Double($0.value) * valueScale },
                    rate: options.discountRate, lambda: options.lambda)
            case .group:
                let times = Returns.times(log.durations)
                var advantages = [Double](repeating: 0, count: times.count)
                for other in group where other != episode {
                    let aligned = rollouts.log(other) {
                        Returns.aligned(
                            $0.rewards, $0.durations, returns[other], at: times, rate: options.discountRate)
                    }
                    for step in times.indices {
                        advantages[step] += (returns[episode][step] - aligned[step]) / Double(group.count)
                    }
                }
                return advantages
            }
        }
    }

    /// Advantages less their mean and divided by their deviation; as they are where they hardly differ.
    private func standardized(_ samples: [Sample]) -> [Sample] {
        let count = Double(max(1, samples.count))
        let mean = samples.reduce(0.0) { $0 + Double($1.advantage) } / count
        let variance =
            samples.reduce(0.0) { $0 + (Double($1.advantage) - mean) * (Double($1.advantage) - mean) } / count
        return samples.map { sample in
            var sample = sample
            let center = options.baseline == .group ? 0 : mean
            sample.advantage = Float((Double(sample.advantage) - center) / (variance.squareRoot() + 1e-8))
            return sample
        }
    }

    /// Follows the size of returns slowly, so that estimates of the value stay of order one.
    private func updateValueScale(_ returns: [[Double]]) {
        let (squares, count) = returns.joined().reduce(into: (0.0, 0.0)) { sums, value in
            sums.0 += value * value
            sums.1 += 1
        }
        let size = max((squares / max(1, count)).squareRoot(), 1e-8)
        valueScale = valueScale == 0 ? size : 0.95 * valueScale + 0.05 * size
    }
}
