import Glibc
import LinearAlgebra

/// How the ends of intervals are found.
public enum IntervalMethod: String, Sendable, Hashable, Codable, CaseIterable {
    /// Normal errors (lognormal in a combination for a positive series), as wide as the models say; for `auto`, widened
    /// by what forecasts from earlier points of the series missed.
    case gaussian
    /// Quantiles of simulated paths, whose errors are drawn from one-step errors at earlier points of the series.
    case bootstrap
    /// As wide as forecasts from earlier points of the series, just as many steps ahead, would have had to be.
    case conformal
}

/// What forecasts from earlier points of a series missed, in units of their own deviation.
struct IntervalScores: Sendable, Hashable, Codable {
    /// By step ahead, ascending.
    let errors: [[Double]]

    /// Estimates the parts on the series without its last third (at most 200 steps), then takes these in one by one.
    ///
    /// `nil` where that leaves too little to learn from.
    init?(_ parts: [FittedForecaster.Part], series: [Double], period: Int) {
        let n = series.count
        let count = min(n / 3, 200)
        let reach = max(1, min(2 * max(period, 6), count / 4))
        guard count >= 10, n - count >= max(10, 2 * period + 4) else { return nil }
        var kept = parts.compactMap { part in
            (try? part.model.reestimated(on: Array(series[..<(n - count)]))).map {
                FittedForecaster.Part(weight: part.weight, model: $0)
            }
        }
        guard !kept.isEmpty else { return nil }
        var errors = [[Double]](repeating: [], count: reach)
        for origin in (n - count)..<n {
            let path = ForecastPath(combining: kept, horizon: min(reach, n - origin))
            for h in path.mean.indices where !series[origin + h].isNaN && path.deviation[h] > 0 {
                errors[h].append((series[origin + h] - path.mean[h]) / path.deviation[h])
            }
            kept = kept.compactMap { part in
                (try? part.model.appending(series[origin])).map { .init(weight: part.weight, model: $0) }
            }
        }
        guard errors.allSatisfy({ $0.count >= 5 && $0.allSatisfy(\.isFinite) }) else { return nil }
        self.errors = errors.map { $0.sorted() }
    }

    /// How many deviations to either side hold the share `level` of errors `steps` ahead, with the correction for a
    /// finite sample; beyond the largest error that was seen, it grows like a normal distribution.
    func width(_ level: Double, steps: Int) -> Double {
        let sizes = errors[min(steps, errors.count) - 1].map { abs($0) }.sorted()
        let rank = Int((level * Double(sizes.count + 1)).rounded(.up))
        guard rank > sizes.count else { return sizes[rank - 1] }
        let seen = Double(sizes.count) / Double(sizes.count + 1)
        return sizes[sizes.count - 1] * NormalDistribution.quantile(0.5 + level / 2)
            / NormalDistribution.quantile(0.5 + seen / 2)
    }

    /// Simulated paths of a combination: each follows one of the parts, taken by weight.
    func paths(_ parts: [FittedForecaster.Part], horizon: Int, count: Int, seed: UInt64) -> [[Double]] {
        let total = parts.reduce(0) { $0 + $1.weight }
        return (0..<count).map { number in
            var generator = SeededGenerator(seed: seed, stream: UInt64(number))
            var place = generator.nextUniform() * total
            guard var model = parts.last?.model else { return [] }
            for part in parts {
                place -= part.weight
                if place < 0 {
                    model = part.model
                    break
                }
            }
            return (0..<horizon).map { _ in
                let path = model.path(horizon: 1)
                let value = path.mean[0] + path.deviation[0] * errors[0][generator.nextInt(below: errors[0].count)]
                if let next = try? model.appending(value) { model = next }
                return value
            }
        }
    }
}
