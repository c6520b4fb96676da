import Forests
import Foundation
import LinearAlgebra
import Testing

@Suite("Boosted forest") struct BoostedForestTests {
    @Test("it learns an additive function of numbers and levels") func learns() throws {
        let (data, target) = try exampleTable(2000)
        let (held, truth) = try exampleTable(500, seed: 8)
        let model = try BoostedForest.fit(data, target: target, seed: 1)
        #expect(ErrorMeasures.rmse(actual: truth, predicted: try model.predict(held)) < 0.25)
    }

    @Test("equal seeds give equal models on any number of threads", arguments: [2, 3])
    func deterministic(threads: Int) throws {
        let (data, target) = try exampleTable(30_000)
        var options = BoostingOptions()
        options.rounds = 8
        let reference = try BoostedForest.fit(data, target: target, options: options, seed: 3, threads: 1)
        let model = try BoostedForest.fit(data, target: target, options: options, seed: 3, threads: threads)
        #expect(try model.predict(data, threads: threads) == reference.predict(data, threads: 1))
    }

    @Test("tables, walks and single rows give the same bits", arguments: [31, 40])
    func predictors(leaves: Int) throws {
        // Trees of more than 32 leaves are walked, smaller ones are looked up.
        let (data, target) = try exampleTable(1500)
        var options = BoostingOptions()
        (options.maximumLeaves, options.rounds) = (leaves, 20)
        let model = try BoostedForest.fit(data, target: target, options: options, seed: 1)
        let all = try model.predict(data)
        guard case .numeric(let x) = data.columns[0].values, case .numeric(let z) = data.columns[1].values,
            case .categorical(let codes, _) = data.columns[2].values
        else { return }
        for row in 0..<data.rowCount {
            let plain = [x[row], z[row], Double(codes[row])]
            #expect(model.predict(row: plain) == all[row])
            #expect(model.walkedPrediction(row: plain) == all[row])
        }
    }

