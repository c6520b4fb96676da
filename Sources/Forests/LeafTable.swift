internal import LinearAlgebra

/// Small trees as tables of the leaves that each value of a feature leaves open: prediction without branches.
///
/// A leaf is a bit. For each value of a feature a tree's mask lacks the leaves on the left of all nodes whose test of
/// that feature fails. The first bit left when the masks of all features are joined is the leaf that the row reaches.
/// The masks of sixteen trees lie side by side, so one row reads whole cache lines only.
///
/// Source: Lucchese et al., *QuickScorer* (2015), with the search for the failing nodes replaced by a table over bins.
struct LeafTable: Sendable {
    private typealias Masks = SIMD16<UInt32>

    /// Per feature: the distinct thresholds of all trees. Empty for features of levels.
    private let thresholds: [[UInt32]]
    /// Per feature: the rows of its table less one, which is the row of missing values.
    private let missingRow: [Int]
    private let groups: [Group]
    private let masks: [Masks]
    /// 32 values per tree.
    private let values: [Float]
    private let treeCount: Int

    /// Sixteen trees: the features that they test, and where in `masks` the table of each begins.
    private struct Group: Sendable {
        var features: [Int32] = []
        var starts: [Int32] = []
    }

    static let lanes = 16
    static let largestTree = 32
    /// Larger tables would not stay in any cache.
    static let mostMasks = 1 << 20

    /// `nil` if a tree has more than 32 leaves or the tables would be too large.
    init?(_ trees: TreeNodes, _ encoder: RowEncoder) {
        var found = [Set<UInt32>](repeating: [], count: encoder.features.count)
        for index in trees.nodes.indices {
            let node = trees.node(index)
            if !node.isLeaf && !node.testsLevels { found[node.feature].insert(node.payload) }
        }
        let thresholds = found.map { $0.sorted() }
        let missingRow = encoder.features.indices.map {
            encoder.features[$0].levels == nil ? thresholds[$0].count + 1 : Int(encoder.binCounts[$0])
        }
        var groups: [Group] = []
        var masks: [Masks] = []
        var values = [Float](repeating: 0, count: trees.treeCount * LeafTable.largestTree)
        for first in stride(from: 0, to: trees.treeCount, by: LeafTable.lanes) {
            let range = first..<min(trees.treeCount, first + LeafTable.lanes)
            var group = Group()
            var place = [Int](repeating: -1, count: encoder.features.count)
            for index in Int(trees.starts[range.lowerBound])..<Int(trees.starts[range.upperBound]) {
                let node = trees.node(index)
                guard !node.isLeaf, place[node.feature] < 0 else { continue }
                place[node.feature] = masks.count
                group.features.append(Int32(node.feature))
                group.starts.append(Int32(masks.count))
                masks += [Masks](repeating: Masks(repeating: .max), count: missingRow[node.feature] + 1)
                guard masks.count <= LeafTable.mostMasks else { return nil }
            }
            for tree in range {
                guard
                    trees.addMasks(
                        tree: tree, place, thresholds, missingRow, { row, mask in masks[row][tree - first] &= mask },
                        { leaf, value in values[tree * LeafTable.largestTree + leaf] = value })
                else { return nil }
            }
            for (feature, start) in zip(group.features, group.starts) where !thresholds[Int(feature)].isEmpty {
                for row in Int(start)..<(Int(start) + thresholds[Int(feature)].count) { masks[row + 1] &= masks[row] }
            }
            groups.append(group)
        }
        (self.thresholds, self.missingRow, self.groups) = (thresholds, missingRow, groups)
        (self.masks, self.values, treeCount) = (masks, values, trees.treeCount)
    }

