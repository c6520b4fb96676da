internal import LinearAlgebra

/// How much worse predictions get when one feature's values are shuffled.
public struct FeatureImportance: Sendable, Hashable {
    public let feature: String
    /// The mean rise of the mean squared error over the repetitions, and its standard deviation.
    public let meanIncrease: Double
    public let spread: Double
}

/// Permutation importance of every feature that a model uses, the most important first.
///
/// Measure it on rows that the model was not fitted on. Features that say the same share their importance: shuffling
/// one of them costs little.
///
/// - Parameters:
///   - predict: The model, for instance `{ try forest.predict($0) }`.
///   - repetitions: How often each feature is shuffled.
/// - Complexity: *features* · *repetitions* predictions of all rows. Source: Breiman, *Random Forests* (2001).
/// - Throws: What `predict` throws, and ``ForestError`` if lengths disagree or `repetitions` is not positive.
public func permutationImportance(
    _ data: ForestData, target: [Double], repetitions: Int = 5, seed: UInt64,
    _ predict: (ForestData) throws -> [Double]
) throws -> [FeatureImportance] {
    guard target.count == data.rowCount else {
        throw ForestError.lengthsDiffer(what: "Target", expected: data.rowCount, found: target.count)
    }
    guard repetitions > 0 else {
        throw ForestError.option("repetitions", found: "\(repetitions)", allowed: "1 or more")
    }
    func error(_ data: ForestData) throws -> Double {
        let root = ErrorMeasures.rmse(actual: target, predicted: try predict(data))
        return root * root
    }
    let reference = try error(data)
    var random = SeededGenerator(seed: seed)
    return try data.columns.indices.map { index in
        let increases = try (0..<repetitions).map { _ in
            let order = Array(0..<data.rowCount).shuffled(using: &random)
            var columns = data.columns
            columns[index] = data.rows(order).columns[index]
            return try error(ForestData(columns)) - reference
        }
        return FeatureImportance(
            feature: data.columns[index].name, meanIncrease: mean(increases),
            spread: repetitions > 1 ? variance(increases).squareRoot() : 0)
    }.sorted { ($1.meanIncrease, $0.feature) < ($0.meanIncrease, $1.feature) }
}

/// The mean prediction as one numeric feature takes each of `values` in all rows (Friedman's partial dependence).
///
/// - Throws: What `predict` throws, and ``ForestError`` if the column is missing or not numeric.
public func partialDependence(
    _ data: ForestData, feature: String, values: [Double], _ predict: (ForestData) throws -> [Double]
) throws -> [Double] {
    guard let index = data.columns.firstIndex(where: { $0.name == feature }) else {
        throw ForestError.missingColumn(feature, available: data.columns.map(\.name))
    }
    guard case .numeric = data.columns[index].values else {
        throw ForestError.wrongKind(column: feature, expected: "numeric", found: "categorical")
    }
    return try values.map { value in
        var columns = data.columns
        columns[index] = .numeric(feature, Array(repeating: value, count: data.rowCount))
        return mean(try predict(ForestData(columns)))
    }
}
