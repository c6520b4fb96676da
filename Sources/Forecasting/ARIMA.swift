import Glibc

/// A seasonal ARIMA model fitted to a series, with regressors and missing values.
///
///     let model = try ARIMA.fit(passengers, order: ARIMAOrder(0, 1, 1, seasonal: (0, 1, 1), period: 12))
///     let forecast = try model.forecast(horizon: 12)
///     forecast.mean[0]
///
/// Signs are those of R: `x[t] = ar1 x[t-1] + … + e[t] + ma1 e[t-1] + …`, seasonal parts multiply, and constant and
/// regressors enter as a regression with ARIMA errors.
public struct ARIMA: Sendable, Hashable, Codable {
    /// The orders that were fitted.
    public let order: ARIMAOrder
    /// ar, ma, seasonal ar, seasonal ma, in the order of ``ARIMAOrder/coefficientNames``.
    public let coefficients: [Double]
    /// The constant if there is one, then the coefficients of the regressors.
    public let effects: [Double]
    /// Names of `effects`: `intercept` or `drift`, then those of the regressors.
    public let effectNames: [String]
    /// Standard errors of `coefficients` and `effects`; `nil` where the likelihood is flat or at its edge.
    public let standardErrors: [Double?]
    /// Innovation variance: sum of squares by number of observations.
    public let variance: Double
    /// The maximised (diffuse) log-likelihood.
    public let logLikelihood: Double
    /// Observations that the likelihood counts: without missing ones and those that differencing took.
    public let observations: Int
    /// Prediction errors in units of their deviation, one for each observation after differencing; missing ones left out.
    public let residuals: [Double]
    /// What the user should know about the fit.
    public let notes: [String]

    var state: ARIMAState
    /// Regressor values after the end of the series, by regressor.
    let futureRegressors: [[Double]]
    /// Observations since the fit, and the place in time of the last one.
    private(set) var appended = 0
    let length: Int

    /// The step after the last observation, counted from the start of the series.
    var end: Int { length + appended }

    /// Free parameters: coefficients, effects and the variance.
    public var parameterCount: Int { coefficients.count + effects.count + 1 }
    /// Akaike's criterion.
    public var aic: Double { -2 * logLikelihood + 2 * Double(parameterCount) }
    /// The same, corrected for small samples; infinite where there are no more observations than parameters.
    public var aicc: Double {
        let (n, k) = (Double(observations), Double(parameterCount))
        return n > k + 1 ? aic + 2 * k * (k + 1) / (n - k - 1) : .infinity
    }
    /// Schwarz's criterion.
    public var bic: Double { -2 * logLikelihood + log(Double(observations)) * Double(parameterCount) }

    init(
        design: ARIMADesign, coefficients: [Double], effects: [Double], standardErrors: [Double?], variance: Double,
        logLikelihood: Double, observations: Int, residuals: [Double], state: ARIMAState,
        futureRegressors: [[Double]], notes: [String]
    ) {
        order = design.order
        (self.coefficients, self.effects, effectNames) = (coefficients, effects, design.regressorNames)
        (self.standardErrors, self.variance, self.logLikelihood) = (standardErrors, variance, logLikelihood)
        (self.observations, self.residuals, self.notes) = (observations, residuals, notes)
        (self.state, self.futureRegressors) = (state, futureRegressors)
        length = design.leading + design.filled.count + design.trailing
    }

    /// The model with one more observation: same coefficients, state moved by one step.
    ///
    /// A missing observation is replaced by its expected value.
    /// - Parameter regressors: The regressors' values at this step, in order of fitting; not needed if they were given
    ///   beyond the end of the series.
    /// - Complexity: O(largest lag), whatever the length of the series.
    public func appending(_ observation: Double, regressors: [Double] = []) throws(ForecastingError) -> ARIMA {
        guard !observation.isInfinite else { throw .notFinite(position: length + appended, found: observation) }
        var next = self
        let regression = try regressionPart(horizon: 1, future: regressors.map { [$0] })[0]
        let expected = state.expected(0, horizon: 1)[0]
        let value = observation.isNaN ? expected : observation - regression
        _ = next.state.append([value] + state.lines.indices.dropFirst().map { _ in 0 })
        next.appended += 1
        return next
    }

    /// Constant and regressors over the coming steps.
    func regressionPart(horizon: Int, future: [[Double]]) throws(ForecastingError) -> [Double] {
        var sum = [Double](repeating: 0, count: horizon)
        var effect = 0
        if order.hasConstant {
            let isMean = order.d + order.seasonalD == 0
            for h in 0..<horizon { sum[h] += effects[0] * (isMean ? 1 : Double(length + appended + h + 1)) }
            effect = 1
        }
        for k in 0..<(effects.count - effect) {
            let values =
                future.isEmpty
                ? k < futureRegressors.count ? Array(futureRegressors[k].dropFirst(appended)) : []
                : k < future.count ? future[k] : []
            guard values.count >= horizon, values.prefix(horizon).allSatisfy(\.isFinite) else {
                throw .invalidRegressor(
                    name: effectNames[effect + k],
                    reason: "\(values.count) future values for \(horizon) steps. Give one finite value for each step.")
            }
            for h in 0..<horizon { sum[h] += effects[effect + k] * values[h] }
        }
        return sum
    }
}
