internal import Foundation

/// Trees in the form that other programs exchange: what LightGBM text, XGBoost JSON and ONNX files hold.
///
///     let text = try forest.portable.lightGBMText()            // for Python, R, treelite, SHAP, …
///     let theirs = try PortableTrees(lightGBMText: text)       // and back
///     try theirs.predict(data)
///
/// Our models become portable without loss, except that mixtures of similar levels are ours alone: other programs
/// take an unseen level for one that no test names.
public struct PortableTrees: Sendable, Hashable {
    /// One node. A leaf has no children and a value.
    public struct Node: Sendable, Hashable {
        /// The feature that is tested; −1 for a leaf.
        public var feature = -1
        /// A number goes left if it is not above the threshold.
        public var threshold = 0.0
        /// The codes of the levels that go left, ascending: places in the feature's list. `nil` for a test of a number.
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
        /// 1 / (1 + exp −sum): a probability.
        case logistic
        /// Of one sum for each class: its exponential's part in those of all.
        case softmax
        /// The sign of the sum times its square: for square roots that were learnt.
        case signedSquare

        public func callAsFunction(_ sum: Double) -> Double {
            switch self {
            case .identity, .softmax: sum
            case .exponential: exp(sum)
            case .logistic: 1 / (1 + exp(-sum))
            case .signedSquare: sum * abs(sum)
            }
        }

        /// The probability of each class from one sum for each, or of two from the sum of the second.
        static func probabilities(_ sums: [Double]) -> [Double] {
            guard sums.count > 1 else {
                // Both to full precision.
                let sum = sums.first ?? 0
                return [1 / (1 + exp(sum)), 1 / (1 + exp(-sum))]
            }
            let highest = sums.max() ?? 0
            let exponentials = sums.map { exp($0 - highest) }
            let total = exponentials.reduce(0, +)
            return exponentials.map { $0 / total }
        }
    }

    public var features: [ForestFeature]
    /// The nodes of every tree, the root first.
    public var trees: [[Node]]
    /// Whether the prediction is the mean of the trees instead of their sum.
    public var averages: Bool
    public var link: Link
    /// How many sums there are: tree *t* adds to sum *t* mod `outputs`. More than one with softmax only.
    public var outputs: Int
    /// The names of the classes, where probabilities of them are predicted and the names are known.
    public var classes: [String]?
    /// Whether numbers are rounded to single precision before they are compared, as XGBoost does.
    public var roundsInputs: Bool
    /// What people should know of how a file was read.
    public internal(set) var remarks: [String] = []

    /// - Parameter path: The file that they are from, for messages.
    /// - Throws: ``ForestError`` for features, children and codes that do not exist, nodes with two parents, and values
    ///   that are no numbers.
    public init(
        features: [ForestFeature], trees: [[Node]], averages: Bool = false, link: Link = .identity,
        outputs: Int = 1, classes: [String]? = nil, roundsInputs: Bool = false, path: String? = nil
    ) throws(ForestError) {
        (self.features, self.trees, self.averages) = (features, trees, averages)
        (self.outputs, self.classes) = (outputs, classes)
        (self.link, self.roundsInputs) = (link, roundsInputs)
        var names: Set<String> = []
        for feature in features where !names.insert(feature.name).inserted { throw .duplicateColumn(feature.name) }
        for (number, nodes) in trees.enumerated() {
            func fail(_ index: Int, _ found: String, _ expected: String) -> ForestError {
                .format(
                    file: (path.map { "\($0), " } ?? "") + "tree \(number), node \(index)", line: 0, found: found,
                    expected: expected)
            }
            var isChild = [Bool](repeating: false, count: nodes.count)
            for (index, node) in nodes.enumerated() {
                if let line = node.line {
                    guard line.features.count == line.coefficients.count,
                        line.features.allSatisfy(features.indices.contains), line.constant.isFinite,
                        line.coefficients.allSatisfy(\.isFinite)
                    else {
                        throw fail(
                            index, "a line that is not one of the features",
                            "a coefficient for each of some of \(features.count) features")
                    }
                }
                guard node.feature >= 0 else {
                    guard node.value.isFinite else { throw fail(index, "a leaf of \(node.value)", "a number") }
                    continue
                }
                guard node.feature < features.count else {
                    throw fail(index, "feature \(node.feature)", "one of \(features.count)")
                }
                // Children that come later rule out loops.
                guard node.left > index, node.right > index, node.left < nodes.count, node.right < nodes.count,
                    node.left != node.right, !isChild[node.left], !isChild[node.right]
                else {
                    throw fail(
                        index, "children \(node.left) and \(node.right)",
                        "later nodes below \(nodes.count) without another parent")
                }
                (isChild[node.left], isChild[node.right]) = (true, true)
                guard !node.threshold.isNaN else { throw fail(index, "a threshold that is no number", "a number") }
                guard let levels = node.levels else { continue }
                let known = features[node.feature].levels?.count ?? 0
                if let code = levels.first(where: { $0 < 0 || $0 >= known }) {
                    throw fail(
                        index, "level \(code) of '\(features[node.feature].name)'", "one of \(known), counted from 0")
                }
                if !zip(levels, levels.dropFirst()).allSatisfy({ $0 < $1 }) {
                    self.trees[number][index].levels = Set(levels).sorted()
                }
            }
            guard !nodes.isEmpty else { throw .empty(what: "tree \(number)") }
        }
        guard !trees.isEmpty else { throw .empty(what: "list of trees") }
        guard outputs == 1 || (link == .softmax && outputs > 1 && trees.count % outputs == 0 && !averages) else {
            throw .format(
                file: path ?? "trees", line: 0, found: "\(trees.count) trees for \(outputs) sums",
                expected: "as many for each, added up for softmax")
        }
        guard classes.map({ $0.count == max(2, outputs) }) ?? true else {
            throw .format(
                file: path ?? "trees", line: 0, found: "\(classes?.count ?? 0) names of classes",
                expected: "\(max(2, outputs))")
        }
    }

