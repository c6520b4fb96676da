public import ModelFiles

extension BoostedQuantiles {
    /// The kind that a model file of boosted quantiles carries.
    public static let modelKind = "boosted-quantiles"
    static let schemaVersion = 1

    /// The model file of this model: that of the middle, that of the spread, and the distribution of errors.
    public func modelFile() throws -> ModelFile {
        var file = ModelFile(kind: BoostedQuantiles.modelKind, schemaVersion: BoostedQuantiles.schemaVersion)
        file.embed(try center.modelFile(), as: "center")
        file.embed(try spread.modelFile(), as: "spread")
        try file.set("errors", errors)
        return file
    }

    /// Writes the model. Reading it back gives the same predictions bit for bit.
    public func write(to path: String) throws { try modelFile().write(to: path) }

    /// Reads a model that ``write(to:)`` wrote.
    /// - Throws: `ModelFileError` for a damaged, foreign or newer file, ``ForestError`` for an inconsistent one.
    public init(contentsOf path: String) throws {
        try self.init(
            ModelFile(
                contentsOf: path, kind: BoostedQuantiles.modelKind, schemaVersion: BoostedQuantiles.schemaVersion),
            path: path)
    }

    /// Reads a model from an open model file; `path` is for messages.
    public init(_ file: ModelFile, path: String = "model file") throws {
        guard let center = file.embedded("center"), let spread = file.embedded("spread") else {
            throw ForestError.format(
                file: path, line: 0, found: "no embedded models", expected: "one of the middle and one of the spread")
        }
        (self.center, self.spread) = (try BoostedForest(center, path: path), try BoostedForest(spread, path: path))
        errors = try file.doubles("errors")
        guard errors.count == BoostedQuantiles.errorSteps + 1,
            zip(errors, errors.dropFirst()).allSatisfy({ $0 <= $1 })
        else {
            throw ForestError.format(
                file: path, line: 0, found: "\(errors.count) quantiles of errors",
                expected: "\(BoostedQuantiles.errorSteps + 1) ascending ones")
        }
    }
}
