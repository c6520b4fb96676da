/// Means and standard deviations over a horizon: what every model gives before it becomes a ``Forecast``.
struct ForecastPath: Sendable {
    var mean: [Double]
    var deviation: [Double]

    var isFinite: Bool { (mean + deviation).allSatisfy(\.isFinite) }

    static func + (a: ForecastPath, b: [Double]) -> ForecastPath {
        ForecastPath(mean: zip(a.mean, b).map { $0 + $1 }, deviation: a.deviation)
    }
}
