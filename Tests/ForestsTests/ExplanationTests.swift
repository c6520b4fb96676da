import Forests
import Foundation
import LinearAlgebra
import Testing

@Suite("Explanations") struct ExplanationTests {
    /// Shapley values by their definition: over all subsets of the features, with the expectation over the paths that
    /// the unknown features leave open.
    private func bruteForce(_ model: PortableTrees, _ row: [Double]) -> [Double] {
        let count = model.features.count
        func expectation(_ nodes: [PortableTrees.Node], _ index: Int, _ known: Int) -> Double {
            let node = nodes[index]
            guard node.feature >= 0 else { return node.value }
            if known >> node.feature & 1 != 0 {
                let value = row[node.feature]
                let left: Bool
                if let levels = node.levels {
                    left = !value.isNaN && levels.contains(Int(value))
                } else {
                    left = value.isNaN ? node.missingGoesLeft : value <= node.threshold
                }
                return expectation(nodes, left ? node.left : node.right, known)
            }
            let (left, right) = (Double(nodes[node.left].count), Double(nodes[node.right].count))
            return (left * expectation(nodes, node.left, known) + right * expectation(nodes, node.right, known))
                / (left + right)
        }
        func value(_ known: Int) -> Double {
            let sum = model.trees.reduce(0) { $0 + expectation($1, 0, known) }
            return model.averages ? sum / Double(model.trees.count) : sum
        }
        func factorial(_ n: Int) -> Double { (1...max(1, n)).reduce(1) { $0 * Double($1) } }
        return (0..<count).map { feature in
            (0..<(1 << count)).filter { $0 >> feature & 1 == 0 }.reduce(0) { sum, known in
                let size = known.nonzeroBitCount
                let weight = factorial(size) * factorial(count - size - 1) / factorial(count)
                return sum + weight * (value(known | 1 << feature) - value(known))
            }
        }
    }

    @Test("contributions are the Shapley values and sum to the prediction", arguments: 0..<4)
    func exact(seed: Int) throws {
        let (data, target) = try exampleTable(300, seed: UInt64(seed))
        var options = ForestOptions()
        options.treeCount = 5
        let forest = try RegressionForest.fit(data, target: target, options: options, seed: 1)
        var boosting = BoostingOptions()
        boosting.rounds = 10
        let boosted = try BoostedForest.fit(data, target: target, options: boosting, seed: 1)
        guard case .numeric(let x) = data.columns[0].values, case .numeric(let z) = data.columns[1].values,
            case .categorical(let codes, _) = data.columns[2].values
        else { return }
        let (byForest, byBoosting) = (try forest.explain(data), try boosted.explain(data))
        let predictions = (try forest.predict(data), try boosted.predict(data))
        for row in 0..<20 {
            let plain = [x[row], z[row], Double(codes[row])]
            for (found, expected) in zip(byForest[row].contributions, bruteForce(try forest.portable, plain)) {
                #expect(abs(found - expected) < 1e-9)
            }
            for (found, expected) in zip(byBoosting[row].contributions, bruteForce(try boosted.portable, plain)) {
                #expect(abs(found - expected) < 1e-9)
            }
            #expect(abs(byForest[row].base + byForest[row].contributions.reduce(0, +) - predictions.0[row]) < 1e-9)
            #expect(abs(byBoosting[row].base + byBoosting[row].contributions.reduce(0, +) - predictions.1[row]) < 1e-9)
        }
    }

    @Test("shuffling a feature that matters costs, shuffling noise does not") func permutation() throws {
        var (data, target) = try exampleTable(1500)
        var random = SeededGenerator(seed: 1)
        let noise = ForestData.Column.numeric("noise", target.map { _ in random.nextUniform() })
        data = try ForestData(data.columns + [noise])
        let model = try BoostedForest.fit(data, target: target, seed: 1)
        let importances = try permutationImportance(data, target: target, seed: 1) { try model.predict($0) }
        #expect(importances.map(\.feature).prefix(2).contains("x"))
        #expect(importances.last?.feature == "noise")
        #expect(importances[0].spread > 0 && importances[0].spread < importances[0].meanIncrease)
    }

    @Test("partial dependence finds the slope") func dependence() throws {
        let (data, target) = try exampleTable(2000)
        let model = try BoostedForest.fit(data, target: target, seed: 1)
        let curve = try partialDependence(data, feature: "x", values: [0.2, 0.8]) { try model.predict($0) }
        #expect(abs(curve[1] - curve[0] - 6) < 0.3)
        #expect(throws: ForestError.self) {
            try partialDependence(data, feature: "kind", values: [0]) { try model.predict($0) }
        }
    }
}

