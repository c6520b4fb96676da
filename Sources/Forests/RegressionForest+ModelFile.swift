public import ModelFiles

extension RegressionForest {
    /// The kind that a model file of a forest carries.
    public static let modelKind = "forest"
    static let schemaVersion = 1

    /// The model file of this forest. Add metadata of your own (units, held-out errors) before writing it.
    public func modelFile() throws -> ModelFile {
        var file = ModelFile(kind: RegressionForest.modelKind, schemaVersion: RegressionForest.schemaVersion)
        try file.setJSON("features", features)
        try file.setJSON("options", options)
        file.metadata["seed"] = String(seed)
        file.metadata["training_rows"] = String(trainingRowCount)
        file.metadata["training_checksum"] = String(trainingChecksum, radix: 16)
        try trees.store(in: &file, encoder)
        try file.set("out_of_bag_error", [outOfBagError])
        try file.set("out_of_bag_predictions", outOfBagPredictions)
        if let leaves {
            try file.set("leaf_targets", leaves.targets)
            try file.set("leaf_row_of_rank", leaves.rowOfRank)
            try file.set("leaf_starts", leaves.starts)
            try file.set("leaf_rows", leaves.rows)
        }
        return file
    }

    /// Writes the forest. Reading it back gives the same predictions bit for bit.
    public func write(to path: String) throws { try modelFile().write(to: path) }

    /// Reads a forest that ``write(to:)`` wrote.
    /// - Throws: `ModelFileError` for a damaged, foreign or newer file, ``ForestError`` for an inconsistent one.
    public init(contentsOf path: String) throws {
        try self.init(
            ModelFile(
                contentsOf: path, kind: RegressionForest.modelKind, schemaVersion: RegressionForest.schemaVersion),
            path: path)
    }

    /// Reads a forest from an open model file; `path` is for messages.
    public init(_ file: ModelFile, path: String = "model file") throws {
        features = try file.json("features", as: [ForestFeature].self)
        options = try file.json("options", as: ForestOptions.self)
        seed = try file.number("seed", path: path)
        trainingRowCount = Int(clamping: try file.number("training_rows", path: path))
        trainingChecksum = try file.number("training_checksum", radix: 16, path: path)
        (trees, encoder) = try TreeNodes.read(from: file, features, path: path)
        outOfBagPredictions = try file.values("out_of_bag_predictions")
        outOfBagError = try file.doubles("out_of_bag_error").first ?? .nan
        if file.tensorNames.contains("leaf_rows") {
            leaves = try LeafRows(
                targets: file.values("leaf_targets"), rowOfRank: file.values("leaf_row_of_rank"),
                starts: file.values("leaf_starts"), rows: file.values("leaf_rows")
            ).validated(trees, path: path)
        } else {
            leaves = nil
        }
    }
}

extension LeafRows {
    fileprivate func validated(_ trees: TreeNodes, path: String) throws -> LeafRows {
        let ranks = UInt32(clamping: targets.count)
        guard starts.count == trees.nodes.count + trees.treeCount, starts.last.map(Int.init) == rows.count,
            zip(starts, starts.dropFirst()).allSatisfy({ $0 <= $1 }), rowOfRank.count == targets.count,
            rows.allSatisfy({ $0 < ranks }), rowOfRank.allSatisfy({ $0 < ranks })
        else {
            throw ForestError.format(file: path, line: 0, found: "inconsistent leaf rows", expected: "one leaf per row")
        }
        return self
    }
}

extension TreeNodes {
    func store(in file: inout ModelFile, _ encoder: RowEncoder) throws(ModelFileError) {
        try file.set("nodes", nodes)
        try file.set("tree_starts", starts)
        try file.set("level_sets", sets)
        // Half the bytes where they suffice.
        if covers.allSatisfy({ $0 <= UInt16.max }) {
            try file.set("covers", covers.map { UInt16($0) })
        } else {
            try file.set("covers_wide", covers)
        }
        try file.set("level_bins", Array(encoder.levelBins.joined()))
        try file.set("scale_steps", encoder.similar.scales.map { UInt32($0.count) })
        try file.set("scales", Array(encoder.similar.scales.joined()))
        try file.set("level_ranges", Array(encoder.similar.ranges.joined()))
    }

    /// Reads the nodes and checks that every walk through them stays inside.
    static func read(
        from file: ModelFile, _ features: [ForestFeature], path: String
    ) throws -> (TreeNodes, RowEncoder) {
        var trees = TreeNodes(featureCount: features.count)
        trees.nodes = try file.values("nodes")
        trees.starts = try file.values("tree_starts")
        trees.sets = try file.values("level_sets")
        trees.covers =
            file.tensorNames.contains("covers")
            ? try file.values("covers", as: UInt16.self).map { UInt32($0) } : try file.values("covers_wide")
        var bins = try file.values("level_bins", as: UInt32.self)[...]
        let counts = features.map { $0.levels?.count ?? 0 }
        guard bins.count == counts.reduce(0, +), bins.allSatisfy({ $0 < 1 << 16 }) else {
            throw ForestError.format(
                file: path, line: 0, found: "\(bins.count) level bins", expected: "one for each level")
        }
        let levelBins = counts.map { count in
            defer { bins = bins.dropFirst(count) }
            return Array(bins.prefix(count))
        }
        let steps = try file.values("scale_steps", as: UInt32.self)
        var scaleKeys = try file.values("scales", as: UInt32.self)[...]
        var rangeEnds = try file.values("level_ranges", as: UInt16.self)[...]
        let ends = counts.map { 2 * features.count * $0 }
        guard steps.count == features.count, steps.reduce(0, { $0 + Int($1) }) == scaleKeys.count,
            rangeEnds.count == ends.reduce(0, +)
        else {
            throw ForestError.format(
                file: path, line: 0, found: "inconsistent ranges of levels", expected: "one range per number and level")
        }
        let similar = SimilarLevels(
            scales: steps.map { count in
                defer { scaleKeys = scaleKeys.dropFirst(Int(count)) }
                return Array(scaleKeys.prefix(Int(count)))
            },
            ranges: ends.map { count in
                defer { rangeEnds = rangeEnds.dropFirst(count) }
                return Array(rangeEnds.prefix(count))
            })
        let encoder = RowEncoder(features: features, levelBins: levelBins, similar: similar)
        guard trees.isConsistent(encoder) else {
            throw ForestError.format(
                file: path, line: 0, found: "links that lead outside of a tree", expected: "whole trees")
        }
        return (trees, encoder)
    }

    /// Whether every link leads forward inside its tree, to a slot and a set that exist.
    private func isConsistent(_ encoder: RowEncoder) -> Bool {
        guard let last = starts.last, starts.first == 0, starts.count > 1, Int(last) == nodes.count,
            covers.count == nodes.count, !sets.isEmpty
        else { return false }
        for tree in 0..<treeCount {
            guard starts[tree] < starts[tree + 1], starts[tree + 1] <= last else { return false }
            let (first, count) = (Int(starts[tree]), Int(starts[tree + 1] - starts[tree]))
            for index in 0..<count {
                let node = node(first + index)
                if node.isLeaf {
                    guard !node.testsLevels, node.child == index else { return false }
                } else {
                    guard node.slot < encoder.slotCount, node.child > index, node.child + 1 < count else {
                        return false
                    }
                    guard node.testsLevels else { continue }
                    let words = Int(encoder.binCounts[node.feature]) / 32 + 1
                    guard encoder.features[node.feature].levels != nil, Int(node.payload) + words <= sets.count else {
                        return false
                    }
                }
            }
        }
        return true
    }
}
