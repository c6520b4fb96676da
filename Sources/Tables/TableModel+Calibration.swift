public import Forests

extension TableModel {
    /// The model with intervals from rows that it has not seen (split conformal).
    ///
    /// - Parameter actual: The target of every row of `data`; those that are not finite (or have no logarithm, where the
    ///   model predicts these) are left out.
    /// - Throws: ``Forests/ForestError`` if a column is missing, or there are too few rows for any level.
    public func calibrated(
        on data: ForestData, actual: [Double], levels: [Double], groups: [String]? = nil
    ) throws -> TableModel {
        let outcomes = card.isLogarithmic ? actual.map { $0 > 0 ? unscale($0) : .nan } : actual
        let scores = try scores(data, threads: 1)
        let rows = outcomes.indices.filter { outcomes[$0].isFinite }
        var result = self
        result.card.intervals = levels.compactMap { level in
            try? ConformalIntervals(
                lower: rows.map { scores[$0] }, upper: rows.map { scores[$0] }, actual: rows.map { outcomes[$0] },
                level: level, groups: groups.map { groups in rows.map { groups[$0] } })
        }
        guard !result.card.intervals.isEmpty else {
            throw ForestError.option(
                "rows", found: "\(rows.count)", allowed: "at least 10 rows with an outcome to calibrate intervals")
        }
        return result
    }
}
