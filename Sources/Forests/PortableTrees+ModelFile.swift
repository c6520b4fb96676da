public import ModelFiles

extension PortableTrees {
    /// The kind that a model file of imported trees carries.
    public static let modelKind = "imported-forest"
    static let schemaVersion = 1

    /// The model file of imported trees: LightGBM's text, which holds everything, and our own names of levels.
    public func modelFile() throws -> ModelFile {
        var file = ModelFile(kind: PortableTrees.modelKind, schemaVersion: PortableTrees.schemaVersion)
        try file.setJSON("features", features)
        if let classes { try file.setJSON("classes", classes) }
        file.metadata["rounds_inputs"] = String(roundsInputs)
        try file.set("lightgbm_text", Array(lightGBMText().utf8))
        return file
    }

    /// Writes the trees. Reading them back gives the same predictions bit for bit.
    public func write(to path: String) throws { try modelFile().write(to: path) }

    /// Reads trees that ``write(to:)`` wrote.
    public init(contentsOf path: String) throws {
        try self.init(
            ModelFile(contentsOf: path, kind: PortableTrees.modelKind, schemaVersion: PortableTrees.schemaVersion),
            path: path)
    }

    /// Reads trees from an open model file; `path` is for messages.
    public init(_ file: ModelFile, path: String = "model file") throws {
        let text = String(decoding: try file.values("lightgbm_text", as: UInt8.self), as: UTF8.self)
        let (lines, features) = (
            try LightGBMFile(text, path: path), try file.json("features", as: [ForestFeature].self)
        )
        try self.init(
            features: features, trees: lines.trees(features: features.count, isOurs: true), averages: lines.averages,
            link: lines.link, outputs: lines.outputs,
            classes: file.metadata["classes"] == nil ? nil : file.json("classes", as: [String].self),
            roundsInputs: file.text("rounds_inputs") == "true", path: path)
    }
}
