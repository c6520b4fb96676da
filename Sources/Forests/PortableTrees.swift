internal import Foundation

/// Trees in the form that other programs exchange: what LightGBM text, XGBoost JSON and ONNX files hold.
///
///     let text = try forest.portable.lightGBMText()            // for Python, R, treelite, SHAP, …
///     let theirs = try PortableTrees(lightGBMText: text)       // and back
///     try theirs.predict(data)
///
/// Our models become portable without loss, except that mixtures of similar levels are ours alone: other programs
/// answer an unseen level like a missing one.
public struct PortableTrees: Sendable, Hashable {
    /// One node. A leaf has no children and a value.
    public struct Node: Sendable, Hashable {
        /// The feature that is tested; −1 for a leaf.
        public var feature = -1
        /// A number goes left if it is not above the threshold.
        public var threshold = 0.0
        /// The codes of the levels that go left; `nil` for a test of a number.
        public var levels: [Int]?
        public var missing = Missing.nan
        public var missingGoesLeft = false
        public var left = -1
        public var right = -1
        public var value = 0.0
        /// Training rows that passed here; 0 if unknown.
        public var count = 0
        /// The line of a leaf, which stands in for `value` where none of its features is missing.
        public var line: Line?
    }

    /// The line of a leaf: `constant` + Σ coefficient · value of the feature.
    public struct Line: Sendable, Hashable {
        public var constant: Double
        public var features: [Int]
        public var coefficients: [Double]

        public init(constant: Double, features: [Int], coefficients: [Double]) {
            (self.constant, self.features, self.coefficients) = (constant, features, coefficients)
        }
    }

    /// Which numbers a test takes for missing.
    public enum Missing: Int, Sendable, Hashable {
        /// None: NaN counts as 0.
        case none
        /// NaN and 0.
        case zero
        /// NaN.
        case nan
    }

    /// From the trees' sum to the prediction.
    public enum Link: String, Sendable, Hashable {
        case identity, exponential
    }

    public var features: [ForestFeature]
    /// The nodes of every tree, the root first.
    public var trees: [[Node]]
    /// Whether the prediction is the mean of the trees instead of their sum.
    public var averages: Bool
    public var link: Link
    /// Whether numbers are rounded to single precision before they are compared, as XGBoost does.
    public var roundsInputs: Bool

    public init(
        features: [ForestFeature], trees: [[Node]], averages: Bool = false, link: Link = .identity,
        roundsInputs: Bool = false
    ) throws(ForestError) {
        (self.features, self.trees, self.averages) = (features, trees, averages)
        (self.link, self.roundsInputs) = (link, roundsInputs)
        for (number, nodes) in trees.enumerated() {
            for (index, node) in nodes.enumerated() {
                if let line = node.line {
                    guard line.features.count == line.coefficients.count,
                        line.features.allSatisfy(features.indices.contains)
                    else {
                        throw .format(
                            file: "tree \(number)", line: 0, found: "a line of other features at node \(index)",
                            expected: "a coefficient for each of some of \(features.count) features")
                    }
                }
                guard node.feature >= 0 else { continue }
                guard node.feature < features.count else {
                    throw .format(
                        file: "tree \(number)", line: 0, found: "feature \(node.feature) at node \(index)",
                        expected: "one of \(features.count)")
                }
                // Children that come later rule out loops.
                guard node.left > index, node.right > index, node.left < nodes.count, node.right < nodes.count else {
                    throw .format(
                        file: "tree \(number)", line: 0, found: "children \(node.left), \(node.right) of node \(index)",
                        expected: "later nodes below \(nodes.count)")
                }
            }
            guard !nodes.isEmpty else { throw .empty(what: "tree \(number)") }
        }
        guard !trees.isEmpty else { throw .empty(what: "list of trees") }
    }

    /// Whether leaves hold lines, which of the formats only LightGBM's can say.
    public var hasLines: Bool { trees.joined().contains { $0.line != nil } }

    /// The prediction for one row: a value per feature, or the code of a level; NaN where missing.
    public func predict(row: [Double]) -> Double {
        precondition(row.count == features.count, "one number per feature")
        var sum = 0.0
        for nodes in trees {
            let node = nodes[leaf(nodes, row)]
            sum += node.line?.value(row) ?? node.value
        }
        if averages { sum /= Double(trees.count) }
        return link == .exponential ? exp(sum) : sum
    }

