public import ModelFiles

extension BoostedForest {
    /// The kind that a model file of a boosted forest carries.
    public static let modelKind = "boosted-forest"
    static let schemaVersion = 1

    /// The model file of this model. Add metadata of your own (units, held-out errors) before writing it.
    public func modelFile() throws -> ModelFile {
        var file = ModelFile(kind: BoostedForest.modelKind, schemaVersion: BoostedForest.schemaVersion)
        try file.setJSON("features", features)
        try file.setJSON("options", options)
        file.setTraining(seed: seed, rows: trainingRowCount, checksum: trainingChecksum)
        try trees.store(in: &file, encoder)
        try file.set("base_value", [baseValue])
        try file.set("validation_losses", validationLosses)
        return file
    }

    /// Writes the model. Reading it back gives the same predictions bit for bit.
    public func write(to path: String) throws { try modelFile().write(to: path) }

    /// Reads a model that ``write(to:)`` wrote.
    /// - Throws: `ModelFileError` for a damaged, foreign or newer file, ``ForestError`` for an inconsistent one.
    public init(contentsOf path: String) throws {
        try self.init(
            ModelFile(mapping: path, kind: BoostedForest.modelKind, schemaVersion: BoostedForest.schemaVersion),
            path: path)
    }

    /// Reads a model from an open model file; `path` is for messages.
    public init(_ file: ModelFile, path: String = "model file") throws {
        features = try file.json("features", as: [ForestFeature].self)
        options = try file.json("options", as: BoostingOptions.self)
        (seed, trainingRowCount, trainingChecksum) = try file.training(path: path)
        (trees, encoder) = try TreeNodes.read(from: file, features, path: path)
        validationLosses = try file.values("validation_losses")
        guard let base = try file.doubles("base_value").first else {
            throw ForestError.format(file: path, line: 0, found: "no base value", expected: "one number")
        }
        baseValue = base
        // The table is made from the trees, so they are checked now.
        try trees.check?.verify()
        table = LeafTable(trees, encoder)
    }

    /// The prediction by walking through the trees, which is what models without a table of leaves do.
    package func walkedPrediction(row: [Double]) -> Double {
        options.loss.link(row.withUnsafeBufferPointer { trees.sum(of: $0, encoder, from: baseValue) })
    }
}
