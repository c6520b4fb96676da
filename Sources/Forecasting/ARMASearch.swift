/// Looks for the coefficients that maximise the likelihood of a differenced series.
struct ARMASearch {
    private let sample: ARMASample
    private let order: ARIMAOrder

    init(_ sample: ARMASample, order: ARIMAOrder) {
        (self.sample, self.order) = (sample, order)
    }

    struct Optimum {
        var parameters: [Double]
        var coefficients: [Double]
        var logLikelihood: Double
        var evaluations: Int
    }

    /// The best optimum over all starting points (unconstrained parameters).
    func best(from starts: [[Double]], tolerance: Double, iterations: Int = 200) -> Optimum? {
        var best: Optimum?
        var likelihood = ARMALikelihood(sample, order: order)
        for start in starts {
            let found = quasiNewtonMinimum(from: start, tolerance: tolerance, iterations: iterations) { point in
                likelihood.evaluate(point, as: .unconstrained, gradient: true).map { ($0.objective, $0.gradient) }
            }
            guard let found, let value = likelihood.evaluate(found.point, as: .unconstrained) else { continue }
            if value.logLikelihood > best?.logLikelihood ?? -.infinity {
                best = Optimum(
                    parameters: found.point,
                    coefficients: ARMACoefficients<Double>(unconstrained: found.point, order: order).all,
                    logLikelihood: value.logLikelihood, evaluations: found.evaluations)
            }
        }
        return best
    }

    /// Coefficients that minimise the conditional sum of squares, not confined to the stationary region.
    func conditional(from starts: [[Double]]) -> [Double]? {
        var likelihood = ARMALikelihood(sample, order: order, method: .conditional)
        var best: (point: [Double], value: Double, evaluations: Int)?
        for start in starts {
            let coefficients = ARMACoefficients<Double>(unconstrained: start, order: order).all
            let found = quasiNewtonMinimum(from: coefficients, tolerance: 1e-10, iterations: 300) { point in
                likelihood.evaluate(point, gradient: true).map { ($0.objective, $0.gradient) }
            }
            if let found, found.value < best?.value ?? .infinity { best = found }
        }
        return best?.point
    }
}
