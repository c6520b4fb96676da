/// How one regression tree is grown.
struct TreeGrowth: Sendable {
    var candidateFeatures: Int
    var minimumLeafRows: Int
    var maximumDepth: Int
    var randomCuts: Bool
    var categorySmoothing: Double
    var bootstrap: Bool
    var keepsLeafRows: Bool
    var outOfBag: Bool
}

/// The rows that all trees of a forest are grown from, as small integers.
struct GrowthTable<Code: FixedWidthInteger & UnsignedInteger & Sendable>: Sendable {
    let bins: [FeatureBins]
    let columns: [[Code]]
    /// Weight times centred target, and weight, in fixed point: sums are exact, so no order of adding changes them.
    let cells: [SIMD2<Int64>]
    /// The position of every row in the order of the targets.
    let ranks: [UInt32]
    let center: Double
    let valueScale: Double
    let weightScale: Double
    let treeCapacity: Int
    let childBits: UInt32

    var rowCount: Int { cells.count }
}

/// A part of the rows that is a node in the making.
private struct OpenNode {
    var index: Int
    var start: Int
    var end: Int
    var depth: Int
}

/// The best split of a node.
private struct Split {
    var gain = 0.0
    var feature = -1
    /// Numeric: the last bin on the left, and the first that occurs on the right.
    var left = 0
    var right = 0
    var missingLeft = false
    /// Bins on the left (levels).
    var levels: [UInt16] = []
}

/// The count lies above the weight in one integer.
private let weightBits: Int64 = 36
private let weightMask: Int64 = 1 << 36 - 1

extension GrowthTable {
    /// The row's cell when it was drawn `times` times.
    @inline(__always)
    private func cell(_ row: Int, times: UInt8) -> SIMD2<Int64> {
        let cell = cells[row]
        return SIMD2(cell.x &* Int64(times), (1 << weightBits) | (cell.y &* Int64(times)))
    }

    /// Grows one tree, depth first, on bins. Only `seed` is random.
    ///
    /// Source: Breiman, *Random Forests* (2001); Geurts et al., *Extremely Randomized Trees* (2006); groups of levels
    /// as in Fisher, *On Grouping for Maximum Homogeneity* (1958).
    func grow(_ settings: TreeGrowth, seed: UInt64) -> GrownTree {
        var random = QuickRandom(seed)
        var times: [UInt8] = []
        if settings.bootstrap {
            times = [UInt8](repeating: 0, count: rowCount)
            times.withUnsafeMutableBufferPointer { times in
                for _ in 0..<rowCount {
                    let row = random.below(rowCount)
                    times[row] = times[row] == 255 ? 255 : times[row] + 1
                }
            }
        }
        let drawn = settings.bootstrap ? times.count { $0 > 0 } : rowCount
        var rows = [UInt32](unsafeUninitializedCapacity: drawn) { buffer, count in
            for row in 0..<rowCount where times.isEmpty || times[row] > 0 {
                buffer[count] = UInt32(truncatingIfNeeded: row)
                count += 1
            }
        }
        var sums = [SIMD2<Int64>](unsafeUninitializedCapacity: drawn) { buffer, count in
            for row in rows {
                buffer[count] = cell(Int(row), times: times.isEmpty ? 1 : times[Int(row)])
                count += 1
            }
        }
        var tree = GrownTree()
        var walker = BinWalker()
        var open = [OpenNode(index: 0, start: 0, end: drawn, depth: 0)]
        tree.nodes = [0]
        tree.covers = [0]
        walker.append(1)
        var leafOf: [UInt32] = settings.keepsLeafRows ? Array(repeating: 0, count: rowCount) : []
        let largest = bins.reduce(0) { max($0, $1.count) }
        withNodeScratch(rows: drawn, bins: largest + 1, features: bins.count) { scratch in
            rows.withUnsafeMutableBufferPointer { rows in
                sums.withUnsafeMutableBufferPointer { sums in
                    while let node = open.popLast() {
                        let (rowSlice, sumSlice) = (
                            UnsafeMutableBufferPointer(rebasing: rows[node.start..<node.end]),
                            UnsafeMutableBufferPointer(rebasing: sums[node.start..<node.end])
                        )
                        var total = SIMD2<Int64>.zero
                        for sum in sumSlice { total &+= sum }
                        tree.covers[node.index] = UInt32(truncatingIfNeeded: sumSlice.count)
                        var split = Split()
                        if sumSlice.count >= 2 * settings.minimumLeafRows, node.depth < settings.maximumDepth,
                            tree.nodes.count + 2 <= treeCapacity
                        {
                            split = bestSplit(rowSlice, sumSlice, total, settings, &random, scratch)
                        }
                        guard split.feature >= 0 else {
                            let weight = Double(total.y & weightMask) / weightScale
                            let value = center + Double(total.x) / valueScale / weight
                            tree.nodes[node.index] = TreeNode.leaf(Float(value), at: node.index)
                            if settings.keepsLeafRows {
                                for row in rowSlice { leafOf[Int(row)] = UInt32(truncatingIfNeeded: node.index) }
                            }
                            continue
                        }
                        let left = node.start + partition(rowSlice, sumSlice, split, scratch)
                        let child = tree.nodes.count
                        tree.nodes[node.index] = encode(split, child: child, &tree)
                        walker.set(
                            node.index, split, child: child,
                            setWord: bins[split.feature].isCategorical
                                ? UInt32(truncatingIfNeeded: tree.nodes[node.index] >> 32) : nil)
                        tree.nodes += [0, 0]
                        tree.covers += [0, 0]
                        walker.append(2)
                        open.append(OpenNode(index: child + 1, start: left, end: node.end, depth: node.depth + 1))
                        open.append(OpenNode(index: child, start: node.start, end: left, depth: node.depth + 1))
                    }
                }
            }
        }
        if !times.isEmpty, settings.outOfBag || settings.keepsLeafRows {
            for row in 0..<rowCount where times[row] == 0 {
                let leaf = walker.leaf(ofRow: row, in: self, tree.sets)
                if settings.keepsLeafRows { leafOf[row] = UInt32(truncatingIfNeeded: leaf) }
                if settings.outOfBag {
                    tree.outOfBag.append(TreeNode(bits: tree.nodes[leaf], childBits: childBits).value)
                }
            }
        }
        if settings.keepsLeafRows { keepRows(leafOf, &tree) }
        return tree
    }
}

