import LinearAlgebra
import ModelFiles
import ReinforcementLearning
import TestSupport
import Testing

@Suite("Training") struct PolicyTrainerTests {
    static func options(_ baseline: LearningOptions.Baseline = .group) -> LearningOptions {
        var options = LearningOptions()
        (options.problems, options.rollouts, options.minibatches, options.baseline) = (6, 3, 3, baseline)
        return options
    }

    static func trainer(
        _ baseline: LearningOptions.Baseline = .group, threads: Int = 1
    ) throws -> PolicyTrainer<RandomWalk> {
        try PolicyTrainer(
            shape: RandomWalk.shape(hasValue: baseline == .value), options: options(baseline), seed: 5,
            threads: threads
        ) { RandomWalk() }
    }

    @Test("two threads give the same reports and weights as one", arguments: [LearningOptions.Baseline.group, .value])
    func threads(baseline: LearningOptions.Baseline) throws {
        let trainers = try [1, 2, 3].map { try Self.trainer(baseline, threads: $0) }
        for iteration in 0..<4 {
            let reports = try trainers.map { try $0.improve(progress: Double(iteration) / 4) }
            #expect(reports[0] == reports[1] && reports[0] == reports[2])
            #expect(reports[0].updates > 0)
        }
        #expect(trainers[0].policy == trainers[1].policy && trainers[0].policy == trainers[2].policy)
        #expect(trainers[0].policy != (try Self.trainer(baseline)).policy)
    }

    @Test("a resumed training goes on bit for bit", arguments: [LearningOptions.Baseline.group, .value])
    func resume(baseline: LearningOptions.Baseline) throws {
        let whole = try Self.trainer(baseline)
        if baseline == .value { (whole.options.clip, whole.options.targetDivergence) = (nil, nil) }
        let folder = TemporaryFolder()
        let path = folder.path + "/checkpoint.safetensors"
        let starts = (0..<6).map { EpisodeStart(seed: $0) }
        for iteration in 0..<5 {
            if iteration == 2 { try whole.checkpoint().write(to: path) }
            try whole.improve(progress: Double(iteration) / 5)
        }
        try whole.imitate(starts) { walk, _ in walk.bestAction }
        let resumed = try PolicyTrainer(resuming: path, threads: 2) { RandomWalk() }
        #expect(resumed.iteration == 2 && resumed.options == whole.options)
        for iteration in 2..<5 { try resumed.improve(progress: Double(iteration) / 5) }
        try resumed.imitate(starts) { walk, _ in walk.bestAction }
        #expect(resumed.policy == whole.policy)
        #expect(throws: ModelFileError.self) { try GraphPolicy(contentsOf: path) }
    }

    @Test("an untrained policy is the rule whose scores it adds to, and learns to leave it")
    func residual() throws {
        let trainer = try PolicyTrainer(shape: Ruled.shape, options: Self.options(), seed: 1) { Ruled() }
        var rollouts = Rollouts(threads: 2) { Ruled() }
        let starts = (0..<50).map { EpisodeStart(seed: $0) }
        let rule = try rollouts.play(
            teacher: { _, observation in observation.preferredAction(levels: 2) ?? .idle }, shape: Ruled.shape, starts)
        #expect(try rollouts.play(trainer.policy, starts) == rule)
        trainer.options.learningRate = 1e-2
        trainer.options.problems = 32
        for _ in 0..<60 { try trainer.improve() }
        func mean(_ episodes: [Episode]) -> Double { episodes.reduce(0) { $0 + $1.reward } / 50 }
        #expect(mean(try rollouts.play(trainer.policy, starts)) > mean(rule) + 0.3)
    }

