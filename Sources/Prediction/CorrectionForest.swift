internal import Forests
internal import Foundation

/// One random forest over all task types that corrects each type's curve: it predicts log(value / curve) from the type
/// and all features.
///
/// A tree cannot extrapolate, a curve can; and what the features beside the size explain, the forest finds once for
/// similar types together.
struct CorrectionForest: Sendable {
    let forest: RegressionForest
    private let codes: [String: Double]

    init(_ forest: RegressionForest) {
        self.forest = forest
        let levels = forest.features.first?.levels ?? []
        codes = Dictionary(uniqueKeysWithValues: levels.enumerated().map { ($1, Double($0)) })
    }

    /// - Parameter base: What is corrected, per row of `samples`.
    init(_ samples: TaskSamples, base: [Double], trees: Int, threads: Int, seed: UInt64) throws {
        var options = ForestOptions()
        options.treeCount = trees
        options.minimumLeafRows = 3
        options.keepsLeafRows = false
        options.outOfBag = false
        let target = samples.values.indices.map { log(samples.values[$0] / base[$0]) }
        self.init(
            try RegressionForest.fit(
                try Self.table(samples), target: target, options: options, seed: seed, threads: threads))
    }

    /// The logarithmic correction for one task, without an allocation but the row.
    func correction(type: String, features: [Double]) -> Double {
        forest.predict(row: [codes[type] ?? .nan] + features)
    }

    private static func table(_ samples: TaskSamples) throws -> ForestData {
        let type = ForestData.Column.categorical(
            "task_type", samples.types.map { Optional(samples.typeNames[$0]) })
        return try ForestData(
            [type] + zip(samples.featureNames, samples.features).map { .numeric($0, $1) })
    }
}
