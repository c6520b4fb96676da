import Forests
import Foundation
import LinearAlgebra
import Testing

@Suite("Linear leaves") struct LinearForestTests {
    static let kinds: [LinearForestOptions] = [.random, .boosted]

    /// Seconds that grow with the input, at a speed that depends on the type of the task.
    private func runs(_ rows: Int, inputs: ClosedRange<Double>, noise: Double, seed: UInt64) throws -> (
        data: ForestData, target: [Double]
    ) {
        var random = SeededGenerator(seed: seed)
        let speeds = ["align": 5.0, "index": 0.5, "sort": 20.0]
        var (types, bytes, cpus, seconds) = ([String?](), [Double](), [Double](), [Double]())
        for _ in 0..<rows {
            let type = speeds.keys.sorted()[random.nextInt(below: 3)]
            let input = inputs.lowerBound + (inputs.upperBound - inputs.lowerBound) * random.nextUniform()
            types.append(type)
            bytes.append(input)
            cpus.append(Double(1 + random.nextInt(below: 8)))
            seconds.append((10 + (speeds[type] ?? 0) * input) * (1 + noise * random.nextNormal()))
        }
        return (
            try ForestData([.categorical("type", types), .numeric("gigabytes", bytes), .numeric("cpus", cpus)]), seconds
        )
    }

    @Test("ten and a hundred times larger inputs are predicted well", arguments: kinds.indices, [10.0, 100.0])
    func extrapolates(kind: Int, factor: Double) throws {
        let training = try runs(600, inputs: 1...10, noise: 0.05, seed: 1)
        let model = try LinearForest.fit(
            training.data, target: training.target, options: Self.kinds[kind], seed: 1)
        let test = try runs(300, inputs: 9 * factor...10 * factor, noise: 0, seed: 2)
        let mdape = ErrorMeasures.mdape(actual: test.target, predicted: try model.predict(test.data))
        #expect(mdape < 0.15, "\(mdape)")
        let constant = try RegressionForest.fit(training.data, target: training.target, seed: 1)
        #expect(ErrorMeasures.mdape(actual: test.target, predicted: try constant.predict(test.data)) > 0.8)
    }

    @Test("an exact line is found exactly, however far", arguments: kinds.indices)
    func exactLine(kind: Int) throws {
        let x = (0..<100).map(Double.init)
        let data = try ForestData([.numeric("x", x)])
        let model = try LinearForest.fit(data, target: x.map { 3 * $0 + 7 }, options: Self.kinds[kind], seed: 1)
        let far = try model.predict(ForestData([.numeric("x", [50, 990, 9900])]))
        for (found, expected) in zip(far, [157.0, 2977, 29707]) { #expect(abs(found - expected) < 1e-4 * expected) }
    }

    @Test("with logarithmic features and target, power laws go on", arguments: kinds.indices)
    func powerLaw(kind: Int) throws {
        var (random, options) = (SeededGenerator(seed: 3), Self.kinds[kind])
        options.logarithmicFeatures = true
        let bytes = (0..<300).map { _ in 1e6 * Foundation.exp(random.nextUniform() * 5) }
        let target = bytes.map { Foundation.log(0.001 * Foundation.pow($0, 1.3)) }
        let model = try LinearForest.fit(
            ForestData([.numeric("bytes", bytes)]), target: target, options: options, seed: 1)
        let far = 1e6 * Foundation.exp(5.0) * 100.0
        let found = try model.predict(ForestData([.numeric("bytes", [far])]))[0]
        let expected: Double = Foundation.log(0.001 * Foundation.pow(far, 1.3))
        #expect(abs(found - expected) < 0.02)
    }

    @Test("noise costs hardly more than with constant leaves", arguments: kinds.indices, UInt64(1)...3)
    func noise(kind: Int, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed, stream: 9)
        let columns = (0..<6).map { column in
            ForestData.Column.numeric("x\(column)", (0..<1200).map { _ in random.nextNormal() })
        }
        let data = try ForestData(columns)
        let target = (0..<1200).map { _ in random.nextNormal() }
        let (train, test) = (Array(0..<600), Array(600..<1200))
        let actual = test.map { target[$0] }
        let linear = try LinearForest.fit(
            data.rows(train), target: train.map { target[$0] }, options: Self.kinds[kind], seed: seed
        ).predict(data.rows(test))
        let constant: [Double]
        switch Self.kinds[kind].trees {
        case .random(let options):
            constant = try RegressionForest.fit(
                data.rows(train), target: train.map { target[$0] }, options: options, seed: seed
            ).predict(data.rows(test))
        case .boosted(let options):
            constant = try BoostedForest.fit(
                data.rows(train), target: train.map { target[$0] }, options: options, seed: seed
            ).predict(data.rows(test))
        }
        let ratio =
            ErrorMeasures.rmse(actual: actual, predicted: linear)
            / ErrorMeasures.rmse(actual: actual, predicted: constant)
        #expect(ratio < 1.03, "\(ratio)")
    }