@Suite("Conformal intervals") struct ConformalTests {
    @Test("coverage is what was asked, whatever the model", arguments: [0.5, 0.8, 0.9])
    func coverage(level: Double) throws {
        var covered = 0.0
        for seed in 0..<200 {
            var random = SeededGenerator(seed: UInt64(seed), stream: 3)
            let scale = (0..<1100).map { _ in random.nextUniform() }
            let actual = scale.map { $0 * random.nextNormal() }
            // A model that is wrong: it knows neither the middle nor the spread.
            let intervals = try ConformalIntervals(
                lower: Array(repeating: 0.2, count: 100), upper: Array(repeating: 0.4, count: 100),
                actual: Array(actual.prefix(100)), level: level)
            let (low, high) = intervals.interval(lower: 0.2, upper: 0.4)
            covered += Double(actual.dropFirst(100).count { low <= $0 && $0 <= high }) / 1000
        }
        // The theorem: from `level` to `level` + 1 / 101, here averaged over 200 calibrations.
        #expect(covered / 200 > level - 0.01 && covered / 200 < level + 1 / 101.0 + 0.01)
    }

    @Test("groups with their own spread get their own correction") func groups() throws {
        var random = SeededGenerator(seed: 1)
        let names = (0..<2000).map { $0 % 2 == 0 ? "calm" : "wild" }
        let actual = names.map { ($0 == "wild" ? 10 : 1) * random.nextNormal() }
        let zeros = [Double](repeating: 0, count: 2000)
        let intervals = try ConformalIntervals(lower: zeros, upper: zeros, actual: actual, level: 0.8, groups: names)
        let (calm, wild) = (intervals.groupCorrections["calm"] ?? 0, intervals.groupCorrections["wild"] ?? 0)
        #expect(calm > 1.1 && calm < 1.5 && wild > 11 && wild < 15)
        #expect(intervals.interval(lower: 0, upper: 0, group: "new").upper == intervals.correction)
    }

    @Test("out-of-bag quantiles calibrate a forest without a test set") func outOfBag() throws {
        let (data, target) = try exampleTable(1500)
        let (held, truth) = try exampleTable(2000, seed: 9)
        let forest = try RegressionForest.fit(data, target: target, seed: 1)
        let intervals = try forest.outOfBagIntervals(data, target: target, level: 0.8)
        let ends = try forest.predictQuantiles(held, [0.1, 0.9])
        let covered = truth.indices.count { row in
            let (low, high) = intervals.interval(lower: ends[row, 0], upper: ends[row, 1])
            return low <= truth[row] && truth[row] <= high
        }
        #expect(abs(Double(covered) / 2000 - 0.8) < 0.04)
    }

    @Test("too few rows for a level are refused") func tooFew() throws {
        #expect(throws: ForestError.self) {
            try ConformalIntervals(lower: [0, 0], upper: [1, 1], actual: [0, 1], level: 0.9)
        }
    }
}

@Suite("Learning on") struct LearningTests {
    @Test("a refresh follows a shift in one pass") func refresh() throws {
        let (data, target) = try exampleTable(1000)
        let forest = try RegressionForest.fit(data, target: target, seed: 1)
        let (later, changed) = try exampleTable(1000, seed: 5)
        let shifted = changed.map { $0 + 20 }
        let refreshed = try forest.refreshed(later, target: shifted, decay: 0.1)
        let (before, after) = (
            ErrorMeasures.rmse(actual: shifted, predicted: try forest.predict(later)),
            ErrorMeasures.rmse(actual: shifted, predicted: try refreshed.predict(later))
        )
        #expect(before > 19 && after < 4)
    }

    @Test("more trees are the same as all trees at once") func extended() throws {
        let (data, target) = try exampleTable(400)
        var options = ForestOptions()
        options.treeCount = 30
        let half = try RegressionForest.fit(data, target: target, options: options, seed: 1)
        options.treeCount = 60
        let all = try RegressionForest.fit(data, target: target, options: options, seed: 1)
        let extended = try half.extended(data, target: target, by: 30)
        #expect(try extended.predict(data) == all.predict(data))
        #expect(abs(extended.outOfBagError - all.outOfBagError) < 1e-9)
        #expect(throws: ForestError.self) { try half.extended(data, target: target.map { $0 + 1 }, by: 1) }
    }

    @Test("replacing the worst trees helps after a change") func replace() throws {
        let (data, target) = try exampleTable(600)
        let forest = try RegressionForest.fit(data, target: target, seed: 1)
        let changed = target.map { 2 * $0 }
        let replaced = try forest.replacingWorst(share: 0.5, with: data, target: changed, seed: 2)
        #expect(replaced.treeCount == forest.treeCount)
        let (before, after) = (
            ErrorMeasures.rmse(actual: changed, predicted: try forest.predict(data)),
            ErrorMeasures.rmse(actual: changed, predicted: try replaced.predict(data))
        )
        #expect(after < 0.6 * before)
        let everything = try forest.replacingWorst(share: 1, with: data, target: changed, seed: 1)
        #expect(try everything.predict(data) == RegressionForest.fit(data, target: changed, seed: 1).predict(data))
    }
}