/// Whether `seed` draws each of `count` rows into a bootstrap sample, as growing a tree does.
func drawnRows(count: Int, seed: UInt64) -> [Bool] {
    var random = QuickRandom(seed)
    var drawn = [Bool](repeating: false, count: count)
    for _ in 0..<count { drawn[random.below(count)] = true }
    return drawn
}

/// Memory that the nodes of one tree share.
private struct NodeScratch<Code: FixedWidthInteger & UnsignedInteger & Sendable> {
    let histogram: UnsafeMutablePointer<SIMD2<Int64>>
    /// One bit for every bin that occurs in the node.
    let present: UnsafeMutablePointer<UInt64>
    let words: Int
    let features: UnsafeMutablePointer<Int32>
    let rows: UnsafeMutablePointer<UInt32>
    let sums: UnsafeMutablePointer<SIMD2<Int64>>
}

extension GrowthTable {
    private func withNodeScratch(rows: Int, bins: Int, features: Int, _ body: (NodeScratch<Code>) -> Void) {
        let words = (bins + 63) / 64
        let histogram = UnsafeMutablePointer<SIMD2<Int64>>.allocate(capacity: bins)
        let present = UnsafeMutablePointer<UInt64>.allocate(capacity: words)
        let order = UnsafeMutablePointer<Int32>.allocate(capacity: features)
        let moved = UnsafeMutablePointer<UInt32>.allocate(capacity: rows)
        let movedSums = UnsafeMutablePointer<SIMD2<Int64>>.allocate(capacity: rows)
        defer {
            histogram.deallocate()
            present.deallocate()
            order.deallocate()
            moved.deallocate()
            movedSums.deallocate()
        }
        histogram.initialize(repeating: .zero, count: bins)
        present.initialize(repeating: 0, count: words)
        for feature in 0..<features { order[feature] = Int32(feature) }
        body(
            NodeScratch(
                histogram: histogram, present: present, words: words, features: order, rows: moved, sums: movedSums))
    }

