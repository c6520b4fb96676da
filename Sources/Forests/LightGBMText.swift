internal import Foundation

extension PortableTrees {
    /// The model as LightGBM's text format: doubles, sets of levels, the side of missing values and means of trees
    /// all survive.
    public func lightGBMText() -> String {
        var text = "tree\nversion=v4\nnum_class=\(outputs)\nnum_tree_per_iteration=\(outputs)\nlabel_index=0\n"
        text += "max_feature_idx=\(features.count - 1)\n"
        let objective =
            switch link {
            case .identity: "regression"
            case .exponential: "gamma"
            case .signedSquare: "regression sqrt"
            case .logistic: "binary sigmoid:1"
            case .softmax: "multiclass num_class:\(outputs)"
            }
        text += "objective=\(objective)\n"
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
        let lists = features.compactMap { feature in
            feature.levels.map { levels in
                let names = levels.map { feature.levelKind != .words && Double($0) != nil ? $0 : quoted($0) }
                return "[" + names.joined(separator: ",") + "]"
            }
        }
        if !lists.isEmpty { text += "pandas_categorical:[" + lists.joined(separator: ",") + "]\n" }
        return text
    }

    /// Reads LightGBM's text format, as `Booster.save_model` and ``lightGBMText()`` write it.
    ///
    /// - Throws: ``ForestError`` that names the line for a damaged file and for what is not supported here:
    ///   objectives that are neither regression nor the log-loss of classes, and names of levels that do not fit the
    ///   columns.
    public init(lightGBMText text: String, path: String = "LightGBM model") throws(ForestError) {
        let file = try LightGBMFile(text, path: path)
        var trees = try file.trees(features: file.names.count)
        let columns = LightGBMColumns(file, trees)
        let features = Self.features(file.names, &trees, levels: try columns.levels(path: path), codes: columns.codes)
        try self.init(
            features: features, trees: trees, averages: file.averages, link: file.link, outputs: file.outputs,
            path: path)
    }
}

/// The lines of a model of LightGBM.
struct LightGBMFile {
    private(set) var names: [String] = []
    /// A word per feature: `none`, `[low:high]` for numbers, or the codes of levels.
    private(set) var infos: [Substring] = []
    /// The levels of the columns that pandas had as categories, in order.
    private(set) var levels: [[LevelName]] = []
    private(set) var averages = false
    private(set) var link = PortableTrees.Link.identity
    /// One for each class, if there are more than two.
    private(set) var outputs = 1
    private let path: String
    private var blocks: [(line: Int, values: [Substring: Substring])] = []

    init(_ text: String, path: String) throws(ForestError) {
        self.path = path
        var header: [Substring: (line: Int, text: Substring)] = [:]
        var (ended, number) = (false, 0)
        for raw in text.split(separator: "\n", omittingEmptySubsequences: false) {
            number += 1
            let line = raw.hasSuffix("\r") ? raw.dropLast() : raw
            if line == "average_output" { averages = true }
            if line == "end of trees" { ended = true }
            if line.hasPrefix("pandas_categorical:") {
                do {
                    levels = try LevelName.decode([[LevelName]]?.self, from: Data(line.dropFirst(19).utf8)) ?? []
                } catch {
                    throw .format(
                        file: path, line: number, found: "names of levels that cannot be read",
                        expected: "pandas_categorical: and lists of texts, numbers, true and false")
                }
            }
            guard !ended, let equals = line.firstIndex(of: "=") else { continue }
            let (key, value) = (line[..<equals], line[line.index(after: equals)...])
            if key == "Tree" {
                blocks.append((number, [:]))
            } else if blocks.isEmpty {
                header[key] = (number, value)
            } else {
                blocks[blocks.count - 1].values[key] = value
            }
        }
        guard ended else {
            throw .format(file: path, line: 0, found: "no line 'end of trees'", expected: "a whole LightGBM model")
        }
        names = header["feature_names"]?.text.split(separator: " ").map(String.init) ?? []
        infos = header["feature_infos"]?.text.split(separator: " ") ?? []
        if let objective = header["objective"] {
            guard let link = LightGBMFile.link(objective.text) else {
                throw .format(
                    file: path, line: objective.line, found: "objective=\(objective.text)",
                    expected:
                        "an objective of regression, binary or multiclass with words that are known: sqrt, alpha:, "
                        + "tweedie_variance_power:, sigmoid:1, num_class:")
            }
            self.link = link
        }
        if link == .softmax {
            let found = header["num_class"]
            guard let count = found.flatMap({ Int($0.text) }), 2...ForestClassifier.largestClassCount ~= count,
                header["objective"]?.text == "multiclass num_class:\(count)", blocks.count % count == 0
            else {
                throw .format(
                    file: path, line: found?.line ?? 0,
                    found: "\(blocks.count) trees, num_class=\(found?.text ?? "(none)")",
                    expected:
                        "2 to \(ForestClassifier.largestClassCount) classes with as many trees each, and the same number "
                        + "in 'objective'")
            }
            outputs = count
        }
        // Lines that say how many there are of something, which is known already. Only the first must be there.
        for (key, expected) in [
            ("num_class", outputs), ("num_tree_per_iteration", outputs), ("max_feature_idx", names.count - 1),
        ] as [(Substring, Int)] {
            let found = header[key]
            guard found.map({ Int($0.text) == expected }) ?? (key != "num_class") else {
                throw .format(
                    file: path, line: found?.line ?? 0, found: "\(key)=\(found?.text ?? "(none)")",
                    expected: "\(key)=\(expected)")
            }
        }
        for (key, words, expected) in [
            ("feature_infos", infos.count, names.count),
            ("tree_sizes", header["tree_sizes"]?.text.split(separator: " ").count ?? 0, blocks.count),
        ] as [(Substring, Int, Int)] {
            guard let line = header[key]?.line, words != expected else { continue }
            throw .format(file: path, line: line, found: "\(words) words in '\(key)'", expected: "\(expected)")
        }
    }

