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
    /// Per feature: 0, or the direction of the monotone constraint.
    var monotone: [Int]
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
    var index = 0
    /// The drawn rows, and the rows that were not drawn.
    var rows: Range<Int>
    var others: Range<Int>
    var depth = 0
    var total = SIMD2<Int64>.zero
    /// The range that monotone constraints leave for the value.
    var low = -Double.infinity
    var high = Double.infinity
}

/// The best split of a node.
private struct Split {
    /// How much the squared error falls, as a fraction, up to a factor that all splits of a node share: splits are
    /// compared without dividing.
    var numerator = 0.0
    var denominator = 1.0
    var feature = -1
    /// Numeric: the last bin on the left, and the first that occurs on the right. The levels on the left are in the
    /// scratch memory.
    var left = 0
    var right = 0
    var missingLeft = false
    var leftTotal = SIMD2<Int64>.zero
}

/// The count lies above the weight in one integer.
private let weightBits: Int64 = 36
private let weightMask: Int64 = 1 << 36 - 1
/// The top of a tree is numbered breadth first, so that the nodes that every row visits lie together.
private let breadthFirstNodes = 512

/// Memory that the nodes of one tree share.
private struct NodeScratch {
    let histogram: UnsafeMutablePointer<SIMD2<Int64>>
    /// A bit for every bin that occurs in the node, and one for every word of those that is not 0.
    let present: UnsafeMutablePointer<UInt64>
    let words: UnsafeMutablePointer<UInt64>
    let wordCount: Int
    /// The bins that occur, ascending, and their sums.
    let bins: UnsafeMutablePointer<Int32>
    let sums: UnsafeMutablePointer<SIMD2<Int64>>
    /// Levels in the order of their means.
    let order: UnsafeMutablePointer<UInt64>
    /// The bits of the bins on the left of the best split, if it is one of levels.
    let levels: UnsafeMutablePointer<UInt64>
    let features: UnsafeMutablePointer<Int32>
    /// Room to move rows.
    let moved: UnsafeMutablePointer<UInt32>
    let movedCells: UnsafeMutablePointer<SIMD2<Int64>>

    init(rows: Int, bins count: Int, features featureCount: Int) {
        wordCount = (count + 63) / 64
        histogram = .allocate(capacity: count)
        present = .allocate(capacity: wordCount)
        words = .allocate(capacity: (wordCount + 63) / 64)
        bins = .allocate(capacity: count)
        sums = .allocate(capacity: count)
        order = .allocate(capacity: count)
        levels = .allocate(capacity: wordCount)
        features = .allocate(capacity: featureCount)
        moved = .allocate(capacity: rows)
        movedCells = .allocate(capacity: rows)
        histogram.initialize(repeating: .zero, count: count)
        present.initialize(repeating: 0, count: wordCount)
        words.initialize(repeating: 0, count: (wordCount + 63) / 64)
        levels.initialize(repeating: 0, count: wordCount)
        for feature in 0..<featureCount { features[feature] = Int32(truncatingIfNeeded: feature) }
    }

    func deallocate() {
        histogram.deallocate()
        present.deallocate()
        words.deallocate()
        bins.deallocate()
        sums.deallocate()
        order.deallocate()
        levels.deallocate()
        features.deallocate()
        moved.deallocate()
        movedCells.deallocate()
    }
}

