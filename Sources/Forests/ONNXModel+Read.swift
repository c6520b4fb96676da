extension PortableTrees {
    /// Reads an ONNX file whose graph is one tree ensemble: `TreeEnsembleRegressor`, as CatBoost and the converters of
    /// scikit-learn, LightGBM and XGBoost write it, or `TreeEnsemble`, as ``onnx()`` does.
    ///
    /// - Throws: ``ForestError`` for a damaged file and for what is not supported here: other operators and attributes,
    ///   several targets, and features that are both compared and tested for equality.
    public init(onnx bytes: [UInt8], path: String = "ONNX model") throws(ForestError) {
        func fail(_ found: String, _ expected: String) -> ForestError {
            .format(file: path, line: 0, found: found, expected: expected)
        }
        guard let model = OnnxMessage(bytes[...]), let graph = model.messages(7).first else {
            throw fail("no ONNX graph", "an ONNX model")
        }
        let (ensemble, link, roundsInputs) = try graph.ensemble(path)
        let attributes = OnnxAttributes(ensemble)
        if let problem = attributes.unsupported(isRegressor: ensemble.text(4) == "TreeEnsembleRegressor") {
            throw fail(problem, "what this reader obeys: one target, SUM or AVERAGE, no post_transform")
        }
        let parsed =
            ensemble.text(4) == "TreeEnsemble" ? attributes.ensembleTrees() : attributes.regressorTrees()
        guard let (found, averages) = parsed else {
            throw fail(
                "lists of nodes that do not fit together", "whole trees with tests ≤, <, ≥, >, =, ≠ or membership")
        }
        var trees = found
        if let base = (attributes.numbers("base_values") ?? []).first, base != 0 {
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
        let named = model.messages(14).compactMap { entry -> (Int, String)? in
            guard let key = entry.text(1), key.hasPrefix("feature_"), let index = Int(key.dropFirst(8)),
                let name = entry.text(2)
            else { return nil }
            return (index, name)
        }
        let count = graph.inputColumns.flatMap { $0 > 0 ? $0 : nil } ?? used
        // Only names that are in the file can be as many as that.
        guard used <= count, count <= max(1 << 16, named.count) else {
            throw fail("\(count) features, of which \(used) are tested", "at most \(max(1 << 16, named.count))")
        }
        var names = (0..<count).map { "f\($0)" }
        for (index, name) in named where names.indices.contains(index) { names[index] = name }
        var kinds = [Bool?](repeating: nil, count: count)
        for node in trees.joined() where node.feature >= 0 {
            let testsLevels = node.levels != nil
            guard kinds[node.feature] ?? testsLevels == testsLevels else {
                throw fail(
                    "feature \(names[node.feature]) compared with numbers and tested for equality", "one or the other")
            }
            kinds[node.feature] = testsLevels
        }
        let features = Self.features(names, &trees)
        try self.init(
            features: features, trees: trees, averages: averages, link: link, roundsInputs: roundsInputs, path: path)
    }
}

extension OnnxMessage {
    /// Of a graph: its tree ensemble, what is made of its sum, and whether it gets numbers of single precision. Every node
    /// must take the output of the one before.
    fileprivate func ensemble(_ path: String) throws(ForestError) -> (OnnxMessage, PortableTrees.Link, Bool) {
        func fail(_ found: String, _ expected: String) -> ForestError {
            .format(file: path, line: 0, found: found, expected: expected)
        }
        let constants = Set(messages(5).compactMap { $0.text(8) })
        let inputs = messages(11).compactMap { $0.text(1) }.filter { !constants.contains($0) }
        guard inputs.count == 1, var value = inputs.first else { throw fail("\(inputs.count) inputs", "one matrix") }
        var (ensemble, link, isSingle) = (OnnxMessage?.none, PortableTrees.Link.identity, inputType == 1)
        var nodes = messages(1)[...]
        while let node = nodes.popFirst() {
            let (name, takes, gives) = (node.text(4) ?? "?", node.texts(1), node.texts(2))
            // The sign of the sum times its square: Abs of the sum, then their product.
            if name == "Abs", ensemble != nil, link == .identity, takes == [value], let product = nodes.popFirst(),
                product.text(4) == "Mul", Set(product.texts(1)) == Set([value] + gives),
                let output = product.texts(2).first
            {
                (link, value) = (.signedSquare, output)
                continue
            }
            guard takes == [value], let output = gives.first, gives.count == 1 else {
                throw fail("operator \(name) of \(takes.joined(separator: ", "))", "one that takes '\(value)'")
            }
            value = output
            switch name {
            case "TreeEnsembleRegressor", "TreeEnsemble":
                guard ensemble == nil else { throw fail("two tree ensembles", "one") }
                ensemble = node
            case "Exp" where ensemble != nil && link == .identity: link = .exponential
            case "Sigmoid" where ensemble != nil && link == .identity: link = .logistic
            case "Identity": break
            case "Cast":
                let type = OnnxAttributes(node).integer("to")
                guard type == 1 || type == 11 else { throw fail("a cast to type \(type ?? 0)", "float or double") }
                if ensemble == nil, type == 1 { isSingle = true }
            default: throw fail("operator \(name)", "TreeEnsembleRegressor or TreeEnsemble")
            }
        }
        guard let ensemble else { throw fail("no tree ensemble", "TreeEnsembleRegressor or TreeEnsemble") }
        guard messages(12).compactMap({ $0.text(1) }) == [value] else {
            throw fail("other outputs", "'\(value)' alone")
        }
        return (ensemble, link, isSingle)
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
    func texts(_ number: Int) -> [String] { bytes(number).map { String(decoding: $0, as: UTF8.self) } }
    func text(_ number: Int) -> String? { texts(number).first }
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

    /// The first attribute that would change the prediction and is not obeyed here, with what it says.
    func unsupported(isRegressor: Bool) -> String? {
        let lists = [
            "nodes_featureids", "nodes_truenodeids", "nodes_falsenodeids", "nodes_modes", "nodes_hitrates",
            "nodes_missing_value_tracks_true", "n_targets", "aggregate_function", "post_transform",
        ]
        let own =
            isRegressor
            ? [
                "nodes_treeids", "nodes_nodeids", "nodes_values", "target_treeids", "target_nodeids", "target_ids",
                "target_weights", "base_values", "nodes_values_as_tensor", "nodes_hitrates_as_tensor",
                "target_weights_as_tensor", "base_values_as_tensor",
            ]
            : [
                "tree_roots", "nodes_splits", "nodes_trueleafs", "nodes_falseleafs", "leaf_targetids", "leaf_weights",
                "membership_values",
            ]
        if let name = Set(byName.keys).subtracting(lists + own).min() { return "attribute '\(name)'" }
        if integer("n_targets") ?? 1 != 1 { return "n_targets \(integer("n_targets") ?? 0)" }
        if let ids = integers(isRegressor ? "target_ids" : "leaf_targetids"), ids.contains(where: { $0 != 0 }) {
            return "leaves of several targets"
        }
        if numbers("base_values")?.count ?? 0 > 1 { return "several base_values" }
        let (aggregate, transform) =
            isRegressor
            ? (text("aggregate_function") ?? "SUM", text("post_transform") ?? "NONE")
            : (
                [0: "AVERAGE", 1: "SUM"][integer("aggregate_function") ?? 1]
                    ?? "number \(integer("aggregate_function") ?? 0)",
                integer("post_transform") ?? 0 == 0 ? "NONE" : "number \(integer("post_transform") ?? 0)"
            )
        if !["SUM", "AVERAGE"].contains(aggregate) { return "aggregate_function \(aggregate)" }
        return transform == "NONE" ? nil : "post_transform \(transform)"
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
        for index in 0..<count {
            guard place.updateValue(index, forKey: Place(tree: trees[index], node: ids[index])) == nil else {
                return nil
            }
        }
        var leafValues: [Int: Double] = [:]
        for (index, tree) in leafTrees.enumerated() {
            guard let node = place[Place(tree: tree, node: leafNodes[index])], modes[node] == "LEAF" else { return nil }
            leafValues[node, default: 0] += weights[index]
        }
        var isChild = [Bool](repeating: false, count: count)
        for index in 0..<count where modes[index] != "LEAF" {
            for child in [onTrue[index], onFalse[index]] {
                guard let node = place[Place(tree: trees[index], node: child)] else { return nil }
                isChild[node] = true
            }
        }
        // A tree has one root.
        let roots = (0..<count).filter { !isChild[$0] }
        guard Set(roots.map { trees[$0] }).count == roots.count else { return nil }
        var seen = [Bool](repeating: false, count: count)
        let nodes = roots.map { root in
            OnnxAttributes.ordered(root, &seen) { index in
                if modes[index] == "LEAF" {
                    var leaf = PortableTrees.Node()
                    leaf.value = leafValues[index] ?? 0
                    return (leaf, nil)
                }
                guard let mode = OnnxAttributes.modes.firstIndex(of: modes[index]), mode < 6,
                    let onTrue = place[Place(tree: trees[index], node: onTrue[index])],
                    let onFalse = place[Place(tree: trees[index], node: onFalse[index])]
                else { return nil }
                return OnnxAttributes.test(
                    mode, features[index], values[index], [], missingIsTrue: tracks[index] != 0, (onTrue, onFalse))
            }
        }
        guard nodes.allSatisfy({ $0 != nil }) else { return nil }
        return (nodes.compactMap { $0 }, text("aggregate_function") == "AVERAGE")
    }

    /// The tests by their numbers in `TreeEnsemble`.
    private static let modes = [
        "BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER",
    ]

    /// A test with its children, the left one first; `nil` if it cannot be said in our terms.
    private static func test(
        _ mode: Int, _ feature: Int, _ value: Double, _ members: [Double], missingIsTrue: Bool,
        _ children: (onTrue: Int, onFalse: Int)
    ) -> (PortableTrees.Node, children: (Int, Int)?)? {
        guard feature >= 0 else { return nil }
        var node = PortableTrees.Node()
        node.feature = feature
        // > and ≥ are ≤ and < with the children exchanged. NaN fails every test but ≠.
        let isReversed = mode == 2 || mode == 3 || mode == 5
        node.missingGoesLeft = mode == 5 ? false : missingIsTrue != isReversed
        switch mode {
        case 0, 3: node.threshold = value
        case 1, 2: node.threshold = value.nextDown
        default:
            // Levels are codes.
            let codes = (mode == 6 ? members : [value]).map { 0 <= $0 && $0 < 0x1p24 ? Int(exactly: $0) : nil }
            guard codes.allSatisfy({ $0 != nil }) else { return nil }
            node.levels = codes.compactMap { $0 }
        }
        return (node, isReversed ? (children.onFalse, children.onTrue) : children)
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
            splits.count == count
        else { return nil }
        // The sets stand in the order of the nodes that test them, each closed by NaN.
        var sets: [Int: [Double]] = [:]
        var members = (numbers("membership_values") ?? [])[...]
        for index in 0..<count where modes[index] == 6 {
            let set = members.prefix { !$0.isNaN }
            guard set.count < members.count else { return nil }
            sets[index] = Array(set)
            members = members.dropFirst(set.count + 1)
        }
        guard members.isEmpty else { return nil }
        var seen = [Bool](repeating: false, count: count + leaves.count)
        let nodes = roots.map { root -> [PortableTrees.Node]? in
            // A tree without a test is a test whose branches are the same leaf.
            if root >= 0, root < count, trueLeaf[root] != 0, falseLeaf[root] != 0, onTrue[root] == onFalse[root],
                leaves.indices.contains(onTrue[root]), !seen[root], !seen[count + onTrue[root]]
            {
                (seen[root], seen[count + onTrue[root]]) = (true, true)
                var leaf = PortableTrees.Node()
                leaf.value = leaves[onTrue[root]]
                return [leaf]
            }
            return OnnxAttributes.ordered(root, &seen) { index in
                // Leaves are numbered on from the tests.
                if index >= count {
                    var leaf = PortableTrees.Node()
                    leaf.value = leaves[index - count]
                    return (leaf, nil)
                }
                func child(_ index: Int, _ isLeaf: Int) -> Int? {
                    guard index >= 0, index < (isLeaf != 0 ? leaves.count : count) else { return nil }
                    return isLeaf != 0 ? count + index : index
                }
                guard let onTrue = child(onTrue[index], trueLeaf[index]),
                    let onFalse = child(onFalse[index], falseLeaf[index]), let mode = Int(exactly: modes[index]),
                    0...6 ~= mode
                else { return nil }
                return OnnxAttributes.test(
                    mode, features[index], splits[index], sets[index] ?? [], missingIsTrue: tracks[index] != 0,
                    (onTrue, onFalse))
            }
        }
        guard nodes.allSatisfy({ $0 != nil }) else { return nil }
        return (nodes.compactMap { $0 }, integer("aggregate_function") == 0)
    }

    /// The nodes below `root`, parents before children; `nil` if one does not exist, or has been `seen` in a tree.
    private static func ordered(
        _ root: Int, _ seen: inout [Bool], _ node: (Int) -> (PortableTrees.Node, children: (Int, Int)?)?
    ) -> [PortableTrees.Node]? {
        var nodes: [PortableTrees.Node] = []
        var open: [(index: Int, parent: Int, isLeft: Bool)] = [(root, -1, true)]
        while let (index, parent, isLeft) = open.popLast() {
            guard seen.indices.contains(index), !seen[index], let (found, children) = node(index) else { return nil }
            seen[index] = true
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
