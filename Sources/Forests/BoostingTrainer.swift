internal import CPrefetch
internal import Foundation
internal import LinearAlgebra

/// Grows the trees of one boosted forest, leaf by leaf, the best split first.
///
/// Sources: Friedman, *Greedy Function Approximation* (2001); histograms with subtraction and leaf-wise growth as in
/// Ke et al., *LightGBM* (2017).
final class BoostingTrainer<Cell: HistogramCell>: @unchecked Sendable {
    let table: BoostingTable
    let options: BoostingOptions
    /// Per feature: 0, or the direction of the monotone constraint.
    let monotone: [Int]
    let threads: Int
    var grid: GradientGrid
    /// The rows in the order of the leaves, and room to move them.
    private let order: UnsafeMutablePointer<UInt32>
    private let moved: UnsafeMutablePointer<UInt32>
    /// Every row's gradient cell.
    let cells: UnsafeMutablePointer<Cell>
    /// Room for the number of every row's leaf.
    let leafOfRow: UnsafeMutablePointer<UInt16>
    private var pool: [UnsafeMutablePointer<Cell>] = []
    private let lock = NSCondition()
    /// The features that the next tree may use. Histograms hold these only, in this order.
    var activeFeatures: [Int]

    init(_ table: BoostingTable, _ options: BoostingOptions, threads: Int) {
        (self.table, self.options) = (table, options)
        monotone = table.bins.map { options.monotone[$0.feature.name] ?? 0 }
        // A tree on few rows is grown faster by one thread than by two that wait for each other.
        self.threads = table.rowCount * table.featureCount < 200_000 ? 1 : threads
        grid = GradientGrid(rows: table.rowCount)
        order = .allocate(capacity: table.rowCount)
        moved = .allocate(capacity: table.rowCount)
        cells = .allocate(capacity: table.rowCount)
        leafOfRow = .allocate(capacity: table.rowCount)
        activeFeatures = Array(0..<table.featureCount)
    }

    deinit {
        order.deallocate()
        moved.deallocate()
        cells.deallocate()
        leafOfRow.deallocate()
        for histogram in pool { histogram.deallocate() }
    }

    /// A leaf that may be split further.
    private struct Leaf {
        var node: Int
        var start: Int
        var end: Int
        var depth: Int
        var sums: Cell
        var histogram: UnsafeMutablePointer<Cell>?
        var split: BoostingSplit
        /// The range that monotone constraints leave for the value.
        var low = -Double.infinity
        var high = Double.infinity
        var state = State.waiting
        var left = -1
        var right = -1

        var count: Int { end - start }

        enum State { case waiting, busy, split }

        func comes(before other: Leaf) -> Bool {
            split.gain > other.split.gain || (split.gain == other.split.gain && start < other.start)
        }
    }

    /// The rows of leaf `node` of the tree that was grown last.
    func rows(_ node: BoostedTree.Node) -> UnsafeBufferPointer<UInt32> {
        UnsafeBufferPointer(start: order + node.start, count: node.end - node.start)
    }

    /// Notes the leaf of the rows at some places of the order, or at all.
    func noteLeaves(_ leaves: [BoostedTree.Node], places: Range<Int>? = nil) {
        let places = places ?? 0..<table.rowCount
        for (number, leaf) in leaves.enumerated() {
            let (from, to) = (max(leaf.start, places.lowerBound), min(leaf.end, places.upperBound))
            guard from < to else { continue }
            let number = UInt16(truncatingIfNeeded: number)
            for row in rows(leaf)[(from - leaf.start)..<(to - leaf.start)] { leafOfRow[Int(row)] = number }
        }
    }

