public import ModelFiles

extension GraphPolicy {
    /// The kind that a policy's file carries.
    public static let modelKind = "graph-policy"
    static let schemaVersion = 1

    /// The model file of this policy. Add metadata of your own before writing it.
    public func modelFile() throws -> ModelFile {
        var file = ModelFile(kind: GraphPolicy.modelKind, schemaVersion: GraphPolicy.schemaVersion)
        try store(in: &file)
        return file
    }

    /// Writes the policy. Reading it back gives the same decisions bit for bit.
    public func write(to path: String) throws { try modelFile().write(to: path) }

    /// Reads a policy that ``write(to:)`` wrote.
    /// - Throws: `ModelFileError` for a damaged, foreign or newer file, ``ReinforcementLearningError`` for one whose
    ///   contents do not fit each other or are not numbers.
    public init(contentsOf path: String) throws {
        try self.init(
            ModelFile(contentsOf: path, kind: GraphPolicy.modelKind, schemaVersion: GraphPolicy.schemaVersion),
            path: path)
    }

    /// Reads a policy from an open model file; `path` is for messages.
    public init(_ file: ModelFile, path: String = "model file") throws {
        shape = try file.json("shape", as: PolicyShape.self)
        try shape.validate()
        origin = try file.json("origin", as: PolicyOrigin.self)
        var weights: [Float] = []
        for tensor in NetworkLayout(shape).tensors {
            let found = try file.shape(of: tensor.name)
            let values = try file.values(tensor.name, as: Float.self)
            guard found == tensor.shape, values.count == tensor.count else {
                throw ReinforcementLearningError.format(
                    file: path, found: "a tensor '\(tensor.name)' of shape \(found)", expected: "\(tensor.shape)")
            }
            guard values.isFinite else {
                throw ReinforcementLearningError.format(
                    file: path, found: "a weight in '\(tensor.name)' that is not a number", expected: "finite weights")
            }
            weights += values
        }
        self.weights = weights
        guard
            let ranges = FeatureRanges(
                shape, lowest: try file.values("lowest"), highest: try file.values("highest"))
        else {
            throw ReinforcementLearningError.format(
                file: path, found: "ranges of other features", expected: "one of each feature")
        }
        self.ranges = ranges
    }

    func store(in file: inout ModelFile) throws {
        try file.setJSON("shape", shape)
        try file.setJSON("origin", origin)
        try file.set("lowest", ranges.lowest)
        try file.set("highest", ranges.highest)
        for tensor in NetworkLayout(shape).tensors {
            try file.set(
                tensor.name, Array(weights[tensor.offset..<(tensor.offset + tensor.count)]), shape: tensor.shape)
        }
    }
}
