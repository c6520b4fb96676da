public import LinearAlgebra
public import ModelFiles

/// Any model of this module, as a model file holds it.
///
///     let forest = try FittedForest(contentsOf: "model.safetensors")
///     try forest.predict(data)
public enum FittedForest: Sendable {
    case random(RegressionForest)
    case boosted(BoostedForest)
    case quantiles(BoostedQuantiles)
    case linear(LinearForest)
    case imported(PortableTrees)
    /// Its prediction as a number is the place of the most probable class.
    case classes(ForestClassifier)

    /// The kinds of model file that hold one.
    public static let modelKinds: Set<String> = [
        RegressionForest.modelKind, BoostedForest.modelKind, BoostedQuantiles.modelKind, LinearForest.modelKind,
        PortableTrees.modelKind, ForestClassifier.modelKind,
    ]

    /// - Throws: `ModelFileError` for a damaged or newer file, ``ForestError`` for one that holds no forest.
    public init(contentsOf path: String) throws { try self.init(ModelFile(contentsOf: path), path: path) }

    /// Reads a model from an open model file; `path` is for messages.
    public init(_ file: ModelFile, path: String = "model file") throws {
        func check(_ version: Int) throws(ForestError) {
            guard file.schemaVersion <= version else {
                throw .format(
                    file: path, line: 0, found: "schema version \(file.schemaVersion)",
                    expected: "up to \(version); a newer release wrote it")
            }
        }
        switch file.kind {
        case RegressionForest.modelKind:
            try check(RegressionForest.schemaVersion)
            self = .random(try RegressionForest(file, path: path))
        case BoostedForest.modelKind:
            try check(BoostedForest.schemaVersion)
            self = .boosted(try BoostedForest(file, path: path))
        case BoostedQuantiles.modelKind:
            try check(BoostedQuantiles.schemaVersion)
            self = .quantiles(try BoostedQuantiles(file, path: path))
        case LinearForest.modelKind:
            try check(LinearForest.schemaVersion)
            self = .linear(try LinearForest(file, path: path))
        case PortableTrees.modelKind:
            try check(PortableTrees.schemaVersion)
            self = .imported(try PortableTrees(file, path: path))
        case ForestClassifier.modelKind:
            try check(ForestClassifier.schemaVersion)
            self = .classes(try ForestClassifier(file, path: path))
        default:
            throw ForestError.format(
                file: path, line: 0, found: "a model of kind '\(file.kind)'",
                expected: FittedForest.modelKinds.sorted().joined(separator: ", "))
        }
    }

    public func modelFile() throws -> ModelFile {
        switch self {
        case .random(let forest): try forest.modelFile()
        case .boosted(let forest): try forest.modelFile()
        case .quantiles(let forest): try forest.modelFile()
        case .linear(let forest): try forest.modelFile()
        case .imported(let trees): try trees.modelFile()
        case .classes(let model): try model.modelFile()
        }
    }

    public var features: [ForestFeature] {
        switch self {
        case .random(let forest): forest.features
        case .boosted(let forest): forest.features
        case .quantiles(let forest): forest.center.features
        case .linear(let forest): forest.features
        case .imported(let trees): trees.features
        case .classes(let model): model.features
        }
    }

    /// How many rows it was fitted on; `nil` if an imported model does not say.
    public var trainingRowCount: Int? {
        switch self {
        case .random(let forest): forest.trainingRowCount
        case .boosted(let forest): forest.trainingRowCount
        case .quantiles(let forest): forest.center.trainingRowCount
        case .linear(let forest): forest.trainingRowCount
        case .imported: nil
        case .classes(let model): model.trainingRowCount
        }
    }

    /// The names of the classes, where it tells classes apart.
    public var classes: [String]? {
        switch self {
        case .classes(let model): model.classes
        case .imported(let trees): trees.classNames
        case .random, .boosted, .quantiles, .linear: nil
        }
    }

    /// The probability of every class, a column each, for every row of `data`; `nil` if it predicts a number.
    /// - Throws: ``ForestError`` if a column is missing or of the wrong kind.
    public func probabilities(_ data: ForestData, threads: Int = defaultThreads) throws(ForestError) -> Matrix? {
        switch self {
        case .classes(let model): return try model.probabilities(data, threads: threads)
        case .imported(let trees):
            guard let classes = trees.classNames else { return nil }
            var result = Matrix(rows: data.rowCount, columns: classes.count)
            for (row, values) in try trees.rows(of: data).enumerated() {
                for (place, value) in trees.probabilities(row: values).enumerated() {
                    result.values[row + place * data.rowCount] = value
                }
            }
            return result
        case .random, .boosted, .quantiles, .linear: return nil
        }
    }