extension GrowthTable {
    /// Grows one tree on bins. Only `seed` is random.
    ///
    /// Source: Breiman, *Random Forests* (2001); Geurts et al., *Extremely Randomized Trees* (2006); groups of levels
    /// as in Fisher, *On Grouping for Maximum Homogeneity* (1958).
    func grow(_ settings: TreeGrowth, seed: UInt64) -> GrownTree {
        var random = QuickRandom(seed)
        // The drawn rows first, each part in the order of the rows.
        var times = [UInt8](repeating: settings.bootstrap ? 0 : 1, count: rowCount)
        if settings.bootstrap {
            times.withUnsafeMutableBufferPointer { times in
                for _ in 0..<rowCount {
                    let row = random.below(rowCount)
                    times[row] = times[row] == 255 ? 255 : times[row] + 1
                }
            }
        }
        let drawn = times.count { $0 > 0 }
        var rows = [UInt32](unsafeUninitializedCapacity: rowCount) { buffer, count in
            var (next, other) = (0, drawn)
            for row in 0..<rowCount {
                if times[row] > 0 {
                    buffer[next] = UInt32(truncatingIfNeeded: row)
                    next += 1
                } else {
                    buffer[other] = UInt32(truncatingIfNeeded: row)
                    other += 1
                }
            }
            count = rowCount
        }
        var total = SIMD2<Int64>.zero
        var sums = [SIMD2<Int64>](unsafeUninitializedCapacity: drawn) { buffer, count in
            for i in 0..<drawn {
                let row = Int(rows[i])
                let (cell, times) = (cells[row], Int64(times[row]))
                buffer[i] = SIMD2(cell.x &* times, (1 << weightBits) | (cell.y &* times))
                total &+= buffer[i]
            }
            count = drawn
        }
        let largest = bins.reduce(0) { max($0, $1.count) }
        let scratch = NodeScratch(rows: rowCount, bins: largest + 1, features: bins.count)
        defer { scratch.deallocate() }
        var tree = GrownTree()
        tree.nodes.reserveCapacity(drawn / max(1, settings.minimumLeafRows))
        tree.covers.reserveCapacity(drawn / max(1, settings.minimumLeafRows))
        let movesOthers = settings.keepsLeafRows || settings.outOfBag
        var leafOf = [UInt32](repeating: 0, count: settings.keepsLeafRows ? rowCount : 0)
        var valueOf = [Float](repeating: 0, count: settings.outOfBag ? rowCount : 0)
        rows.withUnsafeMutableBufferPointer { rows in
            sums.withUnsafeMutableBufferPointer { sums in
                guard let rows = rows.baseAddress, let sums = sums.baseAddress else { return }
                func canSplit(_ node: OpenNode) -> Bool {
                    node.rows.count >= 2 * settings.minimumLeafRows && node.depth < settings.maximumDepth
                }
                func close(_ node: OpenNode) {
                    let value = Float(min(max(self.value(node.total), node.low), node.high))
                    tree.nodes[node.index] = TreeNode.leaf(value, at: node.index)
                    if settings.keepsLeafRows {
                        let index = UInt32(truncatingIfNeeded: node.index)
                        for i in node.rows { leafOf[Int(rows[i])] = index }
                        for i in node.others { leafOf[Int(rows[i])] = index }
                    }
                    if settings.outOfBag { for i in node.others { valueOf[Int(rows[i])] = value } }
                }
                let root = OpenNode(rows: 0..<drawn, others: drawn..<rowCount, total: total)
                var (open, next) = ([OpenNode](), 0)
                tree.append(cover: drawn)
                if canSplit(root) { open.append(root) } else { close(root) }
                while open.count > next {
                    let isTop = tree.nodes.count < breadthFirstNodes
                    let node: OpenNode
                    if isTop {
                        node = open[next]
                        next += 1
                    } else {
                        node = open.removeLast()
                    }
                    var split = Split()
                    if tree.nodes.count + 2 <= treeCapacity {
                        split = bestSplit(node, rows, sums, settings, &random, scratch)
                    }
                    guard split.feature >= 0 else {
                        close(node)
                        continue
                    }
                    var (left, right) = children(of: node, split, settings)
                    (left.index, right.index) = (tree.nodes.count, tree.nodes.count + 1)
                    let (opensLeft, opensRight) = (canSplit(left), canSplit(right))
                    if opensLeft || opensRight || settings.keepsLeafRows {
                        _ = partition(rows, sums, node.rows, split, scratch)
                    }
                    if movesOthers {
                        let middle = node.others.lowerBound + partition(rows, nil, node.others, split, scratch)
                        left.others = node.others.lowerBound..<middle
                        right.others = middle..<node.others.upperBound
                    }
                    tree.nodes[node.index] = encode(split, child: left.index, &tree, scratch)
                    tree.append(cover: left.rows.count)
                    tree.append(cover: right.rows.count)
                    if !opensLeft { close(left) }
                    if !opensRight { close(right) }
                    if isTop {
                        if opensLeft { open.append(left) }
                        if opensRight { open.append(right) }
                    } else {
                        if opensRight { open.append(right) }
                        if opensLeft { open.append(left) }
                    }
                }
            }
        }
        if settings.outOfBag { for row in 0..<rowCount where times[row] == 0 { tree.outOfBag.append(valueOf[row]) } }
        if settings.keepsLeafRows { keepRows(leafOf, &tree) }
        return tree
    }

    /// The mean target of a node.
    @inline(__always)
    private func value(_ total: SIMD2<Int64>) -> Double {
        center + Double(total.x) / valueScale / (Double(total.y & weightMask) / weightScale)
    }

