internal import Foundation

/// How alike the names of levels are.
///
/// Names are cut into words at every character that is not a letter or digit. Two names are as alike as the weight
/// of their common words is of all their words; a rare word weighs more (inverse document frequency). So
/// `TUMOR_STRELKA_SINGLE` is more like `GERMLINE_STRELKA_SINGLE` than like `TUMOR_CNVKIT_BATCH`.
struct LevelNames: Sendable {
    private let words: [Set<Substring>]
    private let weights: [Substring: Double]
    private let rareWeight: Double

    init(_ levels: [String]) {
        let words = levels.map(LevelNames.words)
        var counts: [Substring: Int] = [:]
        for word in words.joined() { counts[word, default: 0] += 1 }
        let total = Double(levels.count)
        weights = counts.mapValues { log(1 + total / Double($0)) }
        rareWeight = log(1 + max(1, total))
        self.words = words
    }

    /// From 0 (no common word) to 1, for every level.
    func similarities(to name: String) -> [Double] {
        let own = LevelNames.words(name)
        return words.map { other in
            let common = weight(own.intersection(other))
            return common > 0 ? common / weight(own.union(other)) : 0
        }
    }

    private func weight(_ words: Set<Substring>) -> Double {
        // Sorted, so that equal sets have equal sums.
        words.sorted().reduce(0) { $0 + (weights[$1] ?? rareWeight) }
    }

    private static func words(_ name: String) -> Set<Substring> {
        Set(name.split { !$0.isLetter && !$0.isNumber })
    }
}
