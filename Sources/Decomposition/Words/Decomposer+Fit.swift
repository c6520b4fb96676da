internal import LinearAlgebra

extension Decomposer {
    /// Learns from a library.
    ///
    /// - Complexity: O(*n*³) for *n* breakdowns (and their steps, if they are few), all else is small beside it. The result
    ///   does not depend on the number of threads.
    public static func fit(_ library: BreakdownLibrary) throws -> Decomposer {
        let layout = try Layout(library)
        let kernel = layout.kernel
        var regularised = try kernel.gram()
        for row in 0..<regularised.rows { regularised[row, row] += TextRidge.penalty }
        let inverse = try Cholesky(regularised).inverse()
        let weights = layout.weights(inverse)
        let ridge = TextRidge(kernel, weights: weights, explained: layout.targets.tools)
        let edges = layout.edges(library)
        let choice = try layout.fitChoice(library, ridge, inverse, edges)
        return Decomposer(library, layout, ridge, choice, edges)
    }

    init(_ library: BreakdownLibrary, _ layout: Layout, _ ridge: TextRidge, _ choice: Choice, _ edges: StepEdges) {
        self.library = library
        (tools, known, targets) = (layout.tools, layout.known, layout.targets)
        (statistics, meanSteps) = (layout.statistics, layout.meanSteps)
        (self.ridge, self.choice, self.edges) = (ridge, choice, edges)
        (isOfChains, width) = (layout.isOfChains, layout.width)
        examples = Self.examples(library, tools)
    }

    /// The first step of each tool, completed by later ones; the glossary knows better.
    private static func examples(_ library: BreakdownLibrary, _ tools: [String]) -> [Breakdown.Step] {
        var found: [String: Breakdown.Step] = [:]
        for step in library.breakdowns.lazy.flatMap(\.steps) {
            guard var known = found[step.tool] else {
                found[step.tool] = step
                continue
            }
            if known.inputs.isEmpty { known.inputs = step.inputs }
            if known.outputs.isEmpty { known.outputs = step.outputs }
            if known.command == nil { known.command = step.command }
            found[step.tool] = known
        }
        for entry in library.glossary {
            var step = found[entry.tool] ?? Breakdown.Step(text: entry.synonyms.first ?? entry.tool, tool: entry.tool)
            if !entry.inputs.isEmpty { step.inputs = entry.inputs }
            if !entry.outputs.isEmpty { step.outputs = entry.outputs }
            step.command = entry.command ?? step.command
            found[entry.tool] = step
        }
        return tools.map { found[$0] ?? Breakdown.Step(text: $0) }
    }

    /// The texts of a library as rows, and what is to be said of them.
    struct Layout {
        let tools: [String]
        let known: [KnownBreakdown]
        let statistics: ToolStatistics
        let targets: RidgeTargets
        let meanSteps: Double
        let isOfChains: Bool
        let width: Int
        /// Descriptions first; then, if they are few, the texts of their steps; then the glossary.
        let texts: [String]
        private let groups: [[Int]]
        private let groupOfRow: [Int]
        private let entries: [(row: Int, target: Int, value: Double)]

        private static let mostTools = 3000
        /// Up to so many rows in all, the texts of steps are rows of their own.
        private static let mostRows = 2600
        /// So many breakdowns teach the logistic regressions enough.
        private static let mostTaught = 1000
        /// And so many of a group: its texts are nearly the same.
        private static let mostOfGroup = 6

