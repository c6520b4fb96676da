internal import LinearAlgebra

/// The training rows in the leaves of a forest, as ranks in the order of their targets.
struct LeafRows: Sendable {
    /// All training targets in ascending order, and the row of each.
    let targets: StoredArray<Double>
    let rowOfRank: StoredArray<UInt32>
    /// Where the rows of each node start in `rows`, with one end per tree: tree *t*'s node *i* is at
    /// `starts[trees.starts[t] + i + t]`.
    var starts: StoredArray<UInt32>
    var rows: StoredArray<UInt32>

    mutating func append(_ tree: GrownTree) {
        guard !tree.leafStarts.isEmpty else { return }
        let first = UInt32(rows.count)
        starts += tree.leafStarts.map { $0 + first }
        rows += tree.leafRows
        starts.append(UInt32(rows.count))
    }

    /// The distinct ranks behind one row, ascending, with their weights.
    private func weights(
        _ walk: TreeWalk, _ treeStarts: UnsafeBufferPointer<UInt32>, _ slots: UnsafePointer<UInt32>,
        _ entries: inout [(rank: UInt32, weight: Double)], of total: Double
    ) {
        let share = total / Double(treeStarts.count - 1)
        walkTrees(walk, starts: treeStarts, slots: slots) { tree, leaf in
            let at = Int(treeStarts[tree]) + Int(leaf) + tree
            let (from, to) = (Int(starts[at]), Int(starts[at + 1]))
            let weight = share / Double(max(1, to - from))
            for i in from..<to { entries.append((rows[i], weight)) }
        }
    }

    /// The same for one row of a table, which may be a mixture, in ascending order of the targets.
    private func weights(of row: Int, _ table: EncodedTable, _ trees: TreeNodes) -> [(rank: UInt32, weight: Double)] {
        var entries: [(rank: UInt32, weight: Double)] = []
        let parts = table.parts(row)
        var next = 0
        trees.withSlots(table, parts.rows) { walk, starts, slots in
            weights(walk, starts, slots, &entries, of: parts.weights[next])
            next += 1
        }
        entries.sort { $0.rank < $1.rank }
        return entries
    }

    /// A row of quantiles for every row of `table`.
    func quantiles(
        of table: EncodedTable, _ trees: TreeNodes, _ probabilities: [Double], threads: Int
    ) -> Matrix {
        let block = 512
        let count = table.resultCount
        let parts = Parallel.map(count: (count + block - 1) / block, threads: threads) { index in
            blockQuantiles(table, trees, (index * block)..<min(count, (index + 1) * block), probabilities)
        }
        var matrix = Matrix(rows: count, columns: probabilities.count)
        for (index, part) in parts.enumerated() {
            for (i, value) in part.enumerated() {
                let (row, column) = (index * block + i / probabilities.count, i % probabilities.count)
                matrix.values[row + column * count] = value
            }
        }
        return matrix
    }

    private func blockQuantiles(
        _ table: EncodedTable, _ trees: TreeNodes, _ range: Range<Int>, _ probabilities: [Double]
    ) -> [Double] {
        let encoded = table.parts(range.lowerBound).rows.lowerBound..<table.parts(range.upperBound - 1).rows.upperBound
        let leaves = trees.leaves(of: table, encoded)
        var (result, queue) = ([Double](), WeightedRanks())
        result.reserveCapacity(range.count * probabilities.count)
        starts.withUnsafeBufferPointer { starts in
            rows.withUnsafeBufferPointer { rows in
                targets.withUnsafeBufferPointer { targets in
                    for row in range {
                        queue.removeAll()
                        let parts = table.parts(row)
                        for (part, total) in zip(parts.rows, parts.weights) {
                            let share = total / Double(trees.treeCount)
                            for tree in 0..<trees.treeCount {
                                let leaf = leaves[tree * encoded.count + part - encoded.lowerBound]
                                let at = Int(trees.starts[tree]) + Int(leaf) + tree
                                queue.append(rows[Int(starts[at])..<Int(starts[at + 1])], weight: share)
                            }
                        }
                        queue.distribute()
                        for p in probabilities {
                            result.append(queue.rank(reaching: p).map { targets[Int($0)] } ?? .nan)
                        }
                    }
                }
            }
        }
        return result
    }

