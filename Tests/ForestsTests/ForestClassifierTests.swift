import Forests
import Foundation
import LinearAlgebra
import ModelFiles
import Testing

/// Three overlapping classes by a formula that any language computes alike; `first` is the number of the first row.
private func formulaTable(_ first: Int, _ count: Int) throws -> (data: ForestData, classes: [Int]) {
    func part(_ i: Int, _ factor: Double) -> Double { (Double(i) * factor).truncatingRemainder(dividingBy: 1) }
    let rows = first..<first + count
    let x = rows.map { part($0, 0.6180339887498949) }
    let z = rows.map { part($0, 0.41421356237309515) }
    let classes = rows.enumerated().map { place, row in
        let score = 2 * x[place] + (z[place] > 0.5 ? 1 : 0) + 1.5 * (part(row, 0.7320508075688772) - 0.5)
        return (score > 1 ? 1 : 0) + (score > 2 ? 1 : 0)
    }
    return (try ForestData([.numeric("x", x), .numeric("z", z)]), classes)
}

/// The example of regression, cut into two or three classes with levels and missing numbers among the features.
private func labelled(_ rows: Int, _ count: Int, seed: UInt64 = 7) throws -> (data: ForestData, labels: [String]) {
    let (data, target) = try exampleTable(rows, seed: seed)
    return (data, target.map { count == 2 ? ($0 > 12 ? "yes" : "no") : $0 > 15 ? "high" : $0 > 9 ? "mid" : "low" })
}

private func logLoss(_ found: Matrix, _ places: [Int]) -> Double {
    -places.enumerated().reduce(0) { $0 + log(found[$1.offset, $1.element]) } / Double(places.count)
}

@Suite("Classifier") struct ForestClassifierTests {
    private static func learner(_ isBoosted: Bool, _ rounds: Int = 40) -> ForestClassifier.Learner {
        if isBoosted {
            var options = BoostingOptions.logLoss
            options.rounds = rounds
            return .boosted(options)
        }
        var options = ForestOptions()
        options.treeCount = rounds
        return .averaged(options)
    }

    @Test("first and second derivatives of log-loss are those of its values") func derivatives() {
        let loss = BoostingLoss.logistic
        for score in stride(from: -6.0, through: 6, by: 0.75) {
            for target in [0.0, 0.3, 1] {
                let step = 1e-4
                let (low, middle, high) = (
                    loss.value(score - step, target), loss.value(score, target), loss.value(score + step, target)
                )
                let (first, second) = loss.derivatives(score, target)
                #expect(abs(first - (high - low) / (2 * step)) < 1e-7)
                #expect(abs(second - (high - 2 * middle + low) / (step * step)) < 1e-6)
            }
        }
    }

