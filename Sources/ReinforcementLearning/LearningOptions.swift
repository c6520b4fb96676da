internal import Foundation

/// How a policy learns.
public struct LearningOptions: Sendable, Hashable, Codable {
    /// What an action's return is compared with.
    public enum Baseline: String, Sendable, Hashable, Codable {
        /// Nothing.
        case none
        /// The mean return, at the same time, of the rollouts of the same problem. It takes out what the problem itself
        /// contributes, arrivals above all.
        case group
        /// The network's own estimate, with generalised advantage estimation; the shape must have a value.
        case value
    }

    /// What advantages are divided by.
    public enum Scale: String, Sendable, Hashable, Codable {
        case none
        /// Their deviation among the rollouts of one problem: large and small problems count alike.
        case group
        /// Their deviation in the iteration.
        case batch
    }

    public enum Decay: String, Sendable, Hashable, Codable { case none, linear, cosine }

    /// Problems an iteration, 1…4096.
    public var problems = 4
    /// Rollouts of each, 1…4096.
    public var rollouts = 4
    /// Whether rollouts of one problem share their luck, too.
    public var sharesLuck = false
    /// Rewards count less by the factor e^(−rate · seconds).
    public var discountRate = 0.0
    public var baseline = Baseline.group
    public var scale = Scale.group
    /// λ of generalised advantage estimation, 0…1.
    public var lambda = 0.95
    /// The share of the value's error in the loss.
    public var valueWeight = 0.5

    /// Passes over the decisions of an iteration.
    public var epochs = 3
    /// Updates a pass.
    public var minibatches = 8
    /// How far a probability may move, as a ratio, before it no longer pays; `nil` for no limit.
    public var clip: Double? = 0.2
    /// Mean divergence from the policy that acted, beyond which the iteration ends early; `nil` for no limit.
    public var targetDivergence: Double? = 0.015
    /// The weight of the entropy at the start and at the end.
    public var entropyWeight = 0.01
    public var finalEntropyWeight = 0.0

    public var learningRate = 1e-3
    public var decay = Decay.linear
    /// Updates during which the rate rises to its full value.
    public var warmUpUpdates = 20
    /// The norm to which a gradient is cut.
    public var gradientNorm = 0.5

    public init() {}

    /// The plain policy gradient: one update an iteration, with all its decisions.
    /// Source: Williams, *Simple Statistical Gradient-Following Algorithms* (1992).
    public static var reinforce: LearningOptions {
        var options = LearningOptions()
        (options.epochs, options.minibatches) = (1, 1)
        (options.clip, options.targetDivergence) = (nil, nil)
        return options
    }

    /// - Throws: ``ReinforcementLearningError/option(_:found:allowed:)`` for the first value out of range.
    func validate(_ shape: PolicyShape) throws(ReinforcementLearningError) {
        for (name, value, allowed) in [
            ("problems", problems, 1...4096), ("rollouts", rollouts, 1...4096), ("epochs", epochs, 1...1000),
            ("minibatches", minibatches, 1...100_000), ("warmUpUpdates", warmUpUpdates, 0...1_000_000),
        ] where !allowed.contains(value) {
            throw .option(name, found: "\(value)", allowed: "\(allowed.lowerBound) to \(allowed.upperBound)")
        }
        for (name, value, allowed) in [
            ("discountRate", discountRate, 0...1e6), ("lambda", lambda, 0...1), ("valueWeight", valueWeight, 0...1e6),
            ("clip", clip ?? 0, 0...1e6), ("targetDivergence", targetDivergence ?? 0, 0...1e6),
            ("entropyWeight", entropyWeight, 0...1e6), ("finalEntropyWeight", finalEntropyWeight, 0...1e6),
            ("learningRate", learningRate, 0...1e3), ("gradientNorm", gradientNorm, 0...1e6),
        ] where !allowed.contains(value) {
            throw .option(name, found: "\(value)", allowed: "\(allowed.lowerBound) to \(allowed.upperBound)")
        }
        if baseline == .group && rollouts < 2 {
            throw .option("rollouts", found: "\(rollouts)", allowed: "2 or more, for the baseline 'group'")
        }
        if baseline == .value && !shape.hasValue {
            throw .option("baseline", found: "value", allowed: "none or group, for a shape without a value")
        }
    }

    /// The rate of an update.
    /// - Parameter progress: The share of the training that is over.
    func rate(update: Int, progress: Double) -> Double {
        let progress = min(1, max(0, progress))
        let warmth = update < warmUpUpdates ? Double(update + 1) / Double(warmUpUpdates) : 1
        return switch decay {
        case .none: learningRate * warmth
        case .linear: learningRate * warmth * (1 - progress)
        case .cosine: learningRate * warmth * 0.5 * (1 + cos(.pi * progress))
        }
    }

    func entropyWeight(progress: Double) -> Double {
        entropyWeight + min(1, max(0, progress)) * (finalEntropyWeight - entropyWeight)
    }
}
