internal import Foundation
internal import LinearAlgebra

extension TaskModel {
    /// Fits every candidate to every task type and chooses by the error on later runs.
    ///
    /// The rows of each type are cut at 40, 55, 70 and 85 % of their history; each time the candidates learn from what
    /// lies before the cut and predict the runs up to the next cut. The score of a candidate is the median of
    /// |log(predicted / actual)| on these runs plus a fifth of its mean, the newest runs counting most and each error
    /// bounded by log 10: what is right as a rule is chosen, unless it is wild at times. A type with fewer than fourteen
    /// runs only chooses between its median and a line, by the prediction of every run from the others; one with fewer
    /// than six gets what ``ColdStart`` says.
    ///
    /// Of a run that was killed only a bound is known. The candidates learn from what is to be expected above it
    /// (``TaskSamples/completed()``); a prediction beyond the bound counts as no error, one below as the least it can be;
    /// and intervals take the errors for what they are (``CensoredSample``).
    ///
    /// - Parameters:
    ///   - samples: Rows, oldest first.
    ///   - seed: The only source of randomness; equal inputs give equal models on any thread count.
    /// - Complexity: Five forests of each kind on all rows; the rest is linear up to a logarithm.
    public static func fit(
        _ samples: TaskSamples, options: TaskModelOptions = .init(), seed: UInt64
    ) throws -> TaskModel {
        let machines = MachineFactors(samples, scores: options.machineScores)
        let bounds = machines.normalised(samples)
        let samples = bounds.completed()
        let rowsByType = samples.rowsByType
        let later = try LaterPredictions(samples, bounds: bounds.values, rowsByType, options, seed: seed)

        var chosen: [Candidate] = []
        var residuals: [[Double]] = []
        var marks: [[Bool]] = []
        for rows in rowsByType {
            let tested = rows.filter { later.tested[$0] }
            let choice = later.best(on: tested, samples, options)
            chosen.append(choice)
            residuals.append(tested.map { log(bounds.values[$0] / later.value(of: choice, row: $0)) })
            marks.append(tested.map { bounds.isBound[$0] })
        }
        let shapes = thinned(residuals.flatMap { own in own.map { [scale = scale(own)] in $0 / scale } })
        let fitted = rowsByType.map { $0.isEmpty ? nil : TypeModels(samples, rows: $0) }
        let cold = ColdStart(samples, rowsByType, models: fitted, minimumRuns: options.minimumRunsToChoose)

        var types: [String: TypeModel] = [:]
        var base = [Double](repeating: 1, count: samples.count)
        for (type, rows) in rowsByType.enumerated() where !rows.isEmpty {
            guard var models = fitted[type] else { continue }
            let own = residuals[type]
            var spread = ResidualQuantiles(
                own: own, isBound: marks[type], pooled: shapes.map { [scale = scale(own)] in $0 * scale })
            var center = chosen[type]
            if own.isEmpty {
                spread = ResidualQuantiles(
                    own: [], isBound: [], pooled: thinned(cold.residuals(runs: rows.count)))
                if let slope = cold.slope {
                    models.logLog = SizeRegression(
                        sizes: rows.map { samples.features[models.sizeFeature][$0] },
                        values: rows.map { samples.values[$0] }, slope: slope)
                    if models.logLog != nil { chosen[type] = .logLog }
                }
                center = chosen[type]
            } else {
                // What is right as a rule can be far off at times: then all runs about their median say more.
                let around = rows.map { log(bounds.values[$0] / models.median) }
                let plain = ResidualQuantiles(
                    own: around, isBound: rows.map { bounds.isBound[$0] },
                    pooled: shapes.map { [scale = scale(around)] in $0 * scale })
                if plain.width(0.9) < 0.97 * spread.width(0.9) { (spread, center) = (plain, .median) }
            }
            for row in rows { base[row] = models.base(features: samples.features(row)) }
            types[samples.typeNames[type]] = TypeModel(
                runs: rows.count, chosen: chosen[type], center: center, models: models, residuals: spread)
        }
        var sizers: [String: MemorySizer] = [:]
        if samples.target == .peakMemory {
            for (type, rows) in rowsByType.enumerated() where !rows.isEmpty {
                let sizeFeature = types[samples.typeNames[type]]?.models.sizeFeature ?? 0
                sizers[samples.typeNames[type]] = MemorySizer(
                    sizes: rows.map { samples.features[sizeFeature][$0] }, peaks: rows.map { bounds.values[$0] },
                    isBound: rows.map { bounds.isBound[$0] }, seconds: rows.map { samples.seconds[$0] },
                    options: options.request)
            }
        }
        let forests = try PooledForest.fit(
            options.fitsAllForests ? chosen + options.candidates : chosen, samples, base: base, trees: options.trees,
            threads: options.threads, seed: seed)
        return TaskModel(
            target: samples.target, featureNames: samples.featureNames, trainingRows: samples.count, seed: seed,
            trainedUntil: samples.times.filter { !$0.isNaN }.max() ?? .nan, machines: machines, types: types,
            unseen: unseenType(samples, rowsByType), forests: forests, sizers: sizers)
    }

