/// Why a model predicts what it does for one row.
public struct ForestExplanation: Sendable, Hashable {
    /// The expected prediction over the training rows. `base` and all contributions sum to the prediction (before the
    /// link, where the model has one).
    public let base: Double
    /// What each feature adds, in the unit of the target, in the order of the model's features.
    public let contributions: [Double]

    public init(base: Double, contributions: [Double]) { (self.base, self.contributions) = (base, contributions) }
}

extension RegressionForest {
    /// Exact Shapley values of every row of `data` by the rows' paths (path-dependent TreeSHAP).
    ///
    /// - Complexity: O(*rows* · *trees* · *leaves* · *depth*²).
    ///   Source: Lundberg et al., *From local explanations to global understanding with explainable AI for trees* (2020).
    /// - Throws: ``ForestError`` if a column is missing.
    public func explain(_ data: ForestData) throws(ForestError) -> [ForestExplanation] {
        trees.explain(try encoder.table(data), features.count, base: targetOffset, scale: 1 / Double(treeCount))
    }
}

extension BoostedForest {
    /// Exact Shapley values of every row of `data` (path-dependent TreeSHAP), on the scale before the link: for the
    /// gamma loss contributions multiply the prediction by their exponentials.
    ///
    /// - Throws: ``ForestError`` if a column is missing.
    public func explain(_ data: ForestData) throws(ForestError) -> [ForestExplanation] {
        trees.explain(try encoder.table(data), features.count, base: baseValue, scale: 1)
    }
}

extension LinearForest {
    /// Exact Shapley values of every row of `data`, path-dependent as for the other forests: a term of a line counts
    /// once its feature is known, and is zero before. They sum to the prediction before it is bounded below by zero.
    ///
    /// - Throws: ``ForestError`` if a column is missing.
    public func explain(_ data: ForestData) throws(ForestError) -> [ForestExplanation] {
        trees.explain(try encoder.table(data), features.count, base: base, scale: scale, lines: self)
    }
}

extension LinearForest {
    /// Adds the parts of the lines outside of the trees. The level and the number of a branch share their product.
    fileprivate func addLines(_ slots: UnsafePointer<UInt32>, _ x: [Double], _ contributions: inout [Double]) {
        for term in trunk.terms { contributions[columns.features[term.column]] += term.value(at: x[term.column]) }
        guard branches.feature >= 0 else { return }
        let level = Int(slots[1 + 2 * branches.feature])
        guard level < branches.constants.count else { return }
        contributions[branches.feature] += branches.constants[level]
        for term in branches.lines[level].terms {
            let half = term.value(at: x[term.column]) / 2
            contributions[branches.feature] += half
            contributions[columns.features[term.column]] += half
        }
    }
}

extension PortableTrees {
    /// Exact Shapley values of every row of `data`, on the scale before the link; of several classes those of the most
    /// probable one.
    ///
    /// - Throws: ``ForestError`` if a column is missing, or the trees do not say how many rows passed their nodes.
    public func explain(_ data: ForestData) throws(ForestError) -> [ForestExplanation] {
        guard outputs == 1 else {
            var result: [ForestExplanation] = []
            for (row, place) in try predict(data).enumerated() {
                result += try output(Int(place)).explain(data.rows([row]))
            }
            return result
        }
        guard trees.allSatisfy({ $0.count == 1 || $0.allSatisfy { $0.count > 0 } }) else {
            throw .notStored(what: "row counts of the nodes", remedy: "Export the model with them to explain it.")
        }
        // A walk keeps the path from the root for every node on it.
        guard trees.allSatisfy({ Self.depth($0) <= 1000 }) else {
            throw .tooLarge(
                what: "Depth of a tree", found: trees.map(Self.depth).max() ?? 0, allowed: 1000,
                remedy: "Predict without explanations.")
        }
        guard !hasLines else {
            throw .notStored(what: "explanations of linear leaves", remedy: "Only our own linear forests have them.")
        }
        let (rows, scale) = (try rows(of: data), averages ? 1 / Double(trees.count) : 1)
        var expected = 0.0
        for nodes in trees { expected += scale * PortableTree(trees: self, nodes: nodes, row: []).expectation(0) }
        return rows.map { row in
            var contributions = [Double](repeating: 0, count: features.count)
            for nodes in trees {
                let walk = ShapleyWalk(tree: PortableTree(trees: self, nodes: nodes, row: row), scale: scale)
                walk.visit(0, [], zero: 1, one: 1, feature: -1, &contributions)
            }
            return ForestExplanation(base: expected, contributions: contributions)
        }
    }

