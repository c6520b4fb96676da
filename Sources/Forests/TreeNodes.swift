internal import ModelFiles

/// The nodes of many trees, eight bytes each: what prediction reads.
///
/// The upper half of a node is the key of its threshold, the first word of its set of levels, or the bits of its
/// value (leaf). The lower half is a link: bit 31 for a test of levels, then the slot that is tested, then the index
/// of the left child in its tree; the right child is the next node. A leaf tests slot 0, which is always 0, against
/// its own index, so that a walk that reached it stays there.
///
/// A row is given as keys in slots: slot 0 holds 0, feature *f* the slots 1 + 2*f* and 2 + 2*f*, which differ for a
/// missing number only: it goes right in the first and left in the second.
struct TreeNodes: Sendable {
    var nodes = StoredArray<UInt64>([]) { didSet { lazyPacked = LazyPackedTrees() } }
    /// The first node of every tree, and the end.
    var starts: [UInt32] = [0]
    /// Sets of levels, 32 to a word, for the tests of levels.
    /// Word 0 is a placeholder, so that there is always one to read.
    var sets = StoredArray<UInt32>([0])
    /// Training rows in every node.
    var covers = NodeCovers()
    let slotBits: UInt32
    /// The same nodes for batches of rows, made for the first batch.
    private(set) var lazyPacked = LazyPackedTrees()
    /// For nodes in a mapped file that may be damaged.
    var check: FileCheck?

    static let levelTest: UInt32 = 0x8000_0000

    init(featureCount: Int) {
        slotBits = UInt32(Int.bitWidth - (2 * featureCount).leadingZeroBitCount)
    }

    var treeCount: Int { starts.count - 1 }
    var childBits: UInt32 { 31 - slotBits }
    /// The most nodes that one tree can have.
    var treeCapacity: Int { 1 << Int(childBits) }

    /// Appends a tree whose sets start at 0.
    mutating func append(_ tree: GrownTree) {
        let firstWord = UInt64(sets.count) << 32
        if tree.sets.isEmpty {
            nodes += tree.nodes
        } else {
            nodes += tree.nodes.map { $0 & UInt64(TreeNodes.levelTest) != 0 ? $0 + firstWord : $0 }
        }
        sets += tree.sets
        covers += tree.covers
        starts.append(UInt32(nodes.count))
    }
}

/// One tree as it was grown; its sets start at word 0.
struct GrownTree: Sendable {
    var nodes: [UInt64] = []
    var sets: [UInt32] = []
    var covers: [UInt32] = []
    /// The value of every out-of-bag row, in row order.
    var outOfBag: [Float] = []
    /// Where the rows of each node start in `leafRows`, by node; empty if they are not kept.
    var leafStarts: [UInt32] = []
    /// Ranks of the targets of the rows in each leaf, ascending.
    var leafRows: [UInt32] = []
}

/// The parts of a node.
struct TreeNode {
    let bits: UInt64
    let childBits: UInt32

    var payload: UInt32 { UInt32(truncatingIfNeeded: bits >> 32) }
    var link: UInt32 { UInt32(truncatingIfNeeded: bits) }
    var testsLevels: Bool { link & TreeNodes.levelTest != 0 }
    var slot: Int { Int((link & ~TreeNodes.levelTest) >> childBits) }
    var child: Int { Int(link & (1 << childBits - 1)) }
    var isLeaf: Bool { slot == 0 }
    var value: Float { Float(bitPattern: payload) }
    var feature: Int { (slot - 1) / 2 }
    var missingGoesLeft: Bool { !testsLevels && slot & 1 == 0 }

    static func leaf(_ value: Float, at index: Int) -> UInt64 {
        UInt64(value.bitPattern) << 32 | UInt64(index)
    }
    static func split(slot: Int, payload: UInt32, child: Int, testsLevels: Bool, childBits: UInt32) -> UInt64 {
        UInt64(payload) << 32
            | UInt64(UInt32(slot) << childBits | UInt32(child) | (testsLevels ? TreeNodes.levelTest : 0))
    }
}

extension TreeNodes {
    func node(_ index: Int) -> TreeNode { TreeNode(bits: nodes[index], childBits: childBits) }
}
