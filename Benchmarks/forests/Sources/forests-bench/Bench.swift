import Forests
import Foundation
import LinearAlgebra

struct Bench {
    let table: BenchTable
    let modelDirectory: String
    let threads: Int
    let trees: Int
    let rounds: Int

    var learners: [(String, () throws -> [String: Any])] {
        [
            ("almanac_rf", forest), ("almanac_gbdt31", boosting), ("almanac_qrf", quantileForest),
            ("almanac_quantiles", boostedQuantiles), ("almanac_classes2", { try classes(2) }),
            ("almanac_classes4", { try classes(4) }),
        ]
    }

    private func forest() throws -> [String: Any] {
        var options = ForestOptions()
        options.treeCount = trees
        options.minimumLeafRows = 5
        options.candidateFeatures = max(1, Int(Double(table.train.columns.count) / 3 + 0.5))
        options.keepsLeafRows = false
        options.outOfBag = false
        options.binCount = 255
        var row: [String: Any] = ["threads": threads, "trees": trees]
        let forest = try measureFit(&row) {
            try RegressionForest.fit(
                table.train, target: table.trainTarget, options: options, seed: 1, threads: threads)
        }
        row["nodes"] = forest.nodeCount
        let predicted = try measurePrediction(&row) { try forest.predict(table.test, threads: threads) }
        addErrors(&row, predicted)
        measureRow(&row, predicted) { forest.predict(row: $0) }
        let path = modelDirectory + "/almanac_rf.safetensors"
        try measureFile(
            &row, path, write: { try forest.write(to: path) }, read: { _ = try RegressionForest(contentsOf: path) })
        return row
    }

    private let probabilities = [0.1, 0.5, 0.9]

    private func quantileForest() throws -> [String: Any] {
        var options = ForestOptions()
        options.treeCount = trees
        options.outOfBag = false
        var row: [String: Any] = ["threads": threads, "trees": trees]
        let forest = try measureFit(&row) {
            try RegressionForest.fit(
                table.train, target: table.trainTarget, options: options, seed: 1, threads: threads)
        }
        var quantiles = Matrix(rows: 0, columns: 0)
        _ = try measurePrediction(&row) {
            quantiles = try forest.predictQuantiles(table.test, probabilities, threads: threads)
            return Array(quantiles.column(1))
        }
        addQuantiles(&row, quantiles)
        return row
    }

    private func boostedQuantiles() throws -> [String: Any] {
        var options = BoostingOptions()
        options.rounds = rounds
        var row: [String: Any] = ["threads": threads, "rounds": rounds]
        let model = try measureFit(&row) {
            try BoostedQuantiles.fit(
                table.train, target: table.trainTarget, options: options, seed: 1, threads: threads)
        }
        var quantiles = Matrix(rows: 0, columns: 0)
        _ = try measurePrediction(&row) {
            quantiles = try model.predictQuantiles(table.test, probabilities, threads: threads)
            return Array(quantiles.column(1))
        }
        addQuantiles(&row, quantiles)
        return row
    }

    private func addQuantiles(_ row: inout [String: Any], _ quantiles: Matrix) {
        let actual = table.testTarget
        let columns = probabilities.indices.map { Array(quantiles.column($0)) }
        for (column, p) in zip(columns, probabilities) {
            row["pinball_\(p)"] = ErrorMeasures.pinball(actual: actual, predicted: column, p: p)
        }
        row["cover80_pct"] = 100 * ErrorMeasures.coverage(actual: actual, lower: columns[0], upper: columns[2])
        let crossing = actual.indices.count { columns[0][$0] > columns[1][$0] || columns[1][$0] > columns[2][$0] }
        row["crossing_pct"] = 100 * Double(crossing) / Double(actual.count)
    }

    private func boosting() throws -> [String: Any] {
        var options = BoostingOptions()
        options.rounds = rounds
        var row: [String: Any] = ["threads": threads, "rounds": rounds]
        let model = try measureFit(&row) {
            try BoostedForest.fit(
                table.train, target: table.trainTarget, options: options, seed: 1, threads: threads)
        }
        row["nodes"] = model.nodeCount
        let predicted = try measurePrediction(&row) { try model.predict(table.test, threads: threads) }
        addErrors(&row, predicted)
        measureRow(&row, predicted) { model.predict(row: $0) }
        let path = modelDirectory + "/almanac_gbdt31.safetensors"
        try measureFile(
            &row, path, write: { try model.write(to: path) }, read: { _ = try BoostedForest(contentsOf: path) })
        return row
    }