    /// How the sum of the trees becomes the prediction; `nil` for an objective or a word that is not known.
    private static func link(_ objective: Substring) -> PortableTrees.Link? {
        var words = objective.split(separator: " ")[...]
        let name = words.popFirst() ?? "regression"
        switch name {
        case "binary": return words == ["sigmoid:1"] ? .logistic : nil
        case "multiclass": return .softmax
        default: break
        }
        words.removeAll { $0.hasPrefix("alpha:") || $0.hasPrefix("tweedie_variance_power:") }
        guard words.allSatisfy({ $0 == "sqrt" }) else { return nil }
        switch name {
        case "poisson", "gamma", "tweedie": return .exponential
        // These two do not look at the word.
        case "huber", "custom": return .identity
        case "regression", "regression_l1", "fair", "quantile", "mape", "l2", "l1":
            return words.isEmpty ? .identity : .signedSquare
        default: return nil
        }
    }

    /// The nodes of every tree.
    ///
    /// - Parameter isOurs: Whether missing levels may go left, which only our own model files can say: LightGBM sends
    ///   them right, whatever is written.
    func trees(features: Int, isOurs: Bool = false) throws(ForestError) -> [[PortableTrees.Node]] {
        var trees: [[PortableTrees.Node]] = []
        for block in blocks {
            var nodes = try LightGBMTree.nodes(block.values, line: block.line, path: path, features: features)
            if !isOurs {
                for index in nodes.indices where nodes[index].levels != nil { nodes[index].missingGoesLeft = false }
            }
            trees.append(nodes)
        }
        return trees
    }
}

/// Which columns of a LightGBM model have levels, and which of the lists of names is whose.
///
/// A list goes with every column that pandas had as categories, in order. The file does not say which these are: a
/// column of levels has codes in `feature_infos`, one with a single level (or one that is of no use) has `none`, ordered
/// categories have a range of numbers, and a column of levels that came as integers has codes but no list.
private struct LightGBMColumns {
    let file: LightGBMFile
    /// The codes of each column that are listed; `nil` for numbers.
    private(set) var codes: [Set<Int>?]
    /// The largest code of each column that is listed or tested; `nil` for numbers.
    private var largest: [Int?]
    private var isTested: [Bool]

    init(_ file: LightGBMFile, _ trees: [[PortableTrees.Node]]) {
        self.file = file
        codes = file.names.indices.map { index in
            guard index < file.infos.count, file.infos[index] != "none", !file.infos[index].hasPrefix("[") else {
                return nil
            }
            // −1 stands for missing.
            return Set(file.infos[index].split(separator: ":").compactMap { Int($0) }.filter { $0 >= 0 })
        }
        largest = codes.map { codes in codes.map { $0.max() ?? -1 } }
        isTested = file.names.map { _ in false }
        for node in trees.joined() where node.feature >= 0 {
            isTested[node.feature] = true
            if let levels = node.levels { largest[node.feature] = max(largest[node.feature] ?? -1, levels.max() ?? -1) }
        }
    }

