import Forests
import Foundation
import LinearAlgebra
import Testing

@Suite("Correctness of forests") struct CorrectnessTests {
    /// CART by its definition: all features, all cuts halfway between neighbouring values.
    private func bruteForceTree(
        _ columns: [[Double]], _ target: [Double], _ rows: [Int], minimumRows: Int, _ asked: [Double]
    ) -> Double {
        let average = mean(rows.map { target[$0] })
        func error(_ rows: [Int]) -> Double {
            let m = mean(rows.map { target[$0] })
            return rows.reduce(0) { $0 + (target[$1] - m) * (target[$1] - m) }
        }
        var best = (error: error(rows) * (1 - 1e-9), feature: -1, cut: 0.0)
        for (feature, column) in columns.enumerated() {
            let values = Set(rows.map { column[$0] }).sorted()
            for (low, high) in zip(values, values.dropFirst()) {
                let left = rows.filter { column[$0] <= low }
                let right = rows.filter { column[$0] > low }
                guard left.count >= minimumRows, right.count >= minimumRows else { continue }
                let total = error(left) + error(right)
                if total < best.error - 1e-9 { best = (total, feature, (low + high) / 2) }
            }
        }
        guard best.feature >= 0 else { return average }
        let column = columns[best.feature]
        let side = rows.filter { (column[$0] <= best.cut) == (asked[best.feature] <= best.cut) }
        return bruteForceTree(columns, target, side, minimumRows: minimumRows, asked)
    }

