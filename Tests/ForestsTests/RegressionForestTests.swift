import Forests
import Foundation
import LinearAlgebra
import Testing

/// A table with two numeric columns, one with missing values, and one of levels; the target depends on all of them.
func exampleTable(_ rows: Int, seed: UInt64 = 7) throws -> (data: ForestData, target: [Double]) {
    var random = SeededGenerator(seed: seed)
    let kinds = ["align", "call", "sort", "merge"]
    var (x, z, kind, target) = ([Double](), [Double](), [String?](), [Double]())
    for _ in 0..<rows {
        let (a, b, k) = (random.nextUniform(), random.nextUniform(), random.nextInt(below: kinds.count))
        x.append(a)
        z.append(b < 0.1 ? .nan : b)
        kind.append(kinds[k])
        target.append(10 * a + (b < 0.1 ? 3 : 4 * b) + [0, 5, 1, 9][k] + 0.1 * random.nextNormal())
    }
    let data = try ForestData([.numeric("x", x), .numeric("z", z), .categorical("kind", kind)])
    return (data, target)
}

/// Options for a single tree that is grown on all rows.
func singleTree(minimumLeafRows: Int = 1) -> ForestOptions {
    var options = ForestOptions()
    (options.treeCount, options.bootstrap, options.minimumLeafRows) = (1, false, minimumLeafRows)
    options.candidateFeatures = nil
    return options
}

@Suite("Regression forest") struct RegressionForestTests {
    @Test("it learns an additive function of numbers and levels") func learns() throws {
        let (data, target) = try exampleTable(2000)
        let (held, truth) = try exampleTable(500, seed: 8)
        let forest = try RegressionForest.fit(data, target: target, seed: 1)
        let error = ErrorMeasures.rmse(actual: truth, predicted: try forest.predict(held))
        #expect(error < 0.6)
        #expect(abs(forest.outOfBagError / error - 1) < 0.15)
    }

    @Test("equal seeds give equal models on any number of threads", arguments: [1, 2, 5])
    func deterministic(threads: Int) throws {
        let (data, target) = try exampleTable(500)
        let reference = try RegressionForest.fit(data, target: target, seed: 3, threads: 1)
        let forest = try RegressionForest.fit(data, target: target, seed: 3, threads: threads)
        #expect(try forest.predict(data, threads: threads) == reference.predict(data, threads: 1))
        #expect(forest.outOfBagPredictions == reference.outOfBagPredictions)
        #expect(try RegressionForest.fit(data, target: target, seed: 4).predict(data) != reference.predict(data))
    }

    @Test("one row at a time gives the same as all at once") func singleRows() throws {
        let (data, target) = try exampleTable(300)
        let forest = try RegressionForest.fit(data, target: target, seed: 1)
        let all = try forest.predict(data)
        guard case .numeric(let x) = data.columns[0].values, case .numeric(let z) = data.columns[1].values,
            case .categorical(let codes, _) = data.columns[2].values
        else { return }
        for row in 0..<data.rowCount {
            #expect(forest.predict(row: [x[row], z[row], Double(codes[row])]) == all[row])
        }
    }

