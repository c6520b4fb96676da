internal import LinearAlgebra

extension TreeNodes {
    /// `base` plus all trees' values for every row of a table, added in the order of the trees.
    func sums(of table: EncodedTable, from base: Double, threads: Int) -> [Double] {
        guard table.rowCount >= TreeNodes.batchRows else { return table.combined(fewSums(table, base)) }
        let packed = packed(table.layout)
        // Each block reads all trees anew, so it is worth being large.
        let size = max(
            512, blockSize(rows: table.rowCount, atMost: min(16384, (1 << 21) / table.layout.width), threads: threads))
        let order = similarityOrder(of: table, { $0 }, count: table.rowCount, threads: threads)
        let parts = Parallel.map(count: (order.count + size - 1) / size, threads: threads) { block -> [Double] in
            let rows = order[(block * size)..<min(order.count, (block + 1) * size)]
            var sums = [Double](repeating: base, count: rows.count)
            table.withTiles(rows) { tiles in
                sums.withUnsafeMutableBufferPointer { sums in
                    packed.forEachLeaf(trees: 0..<treeCount, tiles) { _, row, _, value in
                        sums[row] += Double(Float(bitPattern: value))
                    }
                }
            }
            return sums
        }
        var sums = [Double](repeating: 0, count: order.count)
        for (block, part) in parts.enumerated() {
            for (i, sum) in part.enumerated() { sums[Int(order[block * size + i])] = sum }
        }
        return table.combined(sums)
    }

    /// Fewer rows than these are not worth packing trees for.
    private static let batchRows = 32

    private func fewSums(_ table: EncodedTable, _ base: Double) -> [Double] {
        var sums: [Double] = []
        withSlots(table, 0..<table.rowCount) { walk, starts, slots in
            sums.append(sum(walk, starts, slots, from: base))
        }
        return sums
    }

    @inline(__always)
    private func sum(
        _ walk: TreeWalk, _ starts: UnsafeBufferPointer<UInt32>, _ slots: UnsafePointer<UInt32>, from base: Double
    ) -> Double {
        var sum = base
        walkTrees(walk, starts: starts, slots: slots) { tree, leaf in
            let bits = walk.nodes[Int(starts[tree] &+ leaf)]
            sum += Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits >> 32)))
        }
        return sum
    }

    /// `base` plus all trees' values for one row of plain numbers.
    func sum(of row: UnsafeBufferPointer<Double>, _ encoder: RowEncoder, from base: Double) -> Double {
        precondition(row.count == encoder.features.count, "one number per feature")
        return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: encoder.slotCount) { slots in
            guard let slots = slots.baseAddress else { return 0 }
            encoder.fill(slots, row)
            return withWalk { walk, starts in sum(walk, starts, slots, from: base) }
        }
    }
}
