/// The exact log-likelihood of a series at given coefficients, prepared once and evaluated often.
///
///     var likelihood = try ExactLikelihood(series, order: ARIMAOrder(1, 1, 1))
///     likelihood.value(at: [0.4, -0.3])
public struct ExactLikelihood: Sendable {
    private var likelihood: ARMALikelihood

    /// - Parameters:
    ///   - series: NaN where a value is missing: such values are integrated out.
    ///   - regressors: Their coefficients, and the innovation variance, are maximised out at every evaluation.
    /// - Throws: ``ForecastingError`` as `ARIMA.fit` does.
    public init(_ series: [Double], order: ARIMAOrder, regressors: [Regressor] = []) throws(ForecastingError) {
        likelihood = ARMALikelihood(
            try ARIMADesign(series, order: order, regressors: regressors).sample, order: order)
    }

    /// The log-likelihood; `nil` outside the stationary region.
    ///
    /// - Parameter coefficients: ar, ma, seasonal ar, seasonal ma.
    /// - Complexity: O(*n* · largest lag) at worst, O(*n* · coefficients) once the gains are steady. Equal coefficients
    ///   give equal values whatever was evaluated before.
    public mutating func value(at coefficients: [Double]) -> Double? {
        guard coefficients.count == likelihood.order.coefficientCount else { return nil }
        return likelihood.logLikelihood(at: coefficients)
    }
}