    /// Grows one tree on `sample`, or on all rows.
    func grow(sample: [UInt32]?) -> BoostedTree {
        let count = sample?.count ?? table.rowCount
        if let sample {
            for (i, row) in sample.enumerated() { order[i] = row }
        } else {
            for i in 0..<count { order[i] = UInt32(truncatingIfNeeded: i) }
        }
        let histogram = takeHistogram()
        var total = rootHistogram(histogram, count, allRows: sample == nil)
        if table.featureCount == 0 { total = .zero }
        var root = Leaf(
            node: 0, start: 0, end: count, depth: 0, sums: total, histogram: histogram, split: BoostingSplit())
        root.split = bestSplit(root)
        nonisolated(unsafe) var leaves = [root]
        nonisolated(unsafe) var unfinished = 0
        let team = count >= 20_000 ? threads : 1
        if team == 1 {
            var count = 1
            while count < options.maximumLeaves, let index = bestWaiting(leaves) {
                finish((index, children(of: leaves[index])), &leaves)
                count += 1
            }
        } else {
            DispatchQueue.concurrentPerform(iterations: team) { _ in
                lock.lock()
                while true {
                    if let index = nextToSplit(leaves) {
                        unfinished += 1
                        leaves[index].state = .busy
                        let parent = leaves[index]
                        lock.unlock()
                        let children = self.children(of: parent)
                        lock.lock()
                        finish((index, children), &leaves)
                        unfinished -= 1
                        lock.broadcast()
                    } else if unfinished > 0 {
                        lock.wait()
                    } else {
                        break
                    }
                }
                lock.broadcast()
                lock.unlock()
            }
        }
        for leaf in leaves { if let histogram = leaf.histogram { pool.append(histogram) } }
        return tree(leaves)
    }

    /// The leaf of largest gain; the leftmost one among equals.
    private func bestWaiting(_ leaves: [Leaf]) -> Int? {
        var best = -1
        for index in leaves.indices where leaves[index].state == .waiting && leaves[index].split.feature >= 0 {
            if best < 0 || leaves[index].comes(before: leaves[best]) { best = index }
        }
        return best < 0 ? nil : best
    }

    private func finish(_ result: (index: Int, children: (Leaf, Leaf)), _ leaves: inout [Leaf]) {
        leaves[result.index].state = .split
        leaves[result.index].histogram = nil
        leaves[result.index].left = leaves.count
        leaves[result.index].right = leaves.count + 1
        leaves.append(result.children.0)
        leaves.append(result.children.1)
    }

    /// The leaf to split next: the tree is what splitting the leaf of largest gain again and again gives, so a leaf is
    /// worth splitting ahead of its turn only if its turn would come with what is known now.
    private func nextToSplit(_ leaves: [Leaf]) -> Int? {
        var next: Int?
        bestFirst(leaves) { index in
            if leaves[index].state == .waiting {
                next = index
                return false
            }
            return true
        }
        return next
    }

    /// Visits the leaves in the order in which they are split, until `visit` says false or the tree is full.
    private func bestFirst(_ leaves: [Leaf], _ visit: (Int) -> Bool) {
        var frontier = [0]
        var count = 1
        while count < options.maximumLeaves {
            var best = -1
            for (position, index) in frontier.enumerated() where leaves[index].split.feature >= 0 {
                if best < 0 || leaves[index].comes(before: leaves[frontier[best]]) { best = position }
            }
            guard best >= 0 else { return }
            let index = frontier.remove(at: best)
            guard visit(index) else { return }
            if leaves[index].state == .split { frontier += [leaves[index].left, leaves[index].right] }
            count += 1
        }
    }

    /// The finished tree: speculative splits that never had their turn are leaves.
    private func tree(_ leaves: [Leaf]) -> BoostedTree {
        var chosen = [Bool](repeating: false, count: leaves.count)
        bestFirst(leaves) { index in
            chosen[index] = true
            return true
        }
        var tree = BoostedTree()
        func add(_ index: Int) -> Int {
            let (leaf, place) = (leaves[index], tree.nodes.count)
            var node = BoostedTree.Node()
            (node.start, node.end, node.count) = (leaf.start, leaf.end, leaf.end - leaf.start)
            node.value = value(leaf.sums, leaf.low, leaf.high)
            tree.nodes.append(node)
            guard chosen[index] else { return place }
            node.feature = leaf.split.feature
            (node.bin, node.missingLeft, node.levels) = (leaf.split.bin, leaf.split.missingLeft, leaf.split.levels)
            node.left = add(leaf.left)
            node.right = add(leaf.right)
            tree.nodes[place] = node
            return place
        }
        _ = add(0)
        return tree
    }

    /// The value that minimises the loss to second order, inside its bounds.
    private func value(_ sums: Cell, _ low: Double, _ high: Double) -> Double {
        let hessian = sums.hessian(grid) / grid.hessianScale + options.l2
        guard hessian > 0 else { return 0 }
        return min(max(-sums.gradient(grid) / grid.gradientScale / hessian, low), high)
    }

