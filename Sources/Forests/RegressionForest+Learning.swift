internal import LinearAlgebra

/// What a forest learns from new rows.
///
/// | after | use | cost |
/// |---|---|---|
/// | every batch of outcomes | ``RegressionForest/refreshed(_:target:decay:)``: the same trees, new values | one pass |
/// | more budget, same data | ``RegressionForest/extended(_:target:weights:by:threads:)``: more trees | the new trees |
/// | a day of outcomes | ``RegressionForest/replacingWorst(share:with:target:weights:seed:threads:)`` | the replaced trees |
/// | drift | ``decayWeights(ages:halfLife:)`` and a new fit | a fit |
extension RegressionForest {
    /// Moves the values of the leaves that new rows reach towards their mean target. The trees keep their splits.
    ///
    /// - Parameter decay: How much an old row counts beside a new one: 1 for as much, 0 to forget it.
    /// - Returns: A forest without out-of-bag results and leaf rows, which would be those of the old rows.
    /// - Throws: ``ForestError`` if a column is missing, a target is not finite or `decay` is not from 0 to 1.
    /// - Complexity: One prediction of all new rows: milliseconds for thousands of rows.
    public func refreshed(
        _ data: ForestData, target: [Double], decay: Double = 0.9
    ) throws(ForestError) -> RegressionForest {
        try checkTraining(data, target, nil)
        guard decay >= 0, decay <= 1 else { throw .option("decay", found: "\(decay)", allowed: "0 to 1") }
        let table = try encoder.table(data)
        var (renewed, nodes) = (trees, trees.nodes.array)
        var (sums, counts) = (
            [Double](repeating: 0, count: trees.nodes.count), [Double](repeating: 0, count: trees.nodes.count)
        )
        for row in 0..<data.rowCount {
            let parts = table.parts(row)
            var next = 0
            trees.withSlots(table, parts.rows) { walk, starts, slots in
                let weight = parts.weights[next]
                next += 1
                walkTrees(walk, starts: starts, slots: slots) { tree, leaf in
                    sums[Int(starts[tree] + leaf)] += weight * (target[row] - targetOffset)
                    counts[Int(starts[tree] + leaf)] += weight
                }
            }
        }
        for index in counts.indices where counts[index] > 0 {
            let node = trees.node(index)
            let old = Double(trees.covers[index]) * decay
            let value = (old * Double(node.value) + sums[index]) / (old + counts[index])
            nodes[index] = UInt64(Float(value).bitPattern) << 32 | UInt64(node.link)
            renewed.covers[index] = UInt32(clamping: Int((old + counts[index]).rounded()))
        }
        renewed.nodes = StoredArray(nodes)
        return replacing(renewed)
    }

    /// The forest with `count` more trees, grown on the same data: it predicts what one predicts that was grown with
    /// all of them at once.
    ///
    /// - Throws: ``ForestError`` if the data are not those that the forest was fitted on.
    public func extended(
        _ data: ForestData, target: [Double], weights: [Double]? = nil, by count: Int, threads: Int = defaultThreads
    ) throws(ForestError) -> RegressionForest {
        guard checksum(data, target) == trainingChecksum else {
            throw .option(
                "data", found: "other rows than in training", allowed: "the training data; fit anew for others")
        }
        var more = options
        more.treeCount += count
        guard count > 0 else { throw .option("count", found: "\(count)", allowed: "1 or more") }
        try more.validated(featureCount: features.count)
        try checkTraining(data, target, weights)
        let bins = featureBins(data, target, limit: options.binLimit(rows: data.rowCount), threads: threads)
        return RegressionForest.grow(bins, data, target, weights, more, seed, threads, nil, extending: self)
    }

    /// Replaces the trees that predict `data` worst by trees grown on `data`, for instance all rows up to today.
    ///
    /// - Parameter share: The share of the trees that is replaced, one at least.
    /// - Returns: A forest without out-of-bag results and leaf rows, which would be those of different data.
    /// - Throws: ``ForestError`` if the features differ or the share is not between 0 and 1.
    public func replacingWorst(
        share: Double = 0.1, with data: ForestData, target: [Double], weights: [Double]? = nil, seed: UInt64,
        threads: Int = defaultThreads
    ) throws(ForestError) -> RegressionForest {
        guard share > 0, share <= 1 else { throw .option("share", found: "\(share)", allowed: "above 0 to 1") }
        let table = try encoder.table(data)
        var errors = [Double](repeating: 0, count: treeCount)
        for row in 0..<data.rowCount {
            let parts = table.parts(row)
            guard parts.rows.count == 1 else { continue }
            trees.withSlots(table, parts.rows) { walk, starts, slots in
                walkTrees(walk, starts: starts, slots: slots) { tree, leaf in
                    let error = Double(trees.node(Int(starts[tree] + leaf)).value) + targetOffset - target[row]
                    errors[tree] += error * error
                }
            }
        }
        let count = max(1, Int((Double(treeCount) * share).rounded()))
        let worst = Set(errors.indices.sorted { (errors[$1], $0) < (errors[$0], $1) }.prefix(count))
        var fewer = options
        (fewer.treeCount, fewer.keepsLeafRows, fewer.outOfBag) = (count, false, false)
        let fresh = try RegressionForest.fit(
            data, target: target, weights: weights, options: fewer, seed: seed, threads: threads)
        // Levels that are new since then make other keys: such trees cannot live in one forest.
        guard fresh.features == features, fresh.encoder.levelBins == encoder.levelBins,
            fresh.targetOffset == targetOffset
        else {
            throw .option(
                "data", found: "other features, levels or offsets", allowed: "those of the forest; fit anew for others")
        }
        var kept = TreeNodes(featureCount: features.count)
        for tree in 0..<treeCount where !worst.contains(tree) { kept.append(trees.tree(tree)) }
        for tree in 0..<count { kept.append(fresh.trees.tree(tree)) }
        return replacing(kept)
    }

    private func replacing(_ trees: TreeNodes) -> RegressionForest {
        RegressionForest(
            features: features, options: options, seed: seed, trainingRowCount: trainingRowCount,
            trainingChecksum: trainingChecksum, outOfBagError: .nan, outOfBagPredictions: [],
            targetOffset: targetOffset, trees: trees, encoder: encoder, leaves: nil)
    }
}

/// Weights of rows that fall by half with every `halfLife` of age, for a fit that follows drift.
///
/// Old rows keep a weight of at least 1e-6, which is the least that a fit accepts.
public func decayWeights(ages: [Double], halfLife: Double) -> [Double] {
    ages.map { max(1e-6, exponential(-$0 / halfLife * 0.693_147_180_559_945_3)) }
}

extension TreeNodes {
    /// One tree with its own sets.
    fileprivate func tree(_ index: Int) -> GrownTree {
        let range = Int(starts[index])..<Int(starts[index + 1])
        var tree = GrownTree()
        tree.covers = Array(covers[range])
        let tests = range.filter { node($0).testsLevels }.map { Int(node($0).payload) }
        guard let first = tests.min() else {
            tree.nodes = Array(nodes[range])
            return tree
        }
        // The sets of a tree lie together; those of the next tree that tests levels begin where they end.
        let next = (range.upperBound..<nodes.count).first { node($0).testsLevels }
        tree.sets = Array(sets[first..<(next.map { Int(node($0).payload) } ?? sets.count)])
        tree.nodes = range.map { node($0).testsLevels ? nodes[$0] - UInt64(first) << 32 : nodes[$0] }
        return tree
    }
}
