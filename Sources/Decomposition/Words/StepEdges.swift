internal import LinearAlgebra

/// Which of the steps that somebody listed wait for which.
///
/// The listed order is the prior: a step waits for none that is listed after it. What decides is how often a tool feeds another
/// in the library, with back-off to similar tools, and then to how often each feeds and is fed at all; the distance in the
/// list; and whether what one writes is what the other reads, where that is known.
struct StepEdges: Sendable {
    /// What is learnt.
    struct Fitted: Sendable, Codable {
        var model: LogisticModel
        /// A step waits for the one before it if that is at least so probable, and for others from `add` on.
        var keep: Double
        var add: Double
    }

    private let indexes: [String: Int]
    private let kernel: TextKernel
    /// How often a tool is fed by another, and how often it stands after it: tools by tools.
    private var fed: Matrix
    private var after: Matrix
    /// The share of all pairs that are edges.
    private var base: Double
    private let ports: [String: Ports]

    struct Ports: Sendable {
        var inputs: Set<String> = []
        var outputs: Set<String> = []
    }

    /// More tools than these are known only by what they resemble.
    private static let mostTools = 1200
    /// Steps further apart than this are not linked.
    private static let reach = 150
    static let width = 37

    init(_ library: BreakdownLibrary) {
        var texts: [String: [String]] = [:]
        var ports: [String: Ports] = [:]
        for step in library.breakdowns.lazy.flatMap(\.steps) {
            texts[step.tool, default: []].append(step.text)
            ports[step.tool, default: .init()].inputs.formUnion(step.inputs)
            ports[step.tool, default: .init()].outputs.formUnion(step.outputs)
        }
        for entry in library.glossary {
            ports[entry.tool, default: .init()].inputs.formUnion(entry.inputs)
            ports[entry.tool, default: .init()].outputs.formUnion(entry.outputs)
        }
        self.ports = ports
        let tools = texts.sorted { ($0.value.count, $1.key) > ($1.value.count, $0.key) }.prefix(Self.mostTools)
        indexes = Dictionary(uniqueKeysWithValues: tools.enumerated().map { ($1.key, $0) })
        kernel = TextKernel(
            tools.map { Self.words(tool: $0.key, Set($0.value).sorted().prefix(20).joined(separator: " ")) },
            minimumTexts: 1)
        fed = Matrix(rows: tools.count, columns: tools.count)
        after = fed
        base = 0
        for breakdown in library.breakdowns { count(breakdown, 1) }
        let (links, pairs) = (fed.values.reduce(0, +), after.values.reduce(0, +))
        base = max(1e-4, (links + 0.5) / (pairs + 5))
    }

    private static func words(tool: String, _ text: String) -> String {
        // `BWA_MEM` and `samtools/sort` are words that a description may use.
        tool.split { $0 == "_" || $0 == "/" || $0 == "-" }.joined(separator: " ") + " " + text
    }

    /// Counts the pairs of a breakdown, or takes them away again.
    private mutating func count(_ breakdown: Breakdown, _ sign: Double) {
        let tools = breakdown.steps.map { indexes[$0.tool] }
        for later in tools.indices {
            guard let to = tools[later] else { continue }
            for earlier in max(0, later - Self.reach)..<later {
                if let from = tools[earlier] { after[from, to] += sign }
            }
        }
        for edge in breakdown.edges where edge.from < edge.to && edge.to - edge.from <= Self.reach {
            if let from = tools[edge.from], let to = tools[edge.to] { fed[from, to] += sign }
        }
    }

    /// A pair of steps, and what speaks for the later one waiting for the earlier one.
    struct Candidate {
        var edge: Breakdown.Edge
        var features: [Double]
    }