    @Test("a written forest reads back with equal bits") func roundTrip() throws {
        let (data, target) = try exampleTable(400)
        let path = FileManager.default.temporaryDirectory.path + "/forest-\(UUID().uuidString).safetensors"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let forest = try RegressionForest.fit(data, target: target, seed: 5)
        try forest.write(to: path)
        let read = try RegressionForest(contentsOf: path)
        #expect(try read.predict(data) == forest.predict(data))
        #expect(
            try read.predictQuantiles(data, [0.1, 0.5, 0.9]) == forest.predictQuantiles(data, [0.1, 0.5, 0.9]))
        #expect(read.features == forest.features && read.options == forest.options)
        #expect(read.trainingChecksum == forest.trainingChecksum)
        #expect(read.outOfBagError == forest.outOfBagError)
    }

    @Test("quantiles never cross and lie where the targets are") func quantiles() throws {
        let (data, target) = try exampleTable(1000)
        let forest = try RegressionForest.fit(data, target: target, seed: 1)
        let q = try forest.predictQuantiles(data, [0, 0.1, 0.5, 0.9, 1])
        for row in 0..<q.rows {
            for column in 1..<q.columns { #expect(q[row, column - 1] <= q[row, column]) }
        }
        #expect(Set(q.values).isSubset(of: Set(target)))
    }

    @Test("the weights of the support give the prediction of a forest without bootstrap") func support() throws {
        let (data, target) = try exampleTable(300)
        var options = ForestOptions()
        (options.bootstrap, options.treeCount) = (false, 20)
        let forest = try RegressionForest.fit(data, target: target, options: options, seed: 1)
        let predicted = try forest.predict(data)
        for (row, support) in try forest.support(data).enumerated() {
            let mean = zip(support.rows, support.weights).reduce(0) { $0 + target[$1.0] * $1.1 }
            #expect(abs(mean - predicted[row]) < 1e-5)
            #expect(abs(support.weights.reduce(0, +) - 1) < 1e-9)
            #expect(support.effectiveCount >= 5 && support.rows.contains(row))
        }
    }

    @Test("out-of-bag predictions do not know their own row") func noLeakage() throws {
        // Pure noise: a leak would show as an error below that of the mean.
        var random = SeededGenerator(seed: 2)
        let x = (0..<2000).map { _ in random.nextUniform() }
        let target = (0..<2000).map { _ in random.nextNormal() }
        var options = ForestOptions()
        options.minimumLeafRows = 1
        let forest = try RegressionForest.fit(
            try ForestData([.numeric("x", x)]), target: target, options: options, seed: 1)
        #expect(forest.outOfBagError > 1)
        #expect(ErrorMeasures.rmse(actual: target, predicted: try forest.predict(ForestData([.numeric("x", x)]))) < 0.7)
    }

    @Test("a level never seen is answered as the one with the most similar name") func unseenLevel() throws {
        let kinds = ["GERMLINE_STRELKA_SINGLE", "GERMLINE_TIDDIT_SV", "TUMOR_CNVKIT_BATCH"]
        let names: [String?] = (0..<300).map { kinds[$0 % 3] }
        let target = (0..<300).map { [3.0, 8, 6][$0 % 3] }
        let forest = try RegressionForest.fit(
            try ForestData([.categorical("task", names)]), target: target, seed: 1)
        let predicted = try forest.predict(
            ForestData([.categorical("task", ["TUMOR_STRELKA_SINGLE", "TUMOR_TIDDIT_SV", "MULTIQC", nil])]))
        #expect(abs(predicted[0] - 3) < 0.01 && abs(predicted[1] - 8) < 0.01)
        // Nothing is known about it but that it is a task: the mean of the tasks, each counted once.
        #expect(abs(predicted[2] - (3 + 8 + 6) / 3.0) < 0.01)
        #expect(predicted[3] >= 3 && predicted[3] <= 8)
    }

    @Test("a monotone constraint holds everywhere", arguments: [1, -1]) func monotone(direction: Int) throws {
        var random = SeededGenerator(seed: 3)
        let x = (0..<800).map { _ in random.nextUniform() }
        let z = (0..<800).map { _ in random.nextUniform() }
        let target = (0..<800).map { sin(9 * x[$0]) + z[$0] + 0.3 * random.nextNormal() }
        var options = ForestOptions()
        options.monotone = ["x": direction]
        let data = try ForestData([.numeric("x", x), .numeric("z", z)])
        let forest = try RegressionForest.fit(data, target: target, options: options, seed: 1)
        for fixed in [0.1, 0.5, 0.9] {
            let path = stride(from: 0.0, through: 1, by: 0.01).map {
                forest.predict(row: [$0, fixed]) * Double(direction)
            }
            #expect(zip(path, path.dropFirst()).allSatisfy { $0 <= $1 })
        }
        options.monotone = ["absent": 1]
        #expect(throws: ForestError.missingColumn("absent", available: ["x", "z"])) {
            try RegressionForest.fit(data, target: target, options: options, seed: 1)
        }
    }

    @Test("a large damaged file is found out when it is used, and never crashes") func damagedFile() throws {
        let (data, target) = try exampleTable(3000)
        let path = FileManager.default.temporaryDirectory.path + "/damaged-\(UUID().uuidString).safetensors"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let forest = try RegressionForest.fit(data, target: target, seed: 5)
        try forest.write(to: path)
        let sound = try RegressionForest(contentsOf: path)
        try sound.verify()
        #expect(sound.predict(row: [0.5, 0.5, 1]) == forest.predict(row: [0.5, 0.5, 1]))
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(bytes.count > 1 << 20)
        for place in stride(from: bytes.count / 2, to: bytes.count, by: 997) { bytes[place] ^= 0x5A }
        try bytes.write(to: URL(fileURLWithPath: path))
        let damaged = try RegressionForest(contentsOf: path)
        #expect(damaged.predict(row: [0.5, 0.5, 1]).isNaN)
        #expect(throws: ForestError.self) { try damaged.verify() }
        #expect(throws: ForestError.self) { try damaged.predict(data) }
        #expect(throws: ForestError.self) { try damaged.predictQuantiles(data, [0.5]) }
    }

    @Test("quantiles are those of the weighted training targets") func quantileReference() throws {
        let (data, target) = try exampleTable(400)
        let forest = try RegressionForest.fit(data, target: target, seed: 1)
        let probabilities = [0.05, 0.3, 0.5, 0.95]
        let q = try forest.predictQuantiles(data, probabilities)
        for (row, support) in try forest.support(data).enumerated() {
            let sorted = zip(support.rows, support.weights).map { (target[$0], $1) }.sorted { $0.0 < $1.0 }
            for (column, p) in probabilities.enumerated() {
                var reached = 0.0
                let expected = sorted.first {
                    reached += $0.1
                    return reached >= p - 1e-9
                }
                #expect(q[row, column] == expected?.0)
            }
        }
    }
}
