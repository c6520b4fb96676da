import Foundation
import Forecasting
import LinearAlgebra
import Testing

@Suite("ARMA likelihood") struct ARMALikelihoodTests {
    static let orders: [ARIMAOrder] = [
        ARIMAOrder(0, 0, 0), ARIMAOrder(1, 0, 0), ARIMAOrder(0, 0, 1), ARIMAOrder(2, 0, 1), ARIMAOrder(1, 0, 3),
        ARIMAOrder(4, 0, 1), ARIMAOrder(1, 0, 1, seasonal: (1, 0, 1), period: 4),
        ARIMAOrder(2, 0, 0, seasonal: (1, 0, 0), period: 5), ARIMAOrder(0, 0, 2, seasonal: (0, 0, 1), period: 7),
        ARIMAOrder(3, 0, 2, seasonal: (2, 0, 1), period: 3), ARIMAOrder(2, 0, 0, seasonal: (2, 0, 0), period: 2),
    ]

    /// Unconstrained parameters; every third seed sits close to the edge of stationarity and invertibility.
    static func parameters(_ order: ARIMAOrder, seed: UInt64) -> [Double] {
        var generator = SeededGenerator(seed: seed, stream: 1)
        let size = seed % 3 == 2 ? 1.5 : 0.8
        return (0..<order.coefficientCount).map { _ in generator.nextNormal() * size }
    }

    @Test("equals the dense Gaussian density", arguments: orders, UInt64(0)..<9)
    func dense(order: ARIMAOrder, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed, stream: 0)
        let series = (0..<40).map { _ in generator.nextNormal() + 0.3 }
        let parameters = Self.parameters(order, seed: seed)
        let missing = seed % 2 == 0 ? [] : [0, 3, 4, 17, 39]
        var sample = ARMASample(series: series)
        if !missing.isEmpty {
            let impulses = missing.flatMap { place in series.indices.map { $0 == place ? 1.0 : 0.0 } }
            sample = ARMASample(
                length: series.count, columns: series + impulses, missing: missing.count, regressors: 0)
        }
        var likelihood = ARMALikelihood(sample, order: order)
        let found = likelihood.evaluate(parameters, as: .unconstrained)
        let value = try #require(found)

        let kept = series.indices.filter { !missing.contains($0) }
        let covariance = DenseARMA(parameters, order: order).autocovariances(series.count)
        let matrix = try Matrix(
            columns: kept.map { a in kept.map { b in covariance[abs(a - b)] } })
        let factor = try Cholesky(matrix)
        let x = kept.map { series[$0] }
        let n = Double(x.count)
        let variance = zip(x, try factor.solve(x)).reduce(0) { $0 + $1.0 * $1.1 } / n
        let expected = -0.5 * (n * log(2 * .pi * variance) + n + factor.logDeterminant)
        #expect(abs(value.logLikelihood - expected) < 1e-6 * max(1, abs(expected)), "\(parameters)")
        #expect(abs(value.variance - variance) < 1e-5 * variance)
        let coefficients = DenseARMA.coefficients(parameters, order: order)
        let computed = likelihood.logLikelihood(at: coefficients)
        let alone = try #require(computed)
        #expect(abs(alone - value.logLikelihood) < 1e-9 * max(1, abs(expected)), "\(parameters)")
    }

    @Test("the score equals central differences", arguments: orders, UInt64(0)..<6)
    func score(order: ARIMAOrder, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed, stream: 0)
        let n = 60
        let series = (0..<n).map { _ in generator.nextNormal() }
        let impulses = [2, 3, 30].flatMap { place in (0..<n).map { $0 == place ? 1.0 : 0.0 } }
        let ones = (0..<n).map { _ in 1.0 }
        let sample = ARMASample(length: n, columns: series + impulses + ones, missing: 3, regressors: 1)
        for method in [ARMALikelihood.Method.exact, .conditional] {
            var likelihood = ARMALikelihood(sample, order: order, method: method)
            let parameters = Self.parameters(order, seed: seed % 2)
            let found = likelihood.evaluate(parameters, as: .unconstrained, gradient: true)
            let gradient = try #require(found).gradient
            for k in parameters.indices {
                var moved = parameters
                let step = 1e-5
                moved[k] += step
                let above = likelihood.evaluate(moved, as: .unconstrained)
                moved[k] -= 2 * step
                let below = likelihood.evaluate(moved, as: .unconstrained)
                let slope = (try #require(above).objective - (try #require(below)).objective) / (2 * step)
                #expect(abs(slope - gradient[k]) < 2e-5 * max(1, abs(slope)), "\(method) \(k)")
            }
        }
    }

    @Test("same parameters twice, same value")
    func repeatable() throws {
        let order = ARIMAOrder(2, 0, 1, seasonal: (1, 0, 1), period: 12)
        var generator = SeededGenerator(seed: 5)
        var likelihood = ARMALikelihood(ARMASample(series: (0..<200).map { _ in generator.nextNormal() }), order: order)
        let first = likelihood.evaluate([0.5, 0.2, -0.3, 0.4, -0.9], gradient: true)
        _ = likelihood.evaluate([-0.5, 0.1, 0.3, 0.9, 0.9])
        let second = likelihood.evaluate([0.5, 0.2, -0.3, 0.4, -0.9], gradient: true)
        #expect(try #require(first).objective == (try #require(second)).objective)
        #expect(try #require(first).gradient == (try #require(second)).gradient)
    }

    @Test("the steady state is not entered too early with a long season", arguments: [24, 168])
    func steadyState(period: Int) throws {
        let order = ARIMAOrder(1, 0, 1, seasonal: (0, 0, 1), period: period)
        var generator = SeededGenerator(seed: 9)
        let series = (0..<960).map { _ in generator.nextNormal() }
        let parameters = [0.7, 0.4, -0.6]
        var likelihood = ARMALikelihood(ARMASample(series: series), order: order)
        let found = likelihood.evaluate(parameters)
        let covariance = DenseARMA(coefficients: parameters, order: order).autocovariances(series.count)
        let factor = try Cholesky(
            try Matrix(columns: series.indices.map { a in series.indices.map { covariance[abs(a - $0)] } }))
        let n = Double(series.count)
        let variance = zip(series, try factor.solve(series)).reduce(0) { $0 + $1.0 * $1.1 } / n
        let expected = -0.5 * (n * log(2 * .pi * variance) + n + factor.logDeterminant)
        #expect(abs(try #require(found).logLikelihood - expected) < 1e-6)
    }
}

