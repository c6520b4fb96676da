internal import Foundation
public import ModelFiles

extension SparkRule {
    /// How a rule came about, and how good it was on episodes that it was not tuned on.
    public struct Origin: Sendable, Hashable, Codable {
        /// What the tuning began with, and after how many generations it ended.
        public var seed: UInt64
        public var generations: Int
        public var kinds: [SparkRuleTraining.Kind]
        /// The jobs of the training episodes.
        public var jobs: Int
        public var dataDigest: UInt64
        /// By kind of episode, the mean ratio of the rule's mean completion time to that of fair sharing on held-out episodes.
        public var heldOutRatioToFair: [String: Double]

        public init(
            seed: UInt64, generations: Int, kinds: [SparkRuleTraining.Kind], jobs: Int, dataDigest: UInt64,
            heldOutRatioToFair: [String: Double]
        ) {
            (self.seed, self.generations, self.kinds, self.jobs) = (seed, generations, kinds, jobs)
            (self.dataDigest, self.heldOutRatioToFair) = (dataDigest, heldOutRatioToFair)
        }
    }

    /// What model files of rules are called, and the newest layout.
    public static var modelKind: String { "policy rule" }
    public static var schemaVersion: Int { 1 }

    /// The rule as a model file: a number for each of the parameters, which it names, and where they come from.
    public func modelFile(_ origin: Origin) throws -> ModelFile {
        var file = ModelFile(kind: Self.modelKind, schemaVersion: Self.schemaVersion)
        try file.setJSON("features", SparkRuleParameters.names)
        try file.setJSON("origin", origin)
        try file.set("parameters", parameters.vector)
        return file
    }

    /// Reads a rule.
    /// - Throws: ``ModelFileError`` if the parameters are others than this program knows, or no numbers.
    public init(_ file: ModelFile) throws(ModelFileError) {
        guard file.kind == Self.modelKind else {
            throw .wrongKind("The policy", found: file.kind, expected: Self.modelKind)
        }
        guard file.schemaVersion <= Self.schemaVersion else {
            throw .newer("The policy", found: file.schemaVersion, supported: Self.schemaVersion)
        }
        let names = try file.json("features", as: [String].self)
        guard names == SparkRuleParameters.names else {
            throw .invalidMetadata(
                "features",
                reason: "it names \(names), this program has \(SparkRuleParameters.names); train the rule anew")
        }
        let vector = try file.doubles("parameters")
        guard vector.count == names.count, vector.allSatisfy(\.isFinite) else {
            throw .invalidMetadata("parameters", reason: "expected \(names.count) finite numbers, found \(vector)")
        }
        var parameters = SparkRuleParameters()
        parameters.vector = vector
        self.init(parameters)
    }

    /// Where the rule of a file comes from.
    public static func origin(of file: ModelFile) throws(ModelFileError) -> Origin {
        try file.json("origin", as: Origin.self)
    }
}
