import Glibc

/// Sines and cosines of a long season, as regressors: few coefficients where seasonal lags would need hundreds of steps.
struct FourierTerms: Sendable, Hashable, Codable {
    /// One harmonic: `cycles` full turns in `period` steps.
    struct Harmonic: Sendable, Hashable, Codable {
        let period: Int
        let cycles: Int
    }

    let harmonics: [Harmonic]

    /// The first `count` harmonics of a period that are not harmonics of the shorter season `within`.
    init(period: Int, count: Int, besides within: Int) {
        let repeats = within > 1 && period % within == 0 ? period / within : Int.max
        harmonics = (1...max(period / 2, 1)).filter { $0 % repeats != 0 && 2 * $0 < period }.prefix(count)
            .map { Harmonic(period: period, cycles: $0) }
    }

    /// Values over `count` steps from `start`, sine and cosine of each harmonic.
    func regressors(from start: Int, count: Int) -> [Regressor] {
        harmonics.flatMap { harmonic in
            let turn = 2 * Double.pi * Double(harmonic.cycles) / Double(harmonic.period)
            let angles = (0..<count).map { turn * Double((start + $0) % harmonic.period) }
            let label = "\(harmonic.cycles)/\(harmonic.period)"
            return [
                Regressor(name: "sin \(label)", values: angles.map { sin($0) }),
                Regressor(name: "cos \(label)", values: angles.map { cos($0) }),
            ]
        }
    }
}

/// An ARIMA model whose regressors are Fourier terms, which know their own future.
struct FourierARIMA: Sendable, Hashable, Codable {
    var model: ARIMA
    let terms: FourierTerms

    func path(horizon: Int) -> ForecastPath {
        let future = terms.regressors(from: model.end, count: horizon).map(\.values)
        guard let regression = try? model.regressionPart(horizon: horizon, future: future) else {
            return ForecastPath(mean: [.nan], deviation: [.nan])
        }
        return ForecastPath(
            mean: model.state.expected(0, horizon: horizon), deviation: model.deviations(horizon: horizon)) + regression
    }

    func appending(_ observation: Double) throws(ForecastingError) -> FourierARIMA {
        let values = terms.regressors(from: model.end, count: 1).map { $0.values[0] }
        return FourierARIMA(model: try model.appending(observation, regressors: values), terms: terms)
    }

    /// Adds harmonics of `longPeriod` to the best model of a search without them, as many as lower its criterion.
    ///
    /// The number is chosen at the coefficients of the best model; then those are estimated again beside the terms.
    static func extending(
        _ best: AutoARIMA.Candidate, series: [Double], longPeriod: Int
    ) -> FourierARIMA? {
        let order = best.order
        var chosen: (terms: FourierTerms, aicc: Double)?
        for count in [1, 2, 3, 4, 6, 8, 10, 12, 16, 20] {
            let terms = FourierTerms(period: longPeriod, count: count, besides: order.period)
            let regressors = terms.regressors(from: 0, count: series.count)
            guard series.count > 6 * regressors.count,
                let design = try? ARIMADesign(interpolated(series), order: order, regressors: regressors)
            else { break }
            var likelihood = ARMALikelihood(design.sample, order: order)
            guard let value = likelihood.evaluate(best.parameters, as: .unconstrained) else { continue }
            let (n, k) = (
                Double(design.sample.observations), Double(order.coefficientCount + design.sample.regressors + 1)
            )
            let aicc = -2 * value.logLikelihood + 2 * k + 2 * k * (k + 1) / (n - k - 1)
            if aicc < chosen?.aicc ?? best.aicc { chosen = (terms, aicc) }
        }
        guard let chosen else { return nil }
        let regressors = chosen.terms.regressors(from: 0, count: series.count)
        guard let design = try? ARIMADesign(series, order: order, regressors: regressors),
            let found = ARMASearch(design.sample, order: order).best(
                from: [best.parameters], tolerance: 1e-3, iterations: 40),
            let model = try? ARIMA(
                design: design, coefficients: found.coefficients, futureRegressors: [], withErrors: false)
        else { return nil }
        return FourierARIMA(model: model, terms: chosen.terms)
    }
}
