internal import Foundation

/// Finds the known level whose name is most like that of an unseen one.
///
/// Names are cut into words at every character that is not a letter or digit. Two names are as alike as the weight
/// of their common words is of all their words; a rare word weighs more (inverse document frequency). So
/// `TUMOR_STRELKA_SINGLE` is answered as `GERMLINE_STRELKA_SINGLE`, not as `TUMOR_CNVKIT_BATCH`.
struct LevelNames {
    private let words: [Set<Substring>]
    private let weights: [Substring: Double]
    private let rareWeight: Double

    /// Names that are less alike than this have nothing to say about each other.
    static let leastSimilarity = 0.3

    init(_ levels: [String]) {
        let words = levels.map(LevelNames.words)
        var counts: [Substring: Int] = [:]
        for word in words.joined() { counts[word, default: 0] += 1 }
        let total = Double(levels.count)
        weights = counts.mapValues { log(1 + total / Double($0)) }
        rareWeight = log(1 + max(1, total))
        self.words = words
    }

    /// The code of the most similar level (the first of equals), or `nil` if none is similar.
    func nearest(to name: String) -> Int? {
        let own = LevelNames.words(name)
        var best: (similarity: Double, code: Int)?
        for (code, other) in words.enumerated() {
            let (common, all) = (weight(own.intersection(other)), weight(own.union(other)))
            guard common > 0, common >= LevelNames.leastSimilarity * all else { continue }
            if common / all > best?.similarity ?? 0 { best = (common / all, code) }
        }
        return best?.code
    }

    private func weight(_ words: Set<Substring>) -> Double {
        // Sorted, so that equal sets have equal sums.
        words.sorted().reduce(0) { $0 + (weights[$1] ?? rareWeight) }
    }

    private static func words(_ name: String) -> Set<Substring> {
        Set(name.split { !$0.isLetter && !$0.isNumber })
    }
}
