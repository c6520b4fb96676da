import Foundation
import Glibc
import Forecasting
import LinearAlgebra

let arguments = Array(CommandLine.arguments.dropFirst())
switch arguments.first {
case "likelihood": try measureLikelihood(arguments[1])
case "run": try run(arguments)
case "spot": try SpotBenchmark(arguments[1], origins: Int(arguments[2]) ?? 5).run(threads: 2)
default: print("usage: forecasting-bench likelihood HOURLY.csv | run DATA.csv IDS.txt MODEL THREADS OUT.csv")
}

func run(_ arguments: [String]) throws {
    let ids = try String(contentsOfFile: arguments[2], encoding: .utf8).split(separator: "\n").map(String.init)
    let series = try Series.read(arguments[1], ids: ids)
    let model = arguments[3]
    let threads = Int(arguments[4]) ?? 1
    let cpu = cpuSeconds()
    let clock = ContinuousClock.now
    let results = Parallel.map(count: series.count, threads: threads) { i -> Result<Forecast, any Error> in
        Result { try forecast(series[i], model: model) }
    }
    let wall = ContinuousClock.now - clock
    let used = cpuSeconds() - cpu
    var text = "id,step,mean,lo80,hi80,lo95,hi95\n"
    var names: [String: Int] = [:]
    for (s, result) in zip(series, results) {
        switch result {
        case .success(let f):
            names[f.model, default: 0] += 1
            for h in f.mean.indices {
                let (a, b) = (f.intervals[0], f.intervals[1])
                text += "\(s.id),\(h + 1),\(f.mean[h]),\(a.lower[h]),\(a.upper[h]),\(b.lower[h]),\(b.upper[h])\n"
            }
        case .failure(let error): FileHandle.standardError.write(Data("\(s.id): \(error)\n".utf8))
        }
    }
    try text.write(toFile: arguments[5], atomically: true, encoding: .utf8)
    let seconds = Double(wall.components.seconds) + Double(wall.components.attoseconds) / 1e18
    print("{\"seconds\":\(seconds),\"cpu_seconds\":\(used),\"series\":\(series.count)}")
    if ProcessInfo.processInfo.environment["NAMES"] != nil {
        for (name, count) in names.sorted(by: { $0.value > $1.value }).prefix(40) { print(count, name) }
    }
}

func cpuSeconds() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let parts = [usage.ru_utime, usage.ru_stime]
    return parts.reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
}

func forecast(_ s: Series, model: String) throws -> Forecast {
    switch model {
    case "arima1": return try AutoARIMA.fit(s.train, period: s.season).best.forecast(horizon: s.horizon)
    default:
        guard let method = ForecastMethod(rawValue: model) else { throw BenchError("no model \(model)") }
        return try Forecaster.fit(s.train, season: s.season, options: .init(method: method)).forecast(
            horizon: s.horizon)
    }
}

func measureLikelihood(_ path: String) throws {
    let series = try Series.read(path, ids: []).filter { $0.train.count == 960 }[0]
    for (order, parameters) in [
        (ARIMAOrder(2, 0, 2, seasonal: (1, 0, 1), period: 24), [0.5, 0.2, 0.3, -0.1, 0.4, -0.7]),
        (ARIMAOrder(2, 0, 2, seasonal: (1, 0, 1), period: 24), [0.5, 0.2, 0.3, -0.1, 0.4, -0.9999]),
        (ARIMAOrder(1, 0, 1, seasonal: (0, 0, 1), period: 168), [0.5, 0.2, -0.7]),
        (ARIMAOrder(2, 0, 2), [0.5, 0.2, 0.3, -0.1]),
    ] {
        let x = series.train
        let w = (25..<960).map { (t: Int) -> Double in (x[t] - x[t - 1]) - (x[t - 24] - x[t - 25]) }
        var likelihood = ARMALikelihood(ARMASample(series: w), order: order)
        for gradient in [false, true] {
            var best = Double.infinity
            for _ in 0..<200 {
                let clock = ContinuousClock.now
                _ = likelihood.evaluate(parameters, gradient: gradient)
                best = min(best, Double((ContinuousClock.now - clock).components.attoseconds) / 1e12)
            }
            print(
                order, parameters, gradient ? "value+score" : "value", best, "µs", "steady", likelihood.gains.steadyFrom
            )
        }
    }
}
