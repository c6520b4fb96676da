import Foundation
import Forecasting
import LinearAlgebra

/// Forecasts of hourly spot prices at several origins, each after 28 days of training, against the naive one.
struct SpotBenchmark {
    let series: [[Double]]
    let origins: [Int]
    static let horizons = [1, 6, 24]

    init(_ path: String, origins count: Int) throws {
        series = try String(contentsOfFile: path, encoding: .utf8).split(whereSeparator: \.isNewline).map { line in
            (line.split(separator: ",").last ?? "").split(separator: " ").map { Double($0) ?? .nan }
        }
        let length = series.first?.count ?? 0
        guard length > 700 + 24 else { throw BenchError("\(path): fewer than 28 days and one of hourly prices") }
        let room = length - 24 - 700
        origins = (0..<count).map { 700 + room * ($0 + 1) / (count + 1) }
    }

    func run(threads: Int) throws {
        var naive = [Double](repeating: 0, count: 3)
        var (ours, crps, naiveCRPS, inside) = (naive, naive, naive, naive)
        var count = 0.0
        let clock = ContinuousClock.now
        for origin in origins {
            let past = series.map { Array($0[(origin - 672)..<origin]) }
            let model = try StepPriceForecaster.fit(past, horizon: 24, threads: threads)
            let forecasts = try Parallel.tryMap(count: past.count, threads: threads) { (i) throws(ForecastingError) in
                try model.forecast(past[i], horizon: 24, levels: Self.levels)
            }
            for (i, forecast) in forecasts.enumerated() {
                let price = past[i][671]
                count += 1
                for (k, h) in Self.horizons.enumerated() {
                    let actual = series[i][origin + h - 1]
                    naive[k] += abs(actual - price) / price
                    ours[k] += abs(actual - forecast.mean[h - 1]) / price
                    let interval = forecast.intervals[Self.levels.count - 1]
                    if actual >= interval.lower[h - 1] - 1e-12, actual <= interval.upper[h - 1] + 1e-12 {
                        inside[k] += 1
                    }
                    let sample =
                        forecast.intervals.flatMap { [$0.lower[h - 1], $0.upper[h - 1]] } + [forecast.mean[h - 1]]
                    crps[k] += ErrorMeasures.crps(actual: actual, sample: sample) / price
                    let moves = stride(from: h, to: 672, by: 1).map { past[i][$0] - past[i][$0 - h] }.sorted()
                    let draws = (0..<19).map { price + quantile(sorted: moves, (Double($0) + 0.5) / 19) }
                    naiveCRPS[k] += ErrorMeasures.crps(actual: actual, sample: draws) / price
                }
            }
        }
        let seconds = Double((ContinuousClock.now - clock).components.seconds)
        let rows = Self.horizons.indices.map { k in
            "\"\(Self.horizons[k])\":{\"ratio\":\(ours[k] / naive[k]),\"coverage90\":\(inside[k] / count),"
                + "\"crps_ratio\":\(crps[k] / naiveCRPS[k]),\"naive\":\(naive[k] / count)}"
        }
        print(
            "{\"series\":\(series.count),\"origins\":\(origins.count),\"seconds\":\(seconds),\(rows.joined(separator: ","))}"
        )
    }

    static let levels = (0..<9).map { Double($0) / 10 + 0.1 }
}