    /// The prediction for every row of `data`, whose columns are found by name.
    /// - Throws: ``ForestError`` if a column is missing or of the wrong kind.
    public func predict(_ data: ForestData, threads: Int = defaultThreads) throws(ForestError) -> [Double] {
        switch self {
        case .random(let forest): try forest.predict(data, threads: threads)
        case .boosted(let forest): try forest.predict(data, threads: threads)
        case .quantiles(let forest): try forest.predict(data, threads: threads)
        case .linear(let forest): try forest.predict(data, threads: threads)
        case .imported(let trees): try trees.predict(data)
        case .classes(let model): try model.predict(data, threads: threads).map(Double.init)
        }
    }

    /// The prediction for one row: a number per feature, of a categorical one the position of its level in the
    /// feature's list; NaN where missing, and for a level never seen.
    public func predict(row: [Double]) -> Double {
        switch self {
        case .random(let forest): forest.predict(row: row)
        case .boosted(let forest): forest.predict(row: row)
        case .quantiles(let forest): forest.center.predict(row: row)
        case .linear(let forest): forest.predict(row: row)
        case .imported(let trees): trees.predict(row: row)
        case .classes(let model): Double(mostProbable(model.probabilities(row: row)))
        }
    }

    /// Quantiles for every row of `data`, a column per probability; `nil` if this kind of model has none of its own.
    public func predictQuantiles(
        _ data: ForestData, _ probabilities: [Double], threads: Int = defaultThreads
    ) throws(ForestError) -> Matrix? {
        switch self {
        case .random(let forest) where forest.options.keepsLeafRows:
            try forest.predictQuantiles(data, probabilities, threads: threads)
        case .quantiles(let forest): try forest.predictQuantiles(data, probabilities, threads: threads)
        case .random, .boosted, .linear, .imported, .classes: nil
        }
    }

    /// Shapley values for every row of `data`, before the link where the model has one. Of two classes they are those of
    /// the second one's logarithmic odds (or average), of more those of the most probable class.
    /// - Throws: ``ForestError`` if a column is missing, or an imported model does not say enough.
    public func explain(_ data: ForestData) throws(ForestError) -> [ForestExplanation] {
        switch self {
        case .random(let forest): try forest.explain(data)
        case .boosted(let forest): try forest.explain(data)
        case .quantiles(let forest): try forest.center.explain(data)
        case .linear(let forest): try forest.explain(data)
        case .imported(let trees): try trees.explain(data)
        case .classes(let model): try model.explain(data)
        }
    }

    /// From the scale of ``explain(_:)`` to that of the prediction.
    public var link: PortableTrees.Link {
        switch self {
        case .boosted(let forest): forest.options.loss.link
        case .imported(let trees): trees.link
        case .classes(let model): model.link
        case .random, .quantiles, .linear: .identity
        }
    }

    /// Which features some tree or line asks for.
    public var isAsked: [Bool] {
        if case .linear(let forest) = self { return forest.features.map { _ in true } }
        return shape.tests.map { $0 > 0 }
    }

    /// The model in the form that other programs exchange: of quantiles the middle.
    /// - Throws: ``ForestError`` for lines in leaves, which end where our training rows do and theirs do not.
    public var portable: PortableTrees {
        get throws(ForestError) {
            switch self {
            case .random(let forest): return try forest.portable
            case .boosted(let forest): return try forest.portable
            case .quantiles(let forest): return try forest.center.portable
            case .linear:
                throw .notStored(
                    what: "trees that other programs could predict with",
                    remedy: "No other format has lines that end; export a forest with constant leaves.")
            case .imported(let trees): return trees
            case .classes(let model): return try model.portable
            }
        }
    }

    /// The shape of the trees.
    public struct Shape: Sendable, Hashable, Codable {
        public var trees = 0
        public var nodes = 0
        public var leaves = 0
        /// Nodes with slopes of their own, in a linear forest.
        public var lines = 0
        /// How many nodes test each feature, by the features' order.
        public var tests: [Int] = []
    }