    /// The smallest target whose cumulative weight reaches `p`.
    private func quantile(_ entries: [(rank: UInt32, weight: Double)], _ p: Double) -> Double {
        var cumulative = 0.0
        for entry in entries {
            cumulative += entry.weight
            if cumulative >= p - 1e-9 { return targets[Int(entry.rank)] }
        }
        return entries.last.map { targets[Int($0.rank)] } ?? .nan
    }

    /// Quantiles for the training rows by the trees that did not draw them; empty where all did.
    func outOfBagQuantiles(
        of table: EncodedTable, _ trees: TreeNodes, drawn: [[Bool]], _ probabilities: [Double]
    ) -> [[Double]] {
        (0..<table.resultCount).map { row in
            var entries: [(rank: UInt32, weight: Double)] = []
            var used = 0
            trees.withSlots(table, table.parts(row).rows) { walk, starts, slots in
                walkTrees(walk, starts: starts, slots: slots) { tree, leaf in
                    guard !drawn[tree][row] else { return }
                    used += 1
                    let at = Int(starts[tree]) + Int(leaf) + tree
                    let range = Int(self.starts[at])..<Int(self.starts[at + 1])
                    // The row lies in the leaf itself, but must not speak for itself.
                    let others = range.count { Int(rowOfRank[Int(rows[$0])]) != row }
                    for i in range where Int(rowOfRank[Int(rows[i])]) != row {
                        entries.append((rows[i], 1 / Double(others)))
                    }
                }
            }
            guard used > 0, !entries.isEmpty else { return [] }
            entries.sort { $0.rank < $1.rank }
            let total = entries.reduce(0) { $0 + $1.weight }
            return probabilities.map { quantile(entries.map { ($0.rank, $0.weight / total) }, $0) }
        }
    }

    func support(of table: EncodedTable, row: Int, _ trees: TreeNodes) -> ForestSupport {
        let entries = weights(of: row, table, trees)
        var merged: [(row: Int, weight: Double)] = []
        for entry in entries {
            let row = Int(rowOfRank[Int(entry.rank)])
            if merged.last?.row == row {
                merged[merged.count - 1].weight += entry.weight
            } else {
                merged.append((row, entry.weight))
            }
        }
        merged.sort { ($1.weight, $0.row) < ($0.weight, $1.row) }
        return ForestSupport(rows: merged.map(\.row), weights: merged.map(\.weight))
    }
}

/// Ranks with weights, of which a few quantiles are wanted: put into buckets by rank, and only the buckets in which a
/// quantile lies are sorted. O(*n*).
private struct WeightedRanks {
    private struct Entry {
        var rank: UInt32
        var weight: Double
    }
    private static let buckets = 64
    private var entries: [Entry] = []
    private var placed: [Entry] = []
    private var (lowest, highest) = (UInt32.max, UInt32.min)
    /// Of each bucket: where it ends, and the weight up to there.
    private var ends = [Int](repeating: 0, count: buckets)
    private var reached = [Double](repeating: 0, count: buckets)

    mutating func removeAll() {
        entries.removeAll(keepingCapacity: true)
        (lowest, highest) = (.max, .min)
    }

    /// Adds ascending ranks that share `weight` equally.
    @inline(__always)
    mutating func append(_ ranks: Slice<UnsafeBufferPointer<UInt32>>, weight: Double) {
        guard let first = ranks.first, let last = ranks.last else { return }
        (lowest, highest) = (min(lowest, first), max(highest, last))
        let share = weight / Double(ranks.count)
        for rank in ranks { entries.append(Entry(rank: rank, weight: share)) }
    }

