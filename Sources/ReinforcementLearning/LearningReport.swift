/// What an iteration of training did.
public struct LearningReport: Sendable, Hashable {
    public var iteration: Int
    /// The mean reward and duration of its episodes.
    public var reward = 0.0
    public var duration = 0.0
    /// Decisions learnt from.
    public var decisions = 0
    public var updates = 0
    /// Whether the policy had moved far enough before all passes were made.
    public var stoppedEarly = false
    /// Means over the samples of all passes: entropy, divergence from the policy that acted, the share whose ratio was
    /// clipped, and the loss (for imitation the mean −log probability of the teacher's decisions).
    public var entropy = 0.0
    public var divergence = 0.0
    public var clippedShare = 0.0
    public var loss = 0.0
    /// Of the last update, before it was cut.
    public var gradientNorm = 0.0
    public var learningRate = 0.0

    init(iteration: Int) { self.iteration = iteration }
}
