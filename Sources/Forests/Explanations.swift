/// Why a model predicts what it does for one row.
public struct ForestExplanation: Sendable, Hashable {
    /// The expected prediction over the training rows. `base` and all contributions sum to the prediction (before the
    /// link, where the model has one).
    public let base: Double
    /// What each feature adds, in the unit of the target, in the order of the model's features.
    public let contributions: [Double]
}

extension RegressionForest {
    /// Exact Shapley values of every row of `data` by the rows' paths (path-dependent TreeSHAP).
    ///
    /// - Complexity: O(*rows* · *trees* · *leaves* · *depth*²).
    ///   Source: Lundberg et al., *From local explanations to global understanding with explainable AI for trees* (2020).
    /// - Throws: ``ForestError`` if a column is missing.
    public func explain(_ data: ForestData) throws(ForestError) -> [ForestExplanation] {
        trees.explain(try encoder.table(data), features.count, base: 0, scale: 1 / Double(treeCount))
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

extension TreeNodes {
    fileprivate func explain(
        _ table: EncodedTable, _ featureCount: Int, base: Double, scale: Double
    ) -> [ForestExplanation] {
        var expected = base
        for tree in 0..<treeCount { expected += scale * expectation(Int(starts[tree]), 0) }
        var parts: [[Double]] = []
        withSlots(table, 0..<table.rowCount) { _, _, slots in
            var contributions = [Double](repeating: 0, count: featureCount)
            for tree in 0..<treeCount {
                var walk = ShapleyWalk(trees: self, first: Int(starts[tree]), slots: slots, scale: scale)
                walk.visit(0, [], zero: 1, one: 1, feature: -1, &contributions)
            }
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

/// One walk of TreeSHAP: the path from the root, and for every number of its features that are known the share of
/// their orders in which the path is followed.
private struct ShapleyWalk {
    struct Step {
        var feature: Int
        var zero: Double
        var one: Double
        var weight: Double
    }
    let trees: TreeNodes
    let first: Int
    let slots: UnsafePointer<UInt32>
    let scale: Double

    mutating func visit(
        _ index: Int, _ above: [Step], zero: Double, one: Double, feature: Int, _ result: inout [Double]
    ) {
        var path = above
        ShapleyWalk.extend(&path, zero, one, feature)
        let node = trees.node(first + index)
        if node.isLeaf {
            for step in 1..<max(1, path.count) {
                let weight = ShapleyWalk.unwoundSum(path, step)
                result[path[step].feature] += scale * weight * (path[step].one - path[step].zero) * Double(node.value)
            }
            return
        }
        let goesLeft: Bool
        let key = slots[node.slot]
        if node.testsLevels {
            goesLeft = trees.sets[Int(node.payload + key >> 5)] >> (key & 31) & 1 != 0
        } else {
            goesLeft = key <= node.payload
        }
        let (hot, cold) = goesLeft ? (node.child, node.child + 1) : (node.child + 1, node.child)
        var (knownZero, knownOne) = (1.0, 1.0)
        if let known = path.firstIndex(where: { $0.feature == node.feature }) {
            (knownZero, knownOne) = (path[known].zero, path[known].one)
            ShapleyWalk.unwind(&path, known)
        }
        let (hotCover, coldCover) = (Double(trees.covers[first + hot]), Double(trees.covers[first + cold]))
        let total = max(hotCover + coldCover, 1)
        visit(hot, path, zero: knownZero * hotCover / total, one: knownOne, feature: node.feature, &result)
        visit(cold, path, zero: knownZero * coldCover / total, one: 0, feature: node.feature, &result)
    }

    private static func extend(_ path: inout [Step], _ zero: Double, _ one: Double, _ feature: Int) {
        let length = path.count
        path.append(Step(feature: feature, zero: zero, one: one, weight: length == 0 ? 1 : 0))
        for i in stride(from: length - 1, through: 0, by: -1) {
            path[i + 1].weight += one * path[i].weight * Double(i + 1) / Double(length + 1)
            path[i].weight = zero * path[i].weight * Double(length - i) / Double(length + 1)
        }
    }

    private static func unwind(_ path: inout [Step], _ index: Int) {
        let length = path.count - 1
        let (zero, one) = (path[index].zero, path[index].one)
        var next = path[length].weight
        for i in stride(from: length - 1, through: 0, by: -1) {
            if one != 0 {
                let old = path[i].weight
                path[i].weight = next * Double(length + 1) / (Double(i + 1) * one)
                next = old - path[i].weight * zero * Double(length - i) / Double(length + 1)
            } else if zero != 0 {
                path[i].weight = path[i].weight * Double(length + 1) / (zero * Double(length - i))
            }
        }
        for i in index..<length {
            (path[i].feature, path[i].zero, path[i].one) = (path[i + 1].feature, path[i + 1].zero, path[i + 1].one)
        }
        path.removeLast()
    }

    private static func unwoundSum(_ path: [Step], _ index: Int) -> Double {
        var path = path
        unwind(&path, index)
        return path.reduce(0) { $0 + $1.weight }
    }
}