        init(_ library: BreakdownLibrary) throws {
            guard !library.breakdowns.isEmpty else { throw DecompositionError.noBreakdowns(path: "library") }
            var counts: [String: Int] = [:]
            for step in library.breakdowns.lazy.flatMap(\.steps) { counts[step.tool, default: 0] += 1 }
            for entry in library.glossary { counts[entry.tool, default: 0] += 1 }
            tools = counts.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(Self.mostTools).map(\.key).sorted()
            let indexes = Dictionary(uniqueKeysWithValues: tools.enumerated().map { ($1, $0) })
            let known = library.breakdowns.map { KnownBreakdown($0, indexes) }
            self.known = known
            statistics = ToolStatistics(known, tools: tools.count)
            let links = Set(known.lazy.flatMap(\.links)).sorted { ($0.from, $0.to) < ($1.from, $1.to) }
            let targets = RidgeTargets(tools: tools.count, links: links)
            self.targets = targets
            meanSteps = Double(known.reduce(0) { $0 + $1.stepCount }) / Double(known.count)

            isOfChains = library.breakdowns.allSatisfy(\.isChain)
            width = max(8, min(120, 2 * (known.lazy.map(\.stepCount).max() ?? 0)))

            var texts = library.breakdowns.map(\.description)
            var entries: [(row: Int, target: Int, value: Double)] = []
            let linkIndexes = Dictionary(uniqueKeysWithValues: links.enumerated().map { ($1, $0) })
            for (row, breakdown) in known.enumerated() {
                for tool in breakdown.tools { entries.append((row, tool, 1)) }
                for link in breakdown.links {
                    if let index = linkIndexes[link] { entries.append((row, targets.tools + index, 1)) }
                }
                entries.append((row, targets.stepCount, Double(breakdown.stepCount) - meanSteps))
                if let first = breakdown.tools.first { entries.append((row, targets.first + first, 1)) }
                if let last = breakdown.tools.last { entries.append((row, targets.last + last, 1)) }
            }
            var names = library.breakdowns.map(\.group)
            if texts.count + library.breakdowns.reduce(0, { $0 + $1.steps.count }) <= Self.mostRows {
                for breakdown in library.breakdowns {
                    for step in breakdown.steps {
                        guard let tool = indexes[step.tool] else { continue }
                        entries.append((texts.count, tool, 1))
                        texts.append(step.text + " " + step.tool)
                        names.append(breakdown.group)
                    }
                }
            }
            for entry in library.glossary {
                guard let tool = indexes[entry.tool] else { continue }
                for text in entry.synonyms + [entry.tool] {
                    entries.append((texts.count, tool, 1))
                    texts.append(text)
                    names.append("")
                }
            }
            (self.texts, self.entries) = (texts, entries)
            var numbers: [String: Int] = [:]
            var groups: [[Int]] = []
            groupOfRow = names.enumerated().map { row, name in
                let number = numbers[name] ?? groups.count
                if number == groups.count {
                    numbers[name] = number
                    groups.append([])
                }
                groups[number].append(row)
                return number
            }
            self.groups = groups
        }

        /// Features of a single text can only be left out where there are many texts.
        var kernel: TextKernel { TextKernel(texts, minimumTexts: texts.count > 200 ? 2 : 1) }

        /// A library of chains needs none.
        func edges(_ library: BreakdownLibrary) -> StepEdges {
            StepEdges(isOfChains ? BreakdownLibrary() : library)
        }

        /// *G*⁻¹ *Y*: sums of a few columns each, for nearly all of *Y* is zero. Rounded, so that a file holds them exactly.
        func weights(_ inverse: Matrix) -> Matrix {
            let n = inverse.rows
            var result = Matrix(rows: n, columns: targets.count)
            for (row, target, value) in entries {
                let (from, to) = (row * n, target * n)
                for index in 0..<n { result.values[to + index] += value * inverse.values[from + index] }
            }
            for index in result.values.indices { result.values[index] = Double(Float(result.values[index])) }
            return result
        }