    @Test("collinear, constant, missing, categorical and extreme columns give finite numbers", arguments: kinds.indices)
    func hardColumns(kind: Int) throws {
        var random = SeededGenerator(seed: 5)
        let x = (0..<200).map { _ in random.nextUniform() }
        let target = x.map { 4 * $0 + 1 }
        var gaps = x
        for row in stride(from: 0, to: 200, by: 3) { gaps[row] = .nan }
        var wild = x
        (wild[0], wild[1], wild[2], wild[3]) = (.infinity, -.infinity, 1e300, -1e300)
        let tables: [[ForestData.Column]] = [
            [.numeric("x", x), .numeric("same", x), .numeric("twice", x.map { 2 * $0 })],
            [.numeric("x", x), .numeric("constant", x.map { _ in 5 })], [.numeric("gaps", gaps)],
            [.numeric("none", x.map { _ in .nan })], [.numeric("wild", wild)],
            [.categorical("type", x.map { $0 < 0.5 ? "a" : "b" })],
            [.numeric("large", x.map { 1e12 + $0 }), .numeric("small", x.map { 1e-12 * $0 })],
        ]
        for (index, columns) in tables.enumerated() {
            let data = try ForestData(columns)
            let model = try LinearForest.fit(data, target: target, options: Self.kinds[kind], seed: 1)
            #expect(try model.predict(data).allSatisfy(\.isFinite), "table \(index)")
            let extremes: [Double] = [.nan, .infinity, -.infinity, 1e308, 0]
            let hard = try ForestData(
                columns.map {
                    if case .numeric = $0.values { return .numeric($0.name, extremes) }
                    return .categorical($0.name, ["a", "c", nil, "b", "d"])
                })
            let found = try model.predict(hard)
            #expect(found.allSatisfy { $0.isFinite && $0 >= 0 }, "table \(index): \(found)")
            if index == 0 {
                let inside = try model.predict(data)
                #expect(ErrorMeasures.rmse(actual: target, predicted: inside) < 0.02)
            }
        }
    }