    mutating func distribute() {
        guard let any = entries.first else { return }
        if placed.count < entries.count { placed = [Entry](repeating: any, count: 2 * entries.count) }
        let (lowest, shift) = (lowest, shift)
        ends.withUnsafeMutableBufferPointer { ends in
            reached.withUnsafeMutableBufferPointer { reached in
                ends.update(repeating: 0)
                reached.update(repeating: 0)
                for entry in entries {
                    let bucket = Int((entry.rank &- lowest) &>> shift)
                    ends[bucket] &+= 1
                    reached[bucket] += entry.weight
                }
                var (end, weight) = (0, 0.0)
                for bucket in 0..<WeightedRanks.buckets {
                    let size = ends[bucket]
                    ends[bucket] = end
                    end &+= size
                    weight += reached[bucket]
                    reached[bucket] = weight
                }
                placed.withUnsafeMutableBufferPointer { placed in
                    for entry in entries {
                        let bucket = Int((entry.rank &- lowest) &>> shift)
                        placed[ends[bucket]] = entry
                        ends[bucket] &+= 1
                    }
                }
            }
        }
    }

    /// The smallest rank whose cumulative weight reaches `p`.
    mutating func rank(reaching p: Double) -> UInt32? {
        guard !entries.isEmpty else { return nil }
        let bucket = reached.firstIndex { $0 >= p - 1e-9 } ?? Int((highest &- lowest) &>> shift)
        let (start, end) = (bucket == 0 ? 0 : ends[bucket - 1], ends[bucket])
        var cumulative = bucket == 0 ? 0 : reached[bucket - 1]
        return placed.withUnsafeMutableBufferPointer { placed in
            for i in (start + 1)..<max(start + 1, end) {
                let entry = placed[i]
                var j = i
                while j > start, placed[j - 1].rank > entry.rank {
                    placed[j] = placed[j - 1]
                    j -= 1
                }
                placed[j] = entry
            }
            for i in start..<end {
                cumulative += placed[i].weight
                if cumulative >= p - 1e-9 { return placed[i].rank }
            }
            return end > start ? placed[end - 1].rank : highest
        }
    }

    /// The bits of a rank's distance to the lowest that do not matter to its bucket.
    private var shift: UInt32 {
        UInt32(
            max(
                0,
                UInt32.bitWidth - (highest &- lowest).leadingZeroBitCount - WeightedRanks.buckets.trailingZeroBitCount))
    }
}

extension TreeNodes {
    /// The leaf that each of `rows` reaches in every tree, tree after tree.
    fileprivate func leaves(of table: EncodedTable, _ rows: Range<Int>) -> [UInt32] {
        let width = table.slotCount
        return [UInt32](unsafeUninitializedCapacity: treeCount * rows.count) { leaves, count in
            withUnsafeTemporaryAllocation(of: UInt32.self, capacity: width * max(1, rows.count)) { slots in
                guard let slots = slots.baseAddress else { return }
                table.fill(slots, rows)
                withWalk { walk, starts in
                    for tree in 0..<treeCount {
                        walkRows(
                            walk, tree: walk.nodes + Int(starts[tree]), slots: slots, width: width, count: rows.count,
                            levels: hasLevels
                        ) { row, leaf in leaves[tree * rows.count + row] = leaf }
                    }
                }
            }
            count = treeCount * rows.count
        }
    }

    /// Calls `body` with the slots of each of `rows`.
    func withSlots(
        _ table: EncodedTable, _ rows: Range<Int>,
        _ body: (TreeWalk, UnsafeBufferPointer<UInt32>, UnsafePointer<UInt32>) -> Void
    ) {
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: table.slotCount * max(1, rows.count)) { slots in
            guard let slots = slots.baseAddress else { return }
            table.fill(slots, rows)
            withWalk { walk, starts in
                for row in 0..<rows.count { body(walk, starts, slots + row * table.slotCount) }
            }
        }
    }
}