        /// Fits the logistic regressions on what the ridge regression says of texts whose group it did not see.
        func fitChoice(
            _ library: BreakdownLibrary, _ ridge: TextRidge, _ inverse: Matrix, _ edges: StepEdges
        ) throws -> Choice {
            var ofGroup = [Int](repeating: 0, count: groups.count)
            let different = known.indices.filter { row in
                ofGroup[groupOfRow[row]] += 1
                return ofGroup[groupOfRow[row]] <= Self.mostOfGroup
            }
            let parts = min(different.count, Self.mostTaught)
            let taught = (0..<parts).map { different[$0 * different.count / parts] }
            var truth = [[Int: Double]](repeating: [:], count: known.count)
            for (row, target, value) in entries where row < known.count { truth[row][target] = value }
            var statistics = self.statistics
            let empty = try LogisticModel([], width: 0, isTrue: [])
            let fittedEdges =
                isOfChains
                ? StepEdges.Fitted(model: empty, keep: 0, add: 1) : try StepEdges.Fitted.fit(library, edges)
            var left: [Int: TextRidge.LeftOut] = [:]
            func evidence(_ row: Int) throws -> TextEvidence {
                let group = groupOfRow[row]
                let without = try left[group] ?? TextRidge.LeftOut(groups[group], ridge.weights, inverse: inverse)
                left[group] = without
                let place = without.rows.firstIndex(of: row) ?? 0
                var scores = (0..<targets.count).map { -without.change[place, $0] }
                for (target, value) in truth[row] { scores[target] += value }
                scores[targets.stepCount] += meanSteps
                let text = ridge.kernel.rows[row]
                var similarities = Array(ridge.kernel.similarities(text)[..<known.count])
                for other in groups[group] where other < known.count { similarities[other] = 0 }
                statistics.add(known[row], -1)
                defer { statistics.add(known[row], 1) }
                return TextEvidence(
                    text, scores: scores, similarities: similarities, ridge: ridge, targets: targets, known: known,
                    statistics: statistics, left: without, also: Array(known[row].tools.prefix(30)), width: width)
            }
            var toolRows = Rows()
            var all: [(row: Int, evidence: TextEvidence)] = []
            for row in taught {
                let found = try evidence(row)
                let truth = Set(known[row].tools)
                for (tool, features) in zip(found.candidates, found.features) {
                    toolRows.add(features, truth.contains(tool))
                }
                all.append((row, found))
            }
            let tool = try LogisticModel(toolRows.values, width: TextEvidence.toolFeatureCount, isTrue: toolRows.isTrue)
            var (linkRows, orderRows) = (Rows(), Rows())
            for (row, found) in all {
                statistics.add(known[row], -1)
                defer { statistics.add(known[row], 1) }
                let probabilities = Dictionary(
                    uniqueKeysWithValues: zip(found.candidates, found.features).map { ($0, tool($1)) })
                let few = found.candidates.sorted {
                    (probabilities[$0] ?? 0, $1) > (probabilities[$1] ?? 0, $0)
                }.prefix(Decomposer.mostExact)
                for (rank, first) in few.enumerated() {
                    for (other, second) in few.enumerated() where other != rank {
                        linkRows.add(
                            found.features(first, second, ranks: (rank, other), statistics),
                            known[row].links.contains(.init(first, second)))
                    }
                }
                let listed = Array(known[row].tools.prefix(30))
                let ranked = found.ranked(listed)
                for (rank, first) in ranked.enumerated() {
                    for (other, second) in ranked.enumerated() where other != rank {
                        guard let a = listed.firstIndex(of: first), let b = listed.firstIndex(of: second) else {
                            continue
                        }
                        orderRows.add(found.features(first, second, ranks: (rank, other), statistics), a < b)
                    }
                }
            }
            let link = try LogisticModel(linkRows.values, width: TextEvidence.linkFeatureCount, isTrue: linkRows.isTrue)
            let before = try LogisticModel(
                orderRows.values, width: TextEvidence.linkFeatureCount, isTrue: orderRows.isTrue)
            return Choice(tool: tool, link: link, before: before, edges: fittedEdges)
        }

        private struct Rows {
            var values: [Double] = []
            var isTrue: [Bool] = []
            mutating func add(_ features: [Double], _ truth: Bool) {
                values += features
                isTrue.append(truth)
            }
        }
    }
}
