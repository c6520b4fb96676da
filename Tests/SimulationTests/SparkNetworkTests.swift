import Foundation
import LinearAlgebra
import ModelFiles
import ReinforcementLearning
import Simulation
import TestSupport
import Testing

@Suite("Spark network") struct SparkNetworkTests {
    static let catalogue = SparkCatalogue.synthetic(jobs: 40, seed: 2)
    static let kinds = [
        SparkRuleTraining.Kind(
            name: "batch", workload: SparkWorkload(jobs: 8, executors: 20, meanInterarrivalMilliseconds: 0), episodes: 2
        ),
        SparkRuleTraining.Kind(
            name: "overload", workload: SparkWorkload(jobs: 12, executors: 4, meanInterarrivalMilliseconds: 20_000),
            episodes: 1),
    ]

    static func trials(_ count: Int) throws -> [SparkTrial] {
        try kinds.flatMap { kind in
            try (0..<count).map {
                SparkTrial(
                    episode: try kind.workload.episode(of: catalogue, seed: 500 + UInt64($0)), seed: UInt64($0))
            }
        }
    }

    func problems() throws -> SparkEnvironment.Problems {
        try SparkEnvironment.Problems(Self.catalogue, kinds: Self.kinds, rule: SparkRule(), seed: 1)
    }

    /// A few iterations of learning.
    func trained(threads: Int, iterations: Int = 3, hops: Int = 0) throws -> GraphPolicy {
        let (problems, shape) = (try problems(), SparkEnvironment.shape(hops: hops))
        var options = LearningOptions()
        (options.problems, options.rollouts, options.sharesLuck) = (4, 3, true)
        let trainer = try PolicyTrainer(shape: shape, options: options, seed: 3, threads: threads) {
            SparkEnvironment(problems, shape)
        }
        for _ in 0..<iterations { try trainer.improve(horizon: 2) }
        return trainer.policy
    }

    static func means(_ policy: some SparkPolicy & Sendable, threads: Int = 2) throws -> [Double?] {
        SparkTrial.means(of: [policy], in: try trials(4), threads: threads)[0]
    }

    @Test("an untrained network decides as the rule does", arguments: [0, 2])
    func untrained(hops: Int) throws {
        let network = try GraphPolicy(shape: SparkEnvironment.shape(hops: hops), seed: 1)
        var policy = try SparkNetworkPolicy(network, rule: SparkRule())
        policy.tolerance = .infinity
        #expect(try Self.means(policy) == Self.means(SparkRule()))
        let trial = try Self.trials(1)[0]
        var simulator = SparkSimulator(trial.episode, seed: 1)
        simulator.run(&policy)
        #expect(policy.decisions > 50 && policy.fallbacks == 0)
    }

    @Test("any action that is shown as legal is, and an episode that ends has done all jobs", arguments: [0, 1])
    func legal(hops: Int) throws {
        let shape = SparkEnvironment.shape(hops: hops)
        let environment = SparkEnvironment(try problems(), shape)
        var generator = SeededGenerator(seed: 9)
        var levels: Set<Int> = []
        for seed in UInt64(0)..<6 {
            environment.reset(seed: seed, luck: seed)
            var (reward, isDone) = (0.0, false)
            while !isDone {
                var observation = GraphObservation()
                environment.observe(into: &observation)
                try observation.validate(for: shape)
                #expect(hops > 0 || observation.groupOfNode.count == observation.candidates.count)
                #expect(observation.idleScore == nil)
                let candidate = generator.nextInt(below: observation.candidates.count)
                let legal = (0..<shape.levels).filter {
                    observation.allows(.take(candidate: candidate, level: $0), levels: shape.levels)
                }
                levels.formUnion(legal)
                let level = legal[generator.nextInt(below: legal.count)]
                let transition = environment.step(.take(candidate: candidate, level: level))
                #expect(transition.reward <= 0 && transition.duration >= 0)
                reward += transition.reward
                isDone = transition.isDone
            }
            // Jobs that are never done would cost ten each.
            #expect(reward < 0 && reward > -9)
        }
        #expect(levels.count == 5)
    }

    @Test("the reward of an episode is its mean completion time, in units of the rule's")
    func reward() throws {
        let (problems, shape) = (try problems(), SparkEnvironment.shape())
        var rollouts = Rollouts(threads: 1) { SparkEnvironment(problems, shape) }
        let starts = (0..<30).map { EpisodeStart(seed: $0, luck: $0) }
        let episodes = try rollouts.play(
            teacher: { _, observation in observation.preferredAction(levels: 5) ?? .idle }, shape: shape, starts)
        let mean = episodes.reduce(0) { $0 + $1.reward } / 30
        #expect(episodes.allSatisfy(\.isComplete) && mean < -0.8 && mean > -1.2)
    }

