import LinearAlgebra
import Testing

@Suite("Seeded generator") struct SeededGeneratorTests {
    /// Known answers from the authors' Random123 distribution (kat_vectors, philox4x32 10).
    @Test("Philox gives the published answers")
    func knownAnswers() {
        let zeros = SeededGenerator.philox(counter: (0, 0, 0, 0), key: (0, 0))
        #expect(zeros == (0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
        let ones = SeededGenerator.philox(counter: (.max, .max, .max, .max), key: (.max, .max))
        #expect(ones == (0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
        let pi = SeededGenerator.philox(
            counter: (0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), key: (0xa409_3822, 0x299f_31d0))
        #expect(pi == (0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
    }

    @Test("streams and seeds differ, the same pair repeats")
    func streams() {
        var (a, b) = (SeededGenerator(seed: 7, stream: 1), SeededGenerator(seed: 7, stream: 1))
        var (c, d) = (SeededGenerator(seed: 7, stream: 2), SeededGenerator(seed: 8, stream: 1))
        let first = (0..<100).map { _ in a.next() }
        #expect(first == (0..<100).map { _ in b.next() })
        let others = Set((0..<100).flatMap { _ in [c.next(), d.next()] })
        #expect(others.isDisjoint(with: first))
    }

    @Test("uniform, normal, exponential and integer draws have the right moments")
    func moments() {
        var generator = SeededGenerator(seed: 1)
        let n = 200_000
        let uniforms = (0..<n).map { _ in generator.nextUniform() }
        let normals = (0..<n).map { _ in generator.nextNormal() }
        let exponentials = (0..<n).map { _ in generator.nextExponential() }
        // Five standard errors of each moment.
        #expect(abs(mean(uniforms) - 0.5) < 5 * (1.0 / 12 / Double(n)).squareRoot())
        #expect(abs(mean(normals)) < 5 / Double(n).squareRoot())
        #expect(abs(variance(normals) - 1) < 5 * (2 / Double(n)).squareRoot())
        #expect(abs(mean(exponentials) - 1) < 5 / Double(n).squareRoot())
        #expect(uniforms.allSatisfy { 0 <= $0 && $0 < 1 })
        var counts = [Int](repeating: 0, count: 7)
        for _ in 0..<70_000 { counts[generator.nextInt(below: 7)] += 1 }
        let chiSquared = counts.reduce(0.0) { $0 + (Double($1) - 10_000) * (Double($1) - 10_000) / 10_000 }
        #expect(chiSquared < 22.5)  // 99.9 % point of χ² with 6 degrees of freedom
    }
}

@Suite("Quantiles") struct QuantileTests {
    @Test("type 7, as R's default", arguments: [(0.0, 1.0), (0.1, 1.4), (0.25, 2), (0.5, 3), (0.9, 8.0), (1, 10)])
    func type7(p: Double, expected: Double) {
        #expect(abs(quantile([10, 1, 2, 3, 5], p) - expected) < 1e-14)  // quantile(c(10,1,2,3,5), p)
    }

    @Test("edge cases: none, one, infinite and repeated values")
    func edges() {
        #expect(quantile([], 0.5).isNaN)
        #expect(quantile([4], 0.9) == 4)
        #expect(quantile([-.infinity, -.infinity, 1], 0.25) == -.infinity)
        #expect(median([1, 2]) == 1.5)
        #expect(variance([1]).isNaN)
    }

    @Test("weights count like repetitions")
    func weighted() {
        let (values, weights) = ([5.0, 1, 3], [1.0, 2, 3])
        let repeated = [1.0, 1, 3, 3, 3, 5]
        for p in [0.1, 1.0 / 3, 0.5, 0.83, 0.9, 1] {
            let position = max(0, Int((p * 6).rounded(.up)) - 1)
            #expect(weightedQuantile(values, weights: weights, p) == repeated[position])
        }
        #expect(weightedQuantile([1], weights: [0], 0.5).isNaN)
    }
}

@Suite("Error measures") struct ErrorMeasureTests {
    let actual = [100.0, 200, 0, 400]
    let predicted = [110.0, 180, 10, 400]

