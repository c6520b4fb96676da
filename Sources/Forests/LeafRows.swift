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

extension TreeNodes {
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
