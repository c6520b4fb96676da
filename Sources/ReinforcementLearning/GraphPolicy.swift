/// A network that decides, with its weights.
///
/// Ask it through a ``PolicyDecider``, train it with a ``PolicyTrainer``.
public struct GraphPolicy: Sendable, Hashable {
    public let shape: PolicyShape
    /// Where it comes from.
    public var origin = PolicyOrigin()
    /// What it has seen: outside of it, better ask a rule.
    public let ranges: FeatureRanges
    /// All weights, in the order of the layers.
    let weights: [Float]

    /// An untrained policy. It decides as the rule whose scores the environment gives; without them all that is legal
    /// is equally likely.
    public init(shape: PolicyShape, seed: UInt64) throws(ReinforcementLearningError) {
        try shape.validate()
        self.init(
            shape: shape, weights: NetworkLayout(shape).initialWeights(seed: seed), ranges: FeatureRanges(shape),
            origin: PolicyOrigin(seed: seed))
    }

    init(shape: PolicyShape, weights: [Float], ranges: FeatureRanges, origin: PolicyOrigin) {
        (self.shape, self.weights, self.ranges, self.origin) = (shape, weights, ranges, origin)
    }

    /// The number of weights.
    public var parameterCount: Int { weights.count }

    /// - Throws: ``ReinforcementLearningError/otherFeatures(what:found:expected:)`` unless the policy sees exactly the
    ///   features and levels of `expected`.
    public func require(featuresOf expected: PolicyShape) throws(ReinforcementLearningError) {
        for (what, found, expected) in [
            ("node features", shape.nodeFeatures, expected.nodeFeatures),
            ("group features", shape.groupFeatures, expected.groupFeatures),
            ("global features", shape.globalFeatures, expected.globalFeatures),
            ("levels", ["\(shape.levels)"], ["\(expected.levels)"]),
        ] where found != expected {
            throw .otherFeatures(what: what, found: found, expected: expected)
        }
    }
}
