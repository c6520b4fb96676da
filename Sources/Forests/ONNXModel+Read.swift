extension PortableTrees {
    /// Reads an ONNX file whose graph is one tree ensemble: `TreeEnsembleRegressor`, as the converters of
    /// scikit-learn, LightGBM and XGBoost write it, or `TreeEnsemble`, as ``onnx()`` does.
    ///
    /// - Throws: ``ForestError`` for a damaged file and for what is not supported here: other operators, several
    ///   targets and comparisons other than ≤, < and membership.
    public init(onnx bytes: [UInt8], path: String = "ONNX model") throws(ForestError) {
        func fail(_ found: String, _ expected: String) -> ForestError {
            .format(file: path, line: 0, found: found, expected: expected)
        }
        guard let model = OnnxMessage(bytes[...]), let graph = model.messages(7).first else {
            throw fail("no ONNX graph", "an ONNX model")
        }
        var ensemble: OnnxMessage?
        var link = Link.identity
        for node in graph.messages(1) {
            switch node.text(4) {
            case "TreeEnsembleRegressor", "TreeEnsemble":
                guard ensemble == nil else { throw fail("two tree ensembles", "one") }
                ensemble = node
            case "Exp": link = .exponential
            case "Identity", "Cast": break
            case let other: throw fail("operator \(other ?? "?")", "TreeEnsembleRegressor or TreeEnsemble")
            }
        }
        guard let ensemble else { throw fail("no tree ensemble", "TreeEnsembleRegressor or TreeEnsemble") }
        let attributes = OnnxAttributes(ensemble)
        guard attributes.integer("n_targets") ?? 1 == 1 else { throw fail("several targets", "one") }
        let parsed =
            ensemble.text(4) == "TreeEnsemble" ? attributes.ensembleTrees() : attributes.regressorTrees()
        guard let (found, averages) = parsed else {
            throw fail("lists of nodes that do not fit together", "whole trees with tests ≤, < or membership")
        }
        var trees = found
        if let base = attributes.numbers("base_values")?.first, base != 0 {
            var constant = Node()
            constant.value = averages ? base * Double(trees.count + 1) : base
            if averages {
                for tree in trees.indices {
                    for node in trees[tree].indices {
                        trees[tree][node].value *= Double(trees.count + 1) / Double(trees.count)
                    }
                }
            }
            trees.insert([constant], at: 0)
        }
        let used = (trees.joined().map(\.feature).max() ?? 0) + 1
        let count = max(used, graph.inputColumns ?? used)
        guard count < 1 << 24 else { throw fail("\(count) features", "fewer than 16777216") }
        var names = (0..<count).map { "f\($0)" }
        for entry in model.messages(14) {
            if let key = entry.text(1), key.hasPrefix("feature_"), let index = Int(key.dropFirst(8)),
                names.indices.contains(index), let name = entry.text(2)
            {
                names[index] = name
            }
        }
        try self.init(
            features: Self.features(names, trees, []), trees: trees, averages: averages, link: link,
            roundsInputs: graph.inputType == 1)
    }
}

/// A message with its fields by number.
private struct OnnxMessage {
    let fields: [(number: Int, value: ProtocolBuffer.Value)]

    init?(_ bytes: ArraySlice<UInt8>) {
        guard let fields = ProtocolBuffer.fields(bytes) else { return nil }
        self.fields = fields
    }

    func bytes(_ number: Int) -> [ArraySlice<UInt8>] {
        fields.compactMap { if case .bytes(let bytes) = $0.value, $0.number == number { bytes } else { nil } }
    }
    func messages(_ number: Int) -> [OnnxMessage] { bytes(number).compactMap(OnnxMessage.init) }
    func text(_ number: Int) -> String? { bytes(number).first.map { String(decoding: $0, as: UTF8.self) } }
    func integer(_ number: Int) -> Int? {
        for field in fields where field.number == number {
            if case .number(let value) = field.value { return Int(truncatingIfNeeded: value) }
        }
        return nil
    }

    /// Of a graph: the element type and number of columns of its first input.
    private var inputTensor: OnnxMessage? { messages(11).first?.messages(2).first?.messages(1).first }
    var inputType: Int? { inputTensor?.integer(1) }
    var inputColumns: Int? { inputTensor?.messages(2).first?.messages(1).last?.integer(1) }
}

/// The attributes of a node by name.
private struct OnnxAttributes {
    private var byName: [String: OnnxMessage] = [:]

    init(_ node: OnnxMessage) {
        for attribute in node.messages(5) { if let name = attribute.text(1) { byName[name] = attribute } }
    }

