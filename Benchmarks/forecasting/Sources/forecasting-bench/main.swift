import Forecasting
import Foundation
import Glibc
import LinearAlgebra

let arguments = Array(CommandLine.arguments.dropFirst())
switch (arguments.first, arguments.count) {
case ("likelihood", 2): try measureLikelihood(arguments[1])
case ("run", 6): try run(arguments)
case ("many", 2): try forecastMany(arguments[1])
case ("spot", 4):
    let benchmark = try SpotBenchmark(arguments[1], origins: Int(arguments[2]) ?? 12)
    try benchmark.writeSample(to: arguments[3])
    try benchmark.run(threads: 2)
default:
    print(
        """
        usage: forecasting-bench likelihood HOURLY.csv
               forecasting-bench run DATA.csv IDS.txt METHOD THREADS OUT.csv
               forecasting-bench many SPOT.csv
               forecasting-bench spot SPOT.csv ORIGINS SAMPLE.csv
        """)
    exit(2)
}

/// Forecasts every series of a file and writes `id,step,mean,lo80,hi80,lo95,hi95`.
func run(_ arguments: [String]) throws {
    let ids = try String(contentsOfFile: arguments[2], encoding: .utf8).split(separator: "\n").map(String.init)
    let series = try Series.read(arguments[1], ids: ids)
    guard let method = ForecastMethod(rawValue: arguments[3]) else { throw BenchError("no method \(arguments[3])") }
    let cpu = cpuSeconds()
    let clock = ContinuousClock.now
    let results = Parallel.map(count: series.count, threads: Int(arguments[4]) ?? 1) {
        i -> Result<Forecast, any Error> in
        Result {
            try Forecaster.fit(series[i].train, season: series[i].season, options: .init(method: method))
                .forecast(horizon: series[i].horizon)
        }
    }
    let wall = (ContinuousClock.now - clock) / .seconds(1)
    let used = cpuSeconds() - cpu
    var text = "id,step,mean,lo80,hi80,lo95,hi95\n"
    for (s, result) in zip(series, results) {
        switch result {
        case .success(let f):
            for h in f.mean.indices {
                let (a, b) = (f.intervals[0], f.intervals[1])
                text += "\(s.id),\(h + 1),\(f.mean[h]),\(a.lower[h]),\(a.upper[h]),\(b.lower[h]),\(b.upper[h])\n"
            }
        case .failure(let error): FileHandle.standardError.write(Data("\(s.id): \(error)\n".utf8))
        }
    }
    try text.write(toFile: arguments[5], atomically: true, encoding: .utf8)
    print("{\"seconds\":\(wall),\"cpu_seconds\":\(used),\"series\":\(series.count),\"peak_mib\":\(peakMebibytes())}")
}

/// 10,000 hourly series of 28 days, a day ahead, in a minute.
func forecastMany(_ path: String) throws {
    let prices = try SpotBenchmark(path, origins: 1).series
    let many = (0..<10_000).map { i -> [Double] in
        let source = prices[i % prices.count]
        let start = (i / prices.count * 37) % (source.count - 672)
        return Array(source[start..<(start + 672)])
    }
    let clock = ContinuousClock.now
    let fitted = Forecaster.fit(many: many, season: 24, budget: .seconds(60), threads: 2)
    let failures = fitted.count { (try? $0.get().forecast(horizon: 24)) == nil }
    let seconds = (ContinuousClock.now - clock) / .seconds(1)
    print("{\"seconds\":\(seconds),\"failures\":\(failures),\"peak_mib\":\(peakMebibytes())}")
}

func measureLikelihood(_ path: String) throws {
    let series = try Series.read(path, ids: [])
    guard let long = series.first(where: { $0.train.count == 960 }) else {
        throw BenchError("\(path): no series of 960")
    }
    let order = ARIMAOrder(2, 1, 2, seasonal: (1, 1, 1), period: 24)
    var likelihood = try ExactLikelihood(long.train, order: order)
    var times: [Double] = []
    for _ in 0..<500 {
        let clock = ContinuousClock.now
        _ = likelihood.value(at: [0.5, 0.2, 0.3, -0.1, 0.4, -0.7])
        times.append((ContinuousClock.now - clock) / .milliseconds(1))
    }
    print("{\"milliseconds\":\(median(times))}")
}

func cpuSeconds() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
}

func peakMebibytes() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_maxrss) / 1024
}
