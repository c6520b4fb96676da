import Foundation
import LinearAlgebra
import ModelFiles
import ReinforcementLearning
import Simulation

// policy-bench spark-train DATA RULE FILE SEED SECONDS THREADS   trains a network that begins as the rule of RULE, on fresh
//                                                                 episodes, for so many seconds of processors
// policy-bench spark-pinned DATA FILE                            the rule and the network on the pinned episodes, five seeds
// policy-bench spark-fresh DATA FILE COUNT                       … on so many fresh episodes of each kind
// policy-bench spark-shifted DATA FILE COUNT                     … of kinds that it was not trained on
// policy-bench spark-time DATA FILE                              the time of a decision with 100 stages that may be chosen

private struct TrainedNetwork: Encodable {
    var iterations: Int
    var decisions: Int
    var processorSeconds: Double
    var seconds: Double
    /// The mean completion time relative to the rule's, less one, on held-out episodes by kind, with the half width of its
    /// 95 % interval.
    var validation: [String: [Double]]
}

private struct DecisionTime: Encodable {
    var candidates: Int
    var decisionSeconds: Double
    var ruleSeconds: Double
    var weights: Int
}

private func network(_ path: String) throws -> SparkNetworkPolicy {
    try SparkNetworkPolicy(ModelFile(contentsOf: path))
}

private func train(
    _ data: String, _ rulePath: String, _ path: String, seed: UInt64, seconds: Double, threads: Int
) throws {
    let clock = Date()
    let (start, catalogue) = (processorSeconds(), try catalogue(data))
    let file = try ModelFile(contentsOf: rulePath)
    let rule = try SparkRule(file)
    let kinds = SparkEnvironment.Problems.kinds
    let problems = try SparkEnvironment.Problems(catalogue, rule: rule, seed: seed, threads: threads)
    let shape = SparkEnvironment.shape()
    let trainer = try PolicyTrainer(
        shape: shape, options: SparkEnvironment.learningOptions, seed: seed, threads: threads
    ) { SparkEnvironment(problems, shape) }
    var generator = SeededGenerator(seed: seed, stream: 0x4032)
    var iterations = 0
    while processorSeconds() - start < seconds {
        let progress = (processorSeconds() - start) / seconds
        // Without memory, and longer as the training goes on.
        let horizon = max(1, generator.nextExponential() * (30 + 30 * progress))
        let report = try trainer.improve(horizon: horizon, progress: progress)
        iterations += 1
        if iterations % 50 == 0 {
            note("seed \(seed), iteration \(iterations), reward \(report.reward), entropy \(report.entropy)")
        }
    }
    var policy = trainer.policy
    policy.origin.dataDigest = String(catalogue.digest)
    let trained = try SparkNetworkPolicy(policy, rule: rule)
    var found: [String: [Double]] = [:]
    for (index, kind) in kinds.enumerated() {
        let trials = try (0..<40).map {
            SparkTrial(
                episode: try kind.workload.episode(of: catalogue, seed: 0xAA_0000 + UInt64(1000 * index + $0)),
                seed: UInt64($0))
        }
        let (own, rules) = (
            SparkTrial.means(of: [trained], in: trials, threads: threads)[0],
            SparkTrial.means(of: [rule], in: trials, threads: threads)[0]
        )
        let changes = zip(own, rules).map { ($0 ?? .infinity) / ($1 ?? .nan) - 1 }
        let mean = changes.reduce(0, +) / Double(changes.count)
        let variance = changes.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(changes.count - 1)
        found[kind.name] = [mean, 1.96 * (variance / Double(changes.count)).squareRoot()]
    }
    try trained.modelFile(SparkRule.origin(of: file)).write(to: path)
    try show(
        TrainedNetwork(
            iterations: iterations, decisions: policy.origin.decisions, processorSeconds: processorSeconds() - start,
            seconds: Date().timeIntervalSince(clock), validation: found))
}

private func compareNetwork(_ kind: String, _ trials: [SparkTrial], _ network: SparkNetworkPolicy) throws {
    try compare(kind, "fair", SparkBaseline.fair, trials)
    try compare(kind, "rule", network.rule, trials)
    try compare(kind, "network", network, trials)
}

/// Times the decisions that have about 100 stages to choose from, in a batch of many jobs.
private func time(_ data: String, _ network: SparkNetworkPolicy) throws {
    let episode = try SparkWorkload(jobs: 60, executors: 50, meanInterarrivalMilliseconds: 0).episode(
        of: catalogue(data), seed: 1)
    func median(_ policy: some SparkPolicy) -> (candidates: Int, seconds: Double) {
        var (times, policy, candidates) = ([Double](), policy, 0)
        var simulator = SparkSimulator(episode, seed: 1)
        while simulator.advance() {
            var goesOn = true
            while goesOn {
                let isTimed = 90...110 ~= simulator.candidateCount
                let begin = processorSeconds()
                let decision = policy.decide(simulator)
                if isTimed {
                    times.append(processorSeconds() - begin)
                    candidates += simulator.candidateCount
                }
                goesOn = simulator.act(decision)
            }
        }
        return (candidates / max(1, times.count), times.isEmpty ? .nan : times.sorted()[times.count / 2])
    }
    let (own, rules) = (median(network), median(network.rule))
    try show(
        DecisionTime(
            candidates: own.candidates, decisionSeconds: own.seconds, ruleSeconds: rules.seconds,
            weights: network.policy.parameterCount))
}

/// Answers the parts that begin with `spark-`.
func sparkNetworkParts(_ arguments: [String]) throws -> Bool {
    switch arguments.first {
    case "spark-train":
        try train(
            data, argument(2), argument(3), seed: UInt64(number(4)), seconds: Double(number(5)), threads: number(6))
    case "spark-pinned":
        let network = try network(argument(2))
        for (kind, episodes) in try pinned(data, catalogue(data)) {
            try compareNetwork(kind, trials(episodes), network)
        }
    case "spark-fresh", "spark-shifted":
        let (network, catalogue) = (try network(argument(2)), try catalogue(data))
        for (kind, workload) in arguments.first == "spark-fresh" ? kinds : shifts {
            try compareNetwork(kind, try freshTrials(workload, catalogue, count: number(3)), network)
        }
    case "spark-time":
        try time(data, network(argument(2)))
    default:
        return false
    }
    return true
}