    func integer(_ name: String) -> Int? { byName[name]?.integer(3) }
    func text(_ name: String) -> String? { byName[name]?.text(4) }
    func texts(_ name: String) -> [String]? {
        byName[name]?.bytes(9).map { String(decoding: $0, as: UTF8.self) }
    }

    /// A list of integers, packed or not.
    func integers(_ name: String) -> [Int]? {
        guard let attribute = byName[name] else { return nil }
        var values: [Int] = []
        for field in attribute.fields where field.number == 8 {
            switch field.value {
            case .number(let value): values.append(Int(truncatingIfNeeded: value))
            case .bytes(var bytes):
                while !bytes.isEmpty {
                    guard let value = ProtocolBuffer.readVarint(&bytes) else { return nil }
                    values.append(Int(truncatingIfNeeded: value))
                }
            default: return nil
            }
        }
        return values
    }

    /// A list of numbers: floats, or a tensor of floats, doubles or bytes (`name` itself or `name_as_tensor`).
    func numbers(_ name: String) -> [Double]? {
        if let tensor = (byName[name] ?? byName[name + "_as_tensor"])?.messages(5).first {
            return OnnxAttributes.elements(tensor)
        }
        guard let attribute = byName[name] ?? byName[name + "_as_tensor"] else { return nil }
        var values: [Double] = []
        for field in attribute.fields where field.number == 7 {
            switch field.value {
            case .fixed32(let bits): values.append(Double(Float(bitPattern: bits)))
            case .bytes(let bytes): values += OnnxAttributes.singles(bytes)
            default: return nil
            }
        }
        return values
    }

    private static func elements(_ tensor: OnnxMessage) -> [Double]? {
        let raw = tensor.bytes(9).first
        switch tensor.integer(2) {
        case 1: return raw.map(singles) ?? tensor.bytes(4).flatMap(singles)
        case 2:
            if let raw { return raw.map(Double.init) }
            return tensor.bytes(5).first.map { bytes in
                var (rest, values) = (bytes, [Double]())
                while let value = ProtocolBuffer.readVarint(&rest) { values.append(Double(value)) }
                return values
            }
        case 11: return (raw.map { [$0] } ?? tensor.bytes(10)).flatMap(doubles)
        default: return nil
        }
    }