    // MARK: Histograms

    private var histogramCount: Int { activeFeatures.count * BoostingTable.binStride }

    private func takeHistogram() -> UnsafeMutablePointer<Cell> {
        lock.lock()
        defer { lock.unlock() }
        return pool.popLast() ?? .allocate(capacity: table.featureCount * BoostingTable.binStride)
    }

    private func returnHistogram(_ histogram: UnsafeMutablePointer<Cell>) {
        lock.lock()
        pool.append(histogram)
        lock.unlock()
    }

    private func rootHistogram(_ histogram: UnsafeMutablePointer<Cell>, _ count: Int, allRows: Bool) -> Cell {
        let parts = count >= 20_000 ? threads : 1
        nonisolated(unsafe) let histograms = [histogram] + (1..<max(1, parts)).map { _ in takeHistogram() }
        let sums = Parallel.map(count: parts, threads: parts) { part -> Cell in
            let (from, to) = (count * part / parts, count * (part + 1) / parts)
            if allRows { return fill(histograms[part], rows: from..<to) }
            return fill(histograms[part], order: UnsafeBufferPointer(start: order + from, count: to - from))
        }
        for other in histograms.dropFirst() {
            for i in 0..<histogramCount { histogram[i] = histogram[i] &+ other[i] }
            returnHistogram(other)
        }
        return sums.reduce(.zero) { $0 &+ $1 }
    }

    private func fill(_ histogram: UnsafeMutablePointer<Cell>, rows: Range<Int>) -> Cell {
        fill(histogram, count: rows.count) { rows.lowerBound + $0 }
    }

    private func fill(_ histogram: UnsafeMutablePointer<Cell>, order: UnsafeBufferPointer<UInt32>) -> Cell {
        guard let rows = order.baseAddress else { return fill(histogram, rows: 0..<0) }
        let (width, last) = (table.featureCount, order.count - 1)
        return table.byRow.withUnsafeBufferPointer { codes in
            guard let codes = codes.baseAddress else { return fill(histogram, rows: 0..<0) }
            return fill(histogram, count: order.count) { i in
                // Rows of a leaf lie far apart where there are many: they are asked for ahead of their turn.
                let ahead = Int(rows[min(i &+ 24, last)])
                prefetch(codes + ahead &* width)
                prefetch(cells + ahead)
                return Int(rows[i])
            }
        }
    }

    @inline(__always)
    private func fill(_ histogram: UnsafeMutablePointer<Cell>, count: Int, _ row: (Int) -> Int) -> Cell {
        histogram.initialize(repeating: .zero, count: histogramCount)
        let width = table.featureCount
        var total = Cell.zero
        table.byRow.withUnsafeBufferPointer { codes in
            activeFeatures.withUnsafeBufferPointer { active in
                guard let base = codes.baseAddress, let features = active.baseAddress else { return }
                if active.count == width {
                    for i in 0..<count {
                        let row = row(i)
                        let cell = cells[row]
                        total = total &+ cell
                        addRow(histogram, base + row * width, width, cell) { $0 }
                    }
                } else {
                    for i in 0..<count {
                        let row = row(i)
                        let cell = cells[row]
                        total = total &+ cell
                        addRow(histogram, base + row * width, active.count, cell) { features[$0] }
                    }
                }
            }
        }
        return total
    }

    @inline(__always)
    private func addRow(
        _ histogram: UnsafeMutablePointer<Cell>, _ row: UnsafePointer<UInt8>, _ count: Int, _ cell: Cell,
        _ feature: (Int) -> Int
    ) {
        var bins = histogram
        var i = 0
        while i + 4 <= count {
            let (a, b, c, d) = (
                Int(row[feature(i)]), Int(row[feature(i + 1)]), Int(row[feature(i + 2)]), Int(row[feature(i + 3)])
            )
            bins[a] = bins[a] &+ cell
            bins[256 + b] = bins[256 + b] &+ cell
            bins[512 + c] = bins[512 + c] &+ cell
            bins[768 + d] = bins[768 + d] &+ cell
            bins += 1024
            i += 4
        }
        while i < count {
            let a = Int(row[feature(i)])
            bins[a] = bins[a] &+ cell
            bins += 256
            i += 1
        }
    }

