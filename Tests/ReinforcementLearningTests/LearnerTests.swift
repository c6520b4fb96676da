import ReinforcementLearning
import Testing

/// Every learner solves a problem with one decision and one with eight, for five seeds.
@Suite("Learners") struct LearnerTests {
    enum Learner: String, CaseIterable {
        case reinforce, groups, values, imitation

        /// The share of the optimum that is asked for where decisions have consequences.
        var threshold: Double {
            switch self {
            case .reinforce, .values: 0.97
            case .groups, .imitation: 0.99
            }
        }

        var options: LearningOptions {
            var options = self == .reinforce ? LearningOptions.reinforce : LearningOptions()
            (options.problems, options.rollouts, options.entropyWeight) = (32, 4, 0.2)
            options.learningRate = self == .reinforce ? 1e-2 : 3e-3
            if self != .reinforce { options.minibatches = 4 }
            if self == .values { (options.baseline, options.scale) = (.value, .batch) }
            return options
        }

        func train<World: Environment>(
            _ shape: PolicyShape, seed: UInt64, iterations: Int, _ make: @escaping () -> World,
            teacher: @escaping Rollouts<World>.Teacher
        ) throws -> GraphPolicy {
            let trainer = try PolicyTrainer(shape: shape, options: options, seed: seed, makeEnvironment: make)
            for iteration in 0..<iterations {
                let progress = Double(iteration) / Double(iterations)
                if self == .imitation {
                    let starts = (0..<64).map { EpisodeStart(seed: UInt64(iteration * 64 + $0), luck: UInt64($0)) }
                    try trainer.imitate(starts, teacherShare: 0.5, progress: progress, teacher: teacher)
                } else {
                    try trainer.improve(progress: progress)
                }
            }
            return trainer.policy
        }
    }

    @Test("a contextual bandit: 97 % of what the best arm pays", arguments: Learner.allCases, UInt64(0)..<5)
    func bandit(learner: Learner, seed: UInt64) throws {
        let policy = try learner.train(
            Bandit.shape(hasValue: learner == .values), seed: seed, iterations: learner == .reinforce ? 300 : 100,
            { Bandit() },
            teacher: { bandit, _ in bandit.best })
        let score = try Bandit.score(policy)
        #expect(score.policy >= 0.97 * score.best, "\(score)")
    }

    @Test(
        "a Markov decision process: 97 to 99 % of its optimum, where the best constant action gains less than 80 %",
        arguments: Learner.allCases, UInt64(0)..<5)
    func markov(learner: Learner, seed: UInt64) throws {
        let policy = try learner.train(
            RandomWalk.shape(hasValue: learner == .values), seed: seed, iterations: learner == .reinforce ? 300 : 100,
            { RandomWalk() }, teacher: { walk, _ in walk.bestAction })
        let value = try RandomWalk.value(of: policy)
        #expect(RandomWalk.bestConstant < 0.8 * RandomWalk.optimum)
        #expect(value >= learner.threshold * RandomWalk.optimum, "\(value) of \(RandomWalk.optimum)")
        #expect(value <= RandomWalk.optimum + 1e-9)
    }
}
