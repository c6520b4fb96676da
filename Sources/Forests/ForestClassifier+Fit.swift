internal import LinearAlgebra

extension ForestClassifier {
    /// Fits a classifier.
    ///
    /// - Parameters:
    ///   - data: *n* rows of features.
    ///   - labels: *n* names of classes, of which there are 2 to ``largestClassCount``.
    ///   - weights: *n* positive weights; `nil` for equal ones.
    ///   - seed: The only source of randomness. Equal inputs give equal models on any thread count.
    ///   - progress: Called with the share of the work that is done.
    /// - Throws: ``ForestError`` if the shapes disagree, there are too few or too many classes, or an option is out of
    ///   range.
    /// - Complexity: That of one forest for two classes, else that of a forest for each class.
    public static func fit(
        _ data: ForestData, labels: [String], weights: [Double]? = nil, learner: Learner = .boosted(.logLoss),
        seed: UInt64, threads: Int = defaultThreads, progress: (@Sendable (Double) -> Void)? = nil
    ) throws(ForestError) -> ForestClassifier {
        let classes = Set(labels).sorted()
        guard 2...largestClassCount ~= classes.count else {
            throw .option("classes", found: "\(classes.count)", allowed: "2 to \(largestClassCount) different labels")
        }
        var places: [String: Int] = [:]
        for (place, name) in classes.enumerated() { places[name] = place }
        let codes = labels.map { places[$0] ?? 0 }
        let target = codes.map(Double.init)
        var counts = [Double](repeating: 0, count: classes.count)
        for (row, code) in codes.enumerated() { counts[code] += weights.map { $0.indices ~= row ? $0[row] : 1 } ?? 1 }
        let total = counts.reduce(0, +)
        let parts: Parts
        switch learner {
        case .boosted(var options):
            options.loss = classes.count == 2 ? .logistic : .softmax
            if classes.count == 2 {
                let forest = try BoostedForest.fit(
                    data, target: target, weights: weights, options: options, seed: seed, threads: threads,
                    progress: progress)
                parts = .boosted([forest])
            } else {
                let fit = try BoostingFit(data, target, weights, options, seed: seed, threads: threads)
                var run = ClassBoosting(fit, options, classes: classes.count, seed: seed, threads: threads)
                let sum = checksum(data, target)
                var forests: [BoostedForest] = []
                for rounds in run.run(fit.validation, progress) {
                    forests.append(try fit.forest(rounds, checksum: sum))
                }
                parts = .boosted(forests)
            }
        case .averaged(var options):
            (options.keepsLeafRows, options.outOfBag) = (false, false)
            var forests: [RegressionForest] = []
            let asked = classes.count == 2 ? [1] : Array(classes.indices)
            for place in asked {
                let done = Double(forests.count)
                forests.append(
                    try RegressionForest.fit(
                        data, target: codes.map { $0 == place ? 1 : 0 }, weights: weights, options: options,
                        seed: seed, threads: threads, progress: { progress?((done + $0) / Double(asked.count)) }))
            }
            parts = .averaged(forests)
        }
        return ForestClassifier(classes: classes, shares: counts.map { $0 / total }, parts: parts)
    }

    /// The most classes that a model tells apart.
    public static let largestClassCount = 100

    /// The model whose scores, but for the share of each class, are `factor` times as large: probabilities that are
    /// nearer to those shares below 1, farther above. That of averages stays as it is.
    ///
    /// The way to calibrate it (Guo et al., *On Calibration of Modern Neural Networks*, 2017): rows that it has not
    /// seen tell the factor.
    public func sharpened(by factor: Double) -> ForestClassifier {
        guard case .boosted(let forests) = parts else { return self }
        return ForestClassifier(
            classes: classes, shares: shares, parts: .boosted(forests.map { $0.scaled(by: factor) }))
    }
}

extension BoostedForest {
    /// The forest with the values of its trees, but not the base, times `factor`.
    func scaled(by factor: Double) -> BoostedForest {
        var scaled = trees
        var nodes = [UInt64](repeating: 0, count: trees.nodes.count)
        for tree in 0..<trees.treeCount {
            let first = Int(trees.starts[tree])
            for index in first..<Int(trees.starts[tree + 1]) {
                let node = trees.node(index)
                nodes[index] =
                    node.isLeaf
                    ? TreeNode.leaf(Float(Double(node.value) * factor), at: index - first) : trees.nodes[index]
            }
        }
        scaled.nodes = StoredArray(nodes)
        return BoostedForest(
            features: features, options: options, seed: seed, trainingRowCount: trainingRowCount,
            trainingChecksum: trainingChecksum, validationLosses: validationLosses, baseValue: baseValue, trees: scaled,
            encoder: encoder, table: LeafTable(scaled, encoder))
    }
}
