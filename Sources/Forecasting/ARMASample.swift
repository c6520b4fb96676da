/// A differenced series with everything that is estimated linearly beside it, ready for the likelihood.
///
/// Column 0 is the series (missing values filled in), then one column for each missing value (the differenced unit
/// impulse at its place), then the differenced regressors.
package struct ARMASample: Sendable {
    /// Number of rows: observations after differencing, the filled ones included.
    package let length: Int
    /// Column-major, `length` × `columnCount`.
    package let columns: [Double]
    /// Number of missing values.
    package let missing: Int
    /// Number of regressors.
    package let regressors: Int

    package init(length: Int, columns: [Double], missing: Int, regressors: Int) {
        precondition(columns.count == length * (1 + missing + regressors))
        (self.length, self.columns, self.missing, self.regressors) = (length, columns, missing, regressors)
    }

    /// A series without regressors or missing values.
    package init(series: [Double]) {
        self.init(length: series.count, columns: series, missing: 0, regressors: 0)
    }

    var columnCount: Int { 1 + missing + regressors }

    /// Observations that are really there.
    var observations: Int { length - missing }
}
