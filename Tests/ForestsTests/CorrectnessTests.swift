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

    /// scikit-learn 1.9.1, on the same numbers:
    /// `DecisionTreeRegressor(min_samples_leaf=3, random_state=0).fit(X, y).tree_`, the nodes depth first.
    @Test("a single full tree is scikit-learn's") func scikitLearn() throws {
        var columns = [[Double]](repeating: [], count: 3)
        var target: [Double] = []
        for row in 0..<40 {
            let (a, b, c) = (Double(row * 7 % 40) / 40, Double(row * row * 3 % 37) / 37, Double(row * 11 % 17) / 17)
            let steps = Double(row * 13 % 7) / 3
            let y: Double = 10 * a * a + (b > 0.5 ? 5 * c : 0) + steps
            columns[0].append(a)
            columns[1].append(b)
            columns[2].append(c)
            target.append((y * 1e6).rounded() / 1e6)
        }
        let expected: [(feature: Int, threshold: Double, rows: Int, mean: Double)] = [
            (0, 0.512499988, 40, 5.293198525), (1, 0.554054067, 21, 3.006360905), (0, 0.162500001, 11, 2.146780364),
            (-1, 0, 4, 0.859375), (0, 0.337499991, 7, 2.882440571), (-1, 0, 3, 2.309722333), (-1, 0, 4, 3.31197925),
            (0, 0.212499999, 10, 3.9518995), (-1, 0, 4, 4.95634175), (1, 0.905405402, 6, 3.282271333),
            (-1, 0, 3, 2.918709333), (-1, 0, 3, 3.645833333), (0, 0.787499994, 19, 7.820755895),
            (1, 0.432432443, 11, 6.761653273), (0, 0.674999982, 7, 5.883630857), (-1, 0, 3, 5.354861),
            (-1, 0, 4, 6.28020825), (-1, 0, 4, 8.2981925), (0, 0.912499994, 8, 9.277022), (-1, 0, 5, 8.774755),
            (-1, 0, 3, 10.114133667),
        ]
        var options = singleTree(minimumLeafRows: 3)
        options.candidateFeatures = 3
        let data = try ForestData(Matrix(columns: columns))
        let forest = try RegressionForest.fit(data, target: target, options: options, seed: 1)
        let nodes = try forest.portable.trees[0]
        #expect(nodes.count == expected.count)
        var next = 0
        func compare(_ index: Int) throws {
            let (found, wanted) = (nodes[index], try #require(expected.dropFirst(next).first))
            next += 1
            #expect(found.feature == wanted.feature && found.count == wanted.rows)
            if found.feature < 0 {
                #expect(abs(found.value - wanted.mean) < 1e-6)
            } else {
                #expect(abs(found.threshold - wanted.threshold) < 1e-6)
                try compare(found.left)
                try compare(found.right)
            }
        }
        try compare(0)
    }

    @Test("splits of 20 columns are the best ones, whether codes are packed or not", arguments: [4, 20])
    func wideSplits(width: Int) throws {
        var random = SeededGenerator(seed: 3)
        let columns = (0..<width).map { _ in (0..<300).map { _ in random.nextUniform() } }
        let target: [Double] = columns[width - 1].map { $0 > 0.3 ? 5 : random.nextUniform() }
        var options = singleTree(minimumLeafRows: 20)
        (options.candidateFeatures, options.maximumDepth) = (width, 1)
        let forest = try RegressionForest.fit(
            ForestData(Matrix(columns: columns)), target: target, options: options, seed: 1)
        let root = try #require(try forest.portable.trees[0].first)
        let below = columns[width - 1].filter { $0 <= 0.3 }.max() ?? 0
        let above = columns[width - 1].filter { $0 > 0.3 }.min() ?? 1
        #expect(root.feature == width - 1 && root.threshold >= below && root.threshold < above)
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
