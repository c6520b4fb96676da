internal import Basics
internal import LinearAlgebra

/// How well the breakdowns of a library are found by a model that did not see them, beside simple baselines.
public struct DecompositionEvaluation: Sendable, Encodable {
    /// Means over the breakdowns.
    public struct Score: Sendable, Encodable {
        /// 2 · common / (found + real), of the tools and of the links between tools.
        public internal(set) var nodeF1 = 0.0
        public internal(set) var linkF1 = 0.0
        /// The share of breakdowns found without a fault.
        public internal(set) var exact = 0.0

        mutating func add(_ tools: [String], _ links: Set<[String]>, _ truth: Breakdown) {
            let (found, real) = (Set(tools), Set(truth.steps.map(\.tool)))
            let realLinks = Score.links(truth.edges.map { ($0.from, $0.to) }, truth.steps.map(\.tool))
            nodeF1 += Score.f1(found.intersection(real).count, found.count, real.count)
            linkF1 += Score.f1(links.intersection(realLinks).count, links.count, realLinks.count)
            exact += found == real && links == realLinks ? 1 : 0
        }

        static func links(_ edges: [(Int, Int)], _ tools: [String]) -> Set<[String]> {
            Set(edges.map { [tools[$0.0], tools[$0.1]] })
        }

        private static func f1(_ right: Int, _ found: Int, _ real: Int) -> Double {
            found + real > 0 ? 2 * Double(right) / Double(found + real) : 1
        }

        mutating func divide(by count: Int) {
            let count = Double(max(1, count))
            (nodeF1, linkF1, exact) = (nodeF1 / count, linkF1 / count, exact / count)
        }
    }

    /// Edges between steps that are given in their listed order, over all breakdowns together.
    public struct Edges: Sendable, Encodable {
        public internal(set) var f1 = 0.0
        /// The same for the chain in the listed order.
        public internal(set) var chainF1 = 0.0
        /// Edges of that chain that were taken out, and the share of them that are indeed not there.
        public internal(set) var removed = 0
        public internal(set) var rightlyRemoved = 0.0
        /// Expected calibration error of the probabilities of the edges that were found.
        public internal(set) var calibrationError = 0.0
    }

    /// What the probabilities of a tenth promise and what came true.
    public struct Calibration: Sendable, Encodable {
        public let edges: Int
        public let promised: Double
        public let real: Double
    }

    public internal(set) var breakdowns = 0
    public internal(set) var trained = 0
    public internal(set) var model = Score()
    /// The steps of the most similar text, and the most frequent tools.
    public internal(set) var nearest = Score()
    public internal(set) var frequent = Score()
    /// The same as ``model`` for texts of which no near-copy was learnt from, and how many these are.
    public internal(set) var unlike = Score()
    public internal(set) var unlikeCount = 0
    /// The link F1 of the order found for tools that are given.
    public internal(set) var orderLinkF1 = 0.0
    public internal(set) var edges: Edges?
    /// Of the edges that were found from the text.
    public internal(set) var calibration: [Calibration] = []
    public internal(set) var calibrationError = 0.0
    public internal(set) var secondsToTrain = 0.0
    public internal(set) var secondsEach = 0.0

    /// Trains on `library` and tests on `held`.
    public init(training library: BreakdownLibrary, testing held: [Breakdown]) throws {
        var work = Work()
        try work.run(library, held)
        self = work.finished()
    }

    /// Tests every breakdown with a model of the other folds; a group is never on both sides.
    public init(_ library: BreakdownLibrary, folds: Int = 5) throws {
        var work = Work()
        func fold(_ breakdown: Breakdown) -> Int {
            Int((FNV1a(breakdown.group).value >> 7) % UInt64(max(2, folds)))
        }
        for number in 0..<max(2, folds) {
            let held = library.breakdowns.filter { fold($0) == number }
            var rest = library
            rest.breakdowns.removeAll { fold($0) == number }
            if !held.isEmpty, !rest.breakdowns.isEmpty { try work.run(rest, held) }
        }
        self = work.finished()
    }

    private init() {}

    private struct Work {
        var result = DecompositionEvaluation()
        var found: [(probability: Double, isReal: Bool)] = []
        var ours = EdgeScore()
        var chain = EdgeScore()
        var edgesFound: [(probability: Double, isReal: Bool)] = []

