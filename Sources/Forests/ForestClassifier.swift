public import LinearAlgebra

/// Tells classes apart: a probability for each of them.
///
///     let model = try ForestClassifier.fit(data, labels: outcomes, seed: 1)
///     model.classes                          // ["COMPLETED", "FAILED", "OOM"]
///     try model.probabilities(newData)       // a row per row, a column per class
///
/// Of two classes one forest gives the probability of the second. Of more each has a forest: of boosting grown
/// together, with softmax over their sums; else each against all others, with their averages scaled to a sum of 1.
/// Missing values and unseen levels are answered as in ``RegressionForest``.
public struct ForestClassifier: Sendable {
    /// How a classifier is learnt.
    public enum Learner: Sendable, Hashable {
        /// Boosting for log-loss, whatever loss the options name.
        case boosted(BoostingOptions)
        /// Averages of trees. Quantiles, leaf rows and out-of-bag errors are left out.
        case averaged(ForestOptions)
    }

    enum Parts: Sendable {
        case boosted([BoostedForest])
        case averaged([RegressionForest])
    }

    /// The names of the classes, ascending; two or more.
    public let classes: [String]
    /// The share of every class in the training rows.
    public let shares: [Double]
    /// One for two classes, else one for each.
    let parts: Parts

    init(classes: [String], shares: [Double], parts: Parts) {
        (self.classes, self.shares, self.parts) = (classes, shares, parts)
    }

    public var features: [ForestFeature] {
        switch parts {
        case .boosted(let forests): forests[0].features
        case .averaged(let forests): forests[0].features
        }
    }

    public var trainingRowCount: Int {
        switch parts {
        case .boosted(let forests): forests[0].trainingRowCount
        case .averaged(let forests): forests[0].trainingRowCount
        }
    }

    var partCount: Int { classes.count == 2 ? 1 : classes.count }

    /// From what the forests say of one row to probabilities.
    private func combine(_ values: [Double]) -> [Double] {
        switch parts {
        case .boosted: return PortableTrees.Link.probabilities(values)
        case .averaged:
            let sum = values.reduce(0, +)
            return values.count == 1 ? [1 - values[0], values[0]] : values.map { $0 / sum }
        }
    }

    /// The probability of every class for every row of `data`, whose columns are found by name: a matrix with a row per
    /// row and a column per class.
    ///
    /// - Throws: ``ForestError`` if a column is missing or of the wrong kind.
    public func probabilities(_ data: ForestData, threads: Int = defaultThreads) throws(ForestError) -> Matrix {
        var scores: [[Double]] = []
        switch parts {
        case .boosted(let forests): for forest in forests { scores.append(try forest.scores(data, threads: threads)) }
        case .averaged(let forests):
            for (place, forest) in forests.enumerated() {
                scores.append(try forest.predict(data, threads: threads).map { average($0, place, forest.treeCount) })
            }
        }
        var result = Matrix(rows: data.rowCount, columns: classes.count)
        for row in 0..<data.rowCount {
            for (place, probability) in combine(scores.map { $0[row] }).enumerated() {
                result.values[row + place * data.rowCount] = probability
            }
        }
        return result
    }

    /// The probability of every class for one row.
    ///
    /// - Parameter row: As for ``BoostedForest/predict(row:)``.
    public func probabilities(row: [Double]) -> [Double] {
        switch parts {
        case .boosted(let forests): return combine(forests.map { $0.score(row: row) })
        case .averaged(let forests):
            return combine(
                forests.enumerated().map { average($1.predict(row: row), $0, $1.treeCount) })
        }
    }

    /// The share of a class with one tree more, which says its share in training: no class is ever ruled out.
    private func average(_ value: Double, _ place: Int, _ trees: Int) -> Double {
        let share = shares[classes.count == 2 ? 1 : place]
        return (min(max(value, 0), 1) * Double(trees) + share) / Double(trees + 1)
    }

    /// The place of the most probable class for every row of `data`; the first one of equals.
    public func predict(_ data: ForestData, threads: Int = defaultThreads) throws(ForestError) -> [Int] {
        let found = try probabilities(data, threads: threads)
        return (0..<found.rows).map { row in mostProbable(classes.indices.map { found[row, $0] }) }
    }
}

/// The place of the largest number; the first one of equals.
func mostProbable(_ probabilities: [Double]) -> Int {
    var best = 0
    for place in probabilities.indices where probabilities[place] > probabilities[best] { best = place }
    return best
}
