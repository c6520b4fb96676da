extension PortableTrees {
    /// The model as an ONNX file (`TreeEnsemble` of `ai.onnx.ml` 5) with double-precision thresholds and values.
    ///
    /// The input `x` is a matrix of doubles with a column per feature: numbers, codes of levels, NaN where missing.
    /// The output `y` has one column: the prediction, or of two classes the probability of the second; of more classes
    /// a column of probabilities for each. The metadata hold the names of the features and classes.
    public func onnx() -> [UInt8] {
        var attributes = ProtocolBuffer()
        let flat = OnnxTrees(self)
        func attribute(_ name: String, type: Int, _ content: (inout ProtocolBuffer) -> Void) {
            attributes.field(5) {
                $0.field(1, name)
                content(&$0)
                $0.field(20, type)
            }
        }
        func integers(_ name: String, _ values: [Int]) { attribute(name, type: 7) { $0.packed(8, values) } }
        func tensor(_ name: String, _ values: [Double]) {
            attribute(name, type: 4) {
                $0.field(5) {
                    $0.packed(1, [values.count])
                    $0.field(2, 11)
                    $0.field(9, bytes: values.flatMap { littleEndian($0.bitPattern) })
                }
            }
        }
        attribute("aggregate_function", type: 2) { $0.field(3, averages ? 0 : 1) }
        attribute("n_targets", type: 2) { $0.field(3, outputs) }
        attribute("post_transform", type: 2) { $0.field(3, 0) }
        integers("tree_roots", flat.roots)
        integers("nodes_featureids", flat.features)
        integers("nodes_truenodeids", flat.onTrue)
        integers("nodes_falsenodeids", flat.onFalse)
        integers("nodes_trueleafs", flat.trueIsLeaf)
        integers("nodes_falseleafs", flat.falseIsLeaf)
        integers("nodes_missing_value_tracks_true", flat.missingIsTrue)
        attribute("nodes_modes", type: 4) {
            $0.field(5) {
                $0.packed(1, [flat.modes.count])
                $0.field(2, 2)
                $0.field(9, bytes: flat.modes)
            }
        }
        tensor("nodes_splits", flat.splits)
        if !flat.members.isEmpty { tensor("membership_values", flat.members) }
        tensor("leaf_weights", flat.leaves)
        integers("leaf_targetids", flat.targets)

        var model = ProtocolBuffer()
        model.field(1, 8)
        model.field(2, "almanac")
        model.field(7) { graph in
            graph.field(1) { node in
                node.field(1, "x")
                node.field(2, link == .identity ? "y" : "sum")
                node.field(4, "TreeEnsemble")
                node.append(attributes)
                node.field(7, "ai.onnx.ml")
            }
            func add(_ name: String, of inputs: [String], to output: String) {
                graph.field(1) { node in
                    for input in inputs { node.field(1, input) }
                    node.field(2, output)
                    node.field(4, name)
                }
            }
            switch link {
            case .identity: break
            case .exponential: add("Exp", of: ["sum"], to: "y")
            case .logistic: add("Sigmoid", of: ["sum"], to: "y")
            case .softmax: add("Softmax", of: ["sum"], to: "y")
            case .signedSquare:
                add("Abs", of: ["sum"], to: "size")
                add("Mul", of: ["sum", "size"], to: "y")
            }
            graph.field(2, "forest")
            for (place, name, columns) in [(11, "x", features.count), (12, "y", outputs)] {
                graph.field(place) {
                    $0.field(1, name)
                    $0.field(2) {
                        $0.field(1) {
                            $0.field(1, 11)
                            $0.field(2) {
                                $0.field(1) { $0.field(2, "rows") }
                                $0.field(1) { $0.field(1, columns) }
                            }
                        }
                    }
                }
            }
        }
        for (domain, version) in [("", 21), ("ai.onnx.ml", 5)] {
            model.field(8) {
                $0.field(1, domain)
                $0.field(2, version)
            }
        }
        for (index, feature) in features.enumerated() {
            model.field(14) {
                $0.field(1, "feature_\(index)")
                $0.field(2, feature.name)
            }
        }
        for (index, name) in (classes ?? []).enumerated() {
            model.field(14) {
                $0.field(1, "class_\(index)")
                $0.field(2, name)
            }
        }
        return model.bytes
    }
}

private func littleEndian(_ value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
}

extension ProtocolBuffer {
    mutating func append(_ other: ProtocolBuffer) { appendBytes(other.bytes) }
}

/// The nodes of all trees as the parallel lists that ONNX has.
private struct OnnxTrees {
    var roots: [Int] = []
    var features: [Int] = []
    var modes: [UInt8] = []
    var splits: [Double] = []
    var onTrue: [Int] = []
    var onFalse: [Int] = []
    var trueIsLeaf: [Int] = []
    var falseIsLeaf: [Int] = []
    var missingIsTrue: [Int] = []
    var members: [Double] = []
    var leaves: [Double] = []
    /// The sum that each leaf adds to.
    var targets: [Int] = []

    init(_ model: PortableTrees) {
        for (number, nodes) in model.trees.enumerated() {
            defer { targets += Array(repeating: number % model.outputs, count: leaves.count - targets.count) }
            roots.append(features.count)
            if nodes[0].feature < 0 {
                // A tree without a test is a test whose branches are the same leaf.
                add(feature: 0, mode: 0, split: 0, missing: false)
                (onTrue[onTrue.count - 1], onFalse[onFalse.count - 1]) = (leaves.count, leaves.count)
                (trueIsLeaf[trueIsLeaf.count - 1], falseIsLeaf[falseIsLeaf.count - 1]) = (1, 1)
                leaves.append(nodes[0].value)
                continue
            }
            var place = [Int](repeating: 0, count: nodes.count)
            for (index, node) in nodes.enumerated() {
                if node.feature < 0 {
                    place[index] = leaves.count
                    leaves.append(node.value)
                } else {
                    place[index] = features.count
                    add(
                        feature: node.feature, mode: node.levels == nil ? 0 : 6, split: node.threshold,
                        missing: node.missingGoesLeft)
                    if let levels = node.levels { members += levels.map(Double.init) + [.nan] }
                }
            }
            for (index, node) in nodes.enumerated() where node.feature >= 0 {
                onTrue[place[index]] = place[node.left]
                onFalse[place[index]] = place[node.right]
                trueIsLeaf[place[index]] = nodes[node.left].feature < 0 ? 1 : 0
                falseIsLeaf[place[index]] = nodes[node.right].feature < 0 ? 1 : 0
            }
        }
    }

    private mutating func add(feature: Int, mode: UInt8, split: Double, missing: Bool) {
        features.append(feature)
        modes.append(mode)
        splits.append(split)
        missingIsTrue.append(missing ? 1 : 0)
        onTrue.append(0)
        onFalse.append(0)
        trueIsLeaf.append(0)
        falseIsLeaf.append(0)
    }
}