    @Test("a single tree is CART", arguments: 0..<10) func cart(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed), stream: 4)
        let columns = (0..<3).map { _ in (0..<80).map { _ in (random.nextUniform() * 64).rounded() / 64 } }
        let target = (0..<80).map { 4 * columns[0][$0] + columns[1][$0] * columns[2][$0] + random.nextNormal() }
        let data = try ForestData(Matrix(columns: columns))
        var options = singleTree(minimumLeafRows: 3)
        options.candidateFeatures = 3
        let forest = try RegressionForest.fit(data, target: target, options: options, seed: 1)
        // Training rows: two features can part them in the same way, but then differ on others.
        for row in 0..<80 {
            let asked = columns.map { $0[row] }
            let expected = bruteForceTree(columns, target, Array(0..<80), minimumRows: 3, asked)
            #expect(abs(forest.predict(row: asked) - expected) < 1e-5)
        }
    }

    @Test("the order of rows and a monotone change of a feature do not matter") func invariances() throws {
        let (data, target) = try exampleTable(300)
        var options = singleTree(minimumLeafRows: 2)
        options.candidateFeatures = 3
        let forest = try RegressionForest.fit(data, target: target, options: options, seed: 1)
        let reversed = Array((0..<300).reversed())
        let other = try RegressionForest.fit(
            data.rows(reversed), target: reversed.map { target[$0] }, options: options, seed: 1)
        #expect(try other.predict(data) == forest.predict(data))
        guard case .numeric(let x) = data.columns[0].values else { return }
        // Doubling is exact in single precision too.
        let doubled = try ForestData([.numeric("x", x.map { 2 * $0 })] + data.columns.dropFirst())
        let changed = try RegressionForest.fit(doubled, target: target, options: options, seed: 1)
        #expect(try changed.predict(doubled) == forest.predict(data))
    }

    @Test("a weight of two is the same as having the row twice") func weights() throws {
        let (data, target) = try exampleTable(200)
        var options = singleTree()
        (options.candidateFeatures, options.categorySmoothing) = (3, 0)
        let twice = Array(0..<200) + Array(0..<50)
        let weighted = try RegressionForest.fit(
            data, target: target, weights: (0..<200).map { $0 < 50 ? 2 : 1 }, options: options, seed: 1)
        let repeated = try RegressionForest.fit(
            data.rows(twice), target: twice.map { target[$0] }, options: options, seed: 1)
        for (a, b) in zip(try weighted.predict(data), try repeated.predict(data)) { #expect(abs(a - b) < 1e-4) }
    }

    @Test("degenerate data are answered, not crashed on") func degenerate() throws {
        func both(_ columns: [ForestData.Column], _ target: [Double]) throws -> [Double] {
            let data = try ForestData(columns)
            let boosted = try BoostedForest.fit(data, target: target, seed: 1)
            #expect(try boosted.predict(data).allSatisfy(\.isFinite))
            return try RegressionForest.fit(data, target: target, seed: 1).predict(data)
        }
        #expect(try both([.numeric("x", [1, 2, 3])], [7, 7, 7]) == [7, 7, 7])
        #expect(try both([.numeric("x", [1])], [5]) == [5])
        #expect(try both([.numeric("x", [.nan, .nan])], [1, 1]) == [1, 1])
        #expect(try both([.categorical("k", ["a", "a", nil])], [2, 2, 2]) == [2, 2, 2])
        #expect(try both([.numeric("x", [-.infinity, 1e300, -1e300, .infinity])], [1, 1, 1, 1]) == [1, 1, 1, 1])
        let extreme = try both(
            [.numeric("x", (0..<40).map { $0 < 20 ? -1e300 : 1e300 })], (0..<40).map { $0 < 20 ? -1 : 1 })
        #expect(extreme.first == -1 && extreme.last == 1)
    }

    @Test("10,000 columns work") func wide() throws {
        var random = SeededGenerator(seed: 1)
        let columns = (0..<10_000).map { index in
            ForestData.Column.numeric("x\(index)", (0..<30).map { _ in random.nextUniform() })
        }
        guard case .numeric(let first) = columns[0].values else { return }
        var options = ForestOptions()
        options.treeCount = 5
        let data = try ForestData(columns)
        let forest = try RegressionForest.fit(data, target: first, options: options, seed: 1)
        #expect(try forest.predict(data).count == 30)
        var boosting = BoostingOptions()
        boosting.rounds = 3
        #expect(try BoostedForest.fit(data, target: first, options: boosting, seed: 1).predict(data).count == 30)
    }

    @Test("bad input is refused with what is allowed") func refusals() throws {
        let data = try ForestData([.numeric("x", [1, 2, 3])])
        func options(_ change: (inout ForestOptions) -> Void) -> ForestOptions {
            var options = ForestOptions()
            change(&options)
            return options
        }
        for bad in [Double.nan, .infinity, -.infinity, 1e299] {
            #expect(throws: ForestError.self) { try RegressionForest.fit(data, target: [1, bad, 2], seed: 1) }
            #expect(throws: ForestError.self) { try BoostedForest.fit(data, target: [1, bad, 2], seed: 1) }
        }
        #expect(throws: ForestError.option("treeCount", found: "0", allowed: "1 to 100000")) {
            try RegressionForest.fit(data, target: [1, 2, 3], options: options { $0.treeCount = 0 }, seed: 1)
        }
        #expect(throws: ForestError.self) {
            try RegressionForest.fit(data, target: [1, 2, 3], options: options { $0.candidateFeatures = 2 }, seed: 1)
        }
        #expect(throws: ForestError.self) { try RegressionForest.fit(data, target: [1, 2], seed: 1) }
        #expect(throws: ForestError.self) {
            try RegressionForest.fit(data, target: [1, 2, 3], weights: [1, -1, 1], seed: 1)
        }
        #expect(throws: ForestError.self) { try ForestData([.numeric("x", [1]), .numeric("x", [2])]) }
        #expect(throws: ForestError.self) { try ForestData([.numeric("x", [1]), .numeric("y", [])]) }
        #expect(throws: ForestError.self) { try ForestData([.categorical("k", codes: [2], levels: ["a"])]) }
        #expect(throws: ForestError.self) {
            var gamma = BoostingOptions()
            gamma.loss = .gamma
            _ = try BoostedForest.fit(data, target: [1, 0, 2], options: gamma, seed: 1)
        }
        let forest = try RegressionForest.fit(data, target: [1, 2, 3], seed: 1)
        #expect(throws: ForestError.missingColumn("x", available: ["y"])) {
            try forest.predict(ForestData([.numeric("y", [1])]))
        }
        #expect(throws: ForestError.self) { try forest.predict(ForestData([.categorical("x", ["a"])])) }
    }

    @Test("the example of the documentation") func documentation() throws {
        let data = try ForestData([
            .categorical("task", ["align", "align", "align", "sort", "sort", "sort"]),
            .numeric("input_bytes", [1e9, 2e9, 4e9, 1e9, 2e9, 4e9]),
        ])
        var options = BoostingOptions()
        options.minimumLeafRows = 1
        options.minimumGroupRows = 1
        options.l2 = 0
        options.featureShare = 1
        let model = try BoostedForest.fit(data, target: [100, 200, 400, 10, 20, 40], options: options, seed: 1)
        let asked = try ForestData([.categorical("task", ["sort"]), .numeric("input_bytes", [2e9])])
        #expect(try model.predict(asked)[0].rounded() == 20)
    }
}
