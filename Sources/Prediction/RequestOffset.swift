internal import Foundation
internal import LinearAlgebra

/// By how much a curve is lifted to become a request, on the logarithmic scale.
struct RequestOffset: Sendable, Hashable {
    /// For the first try.
    var first: Double
    /// For the second.
    var second: Double
    /// The expected share of tasks that need more than the first.
    var failureShare: Double
    /// What is expected to be wasted per task, penalties included, in bytes · weight.
    var wastage: Double
    /// The lift at which more were killed than may fail: the need beyond is not known. `nil` if it is.
    var unknownBeyond: Double?

    init(first: Double, second: Double, failureShare: Double, wastage: Double, unknownBeyond: Double? = nil) {
        (self.first, self.second, self.failureShare, self.wastage) = (first, second, failureShare, wastage)
        self.unknownBeyond = unknownBeyond
    }

    /// For too few runs: half as much again as the most seen, then twice that; twice the most where runs were killed there.
    static func wide(beyond sample: CensoredSample, center: Double) -> RequestOffset {
        let most = sample.largest - center
        return RequestOffset(
            first: most + log(sample.isOpen ? 2 : 1.5), second: most + log(sample.isOpen ? 4 : 3),
            failureShare: sample.beyond / sample.total, wastage: .infinity,
            unknownBeyond: sample.isOpen ? most : nil)
    }

    /// The lift of least expected wastage among those that keep the failures rare enough.
    ///
    /// - Parameters:
    ///   - predicted: Logarithms, of each run from the others.
    ///   - actual: Logarithms.
    ///   - isBound: Whether a run needed more than its `actual`, nobody knows how much.
    ///   - weights: Run times.
    /// - Complexity: O(*n* log *n*).
    init(predicted: [Double], actual: [Double], isBound: [Bool], weights: [Double], _ options: MemorySizingOptions) {
        let runs = Residuals(predicted: predicted, actual: actual, isBound: isBound, weights: weights, options)
        var best: RequestOffset?
        var last: RequestOffset?
        for lift in runs.candidates {
            let found = runs.offset(lift)
            last = found
            if found.failureShare <= options.maximumFailureShare, found.wastage < best?.wastage ?? .infinity {
                best = found
            }
        }
        self = best ?? last ?? .wide(beyond: runs.sample, center: 0)
    }

    /// What is expected of one given lift.
    init(
        lift: Double, predicted: [Double], actual: [Double], isBound: [Bool], weights: [Double],
        _ options: MemorySizingOptions
    ) {
        self = Residuals(predicted: predicted, actual: actual, isBound: isBound, weights: weights, options).offset(lift)
    }
}

/// By how much runs needed more than predicted, and an exponential tail beyond the largest.
private struct Residuals {
    let sample: CensoredSample
    /// What the known runs of the k-th residual and above hold at a lift of none, and what they count.
    let heldAbove: [Double]
    let countAbove: [Double]
    let usedInAll: Double
    let typical: Double
    let penalty: Double
    let tail: [Double]
    /// Where the need is not known, no more than twice what killed is tried.
    let most: Double
    let unknownBeyond: Double?

    init(
        predicted: [Double], actual: [Double], isBound: [Bool], weights: [Double], _ options: MemorySizingOptions
    ) {
        let sample = CensoredSample(zip(actual, predicted).map { $0 - $1 }, isBound: isBound)
        self.sample = sample
        let n = sample.values.count
        let held = sample.order.map { exp(predicted[$0]) * weights[$0] }
        let used = sample.order.map { exp(actual[$0]) * weights[$0] }
        func sum(_ values: [Double]) -> Double { zip(values, sample.weights).reduce(0) { $0 + $1.0 * $1.1 } }
        usedInAll = sum(used)
        let count = max(sample.weights.reduce(0, +), .leastNormalMagnitude)
        typical = sum(held) / count
        penalty = options.failurePenalty * usedInAll / count
        var (above, counts) = ([Double](repeating: 0, count: n + 1), [Double](repeating: 0, count: n + 1))
        for k in stride(from: n - 1, through: 0, by: -1) {
            above[k] = above[k + 1] + held[k] * sample.weights[k]
            counts[k] = counts[k + 1] + sample.weights[k]
        }
        (heldAbove, countAbove) = (above, counts)
        let (largest, excess) = (sample.largest, sample.excess)
        tail = Self.tailPoints.map { largest + $0 * excess }
        most = sample.isOpen ? largest + log(2) : .infinity
        unknownBeyond = sample.isUnknown(risk: options.maximumFailureShare) ? largest : nil
    }

    /// What is expected of a lift.
    func offset(_ lift: Double) -> RequestOffset {
        let above = firstIndex(above: lift, in: sample.values)
        let tailAbove = tail.count { $0 > lift }
        let failing = countAbove[above] + sample.beyond * Double(tailAbove) / Double(tail.count)
        // Beyond what killed nothing but the spread of the others tells how far to go; to twice as much, where they differ.
        let step = sample.isOpen && lift > sample.largest ? min(3 * sample.excess, log(2)) : 0
        let second = max(sample.largest + 0.7 * sample.excess, lift + max(step, 0.05))
        var cost =
            exp(lift) * heldAbove[0] - usedInAll + exp(second) * heldAbove[above] + countAbove[above] * penalty
        // What is unseen: it needs what one of the tail's points says.
        var beyond = 0.0
        for point in tail {
            beyond += exp(lift) - exp(point)
            if point > lift { beyond += exp(second) + penalty / typical }
            if point > second { beyond += 2 * exp(second) }
        }
        cost += sample.beyond * beyond * typical / Double(tail.count)
        return RequestOffset(
            first: lift, second: second, failureShare: failing / sample.total, wastage: cost / sample.total,
            unknownBeyond: unknownBeyond)
    }

    /// Residuals of the upper half, sixty of them and the top forty all, and the tail.
    var candidates: [Double] {
        let n = sample.values.count
        guard n > 0 else { return [] }
        let spread = (0..<60).map { n / 2 + (n - 1 - n / 2) * $0 / 59 }
        let known = Set(spread + Array(max(0, n - 40)..<n)).sorted().map { sample.values[$0] }
        return known + tail.map { min($0, most) }
    }

    /// Quantiles of an exponential tail that stand for it.
    private static let tailPoints = (0..<8).map { -log(1 - (Double($0) + 0.5) / 8) }
}

private func firstIndex(above x: Double, in sorted: [Double]) -> Int {
    var (low, high) = (0, sorted.count)
    while low < high {
        let middle = (low + high) / 2
        if sorted[middle] <= x { low = middle + 1 } else { high = middle }
    }
    return low
}
