internal import Forests
internal import LinearAlgebra

/// Fits a forest to a table and calibrates its intervals on rows that were held out.
public struct TableTraining: Sendable {
    public var learner: TableLearner
    public var seed: UInt64
    /// How the held-out rows are chosen: as later rows will differ from the training rows.
    public var scheme = TableScheme.random
    /// The version that the model file names.
    public var version: String

    public init(_ learner: TableLearner, seed: UInt64, version: String) {
        (self.learner, self.seed, self.version) = (learner, seed, version)
    }

    /// The levels of the intervals that a model gets.
    public static let levels = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]
    static let folds = 3
    /// With more rows one held-out part suffices.
    static let rowsForFolds = 20_000

    /// - Parameters:
    ///   - groupColumn: The column whose levels get intervals of their own.
    ///   - progress: Called with the share of the work that is done.
    /// - Throws: ``TableError`` for fewer than ten rows, ``Forests/ForestError`` for what a forest cannot use.
    public func train(
        _ samples: TableSamples, target: String, groupColumn: String? = nil,
        progress: (@Sendable (Double) -> Void)? = nil
    ) throws -> TableModel {
        guard samples.count >= 10 else {
            throw TableError.tooFewRows(samples.path, found: samples.count, needed: 10, purpose: "a forest")
        }
        var parts = try TablePart.parts(samples, scheme, folds: Self.folds, seed: seed)
        if scheme == .time {
            parts = parts.suffix(1)
        } else if samples.count > Self.rowsForFolds {
            parts = parts.prefix(1).map { $0 }
        }
        let fits = Double(parts.count + 1)
        if samples.classes != nil {
            return try trainClasses(samples, target: target, parts: parts, groupColumn: groupColumn, progress: progress)
        }
        let learner = try learner.withLeafRows(for: samples, seed: seed)
        var card = TableModel.Card(target: target, learner: learner.kind.rawValue)
        card.isLogarithmic = samples.isLogarithmic
        card.predictsMedian = learner.kind == .quantile
        card.usesQuantiles = learner.kind == .quantile || learner.kind == .boostedQuantiles
        card.groupColumn = groupColumn
        (card.trainingFile, card.version) = (samples.path, version)
        var (rows, ends) = ([Int](), [[(lower: Double, upper: Double)]](repeating: [], count: Self.levels.count))
        for (index, part) in parts.enumerated() {
            let forest = try learner.fit(samples.rows(part.training), seed: seed) {
                progress?((Double(index) + $0) / fits)
            }
            let model = TableModel(forest, card: card)
            let held = samples.data.rows(part.test)
            let values = try model.scores(held, threads: learner.threads)
            for (place, level) in Self.levels.enumerated() {
                ends[place] += try model.ends(held, values, level: level, threads: learner.threads)
            }
            rows += part.test
        }
        let groups = try groupColumn.map { try Self.groups(samples, $0) }
        for (place, level) in Self.levels.enumerated() {
            // Levels that so few rows cannot warrant are left out.
            if let intervals = try? ConformalIntervals(
                lower: ends[place].map(\.lower), upper: ends[place].map(\.upper),
                actual: rows.map { samples.target[$0] },
                level: level, groups: groups.map { groups in rows.map { groups[$0] } })
            {
                card.intervals.append(intervals)
            }
        }
        let forest = try learner.fit(samples, seed: seed) { progress?((fits - 1 + $0) / fits) }
        return TableModel(forest, card: card)
    }

    /// The level of every row in a categorical column of the features.
    static func groups(_ samples: TableSamples, _ name: String) throws -> [String] {
        guard let column = samples.data.columns.first(where: { $0.name == name }) else {
            throw TableError.noColumn(samples.path, name, known: samples.data.columns.map(\.name))
        }
        guard case .categorical(let codes, let levels) = column.values else {
            throw TableError.contradiction(
                "'\(name)' holds numbers, not groups", remedy: "Add --categorical \(name) if its numbers are names.")
        }
        return codes.map { $0 < 0 ? "(none)" : levels[Int($0)] }
    }

    /// How much worse the predictions of held-out rows get when a feature is shuffled.
    static func importance(
        _ model: TableModel, _ held: TableSamples, seed: UInt64, threads: Int
    ) throws -> [TableModel.Importance] {
        // Enough rows for a ranking, few enough for any forest.
        let rows = held.count > 2000 ? Array(0..<2000) : Array(0..<held.count)
        let (data, target) = (held.data.rows(rows), rows.map { held.target[$0] })
        let error = ErrorMeasures.rmse(actual: target, predicted: try model.scores(data, threads: threads))
        guard error > 0 else { return [] }
        return try permutationImportance(data, target: target, repetitions: 3, seed: seed) {
            try model.scores($0, threads: threads)
        }.map { found in
            let raised = max(0, error * error + found.meanIncrease).squareRoot()
            return TableModel.Importance(
                feature: found.feature, rise: raised / error - 1,
                spread: found.spread / (2 * error * max(error, raised)))
        }
    }
}
