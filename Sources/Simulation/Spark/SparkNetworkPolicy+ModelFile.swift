public import ModelFiles
internal import ReinforcementLearning

extension SparkNetworkPolicy {
    /// The network as a model file, in which the rule is embedded. It says what both were trained on.
    public func modelFile(_ origin: SparkRule.Origin) throws -> ModelFile {
        var file = try policy.modelFile()
        file.embed(try rule.modelFile(origin), as: "rule")
        return file
    }

    /// Reads a network with its rule.
    /// - Throws: `ModelFileError` and `ReinforcementLearningError` if one of the two is missing, damaged, or of other features than
    ///   this program shows.
    public init(_ file: ModelFile) throws {
        guard file.kind == GraphPolicy.modelKind else {
            throw ModelFileError.wrongKind("The policy", found: file.kind, expected: GraphPolicy.modelKind)
        }
        guard let rule = file.embedded("rule") else {
            throw ModelFileError.invalidMetadata(
                "rule", reason: "there is no rule in the file of the network; train it anew")
        }
        try self.init(GraphPolicy(file), rule: SparkRule(rule))
    }
}