    public var shape: Shape {
        switch self {
        case .random(let forest): return forest.trees.shape(forest.features.count)
        case .boosted(let forest): return forest.trees.shape(forest.features.count)
        case .quantiles(let forest):
            var shape = forest.center.trees.shape(features.count)
            let spread = forest.spread.trees.shape(features.count)
            shape.trees += spread.trees
            shape.nodes += spread.nodes
            shape.leaves += spread.leaves
            for feature in features.indices { shape.tests[feature] += spread.tests[feature] }
            return shape
        case .linear(let forest):
            var shape = forest.trees.shape(forest.features.count)
            shape.lines = forest.lineCount
            return shape
        case .classes(let model):
            var shape = Shape(tests: Array(repeating: 0, count: features.count))
            for own in model.forests.map(\.shape) {
                shape.trees += own.trees
                shape.nodes += own.nodes
                shape.leaves += own.leaves
                for feature in features.indices { shape.tests[feature] += own.tests[feature] }
            }
            return shape
        case .imported(let trees):
            var shape = Shape(trees: trees.trees.count, tests: Array(repeating: 0, count: trees.features.count))
            for node in trees.trees.joined() {
                shape.nodes += 1
                if node.feature >= 0 { shape.tests[node.feature] += 1 } else { shape.leaves += 1 }
                if node.line != nil { shape.lines += 1 }
            }
            return shape
        }
    }

    /// The training rows most like each row of `data`: those that share its leaves in most trees.
    ///
    /// - Parameters:
    ///   - training: The rows that the model was fitted on, or any others.
    ///   - count: How many of them to name.
    /// - Returns: For each row of `data` the rows of `training`, the most alike first, with the share of the trees.
    /// - Complexity: O(*rows* · *training rows* · *trees*). Source: Breiman's proximities.
    public func nearest(
        _ data: ForestData, among training: ForestData, count: Int
    ) throws(ForestError) -> [[(row: Int, share: Double)]] {
        let (own, others) = (try leaves(data), try leaves(training))
        return own.map { leaves in
            var shares: [(row: Int, share: Double)] = others.enumerated().map { row, other in
                var equal = 0
                for tree in leaves.indices where leaves[tree] == other[tree] { equal += 1 }
                return (row, Double(equal) / Double(max(1, leaves.count)))
            }
            shares.sort { ($1.share, $0.row) < ($0.share, $1.row) }
            return Array(shares.prefix(count))
        }
    }

    /// The leaf of each row in every tree; of a row with unseen levels that of the most similar level.
    fileprivate func leaves(_ data: ForestData) throws(ForestError) -> [[UInt32]] {
        switch self {
        case .random(let forest): try forest.trees.leaves(forest.encoder.table(data))
        case .boosted(let forest): try forest.trees.leaves(forest.encoder.table(data))
        case .quantiles(let forest): try forest.center.trees.leaves(forest.center.encoder.table(data))
        case .linear(let forest): try forest.trees.leaves(forest.encoder.table(data))
        case .classes(let model): try model.leaves(data)
        case .imported(let trees):
            try trees.rows(of: data).map { row in trees.trees.map { UInt32(trees.leaf($0, row)) } }
        }
    }
}

extension ForestClassifier {
    /// Its forests one by one.
    fileprivate var forests: [FittedForest] {
        switch parts {
        case .boosted(let forests): forests.map { .boosted($0) }
        case .averaged(let forests): forests.map { .random($0) }
        }
    }

    fileprivate var link: PortableTrees.Link {
        switch parts {
        case .boosted: partCount == 1 ? .logistic : .softmax
        case .averaged: .identity
        }
    }

    fileprivate func explain(_ data: ForestData) throws(ForestError) -> [ForestExplanation] {
        let forests = forests
        guard forests.count > 1 else { return try forests[0].explain(data) }
        var result: [ForestExplanation] = []
        for (row, place) in try predict(data).enumerated() {
            result += try forests[place].explain(data.rows([row]))
        }
        return result
    }

    /// The leaves of all forests, one after the other.
    fileprivate func leaves(_ data: ForestData) throws(ForestError) -> [[UInt32]] {
        var result = [[UInt32]](repeating: [], count: data.rowCount)
        for forest in forests { for (row, own) in try forest.leaves(data).enumerated() { result[row] += own } }
        return result
    }
}

extension TreeNodes {
    fileprivate func shape(_ featureCount: Int) -> FittedForest.Shape {
        var shape = FittedForest.Shape(
            trees: treeCount, nodes: nodes.count, tests: Array(repeating: 0, count: featureCount))
        for index in nodes.indices {
            let node = node(index)
            if node.isLeaf { shape.leaves += 1 } else { shape.tests[node.feature] += 1 }
        }
        return shape
    }

    fileprivate func leaves(_ table: EncodedTable) -> [[UInt32]] {
        (0..<table.resultCount).map { row in
            var found: [UInt32] = []
            let first = table.parts(row).rows.lowerBound
            withSlots(table, first..<first + 1) { walk, starts, slots in
                walkTrees(walk, starts: starts, slots: slots) { _, leaf in found.append(leaf) }
            }
            return found
        }
    }
}