    // MARK: Splitting a leaf

    /// Moves the rows of a leaf to its children, and finds how the children would be split.
    private func children(of parent: Leaf) -> (Leaf, Leaf) {
        let split = parent.split
        let middle = parent.start + partition(parent)
        var left = Leaf(
            node: 0, start: parent.start, end: middle, depth: parent.depth + 1, sums: split.left, histogram: nil,
            split: BoostingSplit(), low: parent.low, high: parent.high)
        var right = Leaf(
            node: 0, start: middle, end: parent.end, depth: parent.depth + 1, sums: parent.sums &- split.left,
            histogram: nil, split: BoostingSplit(), low: parent.low, high: parent.high)
        let direction = monotone[split.feature]
        if direction != 0 {
            let between = (value(left.sums, parent.low, parent.high) + value(right.sums, parent.low, parent.high)) / 2
            if direction > 0 {
                (left.high, right.low) = (between, between)
            } else {
                (left.low, right.high) = (between, between)
            }
        }
        let splittable = { (leaf: Leaf) in
            leaf.count >= 2 * self.options.minimumLeafRows && leaf.depth < self.options.maximumDepth
        }
        let leftIsSmall = left.count <= right.count
        if let histogram = parent.histogram {
            if max(left.count, right.count) > Self.fewRows, splittable(left) || splittable(right) {
                // The larger child's histogram is what the smaller one's leaves of the parent's.
                let (small, rows) = (takeHistogram(), leftIsSmall ? left : right)
                _ = fill(small, order: UnsafeBufferPointer(start: order + rows.start, count: rows.count))
                for i in 0..<histogramCount { histogram[i] = histogram[i] &- small[i] }
                (left.histogram, right.histogram) = leftIsSmall ? (small, histogram) : (histogram, small)
            } else {
                returnHistogram(histogram)
            }
        }
        if splittable(left) { left.split = bestSplit(left) }
        if splittable(right) { right.split = bestSplit(right) }
        return (left, right)
    }

    /// Moves the rows that go left to the front of the leaf, keeping the order on both sides; returns their number.
    private func partition(_ leaf: Leaf) -> Int {
        let split = leaf.split
        let feature = split.feature
        return table.byColumn.withUnsafeBufferPointer { codes in
            guard let base = codes.baseAddress else { return 0 }
            let column = base + feature * table.rowCount
            let missing = UInt8(truncatingIfNeeded: table.bins[feature].count)
            let bin = UInt8(truncatingIfNeeded: split.bin)
            if let levels = split.levels {
                return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { flags in
                    for code in 0..<256 { flags[code] = levels.contains(code) ? 1 : 0 }
                    return divide(leaf) { Int(flags[Int(column[Int($0)])]) }
                }
            }
            if split.missingLeft {
                return divide(leaf) {
                    let code = column[Int($0)]
                    return code <= bin || code == missing ? 1 : 0
                }
            }
            return divide(leaf) { column[Int($0)] <= bin ? 1 : 0 }
        }
    }

    @inline(__always)
    private func divide(_ leaf: Leaf, _ goesLeft: (UInt32) -> Int) -> Int {
        let (rows, other) = (order + leaf.start, moved + leaf.start)
        var (left, right) = (0, 0)
        for i in 0..<(leaf.end - leaf.start) {
            let row = rows[i]
            rows[left] = row
            other[right] = row
            let step = goesLeft(row)
            left &+= step
            right &+= 1 &- step
        }
        (rows + left).update(from: other, count: right)
        return left
    }

    // MARK: Finding the split of a leaf

    /// A leaf of at most so many rows is searched from the rows themselves: it has no histogram.
    private static var fewRows: Int { 128 }
    /// In a leaf of at most so many rows so many bins are empty that it is worth gathering the others.
    private static var someRows: Int { 1024 }

