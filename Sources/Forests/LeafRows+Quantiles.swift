internal import CPrefetch
internal import LinearAlgebra

extension LeafRows {
    /// A row of quantiles for every row of `table`: each the smallest target whose cumulative weight reaches it.
    func quantiles(
        of table: EncodedTable, _ trees: TreeNodes, _ probabilities: [Double], threads: Int
    ) -> Matrix {
        let columns = probabilities.count
        let size = blockSize(rows: table.resultCount, atMost: 4096, threads: threads)
        let order = trees.similarityOrder(
            of: table, { table.encodedRows($0).lowerBound }, count: table.resultCount, threads: threads)
        let parts = Parallel.map(count: (order.count + size - 1) / size, threads: threads) { block in
            blockQuantiles(table, trees, order[(block * size)..<min(order.count, (block + 1) * size)], probabilities)
        }
        var matrix = Matrix(rows: order.count, columns: columns)
        for (block, part) in parts.enumerated() {
            for (i, value) in part.enumerated() {
                matrix.values[Int(order[block * size + i / columns]) + i % columns * order.count] = value
            }
        }
        return matrix
    }

    /// The quantiles of some rows, row after row.
    private func blockQuantiles(
        _ table: EncodedTable, _ trees: TreeNodes, _ range: ArraySlice<UInt32>, _ probabilities: [Double]
    ) -> [Double] {
        let encoded = range.flatMap { table.encodedRows(Int($0)).map { UInt32(truncatingIfNeeded: $0) } }
        // The lists of one row must not all fall on the same places of the cache.
        let (perRow, stride) = (trees.treeCount, encoded.count + 8)
        let lists = rankLists(of: table, encoded, trees, stride: stride)
        // Where the encoded rows of each row begin.
        var places = [0]
        for row in range { places.append(places[places.count - 1] + table.encodedRows(Int(row)).count) }
        let most = zip(places, places.dropFirst()).reduce(0) { most, own in
            var ranks = 0
            for place in own.0..<own.1 { for tree in 0..<perRow { ranks += lists[tree * stride + place].count } }
            return max(most, ranks)
        }
        var found: [UInt32] = []
        found.reserveCapacity(range.count * probabilities.count)
        rows.withUnsafeBufferPointer { rows in
            lists.withUnsafeBufferPointer { lists in
                guard let firstRank = rows.baseAddress else { return }
                RankSelection.with(ranks: most, probabilities) { selection in
                    for own in 0..<range.count {
                        if own + 1 < range.count {
                            for place in places[own + 1]..<places[own + 2] {
                                for tree in 0..<perRow {
                                    let list = lists[tree &* stride &+ place]
                                    prefetch(firstRank + Int(list.start))
                                    prefetch(firstRank + Int(list.end))
                                }
                            }
                        }
                        selection.removeAll()
                        for place in places[own]..<places[own + 1] {
                            let weight = RankSelection.weight(table.weight(Int(encoded[place])) / Double(perRow))
                            for tree in 0..<perRow {
                                selection.append(lists[tree &* stride &+ place], of: rows, weight: weight)
                            }
                        }
                        selection.select { found.append($0) }
                    }
                }
            }
        }
        return targets.withUnsafeBufferPointer { targets in
            found.map { $0 == RankSelection.none ? .nan : targets[Int($0)] }
        }
    }

    /// Where the ranks of the leaf that each of `rows` reaches lie: a list for each row, and each tree `stride` later.
    private func rankLists(
        of table: EncodedTable, _ rows: [UInt32], _ trees: TreeNodes, stride: Int
    ) -> [RankList] {
        [RankList](unsafeUninitializedCapacity: trees.treeCount * stride) { lists, count in
            guard let lists = lists.baseAddress else { return }
            lists.initialize(repeating: RankList(start: 0, end: 0), count: trees.treeCount * stride)
            let packed = trees.packed(table.layout)
            starts.withUnsafeBufferPointer { listStarts in
                trees.starts.withUnsafeBufferPointer { starts in
                    table.withTiles(rows[...]) { tiles in
                        packed.forEachLeaf(trees: 0..<trees.treeCount, tiles) { tree, row, leaf, _ in
                            let at = Int(starts[tree]) &+ tree &+ leaf
                            lists[tree &* stride &+ row] = RankList(start: listStarts[at], end: listStarts[at &+ 1])
                        }
                    }
                }
            }
            count = trees.treeCount * stride
        }
    }
}

/// A leaf's part of the ranks of a forest, ascending.
private struct RankList {
    var start: UInt32
    var end: UInt32
    var count: Int { Int(end) - Int(start) }
}

/// The quantiles of ranks that come in lists of equally weighted ones.
///
/// The weights are summed in buckets of ranks, and only the ranks in the buckets in which a quantile lies are sorted.
/// O(*n*) a selection. Weights are integers, so that no order of adding matters.
private struct RankSelection {
    private let ranks: UnsafeMutablePointer<UInt32>
    /// The weight of each rank.
    private let shares: UnsafeMutablePointer<UInt64>
    /// Two sums for each bucket, as ranks alternate between them: successive additions need not wait for each other.
    private let sums: UnsafeMutablePointer<UInt64>
    private let candidates: UnsafeMutablePointer<UInt64>
    private let thresholds: [UInt64]
    private var count = 0
    private var lowest = UInt32.max
    private var highest = UInt32.min