    /// The most tests on the way to a leaf; parents come before their children.
    private static func depth(_ nodes: [Node]) -> Int {
        var depths = [Int](repeating: 0, count: nodes.count)
        for (index, node) in nodes.enumerated() where node.feature >= 0 {
            (depths[node.left], depths[node.right]) = (depths[index] + 1, depths[index] + 1)
        }
        return depths.max() ?? 0
    }
}

extension TreeNodes {
    fileprivate func explain(
        _ table: EncodedTable, _ featureCount: Int, base: Double, scale: Double, lines: LinearForest? = nil
    ) -> [ForestExplanation] {
        var expected = base
        for tree in 0..<treeCount { expected += scale * expectation(Int(starts[tree]), 0) }
        var parts: [[Double]] = []
        let values = lines.map { $0.columns.values(table, $0.encoder) } ?? []
        withSlots(table, 0..<table.rowCount) { _, _, slots in
            var contributions = [Double](repeating: 0, count: featureCount)
            let x = values.map { $0[parts.count] }
            for tree in 0..<treeCount {
                let nodes = WalkedTree(
                    trees: self, first: Int(starts[tree]), slots: slots, lines: lines, x: x)
                let walk = ShapleyWalk(tree: nodes, scale: scale)
                walk.visit(0, [], zero: 1, one: 1, feature: -1, &contributions)
            }
            if let lines { lines.addLines(slots, x, &contributions) }
            parts.append(contributions)
        }
        return (0..<table.resultCount).map { row in
            let mixture = table.parts(row)
            var contributions = [Double](repeating: 0, count: featureCount)
            for (part, weight) in zip(mixture.rows, mixture.weights) {
                for feature in 0..<featureCount { contributions[feature] += weight * parts[part][feature] }
            }
            return ForestExplanation(base: expected, contributions: contributions)
        }
    }

    /// The mean value over the training rows below a node.
    private func expectation(_ first: Int, _ index: Int) -> Double {
        let node = node(first + index)
        guard !node.isLeaf else { return Double(node.value) }
        let (left, right) = (Double(covers[first + node.child]), Double(covers[first + node.child + 1]))
        let total = max(left + right, 1)
        return (left * expectation(first, node.child) + right * expectation(first, node.child + 1)) / total
    }
}

/// What TreeSHAP asks of a tree and one row.
private protocol ShapleyTree {
    /// The value of a leaf, or where its row goes.
    func step(_ index: Int) -> ShapleyStep
    /// The number of training rows below a node.
    func count(_ index: Int) -> Double
    /// What the line of a leaf adds for each feature.
    func terms(_ leaf: Int) -> [(feature: Int, value: Double)]
}

private enum ShapleyStep {
    case leaf(Double)
    /// The child where the row goes, and the other.
    case split(feature: Int, hot: Int, cold: Int)
}

private struct WalkedTree: ShapleyTree {
    let trees: TreeNodes
    let first: Int
    let slots: UnsafePointer<UInt32>
    let lines: LinearForest?
    /// The row's values on the scales of the lines.
    let x: [Double]

    func step(_ index: Int) -> ShapleyStep {
        let node = trees.node(first + index)
        guard !node.isLeaf else { return .leaf(Double(node.value)) }
        let key = slots[node.slot]
        let goesLeft =
            node.testsLevels
            ? trees.sets[Int(node.payload + key >> 5)] >> (key & 31) & 1 != 0 : key <= node.payload
        return .split(
            feature: node.feature, hot: goesLeft ? node.child : node.child + 1,
            cold: goesLeft ? node.child + 1 : node.child)
    }

    func count(_ index: Int) -> Double { Double(trees.covers[first + index]) }

    func terms(_ leaf: Int) -> [(feature: Int, value: Double)] {
        guard let lines else { return [] }
        var terms: [(feature: Int, value: Double)] = []
        lines.leaves.forEachTerm(ofNode: first + leaf) {
            terms.append((lines.columns.features[$0.column], $0.value(at: x[$0.column])))
        }
        return terms
    }
}

private struct PortableTree: ShapleyTree {
    let trees: PortableTrees
    let nodes: [PortableTrees.Node]
    let row: [Double]

