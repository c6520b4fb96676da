internal import LinearAlgebra

extension TreeNodes {
    /// How many rows one thread takes at a time, at most: each block reads all trees anew, so it is worth being large.
    private static let blockRows = 4096

    /// `base` plus all trees' values for every row of a table, added in the order of the trees.
    func sums(of table: EncodedTable, from base: Double, threads: Int) -> [Double] {
        let rowCount = table.rowCount
        let perThread = (rowCount + threads * TreeNodes.blockRows - 1) / (threads * TreeNodes.blockRows)
        let blocks = rowCount < 256 ? 1 : max(1, threads * perThread)
        let parts = Parallel.map(count: blocks, threads: threads) { block -> [Double] in
            blockSums(table, (rowCount * block / blocks)..<(rowCount * (block + 1) / blocks), base)
        }
        return table.combined(Array(parts.joined()))
    }

    private func blockSums(_ table: EncodedTable, _ rows: Range<Int>, _ base: Double) -> [Double] {
        let width = table.slotCount
        var sums = [Double](repeating: base, count: rows.count)
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: width * rows.count) { slots in
            guard let slots = slots.baseAddress else { return }
            table.fill(slots, rows)
            withWalk { walk, starts in
                sums.withUnsafeMutableBufferPointer { sums in
                    for tree in 0..<treeCount {
                        let nodes = walk.nodes + Int(starts[tree])
                        walkRows(
                            walk, tree: nodes, slots: slots, width: width, count: rows.count, levels: hasLevels
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
