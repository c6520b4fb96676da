import ArgumentParser
import Forecasting
import Foundation
import LinearAlgebra
import Plots
import Traces

/// What both forecasting commands read: series from a CSV file or a price history.
struct SeriesOptions: ParsableArguments {
    @Argument(help: "CSV with a time column and one column per series, CSV with series, time and value, or AWS prices.")
    var file: String

    @Option(name: .long, help: "How far ahead: a number of steps, or a time such as 90min, 24h, 7d.")
    var horizon = "24"

    @Option(
        name: .long, help: "Length of the season in steps; by default 24 for hourly, 7 for daily, 12 for monthly data.")
    var season: Int?

    @Option(name: .long, help: "Only the series whose name contains this text.")
    var series: String?

    /// The series with names, a common step, and whether times are dates.
    func load() throws -> (series: [SeriesTable.Series], isDated: Bool, arePrices: Bool) {
        var all: [SeriesTable.Series]
        var (isDated, arePrices) = (true, false)
        if let source = try? ByteSource(file), let format = try? MarketFormat.detect(source),
            format == .awsPrices || format == .priceTable
        {
            guard case .prices(let table) = try MarketImport.read(file, format: format).content else {
                throw Failure.input("\(file): no prices in it")
            }
            arePrices = true
            // The other products are the Linux price plus a licence fee and move at the same seconds.
            let linux = table.markets.indices.filter { table.markets[$0].product == SpotMarket.linux }
            all = (linux.isEmpty ? Array(table.markets.indices) : linux).compactMap { index in
                let (start, prices) = table.history(of: index).hourly()
                guard !prices.isEmpty else { return nil }
                return SeriesTable.Series(hourlyPrices: prices, from: start, name: "\(table.markets[index])")
            }
        } else {
            guard let data = FileManager.default.contents(atPath: file) else {
                throw Failure.input("\(file): cannot be read. Check the path and its permissions.")
            }
            guard let text = String(data: data, encoding: .utf8) else {
                throw Failure.input("\(file): not UTF-8 text. Expected CSV or a spot-price history in JSON.")
            }
            let table = try SeriesTable(csv: text, file: file)
            (all, isDated) = (table.series, table.isDated)
        }
        if let series { all = all.filter { $0.name.contains(series) } }
        guard !all.isEmpty else {
            throw Failure.input("\(file): no series\(series.map { " named like '\($0)'" } ?? ""). Check --series.")
        }
        return (all, isDated, arePrices)
    }

