import Forecasting
import Testing

@Suite("Reference fits of R", .enabled(if: ReferenceData.isThere, "set ALMANAC_SHARED_DATA"))
struct ReferenceFitTests {
    @Test("the likelihood at given coefficients is the reference's", arguments: ReferenceData.fits)
    func atFixed(fit: ReferenceData.Fit) throws {
        guard fit.series != "AirPassengers_missing", let point = fit.ML.at_fixed else { return }
        let design = try ARIMADesign(fit.values, order: fit.arimaOrder, regressors: fit.regressors("train"))
        let effects = design.regressorNames.map { point.coef[$0] ?? .nan }
        var likelihood = ARMALikelihood(design.sample(withEffects: effects), order: fit.arimaOrder)
        let evaluated = likelihood.evaluate(fit.coefficients(point.coef))
        let value = try #require(evaluated)
        if fit.arimaOrder.observationsLost == 0 {
            #expect(abs(value.logLikelihood - point.loglik) < 1e-8 * abs(point.loglik))
            #expect(abs(value.variance - point.sigma2) < 1e-6 * point.sigma2)
        } else {
            #expect(abs(value.logLikelihood - point.loglik) < 5e-3)
            #expect(abs(value.variance - point.sigma2) < 1e-4 * point.sigma2)
        }
        if let exact = fit.exactAtFixed { #expect(abs(value.logLikelihood - exact) < 1e-8 * abs(exact)) }
    }
}