    @Test("one row, two rows, a constant target", arguments: kinds.indices)
    func tiny(kind: Int) throws {
        for count in [1, 2, 20] {
            let data = try ForestData([.numeric("x", (0..<count).map(Double.init))])
            let model = try LinearForest.fit(
                data, target: Array(repeating: 4, count: count), options: Self.kinds[kind], seed: 1)
            for value in try model.predict(data) { #expect(abs(value - 4) < 1e-6) }
        }
    }

    @Test("equal on one and two threads, through a file, and by row", arguments: kinds.indices)
    func same(kind: Int) throws {
        let (data, target) = try runs(700, inputs: 1...10, noise: 0.2, seed: 4)
        let one = try LinearForest.fit(data, target: target, options: Self.kinds[kind], seed: 3, threads: 1)
        let two = try LinearForest.fit(data, target: target, options: Self.kinds[kind], seed: 3, threads: 2)
        let predicted = try one.predict(data, threads: 1)
        #expect(try two.predict(data, threads: 2) == predicted)
        let path = FileManager.default.temporaryDirectory.path + "/\(UUID().uuidString).safetensors"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try one.write(to: path)
        let read = try LinearForest(contentsOf: path)
        #expect(try read.predict(data) == predicted)
        #expect(read.outOfBagPredictions.elementsEqual(one.outOfBagPredictions) { $0 == $1 || ($0.isNaN && $1.isNaN) })
        guard case .linear(let any) = try FittedForest(contentsOf: path) else {
            Issue.record("another kind")
            return
        }
        #expect(try any.predict(data) == predicted)
        let levels = ["align", "index", "sort"]
        guard case .categorical(let codes, let names) = data.columns[0].values,
            case .numeric(let bytes) = data.columns[1].values, case .numeric(let cpus) = data.columns[2].values
        else { return }
        #expect(names == levels)
        for row in 0..<20 { #expect(one.predict(row: [Double(codes[row]), bytes[row], cpus[row]]) == predicted[row]) }
    }

    @Test("a weight of two is the same as having the row twice")
    func weights() throws {
        let (data, target) = try runs(200, inputs: 1...10, noise: 0.1, seed: 6)
        var options = LinearForestOptions.boosted
        options.minimumGain = 0
        let weights = (0..<200).map { $0 < 50 ? 2.0 : 1.0 }
        let weighted = try LinearForest.fit(data, target: target, weights: weights, options: options, seed: 1)
        #expect(try weighted.predict(data).allSatisfy(\.isFinite))
        let light = try LinearForest.fit(
            data, target: target, weights: (0..<200).map { $0 < 100 ? 1e-6 : 1 }, options: options, seed: 1)
        let heavy = try light.predict(data.rows(Array(100..<200)))
        let error = ErrorMeasures.mdape(actual: Array(target[100...]), predicted: heavy)
        #expect(error < 0.1)
    }

    @Test("out-of-bag error is near that of fresh rows")
    func outOfBag() throws {
        let (data, target) = try runs(1000, inputs: 1...10, noise: 0.1, seed: 7)
        let model = try LinearForest.fit(data, target: target, seed: 1)
        let fresh = try runs(1000, inputs: 1...10, noise: 0.1, seed: 8)
        let error = ErrorMeasures.rmse(actual: fresh.target, predicted: try model.predict(fresh.data))
        #expect(abs(model.outOfBagError / error - 1) < 0.2, "\(model.outOfBagError) \(error)")
    }

    @Test("contributions sum to the prediction, and are those of all orders", arguments: kinds.indices)
    func explanations(kind: Int) throws {
        let (data, target) = try runs(300, inputs: 1...10, noise: 0.2, seed: 9)
        var options = Self.kinds[kind]
        switch options.trees {
        case .random(var forest):
            forest.treeCount = 5
            options.trees = .random(forest)
        case .boosted(var boosting):
            boosting.rounds = 5
            options.trees = .boosted(boosting)
        }
        let model = try LinearForest.fit(data, target: target, options: options, seed: 1)
        let predicted = try model.predict(data)
        for (row, explanation) in try model.explain(data).enumerated() {
            let sum = explanation.base + explanation.contributions.reduce(0, +)
            #expect(abs(sum - predicted[row]) < 1e-6 * max(1, abs(predicted[row])))
        }
    }

    @Test("bad options are refused with the allowed range")
    func badOptions() throws {
        let data = try ForestData([.numeric("x", [1, 2, 3])])
        func refuses(_ change: (inout LinearForestOptions) -> Void) {
            var options = LinearForestOptions.boosted
            change(&options)
            #expect(throws: ForestError.self) {
                try LinearForest.fit(data, target: [1, 2, 3], options: options, seed: 1)
            }
        }
        refuses { $0.minimumGain = 1 }
        refuses { $0.reach = -1 }
        refuses { $0.reach = .nan }
        refuses { $0.mostFeatures = 0 }
        refuses {
            var boosting = BoostingOptions()
            boosting.loss = .gamma
            $0.trees = .boosted(boosting)
        }
        refuses {
            var boosting = BoostingOptions()
            boosting.monotone = ["x": 1]
            $0.trees = .boosted(boosting)
        }
    }
}
