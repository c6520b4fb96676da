import Forecasting
import Foundation
import LinearAlgebra
import Testing

/// A random ARMA(1,1) path around a level, with a season in the moving average.
private func path(_ n: Int, ar: Double = 0.6, ma: Double = 0.3, seasonal: Double = 0, period: Int = 1, seed: UInt64)
    -> [Double]
{
    var generator = SeededGenerator(seed: seed, stream: 3)
    let errors = (0..<(n + 200)).map { _ in generator.nextNormal() }
    var x = [Double](repeating: 0, count: n + 200)
    for t in stride(from: period + 1, to: x.count, by: 1) {
        x[t] =
            ar * x[t - 1] + errors[t] + ma * errors[t - 1] + seasonal
            * (errors[t - period] + ma * errors[t - period - 1])
    }
    return x.suffix(n).map { $0 + 10 }
}

@Suite("ARIMA") struct ARIMATests {
    @Test("coefficients of simulated series lie within their standard errors")
    func recovers() throws {
        var squares = [0.0, 0.0, 0.0]
        let runs = 60
        for seed in 0..<UInt64(runs) {
            let x = path(300, seed: seed)
            let model = try ARIMA.fit(x, order: ARIMAOrder(1, 0, 1, constant: true))
            for (k, truth) in [0.6, 0.3, 10].enumerated() {
                let error = try #require(model.standardErrors[k])
                let z = ((model.coefficients + model.effects)[k] - truth) / error
                squares[k] += z * z / Double(runs)
            }
        }
        for square in squares { #expect(square > 0.5 && square < 1.7, "mean squared z: \(squares)") }
    }

    @Test("forecasts are the conditional expectation of the dense Gaussian", arguments: UInt64(0)..<4)
    func conditionalExpectation(seed: UInt64) throws {
        let order = ARIMAOrder(1, 0, 1, seasonal: (0, 0, 1), period: 4)
        let missing = seed % 2 == 0 ? [] : [5, 36, 38]
        var x = path(40, seed: seed).map { $0 - 10 }
        for place in missing { x[place] = .nan }
        let model = try ARIMA.fit(x, order: order)
        let forecast = try model.forecast(horizon: 6, levels: [0.95])
        let covariance = DenseARMA(coefficients: model.coefficients, order: order).autocovariances(46)
        let kept = x.indices.filter { !x[$0].isNaN }
        let factor = try Cholesky(try Matrix(columns: kept.map { a in kept.map { covariance[abs(a - $0)] } }))
        let weights = try factor.solve(kept.map { x[$0] })
        for h in 0..<6 {
            let cross = kept.map { covariance[40 + h - $0] }
            let mean = zip(cross, weights).reduce(0) { $0 + $1.0 * $1.1 }
            let spread = covariance[0] - zip(cross, try factor.solve(cross)).reduce(0) { $0 + $1.0 * $1.1 }
            #expect(abs(forecast.mean[h] - mean) < 1e-6 * max(1, abs(mean)))
            let width = (forecast.intervals[0].upper[h] - forecast.mean[h]) / 1.959963984540054
            #expect(abs(width - (spread * model.variance).squareRoot()) < 1e-5 * width)
        }
    }

    @Test("one more observation is the same as filtering the longer series", arguments: [0, 1])
    func appending(d: Int) throws {
        let x = path(160, seasonal: 0.4, period: 6, seed: 8)
        let order = ARIMAOrder(1, d, 1, seasonal: (0, 0, 1), period: 6)
        var grown = try ARIMA.fit(Array(x.prefix(150)), order: order)
        for value in x.suffix(10) { grown = try grown.appending(value) }
        let (a, b) = (try grown.forecast(horizon: 8), try grown.refiltered(on: x).forecast(horizon: 8))
        for h in 0..<8 { #expect(abs(a.mean[h] - b.mean[h]) < 1e-8) }
    }

    @Test("simulated paths spread as the intervals say")
    func simulation() throws {
        let model = try ARIMA.fit(path(200, seed: 4), order: ARIMAOrder(1, 1, 1))
        let paths = try model.simulate(horizon: 12, paths: 2000, seed: 7)
        let forecast = try model.forecast(horizon: 12, levels: [0.8])
        let inside = paths.count {
            $0[11] > forecast.intervals[0].lower[11] && $0[11] < forecast.intervals[0].upper[11]
        }
        #expect(abs(Double(inside) / 2000 - 0.8) < 0.03)
        let again = try model.simulate(horizon: 12, paths: 2000, seed: 7)
        #expect(again == paths)
    }

    @Test("a constant series gives a constant without width")
    func constant() throws {
        for order in [ARIMAOrder(1, 0, 1, constant: true), ARIMAOrder(0, 1, 1), ARIMAOrder(2, 1, 0, constant: true)] {
            let forecast = try ARIMA.fit([Double](repeating: 7.5, count: 30), order: order).forecast(horizon: 5)
            for h in 0..<5 {
                #expect(abs(forecast.mean[h] - 7.5) < 1e-9)
                #expect(forecast.intervals[1].upper[h] == forecast.mean[h])
            }
        }
    }

    @Test("a regressor's effect and future are used")
    func regressors() throws {
        let x = path(120, seed: 5)
        let wave = (0..<130).map { sin(Double($0) * 0.7) }
        let y = zip(x, wave).map { $0 + 4 * $1 }
        let model = try ARIMA.fit(
            y, order: ARIMAOrder(1, 0, 1, constant: true), regressors: [Regressor(name: "wave", values: wave)])
        #expect(abs(model.effects[1] - 4) < 1)
        #expect(try model.forecast(horizon: 10).mean.count == 10)
        #expect(throws: ForecastingError.self) { try model.forecast(horizon: 11) }
        let twice = [Regressor(name: "a", values: wave), Regressor(name: "b", values: wave.map { 2 * $0 })]
        #expect(throws: ForecastingError.collinearRegressor(name: "b")) {
            try ARIMA.fit(y, order: ARIMAOrder(1, 0, 0), regressors: twice)
        }
    }

    @Test("bad input is refused with a reason")
    func badInput() {
        let order = ARIMAOrder(2, 1, 2)
        #expect(throws: ForecastingError.noObservations) { try ARIMA.fit([.nan, .nan], order: order) }
        #expect(throws: ForecastingError.self) { try ARIMA.fit([1, 2, 3, 4], order: order) }
        #expect(throws: ForecastingError.self) { try ARIMA.fit([1, 2, .infinity, 4], order: order) }
        #expect(throws: ForecastingError.self) { try ARIMA.fit(path(50, seed: 1), order: ARIMAOrder(-1, 0, 0)) }
        #expect(throws: ForecastingError.self) {
            try ARIMA.fit(path(50, seed: 1), order: ARIMAOrder(0, 0, 0, seasonal: (1, 0, 0), period: 60))
        }
        #expect(throws: ForecastingError.self) { try ARIMA.fit(path(50, seed: 1), order: order).forecast(horizon: 0) }
    }
}
