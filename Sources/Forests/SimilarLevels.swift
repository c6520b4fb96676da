internal import Foundation

/// What a model answers for a level that it has never seen: a mixture of the known levels that the row resembles.
///
/// A known level counts for more the more words its name has in common with the new one, and for less the further
/// the row's numbers lie outside of those of its training rows (in ranks of the training values), and the wider these
/// spread. So a new plotting task is not mistaken for the heavy task whose name it shares, because its requested
/// memory and cores are others. The constants were chosen by leaving out one known level at a time.
struct SimilarLevels: Sendable {
    /// Per feature, some values of it in ascending order as keys: the scale on which distances are measured.
    let scales: [[UInt32]]
    /// Per feature of levels: for every level and feature the lowest and highest position on that feature's scale.
    let ranges: [[UInt16]]

    static let scaleSteps = 64
    /// How much a level's weight falls with its score: by e for each tenth.
    static let sharpness = 25.0
    static let distanceCost = 2.0
    static let breadthCost = 1.0
    /// The most levels in a mixture, and the least weight of one beside the heaviest.
    static let mostLevels = 8
    static let leastWeight = 0.02

    init(scales: [[UInt32]], ranges: [[UInt16]]) { (self.scales, self.ranges) = (scales, ranges) }

    init(_ data: ForestData, _ bins: [FeatureBins]) {
        let scales = bins.map { bins -> [UInt32] in
            let steps = min(bins.upper.count, SimilarLevels.scaleSteps)
            return (0..<steps).map { bins.upper[($0 + 1) * bins.upper.count / steps - 1] }
        }
        let hasLevels = bins.contains(where: \.isCategorical)
        let positions = data.columns.indices.map { feature -> [UInt16] in
            guard hasLevels, case .numeric(let values) = data.columns[feature].values else { return [] }
            let offset = bins[feature].feature.offset
            return values.map { value in
                let key = ValueKey.of(value - offset)
                return key == ValueKey.missingRight ? .max : SimilarLevels.place(key, scales[feature])
            }
        }
        ranges = data.columns.indices.map { feature -> [UInt16] in
            guard case .categorical(let codes, let levels) = data.columns[feature].values else { return [] }
            let width = 2 * bins.count
            var ranges = [UInt16](repeating: 0, count: levels.count * width)
            for level in levels.indices { for i in 0..<bins.count { ranges[level * width + 2 * i] = .max } }
            for (other, places) in positions.enumerated() where !places.isEmpty {
                for (row, code) in codes.enumerated() where code >= 0 && places[row] != .max {
                    let at = Int(code) * width + 2 * other
                    ranges[at] = min(ranges[at], places[row])
                    ranges[at + 1] = max(ranges[at + 1], places[row])
                }
            }
            return ranges
        }
        self.scales = scales
    }

    /// The known levels that a row resembles, the heaviest first; the weights sum to 1. Empty if none is known.
    ///
    /// - Parameters:
    ///   - keys: The keys of the row's numbers by feature; ``ValueKey/missingRight`` where there is none.
    ///   - similarities: How alike the name is to that of each level.
    func mixture(feature: Int, _ similarities: [Double], _ keys: [UInt32]) -> [(level: Int, weight: Double)] {
        let width = 2 * scales.count
        let places = keys.indices.map { keys[$0] == ValueKey.missingRight ? -1 : Int(Self.place(keys[$0], scales[$0])) }
        var scores: [(level: Int, weight: Double)] = []
        for (level, similarity) in similarities.enumerated() {
            var score = similarity
            for (other, place) in places.enumerated() where place >= 0 {
                let at = level * width + 2 * other
                let (low, high) = (Int(ranges[feature][at]), Int(ranges[feature][at + 1]))
                guard low <= high else { continue }
                let distance = max(low - place, place - high, 0)
                score -=
                    (Self.distanceCost * Double(distance) + Self.breadthCost * Double(high - low))
                    / Double(scales[other].count)
            }
            scores.append((level, score))
        }
        guard let best = scores.map(\.weight).max() else { return [] }
        let weights = scores.map { ($0.level, exp(Self.sharpness * ($0.weight - best))) }
            .filter { $0.1 >= Self.leastWeight }.sorted { ($1.1, $0.0) < ($0.1, $1.0) }.prefix(Self.mostLevels)
        let total = weights.reduce(0) { $0 + $1.1 }
        return weights.map { ($0.0, $0.1 / total) }
    }

    private static func place(_ key: UInt32, _ scale: [UInt32]) -> UInt16 {
        UInt16(clamping: scale.withUnsafeBufferPointer { position(of: key, in: $0) })
    }
}
