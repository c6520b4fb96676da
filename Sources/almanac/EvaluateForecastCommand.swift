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
            below 1 is better than the naive forecast. Anomalies are values outside an interval that adapts as it goes.
            """)

    @OptionGroup var input: SeriesOptions
    @OptionGroup var global: GlobalOptions

    @Option(name: .long, help: "Methods to compare, separated by commas.")
    var models = "auto,arima,ets,theta"

    @Option(name: .long, help: "How many origins, one horizon apart.")
    var origins = 3

    @Flag(name: .long, help: "List the values of the second half that were not expected, instead.")
    var anomalies = false

    func validate() throws {
        guard 1...1000 ~= origins else { throw ValidationError("--origins is \(origins), expected 1 to 1000.") }
        _ = try methods()
    }

    private func methods() throws -> [ForecastMethod] {
        try models.split(separator: ",").map { try ForecastMethod(argument: String($0)) }
    }

    func run() throws {
        let console = global.console
        let (all, isDated, _) = try input.load()
        let season = try input.period(all[0], isDated: isDated)
        if anomalies { return try listAnomalies(all, season: season, console) }
        let methods = try methods()
        let bar = console.progress("evaluating", total: all.count * origins)
        let evaluation = try ForecastEvaluation.run(
            all.map(\.values), season: season, horizon: try input.steps(all[0], isDated: isDated), origins: origins,
            methods: methods, threads: global.threads, progress: { bar.advance() })
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

    private func listAnomalies(_ all: [SeriesTable.Series], season: Int, _ console: Console) throws {
        struct Output: Encodable {
            var series: String
            var anomalies: Anomalies
        }
        let found = try all.map {
            Output(series: $0.name, anomalies: try Anomalies.find(in: $0.values, season: season))
        }
        var table = TextTable(["series", "position", "value", "expected from", "to"])
        for one in found {
            for finding in one.anomalies.findings {
                table.add(
                    [one.series, "\(finding.position)"]
                        + [finding.value, finding.lower, finding.upper].map { String(format: "%.6g", $0) })
            }
        }
        try console.result(found, text: table.text)
    }
}
