internal import Foundation

extension PortableTrees {
    /// The model as LightGBM's text format: doubles, sets of levels, the side of missing values and means of trees
    /// all survive.
    public func lightGBMText() -> String {
        var text = "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\n"
        text += "max_feature_idx=\(features.count - 1)\n"
        text += "objective=\(link == .exponential ? "gamma" : "regression")\n"
        if averages { text += "average_output\n" }
        // Names must not hold blanks, which part them.
        let names = features.map { $0.name.replacing(" ", with: "_").replacing("\n", with: "_") }
        text += "feature_names=\(names.joined(separator: " "))\n"
        // Codes tell that a feature has levels, also where no tree asks for them.
        let infos = features.map { feature in
            feature.levels.map { levels in
                levels.isEmpty ? "none" : levels.indices.map(String.init).joined(separator: ":")
            }
                ?? "none"
        }
        text += "feature_infos=\(infos.joined(separator: " "))\n\n"
        for (index, nodes) in trees.enumerated() {
            text += "Tree=\(index)\n" + LightGBMTree(nodes).text + "\n\n"
        }
        text += "end of trees\n\n"
        let levels = features.compactMap(\.levels)
        if !levels.isEmpty, let json = try? JSONEncoder().encode(levels) {
            text += "pandas_categorical:" + String(decoding: json, as: UTF8.self) + "\n"
        }
        return text
    }

    /// Reads LightGBM's text format, as `Booster.save_model` and ``lightGBMText()`` write it.
    ///
    /// - Throws: ``ForestError`` that names the line for a damaged file and for what is not supported here: several
    ///   classes, linear leaves, and objectives that are not regression.
    public init(lightGBMText text: String, path: String = "LightGBM model") throws(ForestError) {
        var header: [Substring: Substring] = [:]
        var averages = false
        var blocks: [(line: Int, values: [Substring: Substring])] = []
        var pandas: [[LevelName]] = []
        var ended = false
        for (number, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = raw.hasSuffix("\r") ? raw.dropLast() : raw
            if line == "average_output" { averages = true }
            if line == "end of trees" { ended = true }
            if line.hasPrefix("pandas_categorical:") {
                let json = Data(line.dropFirst(19).utf8)
                pandas = (try? JSONDecoder().decode([[LevelName]]?.self, from: json)) ?? []
            }
            guard !ended, let equals = line.firstIndex(of: "=") else { continue }
            let (key, value) = (line[..<equals], line[line.index(after: equals)...])
            if key == "Tree" {
                blocks.append((number + 1, [:]))
            } else if blocks.isEmpty {
                header[key] = value
            } else {
                blocks[blocks.count - 1].values[key] = value
            }
        }
        guard ended else {
            throw .format(file: path, line: 0, found: "no line 'end of trees'", expected: "a whole LightGBM model")
        }
        guard header["num_class"] == "1" else {
            throw .format(
                file: path, line: 0, found: "num_class=\(header["num_class"] ?? "(none)")", expected: "num_class=1")
        }
        let objective = header["objective"]?.split(separator: " ").first.map(String.init) ?? "regression"
        let logarithmic: Set = ["poisson", "gamma", "tweedie"]
        let plain: Set = [
            "regression", "regression_l1", "huber", "fair", "quantile", "mape", "l2", "l1", "custom",
        ]
        guard logarithmic.contains(objective) || plain.contains(objective) else {
            throw .format(file: path, line: 0, found: "objective=\(objective)", expected: "a regression objective")
        }
        let names = header["feature_names"]?.split(separator: " ").map(String.init) ?? []
        var trees: [[Node]] = []
        for block in blocks {
            trees.append(try LightGBMTree.nodes(block.values, line: block.line, path: path, features: names.count))
        }
        try self.init(
            features: Self.features(
                names, trees, pandas.map { $0.map(\.text) }, infos: header["feature_infos"]?.split(separator: " ") ?? []
            ),
            trees: trees, averages: averages,
            link: logarithmic.contains(objective) ? .exponential : .identity)
    }

    /// Features with levels where the file lists codes (`infos`, one a feature) or a tree tests levels: their names if
    /// the file has them, else their codes.
    static func features(
        _ names: [String], _ trees: [[Node]], _ levelNames: [[String]], infos: [Substring] = []
    ) -> [ForestFeature] {
        var largest = [Int?](repeating: nil, count: names.count)
        for (index, info) in infos.prefix(names.count).enumerated() {
            let codes = info.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) ?? -1 }
            if let last = codes.max(), codes.allSatisfy({ (0...100_000).contains($0) }) { largest[index] = last }
        }
        for node in trees.joined() {
            if let levels = node.levels, names.indices.contains(node.feature) {
                largest[node.feature] = max(largest[node.feature] ?? 0, levels.max() ?? 0)
            }
        }
        // Lists of names go with the features of levels in order; they only fit if every feature has one.
        let fits = levelNames.count == largest.count { $0 != nil }
        var next = 0
        return names.enumerated().map { index, name in
            guard let last = largest[index] else { return ForestFeature(name: name, levels: nil) }
            defer { next += 1 }
            return ForestFeature(name: name, levels: fits ? levelNames[next] : (0...last).map(String.init))
        }
    }
}