    private func bestSplit(_ leaf: Leaf) -> BoostingSplit {
        var best = BoostingSplit()
        let search = SplitSearch<Cell>(
            grid: grid, total: leaf.sums, rows: Int64(leaf.count),
            minimumRows: Int64(options.minimumLeafRows), l2: options.l2 * grid.hessianScale, options: options)
        let stride = BoostingTable.binStride
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: stride) { numbers in
            withUnsafeTemporaryAllocation(of: Cell.self, capacity: 2 * stride) { room in
                guard let numbers = numbers.baseAddress, let cells = room.baseAddress else { return }
                let sums = cells + stride
                if leaf.histogram == nil { sums.initialize(repeating: .zero, count: stride) }
                for (place, feature) in activeFeatures.enumerated() {
                    let count = table.bins[feature].count
                    guard count > 0 else { continue }
                    let bins: LeafBins<Cell>
                    if let histogram = leaf.histogram {
                        let all = UnsafePointer(histogram + place * stride)
                        if leaf.count > Self.someRows {
                            bins = LeafBins(cells: all, count: count, missing: all[count])
                        } else {
                            bins = gathered(all, count, cells, numbers)
                        }
                    } else {
                        bins = gathered(leaf, feature, count, sums, cells, numbers)
                    }
                    if table.isLevels[feature] {
                        search.scanLevels(bins, missing: count, feature, &best)
                    } else if monotone[feature] == 0 && leaf.low == -.infinity && leaf.high == .infinity {
                        search.scan(bins, feature, &best)
                    } else {
                        search.scanBounded(
                            bins, feature, direction: monotone[feature],
                            low: leaf.low * grid.gradientScale / grid.hessianScale,
                            high: leaf.high * grid.gradientScale / grid.hessianScale, &best)
                    }
                }
            }
        }
        // Gains are compared among leaves and with the option in the units of the loss.
        best.gain *= grid.hessianScale / grid.gradientScale / grid.gradientScale
        if best.gain <= options.minimumGain { best.feature = -1 }
        return best
    }

    /// The bins of a histogram that hold rows, gathered in `cells` and `numbers`.
    @inline(__always)
    private func gathered(
        _ all: UnsafePointer<Cell>, _ count: Int, _ cells: UnsafeMutablePointer<Cell>,
        _ numbers: UnsafeMutablePointer<UInt8>
    ) -> LeafBins<Cell> {
        var used = 0
        for bin in 0..<count {
            cells[used] = all[bin]
            numbers[used] = UInt8(truncatingIfNeeded: bin)
            used &+= all[bin].isOccupied
        }
        return LeafBins(cells: cells, count: used, missing: all[count], numbers: numbers)
    }

    /// The same from the rows of a leaf. `sums` is zero before and after.
    @inline(__always)
    private func gathered(
        _ leaf: Leaf, _ feature: Int, _ count: Int, _ sums: UnsafeMutablePointer<Cell>,
        _ cells: UnsafeMutablePointer<Cell>, _ numbers: UnsafeMutablePointer<UInt8>
    ) -> LeafBins<Cell> {
        var occupied = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
        table.byColumn.withUnsafeBufferPointer { codes in
            withUnsafeMutableBytes(of: &occupied) { words in
                guard let base = codes.baseAddress, let words = words.baseAddress else { return }
                let column = base + feature * table.rowCount
                let (order, gradients) = (order, self.cells)
                let bits = words.assumingMemoryBound(to: UInt64.self)
                for i in leaf.start..<leaf.end {
                    let row = Int(order[i])
                    let code = Int(column[row])
                    sums[code] = sums[code] &+ gradients[row]
                    bits[code &>> 6] |= 1 &<< UInt64(truncatingIfNeeded: code & 63)
                }
            }
        }
        // The missing ones come last.
        let missing = sums[count]
        var used = 0
        func gather(_ word: UInt64, _ first: Int) {
            var word = word
            while word != 0 {
                let bin = first &+ word.trailingZeroBitCount
                word &= word &- 1
                cells[used] = sums[bin]
                numbers[used] = UInt8(truncatingIfNeeded: bin)
                sums[bin] = .zero
                used &+= 1
            }
        }
        gather(occupied.0, 0)
        gather(occupied.1, 64)
        gather(occupied.2, 128)
        gather(occupied.3, 192)
        used -= missing.isOccupied
        return LeafBins(cells: cells, count: used, missing: missing, numbers: numbers)
    }

    /// The best split of a leaf's histogram.
    typealias BoostingSplit = Forests.BoostingSplit<Cell>
}

struct BoostingSplit<Cell: HistogramCell> {
    var gain = 0.0
    var feature = -1
    var bin = 0
    var missingLeft = false
    var levels: LevelSet?
    var left = Cell.zero
}
