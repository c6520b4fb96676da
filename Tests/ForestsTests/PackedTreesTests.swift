import Forests
import LinearAlgebra
import Testing

/// Batches walk packed trees, and single rows the nodes as they are stored: both must find the same leaves.
@Suite("Batches of rows") struct PackedTreesTests {
    /// Numbers and levels, few and many, some of them missing.
    private func table(_ rows: Int, seed: UInt64) throws -> (data: ForestData, target: [Double], plain: [[Double]]) {
        var random = SeededGenerator(seed: seed, stream: 9)
        let levels = [(0..<100).map { "type \($0)" }, (0..<5).map { "zone \($0)" }]
        let numbers = (0..<3).map { _ in
            (0..<rows).map { _ in random.nextUniform() < 0.05 ? .nan : (random.nextNormal() * 64).rounded() / 64 }
        }
        let codes = levels.map { levels in
            (0..<rows).map { _ in
                random.nextUniform() < 0.03 ? Int32(-1) : Int32.random(in: 0..<Int32(levels.count), using: &random)
            }
        }
        let data = try ForestData([
            .numeric("a", numbers[0]), .categorical("type", codes: codes[0], levels: levels[0]),
            .numeric("b", numbers[1]), .categorical("zone", codes: codes[1], levels: levels[1]),
            .numeric("c", numbers[2]),
        ])
        let target = (0..<rows).map { row in
            let (a, b) = (numbers[0][row], numbers[1][row])
            return (a.isNaN ? 3 : a) * Double(codes[0][row] % 7) + (b.isNaN ? -1 : abs(b)) + Double(codes[1][row])
        }
        func code(_ code: Int32) -> Double { code < 0 ? .nan : Double(code) }
        let plain = (0..<rows).map { row in
            [numbers[0][row], code(codes[0][row]), numbers[1][row], code(codes[1][row]), numbers[2][row]]
        }
        return (data, target, plain)
    }

    @Test("a batch of any size gives what its rows give one by one", arguments: [1, 8, 31, 32, 33, 2047, 4099])
    func sizes(rows: Int) throws {
        let (data, target, _) = try table(1500, seed: 1)
        var options = ForestOptions()
        (options.treeCount, options.minimumLeafRows, options.outOfBag) = (7, 1, false)
        let forest = try RegressionForest.fit(data, target: target, options: options, seed: 2)
        let (asked, _, plain) = try table(rows, seed: 3)
        let alone = plain.map { forest.predict(row: $0) }
        for threads in [1, 3] { #expect(try forest.predict(asked, threads: threads) == alone) }
    }

    @Test("a forest whose trees have more than 65,536 nodes, or very many columns") func large() throws {
        let (data, target, plain) = try table(50_000, seed: 4)
        var options = singleTree()
        options.treeCount = 2
        let forest = try RegressionForest.fit(data, target: target, options: options, seed: 1)
        #expect(forest.nodeCount > 1 << 17)
        #expect(try forest.predict(data) == plain.map { forest.predict(row: $0) })

        var random = SeededGenerator(seed: 5, stream: 9)
        let columns = (0..<2100).map { _ in (0..<60).map { _ in random.nextNormal() } }
        let wide = try ForestData(Matrix(columns: columns))
        let many = try RegressionForest.fit(wide, target: columns[2090], options: options, seed: 1)
        let rows = (0..<60).map { row in columns.map { $0[row] } }
        #expect(try many.predict(wide) == rows.map { many.predict(row: $0) })
    }

    @Test("a forest that learns on predicts with its new leaves") func refreshed() throws {
        let (data, target, plain) = try table(400, seed: 6)
        let forest = try RegressionForest.fit(data, target: target, seed: 1)
        let before = try forest.predict(data)
        let refreshed = try forest.refreshed(data, target: target.map { $0 + 5 })
        let after = try refreshed.predict(data)
        #expect(after != before)
        #expect(after == plain.map { refreshed.predict(row: $0) })
        #expect(try forest.predict(data) == before)
    }

    private static let neighbours: [[Double]] = [
        [1, 1.000_000_000_001], [-1, -0.999_999_999_999], [0, .leastNonzeroMagnitude],
        [-Double.infinity, -1e300], [1e38, Double.infinity], [Double.nan, -1e300], [Double.nan, 1],
    ]

    /// Keys are single-precision numbers rounded up, which tells apart what is nearest to the same one.
    @Test("numbers a little apart, and the largest ones, are told apart", arguments: neighbours)
    func tellsApart(values: [Double]) throws {
        let targets = [3.0, 7.0]
        let data = try ForestData([.numeric("x", values)])
        let forest = try RegressionForest.fit(data, target: targets, options: singleTree(), seed: 1)
        #expect(values.map { forest.predict(row: [$0]) } == targets)
        let many = try ForestData([.numeric("x", (0..<40).map { values[$0 % 2] })])
        let expected = (0..<40).map { targets[$0 % 2] }
        #expect(try forest.predict(many) == expected)
    }
}
