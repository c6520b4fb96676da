internal import LinearAlgebra

/// The training rows of boosting: one byte per row and feature, by row for histograms and by column for partitions.
final class BoostingTable: Sendable {
    let bins: [FeatureBins]
    let rowCount: Int
    let featureCount: Int
    let byRow: [UInt8]
    let byColumn: [UInt8]
    /// Per feature: whether it is one of levels.
    let isLevels: [Bool]

    init(_ data: ForestData, bins: [FeatureBins], threads: Int) {
        let (rows, width) = (data.rowCount, bins.count)
        (self.bins, rowCount, featureCount) = (bins, rows, width)
        isLevels = bins.map(\.isCategorical)
        // One column at a time and thread: nothing but the two layouts is ever held.
        byColumn = [UInt8](unsafeUninitializedCapacity: rows * width) { buffer, count in
            nonisolated(unsafe) let base = buffer.baseAddress
            _ = Parallel.map(count: width, threads: threads) { feature in
                let codes: [UInt8] = bins[feature].codes(data.columns[feature].values)
                codes.withUnsafeBufferPointer { codes in
                    if let base, let source = codes.baseAddress {
                        (base + feature * rows).initialize(from: source, count: rows)
                    }
                }
            }
            count = rows * width
        }
        let columns = byColumn
        byRow = [UInt8](unsafeUninitializedCapacity: rows * width) { buffer, count in
            columns.withUnsafeBufferPointer { columns in
                for feature in 0..<width {
                    var position = feature
                    for row in 0..<rows {
                        buffer[position] = columns[feature * rows + row]
                        position += width
                    }
                }
            }
            count = rows * width
        }
    }

    static let binStride = 256
    var histogramCount: Int { featureCount * BoostingTable.binStride }
}

/// A tree as boosting grows it: its nodes on bins, and where the rows of each leaf lie.
struct BoostedTree {
    struct Node {
        var feature = -1
        var bin = 0
        var missingLeft = false
        var levels: LevelSet?
        var left = 0
        var right = 0
        var value = 0.0
        var count = 0
        /// The rows' places in the trainer's order.
        var start = 0
        var end = 0
    }
    var nodes: [Node] = []

    /// The leaf that a row of a table of bins reaches.
    func leaf(ofRow row: Int, _ table: BoostingTable) -> Int {
        var node = 0
        while nodes[node].feature >= 0 {
            node =
                nodes[node].goesLeft(table.byRow[row * table.featureCount + nodes[node].feature], table)
                ? nodes[node].left : nodes[node].right
        }
        return node
    }
}

extension BoostedTree.Node {
    func goesLeft(_ code: UInt8, _ table: BoostingTable) -> Bool {
        if let levels { return levels.contains(Int(code)) }
        return Int(code) <= bin || (missingLeft && Int(code) == table.bins[feature].count)
    }
}

/// A set of bins.
struct LevelSet: Sendable, Hashable {
    var words = SIMD4<UInt64>.zero

    func contains(_ bin: Int) -> Bool { words[bin >> 6] >> UInt64(bin & 63) & 1 != 0 }
    mutating func insert(_ bin: Int) { words[bin >> 6] |= 1 << UInt64(bin & 63) }
}