    /// The horizon in steps of a series.
    func steps(_ series: SeriesTable.Series, isDated: Bool) throws -> Int {
        let digits = horizon.prefix { $0.isNumber || $0 == "." }
        let unit = horizon.dropFirst(digits.count)
        let seconds: [Substring: Double] = ["s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800]
        guard let amount = Double(digits), amount > 0, amount < 1e6, unit.isEmpty || seconds[unit] != nil else {
            throw Failure.input(
                "--horizon '\(horizon)': expected a number of steps such as 24, or a time such as 24h or 7d.")
        }
        guard let length = seconds[unit] else { return max(1, Int(amount)) }
        guard isDated else {
            throw Failure.input("--horizon '\(horizon)': the file has no dates. Give a number of steps.")
        }
        return max(1, Int((amount * length / series.step).rounded()))
    }

    /// The season asked for, or the usual one of the step.
    func period(_ series: SeriesTable.Series, isDated: Bool) throws -> Int {
        if let season {
            guard season >= 1 else { throw Failure.input("--season is \(season), expected 1 (none) or more.") }
            return season
        }
        guard isDated else { return 1 }
        if series.months > 0 { return 12 % series.months == 0 ? 12 / series.months : 1 }
        switch series.step {
        case 3600: return 24
        case 1800: return 48
        case 86_400: return 7
        default: return 1
        }
    }
}

extension ForecastMethod {
    /// The method of this name, or an error that lists them all.
    init(argument name: String) throws {
        guard let method = ForecastMethod(rawValue: name) else {
            let known = ForecastMethod.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("There is no forecasting method '\(name)'. Known: \(known).")
        }
        self = method
    }
}

/// `almanac forecast`: the next values of series, with intervals.
struct ForecastCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forecast",
        abstract: "Forecast series with intervals: prices, load, demand.",
        discussion: """
            Reads CSV (wide: time and one column per series; long: series, time, value) or a spot-price history as \
            'aws ec2 describe-spot-price-history' prints it. 'auto' averages ARIMA, exponential smoothing and theta. \
            Several price histories are learnt from together. Notes say where a simpler method had to do.
            """)

    @OptionGroup var input: SeriesOptions
    @OptionGroup var global: GlobalOptions

    @Option(
        name: .long, help: "auto, arima, ets, theta, additive, naive, seasonal-naive or drift.",
        transform: ForecastMethod.init(argument:))
    var model: ForecastMethod = .auto

    @Option(name: .long, help: "Levels of the intervals in percent.")
    var levels = "80,95"

    @Option(
        name: .long, help: "How intervals are found: gaussian, bootstrap or conformal.",
        transform: { name in
            guard let method = IntervalMethod(rawValue: name) else {
                let known = IntervalMethod.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("There are no intervals '\(name)'. Known: \(known).")
            }
            return method
        })
    var intervals: IntervalMethod = .gaussian

    @Option(name: .long, help: "Seconds for all series together; simpler methods take over when time runs short.")
    var budget: Double?

    @Option(name: .long, help: "Write a fan chart of the first series to this SVG file.")
    var plot: String?

    struct Output: Encodable {
        var series: String
        var model: String
        var observations: Int
        var times: [Double]
        var mean: [Double]
        var intervals: [Forecast.Interval]
        var notes: [String]
    }

    func validate() throws {
        _ = try shares()
        if let budget, !(budget > 0 && budget < 1e7) {
            throw ValidationError("--budget is \(budget), expected a positive number of seconds.")
        }
    }

    private func shares() throws -> [Double] {
        let shares = levels.split(separator: ",").map { (Double($0) ?? -1) / 100 }
        guard !shares.isEmpty, shares.allSatisfy({ $0 > 0 && $0 < 1 }) else {
            throw ValidationError("--levels '\(levels)': expected percentages between 0 and 100, such as 80,95.")
        }
        return shares.sorted()
    }

    func run() throws {
        let console = global.console
        let levels = try shares()
        let (all, isDated, arePrices) = try input.load()
        let bar = console.progress("forecasting", total: all.count)
        let period = try input.period(all[0], isDated: isDated)
        var outputs: [Output] = []
        var forecasts: [Forecast] = []
        let horizons = try all.map { try input.steps($0, isDated: isDated) }
        if arePrices, model == .auto, intervals == .gaussian, all.count > 1 {
            let pooled = try StepPriceForecaster.fit(
                all.map { Array($0.values.suffix(672)) }, horizon: horizons.max() ?? 24, threads: global.threads)
            for (one, horizon) in zip(all, horizons) {
                forecasts.append(try pooled.forecast(one.values, horizon: horizon, levels: levels))
                bar.advance()
            }
        } else {
            let results = Forecaster.fit(
                many: all.map(\.values), season: period, options: ForecastOptions(method: model, intervals: intervals),
                budget: budget.map { .seconds($0) }, threads: global.threads, progress: { bar.advance() })
            for (result, (one, horizon)) in zip(results, zip(all, horizons)) {
                do {
                    forecasts.append(try result.get().forecast(horizon: horizon, levels: levels, seed: global.seed))
                } catch {
                    bar.finish()
                    throw Failure.input("series '\(one.name)': \(error)")
                }
            }
        }
        bar.finish()
        for (one, forecast) in zip(all, forecasts) {
            outputs.append(
                Output(
                    series: one.name, model: forecast.model, observations: forecast.observations,
                    times: forecast.mean.indices.map { one.time(one.values.count + $0) }, mean: forecast.mean,
                    intervals: forecast.intervals, notes: forecast.notes))
        }
        if let plot {
            let chart = Self.fan(all[0], forecasts[0], isDated: isDated, arePrices: arePrices)
            try Data(chart.svg().utf8).write(to: URL(fileURLWithPath: plot), options: .atomic)
        }
        try console.result(outputs, text: text(outputs, isDated: isDated))
        for output in outputs { for note in output.notes { console.remark("\(output.series): \(note)") } }
    }

    private func text(_ outputs: [Output], isDated: Bool) -> String {
        let heads = outputs[0].intervals.flatMap { interval -> [String] in
            let percent = String(format: "%g %%", interval.level * 100)
            return ["\(percent) from", "to"]
        }
        let areDays = outputs.allSatisfy { $0.times.allSatisfy { $0.truncatingRemainder(dividingBy: 86_400) == 0 } }
        func label(_ time: Double) -> String {
            guard isDated else { return String(format: "%.10g", time) }
            let text = Date(timeIntervalSince1970: time).formatted(.iso8601)
            return String(text.prefix(areDays ? 10 : 16))
        }
        var table = TextTable(["series", isDated ? "time (UTC)" : "time", "mean"] + heads)
        for output in outputs {
            for h in output.mean.indices {
                table.add(
                    [output.series, label(output.times[h]), number(output.mean[h])]
                        + output.intervals.flatMap { [number($0.lower[h]), number($0.upper[h])] })
            }
        }
        return table.text
    }

    private func number(_ value: Double) -> String { String(format: "%.6g", value) }

    /// History and forecast with its intervals.
    static func fan(
        _ series: SeriesTable.Series, _ forecast: Forecast, isDated: Bool, arePrices: Bool
    ) -> LineChart {
        let shown = max(0, series.values.count - max(7 * 24, 6 * forecast.mean.count))
        let past = (shown..<series.values.count).map { series.time($0) }
        let future = forecast.mean.indices.map { series.time(series.values.count + $0) }
        let anchor = series.values.last.map { $0.isNaN ? [] : [$0] } ?? []
        let anchorTime = anchor.isEmpty ? [] : [past.last ?? 0]
        return LineChart(
            series.name, x: Axis("", isDated ? .date : .number),
            y: Axis(arePrices ? "Price per hour" : "Value", arePrices ? .dollars : .number),
            series: [
                .init("History", x: past, y: Array(series.values[shown...]), shape: arePrices ? .steps : .line),
                .init(forecast.model, x: anchorTime + future, y: anchor + forecast.mean, isDashed: true),
            ],
            bands: forecast.intervals.sorted { $0.level > $1.level }.map {
                .init(
                    String(format: "%g %%", $0.level * 100), x: anchorTime + future, lower: anchor + $0.lower,
                    upper: anchor + $0.upper, series: 1)
            })
    }
}