    @Test("what is not legal is never done, by any weights", arguments: UInt64(0)..<4)
    func masks(seed: UInt64) throws {
        let shape = Maze.shape
        let policy = try GraphPolicy(shape: shape, seed: seed)
        var rollouts = Rollouts(threads: 2) { Maze() }
        let starts = (0..<20).map { EpisodeStart(seed: seed &* 100 + $0) }
        for mode in [Rollouts<Maze>.Mode.greedy, .sampled(seed: seed)] {
            let episodes = try rollouts.play(policy, starts, mode: mode)
            #expect(episodes.allSatisfy { $0.reward == 0 && $0.isComplete && $0.decisions == 20 })
        }
        let trainer = try PolicyTrainer(shape: shape, options: Self.options(), seed: seed) { Maze() }
        for _ in 0..<3 { #expect(try trainer.improve().reward == 0) }
    }

    @Test(
        "the learning rate warms up, then falls as training goes on",
        arguments: [LearningOptions.Decay.linear, .cosine])
    func rates(decay: LearningOptions.Decay) throws {
        let trainer = try Self.trainer()
        (trainer.options.decay, trainer.options.warmUpUpdates, trainer.options.epochs) = (decay, 6, 1)
        trainer.options.targetDivergence = nil
        let rates = try [0, 0, 0.25, 0.5, 1].map { try trainer.improve(progress: $0).learningRate / 1e-3 }
        let expected = decay == .linear ? [0.5, 1, 0.75, 0.5, 0] : [0.5, 1, (1 + 0.5.squareRoot()) / 2, 0.5, 0]
        #expect(zip(rates, expected).allSatisfy { abs($0 - $1) < 1e-12 })
    }

    @Test("a graph of 100,000 nodes is decided about")
    func large() throws {
        let shape = GradientTests.shape(levels: 0, hops: 2, hasValue: false)
        let nodes = 100_000
        var scene = GraphObservation()
        scene.groupFeatures = [0, 1]
        scene.globalFeatures = [0]
        scene.nodeFeatures = (0..<(3 * nodes)).map { Float($0 % 7) }
        scene.groupOfNode = Array(repeating: 0, count: nodes)
        for node in 1..<nodes { scene.addEdge(from: node / 2, to: node) }
        scene.addCandidate(0)
        #expect(try PolicyDecider(GraphPolicy(shape: shape, seed: 1)).decide(scene) == .take(candidate: 0, level: 0))
    }

    @Test("a horizon cuts an episode and the part of the reward beyond it")
    func horizon() throws {
        var rollouts = Rollouts { Bandit() }
        let policy = try GraphPolicy(shape: Bandit.shape(), seed: 1)
        let whole = try rollouts.play(policy, [EpisodeStart(seed: 3)])[0]
        let cut = try rollouts.play(policy, [EpisodeStart(seed: 3, horizon: 0.25)])[0]
        #expect(cut.duration == 0.25 && abs(cut.reward - 0.25 * whole.reward) < 1e-12)
        let short = try Rollouts { RandomWalk() }.played(
            GraphPolicy(shape: RandomWalk.shape(), seed: 1), EpisodeStart(seed: 1, maximumDecisions: 3))
        #expect(short.decisions == 3 && !short.isComplete)
    }

    @Test("observations that are wrong, and teachers, are errors that say what is")
    func errors() throws {
        let shape = Bandit.shape()
        var bandit = Bandit()
        bandit.reset(seed: 1, luck: 0)
        var good = GraphObservation()
        bandit.observe(into: &good)
        let decider = PolicyDecider(try GraphPolicy(shape: shape, seed: 1))
        func refused(_ part: String, _ change: (inout GraphObservation) -> Void) {
            var bad = good
            change(&bad)
            let error = #expect(throws: ReinforcementLearningError.self) { try decider.decide(bad) }
            #expect("\(error.map { "\($0)" } ?? "")".contains(part))
        }
        refused("'second', row 2: found nan") { $0.nodeFeatures[5] = .nan }
        refused("'second counts', row 0: found -inf") { $0.globalFeatures[0] = -.infinity }
        refused("score of a candidate") { $0.candidateScores[1] = .infinity }
        refused("score of a level") { $0.levelScores[1] = .nan }
        refused("score of a level") { ($0.levelScores[2], $0.levelScores[3]) = (-.infinity, -.infinity) }
        refused("has 11 node features, expected 12") { $0.nodeFeatures.removeLast() }
        refused("7") { $0.candidates[0] = 7 }
        refused("-1") { $0.groupOfNode[0] = -1 }
        refused("6") { $0.addEdge(from: 0, to: 6) }
        refused("no action") {
            ($0.candidates, $0.candidateScores, $0.levelScores, $0.idleScore) = ([], [], [], nil)
        }
        refused("so large") {
            $0.nodeFeatures[0] = 3e38; $0.nodeFeatures[1] = -3e38
        }
        #expect(try decider.decide(good) != .take(candidate: 6, level: 0))

        var rollouts = Rollouts { Backwards() }
        #expect(throws: ReinforcementLearningError.transition(reward: 0, duration: -1)) {
            try rollouts.play(decider.policy, [EpisodeStart(seed: 1)])
        }
        let trainer = try PolicyTrainer(shape: shape, options: Self.options(), seed: 1) { Bandit() }
        let before = trainer.policy
        #expect(throws: ReinforcementLearningError.illegalAction(.take(candidate: 0, level: 2))) {
            try trainer.imitate([EpisodeStart(seed: 1)]) { _, _ in .take(candidate: 0, level: 2) }
        }
        #expect(trainer.policy == before)
        trainer.options.epochs = 0
        #expect(throws: ReinforcementLearningError.option("epochs", found: "0", allowed: "1 to 1000")) {
            try trainer.improve()
        }
    }
}

