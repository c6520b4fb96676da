import Forecasting
import Foundation
import LinearAlgebra
import Testing

@Suite("Forecaster") struct ForecasterTests {
    static let seasonal: [Double] = {
        var generator = SeededGenerator(seed: 11)
        return (0..<120).map { (t: Int) -> Double in
            let wave = 20 * sin(Double(t) * .pi / 6)
            return 100 + 0.5 * Double(t) + wave + 3 * generator.nextNormal()
        }
    }()

    @Test(
        "every method gives finite intervals in order, saves, loads and forecasts the same bits",
        arguments: ForecastMethod.allCases)
    func contract(method: ForecastMethod) throws {
        let fitted = try Forecaster.fit(Self.seasonal, season: 12, options: .init(method: method))
        let forecast = try fitted.forecast(horizon: 18, levels: [0.5, 0.95])
        for h in 0..<18 {
            #expect(forecast.mean[h].isFinite)
            let (narrow, wide) = (forecast.intervals[0], forecast.intervals[1])
            #expect(
                wide.lower[h] <= narrow.lower[h] && narrow.lower[h] <= narrow.upper[h]
                    && narrow.upper[h] <= wide.upper[h])
        }
        let path = NSTemporaryDirectory() + "forecaster-\(method.rawValue)-\(UInt64.random(in: 0 ... .max)).safetensors"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try fitted.write(to: path)
        let read = try FittedForecaster(contentsOf: path)
        #expect(read == fitted)
        #expect(try read.forecast(horizon: 18, levels: [0.5, 0.95]) == forecast)
        let grown = try fitted.appending(160).forecast(horizon: 5)
        #expect(try read.appending(160).forecast(horizon: 5) == grown)
        let again = try Forecaster.fit(Self.seasonal, season: 12, options: .init(method: method))
        #expect(again == fitted)
    }

    @Test(
        "methods that know seasons beat the naive forecast on a seasonal series",
        arguments: [ForecastMethod.auto, .arima, .ets, .theta, .additive])
    func seasonal(method: ForecastMethod) throws {
        let evaluation = try ForecastEvaluation.run([Self.seasonal], season: 12, horizon: 12, methods: [method])
        let row = try #require(evaluation.rows.last)
        #expect(row.owa < 0.45)
        #expect(row.failures == 0)
    }

    @Test("series that break methods end in a forecast or an error, never in NaN", arguments: ForecastMethod.allCases)
    func hostile(method: ForecastMethod) throws {
        var generator = SeededGenerator(seed: 2)
        let noise = (0..<80).map { _ in generator.nextNormal() }
        let series: [[Double]] = [
            [5], [5, 6], [1, 2, 4], [Double](repeating: 3, count: 50), noise, noise.map { $0 * 1e12 },
            noise.map { $0 * 1e-12 },
            noise.enumerated().map { $0 % 3 == 0 ? .nan : $1 }, [.nan, .nan] + noise + [.nan],
            (0..<80).map { $0 < 40 ? 0 : 1 }, (0..<60).map { pow(2, Double($0)) }, (0..<70).map { Double($0 % 7) },
            [Double](repeating: 0, count: 79) + [1000], noise.map { $0 > 0 ? 1 : 0 },
        ]
        for x in series {
            for season in [1, 7, 60] {
                let forecast = try Forecaster.fit(x, season: season, options: .init(method: method)).forecast(
                    horizon: 10)
                let all = forecast.mean + forecast.intervals.flatMap { $0.lower + $0.upper }
                #expect(all.allSatisfy { $0.isFinite }, "\(x.prefix(5)) \(season) \(forecast.model)")
            }
        }
        #expect(throws: ForecastingError.noObservations) { try Forecaster.fit([.nan], options: .init(method: method)) }
        #expect(throws: ForecastingError.self) { try Forecaster.fit([1, .infinity], options: .init(method: method)) }
        #expect(throws: ForecastingError.self) { try Forecaster.fit([1, 2, 3], season: 0) }
    }

    @Test("a total budget is kept, and what was left out is said")
    func budget() throws {
        let many = [[Double]](repeating: Self.seasonal, count: 400)
        let results = Forecaster.fit(many: many, season: 12, budget: .milliseconds(300), threads: 2)
        let fitted = try results.map { try $0.get() }
        #expect(fitted.count == 400)
        // The whole choice takes some milliseconds a series, the budget allows less than one.
        let hurried = fitted.count { $0.notes.contains { $0.hasPrefix("The time budget allowed") } }
        #expect(hurried > 200)
    }

    @Test("a logarithm keeps forecasts of growth positive and curved")
    func boxCox() throws {
        let growth = (0..<60).map { exp(0.05 * Double($0)) * (1 + 0.02 * sin(Double($0) * 1.7)) }
        let options = ForecastOptions(method: .arima, boxCox: BoxCox(lambda: 0))
        let forecast = try Forecaster.fit(growth, options: options).forecast(horizon: 10)
        #expect(abs(forecast.mean[9] / exp(0.05 * 69) - 1) < 0.1)
        #expect(forecast.intervals[1].lower[9] > 0)
        #expect(abs(BoxCox.guerrero(growth, period: 12).lambda) < 0.5)
    }

    @Test("intervals of every kind hold about their share of what comes", arguments: IntervalMethod.allCases)
    func intervals(kind: IntervalMethod) throws {
        var inside = [0, 0]
        let runs = 150
        var options = ForecastOptions(method: .arima, intervals: kind)
        options.arima.largestOrder = 1
        for seed in 0..<UInt64(runs) {
            var generator = SeededGenerator(seed: seed, stream: 5)
            var level = 0.0
            let x = (0..<124).map { _ -> Double in
                level = 0.7 * level + generator.nextNormal()
                return level
            }
            let fitted = try Forecaster.fit(Array(x.prefix(120)), options: options)
            #expect(fitted.intervals == kind)
            let forecast = try fitted.forecast(horizon: 4, levels: [0.5, 0.9])
            for k in 0..<2 {
                let interval = forecast.intervals[k]
                if interval.lower[3]...interval.upper[3] ~= x[123] { inside[k] += 1 }
            }
            if seed == 0 {
                #expect(try fitted.forecast(horizon: 4, levels: [0.5, 0.9]) == forecast)
                let bytes = try JSONEncoder().encode(fitted)
                #expect(try JSONDecoder().decode(FittedForecaster.self, from: bytes) == fitted)
            }
        }
        #expect(abs(Double(inside[0]) / Double(runs) - 0.5) < 0.13, "\(inside)")
        #expect(abs(Double(inside[1]) / Double(runs) - 0.9) < 0.08, "\(inside)")
        let short = try Forecaster.fit([1, 2, 4, 3, 5, 4], options: .init(method: .ets, intervals: kind))
        #expect(kind == .gaussian || short.notes.contains { $0.contains("normal ones") })
    }

    @Test("adaptive intervals keep their coverage when the noise trebles", arguments: [0.8, 0.95])
    func adaptive(level: Double) throws {
        var generator = SeededGenerator(seed: 41)
        let past = (0..<200).map { _ in generator.nextNormal() }
        var adaptive = try AdaptiveForecaster(Forecaster.fit(past, options: .init(method: .arima)), level: level)
        var inside = 0
        for t in 0..<3000 {
            if try adaptive.append(3 * generator.nextNormal()) == true, t >= 1000 { inside += 1 }
        }
        #expect(abs(Double(inside) / 2000 - level) < 0.03)
        #expect(try adaptive.append(.nan) == nil)
        #expect(throws: ForecastingError.self) { try AdaptiveForecaster(adaptive.forecaster, level: 1) }
    }

    @Test("a fitted model does not grow with what is appended", arguments: ForecastMethod.allCases)
    func appendIsConstant(method: ForecastMethod) throws {
        var fitted = try Forecaster.fit(Self.seasonal, season: 12, options: .init(method: method))
        for value in Self.seasonal.prefix(24) { fitted = try fitted.appending(value) }
        let before = try JSONEncoder().encode(fitted).count
        for value in Self.seasonal.prefix(96) { fitted = try fitted.appending(value) }
        // Numbers have between one and twenty digits.
        #expect(try JSONEncoder().encode(fitted).count < before + before / 10 + 100)
    }

    @Test("missing values that are interpolated for the search or the fit are told", arguments: [10, 40, 300])
    func missing(count: Int) throws {
        var generator = SeededGenerator(seed: 61)
        var x = (0..<700).map { _ in generator.nextNormal() }
        for k in 0..<count { x[2 * k + 1] = .nan }
        let notes = try Forecaster.fit(x, options: .init(method: .arima)).notes.joined()
        #expect(notes.contains("missing") == (count > 12))
        #expect(notes.contains("was fitted") == (count > 250))
    }

    @Test("the alarm rate is near the one asked for, and a spike is found")
    func anomalies() throws {
        var generator = SeededGenerator(seed: 21)
        var series = (0..<600).map { _ in generator.nextNormal() }
        let quiet = try Anomalies.find(in: series, falseAlarmRate: 0.05)
        #expect(quiet.alarmRate > 0.01 && quiet.alarmRate < 0.12)
        series[500] = 12
        let found = try Anomalies.find(in: series, falseAlarmRate: 0.01)
        #expect(found.findings.contains { $0.position == 500 })
    }
}

