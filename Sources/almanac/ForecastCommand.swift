import ArgumentParser
import Forecasting
import Foundation
import Plots

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

/// `almanac forecast`: what is forecast.
struct ForecastCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forecast",
        abstract: "Forecast series with intervals: prices, load, demand; or how long spot capacity lasts.",
        subcommands: [ForecastSeriesCommand.self, ForecastSurvivalCommand.self],
        defaultSubcommand: ForecastSeriesCommand.self)
}

/// `almanac forecast series`: the next values of series, with intervals.
struct ForecastSeriesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "series",
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

    @Option(name: .shortAndLong, help: "Write the forecasts to this CSV file too.")
    var output: String?

    @Option(name: .long, help: "Write a fan chart of the first series to this SVG file, or of all to this HTML file.")
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
        let input = try self.input.load(console)
        let bar = console.progress("forecasting", total: input.chosen.count)
        let forecasts = try forecasts(input, levels: levels, bar)
        bar.finish()
        let outputs = zip(input.series, forecasts).map { one, forecast in
            Output(
                series: one.name, model: forecast.model, observations: forecast.observations,
                times: forecast.mean.indices.map { one.grid.time(one.values.count + $0) }, mean: forecast.mean,
                intervals: forecast.intervals, notes: forecast.notes)
        }
        if let plot {
            try Console.write(Data(picture(input, forecasts, html: plot.hasSuffix(".html")).utf8), toFile: plot)
        }
        if let output { try Console.write(Data(csv(outputs, input).utf8), toFile: output) }
        try console.result(outputs, text: text(outputs, input))
        for output in outputs { for note in output.notes { console.remark("\(output.series): \(note)") } }
    }

    private func forecasts(_ input: SeriesInput, levels: [Double], _ bar: ProgressBar) throws -> [Forecast] {
        let all = input.series
        let horizons = try all.map { try self.input.steps($0, isDated: input.isDated) }
        if input.isPooled, model == .auto, intervals == .gaussian {
            let pooled = try StepPriceForecaster.fit(
                input.pool.map { Array($0.suffix(672)) }, horizon: horizons.max() ?? 24, threads: global.threads)
            return try zip(all, horizons).map { one, horizon in
                defer { bar.advance() }
                return try pooled.forecast(one.values, horizon: horizon, levels: levels)
            }
        }
        let seasons = try all.map { try self.input.period($0, isDated: input.isDated) }
        var forecasts = [Forecast?](repeating: nil, count: all.count)
        for (season, places) in Dictionary(grouping: all.indices, by: { seasons[$0] }) {
            let fitted = Forecaster.fit(
                many: places.map { all[$0].values }, season: season,
                options: ForecastOptions(method: model, intervals: intervals),
                budget: budget.map { .seconds($0 * Double(places.count) / Double(all.count)) }, threads: global.threads,
                progress: { bar.advance() })
            for (place, result) in zip(places, fitted) {
                do {
                    forecasts[place] = try result.get().forecast(
                        horizon: horizons[place], levels: levels, seed: global.seed)
                } catch {
                    bar.finish()
                    throw Failure.input("series '\(all[place].name)': \(error)")
                }
            }
        }
        return forecasts.compactMap { $0 }
    }

    private func text(_ outputs: [Output], _ input: SeriesInput) -> String {
        let heads = outputs[0].intervals.flatMap { interval -> [String] in
            let percent = String(format: "%g %%", interval.level * 100)
            return ["\(percent) from", "to"]
        }
        let label = input.label(outputs.flatMap(\.times))
        var table = TextTable(["series", input.timeTitle(outputs.flatMap(\.times)), "mean"] + heads)
        for output in outputs {
            for h in output.mean.indices {
                table.add(
                    [output.series, label(output.times[h]), number(output.mean[h])]
                        + output.intervals.flatMap { [number($0.lower[h]), number($0.upper[h])] })
            }
        }
        return table.text
    }

    private func csv(_ outputs: [Output], _ input: SeriesInput) -> String {
        let label = input.label(outputs.flatMap(\.times))
        let heads = outputs[0].intervals.flatMap { interval -> [String] in
            let percent = String(format: "%g", interval.level * 100)
            return ["lower_\(percent)", "upper_\(percent)"]
        }
        var text = (["series", "time", "mean"] + heads).joined(separator: ",") + "\n"
        for output in outputs {
            let name = "\"" + output.series.replacing("\"", with: "\"\"") + "\""
            for h in output.mean.indices {
                let numbers = [output.mean[h]] + output.intervals.flatMap { [$0.lower[h], $0.upper[h]] }
                text += ([name, label(output.times[h])] + numbers.map { "\($0)" }).joined(separator: ",") + "\n"
            }
        }
        return text
    }

    private func picture(_ input: SeriesInput, _ forecasts: [Forecast], html: Bool) -> String {
        let charts = zip(input.series, forecasts).map {
            Self.fan($0, $1, isDated: input.isDated, arePrices: input.arePrices)
        }
        guard html else { return charts[0].svg() }
        let sections = zip(input.series, charts).map { HTMLReport.Section($0.name, [.figure($1)]) }
        return HTMLReport("Forecasts", sections: sections, footer: "almanac \(Almanac.version)").html()
    }

    private func number(_ value: Double) -> String { String(format: "%.6g", value) }

    /// History and forecast with its intervals.
    static func fan(
        _ series: SeriesTable.Series, _ forecast: Forecast, isDated: Bool, arePrices: Bool
    ) -> LineChart {
        let shown = max(0, series.values.count - max(7 * 24, 6 * forecast.mean.count))
        let past = (shown..<series.values.count).map { series.grid.time($0) }
        let future = forecast.mean.indices.map { series.grid.time(series.values.count + $0) }
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
