import Foundation
import LinearAlgebra
import ReinforcementLearning

// policy-bench network scene DIR        writes an observation (scene.json), a policy (policy.safetensors) and what it says
// policy-bench network time THREADS     prints one line of JSON: the time of a decision, and steps with gradient a second
//
// The peer is peers/torch_policy.py.

/// An environment that always looks the same: 20 jobs of 10 stages, of which 100 are runnable.
private struct Stub: Environment {
    static let shape = PolicyShape(
        nodeFeatures: (0..<12).map { "n\($0)" }, groupFeatures: (0..<6).map { "g\($0)" },
        globalFeatures: (0..<4).map { "f\($0)" }, levels: 5)
    static let scene: GraphObservation = {
        var generator = SeededGenerator(seed: 1)
        var scene = GraphObservation()
        func values(_ count: Int) -> [Float] { (0..<count).map { _ in Float(generator.nextNormal()) } }
        scene.nodeFeatures = values(200 * 12)
        scene.groupFeatures = values(20 * 6)
        scene.globalFeatures = values(4)
        for node in 0..<200 {
            scene.groupOfNode.append(Int32(node / 10))
            if node % 10 > 0 { scene.addEdge(from: node - 1, to: node) }
            if node % 10 > 2 { scene.addEdge(from: node - 3, to: node) }
            guard node % 2 == 0 else { continue }
            scene.addCandidate(node, score: Float(generator.nextNormal()))
            scene.levelScores += values(5)
        }
        scene.idleScore = 0
        return scene
    }()
    private var left = 0

    mutating func reset(seed: UInt64, luck: UInt64) { left = 200 }

    func observe(into observation: inout GraphObservation) {
        observation.nodeFeatures += Stub.scene.nodeFeatures
        observation.groupOfNode += Stub.scene.groupOfNode
        observation.parents += Stub.scene.parents
        observation.children += Stub.scene.children
        observation.groupFeatures += Stub.scene.groupFeatures
        observation.globalFeatures += Stub.scene.globalFeatures
        observation.candidates += Stub.scene.candidates
        observation.candidateScores += Stub.scene.candidateScores
        observation.levelScores += Stub.scene.levelScores
        observation.idleScore = Stub.scene.idleScore
    }

    mutating func step(_ action: GraphAction) -> Transition {
        left -= 1
        return Transition(reward: action == .idle ? -2 : -1, duration: 1, isDone: left == 0)
    }
}

private struct Scene: Encodable {
    var nodeFeatures: [Float], groupOfNode: [Int32], parents: [Int32], children: [Int32], groupFeatures: [Float]
    var globalFeatures: [Float], candidates: [Int32], candidateScores: [Float], levelScores: [Float]
    var logProbabilities: [Float]
    var idle: Float
}

private struct Times: Encodable {
    var decisionSeconds: Double
    var actingPerSecond: Double
    var stepsPerSecond: Double
    var threads: Int
    var weights: Int
}

/// A policy whose last layers say something: 16 rollouts of what the stub pays.
private func trainer(threads: Int) throws -> PolicyTrainer<Stub> {
    var options = LearningOptions()
    options.targetDivergence = nil
    return try PolicyTrainer(shape: Stub.shape, options: options, seed: 1, threads: threads) { Stub() }
}

private func seconds(_ body: () throws -> Void) rethrows -> Double {
    let begin = ContinuousClock.now
    try body()
    return (ContinuousClock.now - begin) / .seconds(1)
}

/// Answers the parts that begin with `network`.
func networkParts(_ arguments: [String]) throws -> Bool {
    guard arguments.count == 3, arguments[0] == "network" else { return try sparkNetworkParts(arguments) }
    let encoder = JSONEncoder()
    if arguments[1] == "scene" {
        let trainer = try trainer(threads: 1)
        try trainer.improve()
        let (policy, scene) = (trainer.policy, Stub.scene)
        try policy.write(to: arguments[2] + "/policy.safetensors")
        let said = try PolicyDecider(policy).logProbabilities(of: scene)
        let text = try encoder.encode(
            Scene(
                nodeFeatures: scene.nodeFeatures, groupOfNode: scene.groupOfNode, parents: scene.parents,
                children: scene.children, groupFeatures: scene.groupFeatures, globalFeatures: scene.globalFeatures,
                candidates: scene.candidates, candidateScores: scene.candidateScores, levelScores: scene.levelScores,
                logProbabilities: said.candidates, idle: said.idle))
        try text.write(to: URL(fileURLWithPath: arguments[2] + "/scene.json"))
        return true
    }
    guard arguments[1] == "time", let threads = Int(arguments[2]) else { return false }
    let trainer = try trainer(threads: threads)
    let decider = PolicyDecider(trainer.policy)
    let decisions = try (0..<2000).map { _ in try seconds { _ = try decider.decide(Stub.scene) } }.sorted()
    var rollouts = Rollouts(threads: threads) { Stub() }
    let starts = (0..<16).map { EpisodeStart(seed: $0) }
    var (acting, learning) = (Double.infinity, Double.infinity)
    for _ in 0..<5 {
        acting = min(acting, try seconds { _ = try rollouts.play(trainer.policy, starts, mode: .sampled(seed: 1)) })
        learning = min(learning, try seconds { try trainer.improve() })
    }
    print(
        String(
            decoding: try encoder.encode(
                Times(
                    decisionSeconds: decisions[1000], actingPerSecond: 3200 / acting, stepsPerSecond: 3200 / learning,
                    threads: threads, weights: trainer.policy.parameterCount)), as: UTF8.self))
    return true
}
