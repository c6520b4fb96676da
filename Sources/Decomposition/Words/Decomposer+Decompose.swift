internal import LinearAlgebra
internal import Workloads

extension Decomposer {
    /// The steps that a text asks for.
    ///
    /// - Throws: ``DecompositionError`` for a text without words, or without any that the library knows.
    /// - Complexity: O(*breakdowns* · *targets*).
    public func decompose(_ text: String) throws -> Decomposition {
        let vector = try vector(of: text)
        let similarities = ridge.kernel.similarities(vector)
        let evidence = evidence(
            vector, scores: try scores(similarities), similarities: Array(similarities[..<known.count]))
        let chosen = choose(evidence, statistics)
        let steps = chosen.tools.map { step($0, chosen, evidence, vector) }
        var edges: [Decomposition.Edge] = []
        if isOfChains {
            for (index, (a, b)) in zip(chosen.tools, chosen.tools.dropFirst()).enumerated() {
                edges.append(edge(index, index + 1, a, b, chosen.links[.init(a, b)] ?? 0))
            }
        } else {
            var model = self.edges
            let listed = steps.map {
                Breakdown.Step(text: $0.text, tool: $0.tool, inputs: $0.inputs, outputs: $0.outputs)
            }
            let weighed = try model.candidates(listed).map {
                StepEdges.Weighed(edge: $0.edge, probability: choice.edges.model($0.features))
            }
            for found in StepEdges.decode(weighed, steps: steps.count, keep: choice.edges.keep, add: choice.edges.add) {
                let (first, second) = (found.edge.from, found.edge.to)
                let areNeeded = steps[first].probability * steps[second].probability
                edges.append(
                    edge(first, second, chosen.tools[first], chosen.tools[second], found.probability * areNeeded))
            }
        }
        var seen: Set<String> = []
        let unknown = vector.words.words.filter { word in
            word != "0" && ridge.kernel.vocabulary.weight(of: word) == nil && seen.insert(word).inserted
        }.prefix(10)
        let others = evidence.candidates.filter { !chosen.tools.contains($0) && (chosen.probabilities[$0] ?? 0) >= 0.1 }
            .sorted { (chosen.probabilities[$0] ?? 0) > (chosen.probabilities[$1] ?? 0) }
            .prefix(5).map { step($0, chosen, evidence, vector) }
        return Decomposition(
            steps: steps, edges: edges, nearest: neighbours(similarities, 3), others: Array(others),
            unknownWords: Array(unknown))
    }

    /// The breakdowns of the library whose texts are most similar.
    public func nearest(to text: String, count: Int) throws -> [Decomposition.Neighbour] {
        neighbours(ridge.kernel.similarities(try vector(of: text)), count)
    }

    private func neighbours(_ similarities: [Double], _ count: Int) -> [Decomposition.Neighbour] {
        highest(Array(similarities[..<known.count]), count).filter { similarities[$0] > 0 }
            .map { .init(breakdown: library.breakdowns[$0], similarity: similarities[$0]) }
    }

    /// The order of tools that are known to be the right ones, as positions in `tools`.
    package func order(_ tools: [String], for text: String) throws -> [String] {
        let indexes = Dictionary(uniqueKeysWithValues: self.tools.enumerated().map { ($1, $0) })
        let vector = try vector(of: text)
        let similarities = ridge.kernel.similarities(vector)
        let given = tools.compactMap { indexes[$0] }
        let evidence = evidence(
            vector, scores: try scores(similarities), similarities: Array(similarities[..<known.count]), also: given)
        return ordered(given, evidence, statistics).map { self.tools[$0] } + tools.filter { indexes[$0] == nil }
    }

    private func vector(of text: String) throws -> TextVector {
        let words = WordSequence(text)
        guard !words.words.isEmpty else { throw DecompositionError.emptyText }
        let vocabulary = ridge.kernel.vocabulary
        // Pieces of words occur in any language: they alone say nothing.
        guard words.words.contains(where: { $0 != "0" && vocabulary.weight(of: $0) != nil }) else {
            throw DecompositionError.nothingKnown(
                text: text, nearest: words.words.lazy.compactMap { nearestName(to: $0, among: self.tools) }.first)
        }
        return vocabulary.vector(words)
    }

    private func scores(_ similarities: [Double]) throws -> [Double] {
        var scores = try ridge.scores(similarities)
        scores[targets.stepCount] += meanSteps
        return scores
    }

    private func step(_ tool: Int, _ chosen: Chosen, _ evidence: TextEvidence, _ text: TextVector) -> Decomposition.Step
    {
        let place = evidence.candidates.firstIndex(of: tool)
        let reasons = place.map { evidence.reasons[$0] } ?? []
        var seen: Set<String> = []
        let vocabulary = ridge.kernel.vocabulary
        let words = reasons.map { text.words.words[$0.word] }.filter { word in
            // What a third of all texts say explains nothing.
            !WordSequence.fillers.contains(word) && (vocabulary.weight(of: word) ?? 0) > 2.1
                && seen.insert(word).inserted
        }.prefix(3)
        let example = examples[tool]
        return Decomposition.Step(
            tool: tools[tool], text: example.text, probability: chosen.probabilities[tool] ?? 0, words: Array(words),
            inputs: example.inputs, outputs: example.outputs, command: example.command)
    }

    private func edge(_ from: Int, _ to: Int, _ a: Int, _ b: Int, _ probability: Double) -> Decomposition.Edge {
        let pair = statistics[a, b]
        return .init(from: from, to: to, probability: probability, seen: Int(pair.linked), together: Int(pair.together))
    }
}