    /// The target cut at quantiles of the training rows, evenly.
    private func classes(_ count: Int) throws -> [String: Any] {
        let cuts = (1..<count).map { quantile(table.trainTarget, Double($0) / Double(count)) }
        func labels(_ values: [Double]) -> [String] { values.map { value in "\(cuts.count { $0 < value })" } }
        var options = BoostingOptions.logLoss
        options.rounds = rounds
        var row: [String: Any] = ["threads": threads, "rounds": rounds]
        let (own, held) = (labels(table.trainTarget), labels(table.testTarget))
        let model = try measureFit(&row) {
            try ForestClassifier.fit(table.train, labels: own, learner: .boosted(options), seed: 1, threads: threads)
        }
        var found = Matrix(rows: 0, columns: 0)
        _ = try measurePrediction(&row) {
            found = try model.probabilities(table.test, threads: threads)
            return Array(found.column(0))
        }
        var (loss, right) = (0.0, 0)
        for (index, label) in held.enumerated() {
            guard let place = model.classes.firstIndex(of: label) else { continue }
            loss -= Foundation.log(max(found[index, place], 1e-15))
            if (0..<count).allSatisfy({ found[index, $0] <= found[index, place] }) { right += 1 }
        }
        (row["log_loss"], row["accuracy"]) = (loss / Double(held.count), Double(right) / Double(held.count))
        return row
    }

    /// The median and 99th percentile of the time for one row.
    func measureRow(_ row: inout [String: Any], _ predicted: [Double], _ predict: ([Double]) -> Double) {
        let rows = table.plainTestRows(2000)
        var times: [Double] = []
        var wrong = 0
        for repetition in 0..<(rows.count + 20_000) {
            let index = repetition % rows.count
            let clock = wallSeconds()
            let value = predict(rows[index])
            let time = wallSeconds() - clock
            if repetition >= rows.count { times.append(time) } else if value != predicted[index] { wrong += 1 }
        }
        times.sort()
        row["single_us"] = times[times.count / 2] * 1e6
        row["single_p99_us"] = times[times.count * 99 / 100] * 1e6
        if wrong > 0 { row["single_rows_unlike_batch"] = wrong }
    }

    private func measureFile(
        _ row: inout [String: Any], _ path: String, write: () throws -> Void, read: () throws -> Void
    ) throws {
        try write()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
        row["model_mb"] = Double(size) / 1e6
        let clock = wallSeconds()
        try read()
        row["load_s"] = wallSeconds() - clock
    }

    func measureFit<Model>(_ row: inout [String: Any], _ fit: () throws -> Model) rethrows -> Model {
        let before = freshResidentMegabytes()
        let (cpu, clock) = (cpuSeconds(), wallSeconds())
        let model = try fit()
        row["fit_s"] = wallSeconds() - clock
        row["fit_cpu_s"] = cpuSeconds() - cpu
        row["base_rss_mb"] = before
        row["peak_rss_mb"] = peakMegabytes()
        return model
    }

    func measurePrediction(_ row: inout [String: Any], _ predict: () throws -> [Double]) rethrows -> [Double] {
        var (best, result) = (Double.infinity, [Double]())
        for _ in 0..<3 {
            let clock = wallSeconds()
            result = try predict()
            best = min(best, wallSeconds() - clock)
        }
        row["predict_rows_s"] = Double(result.count) / best
        return result
    }

    func addErrors(_ row: inout [String: Any], _ predicted: [Double]) {
        let actual = table.testTarget
        row["rmse"] = ErrorMeasures.rmse(actual: actual, predicted: predicted)
        row["mae"] = ErrorMeasures.mae(actual: actual, predicted: predicted)
        row["mdape_pct"] =
            100
            * (table.logTarget
                ? ErrorMeasures.mdape(actual: actual.map { exp($0) }, predicted: predicted.map { exp($0) })
                : ErrorMeasures.mdape(actual: actual, predicted: predicted))
    }
}

func wallSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

func statusMegabytes(_ key: String) -> Double {
    let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    for line in text.split(separator: "\n") where line.hasPrefix(key) {
        return (Double(line.split(whereSeparator: { $0 == " " || $0 == "\t" })[1]) ?? 0) / 1024
    }
    return 0
}
/// What is held now; the peak, which reading the data has left, starts anew.
func freshResidentMegabytes() -> Double {
    if let file = fopen("/proc/self/clear_refs", "w") {
        fputs("5", file)
        fclose(file)
    }
    return statusMegabytes("VmRSS:")
}
func peakMegabytes() -> Double { statusMegabytes("VmHWM:") }