    @Test("classes that a line parts are told apart", arguments: [2, 3], [true, false])
    func separable(classes: Int, isBoosted: Bool) throws {
        var random = SeededGenerator(seed: 5)
        let x = (0..<900).map { _ in Double(random.nextInt(below: 120)) / 120 }
        let labels = x.map { "c\(Int($0 * Double(classes)))" }
        let model = try ForestClassifier.fit(
            try ForestData([.numeric("x", x)]), labels: labels, learner: Self.learner(isBoosted, 100), seed: 1)
        let places = try labels.map { try #require(model.classes.firstIndex(of: $0)) }
        let found = try model.probabilities(ForestData([.numeric("x", x)]))
        #expect(logLoss(found, places) < 0.03)
        #expect(try model.predict(ForestData([.numeric("x", x)])) == places)
    }

    @Test("where every cell is seen often, probabilities are the shares of its classes", arguments: [2, 4])
    func shares(classes: Int) throws {
        // The gradient vanishes where, and only where, these are predicted.
        var random = SeededGenerator(seed: 6)
        let cells = (0..<3000).map { _ in random.nextInt(below: 3) }
        let labels = cells.map {
            "c\(min(classes - 1, Int(Double($0 + 2) * random.nextUniform() * random.nextUniform())))"
        }
        var options = BoostingOptions.logLoss
        (options.l2, options.rounds) = (0, 300)
        let data = try ForestData([.numeric("cell", cells.map(Double.init))])
        let model = try ForestClassifier.fit(data, labels: labels, learner: .boosted(options), seed: 1)
        for cell in 0..<3 {
            let rows = cells.indices.filter { cells[$0] == cell }
            for (place, probability) in model.probabilities(row: [Double(cell)]).enumerated() {
                let share = Double(rows.count { labels[$0] == model.classes[place] }) / Double(rows.count)
                #expect(abs(probability - share) < 0.002)
            }
        }
    }

    @Test(
        "log-loss on unseen rows is that of LightGBM 4.7 and scikit-learn 1.9 with like options",
        arguments: [
            (classes: 2, isBoosted: true, theirs: 0.2692133104549419), (3, true, 0.5344891519641466),
            (2, false, 0.27319740498896883), (3, false, 0.5455079177261148),
        ])
    func references(classes: Int, isBoosted: Bool, theirs: Double) throws {
        let (training, held) = (try formulaTable(1, 3000), try formulaTable(10_001, 2000))
        func codes(_ all: [Int]) -> [Int] { classes == 3 ? all : all.map { $0 > 1 ? 1 : 0 } }
        var boosting = BoostingOptions.logLoss
        (boosting.rounds, boosting.maximumLeaves) = (50, 15)
        var averaging = ForestOptions()
        (averaging.treeCount, averaging.minimumLeafRows, averaging.candidateFeatures) = (200, 20, 1)
        let model = try ForestClassifier.fit(
            training.data, labels: codes(training.classes).map(String.init),
            learner: isBoosted ? .boosted(boosting) : .averaged(averaging), seed: 1)
        let loss = logLoss(try model.probabilities(held.data), codes(held.classes))
        #expect(abs(loss - theirs) < 0.04 * theirs, "\(loss)")
    }

    @Test("equal seeds give equal bits, on any number of threads", arguments: [2, 3], [true, false])
    func deterministic(classes: Int, isBoosted: Bool) throws {
        let (data, labels) = try labelled(25_000, classes)
        let models = try [1, 1, 2, 3].map {
            try ForestClassifier.fit(data, labels: labels, learner: Self.learner(isBoosted, 5), seed: 3, threads: $0)
        }
        let found = try models.map { try $0.probabilities(data).values }
        #expect(found.dropFirst().allSatisfy { $0 == found[0] })
    }

    @Test("files, batches and single rows give the same bits", arguments: [2, 3], [true, false])
    func roundTrip(classes: Int, isBoosted: Bool) throws {
        let (data, labels) = try labelled(800, classes)
        let model = try ForestClassifier.fit(data, labels: labels, learner: Self.learner(isBoosted), seed: 5)
        let path = FileManager.default.temporaryDirectory.path + "/classes-\(UUID().uuidString).safetensors"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try model.write(to: path)
        let read = try ForestClassifier(contentsOf: path)
        let found = try model.probabilities(data)
        #expect(try read.probabilities(data).values == found.values)
        #expect(read.classes == model.classes)
        #expect(try FittedForest(contentsOf: path).probabilities(data)?.values == found.values)
        guard case .numeric(let x) = data.columns[0].values, case .numeric(let z) = data.columns[1].values,
            case .categorical(let codes, _) = data.columns[2].values
        else { return }
        for row in stride(from: 0, to: data.rowCount, by: 7) {
            let own = model.probabilities(row: [x[row], z[row], Double(codes[row])])
            #expect(own == model.classes.indices.map { found[row, $0] })
            #expect(abs(own.reduce(0, +) - 1) < 1e-12)
        }
    }

    @Test("a file with other parts than it says is refused") func damagedParts() throws {
        let (data, labels) = try labelled(300, 3)
        let model = try ForestClassifier.fit(data, labels: labels, learner: Self.learner(true, 3), seed: 5)
        var file = try model.modelFile()
        try file.setJSON("classes", ["a", "b", "c", "d"])
        #expect(throws: ForestError.self) { try ForestClassifier(file) }
        try file.setJSON("classes", ["a", "a", "b"])
        #expect(throws: ForestError.self) { try ForestClassifier(file) }
        file = try model.modelFile()
        try file.set("shares", [0.5, 0.5, .nan])
        #expect(throws: ForestError.self) { try ForestClassifier(file) }
        let two = try labelled(300, 2)
        file = try model.modelFile()
        file.embed(
            try RegressionForest.fit(data, target: two.labels.map { $0 == "yes" ? 1 : 0 }, seed: 1).modelFile(),
            as: "class1")
        #expect(throws: ForestError.self) { try ForestClassifier(file) }
    }

    @Test("a weight of two is the same as having the row twice", arguments: [2, 3]) func weights(classes: Int) throws {
        let (data, labels) = try labelled(240, classes)
        let twice = Array(0..<240) + Array(0..<80)
        var options = BoostingOptions.logLoss
        (options.rounds, options.minimumLeafRows, options.minimumGroupRows) = (15, 1, 1)
        options.categorySmoothing = 0
        let weighted = try ForestClassifier.fit(
            data, labels: labels, weights: (0..<240).map { $0 < 80 ? 2 : 1 }, learner: .boosted(options), seed: 1)
        let repeated = try ForestClassifier.fit(
            data.rows(twice), labels: twice.map { labels[$0] }, weights: twice.map { _ in 1 },
            learner: .boosted(options), seed: 1)
        let (a, b) = (try weighted.probabilities(data), try repeated.probabilities(data))
        for (one, other) in zip(a.values, b.values) { #expect(abs(one - other) < 1e-5) }
    }

    @Test("early stopping keeps the best round of all classes") func earlyStopping() throws {
        let (data, labels) = try labelled(900, 3)
        var options = BoostingOptions.logLoss
        (options.rounds, options.validationShare, options.patience, options.learningRate) = (400, 0.3, 10, 0.3)
        let model = try ForestClassifier.fit(data, labels: labels, learner: .boosted(options), seed: 1)
        #expect(FittedForest.classes(model).shape.trees < 3 * 400)
        let (held, truth) = try labelled(900, 3, seed: 9)
        let places = try truth.map { try #require(model.classes.firstIndex(of: $0)) }
        #expect(logLoss(try model.probabilities(held), places) < 0.2)
    }

    @Test("sharpening moves probabilities away from the shares, and back") func sharpened() throws {
        let (data, labels) = try labelled(800, 3)
        let model = try ForestClassifier.fit(data, labels: labels, learner: Self.learner(true), seed: 1)
        let (flat, same) = (model.sharpened(by: 1e-9), model.sharpened(by: 1))
        #expect(try same.probabilities(data).values == model.probabilities(data).values)
        for (found, share) in zip(flat.probabilities(row: [0.5, 0.5, 0]), model.shares) {
            #expect(abs(found - share) < 2e-3)
        }
        let (sharp, plain) = (try model.sharpened(by: 2).probabilities(data), try model.probabilities(data))
        let mean = { (found: Matrix) in
            (0..<800).reduce(0.0) { $0 + (0..<3).map { [row = $1] in found[row, $0] }.max()! }
        }
        #expect(mean(sharp) > mean(plain))
    }

    @Test("one class, too many, and labels of another length are errors") func errors() throws {
        let data = try ForestData([.numeric("x", (0..<200).map(Double.init))])
        #expect(throws: ForestError.self) {
            try ForestClassifier.fit(data, labels: Array(repeating: "a", count: 200), seed: 1)
        }
        #expect(throws: ForestError.self) {
            try ForestClassifier.fit(data, labels: (0..<200).map(String.init), seed: 1)
        }
        #expect(throws: ForestError.self) { try ForestClassifier.fit(data, labels: ["a", "b"], seed: 1) }
        var options = BoostingOptions()
        options.loss = .softmax
        #expect(throws: ForestError.self) {
            try BoostedForest.fit(data, target: (0..<200).map(Double.init), options: options, seed: 1)
        }
        options.loss = .logistic
        #expect(throws: ForestError.self) {
            try BoostedForest.fit(data, target: (0..<200).map(Double.init), options: options, seed: 1)
        }
    }
}
