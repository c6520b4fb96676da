/// Gradient boosting: a sum of small trees, each fitted to what the ones before it got wrong.
///
///     let model = try BoostedForest.fit(data, target: seconds, seed: 1)
///     try model.predict(newData)
///
/// Usually the most accurate learner here, and the smallest and fastest model; it needs a second model, or a
/// conformal interval, to say how sure it is. Missing values and unseen levels are answered as in ``RegressionForest``.
public struct BoostedForest: Sendable {
    public let features: [ForestFeature]
    public let options: BoostingOptions
    public let seed: UInt64
    public let trainingRowCount: Int
    /// A checksum of the training data: equal data give equal sums.
    public let trainingChecksum: UInt64
    /// The loss on the held-out rows after each round; empty without a validation part.
    public let validationLosses: [Double]
    /// The prediction before the first tree, on the scale of the trees' sum.
    public let baseValue: Double

    let trees: TreeNodes
    let encoder: RowEncoder
    let table: LeafTable?

    public var treeCount: Int { trees.treeCount }
    public var nodeCount: Int { trees.nodes.count }

    /// The prediction for every row of `data`, whose columns are found by name.
    /// - Throws: ``ForestError`` if a column is missing or of the wrong kind.
    public func predict(_ data: ForestData, threads: Int = defaultThreads) throws(ForestError) -> [Double] {
        let (sums, link) = (try scores(data, threads: threads), options.loss.link)
        return link == .identity ? sums : sums.map { link($0) }
    }

    /// The trees' sum for every row of `data`: the prediction before the link.
    func scores(_ data: ForestData, threads: Int) throws(ForestError) -> [Double] {
        let rows = try encoder.table(data)
        return table?.sums(of: rows, from: baseValue, threads: threads)
            ?? trees.sums(of: rows, from: baseValue, threads: threads)
    }

    /// The prediction for one row, without any allocation.
    ///
    /// - Parameter row: One number per feature in the order of ``features``: a value, or the code of a level in the
    ///   feature's list. NaN, and a code out of range, is missing. A row of another length is a programming error.
    public func predict(row: [Double]) -> Double {
        options.loss.link(score(row: row))
    }

    func score(row: [Double]) -> Double {
        row.withUnsafeBufferPointer {
            table?.sum(of: $0, encoder, from: baseValue) ?? trees.sum(of: $0, encoder, from: baseValue)
        }
    }
}