    @Test("learning is the same on any number of threads, and so is what was learned", arguments: [0, 2])
    func deterministic(hops: Int) throws {
        let (one, two) = (try trained(threads: 1, hops: hops), try trained(threads: 2, hops: hops))
        #expect(one == two)
        let policy = try SparkNetworkPolicy(one, rule: SparkRule())
        #expect(try Self.means(policy, threads: 1) == Self.means(policy, threads: 2))
        var sampled = policy
        sampled.draws = SeededGenerator(seed: 1)
        #expect(try Self.means(sampled, threads: 1) == Self.means(sampled, threads: 2))
        #expect(try Self.means(sampled) != Self.means(policy))
        let fresh = try GraphPolicy(shape: SparkEnvironment.shape(hops: hops), seed: 3)
        #expect(try Self.means(policy) != Self.means(SparkNetworkPolicy(fresh, rule: SparkRule())))
    }

    @Test("the rule decides where features are strange or the network fails")
    func fallback() throws {
        let network = try trained(threads: 2, iterations: 1)
        var file = try network.modelFile()
        try file.set("choice.out.weight", Array(repeating: Float(1e38), count: 32), shape: [32, 1])
        let broken = try SparkNetworkPolicy(GraphPolicy(file), rule: SparkRule())
        var strange = try SparkNetworkPolicy(network, rule: SparkRule())
        strange.tolerance = -1
        for policy in [broken, strange] {
            var (policy, copy) = (policy, policy)
            let trial = try Self.trials(1)[0]
            var simulator = SparkSimulator(trial.episode, seed: 1)
            let mean = simulator.run(&policy)
            #expect(policy.fallbacks > 20 && policy.fallbacks == policy.decisions)
            var rule = SparkRule()
            simulator.reset(trial.episode, seed: 1)
            #expect(mean == simulator.run(&rule) && mean != nil)
            simulator.reset(trial.episode, seed: 1)
            #expect(simulator.run(&copy) == mean && copy.decisions == policy.decisions)
        }
        // A cluster a hundred times as large as any in training.
        let large = try SparkWorkload(jobs: 4, executors: 1000, meanInterarrivalMilliseconds: 0).episode(
            of: Self.catalogue, seed: 1)
        var policy = try SparkNetworkPolicy(network, rule: SparkRule())
        var simulator = SparkSimulator(large, seed: 1)
        simulator.run(&policy)
        #expect(policy.fallbacks > 0 && simulator.meanCompletionSeconds != nil)
    }

    @Test("of very many stages those are seen that the rule scores highest", .timeLimit(.minutes(1)))
    func manyStages() throws {
        let workload = SparkWorkload(jobs: 3000, executors: 100, meanInterarrivalMilliseconds: 0)
        let episode = try workload.episode(of: Self.catalogue, seed: 1)
        for hops in [0, 2] {
            let network = try GraphPolicy(shape: SparkEnvironment.shape(hops: hops), seed: 1)
            var (policy, rule) = (try SparkNetworkPolicy(network, rule: SparkRule()), SparkRule())
            policy.tolerance = .infinity
            var simulator = SparkSimulator(episode, seed: 1)
            var decisions = 0
            while decisions < 20, simulator.advance() {
                var goesOn = true
                while goesOn {
                    let (decision, expected) = (policy.decide(simulator), rule.decide(simulator))
                    #expect(decision?.stage == expected?.stage)
                    decisions += 1
                    goesOn = simulator.act(decision)
                }
            }
            #expect(decisions >= 20 && policy.fallbacks == 0)
        }
    }

    @Test("a model file gives network and rule back, bit for bit")
    func modelFile() throws {
        var rule = SparkRule()
        rule.parameters.vector = rule.parameters.vector.map { $0 + 0.1 }
        let policy = try SparkNetworkPolicy(trained(threads: 2, iterations: 1), rule: rule)
        let origin = SparkRule.Origin(
            seed: 7, generations: 3, kinds: Self.kinds, jobs: 40, dataDigest: Self.catalogue.digest,
            heldOutRatioToFair: ["batch": 0.8])
        let folder = TemporaryFolder()
        let path = "\(folder.path)/network.safetensors"
        try policy.modelFile(origin).write(to: path)
        let found = try SparkNetworkPolicy(ModelFile(contentsOf: path))
        #expect(found.policy == policy.policy && found.rule.parameters == rule.parameters)
        #expect(try Self.means(found) == Self.means(policy))
        #expect(throws: ModelFileError.self) { try SparkNetworkPolicy(rule.modelFile(origin)) }
        #expect(throws: ModelFileError.self) { try SparkNetworkPolicy(policy.policy.modelFile()) }
        let other = try GraphPolicy(
            shape: PolicyShape(nodeFeatures: ["a"], groupFeatures: ["b"], globalFeatures: ["c"], levels: 5), seed: 1)
        #expect(throws: ReinforcementLearningError.self) { try SparkNetworkPolicy(other, rule: rule) }
    }
}