    func step(_ index: Int) -> ShapleyStep {
        let node = nodes[index]
        guard node.feature >= 0 else { return .leaf(node.value) }
        let goesLeft = trees.goesLeft(node, row[node.feature])
        return .split(
            feature: node.feature, hot: goesLeft ? node.left : node.right, cold: goesLeft ? node.right : node.left)
    }

    func count(_ index: Int) -> Double { Double(nodes[index].count) }
    func terms(_ leaf: Int) -> [(feature: Int, value: Double)] { [] }

    func expectation(_ index: Int) -> Double {
        let node = nodes[index]
        guard node.feature >= 0 else { return node.value }
        let (left, right) = (count(node.left), count(node.right))
        return (left * expectation(node.left) + right * expectation(node.right)) / max(left + right, 1)
    }
}

/// One walk of TreeSHAP: the path from the root, and for every number of its features that are known the share of
/// their orders in which the path is followed.
private struct ShapleyWalk<Tree: ShapleyTree> {
    let tree: Tree
    let scale: Double

    func visit(
        _ index: Int, _ above: [ShapleyPathStep], zero: Double, one: Double, feature: Int, _ result: inout [Double]
    ) {
        var path = above
        path.extend(zero, one, feature)
        switch tree.step(index) {
        case .leaf(let value):
            path.add(scale * value, to: &result)
            for term in tree.terms(index) {
                // As if the path asked for the term's feature once more, and nobody got through who does not know it.
                var (longer, known) = (path, 1.0)
                if let place = path.firstIndex(where: { $0.feature == term.feature }) {
                    known = path[place].one
                    longer.unwind(place)
                }
                guard known != 0 else { continue }
                longer.extend(0, known, term.feature)
                longer.add(scale * term.value, to: &result)
            }
        case .split(let feature, let hot, let cold):
            var (knownZero, knownOne) = (1.0, 1.0)
            if let known = path.firstIndex(where: { $0.feature == feature }) {
                (knownZero, knownOne) = (path[known].zero, path[known].one)
                path.unwind(known)
            }
            let (hotCount, coldCount) = (tree.count(hot), tree.count(cold))
            let total = max(hotCount + coldCount, 1)
            visit(hot, path, zero: knownZero * hotCount / total, one: knownOne, feature: feature, &result)
            visit(cold, path, zero: knownZero * coldCount / total, one: 0, feature: feature, &result)
        }
    }
}

private struct ShapleyPathStep {
    var feature: Int
    var zero: Double
    var one: Double
    var weight: Double
}

extension [ShapleyPathStep] {
    /// Adds what a leaf of this path contributes to each of its features.
    fileprivate func add(_ value: Double, to result: inout [Double]) {
        for step in 1..<Swift.max(1, count) {
            result[self[step].feature] += unwoundSum(step) * (self[step].one - self[step].zero) * value
        }
    }

    fileprivate mutating func extend(_ zero: Double, _ one: Double, _ feature: Int) {
        let length = count
        append(ShapleyPathStep(feature: feature, zero: zero, one: one, weight: length == 0 ? 1 : 0))
        for i in stride(from: length - 1, through: 0, by: -1) {
            self[i + 1].weight += one * self[i].weight * Double(i + 1) / Double(length + 1)
            self[i].weight = zero * self[i].weight * Double(length - i) / Double(length + 1)
        }
    }

    fileprivate mutating func unwind(_ index: Int) {
        let length = count - 1
        let (zero, one) = (self[index].zero, self[index].one)
        var next = self[length].weight
        for i in stride(from: length - 1, through: 0, by: -1) {
            if one != 0 {
                let old = self[i].weight
                self[i].weight = next * Double(length + 1) / (Double(i + 1) * one)
                next = old - self[i].weight * zero * Double(length - i) / Double(length + 1)
            } else if zero != 0 {
                self[i].weight = self[i].weight * Double(length + 1) / (zero * Double(length - i))
            }
        }
        for i in index..<length {
            (self[i].feature, self[i].zero, self[i].one) = (self[i + 1].feature, self[i + 1].zero, self[i + 1].one)
        }
        removeLast()
    }

    private func unwoundSum(_ index: Int) -> Double {
        var path = self
        path.unwind(index)
        return path.reduce(0) { $0 + $1.weight }
    }
}
