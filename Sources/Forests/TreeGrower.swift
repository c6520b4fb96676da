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
    /// What is subtracted from the values of leaves.
    let offset: Double
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

/// The codes of all features of one row.
private typealias PackedCodes = SIMD16<UInt8>

/// The drawn rows of a tree, in the order of its nodes.
private struct GrowingRows {
    let rows: UnsafeMutablePointer<UInt32>
    let sums: UnsafeMutablePointer<SIMD2<Int64>>
    /// `nil` where the codes of a row do not fit: they are looked up in the columns then, which is slower.
    let codes: UnsafeMutablePointer<PackedCodes>?

    static func + (start: GrowingRows, offset: Int) -> GrowingRows {
        GrowingRows(rows: start.rows + offset, sums: start.sums + offset, codes: start.codes.map { $0 + offset })
    }
}

/// Memory that the nodes of one tree share.
private struct NodeScratch {
    let histogram: UnsafeMutablePointer<SIMD2<Int64>>
    let binStride: Int
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
    let movedCodes: UnsafeMutablePointer<PackedCodes>

    /// How many features' histograms are filled together.
    static let together = 3

    init(rows: Int, bins count: Int, features featureCount: Int) {
        wordCount = (count + 63) / 64
        binStride = count
        histogram = .allocate(capacity: NodeScratch.together * count)
        present = .allocate(capacity: wordCount)
        words = .allocate(capacity: (wordCount + 63) / 64)
        bins = .allocate(capacity: count)
        sums = .allocate(capacity: count)
        order = .allocate(capacity: count)
        levels = .allocate(capacity: wordCount)
        features = .allocate(capacity: featureCount)
        moved = .allocate(capacity: rows)
        movedCells = .allocate(capacity: rows)
        movedCodes = .allocate(capacity: rows)
        histogram.initialize(repeating: .zero, count: NodeScratch.together * count)
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
        movedCodes.deallocate()
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
        var codes = packedCodes(rows[..<drawn])
        let movesOthers = settings.keepsLeafRows || settings.outOfBag
        var leafOf = [UInt32](repeating: 0, count: settings.keepsLeafRows ? rowCount : 0)
        var valueOf = [Float](repeating: 0, count: settings.outOfBag ? rowCount : 0)
        withGrowingRows(&rows, &sums, &codes) { growing in
            let rows = growing.rows
            func canSplit(_ node: OpenNode) -> Bool {
                node.rows.count >= 2 * settings.minimumLeafRows && node.depth < settings.maximumDepth
            }
            func close(_ node: OpenNode) {
                let value = Float(min(max(self.value(node.total), node.low), node.high) - offset)
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
                    split = bestSplit(node, growing + node.rows.lowerBound, settings, &random, scratch)
                }
                guard split.feature >= 0 else {
                    close(node)
                    continue
                }
                var (left, right) = children(of: node, split, settings)
                (left.index, right.index) = (tree.nodes.count, tree.nodes.count + 1)
                let (opensLeft, opensRight) = (canSplit(left), canSplit(right))
                if opensLeft || opensRight || settings.keepsLeafRows {
                    partition(growing + node.rows.lowerBound, node.rows.count, split, scratch)
                }
                if movesOthers {
                    let middle =
                        node.others.lowerBound
                        + partition(others: rows + node.others.lowerBound, node.others.count, split, scratch)
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
        if settings.outOfBag { for row in 0..<rowCount where times[row] == 0 { tree.outOfBag.append(valueOf[row]) } }
        if settings.keepsLeafRows { keepRows(leafOf, &tree) }
        return tree
    }

    /// The codes of some rows, feature after feature in each; empty where they do not fit.
    private func packedCodes(_ rows: ArraySlice<UInt32>) -> [PackedCodes] {
        let size = MemoryLayout<Code>.size
        guard bins.count * size <= MemoryLayout<PackedCodes>.size else { return [] }
        var packed = [PackedCodes](repeating: .zero, count: rows.count)
        packed.withUnsafeMutableBytes { packed in
            for (feature, column) in columns.enumerated() {
                column.withUnsafeBufferPointer { column in
                    for (i, row) in rows.enumerated() {
                        packed.storeBytes(
                            of: column[Int(row)], toByteOffset: i &* MemoryLayout<PackedCodes>.size &+ feature &* size,
                            as: Code.self)
                    }
                }
            }
        }
        return packed
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

private func withGrowingRows(
    _ rows: inout [UInt32], _ sums: inout [SIMD2<Int64>], _ codes: inout [PackedCodes], _ body: (GrowingRows) -> Void
) {
    rows.withUnsafeMutableBufferPointer { rows in
        sums.withUnsafeMutableBufferPointer { sums in
            codes.withUnsafeMutableBufferPointer { codes in
                guard let rows = rows.baseAddress, let sums = sums.baseAddress else { return }
                body(GrowingRows(rows: rows, sums: sums, codes: codes.isEmpty ? nil : codes.baseAddress))
            }
        }
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
        _ node: OpenNode, _ growing: GrowingRows, _ settings: TreeGrowth, _ random: inout QuickRandom,
        _ scratch: NodeScratch
    ) -> Split {
        var best = Split()
        var (drawn, varying) = (0, 0)
        let featureCount = bins.count
        // Random cuts use the same random numbers, one feature after the other.
        let most = settings.randomCuts ? 1 : NodeScratch.together
        while drawn < featureCount, varying < settings.candidateFeatures {
            let features = scratch.features + drawn
            let count = min(most, settings.candidateFeatures - varying, featureCount - drawn)
            for _ in 0..<count {
                let other = drawn + random.below(featureCount - drawn)
                (scratch.features[drawn], scratch.features[other]) = (scratch.features[other], scratch.features[drawn])
                drawn += 1
            }
            let isFull = fill(features, count, growing, node.rows.count, scratch)
            for place in 0..<count {
                let feature = Int(features[place])
                let found =
                    isFull
                    ? collect(feature, scratch.histogram + place * scratch.binStride, scratch)
                    : occurring(feature, growing, node.rows.count, scratch)
                if found < 2 { continue }
                varying += 1
                if bins[feature].isCategorical {
                    scanLevels(feature, found, node, settings, scratch, &best)
                } else {
                    scanBins(feature, found, node, settings, &random, scratch, &best)
                }
            }
        }
        return best
    }

    /// Calls `body` with what looks up the code of a feature in each row.
    @inline(__always)
    private func withCodes<Result>(
        _ feature: Int, _ growing: GrowingRows, _ body: ((Int) -> Code) -> Result
    ) -> Result {
        if let codes = growing.codes {
            let base = UnsafeRawPointer(codes) + feature * MemoryLayout<Code>.size
            return body {
                base.load(fromByteOffset: $0 &* MemoryLayout<PackedCodes>.size, as: Code.self)
            }
        }
        let rows = growing.rows
        return columns[feature].withUnsafeBufferPointer { column in body { column[Int(rows[$0])] } }
    }

    /// Sums the rows of a node by the bins of several features, unless there are so few rows that most bins would stay
    /// empty; returns whether it did.
    private func fill(
        _ features: UnsafePointer<Int32>, _ count: Int, _ growing: GrowingRows, _ rowCount: Int, _ scratch: NodeScratch
    ) -> Bool {
        for place in 0..<count where rowCount < 2 * (bins[Int(features[place])].count + 1) { return false }
        let (histogram, sums) = (scratch.histogram, growing.sums)
        if count == 3, growing.codes != nil {
            let (second, third) = (histogram + scratch.binStride, histogram + 2 * scratch.binStride)
            withCodes(Int(features[0]), growing) { a in
                withCodes(Int(features[1]), growing) { b in
                    withCodes(Int(features[2]), growing) { c in
                        for i in 0..<rowCount {
                            let (i1, i2, i3, sum) = (Int(a(i)), Int(b(i)), Int(c(i)), sums[i])
                            histogram[i1] &+= sum
                            second[i2] &+= sum
                            third[i3] &+= sum
                        }
                    }
                }
            }
            return true
        }
        for place in 0..<count {
            let own = histogram + place * scratch.binStride
            withCodes(Int(features[place]), growing) { code in
                for i in 0..<rowCount { own[Int(code(i))] &+= sums[i] }
            }
        }
        return true
    }

    /// Lists the bins of a histogram that are not empty, with their sums, and empties it; returns how many there are.
    private func collect(_ feature: Int, _ histogram: UnsafeMutablePointer<SIMD2<Int64>>, _ scratch: NodeScratch) -> Int
    {
        let (found, foundSums) = (scratch.bins, scratch.sums)
        var count = 0
        for bin in 0..<(bins[feature].count + 1) {
            let sum = histogram[bin]
            found[count] = Int32(truncatingIfNeeded: bin)
            foundSums[count] = sum
            count &+= sum.y != 0 ? 1 : 0
            histogram[bin] = .zero
        }
        return count
    }

    /// The same for a node of few rows: lists the bins of a feature that occur in it.
    private func occurring(_ feature: Int, _ growing: GrowingRows, _ rowCount: Int, _ scratch: NodeScratch) -> Int {
        let (histogram, present, words) = (scratch.histogram, scratch.present, scratch.words)
        let (found, foundSums, sums) = (scratch.bins, scratch.sums, growing.sums)
        withCodes(feature, growing) { code in
            for i in 0..<rowCount {
                let code = Int(code(i))
                histogram[code] &+= sums[i]
                present[code >> 6] |= 1 << UInt64(truncatingIfNeeded: code & 63)
                words[code >> 12] |= 1 << UInt64(truncatingIfNeeded: code >> 6 & 63)
            }
        }
        var count = 0
        for group in 0...(bins[feature].count >> 12) {
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

    /// Moves the drawn rows that go left to the front, keeping the order on both sides.
    private func partition(_ growing: GrowingRows, _ count: Int, _ split: Split, _ scratch: NodeScratch) {
        let (rows, sums) = (growing.rows, growing.sums)
        let (moved, movedSums) = (scratch.moved, scratch.movedCells)
        guard let codes = growing.codes else {
            let left = withCodes(split.feature, growing) { code in
                divide(count, split, scratch, code) { from, left, right in
                    let (row, sum) = (rows[from], sums[from])
                    (rows[left], moved[right]) = (row, row)
                    (sums[left], movedSums[right]) = (sum, sum)
                }
            }
            (rows + left).update(from: moved, count: count - left)
            (sums + left).update(from: movedSums, count: count - left)
            return
        }
        let movedCodes = scratch.movedCodes
        let left = withCodes(split.feature, growing) { code in
            divide(count, split, scratch, code) { from, left, right in
                let (row, sum, own) = (rows[from], sums[from], codes[from])
                (rows[left], moved[right]) = (row, row)
                (sums[left], movedSums[right]) = (sum, sum)
                (codes[left], movedCodes[right]) = (own, own)
            }
        }
        (rows + left).update(from: moved, count: count - left)
        (sums + left).update(from: movedSums, count: count - left)
        (codes + left).update(from: movedCodes, count: count - left)
    }

    /// The same for rows that were not drawn; returns how many go left.
    private func partition(
        others rows: UnsafeMutablePointer<UInt32>, _ count: Int, _ split: Split, _ scratch: NodeScratch
    ) -> Int {
        let moved = scratch.moved
        let left = columns[split.feature].withUnsafeBufferPointer { column in
            divide(count, split, scratch, { column[Int(rows[$0])] }) { from, left, right in
                let row = rows[from]
                (rows[left], moved[right]) = (row, row)
            }
        }
        (rows + left).update(from: moved, count: count - left)
        return left
    }

    /// Calls `move(from, left, right)` for each of `count` places, with the next place on the left and on the right: one
    /// of the two is kept. Returns how many go left.
    @inline(__always)
    private func divide(
        _ count: Int, _ split: Split, _ scratch: NodeScratch, _ code: (Int) -> Code, _ move: (Int, Int, Int) -> Void
    ) -> Int {
        let missing = Code(truncatingIfNeeded: bins[split.feature].count)
        let (last, levels) = (Code(truncatingIfNeeded: split.left), scratch.levels)
        @inline(__always) func divide(_ goesLeft: (Code) -> Bool) -> Int {
            var (left, right) = (0, 0)
            for i in 0..<count {
                let step = goesLeft(code(i)) ? 1 : 0
                move(i, left, right)
                left &+= step
                right &+= 1 &- step
            }
            return left
        }
        if bins[split.feature].isCategorical {
            return divide { levels[Int($0) >> 6] >> UInt64(truncatingIfNeeded: Int($0) & 63) & 1 != 0 }
        }
        return split.missingLeft ? divide { ($0 <= last) != ($0 == missing) } : divide { $0 <= last }
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
