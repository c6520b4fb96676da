public import LinearAlgebra

/// A random forest for regression: the mean of many trees, with quantiles and the training rows behind each prediction.
///
///     let forest = try RegressionForest.fit(data, target: seconds, seed: 1)
///     forest.outOfBagError                                   // RMSE that needs no test set
///     try forest.predict(newData)                            // one mean per row
///     try forest.predictQuantiles(newData, [0.1, 0.5, 0.9])  // one row each
///
/// Missing numbers go where missing numbers went in training, or with the larger part. A level that was not seen in
/// training is answered as the known level with the most similar name (see the documentation of the module), and
/// without one like a missing level.
///
/// A fitted forest never changes. Equal data, options and seed give equal forests on any number of threads.
public struct RegressionForest: Sendable {
    public let features: [ForestFeature]
    public let options: ForestOptions
    public let seed: UInt64
    public let trainingRowCount: Int
    /// A checksum of the training data: equal data give equal sums.
    public let trainingChecksum: UInt64
    /// The root mean squared error of the out-of-bag predictions; NaN if there are none.
    public let outOfBagError: Double
    /// The mean prediction for every training row by the trees that did not see it; NaN for a row that all trees saw.
    /// Empty if they were not computed.
    public let outOfBagPredictions: [Double]

    /// What the values of the leaves leave out: 0 but where targets are far from zero and near to one another.
    let targetOffset: Double
    let trees: TreeNodes
    let encoder: RowEncoder
    let leaves: LeafRows?

    public var treeCount: Int { trees.treeCount }
    public var nodeCount: Int { trees.nodes.count }

    /// The mean target for every row of `data`, whose columns are found by name. O(*rows* · *trees* · *depth*).
    ///
    /// - Throws: ``ForestError`` if a column is missing or of the wrong kind.
    public func predict(_ data: ForestData, threads: Int = defaultThreads) throws(ForestError) -> [Double] {
        let scale = Double(treeCount)
        return trees.sums(of: try encoder.table(data), from: 0, threads: threads).map { $0 / scale + targetOffset }
    }

    /// The mean target for one row, without any allocation.
    ///
    /// - Parameter row: One number per feature in the order of ``features``: a value, or the code of a level in the
    ///   feature's list. NaN, and a code out of range, is missing. A row of another length is a programming error.
    public func predict(row: [Double]) -> Double {
        row.withUnsafeBufferPointer { trees.sum(of: $0, encoder, from: 0) } / Double(treeCount) + targetOffset
    }

    /// Quantiles of the target given the features: a matrix with a row per row of `data` and a column per probability.
    ///
    /// The quantile of all training targets, each weighted by how often it shares a leaf with the row. Quantiles of
    /// one row never cross.
    ///
    /// Source: Meinshausen, *Quantile Regression Forests* (2006).
    /// - Throws: ``ForestError`` if a column or the leaf rows are missing or a probability is not between 0 and 1.
    public func predictQuantiles(
        _ data: ForestData, _ probabilities: [Double], threads: Int = defaultThreads
    ) throws(ForestError) -> Matrix {
        let leaves = try storedLeaves()
        for p in probabilities where !(p >= 0 && p <= 1) {
            throw .option("probabilities", found: "\(p)", allowed: "0 to 1")
        }
        let table = try encoder.table(data)
        return leaves.quantiles(of: table, trees, probabilities, threads: threads)
    }

    /// The training rows behind the prediction for each row of `data`.
    /// - Throws: ``ForestError`` if a column or the leaf rows are missing.
    public func support(_ data: ForestData) throws(ForestError) -> [ForestSupport] {
        let leaves = try storedLeaves()
        let table = try encoder.table(data)
        return (0..<data.rowCount).map { leaves.support(of: table, row: $0, trees) }
    }

    /// Quantiles for every training row by the trees that did not see it; empty for a row that all trees saw.
    func outOfBagQuantiles(_ data: ForestData, _ probabilities: [Double]) throws(ForestError) -> [[Double]] {
        let leaves = try storedLeaves()
        guard options.bootstrap else {
            throw .notStored(what: "out-of-bag rows", remedy: "Fit it with the option 'bootstrap'.")
        }
        var seeds = SeededGenerator(seed: seed, stream: 0)
        let drawn = (0..<treeCount).map { _ in drawnRows(count: trainingRowCount, seed: seeds.next()) }
        return leaves.outOfBagQuantiles(of: try encoder.table(data), trees, drawn: drawn, probabilities)
    }

    private func storedLeaves() throws(ForestError) -> LeafRows {
        try verify()
        guard let leaves else {
            throw .notStored(what: "leaf rows", remedy: "Fit it with the option 'keepsLeafRows'.")
        }
        return leaves
    }
}

/// Training rows that share leaves with one predicted row.
public struct ForestSupport: Sendable, Hashable {
    /// Training rows, the heaviest first, and how much each counts; the weights sum to 1.
    public let rows: [Int]
    public let weights: [Double]
    /// The number of equally weighted rows that would carry as much information: 1 / Σ weight².
    public var effectiveCount: Double { 1 / weights.reduce(0) { $0 + $1 * $1 } }
}

/// The number of threads that fits and predictions use unless told otherwise: one per core.
public let defaultThreads = availableCores()
