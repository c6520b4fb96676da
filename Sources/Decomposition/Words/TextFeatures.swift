internal import Basics

/// A text as words, in clauses.
///
/// Words are runs of letters in lower case; a run of digits is the word `0`, for numbers differ from request to request; an
/// ideograph is a word. A clause ends at punctuation and before words such as *then*.
struct WordSequence: Sendable {
    private(set) var words: [String] = []
    /// The clause of each word.
    private(set) var clauses: [Int] = []
    private(set) var clauseCount = 1

    private static let separators: Set<String> = [
        "and", "then", "also", "finally", "after", "afterwards", "before", "next", "additionally", "meanwhile",
    ]

    /// Words that explain no choice, whatever they correlate with.
    static let fillers: Set<String> = [
        "0", "a", "all", "an", "and", "at", "by", "each", "every", "for", "from", "i", "in", "into", "is", "it", "its",
        "my",
        "of", "on", "one", "our", "please", "that", "the", "their", "them", "then", "these", "this", "to", "we", "with",
    ]

    init(_ text: String) {
        var word = ""
        for scalar in text.lowercased().unicodeScalars {
            switch scalar {
            case "a"..."z": word.unicodeScalars.append(scalar)
            case "0"..."9":
                if word != "0" { end(&word) }
                word = "0"
                continue
            case ".", ",", ":", ";", "!", "?", "\n", "。", "，":
                end(&word)
                if clauses.last == clauseCount - 1 { clauseCount += 1 }
                continue
            case _ where scalar.value < 128: end(&word)
            case "\u{3040}"..."\u{30FF}", "\u{4E00}"..."\u{9FFF}":
                end(&word)
                word.unicodeScalars.append(scalar)
                end(&word)
            case _ where scalar.properties.isAlphabetic: word.unicodeScalars.append(scalar)
            default: end(&word)
            }
        }
        end(&word)
        clauseCount = (clauses.last ?? 0) + 1
    }

    private mutating func end(_ word: inout String) {
        guard !word.isEmpty else { return }
        if Self.separators.contains(word), clauses.last == clauseCount - 1 { clauseCount += 1 }
        words.append(word)
        clauses.append(clauseCount - 1)
        word = ""
    }

    /// The hashes of all words, pairs of neighbours and pieces of four letters, with the word that they begin at.
    func forEachFeature(_ body: (_ hash: UInt64, _ word: Int, _ isPiece: Bool) -> Void) {
        var previous: UInt64 = 0
        for (index, word) in words.enumerated() {
            let hash = FNV1a(word).value
            body(hash, index, false)
            if index > 0 {
                var pair = FNV1a()
                pair.value = previous
                pair.add(0x20)
                for byte in word.utf8 { pair.add(UInt64(byte)) }
                body(pair.value, index, false)
            }
            previous = hash
            let letters = [UInt64(95)] + word.unicodeScalars.map { UInt64($0.value) } + [95]
            guard letters.count >= 4 else { continue }
            for start in 0...(letters.count - 4) {
                var piece = FNV1a()
                piece.add(0x23)
                for letter in letters[start..<start + 4] { piece.add(letter) }
                body(piece.value, index, true)
            }
        }
    }
}

/// A text as a sparse vector of length 1 over a ``TextVocabulary``.
struct TextVector: Sendable {
    /// That a word of the text is an occurrence of a feature; the occurrences of a feature share its value.
    struct Occurrence: Sendable {
        var feature: Int32
        var word: Int32
        var value: Double
    }

    var features: [Int32] = []
    var values: [Double] = []
    var occurrences: [Occurrence] = []
    var words: WordSequence
}

/// Which words, pairs of words and pieces of words count, and how much: TF-IDF with 1 + log of the counts.
///
/// Source: Manning, Raghavan and Schütze, *Introduction to Information Retrieval* (2008), 6.4.
struct TextVocabulary: Sendable {
    private var indexes: [UInt64: Int32] = [:]
    private var weights: [Double] = []
    private var isPiece: [Bool] = []
    /// The squared length of the part of the vectors that pieces of words make.
    private static let pieceShare = 0.2

    /// Features are numbered as they first appear.
    ///
    /// - Parameter minimumTexts: Rarer ones are left out.
    init(_ texts: [WordSequence], minimumTexts: Int) {
        struct Seen {
            var texts = 0
            var last = -1
            var first: Int
            var isPiece: Bool
        }
        var seen: [UInt64: Seen] = [:]
        var next = 0
        for (row, text) in texts.enumerated() {
            text.forEachFeature { hash, _, piece in
                var entry = seen[hash] ?? Seen(first: next, isPiece: piece)
                if entry.texts == 0 { next += 1 }
                if entry.last != row { (entry.texts, entry.last) = (entry.texts + 1, row) }
                seen[hash] = entry
            }
        }
        let kept = seen.filter { $0.value.texts >= minimumTexts }.sorted { $0.value.first < $1.value.first }
        indexes.reserveCapacity(kept.count)
        for (hash, entry) in kept {
            indexes[hash] = Int32(weights.count)
            weights.append(logarithm(Double(1 + texts.count) / Double(1 + entry.texts)) + 1)
            isPiece.append(entry.isPiece)
        }
    }

    var count: Int { weights.count }

    /// How much a word counts, `nil` for an unknown one: 1 if every text has it, more the rarer it is.
    func weight(of word: String) -> Double? { indexes[FNV1a(word).value].map { weights[Int($0)] } }

    func vector(_ words: WordSequence) -> TextVector {
        var result = TextVector(words: words)
        var found: [(feature: Int32, word: Int32)] = []
        words.forEachFeature { hash, word, _ in
            if let feature = indexes[hash] { found.append((feature, Int32(word))) }
        }
        let sorted = found.sorted { ($0.feature, $0.word) < ($1.feature, $1.word) }
        var (wordLength, pieceLength) = (0.0, 0.0)
        var first = 0
        while first < sorted.count {
            let feature = sorted[first].feature
            var end = first
            while end < sorted.count, sorted[end].feature == feature { end += 1 }
            let value = (1 + logarithm(Double(end - first))) * weights[Int(feature)]
            result.features.append(feature)
            result.values.append(value)
            if isPiece[Int(feature)] { pieceLength += value * value } else { wordLength += value * value }
            for item in sorted[first..<end] {
                result.occurrences.append(.init(feature: feature, word: item.word, value: value / Double(end - first)))
            }
            first = end
        }
        let forWords = wordLength > 0 ? ((1 - Self.pieceShare) / wordLength).squareRoot() : 0
        let forPieces = pieceLength > 0 ? (Self.pieceShare / pieceLength).squareRoot() : 0
        for index in result.values.indices {
            result.values[index] *= isPiece[Int(result.features[index])] ? forPieces : forWords
        }
        for index in result.occurrences.indices {
            result.occurrences[index].value *=
                isPiece[Int(result.occurrences[index].feature)] ? forPieces : forWords
        }
        return result
    }
}
