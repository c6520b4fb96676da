import Glibc
import LinearAlgebra

/// Trend with changepoints, seasons and holidays, added up: a regression with shrinkage, and errors that fade.
///
/// The job that people give to Prophet: the posterior mode under normal priors is one penalised least-squares problem.
/// How much the trend may bend is chosen by generalised cross-validation. What is left is taken as a first-order
/// autoregression, so that the next steps follow the last values.
public struct AdditiveModel: Sendable, Hashable, Codable {
    /// Named steps (from 0 at the first value of the series) with an effect of their own, past and future.
    public struct Holiday: Sendable, Hashable, Codable {
        public let name: String
        public let steps: [Int]

        /// Steps may lie beyond the end of the series.
        public init(name: String, steps: [Int]) { (self.name, self.steps) = (name, steps) }
    }

    /// Lengths of the seasons in steps.
    public let seasons: [Int]
    /// Places at which the slope of the trend may change.
    public let changepoints: [Int]
    /// How many values it rests on.
    public private(set) var observations: Int
    /// Effects: level, slope, change of slope at each changepoint, sine and cosine pairs, holidays.
    let coefficients: [Double]
    let harmonics: [FourierTerms.Harmonic]
    let holidays: [Holiday]
    /// Unit of time in the trend: the length of the series.
    let span: Double
    /// Innovation variance and coefficient of the autoregression of the errors.
    let variance: Double
    let persistence: Double
    /// Mean square of the slope's changes, and how many there are per step.
    let slopeVariance: Double
    private(set) var end: Int
    private(set) var lastError: Double

    /// - Parameters:
    ///   - seasons: Each of at least 2 steps; one longer than half the series is left out.
    /// - Throws: ``ForecastingError`` for fewer than 8 observations or an infinite value.
    public static func fit(
        _ series: [Double], seasons: [Int] = [], holidays: [Holiday] = []
    ) throws(ForecastingError) -> AdditiveModel {
        for (position, value) in series.enumerated() where value.isInfinite {
            throw .notFinite(position: position, found: value)
        }
        let rows = series.indices.filter { !series[$0].isNaN }
        guard rows.count >= 8, let lastRow = rows.last else {
            throw .tooShort(observations: rows.count, needed: 8, model: "the additive model")
        }
        let seasons = seasons.filter { $0 >= 2 && 2 * $0 <= rows.count }.sorted()
        var harmonics: [FourierTerms.Harmonic] = []
        for (index, season) in seasons.enumerated() {
            let most = min(season / 2, season <= 12 ? 6 : 10)
            harmonics +=
                FourierTerms(period: season, count: most, besides: index > 0 ? seasons[index - 1] : 1).harmonics
        }
        let count = min(25, rows.count / 8)
        let changepoints = (0..<count).map { Int(Double(lastRow) * 0.85 * Double($0 + 1) / Double(count + 1)) }
        let span = Double(max(lastRow, 1))
        let columns = 2 + count + 2 * harmonics.count + holidays.count
        var design = [Double](repeating: 0, count: rows.count * columns)
        for (i, t) in rows.enumerated() {
            let features = Self.features(t, span: span, changepoints, harmonics, holidays)
            for (k, value) in features.enumerated() { design[k * rows.count + i] = value }
        }
        let target = rows.map { series[$0] }
        let mean = target.reduce(0, +) / Double(target.count)
        let scale = max(
            (target.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(target.count)).squareRoot(), 1e-12)
        let n = rows.count
        guard let matrix = try? Matrix(rows: n, columns: columns, values: design), let gram = try? matrix.gram() else {
            throw .noFit(model: "the additive model")
        }
        let right = (0..<columns).map { k in (0..<n).reduce(0) { $0 + design[k * n + $1] * (target[$1] - mean) / scale }
        }

        var best: (score: Double, coefficients: [Double])?
        for bend in [0.01, 0.05, 0.2, 1.0, 4.0] {
            var penalised = gram
            for k in 0..<columns {
                let deviation = k < 2 ? 100 : k < 2 + count ? bend : 3.0
                penalised[k, k] += 1 / (deviation * deviation)
            }
            guard let factor = try? Cholesky(penalised), let solution = try? factor.solve(right),
                let inverse = try? factor.solve(gram)
            else { continue }
            let fitted = (0..<n).map { i in (0..<columns).reduce(0) { $0 + design[$1 * n + i] * solution[$1] } }
            let errors = zip(target, fitted).map { ($0 - mean) / scale - $1 }
            let freedom = (0..<columns).reduce(0) { $0 + inverse[$1, $1] }
            let rest = max(Double(n) - 1.4 * freedom, 1)
            let score = errors.reduce(0) { $0 + $1 * $1 } * Double(n) / (rest * rest)
            if score < best?.score ?? .infinity { best = (score, solution) }
        }
        guard let best else { throw .noFit(model: "the additive model") }
        var coefficients = best.coefficients.map { $0 * scale }
        coefficients[0] += mean
        let errors = rows.enumerated().map { i, t in
            target[i]
                - zip(Self.features(t, span: span, changepoints, harmonics, holidays), coefficients)
                .reduce(0) { $0 + $1.0 * $1.1 }
        }
        let energy = errors.reduce(0) { $0 + $1 * $1 }
        let product = zip(errors, errors.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 }
        let persistence = energy > 0 ? min(max(product / energy, 0), 0.98) : 0
        let freedom = Double(max(n - 2 - 2 * harmonics.count, 1))
        let changes = coefficients[2..<(2 + count)].map { $0 / span }
        return AdditiveModel(
            seasons: seasons, changepoints: changepoints, observations: n, coefficients: coefficients,
            harmonics: harmonics, holidays: holidays, span: span,
            variance: energy / freedom * (1 - persistence * persistence), persistence: persistence,
            slopeVariance: changes.reduce(0) { $0 + $1 * $1 } / max(0.85 * span, 1), end: series.count,
            lastError: lastRow == series.count - 1 ? errors[n - 1] : 0)
    }

