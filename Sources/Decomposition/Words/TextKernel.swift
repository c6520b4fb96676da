internal import LinearAlgebra

/// The texts of a library as sparse rows, and how similar they and others are: the inner products of their vectors.
struct TextKernel: Sendable {
    let rows: [TextVector]
    let vocabulary: TextVocabulary
    /// The rows that a feature occurs in: `postings[offsets[f]..<offsets[f + 1]]`.
    private let offsets: [Int]
    private let postings: [(row: Int32, value: Double)]

    init(_ texts: [String], minimumTexts: Int) {
        let words = texts.map(WordSequence.init)
        let vocabulary = TextVocabulary(words, minimumTexts: minimumTexts)
        self.vocabulary = vocabulary
        rows = words.map(vocabulary.vector)
        var counts = [Int](repeating: 0, count: vocabulary.count + 1)
        for row in rows { for feature in row.features { counts[Int(feature) + 1] += 1 } }
        for index in 1..<max(1, counts.count) { counts[index] += counts[index - 1] }
        offsets = counts
        var postings = [(row: Int32, value: Double)](repeating: (0, 0), count: counts.last ?? 0)
        for (index, row) in rows.enumerated() {
            for (feature, value) in zip(row.features, row.values) {
                postings[counts[Int(feature)]] = (Int32(index), value)
                counts[Int(feature)] += 1
            }
        }
        self.postings = postings
    }

    /// The similarity of a text to each row, from 0 to 1.
    func similarities(_ text: TextVector) -> [Double] {
        var result = [Double](repeating: 0, count: rows.count)
        for (feature, value) in zip(text.features, text.values) {
            for posting in self[feature] { result[Int(posting.row)] += value * posting.value }
        }
        return result
    }

    subscript(feature: Int32) -> ArraySlice<(row: Int32, value: Double)> {
        postings[offsets[Int(feature)]..<offsets[Int(feature) + 1]]
    }

    /// The similarities of all rows to one another; only the lower triangle is filled.
    ///
    /// Features of many rows are a product of dense matrices, those of few are added pair by pair.
    func gram() throws(LinearAlgebraError) -> Matrix {
        let n = rows.count
        let frequent = (0..<vocabulary.count).filter { offsets[$0 + 1] - offsets[$0] > n / 12 }
        var dense = Matrix(rows: frequent.count, columns: n)
        for (place, feature) in frequent.enumerated() {
            for posting in self[Int32(feature)] { dense[place, Int(posting.row)] = posting.value }
        }
        var result = frequent.isEmpty ? Matrix(rows: n, columns: n) : try dense.gram()
        let isFrequent = Set(frequent)
        for feature in 0..<vocabulary.count where !isFrequent.contains(feature) {
            let own = postings[offsets[feature]..<offsets[feature + 1]]
            for (place, left) in zip(own.indices, own) {
                let column = Int(left.row) * n
                for right in own[place...] { result.values[column + Int(right.row)] += left.value * right.value }
            }
        }
        return result
    }
}
