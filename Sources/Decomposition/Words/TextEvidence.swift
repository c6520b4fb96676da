internal import LinearAlgebra

/// What speaks for and against each tool, and each link between two, in one text.
struct TextEvidence: Sendable {
    let candidates: [Int]
    /// A row for each candidate.
    let features: [[Double]]
    /// For each candidate, words by their weight in its favour.
    let reasons: [[(word: Int, weight: Double)]]

    private let tools: [Int: Place]
    private let links: [Breakdown.Edge: Double]
    private let linkVotes: [Breakdown.Edge: Double]
    private let orderVotes: [Breakdown.Edge: Double]
    private let expectedSteps: Double
    private let thirdScore: Double
    private let nearest: Double

    /// What is known of a candidate.
    private struct Place {
        var score = 0.0
        var vote = 0.0
        var first = 0.0
        var last = 0.0
        /// Where in the text the words stand that speak for it, from 0 to 1; and the same by the strongest of them.
        var at = 0.0
        var peak = 0.0
        /// The clause that speaks for it most, what it adds, and how far it leads there.
        var clause = 0
        var lead = 0.0
    }

    static let toolFeatureCount = 18
    static let linkFeatureCount = 25

    /// - Parameters:
    ///   - scores: What the regression says of all its targets.
    ///   - similarities: To each breakdown of the library; zero for those that must not be looked at.
    ///   - also: Tools that are looked at, too, but are no candidates.
    ///   - width: How many candidates there are at least.
    init(
        _ text: TextVector, scores: [Double], similarities: [Double], ridge: TextRidge, targets: RidgeTargets,
        known: [KnownBreakdown], statistics: ToolStatistics, left: TextRidge.LeftOut?, also: [Int] = [], width: Int
    ) {
        let toolScores = scores[..<targets.tools]
        let ranked = highest(Array(toolScores), width)
        var candidates = Array(ranked.prefix(width))
        let linkScores = scores[targets.tools..<targets.tools + targets.links.count]
        for link in highest(Array(linkScores), width / 2) {
            for tool in [targets.links[link].from, targets.links[link].to] where !candidates.contains(tool) {
                candidates.append(tool)
            }
        }
        self.candidates = candidates
        let places = candidates.count
        candidates += also.filter { !candidates.contains($0) }
        let isCandidate = Set(candidates)
        var links: [Breakdown.Edge: Double] = [:]
        var bestLink: [Int: Double] = [:]
        for (index, link) in targets.links.enumerated() {
            let score = scores[targets.tools + index]
            for tool in [link.from, link.to] where isCandidate.contains(tool) {
                bestLink[tool] = max(bestLink[tool] ?? 0, score)
            }
            if isCandidate.contains(link.from), isCandidate.contains(link.to) { links[link] = score }
        }
        self.links = links

        let neighbours = highest(similarities, 15)
        nearest = neighbours.first.map { similarities[$0] } ?? 0
        let total = neighbours.reduce(1e-9) { $0 + similarities[$1] * similarities[$1] }
        var votes: [Int: Double] = [:]
        var (linkVotes, orderVotes): ([Breakdown.Edge: Double], [Breakdown.Edge: Double]) = ([:], [:])
        for neighbour in neighbours {
            let weight = similarities[neighbour] * similarities[neighbour] / total
            let tools = known[neighbour].tools
            for tool in tools { votes[tool, default: 0] += weight }
            for link in known[neighbour].links { linkVotes[link, default: 0] += weight }
            let few = tools.filter(isCandidate.contains)
            for (place, first) in few.enumerated() {
                for second in few[(place + 1)...] { orderVotes[.init(first, second), default: 0] += weight }
            }
        }
        (self.linkVotes, self.orderVotes) = (linkVotes, orderVotes)
        expectedSteps = scores[targets.stepCount]

        // What each word and clause adds to each candidate.
        let contributions = ridge.contributions(text, candidates, without: left)
        let (wordCount, clauseCount) = (max(1, text.words.words.count), max(1, text.words.clauseCount))
        var byWord = Matrix(rows: wordCount, columns: candidates.count)
        var byClause = Matrix(rows: clauseCount, columns: candidates.count)
        var clauseLength = [Double](repeating: 1e-9, count: clauseCount)
        for (place, occurrence) in text.occurrences.enumerated() {
            let clause = text.words.clauses[Int(occurrence.word)]
            clauseLength[clause] += occurrence.value * occurrence.value
            for candidate in candidates.indices {
                byWord[Int(occurrence.word), candidate] += contributions[candidate, place]
                byClause[clause, candidate] += contributions[candidate, place]
            }
        }
        var (found, rows): ([Int: Place], [[Double]]) = ([:], [])
        let best = ranked.prefix(3).map { toolScores[$0] } + [0, 0, 0]
        thirdScore = best[2]
        for (rank, tool) in candidates.enumerated() {
            var place = Place()
            place.score = toolScores[tool]
            place.vote = votes[tool] ?? 0
            place.first = scores[targets.first + tool]
            place.last = scores[targets.last + tool]
            var (sum, sumAt, squares, squaresAt) = (1e-9, 0.0, 1e-12, 0.0)
            for word in 0..<wordCount {
                let weight = max(0, byWord[word, rank])
                sum += weight
                sumAt += weight * Double(word)
                squares += weight * weight
                squaresAt += weight * weight * Double(word)
            }
            place.at = sumAt / sum / Double(wordCount)
            place.peak = squaresAt / squares / Double(wordCount)
            var strongest = -Double.infinity
            var alone = -Double.infinity
            for clause in 0..<clauseCount {
                let weight = byClause[clause, rank]
                if weight > strongest { (strongest, place.clause) = (weight, clause) }
                alone = max(alone, weight / clauseLength[clause].squareRoot())
            }
            let others = (0..<places).lazy.filter { $0 != rank }.map { byClause[place.clause, $0] }.max() ?? 0
            place.lead = strongest - others
            found[tool] = place
            guard rank < places else { continue }
            rows.append([
                place.score, place.vote, place.first, place.last, logarithm(1 + max(0, statistics.counts[tool])),
                Double(min(rank, 20)), best[0], best[1] - place.score, best[2] - place.score, expectedSteps, nearest,
                place.score * nearest, bestLink[tool] ?? 0, strongest, place.lead, alone, Double(min(clauseCount, 20)),
                logarithm(Double(wordCount + 1)),
            ])
        }
        (tools, features) = (found, rows)
        reasons = (0..<places).map { candidate in
            (0..<wordCount).map { (word: $0, weight: byWord[$0, candidate]) }.filter { $0.weight > 0.01 }
                .sorted { ($0.weight, $1.word) > ($1.weight, $0.word) }
        }
    }