    /// `base` plus all trees' values for one row of plain numbers.
    func sum(of row: UnsafeBufferPointer<Double>, _ encoder: RowEncoder, from base: Double) -> Double {
        precondition(row.count == encoder.features.count, "one number per feature")
        return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: row.count) { rows in
            for feature in 0..<row.count {
                rows[feature] = tableRow(feature, encoder.key(row[feature], feature))
            }
            return masks.withUnsafeBufferPointer { masks in
                values.withUnsafeBufferPointer { values in
                    var sum = base
                    for group in groups.indices {
                        add(group, UnsafePointer(rows.baseAddress!), 1, masks, values, &sum)
                    }
                    return sum
                }
            }
        }
    }

    /// `base` plus all trees' values for every row of a table, added in the order of the trees.
    func sums(of table: EncodedTable, from base: Double, threads: Int) -> [Double] {
        let size = 512
        let blocks = (table.rowCount + size - 1) / size
        let parts = Parallel.map(count: blocks, threads: threads) { block -> [Double] in
            let range = (block * size)..<min(table.rowCount, (block + 1) * size)
            return blockSums(table, range, base)
        }
        return table.combined(Array(parts.joined()))
    }

    private func blockSums(_ table: EncodedTable, _ range: Range<Int>, _ base: Double) -> [Double] {
        let (features, count) = (table.columns.count, range.count)
        var sums = [Double](repeating: base, count: count)
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: features * count) { rows in
            for (feature, column) in table.columns.enumerated() {
                var at = feature
                switch column {
                case .numeric(let numbers):
                    for row in range {
                        rows[at] = tableRow(feature, ValueKey.of(numbers[row]))
                        at += features
                    }
                case .levels(let keys):
                    for row in range {
                        rows[at] = keys[row]
                        at += features
                    }
                }
            }
            masks.withUnsafeBufferPointer { masks in
                values.withUnsafeBufferPointer { values in
                    sums.withUnsafeMutableBufferPointer { sums in
                        for group in groups.indices {
                            for row in 0..<count {
                                add(
                                    group, UnsafePointer(rows.baseAddress! + row * features), 1, masks, values,
                                    &sums[row])
                            }
                        }
                    }
                }
            }
        }
        return sums
    }

    /// The row of a feature's table for a key.
    @inline(__always)
    private func tableRow(_ feature: Int, _ key: UInt32) -> UInt32 {
        if key == ValueKey.missingRight { return UInt32(truncatingIfNeeded: missingRow[feature]) }
        let bounds = thresholds[feature]
        if bounds.isEmpty { return min(key, UInt32(truncatingIfNeeded: missingRow[feature])) }
        return bounds.withUnsafeBufferPointer { UInt32(truncatingIfNeeded: position(of: key, in: $0)) }
    }

    /// Adds the values of the leaves that one row reaches in sixteen trees.
    @inline(__always)
    private func add(
        _ index: Int, _ rows: UnsafePointer<UInt32>, _ step: Int, _ masks: UnsafeBufferPointer<Masks>,
        _ values: UnsafeBufferPointer<Float>, _ sum: inout Double
    ) {
        let group = groups[index]
        var open = Masks(repeating: .max)
        for i in 0..<group.features.count {
            open &= masks[Int(group.starts[i]) + Int(rows[Int(group.features[i])])]
        }
        let first = index * LeafTable.lanes
        for lane in 0..<min(LeafTable.lanes, treeCount - first) {
            sum += Double(values[(first + lane) * LeafTable.largestTree + open[lane].trailingZeroBitCount])
        }
    }
}

extension TreeNodes {
    /// Numbers the leaves of a tree from left to right and reports which of them each value of a feature closes: for
    /// numbers, the least one that does.
    ///
    /// - Returns: False if the tree has too many leaves.
    fileprivate func addMasks(
        tree: Int, _ place: [Int], _ thresholds: [[UInt32]], _ missingRow: [Int],
        _ close: (_ row: Int, _ mask: UInt32) -> Void, _ value: (_ leaf: Int, Float) -> Void
    ) -> Bool {
        let first = Int(starts[tree])
        var next = 0
        var fits = true
        /// Returns the leaves below.
        func visit(_ index: Int) -> UInt32 {
            let node = node(first + index)
            guard !node.isLeaf else {
                guard next < LeafTable.largestTree else {
                    fits = false
                    return 0
                }
                defer { next += 1 }
                value(next, node.value)
                return 1 << UInt32(next)
            }
            let left = visit(node.child)
            let right = visit(node.child + 1)
            guard fits else { return 0 }
            let table = place[node.feature]
            if node.testsLevels {
                for key in 0...missingRow[node.feature] {
                    let word = sets[Int(node.payload) + key / 32]
                    if word >> UInt32(key % 32) & 1 == 0 { close(table + key, ~left) }
                }
            } else {
                let bounds = thresholds[node.feature]
                let cut = bounds.withUnsafeBufferPointer { position(of: node.payload, in: $0) }
                // Greater values fail, too: that is made up for all trees together.
                close(table + cut + 1, ~left)
                if !node.missingGoesLeft { close(table + missingRow[node.feature], ~left) }
            }
            return left | right
        }
        _ = visit(0)
        return fits
    }
}
