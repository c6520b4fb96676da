internal import Synchronization

/// Trees as batches of rows walk through them: with few instructions a step, since those and not memory are the limit.
///
/// Eight rows side by side are a tile (``TileLayout``). Every node holds where the eight keys that it tests begin in
/// the tile: 0 in a leaf, whose key is 0 and whose child is itself, and a negative place for levels. Its payload is the
/// key of its threshold, the bits of its value, or the first word of its set of levels with the highest bit added,
/// which is more than the key of any level. Sets are those of the levels that go right.
final class PackedTrees: Sendable {
    /// Two sizes of node: most forests fit in the first.
    private enum Nodes: Sendable {
        case small([PackedNode<Int16>])
        case large([PackedNode<Int32>])
    }
    private let nodes: Nodes
    private let starts: [UInt32]
    private let sets: [UInt32]

    init(_ trees: TreeNodes, _ layout: TileLayout) {
        starts = trees.starts
        sets = trees.sets.withUnsafeBufferPointer { sets in [0] + sets.dropFirst().map { ~$0 } }
        let largestTree = zip(starts, starts.dropFirst()).reduce(0) { max($0, $1.1 - $1.0) }
        nodes =
            largestTree <= 1 << 16 && 8 * layout.width <= Int(Int16.max)
            ? .small(trees.packed(layout)) : .large(trees.packed(layout))
    }

    /// Calls `visit` for the leaf that each of `count` rows reaches in each of `trees`: the tree, the row, the leaf
    /// and the bits of its value. The rows are in order within a tree, and the trees are in order.
    @inline(__always)
    func forEachLeaf(
        trees: Range<Int>, _ tiles: RowTiles, _ visit: (_ tree: Int, _ row: Int, _ leaf: Int, _ value: UInt32) -> Void
    ) {
        switch nodes {
        case .small(let nodes): walk(nodes, trees, tiles, visit)
        case .large(let nodes): walk(nodes, trees, tiles, visit)
        }
    }

    @inline(__always)
    private func walk<Link>(
        _ nodes: [PackedNode<Link>], _ trees: Range<Int>, _ tiles: RowTiles, _ visit: (Int, Int, Int, UInt32) -> Void
    ) {
        nodes.withUnsafeBufferPointer { nodes in
            sets.withUnsafeBufferPointer { sets in
                guard let root = nodes.baseAddress, let firstSet = sets.baseAddress else { return }
                for tree in trees {
                    let walk = PackedWalk(nodes: root + Int(starts[tree]), sets: firstSet)
                    if sets.count > 1 {
                        walk.forEachLeaf(tiles, { walk.step($0, $1) }, { visit(tree, $0, $1, $2) })
                    } else {
                        walk.forEachLeaf(tiles, { walk.numericStep($0, $1) }, { visit(tree, $0, $1, $2) })
                    }
                }
            }
        }
    }
}

/// A node of ``PackedTrees``. The right child follows the left one.
struct PackedNode<Link: FixedWidthInteger & SignedInteger & Sendable>: Sendable where Link.Magnitude: Sendable {
    var payload: UInt32
    var slot: Link
    var child: Link.Magnitude
}

/// A walk through one tree.
private struct PackedWalk<Link: FixedWidthInteger & SignedInteger & Sendable> where Link.Magnitude: Sendable {
    let nodes: UnsafePointer<PackedNode<Link>>
    let sets: UnsafePointer<UInt32>

    /// The next node, and the slot that this one tests, where no node tests levels.
    @inline(__always)
    func numericStep(_ node: UInt32, _ lane: UnsafePointer<UInt32>) -> (next: UInt32, slot: Int) {
        let node = nodes + Int(node)
        let slot = Int(truncatingIfNeeded: node.pointee.slot)
        let right: UInt32 = node.pointee.payload < lane[slot] ? 1 : 0
        return (UInt32(truncatingIfNeeded: node.pointee.child) &+ right, slot)
    }