    /// The candidates among some steps, by the later step.
    ///
    /// - Parameter own: A breakdown of the library that must not be looked at.
    mutating func candidates(_ steps: [Breakdown.Step], without own: Breakdown? = nil) throws(LinearAlgebraError)
        -> [Candidate]
    {
        if let own { count(own, -1) }
        defer { if let own { count(own, 1) } }
        let n = steps.count
        let tools = steps.map { indexes[$0.tool] }
        let vectors = steps.map { kernel.vocabulary.vector(WordSequence(Self.words(tool: $0.tool, $0.text))) }
        // How much each tool of the library says about each step.
        var likeness = Matrix(rows: kernel.rows.count, columns: n)
        for (step, vector) in vectors.enumerated() {
            for (tool, value) in kernel.similarities(vector).enumerated() {
                let weight = value * value * value
                likeness[tool, step] = weight < 0.03 ? 0 : weight
            }
            if let tool = tools[step] { likeness[tool, step] = 1 }
        }
        let similarFed = try likeness.multiplied(by: fed.multiplied(by: likeness), transpose: .yes)
        let similarAfter = try likeness.multiplied(by: after.multiplied(by: likeness), transpose: .yes)
        let ones = [Double](repeating: 1, count: kernel.rows.count)
        func rates(_ transpose: Transpose) throws(LinearAlgebraError) -> [Double] {
            let linked = try likeness.multiplied(by: fed.multiplied(by: ones, transpose: transpose), transpose: .yes)
            let possible = try likeness.multiplied(
                by: after.multiplied(by: ones, transpose: transpose), transpose: .yes)
            return zip(linked, possible).map { logarithm((max(0, $0) + 2 * base) / (max(0, $1) + 2)) }
        }
        let (feeds, isFed) = (try rates(.no), try rates(.yes))
        let first = (0..<n).map { max(0, $0 - Self.reach) }
        /// The log probability of an edge by similar tools, then by the very tools.
        func soft(_ i: Int, _ j: Int) -> Double {
            let backOff = exponential(max(-9, min(-0.05, feeds[i] + isFed[j] - logarithm(base))))
            return logarithm((max(0, similarFed[i, j]) + 2 * backOff) / (max(0, similarAfter[i, j]) + 2))
        }
        var scores = Matrix(rows: n, columns: n)
        for j in 0..<n { for i in first[j]..<j { scores[i, j] = soft(i, j) } }
        func near(_ i: Int, _ j: Int) -> Double { scores[i, j] - 0.3 * logarithm(Double(j - i)) }
        var result: [Candidate] = []
        for j in 0..<n where j > 0 {
            let into = (first[j]..<j).map { near($0, j) }
            let bestInto = into.max() ?? 0
            for i in first[j]..<j {
                let end = min(n, i + 1 + Self.reach)
                let own = near(i, j)
                let outOf = (i + 1..<end).map { near(i, $0) }
                let (rankInto, rankOut) = (into.count { $0 > own }, outOf.count { $0 > own })
                var (exactFed, exactAfter) = (0.0, 0.0)
                if let from = tools[i], let to = tools[j] { (exactFed, exactAfter) = (fed[from, to], after[from, to]) }
                let between = i + 1..<j
                let sameAsFirst = between.count { steps[$0].tool == steps[i].tool }
                let sameAsSecond = between.count { steps[$0].tool == steps[j].tool }
                let written = ports[steps[i].tool]?.outputs.union(steps[i].outputs) ?? Set(steps[i].outputs)
                let read = ports[steps[j].tool]?.inputs.union(steps[j].inputs) ?? Set(steps[j].inputs)
                let areKnown = !written.isEmpty && !read.isEmpty
                let areApart = written.isDisjoint(with: read)
                let gap = j - i
                let far = logarithm(Double(gap))
                let exact = logarithm((exactFed + exponential(scores[i, j])) / (exactAfter + 1))
                let (into, out) = (logarithm(Double(1 + rankInto)), logarithm(Double(1 + rankOut)))
                let alike = likenessOfSteps(vectors[i], vectors[j])
                result.append(
                    Candidate(
                        edge: .init(i, j),
                        features: [
                            far, gap == 1 ? 1 : 0, gap == 2 ? 1 : 0, Double(i) / Double(n), Double(j) / Double(n),
                            logarithm(Double(n)), scores[i, j], exact, logarithm(1 + max(0, exactFed)),
                            logarithm(1 + max(0, exactAfter)), feeds[i], isFed[j], alike,
                            steps[i].tool == steps[j].tool ? 1 : 0, into, rankInto == 0 ? 1 : 0, out,
                            rankOut == 0 ? 1 : 0, Double(min(3, sameAsFirst)), Double(min(3, sameAsSecond)),
                            own - bestInto, own - (outOf.max() ?? 0), scores[j - 1, j], scores[i, i + 1],
                            i == 0 ? 1 : 0, j == n - 1 ? 1 : 0, logarithm(1 + max(0, similarAfter[i, j])),
                            areKnown && !areApart ? 1 : 0, areKnown && areApart ? 1 : 0,
                            // What each says depends on the distance, and on how sure the counts are.
                            far * scores[i, j], far * exact, far * into, far * out, far * feeds[i], far * isFed[j],
                            far * alike, scores[i, j] * into,
                        ]))
            }
        }
        return result
    }