/// Autocovariances the slow way: the weights of the infinite moving average, summed until nothing is left.
struct DenseARMA {
    let ar: [Double]
    let ma: [Double]

    init(_ unconstrained: [Double], order: ARIMAOrder) {
        self.init(coefficients: Self.coefficients(unconstrained, order: order), order: order)
    }

    static func coefficients(_ unconstrained: [Double], order: ARIMAOrder) -> [Double] {
        func polynomial(_ z: ArraySlice<Double>) -> [Double] {
            var a: [Double] = []
            for r in z.map({ tanh($0) }) { a = zip(a, a.reversed()).map { $0 - r * $1 } + [r] }
            return a
        }
        var rest = unconstrained[...]
        func take(_ n: Int) -> [Double] {
            defer { rest = rest.dropFirst(n) }
            return polynomial(rest.prefix(n))
        }
        let (p, q, sp) = (take(order.p), take(order.q), take(order.seasonalP))
        let sq = take(order.seasonalQ)
        return p + q.map { -$0 } + sp + sq.map { -$0 }
    }

    init(coefficients: [Double], order: ARIMAOrder) {
        let (p, q, sp) = (order.p, order.q, order.seasonalP)
        func product(_ a: [Double], _ b: [Double], _ period: Int) -> [Double] {
            var all = [Double](repeating: 0, count: a.count + b.count * period + 1)
            for (i, x) in ([1] + a).enumerated() {
                for (j, y) in ([1] + b).enumerated() { all[i + j * period] += x * y }
            }
            return all
        }
        ar = product(
            coefficients[0..<p].map { -$0 }, coefficients[(p + q)..<(p + q + sp)].map { -$0 }, order.period)
        ma = product(Array(coefficients[p..<(p + q)]), Array(coefficients[(p + q + sp)...]), order.period)
    }

    func autocovariances(_ count: Int) -> [Double] {
        var weights: [Double] = []
        while weights.count < 200_000 {
            let t = weights.count
            var sum = t < ma.count ? ma[t] : 0
            for lag in 1..<max(ar.count, 1) where lag <= t { sum -= ar[lag] * weights[t - lag] }
            weights.append(sum)
            if t > ma.count + 20 * ar.count, weights.suffix(ar.count + 1).allSatisfy({ abs($0) < 1e-13 }) { break }
        }
        return (0..<count).map { lag in
            lag < weights.count ? (lag..<weights.count).reduce(0) { $0 + weights[$1] * weights[$1 - lag] } : 0
        }
    }
}
