internal import CPrefetch

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

    /// The same where nodes may test levels. No branches: which kind of node comes next cannot be foretold.
    @inline(__always)
    func step(_ node: UInt64, _ key: UInt32) -> UInt32 {
        let (link, payload) = (UInt32(truncatingIfNeeded: node), UInt32(truncatingIfNeeded: node >> 32))
        let isLevel = UInt32(bitPattern: Int32(bitPattern: link) >> 31)
        let word = sets[Int((payload &+ key >> 5) & isLevel)]
        let outside = ~(word &>> key) & isLevel
        let above = (key > payload ? 1 : 0) & ~isLevel
        return (link & childMask) &+ ((outside | above) & 1)
    }
}

/// Eight walks from the root to a leaf, step by step together, so that their memory accesses overlap.
@inline(__always)
private func walkEight(_ step: (_ lane: Int, _ node: UInt32) -> UInt32) -> SIMD8<UInt32> {
    var (a, b, c, d, e, f, g, h): (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32)
    (a, b, c, d, e, f, g, h) = (0, 0, 0, 0, 0, 0, 0, 0)
    var moved: UInt32
    repeat {
        let (p, q, r, s, t, u, v, w) = (
            step(0, a), step(1, b), step(2, c), step(3, d), step(4, e), step(5, f), step(6, g), step(7, h)
        )
        moved = (p ^ a) | (q ^ b) | (r ^ c) | (s ^ d) | (t ^ e) | (u ^ f) | (v ^ g) | (w ^ h)
        (a, b, c, d, e, f, g, h) = (p, q, r, s, t, u, v, w)
    } while moved != 0
    return SIMD8(a, b, c, d, e, f, g, h)
}

/// Calls `visit(row, leaf)` for the leaf of each of `count` rows in one tree, in order. `tiles` holds their slots as
/// ``EncodedTable/fillTiles(_:_:)`` leaves them, `width` slots to a row.
@inline(__always)
func walkRows(
    _ walk: TreeWalk, tree: UnsafePointer<UInt64>, tiles: UnsafePointer<UInt32>, width: Int, count: Int,
    _ visit: (Int, UInt32) -> Void
) {
    for first in stride(from: 0, to: count, by: 8) {
        let tile = tiles + first * width
        @inline(__always) func key(_ lane: Int, _ bits: UInt64) -> UInt32 { tile[8 &* walk.slot(bits) &+ lane] }
        let leaves =
            walk.hasLevels
            ? walkEight { lane, node in walk.step(tree[Int(node)], key(lane, tree[Int(node)])) }
            : walkEight { lane, node in walk.numericStep(tree[Int(node)], key(lane, tree[Int(node)])) }
        if first + 8 <= count {
            for lane in 0..<8 { visit(first + lane, leaves[lane]) }
        } else {
            for row in first..<count { visit(row, leaves[row - first]) }
        }
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
            @inline(__always) func descend(_ step: (UInt64, UInt32) -> UInt32) {
                for i in 0..<count { (nodes[i], open[i]) = (0, UInt32(truncatingIfNeeded: i)) }
                var left = count
                while left > 0 {
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
            if walk.hasLevels { descend(walk.step) } else { descend(walk.numericStep) }
            for i in 0..<count { visit(first + i, nodes[i]) }
        }
    }
}

extension TreeNodes {
    var hasLevels: Bool { sets.count > 1 }

    /// The rows of a table, of those that a result stands for, in an order in which neighbours are alike: by the leaf
    /// of the first tree. In that order most of what a row needs of the other trees is still in the cache.
    func similarityOrder(of table: EncodedTable, _ first: (Int) -> Int, count: Int) -> [UInt32] {
        // Few rows have few neighbours.
        guard count >= 2048, treeCount > 1 else { return (0..<count).map { UInt32(truncatingIfNeeded: $0) } }
        var leaves = [UInt32](repeating: 0, count: count)
        let rows = (0..<count).map { UInt32(truncatingIfNeeded: first($0)) }
        withWalk { walk, starts in
            withTiles(table, rows[...]) { tiles in
                walkRows(
                    walk, tree: walk.nodes, tiles: tiles, width: table.slotCount, count: count
                ) { row, leaf in leaves[row] = leaf }
            }
        }
        var next = [UInt32](repeating: 0, count: Int(leaves.max() ?? 0) + 2)
        for leaf in leaves { next[Int(leaf) + 1] += 1 }
        for leaf in 1..<next.count { next[leaf] += next[leaf - 1] }
        var order = [UInt32](repeating: 0, count: count)
        for row in 0..<count {
            let leaf = Int(leaves[row])
            order[Int(next[leaf])] = UInt32(truncatingIfNeeded: row)
            next[leaf] += 1
        }
        return order
    }

    /// Calls `body` with the slots of `rows` in tiles.
    func withTiles(_ table: EncodedTable, _ rows: ArraySlice<UInt32>, _ body: (UnsafePointer<UInt32>) -> Void) {
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: table.slotCount * (rows.count + 7)) { tiles in
            guard let tiles = tiles.baseAddress, !rows.isEmpty else { return }
            table.fillTiles(tiles, rows)
            body(tiles)
        }
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
