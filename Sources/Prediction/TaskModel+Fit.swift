internal import Foundation
internal import LinearAlgebra

extension TaskModel {
    /// Fits every candidate to every task type and chooses by the error on later runs.
    ///
    /// The rows of each type are cut at 40, 55, 70 and 85 % of their history; each time the candidates learn from what
    /// lies before the cut and predict the runs up to the next cut. The score of a candidate is the mean of
    /// |log(predicted / actual)| on these runs, each bounded by log 10, so that one wild outlier does not decide.
    ///
    /// - Parameters:
    ///   - samples: Rows, oldest first.
    ///   - seed: The only source of randomness; equal inputs give equal models on any thread count.
    /// - Complexity: Five forests on all rows; the rest is linear up to a logarithm.
    public static func fit(
        _ samples: TaskSamples, options: TaskModelOptions = .init(), seed: UInt64
    ) throws -> TaskModel {
        let machines = MachineFactors(samples)
        let samples = machines.normalised(samples)
        let rowsByType = samples.rowsByType
        let later = try LaterPredictions(samples, rowsByType, options, seed: seed)

        var chosen: [Candidate] = []
        var residuals: [[Double]] = []
        for rows in rowsByType {
            let tested = rows.filter { later.tested[$0] }
            let choice = later.best(on: tested, samples, options)
            chosen.append(choice)
            residuals.append(tested.map { log(samples.values[$0] / later.value(of: choice, row: $0)) })
        }
        let pooled = thinned(residuals.flatMap(\.self))

        var types: [String: TypeModel] = [:]
        var base = [Double](repeating: 1, count: samples.count)
        for (type, rows) in rowsByType.enumerated() where !rows.isEmpty {
            let models = TypeModels(samples, rows: rows)
            for row in rows { base[row] = models.base(features: samples.features(row)) }
            types[samples.typeNames[type]] = TypeModel(
                runs: rows.count, chosen: chosen[type], models: models,
                residuals: ResidualQuantiles(own: residuals[type], pooled: pooled))
        }
        var sizers: [String: MemorySizer] = [:]
        if samples.target == .peakMemory {
            for (type, rows) in rowsByType.enumerated() where !rows.isEmpty {
                let sizeFeature = types[samples.typeNames[type]]?.models.sizeFeature ?? 0
                sizers[samples.typeNames[type]] = MemorySizer(
                    sizes: rows.map { samples.features[sizeFeature][$0] }, peaks: rows.map { samples.values[$0] },
                    seconds: rows.map { samples.seconds[$0] }, options: options.request)
            }
        }
        let forest =
            chosen.contains(.forest) || (options.alwaysFitsForest && options.candidates.contains(.forest))
            ? try CorrectionForest(
                samples, base: base, trees: options.trees, threads: options.threads, seed: seed) : nil
        return TaskModel(
            target: samples.target, featureNames: samples.featureNames, trainingRows: samples.count, seed: seed,
            trainedUntil: samples.times.filter { !$0.isNaN }.max() ?? .nan, machines: machines, types: types,
            unseen: unseenType(samples, rowsByType), forest: forest, sizers: sizers)
    }

    /// What is predicted for a type never seen: the typical type, as uncertain as types differ.
    private static func unseenType(_ samples: TaskSamples, _ rowsByType: [[Int]]) -> TypeModel {
        let occurring = rowsByType.filter { !$0.isEmpty }
        let typical = exp(median(occurring.map { rows in log(median(rows.map { samples.values[$0] })) }))
        let spread = occurring.flatMap { rows in
            thinned(rows.map { log(samples.values[$0] / typical) }, to: 20)
        }
        return TypeModel(
            runs: 0, chosen: .median, models: TypeModels(median: typical, recent: typical),
            residuals: ResidualQuantiles(own: spread, pooled: []))
    }
}

/// What each candidate said about rows that came after those it had learnt from.
private struct LaterPredictions {
    private(set) var tested: [Bool]
    /// A value per candidate and row; NaN where the row was never tested.
    private var values: [[Double]]
    private let candidates: [TaskModel.Candidate]

    private static let cuts = [0.4, 0.55, 0.7, 0.85, 1]

    init(_ samples: TaskSamples, _ rowsByType: [[Int]], _ options: TaskModelOptions, seed: UInt64) throws {
        candidates = TaskModel.Candidate.allCases.filter { $0 == .median || options.candidates.contains($0) }
        tested = [Bool](repeating: false, count: samples.count)
        values = candidates.map { _ in [Double](repeating: .nan, count: samples.count) }
        for (fold, cut) in Self.cuts.dropLast().enumerated() {
            try test(fold, from: cut, to: Self.cuts[fold + 1], samples, rowsByType, options, seed: seed)
        }
    }

    func value(of candidate: TaskModel.Candidate, row: Int) -> Double {
        candidates.firstIndex(of: candidate).map { values[$0][row] } ?? .nan
    }

    /// The candidate of least mean |log(predicted / actual)|; a less simple one must be better by the minimum gain.
    func best(on rows: [Int], _ samples: TaskSamples, _ options: TaskModelOptions) -> TaskModel.Candidate {
        var best = (candidate: TaskModel.Candidate.median, score: Double.infinity)
        guard !rows.isEmpty else { return best.candidate }
        for (index, candidate) in candidates.enumerated() {
            let score = mean(rows.map { min(abs(log(values[index][$0] / samples.values[$0])), log(10)) })
            if best.score.isInfinite || score < best.score * (1 - options.minimumGain) { best = (candidate, score) }
        }
        return best.candidate
    }

    private mutating func test(
        _ fold: Int, from start: Double, to end: Double, _ samples: TaskSamples, _ rowsByType: [[Int]],
        _ options: TaskModelOptions, seed: UInt64
    ) throws {
        var models = [TypeModels?](repeating: nil, count: rowsByType.count)
        var (before, after): ([Int], [Int]) = ([], [])
        for (type, rows) in rowsByType.enumerated() where rows.count >= options.minimumRunsToChoose {
            let (first, last) = (Int(start * Double(rows.count)), Int(end * Double(rows.count)))
            models[type] = TypeModels(samples, rows: rows[..<first])
            before += rows[..<first]
            after += rows[first..<last]
        }
        var forest: CorrectionForest?
        if candidates.contains(.forest), !before.isEmpty {
            before.sort()
            let base = before.map { models[samples.types[$0]]?.base(features: samples.features($0)) ?? 1 }
            forest = try CorrectionForest(
                samples.selecting(before), base: base, trees: max(20, options.trees / 2), threads: options.threads,
                seed: seed &+ UInt64(fold) &+ 1)
        }
        for row in after {
            guard let models = models[samples.types[row]] else { continue }
            tested[row] = true
            let features = samples.features(row)
            for (index, candidate) in candidates.enumerated() {
                values[index][row] = models.value(of: candidate, features: features) {
                    forest?.correction(type: samples.typeNames[samples.types[row]], features: features)
                }
            }
        }
    }
}

/// Evenly spaced values of a long list.
private func thinned(_ values: [Double], to count: Int = 2000) -> [Double] {
    guard values.count > count else { return values }
    return (0..<count).map { values[$0 * values.count / count] }
}
