internal import Foundation
internal import LinearAlgebra

/// The median of the runs whose input size is nearest: follows any curve, and never extrapolates.
struct SizeNeighbours: Sendable, Hashable {
    /// Logarithms of sizes, ascending, and the value of each.
    var sizes: [Double]
    var values: [Double]

    static let nearest = 5
    /// More runs are thinned evenly over the sizes.
    static let most = 400

    init(sizes: [Double], values: [Double]) { (self.sizes, self.values) = (sizes, values) }

    /// `nil` if fewer than five rows have a size.
    init?(observedSizes: [Double], values observed: [Double]) {
        var pairs: [(size: Double, value: Double)] = []
        for (size, value) in zip(observedSizes, observed) where size.isFinite && size >= 0 {
            pairs.append((log(max(size, 1)), value))
        }
        guard pairs.count >= Self.nearest else { return nil }
        pairs.sort { ($0.size, $0.value) < ($1.size, $1.value) }
        if pairs.count > Self.most {
            let all = pairs
            pairs = (0..<Self.most).map { all[$0 * all.count / Self.most] }
        }
        (sizes, values) = (pairs.map(\.size), pairs.map(\.value))
    }

    /// `nil` if the size is not known. O(log *n*).
    func predict(size: Double) -> Double? {
        guard size.isFinite, size >= 0 else { return nil }
        let x = log(max(size, 1))
        var (low, high) = (0, sizes.count)
        while low < high {
            let middle = (low + high) / 2
            if sizes[middle] < x { low = middle + 1 } else { high = middle }
        }
        // Grow a window around the insertion point by the nearer neighbour.
        var (start, end) = (low, low)
        while end - start < min(Self.nearest, sizes.count) {
            if end == sizes.count || (start > 0 && x - sizes[start - 1] <= sizes[end] - x) {
                start -= 1
            } else {
                end += 1
            }
        }
        return median(Array(values[start..<end]))
    }
}
