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

    @Test("series with gaps anywhere end in a forecast", arguments: ForecastMethod.allCases)
    func gaps(method: ForecastMethod) throws {
        for seed in 0..<UInt64(30) {
            var generator = SeededGenerator(seed: seed, stream: 11)
            let count = 14 + generator.nextInt(below: 60)
            let season = [1, 4, 7, 12, 24][generator.nextInt(below: 5)]
            var x = (0..<count).map { 20 + 5 * sin(2 * .pi * Double($0) / Double(season)) + generator.nextNormal() }
            // One long gap, often at the start or soon after, and some single ones.
            let first = generator.nextInt(below: 3) * generator.nextInt(below: 9)
            let length = generator.nextInt(below: count - 3 - first)
            for t in first..<(first + length) { x[t] = .nan }
            for _ in 0..<generator.nextInt(below: 6) { x[generator.nextInt(below: count)] = .nan }
            guard x.contains(where: { !$0.isNaN }) else { continue }
            let forecast = try Forecaster.fit(x, season: season, options: .init(method: method)).forecast(horizon: 5)
            let all = forecast.mean + forecast.intervals.flatMap { $0.lower + $0.upper }
            #expect(all.allSatisfy { $0.isFinite }, "\(seed) \(forecast.model)")
            if x.count(where: { !$0.isNaN }) > 8, method != .drift {
                #expect(forecast.mean.allSatisfy { (-20...60).contains($0) }, "\(seed) \(forecast)")
            }
            _ = try? ForecastEvaluation.run([x], season: season, horizon: 2, methods: [method])
        }
    }

    @Test("a series that starts late in its season is forecast with its season")
    func startsLate() throws {
        let x = (0..<40).map { t -> Double in
            t < 10 ? .nan : 20 + [0, 1, 2, 3, 4, 10, 5][t % 7] + Double(t % 3) / 10
        }
        let forecast = try Forecaster.fit(x, season: 7).forecast(horizon: 7)
        #expect(forecast.mean.firstIndex(of: forecast.mean.max() ?? 0) == 0, "\(forecast.mean)")
        #expect(forecast.mean.allSatisfy { (18...32).contains($0) })
    }

    @Test("three and four values are forecast near themselves", arguments: [ForecastMethod.auto, .arima])
    func fewValues(method: ForecastMethod) throws {
        for values in [[52.0, 55, 51, 56], [52.0, 55, 51], [52.0, .nan, 55, .nan, 51, 56]] {
            let forecast = try Forecaster.fit(values, options: .init(method: method)).forecast(horizon: 2)
            #expect(forecast.mean.allSatisfy { (50...57).contains($0) }, "\(values) \(forecast.mean)")
            let isTooFew = method == .auto && values.count { !$0.isNaN } == 3
            #expect(forecast.notes.contains { $0.contains(isTooFew ? "Too few observations" : "ARIMA was left out") })
            for interval in forecast.intervals where method == .auto {
                #expect(zip(interval.lower, interval.upper).allSatisfy { $0 < $1 }, "\(values)")
            }
        }
        // On a straight line too.
        let line = try Forecaster.fit([1, 2, 3]).forecast(horizon: 1).intervals[0]
        #expect(line.upper[0] - line.lower[0] > 0.5)
        #expect(throws: ForecastingError.self) { try AutoARIMA.fit([52, 55, 51, 56]) }
    }

    @Test("seasonal naive needs one season, and one value has a note")
    func shortNotes() throws {
        let day = (0..<24).map { Double(10 + $0 * $0 % 7) }
        let options = ForecastOptions(method: .seasonalNaive)
        let forecast = try Forecaster.fit(day, season: 24, options: options).forecast(horizon: 3)
        #expect(forecast.mean == [10, 11, 14])
        #expect(zip(forecast.intervals[0].lower, forecast.intervals[0].upper).allSatisfy { $0 < $1 })
        let shorter = try Forecaster.fit(Array(day.prefix(23)), season: 24, options: options)
        #expect(shorter.notes.contains { $0.contains("no season is modelled") })
        #expect(try Forecaster.fit([5]).notes.contains { $0.contains("One observation") })
    }

    @Test("the evaluation of prices judges what is learnt from all of them")
    func pooledEvaluation() throws {
        let markets = (0..<4).map { seed in
            var generator = SeededGenerator(seed: UInt64(seed), stream: 12)
            var (price, hold) = (0.03, 0)
            return (0..<700).map { _ -> Double in
                hold -= 1
                if hold <= 0 { (price, hold) = (price * exp(0.01 * generator.nextNormal()), 6) }
                return price
            }
        }
        let evaluation = try ForecastEvaluation.run(
            [markets[1]], season: 24, horizon: 24, origins: 2, methods: [.auto], pool: markets)
        #expect(evaluation.rows.map(\.method) == ["naive", "seasonal-naive", "pooled steps"])
        #expect(evaluation.rows[2].failures == 0)
        #expect(evaluation.rows[2].owa < 1.2)
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
        #expect(notes.contains("\(count) of 700 values are missing") == (count > 0))
        #expect(notes.contains("straight line") == (count > 12))
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