    /// Tools by falling score.
    func ranked(_ some: [Int]) -> [Int] {
        some.sorted { (tools[$0]?.score ?? 0, $1) > (tools[$1]?.score ?? 0, $0) }
    }

    /// What speaks for `second` waiting for `first`; ranks are those among the tools that are left.
    func features(_ first: Int, _ second: Int, ranks: (Int, Int), _ statistics: ToolStatistics) -> [Double] {
        guard let a = tools[first], let b = tools[second] else {
            return Array(repeating: 0, count: Self.linkFeatureCount)
        }
        let (edge, reverse) = (Breakdown.Edge(first, second), Breakdown.Edge(second, first))
        let pair = statistics[first, second]
        let score = links[edge] ?? 0
        return [
            a.score, b.score, min(a.score, b.score), score, links[reverse] ?? 0, linkVotes[edge] ?? 0,
            linkVotes[reverse] ?? 0, (orderVotes[edge] ?? 0) - (orderVotes[reverse] ?? 0), a.vote * b.vote,
            logarithm((pair.linked + 0.3) / (statistics.counts[first] + 5)),
            logarithm((pair.linked + 0.3) / (pair.together + 1)), logarithm((pair.before + 0.5) / (pair.together + 1)),
            a.first - b.first, b.last - a.last, expectedSteps, thirdScore, a.score * b.score, Double(ranks.0),
            Double(ranks.1), score * nearest, b.at - a.at, b.peak - a.peak, min(a.lead, b.lead),
            Double(max(-10, min(10, b.clause - a.clause))), a.clause == b.clause ? 1 : 0,
        ]
    }
}

/// The positions of the `count` highest values, the highest first; of equals the first.
func highest(_ values: [Double], _ count: Int) -> [Int] {
    var best: [Int] = []
    for (index, value) in values.enumerated() {
        guard best.count < count || best.last.map({ values[$0] < value }) ?? false else { continue }
        if best.count == count { best.removeLast() }
        var place = best.count
        while place > 0, values[best[place - 1]] < value { place -= 1 }
        best.insert(index, at: place)
    }
    return best
}

/// The targets of the regression, one after the other: tools, links between them, the number of steps, first and last tools.
struct RidgeTargets: Sendable {
    let tools: Int
    let links: [Breakdown.Edge]
    var stepCount: Int { tools + links.count }
    var first: Int { stepCount + 1 }
    var last: Int { first + tools }
    var count: Int { last + tools }
}
