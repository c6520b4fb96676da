/// What a policy sees and how large its network is.
public struct PolicyShape: Sendable, Hashable, Codable {
    /// The features of a node, by name and in order.
    public var nodeFeatures: [String]
    /// The features of a group; at least one.
    public var groupFeatures: [String]
    /// The features of the whole; at least one.
    public var globalFeatures: [String]
    /// How many levels a chosen candidate is taken at; 0 for no such choice.
    public var levels = 0
    /// The width of the embeddings, 1…256.
    public var width = 16
    /// How many times nodes hear of their parents and children, 0…8.
    public var hops = 2
    /// The width of the hidden layer before each decision, 1…256.
    public var headWidth = 32
    /// Whether the network also estimates the return, as a baseline.
    public var hasValue = false

    public init(nodeFeatures: [String], groupFeatures: [String], globalFeatures: [String], levels: Int = 0) {
        (self.nodeFeatures, self.groupFeatures, self.globalFeatures) = (nodeFeatures, groupFeatures, globalFeatures)
        self.levels = levels
    }

    /// - Throws: ``ReinforcementLearningError/option(_:found:allowed:)`` for the first value out of range.
    func validate() throws(ReinforcementLearningError) {
        for (name, features) in [
            ("nodeFeatures", nodeFeatures), ("groupFeatures", groupFeatures), ("globalFeatures", globalFeatures),
        ] {
            guard 1...512 ~= features.count, Set(features).count == features.count else {
                throw .option(name, found: "\(features.count) names", allowed: "1 to 512 different names")
            }
        }
        for (name, value, allowed) in [
            ("levels", levels, 0...256), ("width", width, 1...256), ("hops", hops, 0...8),
            ("headWidth", headWidth, 1...256),
        ] where !allowed.contains(value) {
            throw .option(name, found: "\(value)", allowed: "\(allowed.lowerBound) to \(allowed.upperBound)")
        }
    }
}
