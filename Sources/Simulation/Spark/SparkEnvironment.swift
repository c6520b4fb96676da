internal import LinearAlgebra
public import ReinforcementLearning

/// Spark jobs on executors as a problem to learn: what differs from a tuned ``SparkRule`` is rewarded by completion times.
///
///     let problems = try SparkEnvironment.Problems(catalogue, rule: rule, seed: 1)
///     let shape = SparkEnvironment.shape()
///     let trainer = try PolicyTrainer(shape: shape, options: options, seed: 1) { SparkEnvironment(problems, shape) }
///
/// Choices are the stages that may be chosen, with the rule's scores as logits, then how many executors relative to what the rule
/// would give: an untrained network is the rule. The reward is minus the time that jobs are in the system, so that a whole
/// episode earns −1 if it goes as the rule's do in the mean. The unit of time is the mean completion time under the rule.
public final class SparkEnvironment: Environment {
    /// Where episodes come from.
    public struct Problems: Sendable {
        let catalogue: SparkCatalogue
        let kinds: [SparkRuleTraining.Kind]
        let rule: SparkRule
        /// The mean completion time of each kind under the rule, in milliseconds.
        let scales: [Double]
        /// Any episode.
        let example: SparkEpisode

        /// Streams have the most to learn from, and the most noise.
        public static let kinds = [
            SparkRuleTraining.Kind(name: "batch", workload: .batch, episodes: 6),
            SparkRuleTraining.Kind(name: "stream", workload: .stream, episodes: 8),
            SparkRuleTraining.Kind(name: "overload", workload: .overload, episodes: 6),
        ]

        /// - Parameter kinds: Drawn in proportion to their numbers of episodes.
        /// - Throws: ``SparkError`` if a workload is out of range.
        public init(
            _ catalogue: SparkCatalogue, kinds: [SparkRuleTraining.Kind] = Self.kinds, rule: SparkRule,
            seed: UInt64, threads: Int = 1
        ) throws(SparkError) {
            precondition(kinds.allSatisfy { $0.episodes > 0 } && !kinds.isEmpty, "there are kinds of episodes")
            example = try kinds[0].workload.episode(of: catalogue, seed: seed)
            (self.catalogue, self.kinds, self.rule) = (catalogue, kinds, rule)
            var scales: [Double] = []
            for kind in kinds {
                var trials: [SparkTrial] = []
                for index in 0..<8 {
                    let episode = try kind.workload.episode(of: catalogue, seed: seed &+ UInt64(index))
                    trials.append(SparkTrial(episode: episode, seed: seed &+ UInt64(index)))
                }
                let means = SparkTrial.means(of: [rule], in: trials, threads: threads)[0].compactMap(\.self)
                scales.append(1000 * max(0.001, means.reduce(0, +) / Double(max(1, means.count))))
            }
            self.scales = scales
        }

        /// The place of a kind, by its share.
        func kind(_ generator: inout SeededGenerator) -> Int {
            var draw = generator.nextInt(below: kinds.reduce(0) { $0 + $1.episodes })
            return kinds.firstIndex { kind in
                draw -= kind.episodes
                return draw < 0
            } ?? 0
        }
    }

    private let problems: Problems
    private var observer: SparkObserver
    private var simulator: SparkSimulator
    private var scale = 1.0

    /// The features that networks see.
    /// - Parameter hops: How many times stages hear of those that they wait for; 0 shows those only that may be chosen.
    public static func shape(hops: Int = 0, width: Int = 16) -> PolicyShape {
        SparkObserver.shape(hops: hops, width: width)
    }

    /// How a network learns here. A rule that was tuned is good already, and what a decision is worth is small beside the noise
    /// of a rollout: that asks for large batches, no entropy to speak of, rollouts under one luck, and hardly any discount, since
    /// executors that are used badly now are missing until the system is next empty.
    public static var learningOptions: LearningOptions {
        var options = LearningOptions()
        (options.problems, options.rollouts, options.sharesLuck) = (20, 8, true)
        (options.epochs, options.minibatches) = (1, 8)
        (options.discountRate, options.entropyWeight, options.learningRate) = (0.03, 0.001, 4e-3)
        return options
    }

    public init(_ problems: Problems, _ shape: PolicyShape) {
        self.problems = problems
        observer = SparkObserver(problems.rule, showsAll: shape.hops > 0)
        simulator = SparkSimulator(problems.example, seed: 0)
    }

    public func reset(seed: UInt64, luck: UInt64) {
        var generator = SeededGenerator(seed: seed, stream: 0x5AC)
        let kind = problems.kind(&generator)
        let workload = problems.kinds[kind].workload
        guard let episode = try? workload.episode(of: problems.catalogue, seed: generator.next()) else {
            preconditionFailure("the workloads were checked")
        }
        scale = problems.scales[kind]
        simulator.reset(episode, seed: luck)
        if simulator.advance() { runToChoice() }
    }

    public func observe(into observation: inout GraphObservation) { observer.observe(simulator, into: &observation) }

    public func step(_ action: GraphAction) -> Transition {
        let (now, time) = (simulator.now, simulator.jobMilliseconds)
        let goesOn = act(observer.decision(action)) && runToChoice()
        let jobs = Double(simulator.episode.arrivals.count)
        var reward = -Double(simulator.jobMilliseconds - time) / scale / jobs
        // Jobs that nobody will do: as if each took very long.
        if !goesOn { reward -= 10 * (jobs - Double(simulator.jobsDone)) / jobs }
        return Transition(reward: reward, duration: Double(simulator.now - now) / scale, isDone: !goesOn)
    }

    /// Takes what can be decided in one way only.
    /// - Returns: Whether there is something to choose.
    @discardableResult
    private func runToChoice() -> Bool {
        while let decision = SparkObserver.forced(simulator) {
            if !act(decision) { return false }
        }
        return true
    }

    /// - Returns: Whether another decision is due.
    private func act(_ decision: SparkSimulator.Decision?) -> Bool { simulator.act(decision) || simulator.advance() }
}