    /// What is predicted for a type never seen: the typical type, as uncertain as types differ.
    private static func unseenType(_ samples: TaskSamples, _ rowsByType: [[Int]]) -> TypeModel {
        let occurring = rowsByType.filter { !$0.isEmpty }
        let typical = exp(median(occurring.map { rows in log(median(rows.map { samples.values[$0] })) }))
        let spread = occurring.flatMap { rows in
            thinned(rows.map { log(samples.values[$0] / typical) }, to: 20)
        }
        return TypeModel(
            runs: 0, chosen: .median, center: .median, models: TypeModels(median: typical, recent: typical),
            residuals: ResidualQuantiles(own: spread, isBound: spread.map { _ in false }, pooled: []))
    }
}

/// What each candidate said about rows that came after those it had learnt from.
private struct LaterPredictions {
    private(set) var tested: [Bool]
    /// A value per candidate and row; NaN where the row was never tested.
    private var values: [[Double]]
    private let candidates: [TaskModel.Candidate]

    /// What the errors of a row count: more, the later the fold it was tested in.
    private var weights: [Double]

    private static let cuts = [0.4, 0.55, 0.7, 0.85, 1]
    /// A fold counts so many times as much as the one before.
    private static let recency = 1.5
    /// With fewer runs, folds are too short to choose by.
    private static let fewRuns = 14

    /// What is known of the values: of killed runs a bound, where `samples` hold what is expected above it.
    private let bounds: [Double]

    init(
        _ samples: TaskSamples, bounds: [Double], _ rowsByType: [[Int]], _ options: TaskModelOptions, seed: UInt64
    ) throws {
        self.bounds = bounds
        candidates = TaskModel.Candidate.allCases.filter { $0 == .median || options.candidates.contains($0) }
        tested = [Bool](repeating: false, count: samples.count)
        values = candidates.map { _ in [Double](repeating: .nan, count: samples.count) }
        weights = [Double](repeating: 1, count: samples.count)
        for rows in rowsByType where rows.count >= options.minimumRunsToChoose && rows.count < Self.fewRuns {
            leaveEachOut(rows, samples)
        }
        for (fold, cut) in Self.cuts.dropLast().enumerated() {
            try test(fold, from: cut, to: Self.cuts[fold + 1], samples, rowsByType, options, seed: seed)
        }
    }

    func value(of candidate: TaskModel.Candidate, row: Int) -> Double {
        candidates.firstIndex(of: candidate).map { values[$0][row] } ?? .nan
    }

