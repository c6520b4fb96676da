/// The bins of one feature in the histogram of a leaf, in order.
struct LeafBins<Cell: HistogramCell> {
    let cells: UnsafePointer<Cell>
    let count: Int
    /// The rows without a value.
    let missing: Cell
    /// Which bins these are; `nil` if all.
    var numbers: UnsafePointer<UInt8>?

    @inline(__always) func number(_ index: Int) -> Int { numbers.map { Int($0[index]) } ?? index }
}

/// The search for the best split in the histograms of one leaf. Gains are in raw units of the grid.
struct SplitSearch<Cell: HistogramCell> {
    let grid: GradientGrid
    let total: Cell
    let rows: Int64
    let minimumRows: Int64
    let l2: Double
    let options: BoostingOptions
    typealias Bins = LeafBins<Cell>

    /// How good it is to have a group apart: G² / (H + λ).
    @inline(__always)
    private func score(_ sums: Cell, _ ridge: Double) -> Double {
        let gradient = sums.gradient(grid)
        return gradient * gradient / max(sums.hessian(grid) + ridge, .leastNormalMagnitude)
    }

    /// Tries every cut of a numeric feature, with missing rows on either side.
    ///
    /// - Parameter bins: The bins, or those of them that hold rows.
    @inline(__always)
    func scan(_ bins: Bins, _ feature: Int, _ best: inout BoostingSplit<Cell>) {
        let (totalGradient, totalHessian) = (total.gradient(grid), total.hessian(grid))
        let (count, missing) = (bins.count, bins.missing)
        let missingRows = missing.count(grid)
        let parent = score(total, l2)
        // The best so far as a fraction: cuts are compared without dividing.
        var (bestNumerator, bestDenominator) = (best.gain + parent, 1.0)
        var (bestBin, bestLeft, missingLeft) = (-1, Cell.zero, false)
        var left = Cell.zero
        let last = missingRows > 0 ? count : count - 1
        for bin in 0..<last {
            left = left &+ bins.cells[bin]
            let leftRows = left.count(grid)
            if leftRows >= minimumRows {
                if rows &- leftRows < minimumRows { break }
                let (g, h) = (left.gradient(grid), left.hessian(grid))
                let (r, k) = (totalGradient - g, totalHessian - h + l2)
                let ridged = h + l2
                let (numerator, denominator) = (g * g * k + r * r * ridged, ridged * k)
                if numerator * bestDenominator > bestNumerator * denominator {
                    (bestNumerator, bestDenominator, bestBin, bestLeft, missingLeft) =
                        (numerator, denominator, bin, left, false)
                }
            }
        }
        if missingRows > 0 {
            left = missing
            for bin in 0..<max(0, count - 1) {
                left = left &+ bins.cells[bin]
                let leftRows = left.count(grid)
                if leftRows >= minimumRows {
                    if rows &- leftRows < minimumRows { break }
                    let (g, h) = (left.gradient(grid), left.hessian(grid))
                    let (r, k) = (totalGradient - g, totalHessian - h + l2)
                    let ridged = h + l2
                    let (numerator, denominator) = (g * g * k + r * r * ridged, ridged * k)
                    if numerator * bestDenominator > bestNumerator * denominator {
                        (bestNumerator, bestDenominator, bestBin, bestLeft, missingLeft) =
                            (numerator, denominator, bin, left, true)
                    }
                }
            }
        }
        guard bestBin >= 0 else { return }
        let gain = bestNumerator / bestDenominator - parent
        // What rounding alone makes is no gain.
        guard gain > best.gain, gain > 1e-10 * parent else { return }
        if missingRows == 0 { missingLeft = 2 * bestLeft.count(grid) > rows }
        best = BoostingSplit(
            gain: gain, feature: feature, bin: bins.number(bestBin), missingLeft: missingLeft, levels: nil,
            left: bestLeft)
    }

