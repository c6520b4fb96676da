import LinearAlgebra
import ReinforcementLearning

/// Two groups of three arms, of which one is pulled at one of two levels, or none.
///
/// The context says which of an arm's two numbers pays; level 1 adds 0.3 where the group says so and costs it elsewhere.
/// Not pulling pays 0.
struct Bandit: Environment {
    static func shape(hasValue: Bool = false) -> PolicyShape {
        var shape = PolicyShape(
            nodeFeatures: ["first", "second"], groupFeatures: ["level pays"], globalFeatures: ["second counts"],
            levels: 2)
        (shape.width, shape.hops, shape.headWidth, shape.hasValue) = (8, 1, 16, hasValue)
        return shape
    }

    private(set) var arms: [(Float, Float)] = []
    private(set) var levelPays: [Bool] = []
    private(set) var secondCounts = false
    private var noise = 0.0

    mutating func reset(seed: UInt64, luck: UInt64) {
        var generator = SeededGenerator(seed: seed, stream: 1)
        arms = (0..<6).map { _ in (Float(generator.nextNormal()), Float(generator.nextNormal())) }
        levelPays = (0..<2).map { _ in generator.nextUniform() < 0.5 }
        secondCounts = generator.nextUniform() < 0.5
        var chance = SeededGenerator(seed: luck, stream: 2)
        noise = 0.1 * chance.nextNormal()
    }

    func observe(into observation: inout GraphObservation) {
        observation.groupFeatures += levelPays.map { $0 ? 1 : -1 }
        observation.globalFeatures.append(secondCounts ? 1 : -1)
        for (index, arm) in arms.enumerated() {
            observation.nodeFeatures += [arm.0, arm.1]
            observation.groupOfNode.append(Int32(index % 2))
            observation.addCandidate(index)
            observation.levelScores += [0, 0]
        }
        observation.idleScore = 0
    }

    /// What an action earns, without luck.
    func mean(_ action: GraphAction) -> Double {
        guard case .take(let arm, let level) = action else { return 0 }
        let base = Double(secondCounts ? arms[arm].1 : arms[arm].0)
        return base + (level == 0 ? 0 : levelPays[arm % 2] ? 0.3 : -0.3)
    }

    var actions: [GraphAction] {
        [.idle] + (0..<6).flatMap { [.take(candidate: $0, level: 0), .take(candidate: $0, level: 1)] }
    }

    mutating func step(_ action: GraphAction) -> Transition {
        Transition(reward: mean(action) + noise, duration: 1, isDone: true)
    }

    /// The best of all actions.
    var best: GraphAction { actions.max { mean($0) < mean($1) } ?? .idle }

    /// The means over many contexts of the best action's reward and of the policy's.
    static func score(_ policy: GraphPolicy) throws -> (best: Double, policy: Double) {
        let decider = PolicyDecider(policy)
        var (bandit, sums) = (Bandit(), (best: 0.0, policy: 0.0))
        for seed in 0..<400 {
            bandit.reset(seed: 1_000_000 + UInt64(seed), luck: 0)
            var observation = GraphObservation()
            bandit.observe(into: &observation)
            sums.best += bandit.mean(bandit.best) / 400
            sums.policy += bandit.mean(try decider.decide(observation)) / 400
        }
        return sums
    }
}
