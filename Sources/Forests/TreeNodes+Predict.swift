internal import LinearAlgebra

extension TreeNodes {
    /// `base` plus all trees' values for every row of a table, added in the order of the trees.
    func sums(of table: EncodedTable, from base: Double, threads: Int) -> [Double] {
        // Each block reads all trees anew, so it is worth being large.
        let size = max(512, min(8192, (table.rowCount + threads - 1) / threads))
        let order = similarityOrder(of: table, { $0 }, count: table.rowCount)
        let parts = Parallel.map(count: (order.count + size - 1) / size, threads: threads) { block -> [Double] in
            blockSums(table, order[(block * size)..<min(order.count, (block + 1) * size)], base)
        }
        var sums = [Double](repeating: 0, count: order.count)
        for (row, sum) in zip(order, parts.joined()) { sums[Int(row)] = sum }
        return table.combined(sums)
    }

    private func blockSums(_ table: EncodedTable, _ rows: ArraySlice<UInt32>, _ base: Double) -> [Double] {
        var sums = [Double](repeating: base, count: rows.count)
        withTiles(table, rows) { tiles in
            withWalk { walk, starts in
                sums.withUnsafeMutableBufferPointer { sums in
                    for tree in 0..<treeCount {
                        let nodes = walk.nodes + Int(starts[tree])
                        walkRows(
                            walk, tree: nodes, tiles: tiles, width: table.slotCount, count: rows.count
                        ) { row, leaf in
                            sums[row] += Double(Float(bitPattern: UInt32(truncatingIfNeeded: nodes[Int(leaf)] >> 32)))
                        }
                    }
                }
            }
        }
        return sums
    }

    /// `base` plus all trees' values for one row of plain numbers.
    func sum(of row: UnsafeBufferPointer<Double>, _ encoder: RowEncoder, from base: Double) -> Double {
        precondition(row.count == encoder.features.count, "one number per feature")
        return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: encoder.slotCount) { slots in
            guard let slots = slots.baseAddress else { return 0 }
            encoder.fill(slots, row)
            return withWalk { walk, starts in
                var sum = base
                walkTrees(walk, starts: starts, slots: slots) { tree, leaf in
                    let bits = walk.nodes[Int(starts[tree] &+ leaf)]
                    sum += Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits >> 32)))
                }
                return sum
            }
        }
    }
}