    /// The same with values kept between bounds, in the order that a monotone constraint asks for.
    func scanBounded(
        _ bins: Bins, _ feature: Int, direction: Int, low: Double, high: Double, _ best: inout BoostingSplit<Cell>
    ) {
        let (count, missing) = (bins.count, bins.missing)
        let missingRows = missing.count(grid)
        func value(_ sums: Cell) -> Double {
            min(max(-sums.gradient(grid) / max(sums.hessian(grid) + l2, .leastNormalMagnitude), low), high)
        }
        func score(_ sums: Cell, _ value: Double) -> Double {
            -(2 * sums.gradient(grid) * value + (sums.hessian(grid) + l2) * value * value)
        }
        let parent = score(total, value(total))
        func consider(_ left: Cell, _ bin: Int, _ missingLeft: Bool) {
            let right = total &- left
            let (leftRows, rightRows) = (left.count(grid), right.count(grid))
            guard leftRows >= minimumRows, rightRows >= minimumRows else { return }
            let (leftValue, rightValue) = (value(left), value(right))
            guard Double(direction) * (rightValue - leftValue) >= 0 else { return }
            let gain = score(left, leftValue) + score(right, rightValue) - parent
            guard gain > best.gain, gain > 1e-10 * abs(parent) else { return }
            best = BoostingSplit(
                gain: gain, feature: feature, bin: bins.number(bin),
                missingLeft: missingRows > 0 ? missingLeft : leftRows > rightRows, levels: nil, left: left)
        }
        var left = Cell.zero
        for bin in 0..<max(0, missingRows > 0 ? count : count - 1) {
            left = left &+ bins.cells[bin]
            consider(left, bin, false)
            if missingRows > 0, bin < count - 1 { consider(left &+ missing, bin, true) }
        }
    }

    /// Orders the levels by their shrunken gradient and tries the cuts of that order that part enough rows.
    ///
    /// - Parameter missing: The number of the bin of missing values.
    func scanLevels(_ bins: Bins, missing: Int, _ feature: Int, _ best: inout BoostingSplit<Cell>) {
        let prior = options.categorySmoothing * (1 + 64 / Double(max(1, rows))) * grid.hessianScale
        let ridge = l2 + options.categoryL2 * grid.hessianScale
        let mean = total.gradient(grid) / max(total.hessian(grid), .leastNormalMagnitude)
        withUnsafeTemporaryAllocation(of: (mean: Double, bin: Int).self, capacity: bins.count + 1) { groups in
            var used = 0
            for bin in 0...bins.count {
                let cell = bin < bins.count ? bins.cells[bin] : bins.missing
                if cell.isOccupied == 0 { continue }
                let (g, h) = (cell.gradient(grid), cell.hessian(grid))
                groups.initializeElement(at: used, to: ((g - mean * h) / (h + prior), bin))
                used += 1
            }
            guard used > 1 else { return }
            var order = UnsafeMutableBufferPointer(rebasing: groups[..<used])
            order.sort { ($0.mean, $0.bin) < ($1.mean, $1.bin) }
            let parent = score(total, l2)
            var (left, cut, bestLeft, sinceCut) = (Cell.zero, 0, Cell.zero, Int64(0))
            var bestGain = best.gain
            for position in 0..<(used - 1) {
                let bin = order[position].bin
                let cell = bin < bins.count ? bins.cells[bin] : bins.missing
                left = left &+ cell
                sinceCut += cell.count(grid)
                let leftRows = left.count(grid)
                guard leftRows >= minimumRows, sinceCut >= Int64(options.minimumGroupRows) else { continue }
                guard rows - leftRows >= max(minimumRows, Int64(options.minimumGroupRows)) else { break }
                sinceCut = 0
                let gain = score(left, ridge) + score(total &- left, ridge) - parent
                if gain > bestGain, gain > 1e-10 * parent {
                    (bestGain, cut, bestLeft) = (gain, position + 1, left)
                }
            }
            guard cut > 0 else { return }
            // Missing and unseen levels go right: with the missing rows, or with the larger part.
            let missingAt = order.firstIndex { $0.bin == bins.count }
            let keeps = missingAt.map { $0 >= cut } ?? (2 * bestLeft.count(grid) <= rows)
            var levels = LevelSet()
            for position in keeps ? 0..<cut : cut..<used {
                levels.insert(order[position].bin < bins.count ? bins.number(order[position].bin) : missing)
            }
            best = BoostingSplit(
                gain: bestGain, feature: feature, bin: 0, missingLeft: false, levels: levels,
                left: keeps ? bestLeft : total &- bestLeft)
        }
    }
}