    @Test("the first tree splits where the exhaustive search does", arguments: 0..<20)
    func bruteForce(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed), stream: 5)
        let x = (0..<60).map { _ in Double(random.nextInt(below: 25)) }
        let target = (0..<60).map { _ in random.nextNormal() }
        var options = BoostingOptions()
        (options.rounds, options.maximumLeaves, options.learningRate, options.l2) = (1, 2, 1, 0)
        let model = try BoostedForest.fit(try ForestData([.numeric("x", x)]), target: target, options: options, seed: 1)
        var best = (error: Double.infinity, left: 0.0, right: 0.0, cut: 0.0)
        for cut in Set(x) {
            let left = zip(x, target).filter { $0.0 <= cut }.map(\.1)
            let right = zip(x, target).filter { $0.0 > cut }.map(\.1)
            guard left.count >= options.minimumLeafRows, right.count >= options.minimumLeafRows else { continue }
            let (l, r) = (mean(left), mean(right))
            let error = left.reduce(0) { $0 + ($1 - l) * ($1 - l) } + right.reduce(0) { $0 + ($1 - r) * ($1 - r) }
            if error < best.error { best = (error, l, r, cut) }
        }
        for (value, predicted) in zip(x, try model.predict(ForestData([.numeric("x", x)]))) {
            #expect(abs(predicted - (value <= best.cut ? best.left : best.right)) < 1e-5)
        }
    }

    @Test("a monotone constraint holds everywhere", arguments: [1, -1]) func monotone(direction: Int) throws {
        var random = SeededGenerator(seed: 3)
        let x = (0..<800).map { _ in random.nextUniform() }
        let z = (0..<800).map { _ in random.nextUniform() }
        let target = (0..<800).map { sin(9 * x[$0]) + z[$0] + 0.3 * random.nextNormal() }
        var options = BoostingOptions()
        options.monotone = ["x": direction]
        let model = try BoostedForest.fit(
            try ForestData([.numeric("x", x), .numeric("z", z)]), target: target, options: options, seed: 1)
        for fixed in [0.1, 0.5, 0.9] {
            let path = stride(from: 0.0, through: 1, by: 0.01).map {
                model.predict(row: [$0, fixed]) * Double(direction)
            }
            #expect(zip(path, path.dropFirst()).allSatisfy { $0 <= $1 })
        }
    }

    @Test("each loss predicts what it is for") func losses() throws {
        // A skewed target without features that matter: mean 1, median log 2, 90 % quantile log 10.
        var random = SeededGenerator(seed: 4)
        let target = (0..<4000).map { _ in random.nextExponential() }
        let data = try ForestData([.numeric("x", (0..<4000).map { Double($0 % 2) })])
        func middle(_ loss: BoostingLoss) throws -> Double {
            var options = BoostingOptions()
            (options.loss, options.rounds) = (loss, 50)
            return mean(try BoostedForest.fit(data, target: target, options: options, seed: 1).predict(data))
        }
        #expect(abs(try middle(.squared) - 1) < 0.06)
        #expect(abs(try middle(.gamma) - 1) < 0.06)
        #expect(abs(try middle(.absolute) - log(2)) < 0.06)
        #expect(abs(try middle(.quantile(p: 0.9)) - log(10)) < 0.15)
        let huber = try middle(.huber(delta: 0.5))
        #expect(huber > log(2) - 0.05 && huber < 1)
    }

    @Test("a weight of two is the same as having the row twice") func weights() throws {
        // Few enough rows for exact bins, and no prior that counts rows.
        let (data, target) = try exampleTable(200)
        let twice = Array(0..<200) + Array(0..<100)
        var options = BoostingOptions()
        (options.rounds, options.minimumLeafRows, options.minimumGroupRows) = (20, 1, 1)
        options.categorySmoothing = 0
        let weighted = try BoostedForest.fit(
            data, target: target, weights: (0..<200).map { $0 < 100 ? 2 : 1 }, options: options, seed: 1)
        let repeated = try BoostedForest.fit(
            data.rows(twice), target: twice.map { target[$0] }, weights: twice.map { _ in 1 }, options: options, seed: 1
        )
        for (a, b) in zip(try weighted.predict(data), try repeated.predict(data)) { #expect(abs(a - b) < 1e-5) }
    }

    @Test("early stopping keeps the best round") func earlyStopping() throws {
        let (data, target) = try exampleTable(600)
        var options = BoostingOptions()
        (options.rounds, options.validationShare, options.patience, options.learningRate) = (500, 0.25, 10, 0.3)
        let model = try BoostedForest.fit(data, target: target, options: options, seed: 1)
        let best = try #require(
            model.validationLosses.indices.min { model.validationLosses[$0] < model.validationLosses[$1] })
        #expect(model.treeCount == best + 1)
        #expect(model.validationLosses.count < 500)
    }

    @Test("a written model reads back with equal bits") func roundTrip() throws {
        let (data, target) = try exampleTable(400)
        let path = FileManager.default.temporaryDirectory.path + "/boosted-\(UUID().uuidString).safetensors"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let model = try BoostedForest.fit(data, target: target, seed: 5)
        try model.write(to: path)
        let read = try BoostedForest(contentsOf: path)
        #expect(try read.predict(data) == model.predict(data))
        #expect(read.options == model.options && read.baseValue == model.baseValue)
    }
}

@Suite("Boosted quantiles") struct BoostedQuantilesTests {
    @Test("they follow a spread that differs from row to row, cover what they say and never cross") func spread() throws
    {
        func table(_ seed: UInt64) throws -> (ForestData, [Double], [Double]) {
            var random = SeededGenerator(seed: seed)
            let x = (0..<4000).map { _ in random.nextUniform() }
            let z = (0..<4000).map { _ in random.nextUniform() }
            let target = (0..<4000).map { 5 * z[$0] + (0.2 + 2 * x[$0]) * random.nextNormal() }
            return (try ForestData([.numeric("x", x), .numeric("z", z)]), target, x)
        }
        let (data, target, _) = try table(1)
        let (held, truth, x) = try table(2)
        var options = BoostingOptions()
        options.rounds = 60
        let model = try BoostedQuantiles.fit(data, target: target, options: options, seed: 1)
        let q = try model.predictQuantiles(held, [0.1, 0.5, 0.9])
        let (low, middle, high) = (Array(q.column(0)), Array(q.column(1)), Array(q.column(2)))
        #expect(abs(ErrorMeasures.coverage(actual: truth, lower: low, upper: high) - 0.8) < 0.03)
        #expect(zip(low, middle).allSatisfy { $0 <= $1 } && zip(middle, high).allSatisfy { $0 <= $1 })
        func width(_ range: ClosedRange<Double>) -> Double {
            mean(x.indices.filter { range.contains(x[$0]) }.map { high[$0] - low[$0] })
        }
        #expect(width(0.9...1) > 3 * width(0...0.1))
    }
}
