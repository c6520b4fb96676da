internal import Foundation
internal import Forests
internal import LinearAlgebra

extension TableTraining {
    /// A model of classes. Rows that were held out tell how far its probabilities are to be trusted.
    func trainClasses(
        _ samples: TableSamples, target: String, parts: [TablePart], groupColumn: String?,
        progress: (@Sendable (Double) -> Void)?
    ) throws -> TableModel {
        guard groupColumn == nil else {
            throw TableError.contradiction(
                "'\(target)' holds words: there are no intervals to give by group", remedy: "Leave out --intervals-by.")
        }
        let fits = Double(parts.count + 1)
        var (found, actual) = ([[Double]](), [Int]())
        if learner.kind == .boosted {
            for (index, part) in parts.enumerated() {
                let own = samples.rows(part.training)
                // A class that is not among these rows cannot be learnt from them.
                guard Set(own.target).count > 1 else { continue }
                let forest = try learner.fit(own, seed: seed) { progress?((Double(index) + $0) / fits) }
                let held = samples.rows(part.test)
                found += try forest.probabilities(held, threads: learner.threads)
                actual += held.target.map { Int($0) }
            }
        }
        var card = TableModel.Card(target: target, learner: learner.kind.rawValue)
        (card.trainingFile, card.version) = (samples.path, version)
        let forest = try learner.fit(samples, seed: seed) { progress?((fits - 1 + $0) / fits) }
        guard case .classes(let model) = forest, !actual.isEmpty else { return TableModel(forest, card: card) }
        // Rows that were parted from a table need not have all its classes.
        let known = forest.classes ?? []
        let shares = (samples.classes ?? []).map { name in known.firstIndex(of: name).map { model.shares[$0] } ?? 0 }
        let factor = Self.sharpening(found, actual, shares)
        card.sharpening = factor
        return TableModel(.classes(model.sharpened(by: factor)), card: card)
    }

    /// The factor of the scores at which the log-loss of probabilities is least, between 1/4 and 2.
    static func sharpening(_ probabilities: [[Double]], _ actual: [Int], _ shares: [Double]) -> Double {
        func loss(_ factor: Double) -> Double {
            var sum = 0.0
            for (found, truth) in zip(probabilities, actual) {
                let scores = found.indices.map { place in
                    let share = log(max(shares[place], 1e-12))
                    return share + factor * (log(max(found[place], 1e-12)) - share)
                }
                let highest = scores.max() ?? 0
                sum += highest + log(scores.reduce(0) { $0 + exp($1 - highest) }) - scores[truth]
            }
            return sum
        }
        // Convex in the factor: golden sections of its logarithm.
        let golden = (5.0.squareRoot() - 1) / 2
        var (low, high) = (log(0.25), log(2.0))
        while high - low > 1e-3 {
            let (a, b) = (high - golden * (high - low), low + golden * (high - low))
            if loss(exp(a)) < loss(exp(b)) { high = b } else { low = a }
        }
        let factor = exp((low + high) / 2)
        return loss(factor) < loss(1) ? factor : 1
    }

    /// How much larger the error is when a feature is shuffled: the root of the mean square of what the true class lacks
    /// to probability 1.
    static func classImportance(
        _ model: TableModel, _ held: TableSamples, seed: UInt64, threads: Int
    ) throws -> [TableModel.Importance] {
        let rows = held.rows(Array(0..<min(held.count, 2000)))
        func certainty(_ data: ForestData) throws -> [Double] {
            let found = try model.forest.probabilities(data, of: held.classes ?? [], threads: threads)
            return found.indices.map { found[$0][Int(rows.target[$0])] }
        }
        let ones = [Double](repeating: 1, count: rows.count)
        let error = ErrorMeasures.rmse(actual: ones, predicted: try certainty(rows.data))
        guard error > 0 else { return [] }
        return try permutationImportance(rows.data, target: ones, repetitions: 3, seed: seed, certainty).map { found in
            let raised = max(0, error * error + found.meanIncrease).squareRoot()
            return TableModel.Importance(
                feature: found.feature, rise: raised / error - 1,
                spread: found.spread / (2 * error * max(error, raised)))
        }
    }
}

extension FittedForest {
    /// The probability of each of `classes` by row; 0 for one that the forest does not know.
    func probabilities(_ data: ForestData, of classes: [String], threads: Int) throws -> [[Double]] {
        guard let known = self.classes, let found = try probabilities(data, threads: threads) else { return [] }
        let places = classes.map { known.firstIndex(of: $0) }
        return (0..<found.rows).map { row in places.map { $0.map { found[row, $0] } ?? 0 } }
    }

    func probabilities(_ samples: TableSamples, threads: Int) throws -> [[Double]] {
        try probabilities(samples.data, of: samples.classes ?? [], threads: threads)
    }
}