/// A level in a list that pandas wrote: a text, or a number.
private enum LevelName: Decodable {
    case text(String)
    case number(Double)

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            self = .text(text)
        } else {
            self = .number(try container.decode(Double.self))
        }
    }

    var text: String {
        switch self {
        case .text(let text): text
        case .number(let number): Int(exactly: number).map(String.init) ?? String(number)
        }
    }
}

/// One tree as LightGBM numbers it: internal nodes from 0, leaves from −1 downwards.
private struct LightGBMTree {
    let text: String

    init(_ nodes: [PortableTrees.Node]) {
        var place = [Int](repeating: 0, count: nodes.count)
        var (inner, leaves) = ([PortableTrees.Node](), [PortableTrees.Node]())
        for (index, node) in nodes.enumerated() {
            if node.feature < 0 {
                leaves.append(node)
                place[index] = -leaves.count
            } else {
                place[index] = inner.count
                inner.append(node)
            }
        }
        var (boundaries, words, thresholds, decisions) = ([0], [UInt32](), [String](), [String]())
        for node in inner {
            if let levels = node.levels {
                thresholds.append(String(boundaries.count - 1))
                decisions.append("1")
                var set = [UInt32](repeating: 0, count: (levels.max() ?? 0) / 32 + 1)
                for level in levels { set[level / 32] |= 1 << UInt32(level % 32) }
                words += set
                boundaries.append(words.count)
            } else {
                thresholds.append("\(node.threshold)")
                decisions.append(String(node.missing.rawValue << 2 | (node.missingGoesLeft ? 2 : 0)))
            }
        }
        func line(_ key: String, _ values: [some Any]) -> String {
            "\(key)=\(values.map { "\($0)" }.joined(separator: " "))"
        }
        var lines = ["num_leaves=\(leaves.count)", "num_cat=\(boundaries.count - 1)"]
        if !inner.isEmpty {
            lines += [
                line("split_feature", inner.map(\.feature)), line("split_gain", inner.map { _ in 0 }),
                line("threshold", thresholds), line("decision_type", decisions),
                line("left_child", inner.map { place[$0.left] }), line("right_child", inner.map { place[$0.right] }),
            ]
        }
        lines += [
            line("leaf_value", leaves.map(\.value)), line("leaf_weight", leaves.map(\.count)),
            line("leaf_count", leaves.map(\.count)),
        ]
        if !inner.isEmpty {
            lines += [
                line("internal_value", inner.map(\.value)), line("internal_weight", inner.map(\.count)),
                line("internal_count", inner.map(\.count)),
            ]
        }
        if boundaries.count > 1 { lines += [line("cat_boundaries", boundaries), line("cat_threshold", words)] }
        let isLinear = leaves.contains { $0.line != nil }
        if isLinear {
            // A tree may have 22 lines; these are the least needed.
            lines.removeAll { $0.hasPrefix("split_gain") || $0.contains("_weight") }
            let rules = leaves.map { $0.line ?? PortableTrees.Line(constant: $0.value, features: [], coefficients: []) }
            lines += [
                line("leaf_const", rules.map(\.constant)), line("num_features", rules.map(\.features.count)),
                line("leaf_features", rules.flatMap(\.features)), line("leaf_coeff", rules.flatMap(\.coefficients)),
            ]
        }
        text = (lines + ["is_linear=\(isLinear ? 1 : 0)", "shrinkage=1"]).joined(separator: "\n")
    }

