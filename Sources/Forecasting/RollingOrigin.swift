import Glibc

/// What models forecast at earlier points of their own series, and what then came.
struct RollingOrigin {
    /// Errors in units of the forecast's own deviation, and absolute errors, by part, origin and step.
    let errors: [[[Double]]]
    let scaled: [[Double]]

    /// Forecasts from `origins` places before the end of `series`, each at least `horizon` steps apart from the end.
    ///
    /// Orders and smoothing forms stay as fitted to the whole series; states, patterns and cheap parameters are
    /// estimated again on what was known at the origin.
    init(_ parts: [FittedForecaster.Part], series: [Double], horizon: Int, origins: [Int]) {
        var errors = [[[Double]]](repeating: [], count: parts.count)
        var scaled: [[Double]] = []
        for origin in origins {
            let past = Array(series[..<origin])
            let future = series[origin..<min(origin + horizon, series.count)]
            var kept: [FittedForecaster.Part] = []
            for (index, part) in parts.enumerated() {
                guard let model = try? part.model.reestimated(on: past) else {
                    errors[index].append([])
                    continue
                }
                kept.append(.init(weight: part.weight, model: model))
                errors[index].append(zip(future, model.path(horizon: horizon).mean).map { $0 - $1 })
            }
            guard !kept.isEmpty else { continue }
            let path = ForecastPath(combining: kept, horizon: horizon)
            scaled.append(
                zip(future, zip(path.mean, path.deviation)).map { $1.1 > 0 ? ($0 - $1.0) / $1.1 : .nan })
        }
        (self.errors, self.scaled) = (errors, scaled)
    }

    /// Mean absolute error of each part.
    var meanAbsoluteErrors: [Double] {
        errors.map { origins in
            let all = origins.joined().filter { $0.isFinite }
            return all.isEmpty ? .infinity : all.reduce(0) { $0 + abs($1) } / Double(all.count)
        }
    }
}

extension FittedForecaster.Model {
    /// The same kind of model, orders and form on another (shorter) series.
    func reestimated(on series: [Double]) throws(ForecastingError) -> FittedForecaster.Model {
        switch self {
        case .baseline(let model):
            return .baseline(try Baseline.fit(series, kind: model.kind, period: model.period))
        case .arima(let model):
            return .arima(try model.refiltered(on: interpolated(series)))
        case .fourier(let model):
            let regressors = model.terms.regressors(from: 0, count: series.count)
            let design = try ARIMADesign(interpolated(series), order: model.model.order, regressors: regressors)
            return .fourier(
                FourierARIMA(
                    model: try ARIMA(
                        design: design, coefficients: model.model.coefficients, futureRegressors: [], withErrors: false),
                    terms: model.terms))
        case .smoothing(let model):
            return .smoothing(try ExponentialSmoothing.fit(series, form: model.form, period: model.period))
        case .theta(let model):
            return .theta(try Theta.fit(series, period: model.period, isOptimised: model.isOptimised))
        case .additive(let model):
            return .additive(try AdditiveModel.fit(series, seasons: model.seasons, holidays: model.holidays))
        case .adjusted(let model):
            let inner = model.inner
            guard
                let again = try SeasonAdjusted(
                    series, period: model.period,
                    fit: { (x) throws(ForecastingError) in try inner.reestimated(on: x) })
            else { throw .noFit(model: "seasonal adjustment") }
            return .adjusted(again)
        }
    }
}

extension ForecastPath {
    /// The mean of several models. Its deviation is the geometric mean of theirs, so that one that knows little does not
    /// decide alone, widened by their disagreement.
    init(combining parts: [FittedForecaster.Part], horizon: Int) {
        let paths = parts.map { (weight: $0.weight, path: $0.model.path(horizon: horizon)) }
        let total = parts.reduce(0) { $0 + $1.weight }
        var (mean, deviation) = ([Double](repeating: 0, count: horizon), [Double](repeating: 0, count: horizon))
        for h in 0..<horizon {
            for (weight, path) in paths { mean[h] += weight / total * path.mean[h] }
            let largest = paths.reduce(0) { max($0, $1.path.deviation[h]) }
            var (logarithm, gaps) = (0.0, 0.0)
            for (weight, path) in paths {
                let gap = path.mean[h] - mean[h]
                logarithm += weight / total * log(max(path.deviation[h], 0.1 * largest))
                gaps += weight / total * gap * gap
            }
            deviation[h] = (exp(2 * logarithm) + gaps).squareRoot()
        }
        self.init(mean: mean, deviation: deviation)
    }
}