    /// The prediction for every row of `data`, whose columns are found by name. Unseen levels are missing.
    ///
    /// - Throws: ``ForestError`` if a column is missing or of the wrong kind.
    public func predict(_ data: ForestData) throws(ForestError) -> [Double] {
        try rows(of: data).map { predict(row: $0) }
    }

    /// The rows of `data` as plain numbers, in the order of the features.
    func rows(of data: ForestData) throws(ForestError) -> [[Double]] {
        var columns: [[Double]] = []
        for feature in features {
            guard let column = data.columns.first(where: { $0.name == feature.name }) else {
                throw .missingColumn(feature.name, available: data.columns.map(\.name))
            }
            switch (column.values, feature.levels) {
            case (.numeric(let values), nil): columns.append(values)
            case (.categorical(let codes, let levels), let known?):
                var numbers: [String: Double] = [:]
                for (code, level) in known.enumerated() { numbers[level] = Double(code) }
                let translated = levels.map { numbers[$0] ?? .nan }
                columns.append(codes.map { $0 < 0 ? .nan : translated[Int($0)] })
            case (let values, _):
                throw .wrongKind(
                    column: feature.name, expected: feature.levels == nil ? "numeric" : "categorical",
                    found: values.kind)
            }
        }
        return (0..<data.rowCount).map { row in columns.map { $0[row] } }
    }

    /// The leaf of a tree that a row of plain numbers reaches.
    func leaf(_ nodes: [Node], _ row: [Double]) -> Int {
        var index = 0
        while nodes[index].feature >= 0 {
            index = goesLeft(nodes[index], row[nodes[index].feature]) ? nodes[index].left : nodes[index].right
        }
        return index
    }

    func goesLeft(_ node: Node, _ value: Double) -> Bool {
        if let levels = node.levels {
            guard let code = Int(exactly: value.rounded(.towardZero)), code >= 0 else {
                return value.isNaN && node.missingGoesLeft
            }
            return levels.contains(code)
        }
        var number = roundsInputs ? Double(Float(value)) : value
        if number.isNaN {
            if node.missing != .none { return node.missingGoesLeft }
            number = 0
        } else if node.missing == .zero, abs(number) <= 1e-35 {
            return node.missingGoesLeft
        }
        return number <= node.threshold
    }
}

extension PortableTrees.Line {
    /// `nil` where a feature is missing.
    fileprivate func value(_ row: [Double]) -> Double? {
        var sum = constant
        for (feature, coefficient) in zip(features, coefficients) { sum += coefficient * row[feature] }
        return sum.isNaN ? nil : sum
    }
}

extension RegressionForest {
    /// The forest in the form that other programs exchange.
    public var portable: PortableTrees {
        get throws(ForestError) {
            try PortableTrees(features: features, trees: trees.portable(encoder), averages: true)
        }
    }
}

extension BoostedForest {
    /// The model in the form that other programs exchange. Its first tree is the base value.
    public var portable: PortableTrees {
        get throws(ForestError) {
            var base = PortableTrees.Node()
            (base.value, base.count) = (baseValue, trainingRowCount)
            return try PortableTrees(
                features: features, trees: [[base]] + trees.portable(encoder),
                link: options.loss == .gamma ? .exponential : .identity)
        }
    }
}

extension TreeNodes {
    func portable(_ encoder: RowEncoder) -> [[PortableTrees.Node]] {
        (0..<treeCount).map { tree in
            let (first, end) = (Int(starts[tree]), Int(starts[tree + 1]))
            return (first..<end).map { index in
                let node = node(index)
                var result = PortableTrees.Node()
                result.count = Int(covers[index])
                guard !node.isLeaf else {
                    result.value = Double(node.value)
                    return result
                }
                (result.feature, result.left, result.right) = (node.feature, node.child, node.child + 1)
                if node.testsLevels {
                    result.levels = encoder.levelBins[node.feature].indices.filter {
                        let bin = encoder.levelBins[node.feature][$0]
                        return sets[Int(node.payload + bin / 32)] >> (bin % 32) & 1 != 0
                    }
                } else {
                    result.missingGoesLeft = node.missingGoesLeft
                    let threshold = Double(ValueKey.number(node.payload))
                    result.threshold = threshold.isFinite ? threshold : .greatestFiniteMagnitude
                }
                return result
            }
        }
    }
}