@Suite("Prices that move in steps") struct StepPriceForecasterTests {
    /// Prices that hold for six hours and go on in the direction of the last change.
    static let prices: [[Double]] = (0..<40).map { index in
        var generator = SeededGenerator(seed: 33, stream: UInt64(index))
        var (price, move) = (1.0, 0.0)
        return (0..<700).map { t in
            if (t + index) % 6 == 0 {
                move = 0.9 * move + 0.001 * generator.nextNormal()
                price *= exp(move)
            }
            return price
        }
    }

    @Test("momentum is learnt from all series and beats the last price")
    func momentum() throws {
        let past = Self.prices.map { Array($0.prefix(672)) }
        let model = try StepPriceForecaster.fit(past, horizon: 24, threads: 2)
        var (ours, naive, inside) = (0.0, 0.0, 0)
        for (whole, known) in zip(Self.prices, past) {
            let forecast = try model.forecast(known, horizon: 24, levels: [0.9])
            ours += abs(forecast.mean[23] - whole[695])
            naive += abs(whole[671] - whole[695])
            if forecast.intervals[0].lower[23]...forecast.intervals[0].upper[23] ~= whole[695] { inside += 1 }
        }
        #expect(ours < 0.85 * naive)
        #expect(inside >= 30)
    }

    @Test("a price that never moved stays, and short or impossible histories are answered")
    func edges() throws {
        let model = try StepPriceForecaster.fit(Self.prices, horizon: 6)
        let flat = try model.forecast([Double](repeating: 0.2, count: 300), horizon: 6)
        #expect(abs(flat.mean[5] - 0.2) < 1e-3)
        #expect(try model.forecast([0.3], horizon: 3).mean[2] > 0.29)
        #expect(throws: ForecastingError.self) { try model.forecast([0.3, -1], horizon: 3) }
        #expect(throws: ForecastingError.noObservations) { try model.forecast([], horizon: 3) }
    }

