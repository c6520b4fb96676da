internal import Foundation
internal import LinearAlgebra

/// The logarithm of the memory that a task needs, as a curve of its input size.
enum RequestCurve: Sendable, Hashable {
    case constant(Double)
    /// `logarithmic`: log bytes on log size; else bytes on size, and never below `floor` bytes.
    case line(intercept: Double, slope: Double, logarithmic: Bool, floor: Double)
    /// The largest of the `count` values whose sizes are nearest, one at least not smaller if there is one; beyond the
    /// largest size, along the slope from the smallest to it. Logarithms, ascending by size.
    case neighbours(count: Int, sizes: [Double], values: [Double])

    /// Sizes that differ by less, as logarithms, count as equal.
    private static let sameSize = 0.05

    var rule: MemoryRequest.Rule {
        switch self {
        case .constant: .constant
        case .line(_, _, let logarithmic, _): logarithmic ? .logLog : .linear
        case .neighbours: .neighbours
        }
    }

    /// `nil` if the size is needed and not known.
    func logBytes(size: Double) -> Double? {
        switch self {
        case .constant(let value): return value
        case .line(let intercept, let slope, let logarithmic, let floor):
            guard size.isFinite, size >= 0 else { return nil }
            return logarithmic
                ? intercept + slope * log(max(size, 1)) : log(max(intercept + slope * size, floor))
        case .neighbours(let count, let sizes, let values):
            guard size.isFinite, size >= 0 else { return nil }
            let x = log(max(size, 1))
            var window = Window(start: insertionPoint(of: x, in: sizes), sizes)
            for _ in 0..<min(count, sizes.count) { window.grow(around: x) }
            let largest = values[window.start..<window.end].max()
            guard let nearest = sizes[window.start..<window.end].last, x - nearest > Self.sameSize else {
                return largest
            }
            if window.end < sizes.count { return largest.map { max($0, values[window.end]) } }
            let slope = (values[values.count - 1] - values[0]) / (nearest - sizes[0])
            return largest.map { $0 + (slope.isFinite ? min(max(slope, 0), 1) : 0) * (x - nearest) }
        }
    }

    /// Every curve that the runs allow, with its prediction of each run from the others.
    static func fits(sizes: [Double], logPeaks: [Double]) -> [(RequestCurve, [Double])] {
        var result: [(RequestCurve, [Double])] = []
        let floor = exp(logPeaks.min() ?? 0) / 2
        if let line = LeaveOneOutLine(sizes, logPeaks.map { exp($0) }) {
            result.append(
                (
                    .line(intercept: line.intercept, slope: line.slope, logarithmic: false, floor: floor),
                    line.predictions.map { log(max($0, floor)) }
                ))
        }
        let logSizes = sizes.map { log(max($0, 1)) }
        if let line = LeaveOneOutLine(logSizes, logPeaks) {
            result.append(
                (
                    .line(intercept: line.intercept, slope: line.slope, logarithmic: true, floor: floor),
                    line.predictions
                ))
        }
        let order = logSizes.indices.sorted { (logSizes[$0], logPeaks[$0]) < (logSizes[$1], logPeaks[$1]) }
        let (x, y) = (order.map { logSizes[$0] }, order.map { logPeaks[$0] })
        for count in [6, 12] where x.count >= count + 2 && x[0] < x[x.count - 1] {
            var predictions = [Double](repeating: 0, count: x.count)
            for i in x.indices { predictions[order[i]] = largestNeighbour(of: i, count, x, y) }
            result.append((.neighbours(count: count, sizes: x, values: y), predictions))
        }
        return result
    }
}

/// A growing range of a sorted array around a place in it.
private struct Window {
    var start: Int
    var end: Int
    let values: [Double]

    init(start: Int, _ values: [Double]) { (self.start, end, self.values) = (start, start, values) }

    /// Takes in the nearer neighbour.
    mutating func grow(around x: Double) {
        if end == values.count || (start > 0 && x - values[start - 1] <= values[end] - x) {
            start -= 1
        } else {
            end += 1
        }
    }
}

private func insertionPoint(of x: Double, in sorted: [Double]) -> Int {
    var (low, high) = (0, sorted.count)
    while low < high {
        let middle = (low + high) / 2
        if sorted[middle] < x { low = middle + 1 } else { high = middle }
    }
    return low
}

/// The largest value of the `count` rows nearest to row `i`, itself left out.
private func largestNeighbour(of i: Int, _ count: Int, _ x: [Double], _ y: [Double]) -> Double {
    var (start, end) = (i, i + 1)
    var largest = -Double.infinity
    for _ in 0..<count {
        if end == x.count || (start > 0 && x[i] - x[start - 1] <= x[end] - x[i]) {
            start -= 1
            largest = max(largest, y[start])
        } else {
            largest = max(largest, y[end])
            end += 1
        }
    }
    return largest
}

/// Least squares, with the prediction of every row by the line through the others.
private struct LeaveOneOutLine {
    var intercept: Double
    var slope: Double
    var predictions: [Double]

    /// `nil` where all `x` are equal.
    init?(_ x: [Double], _ y: [Double]) {
        guard let least = x.min(), let most = x.max(), most > least else { return nil }
        let n = Double(x.count)
        let scale = most - least
        let (centre, level) = (mean(x), mean(y))
        var (xx, xy) = (0.0, 0.0)
        for i in x.indices {
            let d = (x[i] - centre) / scale
            xx += d * d
            xy += d * (y[i] - level)
        }
        guard xx > 1e-12 * n else { return nil }
        slope = xy / xx / scale
        intercept = level - slope * centre
        predictions = x.indices.map { i in
            let d = (x[i] - centre) / scale
            let fitted = level + xy / xx * d
            return y[i] - (y[i] - fitted) / max(1 - 1 / n - d * d / xx, 1e-9)
        }
    }
}
