/// The base addresses and constants of one walk through trees.
struct TreeWalk {
    let nodes: UnsafePointer<UInt64>
    let sets: UnsafePointer<UInt32>
    let childBits: UInt32
    let childMask: UInt32

    /// The next node: the same one at a leaf.
    @inline(__always)
    func step(_ base: UnsafePointer<UInt64>, _ node: UInt32, _ slots: UnsafePointer<UInt32>) -> UInt32 {
        let bits = base[Int(node)]
        let link = UInt32(truncatingIfNeeded: bits)
        let key = slots[Int(link >> childBits)]
        return (link & childMask) &+ (key > UInt32(truncatingIfNeeded: bits >> 32) ? 1 : 0)
    }

    /// The same where nodes may test levels.
    @inline(__always)
    func levelStep(_ base: UnsafePointer<UInt64>, _ node: UInt32, _ slots: UnsafePointer<UInt32>) -> UInt32 {
        let bits = base[Int(node)]
        let (link, payload) = (UInt32(truncatingIfNeeded: bits), UInt32(truncatingIfNeeded: bits >> 32))
        let key = slots[Int((link & 0x7FFF_FFFF) >> childBits)]
        let isLevel = link >> 31 != 0
        let word = sets[Int(isLevel ? payload &+ key >> 5 : 0)]
        let outside = word >> (key & 31) & 1 ^ 1
        return (link & childMask) &+ (isLevel ? outside : (key > payload ? 1 : 0))
    }

    /// The leaf that one row reaches in one tree.
    @inline(__always)
    func leaf(_ base: UnsafePointer<UInt64>, _ slots: UnsafePointer<UInt32>) -> UInt32 {
        var node: UInt32 = 0
        while true {
            let next = levelStep(base, node, slots)
            if next == node { return node }
            node = next
        }
    }
}

/// Calls `visit(row, leaf)` for the leaf of each of `count` rows in one tree, eight rows at a time so that their
/// memory accesses overlap.
@inline(__always)
func walkRows(
    _ walk: TreeWalk, tree: UnsafePointer<UInt64>, slots: UnsafePointer<UInt32>, width: Int, count: Int,
    levels: Bool, _ visit: (Int, UInt32) -> Void
) {
    var row = 0
    while row + 8 <= count {
        let s0 = slots + row * width
        let (s1, s2, s3) = (s0 + width, s0 + 2 * width, s0 + 3 * width)
        let (s4, s5, s6, s7) = (s0 + 4 * width, s0 + 5 * width, s0 + 6 * width, s0 + 7 * width)
        var (a, b, c, d, e, f, g, h): (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32)
        (a, b, c, d, e, f, g, h) = (0, 0, 0, 0, 0, 0, 0, 0)
        var moved: UInt32
        if levels {
            repeat {
                let (p, q, r, s, t, u, v, w) = (
                    walk.levelStep(tree, a, s0), walk.levelStep(tree, b, s1), walk.levelStep(tree, c, s2),
                    walk.levelStep(tree, d, s3), walk.levelStep(tree, e, s4), walk.levelStep(tree, f, s5),
                    walk.levelStep(tree, g, s6), walk.levelStep(tree, h, s7)
                )
                moved = (p ^ a) | (q ^ b) | (r ^ c) | (s ^ d) | (t ^ e) | (u ^ f) | (v ^ g) | (w ^ h)
                (a, b, c, d, e, f, g, h) = (p, q, r, s, t, u, v, w)
            } while moved != 0
        } else {
            repeat {
                let (p, q, r, s, t, u, v, w) = (
                    walk.step(tree, a, s0), walk.step(tree, b, s1), walk.step(tree, c, s2), walk.step(tree, d, s3),
                    walk.step(tree, e, s4), walk.step(tree, f, s5), walk.step(tree, g, s6), walk.step(tree, h, s7)
                )
                moved = (p ^ a) | (q ^ b) | (r ^ c) | (s ^ d) | (t ^ e) | (u ^ f) | (v ^ g) | (w ^ h)
                (a, b, c, d, e, f, g, h) = (p, q, r, s, t, u, v, w)
            } while moved != 0
        }
        visit(row, a)
        visit(row + 1, b)
        visit(row + 2, c)
        visit(row + 3, d)
        visit(row + 4, e)
        visit(row + 5, f)
        visit(row + 6, g)
        visit(row + 7, h)
        row += 8
    }
    while row < count {
        visit(row, walk.leaf(tree, slots + row * width))
        row += 1
    }
}

/// Calls `visit(tree, leaf)` for the leaf of one row in every tree, eight trees at a time, in order.
@inline(__always)
func walkTrees(
    _ walk: TreeWalk, starts: UnsafeBufferPointer<UInt32>, slots: UnsafePointer<UInt32>,
    _ visit: (Int, UInt32) -> Void
) {
    let trees = starts.count - 1
    var tree = 0
    while tree + 8 <= trees {
        let b0 = walk.nodes + Int(starts[tree])
        let (b1, b2, b3) = (
            walk.nodes + Int(starts[tree + 1]), walk.nodes + Int(starts[tree + 2]), walk.nodes + Int(starts[tree + 3])
        )
        let (b4, b5, b6, b7) = (
            walk.nodes + Int(starts[tree + 4]), walk.nodes + Int(starts[tree + 5]), walk.nodes + Int(starts[tree + 6]),
            walk.nodes + Int(starts[tree + 7])
        )
        var (a, b, c, d, e, f, g, h): (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32)
        (a, b, c, d, e, f, g, h) = (0, 0, 0, 0, 0, 0, 0, 0)
        var moved: UInt32
        repeat {
            let (p, q, r, s, t, u, v, w) = (
                walk.levelStep(b0, a, slots), walk.levelStep(b1, b, slots), walk.levelStep(b2, c, slots),
                walk.levelStep(b3, d, slots), walk.levelStep(b4, e, slots), walk.levelStep(b5, f, slots),
                walk.levelStep(b6, g, slots), walk.levelStep(b7, h, slots)
            )
            moved = (p ^ a) | (q ^ b) | (r ^ c) | (s ^ d) | (t ^ e) | (u ^ f) | (v ^ g) | (w ^ h)
            (a, b, c, d, e, f, g, h) = (p, q, r, s, t, u, v, w)
        } while moved != 0
        visit(tree, a)
        visit(tree + 1, b)
        visit(tree + 2, c)
        visit(tree + 3, d)
        visit(tree + 4, e)
        visit(tree + 5, f)
        visit(tree + 6, g)
        visit(tree + 7, h)
        tree += 8
    }
    while tree < trees {
        visit(tree, walk.leaf(walk.nodes + Int(starts[tree]), slots))
        tree += 1
    }
}

extension TreeNodes {
    var hasLevels: Bool { sets.count > 1 }

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
                        nodes: base, sets: words, childBits: childBits, childMask: 1 << childBits - 1)
                    return body(walk, starts)
                }
            }
        }
    }
}