    /// The candidate of least score; a less simple one must be better by the minimum gain, and by more than chance: by half
    /// a standard error of the mean difference, or on so many runs that it exceeds half of them by a standard error. (These
    /// were chosen by the last fold on the folds before it.)
    func best(on rows: [Int], _ samples: TaskSamples, _ options: TaskModelOptions) -> TaskModel.Candidate {
        var best = (candidate: TaskModel.Candidate.median, score: Double.infinity, errors: [Double]())
        guard !rows.isEmpty else { return best.candidate }
        for (index, candidate) in candidates.enumerated() {
            let errors = rows.map { row in
                let error = log(values[index][row] / bounds[row])
                return samples.isBound[row] && error > 0 ? 0 : min(abs(error), log(10))
            }
            guard !errors.contains(where: \.isNaN) else { continue }
            var (sum, weight) = (0.0, 0.0)
            for (error, row) in zip(errors, rows) {
                sum += error * weights[row]
                weight += weights[row]
            }
            let score = median(errors) + 0.2 * sum / weight
            let differences = zip(best.errors, errors).map { $0 - $1 }
            let isClear = differences.count < 2 || isMoreThanChance(differences)
            if best.score.isInfinite || (score < best.score * (1 - options.minimumGain) && isClear) {
                best = (candidate, score, errors)
            }
        }
        return best.candidate
    }

    /// Predicts every run from the others, by the two models that a few runs can tell apart.
    private mutating func leaveEachOut(_ rows: [Int], _ samples: TaskSamples) {
        for row in rows {
            let models = TypeModels(samples, rows: rows.filter { $0 != row })
            tested[row] = true
            for (index, candidate) in candidates.enumerated() where candidate == .median || candidate == .proportional {
                values[index][row] = models.value(of: candidate, features: samples.features(row)) { _ in nil }
            }
        }
    }

    private mutating func test(
        _ fold: Int, from start: Double, to end: Double, _ samples: TaskSamples, _ rowsByType: [[Int]],
        _ options: TaskModelOptions, seed: UInt64
    ) throws {
        var models = [TypeModels?](repeating: nil, count: rowsByType.count)
        var (before, after): ([Int], [Int]) = ([], [])
        for (type, rows) in rowsByType.enumerated()
        where rows.count >= max(Self.fewRuns, options.minimumRunsToChoose) {
            let (first, last) = (Int(start * Double(rows.count)), Int(end * Double(rows.count)))
            models[type] = TypeModels(samples, rows: rows[..<first])
            before += rows[..<first]
            after += rows[first..<last]
        }
        var forests: [TaskModel.Candidate: PooledForest] = [:]
        if !before.isEmpty {
            before.sort()
            let base = before.map { models[samples.types[$0]]?.base(features: samples.features($0)) ?? 1 }
            forests = try PooledForest.fit(
                candidates, samples.selecting(before), base: base, trees: max(20, options.trees / 2),
                threads: options.threads, seed: seed &+ UInt64(fold) &+ 1)
        }
        for row in after {
            guard let models = models[samples.types[row]] else { continue }
            tested[row] = true
            weights[row] = pow(Self.recency, Double(fold))
            let features = samples.features(row)
            for (index, candidate) in candidates.enumerated() {
                values[index][row] = models.value(of: candidate, features: features) { base in
                    forests[candidate]?.value(
                        type: samples.typeNames[samples.types[row]], features: features, base: base)
                }
            }
        }
    }
}

/// Whether differences are positive in the mean, or in most cases, by more than chance.
private func isMoreThanChance(_ differences: [Double]) -> Bool {
    if mean(differences) > 0.5 * (variance(differences) / Double(differences.count)).squareRoot() { return true }
    let (wins, losses) = (differences.count { $0 > 0 }, differences.count { $0 < 0 })
    return Double(wins - losses) > Double(wins + losses).squareRoot()
}

/// The mean size of residuals; never none, so that they can be divided by it.
private func scale(_ residuals: [Double]) -> Double {
    residuals.isEmpty ? 1 : max(mean(residuals.map { abs($0) }), 1e-4)
}

/// Evenly spaced values of a long list.
private func thinned(_ values: [Double], to count: Int = 2000) -> [Double] {
    guard values.count > count else { return values }
    return (0..<count).map { values[$0 * values.count / count] }
}
