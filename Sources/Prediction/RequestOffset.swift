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

    init(first: Double, second: Double, failureShare: Double, wastage: Double) {
        (self.first, self.second, self.failureShare, self.wastage) = (first, second, failureShare, wastage)
    }

    /// For too few runs: half as much again as the most seen, then twice that.
    static func wide(beyond logPeaks: [Double]) -> RequestOffset {
        let most = (logPeaks.max() ?? 0) - median(logPeaks)
        return RequestOffset(
            first: most + log(1.5), second: most + log(3), failureShare: 1 / Double(logPeaks.count + 1),
            wastage: .infinity)
    }

    /// The lift of least expected wastage among those that keep the failures rare enough.
    ///
    /// - Parameters:
    ///   - predicted: Logarithms, of each run from the others.
    ///   - actual: Logarithms.
    ///   - weights: Run times.
    /// - Complexity: O(*n* log *n*).
    init(predicted: [Double], actual: [Double], weights: [Double], _ options: MemorySizingOptions) {
        let runs = Residuals(predicted: predicted, actual: actual, weights: weights, options)
        var best: RequestOffset?
        var last: RequestOffset?
        for lift in runs.candidates {
            let found = runs.offset(lift)
            last = found
            if found.failureShare <= options.maximumFailureShare, found.wastage < best?.wastage ?? .infinity {
                best = found
            }
        }
        self = best ?? last ?? .wide(beyond: actual)
    }

    /// What is expected of one given lift.
    init(lift: Double, predicted: [Double], actual: [Double], weights: [Double], _ options: MemorySizingOptions) {
        self = Residuals(predicted: predicted, actual: actual, weights: weights, options).offset(lift)
    }
}

/// By how much runs needed more than predicted, ascending, and an exponential tail beyond the largest.
private struct Residuals {
    let residuals: [Double]
    /// What the runs of the k-th residual and above hold at a lift of none.
    let heldAbove: [Double]
    let usedInAll: Double
    let typical: Double
    let penalty: Double
    let tail: [Double]
    /// What is requested after a failure.
    let usual: Double

    init(predicted: [Double], actual: [Double], weights: [Double], _ options: MemorySizingOptions) {
        let n = actual.count
        let order = actual.indices.sorted { actual[$0] - predicted[$0] < actual[$1] - predicted[$1] }
        residuals = order.map { actual[$0] - predicted[$0] }
        let held = order.map { exp(predicted[$0]) * weights[$0] }
        let used = actual.indices.map { exp(actual[$0]) * weights[$0] }
        usedInAll = used.reduce(0, +)
        typical = mean(held)
        penalty = options.failurePenalty * mean(used)
        var above = [Double](repeating: 0, count: n + 1)
        for k in stride(from: n - 1, through: 0, by: -1) { above[k] = above[k + 1] + held[k] }
        heldAbove = above
        let excess = Self.meanExcess(residuals)
        let largest = residuals[n - 1]
        tail = Self.tailPoints.map { largest + $0 * excess }
        usual = largest + 0.7 * excess
    }

    /// What is expected of a lift.
    func offset(_ lift: Double) -> RequestOffset {
        let n = residuals.count
        let above = firstIndex(above: lift, in: residuals)
        let tailAbove = tail.count { $0 > lift }
        let failing = Double(n - above) + Double(tailAbove) / Double(tail.count)
        let second = max(usual, lift + 0.05)
        var cost =
            exp(lift) * heldAbove[0] - usedInAll + exp(second) * heldAbove[above] + Double(n - above) * penalty
        // One run more, unseen: it needs what one of the tail's points says.
        var beyond = 0.0
        for point in tail {
            beyond += exp(lift) - exp(point)
            if point > lift { beyond += exp(second) + penalty / typical }
            if point > second { beyond += 2 * exp(second) }
        }
        cost += beyond * typical / Double(tail.count)
        return RequestOffset(
            first: lift, second: second, failureShare: failing / Double(n + 1), wastage: cost / Double(n + 1))
    }

    /// Residuals of the upper half, sixty of them and the top forty all, and the tail.
    var candidates: [Double] {
        let n = residuals.count
        let spread = (0..<60).map { n / 2 + (n - 1 - n / 2) * $0 / 59 }
        return Set(spread + Array(max(0, n - 40)..<n)).sorted().map { residuals[$0] } + tail
    }

    /// Quantiles of an exponential tail that stand for it.
    private static let tailPoints = (0..<8).map { -log(1 - (Double($0) + 0.5) / 8) }

    /// How far the top fifth of the residuals reaches beyond its threshold on average: the mean of the exponential tail.
    private static func meanExcess(_ sorted: [Double]) -> Double {
        let n = sorted.count
        guard n > 1 else { return log(2) }
        let top = max(2, min(n - 1, Int((0.2 * Double(n)).rounded(.up))))
        let threshold = sorted[max(0, n - top - 1)]
        let excess = sorted[(n - top)...].reduce(0) { $0 + $1 - threshold } / Double(top)
        return min(excess, 1) + 1e-6
    }
}

private func firstIndex(above x: Double, in sorted: [Double]) -> Int {
    var (low, high) = (0, sorted.count)
    while low < high {
        let middle = (low + high) / 2
        if sorted[middle] <= x { low = middle + 1 } else { high = middle }
    }
    return low
}