    static func nodes(
        _ values: [Substring: Substring], line: Int, path: String, features: Int
    ) throws(ForestError) -> [PortableTrees.Node] {
        func fail(_ found: String, _ expected: String) -> ForestError {
            .format(file: path, line: line, found: found, expected: expected)
        }
        func numbers<Number: LosslessStringConvertible>(
            _ key: Substring, _ count: Int, as type: Number.Type = Number.self
        ) throws(ForestError) -> [Number] {
            let parts = (values[key] ?? "").split(separator: " ")
            let numbers = parts.compactMap { Number(String($0)) }
            guard numbers.count == count, parts.count == count else {
                throw fail("\(numbers.count) numbers in '\(key)'", "\(count)")
            }
            return numbers
        }
        guard let leafCount = values["num_leaves"].flatMap({ Int($0) }), leafCount > 0, leafCount < 1 << 24 else {
            throw fail("num_leaves=\(values["num_leaves"] ?? "(none)")", "a number of leaves")
        }
        let leafValues = try numbers("leaf_value", leafCount, as: Double.self)
        let leafCounts = (try? numbers("leaf_count", leafCount, as: Int.self)) ?? Array(repeating: 0, count: leafCount)
        var rules = [PortableTrees.Line?](repeating: nil, count: leafCount)
        if values["is_linear"] == "1" {
            let constants = try numbers("leaf_const", leafCount, as: Double.self)
            let sizes = try numbers("num_features", leafCount, as: Int.self)
            guard sizes.allSatisfy({ (0...features).contains($0) }) else {
                throw fail("num_features=\(sizes)", "0 to \(features) for each leaf")
            }
            let total = sizes.reduce(0, +)
            let (used, slopes) = (
                try numbers("leaf_features", total, as: Int.self), try numbers("leaf_coeff", total, as: Double.self)
            )
            var start = 0
            for (index, size) in sizes.enumerated() {
                rules[index] = PortableTrees.Line(
                    constant: constants[index], features: Array(used[start..<start + size]),
                    coefficients: Array(slopes[start..<start + size]))
                start += size
            }
        }
        func leaf(_ index: Int) -> PortableTrees.Node {
            var node = PortableTrees.Node()
            (node.value, node.count, node.line) = (leafValues[index], leafCounts[index], rules[index])
            return node
        }
        guard leafCount > 1 else { return [leaf(0)] }
        let inner = leafCount - 1
        let (split, thresholds) = (
            try numbers("split_feature", inner, as: Int.self), try numbers("threshold", inner, as: Double.self)
        )
        let (left, right) = (
            try numbers("left_child", inner, as: Int.self), try numbers("right_child", inner, as: Int.self)
        )
        let decisions =
            values["decision_type"] == nil
            ? Array(repeating: 0, count: inner) : try numbers("decision_type", inner, as: Int.self)
        let counts = (try? numbers("internal_count", inner, as: Int.self)) ?? Array(repeating: 0, count: inner)
        let sets = values["num_cat"].flatMap { Int($0) } ?? 0
        guard sets >= 0, sets <= inner else { throw fail("num_cat=\(sets)", "at most \(inner)") }
        let boundaries = sets > 0 ? try numbers("cat_boundaries", sets + 1, as: Int.self) : [0]
        guard boundaries.first == 0, zip(boundaries, boundaries.dropFirst()).allSatisfy({ $0 <= $1 }),
            let wordCount = boundaries.last, wordCount < 1 << 24
        else { throw fail("cat_boundaries that fall", "rising ones from 0") }
        let words = sets > 0 ? try numbers("cat_threshold", wordCount, as: UInt32.self) : []
        var nodes: [PortableTrees.Node] = []
        // Depth first from the root, so that children come after their parents.
        var open: [(child: Int, parent: Int, isLeft: Bool)] = [(0, -1, true)]
        while let (child, parent, isLeft) = open.popLast() {
            guard child < inner, -child <= leafCount, nodes.count < 2 * leafCount - 1 else {
                throw fail("child \(child)", "a node or leaf of a tree with \(leafCount) leaves")
            }
            if parent >= 0 {
                if isLeft { nodes[parent].left = nodes.count } else { nodes[parent].right = nodes.count }
            }
            guard child >= 0 else {
                nodes.append(leaf(-child - 1))
                continue
            }
            var node = PortableTrees.Node()
            guard split[child] >= 0, split[child] < features else {
                throw fail("split_feature \(split[child])", "one of \(features) features")
            }
            (node.feature, node.threshold, node.count) = (split[child], thresholds[child], counts[child])
            let decision = decisions[child]
            if decision & 1 != 0 {
                guard let set = Int(exactly: thresholds[child]), set >= 0, set < sets else {
                    throw fail("set \(thresholds[child])", "one of \(sets)")
                }
                node.levels = (boundaries[set]..<boundaries[set + 1]).flatMap { word in
                    (0..<32).filter { words[word] >> UInt32($0) & 1 != 0 }.map { (word - boundaries[set]) * 32 + $0 }
                }
                node.threshold = 0
            } else {
                guard let missing = PortableTrees.Missing(rawValue: decision >> 2 & 3) else {
                    throw fail("decision_type \(decision)", "a missing type from 0 to 2")
                }
                (node.missing, node.missingGoesLeft) = (missing, decision & 2 != 0)
            }
            nodes.append(node)
            open.append((right[child], nodes.count - 1, false))
            open.append((left[child], nodes.count - 1, true))
        }
        return nodes
    }
}
