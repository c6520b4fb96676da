import ArgumentParser
import Forecasting
import Foundation

/// `almanac evaluate forecast`: how far forecasts were off at earlier points, beside the naive ones.
struct EvaluateForecastCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forecast",
        abstract: "Show how far forecasts would have been off at earlier points of the series, beside the naive ones.",
        discussion: """
            Rolling origin: each method is fitted to the series up to each origin and compared with what came after. OWA \
            below 1 is better than the naive forecast. Several price histories are learnt from together, as 'almanac \
            forecast' does: 'pooled steps'. Anomalies are values outside an interval that adapts as it goes.
            """)

    @OptionGroup var input: SeriesOptions
    @OptionGroup var global: GlobalOptions

    @Option(
        name: .long,
        help: """
            Methods to compare, separated by commas; by default auto,arima,ets,theta, for several price histories \
            auto,theta.
            """)
    var models: String?

    @Option(name: .long, help: "How many origins, one horizon apart.")
    var origins = 3

    @Flag(name: .long, help: "List the values of the second half that were not expected, instead.")
    var anomalies = false

    func validate() throws {
        guard 1...1000 ~= origins else { throw ValidationError("--origins is \(origins), expected 1 to 1000.") }
        _ = try methods(pooled: false)
    }

    private func methods(pooled: Bool) throws -> [ForecastMethod] {
        try (models ?? (pooled ? "auto,theta" : "auto,arima,ets,theta")).split(separator: ",")
            .map { try ForecastMethod(argument: String($0)) }
    }

    func run() throws {
        let console = global.console
        let input = try self.input.load(console)
        if anomalies { return try listAnomalies(input, console) }
        let all = input.series
        let methods = try methods(pooled: input.isPooled)
        let seasons = Set(try all.map { try self.input.period($0, isDated: input.isDated) })
        let horizons = Set(try all.map { try self.input.steps($0, isDated: input.isDated) })
        guard let season = seasons.first, let horizon = horizons.first, seasons.count == 1, horizons.count == 1 else {
            throw Failure.input(
                "\(self.input.file): the series have different steps. Choose those of one with --series.")
        }
        if isatty(STDERR_FILENO) == 0 {
            console.remark("evaluating \(all.count) series from \(origins) origins each")
        }
        let bar = console.progress("evaluating", total: all.count * origins)
        let evaluation = try ForecastEvaluation.run(
            all.map(\.values), season: season, horizon: horizon, origins: origins, methods: methods,
            pool: input.isPooled ? input.pool : nil, threads: global.threads, progress: { bar.advance() })
        bar.finish()
        var table = TextTable(
            ["method", "sMAPE %", "MASE", "OWA", "RMSSE", "CRPS", "80 % holds", "95 % holds", "failed"])
        for row in evaluation.rows {
            let cells = [row.smape * 100, row.mase, row.owa, row.rmsse, row.crps, row.coverage80, row.coverage95]
            table.add([row.method] + cells.map { String(format: "%.3f", $0) } + ["\(row.failures)"])
        }
        try console.result(evaluation, text: table.text)
        for loser in evaluation.losers { console.remark("\(loser) does not beat the naive forecast here") }
    }

    private func listAnomalies(_ input: SeriesInput, _ console: Console) throws {
        struct Output: Encodable {
            var series: String
            /// By finding: Unix seconds, or the number in the file.
            var times: [Double]
            var anomalies: Anomalies
        }
        let found = try input.series.map { one in
            let anomalies = try Anomalies.find(
                in: one.values, season: self.input.period(one, isDated: input.isDated))
            return Output(
                series: one.name, times: anomalies.findings.map { one.grid.time($0.position) }, anomalies: anomalies)
        }
        let times = found.flatMap(\.times)
        let label = input.label(times)
        var table = TextTable(["series", input.timeTitle(times), "value", "expected from", "to"])
        for one in found {
            for (time, finding) in zip(one.times, one.anomalies.findings) {
                table.add(
                    [one.series, label(time)]
                        + [finding.value, finding.lower, finding.upper].map { String(format: "%.6g", $0) })
            }
        }
        try console.result(found, text: table.text)
    }
}