extension Rollouts {
    fileprivate func played(_ policy: GraphPolicy, _ start: EpisodeStart) throws -> Episode {
        var rollouts = self
        return try rollouts.play(policy, [start])[0]
    }
}

/// A ``Bandit`` with the scores of a rule that never looks at the second number and always takes level 1.
private struct Ruled: Environment {
    static var shape: PolicyShape { Bandit.shape() }
    private var bandit = Bandit()

    mutating func reset(seed: UInt64, luck: UInt64) { bandit.reset(seed: seed, luck: luck) }

    func observe(into observation: inout GraphObservation) {
        bandit.observe(into: &observation)
        observation.candidateScores = bandit.arms.map { 2 * $0.0 }
        observation.levelScores = bandit.arms.flatMap { _ in [0, 1.5] }
    }

    mutating func step(_ action: GraphAction) -> Transition { bandit.step(action) }
}

/// A ``Bandit`` that takes less than no time.
private struct Backwards: Environment {
    private var bandit = Bandit()

    mutating func reset(seed: UInt64, luck: UInt64) { bandit.reset(seed: seed, luck: luck) }
    func observe(into observation: inout GraphObservation) { bandit.observe(into: &observation) }
    mutating func step(_ action: GraphAction) -> Transition { Transition(reward: 0, duration: -1, isDone: true) }
}

/// Random graphs in which some actions are legal; any other costs 1.
private struct Maze: Environment {
    static let shape = GradientTests.shape(levels: 3, hops: 1, hasValue: false)
    private var scene = GraphObservation()
    private var generator = SeededGenerator(seed: 0)
    private var left = 0

    mutating func reset(seed: UInt64, luck: UInt64) {
        (generator, left) = (SeededGenerator(seed: seed, stream: luck), 20)
    }

    mutating func observe(into observation: inout GraphObservation) {
        scene = Scenes.random(Maze.shape, nodes: generator.nextInt(below: 12), &generator)
        observation = scene
    }

    mutating func step(_ action: GraphAction) -> Transition {
        left -= 1
        return Transition(
            reward: scene.allows(action, levels: Maze.shape.levels) ? 0 : -1, duration: 0.5, isDone: left == 0)
    }
}