    private static let buckets = 128
    /// Stands for the rank where there are no ranks at all.
    static let none = UInt32.max
    private static let whole = 0x1p50
    /// Ranks are copied this many at a time.
    private static let step = 16

    private init(
        words: UnsafeMutablePointer<UInt64>, numbers: UnsafeMutablePointer<UInt32>, room: Int, _ probabilities: [Double]
    ) {
        ranks = numbers
        (sums, candidates) = (words, words + 2 * RankSelection.buckets)
        shares = candidates + room
        thresholds = probabilities.map { UInt64(max(1, ($0 - 1e-9) * RankSelection.whole)) }
    }

    /// A weight as the integer that is shared by the ranks of a list.
    static func weight(_ weight: Double) -> UInt64 { UInt64(weight * whole) }

    /// Calls `body` with a selection that has room for so many ranks.
    static func with(ranks: Int, _ probabilities: [Double], _ body: (inout RankSelection) -> Void) {
        let room = ranks + step
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 2 * buckets + 2 * room) { words in
            withUnsafeTemporaryAllocation(of: UInt32.self, capacity: room) { numbers in
                guard let words = words.baseAddress, let numbers = numbers.baseAddress else { return }
                var selection = RankSelection(words: words, numbers: numbers, room: room, probabilities)
                body(&selection)
            }
        }
    }

    mutating func removeAll() {
        count = 0
        (lowest, highest) = (.max, .min)
    }

    /// Adds ranks that share `weight` equally.
    @inline(__always)
    mutating func append(_ list: RankList, of all: UnsafeBufferPointer<UInt32>, weight: UInt64) {
        guard let base = all.baseAddress, list.count > 0 else { return }
        let source = base + Int(list.start)
        (lowest, highest) = (min(lowest, source[0]), max(highest, source[list.count - 1]))
        let share = weight / UInt64(list.count)
        // What is copied too much is overwritten by the next list.
        var copied = 0
        while copied < list.count, Int(list.start) + copied + RankSelection.step <= all.count {
            (ranks + (count &+ copied)).update(from: source + copied, count: RankSelection.step)
            (shares + (count &+ copied)).update(repeating: share, count: RankSelection.step)
            copied &+= RankSelection.step
        }
        while copied < list.count {
            ranks[count &+ copied] = source[copied]
            shares[count &+ copied] = share
            copied &+= 1
        }
        count &+= list.count
    }

    /// Calls `found` for each probability with the smallest rank whose cumulative weight reaches it.
    @inline(__always)
    func select(_ found: (UInt32) -> Void) {
        guard count > 0 else { return thresholds.forEach { _ in found(RankSelection.none) } }
        // The bits of a rank's distance to the lowest that do not matter to its bucket.
        let bits = UInt32.bitWidth - (highest &- lowest).leadingZeroBitCount
        let shift = UInt32(truncatingIfNeeded: max(0, bits - RankSelection.buckets.trailingZeroBitCount))
        @inline(__always) func bucket(_ rank: UInt32) -> Int { Int((rank &- lowest) &>> shift) }
        sums.update(repeating: 0, count: 2 * RankSelection.buckets)
        let others = sums + RankSelection.buckets
        for i in stride(from: 0, to: count - 1, by: 2) {
            sums[bucket(ranks[i])] &+= shares[i]
            others[bucket(ranks[i &+ 1])] &+= shares[i &+ 1]
        }
        if count % 2 == 1 { sums[bucket(ranks[count - 1])] &+= shares[count - 1] }
        // From here on the weight up to the end of each bucket, and whether a quantile lies in it.
        let (reached, isWanted) = (sums, others)
        var sum: UInt64 = 0
        for i in 0..<RankSelection.buckets {
            sum &+= sums[i] &+ others[i]
            (reached[i], isWanted[i]) = (sum, 0)
        }
        @inline(__always) func bucket(reaching threshold: UInt64) -> Int {
            var (first, step) = (0, RankSelection.buckets / 2)
            while step > 0 {
                first &+= reached[first &+ step &- 1] < threshold ? step : 0
                step /= 2
            }
            return first
        }
        for threshold in thresholds { isWanted[bucket(reaching: threshold)] = 1 }
        var kept = 0
        for i in 0..<count {
            candidates[kept] = UInt64(ranks[i]) << 32 | UInt64(i)
            kept &+= Int(truncatingIfNeeded: isWanted[bucket(ranks[i])])
        }
        sortAscending(UnsafeMutableBufferPointer(start: candidates, count: kept))
        for threshold in thresholds {
            let own = bucket(reaching: threshold)
            var (sum, quantile) = (own == 0 ? 0 : reached[own - 1], highest)
            for i in 0..<kept {
                let rank = UInt32(truncatingIfNeeded: candidates[i] >> 32)
                guard bucket(rank) == own else { continue }
                sum &+= shares[Int(candidates[i] & 0xFFFF_FFFF)]
                if sum >= threshold {
                    quantile = rank
                    break
                }
            }
            found(quantile)
        }
    }
}
