/// Widens quantile predictions until they cover what they promise.
///
/// Conformalised quantile regression: the scores max(lower − y, y − upper) of rows that the model was not fitted on
/// say how far the interval must be widened (or may be narrowed). For exchangeable rows the coverage is at least
/// `level`, and at most `level` + 1 / (*n* + 1) if no scores tie, whatever the model.
///
///     let intervals = try ConformalIntervals(lower: q10, upper: q90, actual: seconds, level: 0.8, groups: taskTypes)
///     intervals.interval(lower: 12, upper: 19, group: "align")
///
/// With `groups`, such as task types, each group that has enough rows gets a correction of its own (Mondrian
/// conformal prediction), so that coverage holds within it.
///
/// Sources: Romano, Patterson, Candès, *Conformalized Quantile Regression* (2019); Vovk, *Conditional validity of
/// inductive conformal predictors* (2012).
public struct ConformalIntervals: Sendable, Hashable, Codable {
    public let level: Double
    /// How far both ends move outwards; negative if the quantiles were too wide.
    public let correction: Double
    /// The same for each group with at least ``rowsPerGroup`` rows.
    public let groupCorrections: [String: Double]

    /// The fewest rows that give a group its own correction.
    public static let rowsPerGroup = 30

    /// - Parameters:
    ///   - lower: Predicted lower quantiles of rows that the model was not fitted on (held out, or out of bag). The
    ///     point prediction, as both ends, gives split conformal intervals.
    ///   - actual: What came true.
    ///   - level: The share of rows to cover, 0.8 for the interval between the 0.1 and 0.9 quantiles.
    ///   - groups: The group of each row, or `nil` for one correction for all.
    /// - Throws: ``ForestError`` if lengths disagree, the level is not between 0 and 1 or there are too few rows for it.
    public init(
        lower: [Double], upper: [Double], actual: [Double], level: Double, groups: [String]? = nil
    ) throws(ForestError) {
        guard level > 0, level < 1 else { throw .option("level", found: "\(level)", allowed: "between 0 and 1") }
        for (what, count) in [("Lower ends", lower.count), ("Upper ends", upper.count), ("Groups", groups?.count)] {
            if let count, count != actual.count {
                throw .lengthsDiffer(what: what, expected: actual.count, found: count)
            }
        }
        let scores = actual.indices.map { max(lower[$0] - actual[$0], actual[$0] - upper[$0]) }
        for (row, score) in scores.enumerated() where score.isNaN {
            throw .invalidValue(what: "Interval", row: row, found: score, expected: "numbers")
        }
        guard let correction = ConformalIntervals.correction(scores, level) else {
            throw .option(
                "level", found: "\(level) with \(actual.count) rows",
                allowed: "up to \(Double(actual.count) / Double(actual.count + 1))")
        }
        var byGroup: [String: [Double]] = [:]
        for (row, group) in (groups ?? []).enumerated() { byGroup[group, default: []].append(scores[row]) }
        (self.level, self.correction) = (level, correction)
        groupCorrections = byGroup.filter { $0.value.count >= ConformalIntervals.rowsPerGroup }
            .compactMapValues { ConformalIntervals.correction($0, level) }
    }

    /// The corrected interval of one row; an unknown group has the correction of all rows.
    public func interval(lower: Double, upper: Double, group: String? = nil) -> (lower: Double, upper: Double) {
        let widening = group.flatMap { groupCorrections[$0] } ?? correction
        let (low, high) = (lower - widening, upper + widening)
        // Narrowing past the middle leaves the middle.
        return low <= high ? (low, high) : ((lower + upper) / 2, (lower + upper) / 2)
    }

    /// The ⌈(*n* + 1) · level⌉-th smallest score; `nil` if there are fewer.
    private static func correction(_ scores: [Double], _ level: Double) -> Double? {
        let rank = Int((Double(scores.count + 1) * level).rounded(.up))
        return rank <= scores.count ? scores.sorted()[rank - 1] : nil
    }
}

extension RegressionForest {
    /// Quantiles for every training row by the trees that did not see it: what calibrates intervals without a test set.
    ///
    /// - Parameter data: The training data, in the same order.
    /// - Returns: A row per training row, NaN where all trees saw it, and a column per probability.
    /// - Throws: ``ForestError`` if the data are not as many rows as the training data, or leaf rows are missing.
    public func outOfBagIntervals(
        _ data: ForestData, target: [Double], level: Double, groups: [String]? = nil
    ) throws(ForestError) -> ConformalIntervals {
        guard data.rowCount == trainingRowCount, target.count == trainingRowCount else {
            throw .lengthsDiffer(what: "Training data", expected: trainingRowCount, found: data.rowCount)
        }
        let ends = try outOfBagQuantiles(data, [(1 - level) / 2, (1 + level) / 2])
        let rows = target.indices.filter { !ends[$0].isEmpty }
        return try ConformalIntervals(
            lower: rows.map { ends[$0][0] }, upper: rows.map { ends[$0][1] }, actual: rows.map { target[$0] },
            level: level, groups: groups.map { groups in rows.map { groups[$0] } })
    }
}