    /// The best split among randomly drawn features; features that are constant here do not count as drawn.
    private func bestSplit(
        _ rows: UnsafeMutableBufferPointer<UInt32>, _ sums: UnsafeMutableBufferPointer<SIMD2<Int64>>,
        _ total: SIMD2<Int64>, _ settings: TreeGrowth, _ random: inout QuickRandom, _ scratch: NodeScratch<Code>
    ) -> Split {
        var best = Split()
        var (drawn, varying) = (0, 0)
        let featureCount = bins.count
        while drawn < featureCount, varying < settings.candidateFeatures {
            let other = drawn + random.below(featureCount - drawn)
            let feature = Int(scratch.features[other])
            scratch.features[other] = scratch.features[drawn]
            scratch.features[drawn] = Int32(truncatingIfNeeded: feature)
            drawn += 1
            let count = bins[feature].count
            if count == 0 { continue }
            fill(rows, sums, columns[feature], scratch)
            let varies: Bool
            if bins[feature].isCategorical {
                varies = scanLevels(feature, total, sums.count, settings, scratch, &best)
            } else {
                varies = scanBins(feature, total, settings, &random, scratch, &best)
            }
            if varies { varying += 1 }
            clear(scratch)
        }
        return best
    }

    @inline(__always)
    private func fill(
        _ rows: UnsafeMutableBufferPointer<UInt32>, _ sums: UnsafeMutableBufferPointer<SIMD2<Int64>>,
        _ column: [Code], _ scratch: NodeScratch<Code>
    ) {
        let (histogram, present) = (scratch.histogram, scratch.present)
        column.withUnsafeBufferPointer { column in
            for i in 0..<rows.count {
                let code = Int(column[Int(rows[i])])
                histogram[code] &+= sums[i]
                present[code >> 6] |= 1 << UInt64(truncatingIfNeeded: code & 63)
            }
        }
    }

    @inline(__always)
    private func clear(_ scratch: NodeScratch<Code>) {
        for word in 0..<scratch.words {
            var bits = scratch.present[word]
            while bits != 0 {
                scratch.histogram[word << 6 + bits.trailingZeroBitCount] = .zero
                bits &= bits &- 1
            }
            scratch.present[word] = 0
        }
    }

    /// Tries all cuts between the bins that occur, with missing values on either side. False if there is one bin only.
    @inline(__always)
    private func scanBins(
        _ feature: Int, _ total: SIMD2<Int64>, _ settings: TreeGrowth, _ random: inout QuickRandom,
        _ scratch: NodeScratch<Code>, _ best: inout Split
    ) -> Bool {
        let missingCode = bins[feature].count
        let missing = scratch.histogram[missingCode]
        let hasMissing = scratch.present[missingCode >> 6] & (1 << UInt64(missingCode & 63)) != 0
        var (first, last) = (-1, -1)
        for word in 0..<scratch.words where scratch.present[word] != 0 {
            var bits = scratch.present[word]
            if word == missingCode >> 6 { bits &= ~(1 << UInt64(missingCode & 63)) }
            if bits == 0 { continue }
            if first < 0 { first = word << 6 + bits.trailingZeroBitCount }
            last = word << 6 + 63 - bits.leadingZeroBitCount
        }
        guard first >= 0, first < last || hasMissing else { return false }
        // A random cut is uniform between the smallest and the largest value here.
        var onlyCut = -1
        if settings.randomCuts, first < last {
            let (low, high) = (
                Double(ValueKey.number(bins[feature].lower[first])), Double(ValueKey.number(bins[feature].upper[last]))
            )
            let cut = ValueKey.of(low + random.uniform() * (high - low))
            onlyCut = bins[feature].upper.withUnsafeBufferPointer { position(of: cut, in: $0) } - 1
            onlyCut = min(max(onlyCut, first), last - 1)
        }
        var (left, previous) = (SIMD2<Int64>.zero, -1)
        for word in 0..<scratch.words {
            var bits = scratch.present[word]
            if word == missingCode >> 6 { bits &= ~(1 << UInt64(missingCode & 63)) }
            while bits != 0 {
                let bin = word << 6 + bits.trailingZeroBitCount
                bits &= bits &- 1
                if previous >= 0, onlyCut < 0 || (previous <= onlyCut && bin > onlyCut) {
                    let gain = splitGain(left, total, settings.minimumLeafRows)
                    if gain > best.gain {
                        best.gain = gain
                        (best.feature, best.left, best.right) = (feature, previous, bin)
                        best.missingLeft = !hasMissing && left.y & weightMask > (total.y &- left.y) & weightMask
                    }
                    if hasMissing {
                        let gain = splitGain(left &+ missing, total, settings.minimumLeafRows)
                        if gain > best.gain {
                            best.gain = gain
                            (best.feature, best.left, best.right) = (feature, previous, bin)
                            best.missingLeft = true
                        }
                    }
                }
                left &+= scratch.histogram[bin]
                previous = bin
            }
        }
        if hasMissing {
            let gain = splitGain(left, total, settings.minimumLeafRows)
            if gain > best.gain {
                best.gain = gain
                (best.feature, best.left, best.right) = (feature, last, missingCode)
                best.missingLeft = false
            }
        }
        return true
    }