    /// How well a list of `count` names fits a column; `nil` if it cannot be its list.
    private func fit(_ column: Int, _ count: Int) -> Int? {
        if let largest = largest[column] { return largest < count ? 1000 : nil }
        let info = column < file.infos.count ? file.infos[column] : "none"
        if info == "none" { return isTested[column] ? nil : count == 1 ? 2 : 0 }
        let ends = info.dropFirst().dropLast().split(separator: ":").map { Double($0) }
        guard ends.count == 2, let low = ends[0], let high = ends[1], low >= 0, high < Double(count),
            low == low.rounded(), high == high.rounded()
        else { return nil }
        return 1
    }

    /// The column of every list. Of all ways to give them out in order that fit best, the one with the earliest columns,
    /// or with the latest; `nil` if there is none.
    private func columns(latest: Bool) -> [Int]? {
        let (lists, width) = (file.levels, file.names.count + 1)
        guard lists.count < width, lists.count < 1 << 26 / width else { return nil }
        // The best fit of the lists from one on to the columns from one on.
        var best = [Int](repeating: .min, count: (lists.count + 1) * width)
        for column in 0..<width { best[lists.count * width + column] = 0 }
        func taken(_ list: Int, _ column: Int) -> Int? {
            guard let own = fit(column, lists[list].count), best[(list + 1) * width + column + 1] > .min else {
                return nil
            }
            return own + best[(list + 1) * width + column + 1]
        }
        for list in lists.indices.reversed() {
            for column in file.names.indices.reversed() {
                best[list * width + column] = max(best[list * width + column + 1], taken(list, column) ?? .min)
            }
        }
        var (found, next) = ([Int](), 0)
        for list in lists.indices {
            let wanted = best[list * width + next]
            guard wanted > .min else { return nil }
            let places = (next..<file.names.count).filter { taken(list, $0) == wanted }
            guard let column = latest ? places.last : places.first else { return nil }
            found.append(column)
            next = column + 1
        }
        return found
    }

    /// The names of the levels of every column; `nil` where the file has none.
    func levels(path: String) throws(ForestError) -> [[LevelName]?] {
        var levels = [[LevelName]?](repeating: nil, count: file.names.count)
        guard !file.levels.isEmpty else { return levels }
        guard let first = columns(latest: false), let last = columns(latest: true) else {
            throw .format(
                file: path, line: 0, found: "\(file.levels.count) lists of names of levels in 'pandas_categorical'",
                expected: "a column for each of them in 'feature_infos', with codes below their number")
        }
        for (list, columns) in zip(file.levels, zip(first, last)) {
            guard columns.0 == columns.1 || !isTested[columns.0] && !isTested[columns.1] else {
                throw .format(
                    file: path, line: 0,
                    found: "names of levels that fit '\(file.names[columns.0])' and '\(file.names[columns.1])'",
                    expected: "a list for one column; train with all columns of levels as pandas categories")
            }
            levels[columns.0] = list
        }
        return levels
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
                decisions.append(node.missingGoesLeft ? "3" : "1")
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
        guard ["0", "1"].contains(values["is_linear"] ?? "0") else {
            throw fail("is_linear=\(values["is_linear"] ?? "")", "0 or 1")
        }
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
        // Depth first from the root, so that children come after their parents. Every node and leaf has one parent.
        var seen = [Bool](repeating: false, count: inner + leafCount)
        var open: [(child: Int, parent: Int, isLeft: Bool)] = [(0, -1, true)]
        while let (child, parent, isLeft) = open.popLast() {
            guard child < inner, child >= -leafCount, !seen[child + leafCount] else {
                throw fail("child \(child)", "a node or leaf of a tree with \(leafCount) leaves, once")
            }
            seen[child + leafCount] = true
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
                (node.threshold, node.missingGoesLeft) = (0, decision & 2 != 0)
            } else {
                guard 0..<16 ~= decision, let missing = PortableTrees.Missing(rawValue: decision >> 2) else {
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
