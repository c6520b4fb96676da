internal import LinearAlgebra

/// A forest whose leaves hold lines instead of numbers, so that predictions go on growing where the training rows end.
///
///     let model = try LinearForest.fit(data, target: seconds, seed: 1)
///     try model.predict(newData)   // ten times the input takes ten times as long
///
/// A ridge regression on the numeric features describes all rows, and one for each level of the feature whose levels
/// differ most (each task type has a speed of its own); the trees are grown on what these leave over, and every node
/// may correct the slopes for its rows. Penalties are chosen by leaving out one
/// row at a time, and a line must lower that error clearly, so that noise hardly costs anything beside constant leaves.
///
/// Lines continue for ``LinearForestOptions/reach`` times the range of the values that they were fitted on, then stay
/// constant. Where no training target is negative, no prediction is (but for a target of logarithms, see
/// ``LinearForestOptions/logarithmicFeatures``). A missing number counts as the mean of its node.
/// Levels that were never seen are answered as in ``RegressionForest``.
public struct LinearForest: Sendable {
    public let features: [ForestFeature]
    public let options: LinearForestOptions
    public let seed: UInt64
    public let trainingRowCount: Int
    /// A checksum of the training data: equal data give equal sums.
    public let trainingChecksum: UInt64
    /// The root mean squared error of the out-of-bag predictions; NaN if there are none.
    public let outOfBagError: Double
    /// The mean prediction for every training row by the trees that did not see it, NaN where all did; empty for
    /// boosting and without bootstrap.
    public let outOfBagPredictions: [Double]

    /// The trees; a leaf's value is its constant.
    let trees: TreeNodes
    let encoder: RowEncoder
    let columns: LinearColumns
    let leaves: LinearLeaves
    /// The line of all rows, around `base`.
    let trunk: RidgeLine
    let branches: LinearBranches
    let base: Double
    /// What the trees' sum counts: 1, or one over their number.
    let scale: Double
    let lowest: Double

    public var treeCount: Int { trees.treeCount }
    public var nodeCount: Int { trees.nodes.count }
    /// How many nodes have slopes of their own.
    public var lineCount: Int { leaves.lineAbove.count }

    /// The prediction for every row of `data`, whose columns are found by name.
    /// - Throws: ``ForestError`` if a column is missing or of the wrong kind.
    public func predict(_ data: ForestData, threads: Int = defaultThreads) throws(ForestError) -> [Double] {
        let table = try encoder.table(data)
        let values = columns.values(table, encoder)
        let block = 512
        let parts = Parallel.map(count: (table.rowCount + block - 1) / block, threads: threads) { index in
            let rows = (index * block)..<min(table.rowCount, (index + 1) * block)
            var (sums, next) = ([Double](), rows.lowerBound)
            sums.reserveCapacity(rows.count)
            var x = [Double](repeating: .nan, count: max(1, values.count))
            trees.withSlots(table, rows) { walk, starts, slots in
                for column in values.indices { x[column] = values[column][next] }
                next += 1
                sums.append(x.withUnsafeBufferPointer { sum(walk, starts, slots, $0) })
            }
            return sums
        }
        return table.combined(Array(parts.joined())).map { max(lowest, $0) }
    }

    /// The prediction for one row, without any allocation on the heap.
    ///
    /// - Parameter row: One number per feature in the order of ``features``: a value, or the code of a level in the
    ///   feature's list. NaN, and a code out of range, is missing. A row of another length is a programming error.
    public func predict(row: [Double]) -> Double {
        precondition(row.count == features.count, "one number per feature")
        return row.withUnsafeBufferPointer { row in
            withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, columns.features.count)) { x in
                for (column, feature) in columns.features.enumerated() {
                    x[column] = columns.scales[column](row[feature])
                }
                return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: encoder.slotCount) { slots in
                    guard let slots = slots.baseAddress else { return base }
                    encoder.fill(slots, row)
                    return trees.withWalk { walk, starts in
                        max(lowest, sum(walk, starts, slots, UnsafeBufferPointer(x)))
                    }
                }
            }
        }
    }

    @inline(__always)
    private func sum(
        _ walk: TreeWalk, _ starts: UnsafeBufferPointer<UInt32>, _ slots: UnsafePointer<UInt32>,
        _ x: UnsafeBufferPointer<Double>
    ) -> Double {
        var (sum, all) = (0.0, base)
        walkTrees(walk, starts: starts, slots: slots) { tree, leaf in
            let node = Int(starts[tree] + leaf)
            sum += Double(trees.node(node).value)
            leaves.forEachTerm(ofNode: node) { sum += $0.value(at: x[$0.column]) }
        }
        for term in trunk.terms { all += term.value(at: x[term.column]) }
        if branches.feature >= 0 {
            all += branches.value(ofLevel: Int(slots[1 + 2 * branches.feature])) { x[$0] }
        }
        return all + scale * sum
    }
}
