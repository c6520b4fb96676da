internal import CPrefetch
internal import LinearAlgebra

/// The base addresses and constants of one walk through trees.
struct TreeWalk {
    let nodes: UnsafePointer<UInt64>
    let sets: UnsafePointer<UInt32>
    let childBits: UInt32
    let childMask: UInt32
    let hasLevels: Bool

    /// The slot that a node tests; 0 for a leaf.
    @inline(__always)
    func slot(_ node: UInt64) -> Int { Int((UInt32(truncatingIfNeeded: node) & 0x7FFF_FFFF) &>> childBits) }

    /// The next node for a row with `key` in the slot that `node` tests, where no node tests levels.
    @inline(__always)
    func numericStep(_ node: UInt64, _ key: UInt32) -> UInt32 {
        let link = UInt32(truncatingIfNeeded: node)
        return (link & childMask) &+ (key > UInt32(truncatingIfNeeded: node >> 32) ? 1 : 0)
    }

    /// Where the word of a node's set lies in which the level `key` is a bit; 0 if it tests no levels.
    @inline(__always)
    func word(_ node: UInt64, _ key: UInt32) -> Int {
        let isLevel = UInt32(bitPattern: Int32(truncatingIfNeeded: node) >> 31)
        return Int((UInt32(truncatingIfNeeded: node >> 32) &+ key >> 5) & isLevel)
    }

    /// The same where nodes may test levels. No branches: which kind of node comes next cannot be foretold.
    @inline(__always)
    func step(_ node: UInt64, _ key: UInt32) -> UInt32 {
        let (link, payload) = (UInt32(truncatingIfNeeded: node), UInt32(truncatingIfNeeded: node >> 32))
        let isLevel = UInt32(bitPattern: Int32(bitPattern: link) >> 31)
        let word = sets[word(node, key)]
        let outside = ~(word &>> key) & isLevel
        let above = (key > payload ? 1 : 0) & ~isLevel
        return (link & childMask) &+ ((outside | above) & 1)
    }
}

/// Calls `visit(tree, leaf)` for the leaf of one row in every tree, in order. Trees take one step after the other, and
/// what each needs for its next is fetched meanwhile.
@inline(__always)
func walkTrees(
    _ walk: TreeWalk, starts: UnsafeBufferPointer<UInt32>, slots: UnsafePointer<UInt32>,
    _ visit: (Int, UInt32) -> Void
) {
    let together = 64
    let trees = starts.count - 1
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 2 * together) { places in
        guard let nodes = places.baseAddress else { return }
        // The trees that have not come to a leaf.
        let open = nodes + together
        for first in stride(from: 0, to: trees, by: together) {
            let count = min(together, trees - first)
            @inline(__always) func descend(_ hasLevels: Bool, _ step: (UInt64, UInt32) -> UInt32) {
                for i in 0..<count { (nodes[i], open[i]) = (0, UInt32(truncatingIfNeeded: i)) }
                var left = count
                while left > 0 {
                    if hasLevels {
                        for i in 0..<left {
                            let place = Int(open[i])
                            let bits = walk.nodes[Int(starts[first &+ place] &+ nodes[place])]
                            prefetch(walk.sets + walk.word(bits, slots[walk.slot(bits)]))
                        }
                    }
                    var kept = 0
                    for i in 0..<left {
                        let place = Int(open[i])
                        let tree = walk.nodes + Int(starts[first &+ place])
                        let bits = tree[Int(nodes[place])]
                        let slot = walk.slot(bits)
                        let next = step(bits, slots[slot])
                        prefetch(tree + Int(next))
                        nodes[place] = next
                        open[kept] = UInt32(truncatingIfNeeded: place)
                        kept &+= slot == 0 ? 0 : 1
                    }
                    left = kept
                }
            }
            if walk.hasLevels { descend(true, walk.step) } else { descend(false, walk.numericStep) }
            for i in 0..<count { visit(first + i, nodes[i]) }
        }
    }
}

/// The size of blocks of rows such that all threads have as many, at most so large.
func blockSize(rows: Int, atMost most: Int, threads: Int) -> Int {
    let each = max(1, (rows + threads - 1) / max(1, threads))
    let blocks = (each + most - 1) / max(1, most)
    return (each + blocks - 1) / blocks
}

extension TreeNodes {
    var hasLevels: Bool { sets.count > 1 }

    /// The rows of a table, of those that a result stands for, in an order in which neighbours are alike: by the leaf
    /// of the first tree. In that order most of what a row needs of the other trees is still in the cache.
    func similarityOrder(
        of table: EncodedTable, _ first: @Sendable (Int) -> Int, count: Int, threads: Int
    ) -> [UInt32] {
        // Few rows have few neighbours.
        guard count >= 2048, treeCount > 1 else { return (0..<count).map { UInt32(truncatingIfNeeded: $0) } }
        let packed = packed(table.layout)
        let size = 2048
        let leaves = Parallel.map(count: (count + size - 1) / size, threads: threads) { block -> [UInt32] in
            let rows = (block * size..<min(count, (block + 1) * size)).map { UInt32(truncatingIfNeeded: first($0)) }
            var leaves = [UInt32](repeating: 0, count: rows.count)
            table.withTiles(rows[...]) { tiles in
                packed.forEachLeaf(trees: 0..<1, tiles) { _, row, leaf, _ in
                    leaves[row] = UInt32(truncatingIfNeeded: leaf)
                }
            }
            return leaves
        }
        var next = [UInt32](repeating: 0, count: Int(starts[1]) + 1)
        for block in leaves { for leaf in block { next[Int(leaf) + 1] += 1 } }
        for leaf in 1..<next.count { next[leaf] += next[leaf - 1] }
        var order = [UInt32](repeating: 0, count: count)
        var row: UInt32 = 0
        for block in leaves {
            for leaf in block {
                order[Int(next[Int(leaf)])] = row
                next[Int(leaf)] += 1
                row += 1
            }
        }
        return order
    }

    /// Calls `body` with the addresses of the nodes. They are valid during the call only.
    ///
    /// In a damaged file every tree is one leaf whose value is NaN.
    @inline(__always)
    func withWalk<Result>(_ body: (TreeWalk, UnsafeBufferPointer<UInt32>) -> Result) -> Result {
        guard check?.isSound ?? true else {
            var damaged = TreeNodes(featureCount: 1)
            damaged.nodes = StoredArray([TreeNode.leaf(.nan, at: 0)])
            damaged.starts = starts.map { _ in 0 }
            return damaged.withWalk(body)
        }
        return nodes.withUnsafeBufferPointer { nodes in
            sets.withUnsafeBufferPointer { sets in
                starts.withUnsafeBufferPointer { starts in
                    guard let base = nodes.baseAddress, let words = sets.baseAddress else {
                        preconditionFailure("a model has at least one tree")
                    }
                    let walk = TreeWalk(
                        nodes: base, sets: words, childBits: childBits, childMask: 1 << childBits - 1,
                        hasLevels: hasLevels)
                    return body(walk, starts)
                }
            }
        }
    }
}