    @Test("hand-computed values")
    func values() {
        #expect(abs(ErrorMeasures.rmse(actual: actual, predicted: predicted) - 150.0.squareRoot()) < 1e-12)
        #expect(ErrorMeasures.mae(actual: actual, predicted: predicted) == 10)
        #expect(abs(ErrorMeasures.mdape(actual: actual, predicted: predicted) - 0.1) < 1e-15)
        #expect(abs(ErrorMeasures.mape(actual: actual, predicted: predicted) - 0.2 / 3) < 1e-15)
        #expect(abs(ErrorMeasures.wape(actual: actual, predicted: predicted) - 40.0 / 700) < 1e-15)
        let terms: [Double] = [20.0 / 210, 40.0 / 380, 2, 0]
        let smape = mean(terms)
        #expect(abs(ErrorMeasures.smape(actual: actual, predicted: predicted) - smape) < 1e-15)
        let training = [1.0, 3, 2, 5]
        #expect(ErrorMeasures.mase(actual: [6], predicted: [4], training: training, season: 1) == 1)
        #expect(ErrorMeasures.mase(actual: [6], predicted: [4], training: training, season: 2) == 2 / 1.5)
        let rmsse = ErrorMeasures.rmsse(actual: [6], predicted: [4], training: training, season: 1)
        #expect(abs(rmsse - (4.0 / (14.0 / 3)).squareRoot()) < 1e-15)
        #expect(ErrorMeasures.mase(actual: [1], predicted: [2], training: [3, 3, 3], season: 1).isNaN)
        #expect(abs(ErrorMeasures.pinball(actual: [10, 10], predicted: [8, 14], p: 0.9) - (1.8 + 0.4) / 2) < 1e-15)
        #expect(ErrorMeasures.coverage(actual: [1, 2, 3], lower: [1, 0, 4], upper: [2, 1, 5]) == 1.0 / 3)
        let score = ErrorMeasures.intervalScore(actual: [1, 7], lower: [0, 4], upper: [2, 6], level: 0.8)
        #expect(abs(score - (2 + 2 + 10) / 2) < 1e-12)
    }

    @Test("CRPS: a large normal sample tends to the closed form; a point forecast is its absolute error")
    func crps() {
        // Closed form at the mean: s (2 φ(0) − 1/√π) = 0.2336949…; published in Gneiting & Raftery.
        let closed = ErrorMeasures.crpsNormal(actual: 0, mean: 0, standardDeviation: 1)
        #expect(abs(closed - 0.233694977254) < 1e-11)
        var generator = SeededGenerator(seed: 3)
        let sample = (0..<100_000).map { _ in 2 + 3 * generator.nextNormal() }
        let expected = ErrorMeasures.crpsNormal(actual: 4, mean: 2, standardDeviation: 3)
        #expect(abs(ErrorMeasures.crps(actual: 4, sample: sample) - expected) < 0.02)
        #expect(ErrorMeasures.crpsNormal(actual: 3, mean: 1, standardDeviation: 0) == 2)
        #expect(ErrorMeasures.crps(actual: 3, sample: [1]) == 2)
        // By the definition, on a small sample.
        let small = [1.0, 4, 6]
        let pairs = small.reduce(0.0) { sum, x in sum + small.reduce(0) { $0 + abs(x - $1) } } / 9
        #expect(abs(ErrorMeasures.crps(actual: 3, sample: small) - (6.0 / 3 - pairs / 2)) < 1e-15)
    }
}

@Suite("Parallel") struct ParallelTests {
    @Test("results come in index order on any thread count", arguments: [1, 2, 7])
    func order(threads: Int) {
        #expect(Parallel.map(count: 1000, threads: threads) { "\($0)" } == (0..<1000).map { "\($0)" })
        #expect(Parallel.map(count: 0, threads: threads) { $0 }.isEmpty)
    }

    @Test("the lowest failing index wins")
    func failure() {
        struct Failed: Error, Equatable { let index: Int }
        #expect(throws: Failed(index: 3)) {
            try Parallel.tryMap(count: 100, threads: 4) { (index: Int) throws(Failed) -> Int in
                guard index % 7 != 3 else { throw Failed(index: index) }
                return index
            }
        }
    }
}