    private func children(of node: OpenNode, _ split: Split, _ settings: TreeGrowth) -> (OpenNode, OpenNode) {
        var (left, right) = (node, node)
        let middle = node.rows.lowerBound + Int(split.leftTotal.y >> weightBits)
        (left.rows, right.rows) = (node.rows.lowerBound..<middle, middle..<node.rows.upperBound)
        (left.total, right.total) = (split.leftTotal, node.total &- split.leftTotal)
        (left.depth, right.depth) = (node.depth + 1, node.depth + 1)
        let direction = settings.monotone[split.feature]
        if direction != 0 {
            let between = (value(left.total) + value(right.total)) / 2
            if direction > 0 {
                (left.high, right.low) = (between, between)
            } else {
                (left.low, right.high) = (between, between)
            }
        }
        return (left, right)
    }
}

/// Whether `seed` draws each of `count` rows into a bootstrap sample, as growing a tree does.
func drawnRows(count: Int, seed: UInt64) -> [Bool] {
    var random = QuickRandom(seed)
    var drawn = [Bool](repeating: false, count: count)
    for _ in 0..<count { drawn[random.below(count)] = true }
    return drawn
}

extension GrownTree {
    fileprivate mutating func append(cover: Int) {
        nodes.append(0)
        covers.append(UInt32(truncatingIfNeeded: cover))
    }
}

// MARK: The best split of a node