    /// The same where nodes may test levels. No branches: which kind of node comes next cannot be foretold.
    @inline(__always)
    func step(_ node: UInt32, _ lane: UnsafePointer<UInt32>) -> (next: UInt32, slot: Int) {
        let (next, slot) = numericStep(node, lane)
        let (key, payload) = (lane[slot], nodes[Int(node)].payload)
        // The first word has no bits.
        let isLevel = UInt32(truncatingIfNeeded: slot &>> 63) &>> 1
        let word = sets[Int((payload &+ key &>> 5) & isLevel)]
        return (next &+ (word &>> key & 1), slot)
    }

    /// Eight rows at a time, step by step together, so that their memory accesses overlap.
    @inline(__always)
    func forEachLeaf(
        _ tiles: RowTiles, _ step: (UInt32, UnsafePointer<UInt32>) -> (next: UInt32, slot: Int),
        _ visit: (_ row: Int, _ leaf: Int, _ value: UInt32) -> Void
    ) {
        var tile = tiles.base
        for first in stride(from: 0, to: tiles.rowCount, by: 8) {
            var (a, b, c, d, e, f, g, h): (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32)
            (a, b, c, d, e, f, g, h) = (0, 0, 0, 0, 0, 0, 0, 0)
            var slots = 0
            @inline(__always) func move(_ node: inout UInt32, _ lane: Int) {
                let (next, slot) = step(node, tile + lane)
                node = next
                slots |= slot
            }
            repeat {
                slots = 0
                move(&a, 0)
                move(&b, 1)
                move(&c, 2)
                move(&d, 3)
                move(&e, 4)
                move(&f, 5)
                move(&g, 6)
                move(&h, 7)
            } while slots != 0
            let count = tiles.rowCount - first
            @inline(__always) func report(_ node: UInt32, _ lane: Int) {
                if lane < count { visit(first &+ lane, Int(node), nodes[Int(node)].payload) }
            }
            report(a, 0)
            report(b, 1)
            report(c, 2)
            report(d, 3)
            report(e, 4)
            report(f, 5)
            report(g, 6)
            report(h, 7)
            tile += 8 &* tiles.width
        }
    }
}

/// Which keys of a row a tile holds: slot 0 holds 0, the slots before it the features of levels, and those after it two
/// for each number, which differ where it is missing only: it goes right in the first and left in the second.
struct TileLayout: Sendable {
    /// The two slots of each feature.
    let slots: [(right: Int, left: Int)]
    /// How many slots lie before slot 0, and how many there are.
    let before: Int
    let width: Int

    init(_ features: [ForestFeature]) {
        var (levels, numbers) = (0, 0)
        slots = features.map { feature in
            if feature.levels != nil {
                levels += 1
                return (-levels, -levels)
            }
            numbers += 2
            return (numbers - 1, numbers)
        }
        (before, width) = (levels, 1 + numbers + levels)
    }
}

/// Rows in tiles of eight: slot after slot, the keys of eight rows side by side.
struct RowTiles {
    /// Slot 0 of the first tile.
    let base: UnsafePointer<UInt32>
    let width: Int
    let rowCount: Int
}

/// Packed trees, made when they are first needed.
final class LazyPackedTrees: Sendable {
    private let trees = AtomicLazyReference<PackedTrees>()

    func value(_ make: () -> PackedTrees) -> PackedTrees { trees.load() ?? trees.storeIfNil(make()) }
}

extension TreeNodes {
    func packed(_ layout: TileLayout) -> PackedTrees { lazyPacked.value { PackedTrees(self, layout) } }

    fileprivate func packed<Link>(_ layout: TileLayout) -> [PackedNode<Link>] {
        var places: [Link] = [0]
        for slots in layout.slots { places += [Link(8 * slots.right), Link(8 * slots.left)] }
        let (childBits, childMask) = (childBits, UInt32(1) << childBits - 1)
        return nodes.withUnsafeBufferPointer { nodes in
            places.withUnsafeBufferPointer { places in
                nodes.map { bits -> PackedNode<Link> in
                    let (link, payload) = (UInt32(truncatingIfNeeded: bits), UInt32(truncatingIfNeeded: bits >> 32))
                    let slot = Int((link & ~TreeNodes.levelTest) &>> childBits)
                    return PackedNode(
                        payload: payload | (link & TreeNodes.levelTest), slot: places[slot],
                        child: Link.Magnitude(truncatingIfNeeded: link & childMask))
                }
            }
        }
    }
}