    /// Orders the levels by their shrunken mean and tries all cuts of that order (Fisher's grouping).
    ///
    /// Levels without rows here, missing and unseen ones go right: with the missing rows, or the larger part.
    private func scanLevels(
        _ feature: Int, _ total: SIMD2<Int64>, _ count: Int, _ settings: TreeGrowth, _ scratch: NodeScratch<Code>,
        _ best: inout Split
    ) -> Bool {
        let missingCode = bins[feature].count
        let mean = Double(total.x) / Double(total.y & weightMask)
        // The prior counts for more rows the fewer there are.
        let prior = settings.categorySmoothing * (1 + 64 / Double(count)) * weightScale
        var groups: [(mean: Double, bin: Int)] = []
        for word in 0..<scratch.words {
            var bits = scratch.present[word]
            while bits != 0 {
                let bin = word << 6 + bits.trailingZeroBitCount
                bits &= bits &- 1
                let sum = scratch.histogram[bin]
                let weight = Double(sum.y & weightMask)
                groups.append(((Double(sum.x) - mean * weight) / (weight + prior), bin))
            }
        }
        guard groups.count > 1 else { return false }
        groups.sort { ($0.mean, $0.bin) < ($1.mean, $1.bin) }
        var (left, cut, bestLeft) = (SIMD2<Int64>.zero, 0, SIMD2<Int64>.zero)
        for (position, group) in groups.dropLast().enumerated() {
            left &+= scratch.histogram[group.bin]
            let gain = splitGain(left, total, settings.minimumLeafRows)
            if gain > best.gain {
                (best.gain, best.feature, cut, bestLeft) = (gain, feature, position + 1, left)
            }
        }
        guard cut > 0 else { return true }
        let missingAt = groups.firstIndex { $0.bin == missingCode }
        let keepsOrder =
            missingAt.map { $0 >= cut } ?? (bestLeft.y & weightMask <= (total.y &- bestLeft.y) & weightMask)
        best.levels = (keepsOrder ? groups[..<cut] : groups[cut...]).map { UInt16($0.bin) }
        return true
    }

    /// Moves the rows that go left to the front, keeping the order on both sides, and returns how many there are.
    private func partition(
        _ rows: UnsafeMutableBufferPointer<UInt32>, _ sums: UnsafeMutableBufferPointer<SIMD2<Int64>>, _ split: Split,
        _ scratch: NodeScratch<Code>
    ) -> Int {
        let missing = Code(truncatingIfNeeded: bins[split.feature].count)
        var left = 0
        columns[split.feature].withUnsafeBufferPointer { column in
            if bins[split.feature].isCategorical {
                for bin in split.levels { scratch.present[Int(bin) >> 6] |= 1 << UInt64(bin & 63) }
                left = divide(rows, sums, scratch) { row in
                    let code = Int(column[Int(row)])
                    return scratch.present[code >> 6] >> UInt64(code & 63) & 1 != 0
                }
                for word in 0..<scratch.words { scratch.present[word] = 0 }
            } else {
                let last = Code(truncatingIfNeeded: split.left)
                if split.missingLeft {
                    left = divide(rows, sums, scratch) { column[Int($0)] <= last || column[Int($0)] == missing }
                } else {
                    left = divide(rows, sums, scratch) { column[Int($0)] <= last }
                }
            }
        }
        return left
    }

    @inline(__always)
    private func divide(
        _ rows: UnsafeMutableBufferPointer<UInt32>, _ sums: UnsafeMutableBufferPointer<SIMD2<Int64>>,
        _ scratch: NodeScratch<Code>, _ goesLeft: (UInt32) -> Bool
    ) -> Int {
        var (left, right) = (0, 0)
        for i in 0..<rows.count {
            let (row, sum) = (rows[i], sums[i])
            rows[left] = row
            sums[left] = sum
            scratch.rows[right] = row
            scratch.sums[right] = sum
            let step = goesLeft(row) ? 1 : 0
            left &+= step
            right &+= 1 &- step
        }
        guard let rowBase = rows.baseAddress, let sumBase = sums.baseAddress else { return 0 }
        (rowBase + left).update(from: scratch.rows, count: right)
        (sumBase + left).update(from: scratch.sums, count: right)
        return left
    }

