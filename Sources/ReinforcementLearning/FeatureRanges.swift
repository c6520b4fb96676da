/// The smallest and the largest value that each feature had in training: those of nodes, groups and the whole, in the
/// order of ``PolicyShape``.
public struct FeatureRanges: Sendable, Hashable {
    /// +∞ where nothing was seen.
    public private(set) var lowest: [Float]
    /// −∞ where nothing was seen.
    public private(set) var highest: [Float]
    private let counts: [Int]

    init(_ shape: PolicyShape) {
        counts = [shape.nodeFeatures.count, shape.groupFeatures.count, shape.globalFeatures.count]
        lowest = Array(repeating: .infinity, count: counts.reduce(0, +))
        highest = lowest.map { -$0 }
    }

    /// - Returns: `nil` unless there are as many as the shape has features.
    init?(_ shape: PolicyShape, lowest: [Float], highest: [Float]) {
        self.init(shape)
        guard lowest.count == self.lowest.count, highest.count == lowest.count,
            !(lowest + highest).contains(where: \.isNaN)
        else { return nil }
        (self.lowest, self.highest) = (lowest, highest)
    }

    /// Takes in a valid observation.
    mutating func include(_ observation: borrowing GraphObservation) {
        var first = 0
        for (values, count) in zip(parts(observation), counts) {
            values.withUnsafeBufferPointer { values in
                for row in stride(from: 0, to: values.count, by: count) {
                    for k in 0..<count {
                        lowest[first + k] = min(lowest[first + k], values[row + k])
                        highest[first + k] = max(highest[first + k], values[row + k])
                    }
                }
            }
            first += count
        }
    }

    mutating func include(_ other: FeatureRanges) {
        for k in lowest.indices {
            lowest[k] = min(lowest[k], other.lowest[k])
            highest[k] = max(highest[k], other.highest[k])
        }
    }

    /// How far the strangest feature of a valid observation is outside its range, in lengths of the range (of at least
    /// 0.1): 0 for what lies within, 1 for a range's length beyond it. ∞ if nothing was seen in training.
    public func strangeness(of observation: GraphObservation) -> Float {
        var seen = FeatureRanges(self)
        seen.include(observation)
        var strangest: Float = 0
        for k in lowest.indices where seen.lowest[k] <= seen.highest[k] {
            guard lowest[k] <= highest[k] else { return .infinity }
            let beyond = max(lowest[k] - seen.lowest[k], seen.highest[k] - highest[k])
            strangest = max(strangest, beyond / max(0.1, highest[k] - lowest[k]))
        }
        return strangest
    }

    /// The same features, of which nothing was seen.
    private init(_ other: FeatureRanges) {
        counts = other.counts
        lowest = Array(repeating: .infinity, count: other.lowest.count)
        highest = lowest.map { -$0 }
    }

    private func parts(_ observation: borrowing GraphObservation) -> [[Float]] {
        [observation.nodeFeatures, observation.groupFeatures, observation.globalFeatures]
    }
}
