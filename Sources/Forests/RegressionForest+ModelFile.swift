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
        file.setTraining(seed: seed, rows: trainingRowCount, checksum: trainingChecksum)
        if targetOffset != 0 { file.metadata["target_offset"] = "\(targetOffset)" }
        try trees.store(in: &file, encoder)
        try file.set("out_of_bag_error", [outOfBagError])
        try file.set("out_of_bag_predictions", outOfBagPredictions)
        if let leaves {
            try file.set("leaf_targets", leaves.targets.array)
            try file.set("leaf_row_of_rank", leaves.rowOfRank.array)
            try file.set("leaf_starts", leaves.starts.array)
            try file.set("leaf_rows", leaves.rows.array)
        }
        return file
    }

    /// Writes the forest. Reading it back gives the same predictions bit for bit.
    public func write(to path: String) throws { try modelFile().write(to: path) }

    /// Opens a forest that ``write(to:)`` wrote. Trees larger than a megabyte stay in the mapped file.
    ///
    /// Such a file is compared with its checksum when the forest is first used: a damaged one throws then, and
    /// ``predict(row:)``, which cannot throw, gives NaN. ``verify()`` does it at once.
    /// - Throws: `ModelFileError` for a damaged, foreign or newer file, ``ForestError`` for an inconsistent one.
    public init(contentsOf path: String) throws {
        try self.init(
            ModelFile(mapping: path, kind: RegressionForest.modelKind, schemaVersion: RegressionForest.schemaVersion),
            path: path)
    }

    /// Reads a forest from an open model file; `path` is for messages.
    public init(_ file: ModelFile, path: String = "model file") throws {
        features = try file.json("features", as: [ForestFeature].self)
        options = try file.json("options", as: ForestOptions.self)
        (seed, trainingRowCount, trainingChecksum) = try file.training(path: path)
        targetOffset = file.metadata["target_offset"].flatMap(Double.init) ?? 0
        var leaves: LeafRows?
        if file.tensorNames.contains("leaf_rows") {
            leaves = LeafRows(
                targets: try StoredArray("leaf_targets", in: file),
                rowOfRank: try StoredArray("leaf_row_of_rank", in: file),
                starts: try StoredArray("leaf_starts", in: file), rows: try StoredArray("leaf_rows", in: file))
        }
        self.leaves = leaves
        (trees, encoder) = try TreeNodes.read(from: file, features, leaves, path: path)
        outOfBagPredictions = try file.values("out_of_bag_predictions")
        outOfBagError = try file.doubles("out_of_bag_error").first ?? .nan
    }

    /// Checks a forest that was opened from a file, whole.
    /// - Throws: ``ForestError`` if the file is damaged.
    public func verify() throws(ForestError) { try trees.check?.verify() }
}

extension LeafRows {
    fileprivate func isConsistent(_ trees: TreeNodes) -> Bool {
        let ranks = UInt32(clamping: targets.count)
        guard starts.count == trees.nodes.count + trees.treeCount, rowOfRank.count == targets.count else {
            return false
        }
        func below(_ values: StoredArray<UInt32>) -> Bool {
            values.withUnsafeBufferPointer { values in
                var largest: UInt32 = 0
                for value in values { largest = max(largest, value) }
                return values.isEmpty || largest < ranks
            }
        }
        return below(rows) && below(rowOfRank)
            && starts.withUnsafeBufferPointer { starts in
                var ascends = true
                for i in 1..<max(1, starts.count) { ascends = ascends && starts[i - 1] <= starts[i] }
                return ascends && starts.last.map { Int($0) } == rows.count
            }
    }
}

extension TreeNodes {
    func store(in file: inout ModelFile, _ encoder: RowEncoder) throws(ModelFileError) {
        try file.set("nodes", nodes.array)
        try file.set("tree_starts", starts)
        try file.set("level_sets", sets.array)
        try covers.store(in: &file)
        try file.set("level_bins", Array(encoder.levelBins.joined()))
        try file.set("scale_steps", encoder.similar.scales.map { UInt32($0.count) })
        try file.set("scales", Array(encoder.similar.scales.joined()))
        try file.set("level_ranges", Array(encoder.similar.ranges.joined()))
    }

    /// The nodes where they lie in the file, with a check that every walk through them, and every leaf's rows, stay
    /// inside.
    static func read(
        from file: ModelFile, _ features: [ForestFeature], _ leaves: LeafRows? = nil, path: String
    ) throws -> (TreeNodes, RowEncoder) {
        var trees = TreeNodes(featureCount: features.count)
        trees.nodes = try StoredArray("nodes", in: file)
        trees.starts = try file.values("tree_starts")
        trees.sets = try StoredArray("level_sets", in: file)
        trees.covers = try NodeCovers(in: file)
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
        var encoder = RowEncoder(features: features, levelBins: levelBins, similar: similar)
        let (unchecked, plain) = (trees, encoder)
        let check = try file.check(path) {
            guard unchecked.isConsistent(plain) else {
                return .format(
                    file: path, line: 0, found: "links that lead outside of a tree", expected: "whole trees")
            }
            guard leaves?.isConsistent(unchecked) ?? true else {
                return .format(file: path, line: 0, found: "inconsistent leaf rows", expected: "one leaf per row")
            }
            return nil
        }
        (trees.check, encoder.check) = (check, check)
        return (trees, encoder)
    }

    /// Whether every link leads forward inside its tree, to a slot and a set that exist.
    private func isConsistent(_ encoder: RowEncoder) -> Bool {
        guard let last = starts.last, starts.first == 0, starts.count > 1, Int(last) == nodes.count,
            covers.count == nodes.count, sets.count > 0
        else { return false }
        let (slotCount, setCount) = (encoder.slotCount, sets.count)
        // Words of a set of levels by feature; 0 for numbers.
        let words = encoder.features.indices.map {
            encoder.features[$0].levels == nil ? 0 : Int(encoder.binCounts[$0]) / 32 + 1
        }
        return nodes.withUnsafeBufferPointer { nodes in
            for tree in 0..<treeCount {
                guard starts[tree] < starts[tree + 1], starts[tree + 1] <= last else { return false }
                let (first, count) = (Int(starts[tree]), Int(starts[tree + 1] - starts[tree]))
                for index in 0..<count {
                    let node = TreeNode(bits: nodes[first + index], childBits: childBits)
                    if node.isLeaf {
                        guard !node.testsLevels, node.child == index else { return false }
                    } else {
                        guard node.slot < slotCount, node.child > index, node.child + 1 < count else { return false }
                        guard node.testsLevels == (words[node.feature] > 0) else { return false }
                        guard node.testsLevels else { continue }
                        guard Int(node.payload) + words[node.feature] <= setCount else { return false }
                    }
                }
            }
            return true
        }
    }
}
