internal import Forests
internal import Foundation

/// One forest over all task types and features: what the features beside the size explain, it finds once for similar
/// types together.
///
/// Trees of constants cannot extrapolate, a curve can: random and boosted trees predict log(value / curve), where the
/// curve is that of the type. Linear leaves predict log(value) itself, by lines in the logarithms of the features.
struct PooledForest: Sendable {
    /// The candidates that are such a forest, with the names of their parts in a model file.
    static let kinds: [(candidate: TaskModel.Candidate, part: String)] = [
        (.forest, "forest"), (.boosting, "boosted_forest"), (.linearLeaves, "linear_forest"),
    ]

    let forest: FittedForest
    private let codes: [String: Double]

    init(_ forest: FittedForest) {
        self.forest = forest
        let levels = forest.features.first?.levels ?? []
        codes = Dictionary(levels.enumerated().map { ($1, Double($0)) }, uniquingKeysWith: { first, _ in first })
    }

    /// Fits those of the candidates that are such forests.
    ///
    /// - Parameter base: The curve of each row's type, per row of `samples`.
    static func fit(
        _ candidates: [TaskModel.Candidate], _ samples: TaskSamples, base: [Double], trees: Int, threads: Int,
        seed: UInt64
    ) throws -> [TaskModel.Candidate: PooledForest] {
        let wanted = kinds.map(\.candidate).filter(candidates.contains)
        guard !wanted.isEmpty else { return [:] }
        let type = ForestData.Column.categorical("task_type", samples.types.map { Optional(samples.typeNames[$0]) })
        let table = try ForestData([type] + zip(samples.featureNames, samples.features).map { .numeric($0, $1) })
        let logarithms = samples.values.map { log($0) }
        let corrections = zip(samples.values, base).map { log($0 / $1) }
        var forests: [TaskModel.Candidate: PooledForest] = [:]
        for candidate in wanted {
            forests[candidate] = try PooledForest(
                candidate, table, logarithms, corrections: corrections, trees: trees, threads: threads, seed: seed)
        }
        return forests
    }

    private init(
        _ candidate: TaskModel.Candidate, _ table: ForestData, _ logarithms: [Double], corrections: [Double],
        trees: Int, threads: Int, seed: UInt64
    ) throws {
        switch candidate {
        case .boosting:
            self.init(
                .boosted(
                    try BoostedForest.fit(table, target: corrections, seed: seed, threads: threads)))
        case .linearLeaves:
            var options = LinearForestOptions.random
            if case .random(var random) = options.trees {
                random.treeCount = max(10, trees / 4)
                random.outOfBag = false
                options.trees = .random(random)
            }
            options.logarithmicFeatures = true
            self.init(
                .linear(
                    try LinearForest.fit(
                        table, target: logarithms, options: options, seed: seed, threads: threads)))
        default:
            var options = ForestOptions()
            options.treeCount = trees
            options.minimumLeafRows = 3
            options.keepsLeafRows = false
            options.outOfBag = false
            self.init(
                .random(
                    try RegressionForest.fit(
                        table, target: corrections, options: options, seed: seed, threads: threads)))
        }
    }

    /// What it predicts for one task, without an allocation but the row.
    ///
    /// - Parameter base: What the curve of its type says.
    func value(type: String, features: [Double], base: Double) -> Double {
        let logarithm = forest.predict(row: [codes[type] ?? .nan] + features)
        if case .linear = forest { return exp(logarithm) }
        return base * exp(logarithm)
    }
}