        mutating func run(_ library: BreakdownLibrary, _ held: [Breakdown]) throws {
            let clock = ContinuousClock()
            let start = clock.now
            let model = try Decomposer.fit(library)
            result.secondsToTrain += (clock.now - start) / .seconds(1)
            result.trained = max(result.trained, library.breakdowns.count)
            let groups = Set(library.breakdowns.map(\.group))
            let most = Array(model.tools.indices).sorted {
                (model.statistics.counts[$0], $1) > (model.statistics.counts[$1], $0)
            }.prefix(max(1, Int(model.meanSteps.rounded(.down)))).map { model.tools[$0] }
            var spent = Duration.zero
            var edges = model.edges
            for breakdown in held {
                result.breakdowns += 1
                result.frequent.add(most, [], breakdown)
                score(breakdown, by: model)
                let began = clock.now
                // A text without a known word is a text without steps.
                let answer = try? model.decompose(breakdown.description)
                spent += clock.now - began
                add(answer, breakdown, isUnlike: !groups.contains(breakdown.group))
                result.orderLinkF1 += order(breakdown, by: model)
                if !model.isOfChains { try addEdges(breakdown, model, &edges) }
            }
            result.secondsEach += spent / .seconds(1)
        }

        private mutating func score(_ breakdown: Breakdown, by model: Decomposer) {
            let nearest = (try? model.nearest(to: breakdown.description, count: 1))?.first?.breakdown
            let tools = nearest?.steps.map(\.tool) ?? []
            result.nearest.add(
                tools, Score.links((nearest?.edges ?? []).map { ($0.from, $0.to) }, tools), breakdown)
        }

        private mutating func add(_ answer: Decomposition?, _ breakdown: Breakdown, isUnlike: Bool) {
            let tools = answer?.steps.map(\.tool) ?? []
            let edges = answer?.edges ?? []
            let links = Score.links(edges.map { ($0.from, $0.to) }, tools)
            result.model.add(tools, links, breakdown)
            if isUnlike {
                result.unlike.add(tools, links, breakdown)
                result.unlikeCount += 1
            }
            let real = Score.links(breakdown.edges.map { ($0.from, $0.to) }, breakdown.steps.map(\.tool))
            for edge in edges {
                found.append((edge.probability, real.contains([tools[edge.from], tools[edge.to]])))
            }
        }

        private func order(_ breakdown: Breakdown, by model: Decomposer) -> Double {
            var seen: Set<String> = []
            let tools = breakdown.steps.map(\.tool).filter { seen.insert($0).inserted }
            let order = (try? model.order(tools.sorted(), for: breakdown.description)) ?? tools.sorted()
            var score = Score()
            score.add(order, Score.links(order.indices.dropFirst().map { ($0 - 1, $0) }, order), breakdown)
            return score.linkF1
        }

        private mutating func addEdges(_ breakdown: Breakdown, _ model: Decomposer, _ edges: inout StepEdges) throws {
            let fitted = model.choice.edges
            let weighed = try edges.candidates(breakdown.steps).map {
                StepEdges.Weighed(edge: $0.edge, probability: fitted.model($0.features))
            }
            let decoded = StepEdges.decode(weighed, steps: breakdown.steps.count, keep: fitted.keep, add: fitted.add)
            ours.add(decoded.map(\.edge), breakdown)
            chain.add((0..<max(0, breakdown.steps.count - 1)).map { .init($0, $0 + 1) }, breakdown)
            let truth = Set(breakdown.edges)
            edgesFound += decoded.map { ($0.probability, truth.contains($0.edge)) }
        }

        func finished() -> DecompositionEvaluation {
            var result = self.result
            let count = result.breakdowns
            result.model.divide(by: count)
            result.nearest.divide(by: count)
            result.frequent.divide(by: count)
            result.unlike.divide(by: result.unlikeCount)
            result.orderLinkF1 /= Double(max(1, count))
            result.secondsEach /= Double(max(1, count))
            result.calibration = Self.tenths(found)
            result.calibrationError = Self.error(result.calibration)
            if ours.real > 0 {
                result.edges = Edges(
                    f1: ours.f1, chainF1: chain.f1, removed: Int(ours.removed),
                    rightlyRemoved: ours.removed > 0 ? ours.rightlyRemoved / ours.removed : 1,
                    calibrationError: Self.error(Self.tenths(edgesFound)))
            }
            return result
        }

        private static func tenths(_ found: [(probability: Double, isReal: Bool)]) -> [Calibration] {
            (0..<10).compactMap { tenth in
                let own = found.filter { min(9, Int($0.probability * 10)) == tenth }
                guard !own.isEmpty else { return nil }
                return Calibration(
                    edges: own.count, promised: own.reduce(0) { $0 + $1.probability } / Double(own.count),
                    real: Double(own.count { $0.isReal }) / Double(own.count))
            }
        }

        private static func error(_ tenths: [Calibration]) -> Double {
            let all = Double(max(1, tenths.reduce(0) { $0 + $1.edges }))
            return tenths.reduce(0) { $0 + abs($1.promised - $1.real) * Double($1.edges) / all }
        }
    }
}