    /// Whether leaves hold lines, which of the formats only LightGBM's can say.
    public var hasLines: Bool { trees.joined().contains { $0.line != nil } }

    /// The prediction for one row: a value per feature, or the code of a level; NaN where missing. Of several classes
    /// the number of the most probable one.
    public func predict(row: [Double]) -> Double {
        let sums = sums(row: row)
        return outputs > 1 ? Double(mostProbable(sums)) : link(sums[0])
    }

    /// The trees' sums for one row, before the link.
    func sums(row: [Double]) -> [Double] {
        precondition(row.count == features.count, "one number per feature")
        var sums = [Double](repeating: 0, count: outputs)
        for (number, nodes) in trees.enumerated() {
            let node = nodes[leaf(nodes, row)]
            sums[number % outputs] += node.line?.value(row) ?? node.value
        }
        if averages { sums[0] /= Double(trees.count) }
        return sums
    }

    /// The trees of one sum alone.
    func output(_ place: Int) -> PortableTrees {
        var own = self
        own.trees = trees.indices.filter { $0 % outputs == place }.map { trees[$0] }
        (own.outputs, own.link, own.classes) = (1, .identity, nil)
        return own
    }

    /// The names of the classes, or their numbers; `nil` where no probabilities of classes are predicted.
    public var classNames: [String]? {
        switch link {
        case .logistic, .softmax: classes ?? (0..<max(2, outputs)).map(String.init)
        case .identity, .exponential, .signedSquare: classes
        }
    }

    /// The probability of every class for one row, where the trees predict any.
    public func probabilities(row: [Double]) -> [Double] {
        let sums = sums(row: row)
        return link == .identity ? [1 - sums[0], sums[0]] : Link.probabilities(sums)
    }

    /// The prediction for every row of `data`, whose columns are found by name. Unseen levels are in no set, and missing
    /// where ordered levels are compared as numbers.
    ///
    /// - Throws: ``ForestError`` if a column is missing or of the wrong kind.
    public func predict(_ data: ForestData) throws(ForestError) -> [Double] {
        try rows(of: data).map { predict(row: $0) }
    }

    /// The rows of `data` as plain numbers, in the order of the features.
    func rows(of data: ForestData) throws(ForestError) -> [[Double]] {
        var columns: [[Double]] = []
        var comparesNumbers = [Bool](repeating: false, count: features.count)
        for node in trees.joined() where node.feature >= 0 && node.levels == nil {
            comparesNumbers[node.feature] = true
        }
        for (index, feature) in features.enumerated() {
            guard let column = data.columns.first(where: { $0.name == feature.name }) else {
                throw .missingColumn(feature.name, available: data.columns.map(\.name))
            }
            switch (column.values, feature.levels) {
            case (.numeric(let values), nil): columns.append(values)
            case (.categorical(let codes, let levels), let known?):
                var numbers: [String: Double] = [:]
                for (code, level) in known.enumerated() { numbers[level] = Double(code) }
                let translated = levels.map { numbers[$0] ?? (comparesNumbers[index] ? .nan : -1) }
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
            return levels.holds(code)
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

extension [Int] {
    /// Whether ascending numbers hold one. O(log *n*).
    fileprivate func holds(_ number: Int) -> Bool {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < number { low = middle + 1 } else { high = middle }
        }
        return low < count && self[low] == number
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
            var portable = trees.portable(encoder)
            for tree in portable.indices {
                for node in portable[tree].indices where portable[tree][node].feature < 0 {
                    portable[tree][node].value += targetOffset
                }
            }
            return try PortableTrees(features: features, trees: portable, averages: true)
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
                link: options.loss.link)
        }
    }
}

extension ForestClassifier {
    /// The model in the form that other programs exchange.
    ///
    /// - Throws: ``ForestError`` for averages of three or more classes, which no other program scales to a sum of 1.
    public var portable: PortableTrees {
        get throws(ForestError) {
            switch parts {
            case .boosted(let forests) where forests.count == 1:
                var trees = try forests[0].portable
                trees.classes = classes
                return trees
            case .boosted(let forests):
                var own: [[[PortableTrees.Node]]] = []
                for forest in forests { own.append(try forest.portable.trees) }
                return try PortableTrees(
                    features: features, trees: own[0].indices.flatMap { round in own.map { $0[round] } },
                    link: .softmax,
                    outputs: own.count, classes: classes)
            case .averaged(let forests) where forests.count == 1:
                var trees = try forests[0].portable
                // One tree more says the share of the class.
                var prior = PortableTrees.Node()
                (prior.value, prior.count) = (shares[1], trainingRowCount)
                trees.trees.append([prior])
                trees.classes = classes
                return trees
            case .averaged:
                throw .notStored(
                    what: "sum that other programs could predict with",
                    remedy: "They scale no averages of several classes to a sum of 1; export a boosted forest.")
            }
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
                    result.threshold =
                        threshold.isFinite
                        ? threshold + encoder.features[node.feature].offset : .greatestFiniteMagnitude
                }
                return result
            }
        }
    }
}