    @Test("saved and read, it forecasts the same; coefficients of another shape are refused")
    func file() throws {
        let model = try StepPriceForecaster.fit(Self.prices, horizon: 6)
        let data = try JSONEncoder().encode(model)
        #expect(try JSONDecoder().decode(StepPriceForecaster.self, from: data) == model)
        var fields = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        fields["coefficients"] = [[[0.0]]]
        let other = try JSONSerialization.data(withJSONObject: fields)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(StepPriceForecaster.self, from: other) }
    }
}

@Suite("Series tables") struct SeriesTableTests {
    @Test("wide and long files give the same series; a missing step is a missing value")
    func forms() throws {
        let wide = "time,a,b\n2024-01-01T00:00:00,1,2\n2024-01-01T01:00:00,,3\n2024-01-01T03:00:00,4,5\n"
        let long =
            "series,time,value\na,2024-01-01 00:00,1\na,2024-01-01 01:00,NA\na,2024-01-01 03:00,4\n"
            + "b,2024-01-01 00:00,2\nb,2024-01-01 01:00,3\nb,2024-01-01 03:00,5\n"
        let tables = [try SeriesTable(csv: wide, file: "w"), try SeriesTable(csv: long, file: "l")]
        for table in tables {
            #expect(table.series.map(\.name) == ["a", "b"])
            #expect(table.series[1].values.map { $0.isNaN ? -1 : $0 } == [2, 3, -1, 5])
            #expect(table.series[0].step == 3600)
            #expect(table.series[0].time(4) - table.series[0].start == 4 * 3600)
        }
    }

    @Test("months are steps")
    func months() throws {
        let table = try SeriesTable(csv: "month,y\n2023-11-01,1\n2023-12-01,2\n2024-02-01,4\n", file: "m")
        #expect(table.series[0].values.count == 4)
        #expect(table.series[0].time(5) == table.series[0].start + Double(30 + 31 + 31 + 29 + 31) * 86_400)
    }

    @Test(
        "errors name line and column",
        arguments: [
            ("", "empty"), ("t,a\n", "no data"), ("t\n1\n2\n", "one column"), ("t,a\n1,2\n1,3\n", "repeats"),
            ("t,a\n2,2\n1,3\n", "back in time"), ("t,a\n1,2\n2,3\n3.5,4\n", "grid"),
            ("t,a\n1,x\n2,3\n", "f:2, column 'a'"),
            ("t,a\n1,2,3\n2,3\n", "3 fields"), ("t,a\nmonday,2\n2,3\n", "not a time"),
            ("t,a\n1,inf\n2,3\n", "not a finite"),
            ("t,a\n1,2\n2024-01-01,3\n", "not a time"),
        ])
    func errors(text: String, part: String) {
        do throws(SeriesTableError) {
            _ = try SeriesTable(csv: text, file: "f")
            Issue.record("accepted")
        } catch { #expect("\(error)".contains(part) || part == "empty", "\(error)") }
    }
}
