import Foundation
import Forecasting
import LinearAlgebra

/// Forecasts of hourly spot prices at several origins, each after 28 days of training, against the naive one.
struct SpotBenchmark {
    let names: [String]
    let series: [[Double]]
    let origins: [Int]
    static let horizons = [1, 6, 24]
    static let training = 672
    /// Every so many markets are forecast by the peers as well, at the origin in the middle.
    static let sampleStride = 19

    init(_ path: String, origins count: Int) throws {
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(whereSeparator: \.isNewline)
        names = lines.map { String($0.prefix { $0 != "," }) }
        series = lines.map { line in
            (line.split(separator: ",").last ?? "").split(separator: " ").map { Double($0) ?? .nan }
        }
        let length = series.first?.count ?? 0
        guard length > 700 + 24 else { throw BenchError("\(path): fewer than 28 days and one of hourly prices") }
        let room = length - 24 - 700
        origins = (0..<count).map { 700 + room * ($0 + 1) / (count + 1) }
    }

    /// Mean errors relative to the last price, by horizon.
    private struct Tally {
        var ours = [Double](repeating: 0, count: 3)
        var naive = [Double](repeating: 0, count: 3)
        var crps = [Double](repeating: 0, count: 3)
        var naiveCRPS = [Double](repeating: 0, count: 3)
        var inside = [Double](repeating: 0, count: 3)
        var count = 0.0
    }

    func run(threads: Int) throws {
        var (all, sample) = (Tally(), Tally())
        let clock = ContinuousClock.now
        for (number, origin) in origins.enumerated() {
            let past = series.map { Array($0[(origin - Self.training)..<origin]) }
            let model = try StepPriceForecaster.fit(past, horizon: 24, threads: threads)
            let forecasts = try Parallel.tryMap(count: past.count, threads: threads) { (i) throws(ForecastingError) in
                try model.forecast(past[i], horizon: 24, levels: Self.levels)
            }
            for (i, forecast) in forecasts.enumerated() {
                judge(forecast, past: past[i], future: Array(series[i][origin...]), &all)
                if i % Self.sampleStride == 0, number == origins.count / 2 {
                    judge(forecast, past: past[i], future: Array(series[i][origin...]), &sample)
                }
            }
        }
        let seconds = (ContinuousClock.now - clock) / .seconds(1)
        let rows = Self.horizons.indices.map { k in
            """
            "\(Self.horizons[k])":{"ratio":\(all.ours[k] / all.naive[k]),"naive":\(all.naive[k] / all.count),\
            "coverage90":\(all.inside[k] / all.count),"crps":\(all.crps[k] / all.count),\
            "naive_crps":\(all.naiveCRPS[k] / all.count),"sample_crps":\(sample.crps[k] / sample.count)}
            """
        }
        print(
            "{\"series\":\(series.count),\"origins\":\(origins.count),\"sampled\":\(Int(sample.count)),"
                + "\"seconds\":\(seconds),\(rows.joined(separator: ","))}")
    }

    private func judge(_ forecast: Forecast, past: [Double], future: [Double], _ tally: inout Tally) {
        let price = past[past.count - 1]
        tally.count += 1
        for (k, h) in Self.horizons.enumerated() {
            let actual = future[h - 1]
            tally.naive[k] += abs(actual - price) / price
            tally.ours[k] += abs(actual - forecast.mean[h - 1]) / price
            let interval = forecast.intervals[Self.levels.count - 1]
            if actual >= interval.lower[h - 1] - 1e-12, actual <= interval.upper[h - 1] + 1e-12 {
                tally.inside[k] += 1
            }
            let draws = forecast.intervals.flatMap { [$0.lower[h - 1], $0.upper[h - 1]] } + [forecast.mean[h - 1]]
            tally.crps[k] += ErrorMeasures.crps(actual: actual, sample: draws) / price
            let moves = stride(from: h, to: past.count, by: 1).map { past[$0] - past[$0 - h] }.sorted()
            let naiveDraws = (0..<19).map { price + quantile(sorted: moves, (Double($0) + 0.5) / 19) }
            tally.naiveCRPS[k] += ErrorMeasures.crps(actual: actual, sample: naiveDraws) / price
        }
    }

    /// The sample as a data file for the peers, without a season: with one they take a minute a series.
    func writeSample(to path: String) throws {
        let origin = origins[origins.count / 2]
        var text = "id,source,domain,season,start,horizon,n,bench,train,test\n"
        for i in stride(from: 0, to: series.count, by: Self.sampleStride) {
            func list(_ values: ArraySlice<Double>) -> String { values.map { "\($0)" }.joined(separator: " ") }
            text +=
                "\(names[i]),aws,spot,1,,24,\(Self.training),1,\(list(series[i][(origin - Self.training)..<origin])),"
            text += "\(list(series[i][origin..<(origin + 24)]))\n"
        }
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    static let levels = (0..<9).map { Double($0) / 10 + 0.1 }
}
