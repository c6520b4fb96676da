/// What a policy was trained with, and how well it does: what its file says about it.
public struct PolicyOrigin: Sendable, Hashable, Codable {
    public var seed: UInt64
    public var options: LearningOptions?
    /// Iterations of imitation and of improvement.
    public var iterations = 0
    /// Decisions that were learnt from.
    public var decisions = 0
    /// Names the training data, such as a checksum of the jobs.
    public var dataDigest = ""
    /// Results on problems that were not trained on, by name.
    public var heldOut: [String: Double] = [:]

    public init(seed: UInt64 = 0) { self.seed = seed }
}