    private static func features(
        _ t: Int, span: Double, _ changepoints: [Int], _ harmonics: [FourierTerms.Harmonic], _ holidays: [Holiday]
    ) -> [Double] {
        var features = [1, Double(t) / span]
        for place in changepoints { features.append(max(0, Double(t - place) / span)) }
        for harmonic in harmonics {
            let angle = 2 * Double.pi * Double(harmonic.cycles) * Double(t % harmonic.period) / Double(harmonic.period)
            features.append(sin(angle))
            features.append(cos(angle))
        }
        for holiday in holidays { features.append(holiday.steps.contains(t) ? 1 : 0) }
        return features
    }

    /// The trend, seasons and holidays at a step.
    public func component(at step: Int) -> Double {
        zip(Self.features(step, span: span, changepoints, harmonics, holidays), coefficients)
            .reduce(0) { $0 + $1.0 * $1.1 }
    }

    func path(horizon: Int) -> ForecastPath {
        var (mean, deviation): ([Double], [Double]) = ([], [])
        var (error, spread) = (lastError, 0.0)
        for h in 0..<horizon {
            error *= persistence
            spread = spread * persistence * persistence + variance
            mean.append(component(at: end + h) + error)
            // Slopes go on changing as often and as much as before: the variance of the trend grows with the cube.
            let steps = Double(h + 1)
            deviation.append((spread + slopeVariance * steps * steps * steps / 3).squareRoot())
        }
        return ForecastPath(mean: mean, deviation: deviation)
    }

    /// The model with one more observation; no effect is estimated again.
    public func appending(_ observation: Double) -> AdditiveModel {
        var next = self
        next.lastError = observation.isFinite ? observation - component(at: end) : lastError * persistence
        next.end += 1
        next.observations += observation.isFinite ? 1 : 0
        return next
    }
}