    private func likenessOfSteps(_ a: TextVector, _ b: TextVector) -> Double {
        var (sum, i, j) = (0.0, 0, 0)
        while i < a.features.count, j < b.features.count {
            if a.features[i] == b.features[j] {
                sum += a.values[i] * b.values[j]
                (i, j) = (i + 1, j + 1)
            } else if a.features[i] < b.features[j] {
                i += 1
            } else {
                j += 1
            }
        }
        return sum
    }

    /// An edge with its probability.
    struct Weighed {
        var edge: Breakdown.Edge
        var probability: Double
    }

    /// The edges of most likelihood: taken by falling probability, none that follows from others or closes a cycle.
    static func decode(_ weighed: [Weighed], steps: Int, keep: Double, add: Double) -> [Weighed] {
        let chosen = weighed.filter { $0.probability >= ($0.edge.to == $0.edge.from + 1 ? keep : add) }
        let probabilities = Dictionary(uniqueKeysWithValues: chosen.map { ($0.edge, $0.probability) })
        let edges = chosen.map(\.edge)
        guard let order = Ordering(count: steps, edges: edges) else { return [] }
        return order.reduced(edges).map { Weighed(edge: $0, probability: probabilities[$0] ?? 0) }
    }
}

extension StepEdges.Fitted {
    /// Learns from breakdowns, each looked at without its own counts.
    ///
    /// The two thresholds give the best F1 of those of which at least `rightlyRemoved` of the edges that they take out of the
    /// listed chain are rightly taken out.
    static func fit(_ library: BreakdownLibrary, _ edges: StepEdges, rightlyRemoved: Double = 0.92) throws -> Self {
        var edges = edges
        var (rows, isTrue): ([Double], [Bool]) = ([], [])
        var candidates: [(breakdown: Breakdown, candidates: [StepEdges.Candidate])] = []
        for breakdown in library.breakdowns where breakdown.steps.count > 1 {
            let own = try edges.candidates(breakdown.steps, without: breakdown)
            candidates.append((breakdown, own))
            let truth = Set(breakdown.edges)
            for candidate in own {
                rows += candidate.features
                isTrue.append(truth.contains(candidate.edge))
            }
            // Enough is enough: more pairs change nothing but the time.
            if isTrue.count > 150_000 { break }
        }
        let model = try LogisticModel(rows, width: StepEdges.width, isTrue: isTrue, penalty: 3)
        // The thresholds are chosen by what models of the others say of each.
        let folds = min(4, candidates.count)
        var weighed = [[StepEdges.Weighed]](repeating: [], count: candidates.count)
        for fold in 0..<folds {
            var (others, truth): ([Double], [Bool]) = ([], [])
            for (index, own) in candidates.enumerated() where index % folds != fold || folds == 1 {
                let real = Set(own.breakdown.edges)
                for candidate in own.candidates {
                    others += candidate.features
                    truth.append(real.contains(candidate.edge))
                }
            }
            let judge = try LogisticModel(others, width: StepEdges.width, isTrue: truth, penalty: 3)
            for (index, own) in candidates.enumerated() where index % folds == fold {
                weighed[index] = own.candidates.map { .init(edge: $0.edge, probability: judge($0.features)) }
            }
        }
        var best = (keep: 0.1, add: 0.3, f1: -1.0)
        for add in stride(from: 0.15, through: 0.5, by: 0.05) {
            for keep in [0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3] where keep <= add {
                var score = EdgeScore()
                for (own, all) in zip(candidates, weighed) {
                    score.add(
                        StepEdges.decode(all, steps: own.breakdown.steps.count, keep: keep, add: add).map(\.edge),
                        own.breakdown)
                }
                let isAllowed = score.removed < 20 || score.rightlyRemoved / score.removed >= rightlyRemoved
                if isAllowed, score.f1 > best.f1 { best = (keep, add, score.f1) }
            }
        }
        return Self(model: model, keep: best.keep, add: best.add)
    }
}

/// How well edges were found, over many breakdowns.
struct EdgeScore: Sendable {
    var right = 0.0
    var found = 0.0
    var real = 0.0
    /// Edges of the listed chain that were taken out, and those that are indeed not there.
    var removed = 0.0
    var rightlyRemoved = 0.0

    mutating func add(_ edges: [Breakdown.Edge], _ breakdown: Breakdown) {
        let (found, truth) = (Set(edges), Set(breakdown.edges))
        right += Double(found.intersection(truth).count)
        self.found += Double(found.count)
        real += Double(truth.count)
        for step in 0..<max(0, breakdown.steps.count - 1) where !found.contains(.init(step, step + 1)) {
            removed += 1
            if !truth.contains(.init(step, step + 1)) { rightlyRemoved += 1 }
        }
    }

    var f1: Double { found + real > 0 ? 2 * right / (found + real) : 1 }
}