extension GrowthTable {
    /// The best split among randomly drawn features; features that are constant here do not count as drawn.
    private func bestSplit(
        _ node: OpenNode, _ rows: UnsafePointer<UInt32>, _ sums: UnsafePointer<SIMD2<Int64>>,
        _ settings: TreeGrowth, _ random: inout QuickRandom, _ scratch: NodeScratch
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
            let count = occurring(
                feature, rows + node.rows.lowerBound, sums + node.rows.lowerBound, node.rows.count, scratch)
            if count < 2 { continue }
            varying += 1
            if bins[feature].isCategorical {
                scanLevels(feature, count, node, settings, scratch, &best)
            } else {
                scanBins(feature, count, node, settings, &random, scratch, &best)
            }
        }
        return best
    }

    /// Lists the bins of a feature that occur in a node, with their sums; returns how many there are.
    private func occurring(
        _ feature: Int, _ rows: UnsafePointer<UInt32>, _ sums: UnsafePointer<SIMD2<Int64>>, _ rowCount: Int,
        _ scratch: NodeScratch
    ) -> Int {
        let (histogram, present, words) = (scratch.histogram, scratch.present, scratch.words)
        let (found, foundSums) = (scratch.bins, scratch.sums)
        let binCount = bins[feature].count + 1
        var count = 0
        columns[feature].withUnsafeBufferPointer { column in
            guard let column = column.baseAddress else { return }
            if rowCount >= 2 * binCount {
                for i in 0..<rowCount {
                    let code = Int(column[Int(rows[i])])
                    histogram[code] &+= sums[i]
                }
                for bin in 0..<binCount {
                    let sum = histogram[bin]
                    found[count] = Int32(truncatingIfNeeded: bin)
                    foundSums[count] = sum
                    count &+= sum.y != 0 ? 1 : 0
                    histogram[bin] = .zero
                }
                return
            }
            for i in 0..<rowCount {
                let code = Int(column[Int(rows[i])])
                histogram[code] &+= sums[i]
                present[code >> 6] |= 1 << UInt64(truncatingIfNeeded: code & 63)
                words[code >> 12] |= 1 << UInt64(truncatingIfNeeded: code >> 6 & 63)
            }
            for group in 0...((binCount - 1) >> 12) {
                var groupBits = words[group]
                words[group] = 0
                while groupBits != 0 {
                    let word = group << 6 + groupBits.trailingZeroBitCount
                    groupBits &= groupBits &- 1
                    var bits = present[word]
                    present[word] = 0
                    while bits != 0 {
                        let bin = word << 6 + bits.trailingZeroBitCount
                        bits &= bits &- 1
                        found[count] = Int32(truncatingIfNeeded: bin)
                        foundSums[count] = histogram[bin]
                        histogram[bin] = .zero
                        count &+= 1
                    }
                }
            }
        }
        return count
    }

    /// Tries to have `left` apart from the rest of the node; returns whether that is the best split so far.
    @inline(__always)
    private func isBetter(
        _ left: SIMD2<Int64>, _ feature: Int, _ node: OpenNode, _ settings: TreeGrowth, _ best: inout Split
    ) -> Bool {
        let (leftRows, rows) = (Int(left.y >> weightBits), node.rows.count)
        guard leftRows >= settings.minimumLeafRows, rows &- leftRows >= settings.minimumLeafRows else { return false }
        let (weight, leftWeight) = (Double(node.total.y & weightMask), Double(left.y & weightMask))
        let (a, b) = (Double(left.x) * weight, Double(node.total.x) * leftWeight)
        let (numerator, denominator) = ((a - b) * (a - b), leftWeight * (weight - leftWeight))
        guard numerator * best.denominator > best.numerator * denominator else { return false }
        // Equal means differ by rounding.
        guard abs(a - b) > 1e-13 * (abs(a) + abs(b)) else { return false }
        let direction = settings.monotone[feature]
        if direction != 0 || node.low > -.infinity || node.high < .infinity {
            let (low, high) = (value(left), value(node.total &- left))
            guard min(low, high) >= node.low, max(low, high) <= node.high, Double(direction) * (high - low) >= 0 else {
                return false
            }
        }
        (best.numerator, best.denominator, best.feature, best.leftTotal) = (numerator, denominator, feature, left)
        return true
    }

    /// Tries all cuts between the bins that occur, with missing values on either side.
    @inline(__always)
    private func scanBins(
        _ feature: Int, _ count: Int, _ node: OpenNode, _ settings: TreeGrowth, _ random: inout QuickRandom,
        _ scratch: NodeScratch, _ best: inout Split
    ) {
        let (found, sums, missingCode) = (scratch.bins, scratch.sums, bins[feature].count)
        let hasMissing = Int(found[count - 1]) == missingCode
        let last = hasMissing ? count - 2 : count - 1
        // A random cut is uniform between the smallest and the largest value here.
        var cuts = 0..<last
        if settings.randomCuts, last > 0 {
            let (low, high) = (
                Double(ValueKey.number(bins[feature].lower[Int(found[0])])),
                Double(ValueKey.number(bins[feature].upper[Int(found[last])]))
            )
            let cut = ValueKey.of(low + random.uniform() * (high - low))
            let bin = bins[feature].upper.withUnsafeBufferPointer { position(of: cut, in: $0) } - 1
            let place = (0..<last).last { Int(found[$0]) <= bin } ?? 0
            cuts = place..<place + 1
        }
        var left = SIMD2<Int64>.zero
        for place in 0..<cuts.lowerBound { left &+= sums[place] }
        for place in cuts {
            left &+= sums[place]
            if isBetter(left, feature, node, settings, &best) {
                (best.left, best.right) = (Int(found[place]), Int(found[place + 1]))
                // Without missing rows here, later ones go with the larger part.
                best.missingLeft = !hasMissing && 2 * (left.y & weightMask) > node.total.y & weightMask
            }
            if hasMissing, isBetter(left &+ sums[count - 1], feature, node, settings, &best) {
                (best.left, best.right, best.missingLeft) = (Int(found[place]), Int(found[place + 1]), true)
            }
        }
        if hasMissing, isBetter(node.total &- sums[count - 1], feature, node, settings, &best) {
            (best.left, best.right, best.missingLeft) = (Int(found[last]), missingCode, false)
        }
    }

    /// Orders the levels by their shrunken mean and tries all cuts of that order (Fisher's grouping).
    ///
    /// Levels without rows here, missing and unseen ones go right: with the missing rows, or the larger part.
    private func scanLevels(
        _ feature: Int, _ count: Int, _ node: OpenNode, _ settings: TreeGrowth, _ scratch: NodeScratch,
        _ best: inout Split
    ) {
        let (found, sums, order) = (scratch.bins, scratch.sums, scratch.order)
        let mean = Double(node.total.x) / Double(node.total.y & weightMask)
        // The prior counts for more rows the fewer there are.
        let prior = settings.categorySmoothing * (1 + 64 / Double(node.rows.count)) * weightScale
        for place in 0..<count {
            let weight = Double(sums[place].y & weightMask)
            let shrunk = Float((Double(sums[place].x) - mean * weight) / (weight + prior))
            order[place] = UInt64(ValueKey.of(Double(shrunk))) << 32 | UInt64(place)
        }
        sortAscending(UnsafeMutableBufferPointer(start: order, count: count))
        @inline(__always) func place(_ position: Int) -> Int { Int(truncatingIfNeeded: order[position] & 0xFFFF_FFFF) }
        var (left, cut) = (SIMD2<Int64>.zero, -1)
        for position in 0..<(count - 1) {
            left &+= sums[place(position)]
            if isBetter(left, feature, node, settings, &best) { cut = position + 1 }
        }
        guard cut > 0 else { return }
        let missingCode = Int32(truncatingIfNeeded: bins[feature].count)
        let missingAt = found[count - 1] == missingCode ? (0..<count).first { place($0) == count - 1 } : nil
        let keepsOrder =
            missingAt.map { $0 >= cut } ?? (2 * (best.leftTotal.y & weightMask) <= node.total.y & weightMask)
        if !keepsOrder { best.leftTotal = node.total &- best.leftTotal }
        for word in 0..<scratch.wordCount { scratch.levels[word] = 0 }
        for position in keepsOrder ? 0..<cut : cut..<count {
            let bin = Int(found[place(position)])
            scratch.levels[bin >> 6] |= 1 << UInt64(truncatingIfNeeded: bin & 63)
        }
    }

    /// Moves the rows that go left to the front, keeping the order on both sides, and returns how many there are.
    private func partition(
        _ rows: UnsafeMutablePointer<UInt32>, _ sums: UnsafeMutablePointer<SIMD2<Int64>>?, _ range: Range<Int>,
        _ split: Split, _ scratch: NodeScratch
    ) -> Int {
        let missing = Code(truncatingIfNeeded: bins[split.feature].count)
        let (rows, sums) = (rows + range.lowerBound, sums.map { $0 + range.lowerBound })
        return columns[split.feature].withUnsafeBufferPointer { column in
            guard let column = column.baseAddress else { return 0 }
            if bins[split.feature].isCategorical {
                let levels = scratch.levels
                return divide(rows, sums, range.count, scratch) { row in
                    let code = Int(column[Int(row)])
                    return levels[code >> 6] >> UInt64(truncatingIfNeeded: code & 63) & 1 != 0
                }
            }
            let last = Code(truncatingIfNeeded: split.left)
            if split.missingLeft {
                return divide(rows, sums, range.count, scratch) { row in
                    let code = column[Int(row)]
                    return (code <= last) != (code == missing)
                }
            }
            return divide(rows, sums, range.count, scratch) { column[Int($0)] <= last }
        }
    }

    @inline(__always)
    private func divide(
        _ rows: UnsafeMutablePointer<UInt32>, _ sums: UnsafeMutablePointer<SIMD2<Int64>>?, _ count: Int,
        _ scratch: NodeScratch, _ goesLeft: (UInt32) -> Bool
    ) -> Int {
        var (left, right) = (0, 0)
        guard let sums else {
            for i in 0..<count {
                let row = rows[i]
                rows[left] = row
                scratch.moved[right] = row
                let step = goesLeft(row) ? 1 : 0
                left &+= step
                right &+= 1 &- step
            }
            (rows + left).update(from: scratch.moved, count: right)
            return left
        }
        for i in 0..<count {
            let (row, sum) = (rows[i], sums[i])
            rows[left] = row
            sums[left] = sum
            scratch.moved[right] = row
            scratch.movedCells[right] = sum
            let step = goesLeft(row) ? 1 : 0
            left &+= step
            right &+= 1 &- step
        }
        (rows + left).update(from: scratch.moved, count: right)
        (sums + left).update(from: scratch.movedCells, count: right)
        return left
    }

    private func encode(_ split: Split, child: Int, _ tree: inout GrownTree, _ scratch: NodeScratch) -> UInt64 {
        let feature = bins[split.feature]
        let slot = 1 + 2 * split.feature
        if feature.isCategorical {
            let first = tree.sets.count
            for word in 0..<(feature.count / 32 + 1) {
                tree.sets.append(UInt32(truncatingIfNeeded: scratch.levels[word / 2] >> UInt64(32 * (word % 2))))
            }
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

/// Sorts a few integers quickly.
func sortAscending(_ values: UnsafeMutableBufferPointer<UInt64>) {
    guard values.count <= 32 else {
        var values = values
        return values.sort()
    }
    for i in 1..<max(1, values.count) {
        let value = values[i]
        var j = i
        while j > 0, values[j - 1] > value {
            values[j] = values[j - 1]
            j -= 1
        }
        values[j] = value
    }
}
