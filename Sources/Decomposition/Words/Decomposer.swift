internal import LinearAlgebra

/// Breaks a description of work down into steps, as others have broken down similar ones.
///
///     let decomposer = try Decomposer.fit(BreakdownLibrary.read("breakdowns.jsonl"))
///     let result = try decomposer.decompose("trim the reads, align them to the genome, call variants")
///     result.steps.map(\.tool)
///
/// Ridge regression on the words says which tools, links, first and last steps a text asks for; a logistic regression weighs
/// this with what the most similar breakdowns did and with how often tools follow one another, and gives probabilities that
/// can be trusted because it is fitted on what the regression says of texts that it did not see. The tools and their order
/// are those with the best expected F1.
public struct Decomposer: Sendable {
    public let library: BreakdownLibrary
    /// The tools that can be chosen.
    public let tools: [String]
    let known: [KnownBreakdown]
    let ridge: TextRidge
    let targets: RidgeTargets
    let statistics: ToolStatistics
    let choice: Choice
    let edges: StepEdges
    let meanSteps: Double
    /// A step of each tool: what it says, reads, writes and runs.
    let examples: [Breakdown.Step]
    /// Whether every breakdown of the library is a chain.
    let isOfChains: Bool
    /// How many tools are looked at.
    let width: Int

    /// The logistic regressions on top.
    struct Choice: Sendable, Codable {
        /// Whether a tool belongs to the work.
        var tool: LogisticModel
        /// Whether a tool is fed by another.
        var link: LogisticModel
        /// Whether a tool comes before another, both belonging to the work.
        var before: LogisticModel
        /// Which of some listed steps wait for which.
        var edges: StepEdges.Fitted
    }

    /// Decodes with at most so many tools exactly.
    static let mostExact = 6
    func evidence(
        _ text: TextVector, scores: [Double], similarities: [Double], left: TextRidge.LeftOut? = nil,
        statistics: ToolStatistics? = nil, also: [Int] = []
    ) -> TextEvidence {
        TextEvidence(
            text, scores: scores, similarities: similarities, ridge: ridge, targets: targets, known: known,
            statistics: statistics ?? self.statistics, left: left, also: also, width: width)
    }

    /// A choice of tools in an order, with what is thought of them.
    struct Chosen {
        var tools: [Int] = []
        var probabilities: [Int: Double] = [:]
        var links: [Breakdown.Edge: Double] = [:]
    }

    /// The tools of most expected F1.
    func choose(_ evidence: TextEvidence, _ statistics: ToolStatistics) -> Chosen {
        var result = Chosen()
        for (tool, features) in zip(evidence.candidates, evidence.features) {
            result.probabilities[tool] = choice.tool(features)
        }
        let ranked = evidence.candidates.sorted {
            (result.probabilities[$0] ?? 0, $1) > (result.probabilities[$1] ?? 0, $0)
        }
        let sizes = known.lazy.map(\.tools.count).filter { $0 > 0 }
        let (fewest, most) = (sizes.min() ?? 1, sizes.max() ?? 1)
        let expected = max(Double(fewest), result.probabilities.values.sorted().reduce(0, +))
        guard isOfChains, most <= Self.mostExact else {
            var (sum, best) = (0.0, (count: 1, value: 0.0))
            for (index, tool) in ranked.enumerated() {
                sum += result.probabilities[tool] ?? 0
                let value = 2 * sum / (Double(index + 1) + expected)
                if index + 1 >= fewest, value > best.value { best = (index + 1, value) }
            }
            result.tools = ordered(Array(ranked.prefix(best.count)), evidence, statistics)
            return result
        }
        var few = ranked.filter { (result.probabilities[$0] ?? 0) > 0.03 }.prefix(Self.mostExact)
        if few.count < fewest { few = ranked.prefix(fewest) }
        for (rank, first) in few.enumerated() {
            for (other, second) in few.enumerated() where other != rank {
                result.links[.init(first, second)] = choice.link(
                    evidence.features(first, second, ranks: (rank, other), statistics))
            }
        }
        let expectedLinks = max(Double(fewest - 1), result.links.values.sorted().reduce(0, +))
        var best = -Double.infinity
        forEachSequence(of: Array(few), upTo: most) { sequence in
            guard sequence.count >= fewest else { return }
            let tools = sequence.reduce(0) { $0 + (result.probabilities[$1] ?? 0) }
            var links = 0.0
            for (a, b) in zip(sequence, sequence.dropFirst()) { links += result.links[.init(a, b)] ?? 0 }
            let value =
                2 * tools / (Double(sequence.count) + expected)
                + 2 * links / max(1e-9, Double(sequence.count - 1) + expectedLinks)
            if value > best { (best, result.tools) = (value, sequence) }
        }
        return result
    }

    /// The most probable order of some tools: exact for a few, by the sum of the odds for many.
    func ordered(_ tools: [Int], _ evidence: TextEvidence, _ statistics: ToolStatistics) -> [Int] {
        let ranked = evidence.ranked(tools)
        var odds: [Breakdown.Edge: Double] = [:]
        for (rank, first) in ranked.enumerated() {
            for (other, second) in ranked.enumerated() where other != rank {
                let probability = choice.before(evidence.features(first, second, ranks: (rank, other), statistics))
                odds[.init(first, second)] = logarithm(max(1e-9, probability))
            }
        }
        func advantage(_ a: Int, _ b: Int) -> Double { (odds[.init(a, b)] ?? 0) - (odds[.init(b, a)] ?? 0) }
        guard ranked.count <= Self.mostExact else {
            let sums = Dictionary(
                uniqueKeysWithValues: ranked.map { a in (a, ranked.reduce(0) { $0 + advantage(a, $1) }) })
            return ranked.sorted { (sums[$0] ?? 0, $1) > (sums[$1] ?? 0, $0) }
        }
        var (best, result) = (-Double.infinity, ranked)
        forEachSequence(of: ranked, upTo: ranked.count) { sequence in
            guard sequence.count == ranked.count else { return }
            var value = 0.0
            for (place, a) in sequence.enumerated() {
                for b in sequence[(place + 1)...] { value += advantage(a, b) }
            }
            if value > best { (best, result) = (value, sequence) }
        }
        return result
    }
}

/// Calls `body` with every sequence of different items, from one to `most` of them.
private func forEachSequence(of items: [Int], upTo most: Int, _ body: ([Int]) -> Void) {
    var (sequence, isUsed): ([Int], [Bool]) = ([], Array(repeating: false, count: items.count))
    func extend() {
        for index in items.indices where !isUsed[index] {
            sequence.append(items[index])
            isUsed[index] = true
            body(sequence)
            if sequence.count < most { extend() }
            isUsed[index] = false
            sequence.removeLast()
        }
    }
    extend()
}
