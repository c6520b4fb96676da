internal import Basics
internal import LinearAlgebra
public import ModelFiles

extension Decomposer {
    /// The kind that a model file of a decomposer carries.
    public static let modelKind = "decomposition"
    static let schemaVersion = 1

    /// The model file: the library, and what was learnt from it. Whatever follows from the library is made again.
    public func modelFile() throws -> ModelFile {
        var file = ModelFile(kind: Self.modelKind, schemaVersion: Self.schemaVersion)
        try file.setJSON("library", library)
        try file.setJSON("choice", choice)
        file.metadata["training_rows"] = String(library.breakdowns.count)
        file.metadata["training_checksum"] = String(checksum, radix: 16)
        try file.set("weights", ridge.weights.values.map(Float.init), shape: [targets.count, ridge.kernel.rows.count])
        return file
    }

    /// Opens a model that was written from ``modelFile()``: it answers the same, bit for bit.
    ///
    /// - Throws: `ModelFileError` for a damaged, foreign or newer file, ``DecompositionError`` for one that contradicts itself.
    public init(contentsOf path: String) throws {
        let file = try ModelFile(contentsOf: path, kind: Self.modelKind, schemaVersion: Self.schemaVersion)
        let library = try file.json("library", as: BreakdownLibrary.self)
        let choice = try file.json("choice", as: Choice.self)
        let layout = try Layout(library)
        let kernel = layout.kernel
        let values: [Float] = try file.values("weights")
        guard values.count == layout.targets.count * kernel.rows.count, values.allSatisfy(\.isFinite),
            choice.isConsistent
        else {
            throw DecompositionError.inconsistent(
                path: path,
                what: "\(values.count) weights where the library has \(layout.targets.count * kernel.rows.count)")
        }
        let weights = try Matrix(
            rows: kernel.rows.count, columns: layout.targets.count, values: values.map(Double.init))
        self.init(
            library, layout, TextRidge(kernel, weights: weights, explained: layout.targets.tools), choice,
            layout.edges(library))
    }

    /// Of the descriptions, in their order.
    private var checksum: UInt64 {
        var sum = FNV1a()
        for breakdown in library.breakdowns { for byte in breakdown.description.utf8 { sum.add(UInt64(byte)) } }
        return sum.value
    }
}

extension Decomposer.Choice {
    var isConsistent: Bool {
        tool.width == TextEvidence.toolFeatureCount && link.width == TextEvidence.linkFeatureCount
            && before.width == TextEvidence.linkFeatureCount && [0, StepEdges.width].contains(edges.model.width)
    }
}

extension Breakdown: Codable {
    private enum CodingKeys: String, CodingKey { case id, group, description, steps, edges }

    /// - Throws: ``DecompositionError`` if the edges are none of an order.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        try self.init(
            id: values.decode(String.self, forKey: .id), group: values.decode(String.self, forKey: .group),
            description: values.decode(String.self, forKey: .description),
            steps: values.decode([Step].self, forKey: .steps),
            edges: values.decode([[Int]].self, forKey: .edges).map { $0.count == 2 ? Edge($0[0], $0[1]) : Edge(-1, -1) }
        )
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(id, forKey: .id)
        try values.encode(group, forKey: .group)
        try values.encode(description, forKey: .description)
        try values.encode(steps, forKey: .steps)
        try values.encode(edges.map { [$0.from, $0.to] }, forKey: .edges)
    }
}