    private static func singles(_ bytes: ArraySlice<UInt8>) -> [Double] {
        words(bytes, 4).map { Double(Float(bitPattern: UInt32(truncatingIfNeeded: $0))) }
    }
    private static func doubles(_ bytes: ArraySlice<UInt8>) -> [Double] {
        words(bytes, 8).map { Double(bitPattern: $0) }
    }
    private static func words(_ bytes: ArraySlice<UInt8>, _ width: Int) -> [UInt64] {
        stride(from: bytes.startIndex, to: bytes.endIndex - width + 1, by: width).map { start in
            bytes[start..<start + width].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    /// The trees of a `TreeEnsembleRegressor`, and whether they are averaged.
    func regressorTrees() -> ([[PortableTrees.Node]], Bool)? {
        guard let trees = integers("nodes_treeids"), let ids = integers("nodes_nodeids"),
            let modes = texts("nodes_modes"), let features = integers("nodes_featureids"),
            let values = numbers("nodes_values"), let onTrue = integers("nodes_truenodeids"),
            let onFalse = integers("nodes_falsenodeids"), let leafTrees = integers("target_treeids"),
            let leafNodes = integers("target_nodeids"), let weights = numbers("target_weights")
        else { return nil }
        let count = trees.count
        let tracks =
            integers("nodes_missing_value_tracks_true").flatMap { $0.isEmpty ? nil : $0 }
            ?? Array(repeating: 0, count: count)
        guard ids.count == count, modes.count == count, features.count == count, values.count == count,
            onTrue.count == count, onFalse.count == count, tracks.count == count,
            leafNodes.count == leafTrees.count, weights.count == leafTrees.count
        else { return nil }
        struct Place: Hashable {
            let tree: Int
            let node: Int
        }
        var place: [Place: Int] = [:]
        for index in 0..<count { place[Place(tree: trees[index], node: ids[index])] = index }
        var leafValues: [Int: Double] = [:]
        for (index, tree) in leafTrees.enumerated() {
            guard let node = place[Place(tree: tree, node: leafNodes[index])] else { return nil }
            leafValues[node, default: 0] += weights[index]
        }
        var roots: [Int] = []
        var children: Set<Int> = []
        for index in 0..<count where modes[index] != "LEAF" {
            for child in [onTrue[index], onFalse[index]] {
                guard let node = place[Place(tree: trees[index], node: child)] else { return nil }
                children.insert(node)
            }
        }
        for index in 0..<count where !children.contains(index) { roots.append(index) }
        let nodes = roots.map { root in
            OnnxAttributes.ordered(root, limit: count) { index in
                var node = PortableTrees.Node()
                if modes[index] == "LEAF" {
                    node.value = leafValues[index] ?? 0
                    return (node, nil)
                }
                guard features[index] >= 0, ["BRANCH_LEQ", "BRANCH_LT"].contains(modes[index]),
                    let left = place[Place(tree: trees[index], node: onTrue[index])],
                    let right = place[Place(tree: trees[index], node: onFalse[index])]
                else { return nil }
                node.feature = features[index]
                node.threshold = modes[index] == "BRANCH_LT" ? Double(Float(values[index]).nextDown) : values[index]
                node.missingGoesLeft = tracks[index] != 0
                return (node, (left, right))
            }
        }
        guard nodes.allSatisfy({ $0 != nil }) else { return nil }
        return (nodes.compactMap { $0 }, text("aggregate_function") == "AVERAGE")
    }

    /// The trees of a `TreeEnsemble`, and whether they are averaged.
    func ensembleTrees() -> ([[PortableTrees.Node]], Bool)? {
        guard let roots = integers("tree_roots"), let features = integers("nodes_featureids"),
            let onTrue = integers("nodes_truenodeids"), let onFalse = integers("nodes_falsenodeids"),
            let trueLeaf = integers("nodes_trueleafs"), let falseLeaf = integers("nodes_falseleafs"),
            let modes = numbers("nodes_modes"), let splits = numbers("nodes_splits"),
            let leaves = numbers("leaf_weights")
        else { return nil }
        let count = features.count
        let tracks =
            integers("nodes_missing_value_tracks_true").flatMap { $0.isEmpty ? nil : $0 }
            ?? Array(repeating: 0, count: count)
        guard [onTrue, onFalse, trueLeaf, falseLeaf, tracks].allSatisfy({ $0.count == count }), modes.count == count,
            splits.count == count, count < Int.max / 4
        else { return nil }
        // The sets stand in the order of the nodes that test them, each closed by NaN.
        var sets: [Int: [Int]] = [:]
        var members = (numbers("membership_values") ?? [])[...]
        for index in 0..<count where modes[index] == 6 {
            let set = members.prefix { !$0.isNaN }
            sets[index] = set.compactMap { Int(exactly: $0) }
            members = members.dropFirst(set.count + 1)
        }
        let nodes = roots.map { root in
            OnnxAttributes.ordered(root, limit: 2 * count + 1) { index in
                var node = PortableTrees.Node()
                // Leaves are numbered on from the tests.
                if index >= count {
                    guard index - count < leaves.count else { return nil }
                    node.value = leaves[index - count]
                    return (node, nil)
                }
                guard index >= 0, features[index] >= 0, onTrue[index] >= 0, onFalse[index] >= 0,
                    onTrue[index] < Int.max / 2, onFalse[index] < Int.max / 2
                else { return nil }
                node.feature = features[index]
                node.missingGoesLeft = tracks[index] != 0
                switch modes[index] {
                case 0: node.threshold = splits[index]
                case 1: node.threshold = splits[index].nextDown
                case 6: node.levels = sets[index]
                default: return nil
                }
                return (
                    node,
                    (
                        onTrue[index] + (trueLeaf[index] != 0 ? count : 0),
                        onFalse[index] + (falseLeaf[index] != 0 ? count : 0)
                    )
                )
            }
        }
        guard nodes.allSatisfy({ $0 != nil }) else { return nil }
        return (nodes.compactMap { $0 }, integer("aggregate_function") == 0)
    }

    /// The nodes below `root`, parents before children; `nil` if there are more than `limit`.
    private static func ordered(
        _ root: Int, limit: Int, _ node: (Int) -> (PortableTrees.Node, children: (Int, Int)?)?
    ) -> [PortableTrees.Node]? {
        var nodes: [PortableTrees.Node] = []
        var open: [(index: Int, parent: Int, isLeft: Bool)] = [(root, -1, true)]
        while let (index, parent, isLeft) = open.popLast() {
            guard nodes.count <= limit, let (found, children) = node(index) else { return nil }
            if parent >= 0 {
                if isLeft { nodes[parent].left = nodes.count } else { nodes[parent].right = nodes.count }
            }
            nodes.append(found)
            guard let children else { continue }
            open.append((children.1, nodes.count - 1, false))
            open.append((children.0, nodes.count - 1, true))
        }
        return nodes
    }
}
