public import ModelFiles

extension LinearForest {
    /// The kind that a model file of a forest with linear leaves carries.
    public static let modelKind = "linear-forest"
    static let schemaVersion = 1

    /// The model file of this forest. Add metadata of your own (units, held-out errors) before writing it.
    public func modelFile() throws -> ModelFile {
        var file = ModelFile(kind: LinearForest.modelKind, schemaVersion: LinearForest.schemaVersion)
        try file.setJSON("features", features)
        try file.setJSON("options", options)
        file.setTraining(seed: seed, rows: trainingRowCount, checksum: trainingChecksum)
        try trees.store(in: &file, encoder)
        try file.set("out_of_bag_error", [outOfBagError])
        try file.set("out_of_bag_predictions", outOfBagPredictions)
        try file.set("base_value", [base, scale, lowest])
        try file.set("line_features", columns.features.map { UInt32($0) })
        try file.set("line_scales", columns.scales.map { UInt8($0.rawValue) })
        try file.set("line_of_node", leaves.lineOfNode)
        try file.set("line_above", leaves.lineAbove)
        try file.set("line_starts", leaves.starts)
        try leaves.terms.store(in: &file, "line")
        try trunk.terms.store(in: &file, "trunk")
        try file.set("branch_feature", [Int32(branches.feature)])
        try file.set("branch_constants", branches.constants)
        try file.set("branch_sizes", branches.lines.map { UInt32($0.terms.count) })
        try branches.lines.flatMap(\.terms).store(in: &file, "branch")
        return file
    }

    /// Writes the forest. Reading it back gives the same predictions bit for bit.
    public func write(to path: String) throws { try modelFile().write(to: path) }

    /// Reads a forest that ``write(to:)`` wrote.
    /// - Throws: `ModelFileError` for a damaged, foreign or newer file, ``ForestError`` for an inconsistent one.
    public init(contentsOf path: String) throws {
        try self.init(
            ModelFile(contentsOf: path, kind: LinearForest.modelKind, schemaVersion: LinearForest.schemaVersion),
            path: path)
    }

    /// Reads a forest from an open model file; `path` is for messages.
    public init(_ file: ModelFile, path: String = "model file") throws {
        features = try file.json("features", as: [ForestFeature].self)
        options = try file.json("options", as: LinearForestOptions.self)
        (seed, trainingRowCount, trainingChecksum) = try file.training(path: path)
        (trees, encoder) = try TreeNodes.read(from: file, features, path: path)
        outOfBagPredictions = try file.values("out_of_bag_predictions")
        outOfBagError = try file.doubles("out_of_bag_error").first ?? .nan
        let numbers = try file.doubles("base_value")
        let used = try file.values("line_features", as: UInt32.self).map { Int($0) }
        let scales = try file.values("line_scales", as: UInt8.self).compactMap {
            LinearColumns.Scale(rawValue: Int8(truncatingIfNeeded: $0))
        }
        var leaves = LinearLeaves()
        leaves.lineOfNode = try file.values("line_of_node")
        leaves.lineAbove = try file.values("line_above")
        leaves.starts = try file.values("line_starts")
        leaves.terms = try [RidgeLine.Term](from: file, "line", path: path)
        trunk = RidgeLine(terms: try [RidgeLine.Term](from: file, "trunk", path: path))
        var branches = LinearBranches()
        branches.feature = Int(try file.values("branch_feature", as: Int32.self).first ?? -1)
        branches.constants = try file.doubles("branch_constants")
        let branchTerms = try [RidgeLine.Term](from: file, "branch", path: path)
        var rest = branchTerms[...]
        for size in try file.values("branch_sizes", as: UInt32.self) {
            branches.lines.append(RidgeLine(terms: Array(rest.prefix(Int(size)))))
            rest = rest.dropFirst(Int(size))
        }
        let names = features
        let isWhole =
            numbers.count == 3 && scales.count == used.count
            && used.allSatisfy { $0 < names.count && names[$0].levels == nil }
            && leaves.lineOfNode.count == trees.nodes.count && leaves.isConsistent
            && branches.feature < names.count && (branches.feature < 0 || names[branches.feature].levels != nil)
            && branches.lines.count == branches.constants.count && rest.isEmpty
            && (leaves.terms + trunk.terms + branchTerms).allSatisfy { used.indices.contains($0.column) }
        guard isWhole else {
            throw ForestError.format(
                file: path, line: 0, found: "lines that belong to no node or feature", expected: "whole lines")
        }
        columns = LinearColumns(features: used, scales: scales)
        (self.leaves, self.branches) = (leaves, branches)
        (base, scale, lowest) = (numbers[0], numbers[1], numbers[2])
    }
}

extension LinearLeaves {
    /// Whether every line leads to earlier lines and to terms that exist.
    fileprivate var isConsistent: Bool {
        guard starts.count == lineAbove.count + 1, starts.first == 0, starts.last.map(Int.init) == terms.count,
            zip(starts, starts.dropFirst()).allSatisfy({ $0 <= $1 })
        else { return false }
        return lineAbove.enumerated().allSatisfy { $1 >= -1 && Int($1) < $0 }
            && lineOfNode.allSatisfy { $0 >= -1 && Int($0) < lineAbove.count }
    }
}

extension [RidgeLine.Term] {
    fileprivate func store(in file: inout ModelFile, _ name: String) throws(ModelFileError) {
        try file.set("\(name)_columns", map { UInt32($0.column) })
        try file.set("\(name)_terms", flatMap { [$0.slope, $0.center, $0.low, $0.high] })
    }

    fileprivate init(from file: ModelFile, _ name: String, path: String) throws {
        let columns = try file.values("\(name)_columns", as: UInt32.self)
        let numbers = try file.doubles("\(name)_terms")
        guard numbers.count == 4 * columns.count else {
            throw ForestError.format(
                file: path, line: 0, found: "\(numbers.count) numbers for \(columns.count) terms", expected: "four each"
            )
        }
        self = columns.enumerated().map { index, column in
            RidgeLine.Term(
                column: Int(column), slope: numbers[4 * index], center: numbers[4 * index + 1],
                low: numbers[4 * index + 2], high: numbers[4 * index + 3])
        }
    }
}
