/// A column that a model was trained on.
public struct ForestFeature: Sendable, Hashable, Codable {
    public let name: String
    /// The levels seen in training, in the order of their codes; `nil` for a numeric feature.
    public let levels: [String]?

    public init(name: String, levels: [String]?) { (self.name, self.levels) = (name, levels) }
}