    private func encode(_ split: Split, child: Int, _ tree: inout GrownTree) -> UInt64 {
        let feature = bins[split.feature]
        let slot = 1 + 2 * split.feature
        if feature.isCategorical {
            let first = tree.sets.count
            tree.sets += [UInt32](repeating: 0, count: feature.count / 32 + 1)
            for bin in split.levels { tree.sets[first + Int(bin) / 32] |= 1 << UInt32(bin % 32) }
            return TreeNode.split(
                slot: slot, payload: UInt32(first), child: child, testsLevels: true, childBits: childBits)
        }
        let threshold =
            split.right == feature.count
            ? ValueKey.of(.infinity) : feature.threshold(split.left, split.right)
        return TreeNode.split(
            slot: split.missingLeft ? slot + 1 : slot, payload: threshold, child: child, testsLevels: false,
            childBits: childBits)
    }

    /// Sorts the rows by leaf, and by target within a leaf.
    private func keepRows(_ leafOf: [UInt32], _ tree: inout GrownTree) {
        var starts = [UInt32](repeating: 0, count: tree.nodes.count + 1)
        for leaf in leafOf { starts[Int(leaf) + 1] += 1 }
        for node in 1..<starts.count { starts[node] += starts[node - 1] }
        tree.leafStarts = Array(starts.dropLast())
        var leafOfRank = [UInt32](repeating: 0, count: rowCount)
        for row in 0..<rowCount { leafOfRank[Int(ranks[row])] = leafOf[row] }
        tree.leafRows = [UInt32](repeating: 0, count: rowCount)
        for rank in 0..<rowCount {
            let leaf = Int(leafOfRank[rank])
            tree.leafRows[Int(starts[leaf])] = UInt32(rank)
            starts[leaf] += 1
        }
    }
}

/// How much a split lowers the squared error, up to a factor that all splits of a node share; 0 if it is not allowed.
@inline(__always)
private func splitGain(_ left: SIMD2<Int64>, _ total: SIMD2<Int64>, _ minimumRows: Int) -> Double {
    let right = total &- left
    guard left.y >> weightBits >= Int64(minimumRows), right.y >> weightBits >= Int64(minimumRows) else { return 0 }
    let (leftWeight, rightWeight) = (Double(left.y & weightMask), Double(right.y & weightMask))
    let (a, b) = (Double(left.x) * rightWeight, Double(right.x) * leftWeight)
    let difference = a - b
    // Equal means differ by rounding.
    guard abs(difference) > 1e-13 * (abs(a) + abs(b)) else { return 0 }
    return difference / leftWeight * (difference / rightWeight)
}

/// A tree on bins, for the training rows that it was not grown on.
private struct BinWalker {
    /// Feature, and last bin or first word of the set; −1 for a leaf.
    private var splits: [(feature: Int32, missingLeft: Bool, cut: UInt32, child: UInt32)] = []

    mutating func append(_ count: Int) {
        for _ in 0..<count { splits.append((-1, false, 0, 0)) }
    }

    mutating func set(_ node: Int, _ split: Split, child: Int, setWord: UInt32?) {
        splits[node] = (Int32(split.feature), split.missingLeft, setWord ?? UInt32(split.left), UInt32(child))
    }

    func leaf<Code: FixedWidthInteger & UnsignedInteger>(ofRow row: Int, in table: GrowthTable<Code>, _ sets: [UInt32])
        -> Int
    {
        var node = 0
        while splits[node].feature >= 0 {
            let split = splits[node]
            let feature = Int(split.feature)
            let code = UInt32(table.columns[feature][row])
            let left: Bool
            if table.bins[feature].isCategorical {
                left = sets[Int(split.cut + code >> 5)] >> (code & 31) & 1 != 0
            } else {
                left = code <= split.cut || (split.missingLeft && code == UInt32(table.bins[feature].count))
            }
            node = Int(split.child) + (left ? 0 : 1)
        }
        return node
    }
}
