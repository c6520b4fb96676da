import ArgumentParser
import Forecasting
import Foundation
import Markets
import Reading

/// What both forecasting commands read: series from a CSV file or a price history.
struct SeriesOptions: ParsableArguments {
    @Argument(
        help: """
            CSV with a time column and one column per series, CSV with series, time and value, or AWS prices; - for \
            standard input.
            """)
    var file: String

    @Option(name: .long, help: "How far ahead: a number of steps, or a time such as 90min, 24h, 7d.")
    var horizon = "24"

    @Option(
        name: .long, help: "Length of the season in steps; by default 24 for hourly, 7 for daily, 12 for monthly data.")
    var season: Int?

    @Option(name: .long, help: "Only the series whose name contains this text.")
    var series: String?

    func load(_ console: Console) throws -> SeriesInput {
        let source = try ByteSource(file)
        let head = try source.peek(1 << 12)
        let format = MarketFormat.recognise(head)
        let arePrices = format == .awsPrices || format == .priceTable
        var (all, isDated): ([SeriesTable.Series], Bool)
        var form = DateForm.day
        if arePrices {
            guard case .prices(let table) = try MarketImport.read(source, format: format ?? .awsPrices).content else {
                throw Failure.input("\(file): no prices in it")
            }
            // The other products are the Linux price plus a licence fee and move at the same seconds.
            let linux = table.markets.indices.filter { table.markets[$0].product == SpotMarket.linux }
            all = (linux.isEmpty ? Array(table.markets.indices) : linux).compactMap { index in
                let (start, prices) = table.history(of: index).hourly()
                guard !prices.isEmpty else { return nil }
                return SeriesTable.Series(hourlyPrices: prices, from: start, name: "\(table.markets[index])")
            }
            isDated = true
        } else {
            let data = Data(try source.readAll())
            let isWide = data.starts(with: [0xff, 0xfe]) || data.starts(with: [0xfe, 0xff])
            guard let text = String(data: data, encoding: isWide ? .utf16 : .utf8) else {
                throw Failure.input("\(source.name): not UTF-8 text. Expected CSV or a spot-price history in JSON.")
            }
            let table = try SeriesTable(csv: text, file: source.name)
            (all, isDated, form) = (table.series, table.isDated, table.dateForm)
        }
        let empty = all.filter { $0.values.allSatisfy(\.isNaN) }.map(\.name)
        all.removeAll { $0.values.allSatisfy(\.isNaN) }
        let chosen = all.indices.filter { index in series.map { all[index].name.contains($0) } ?? true }
        for name in empty { console.remark("\(name): no value is known, nothing is forecast") }
        guard !chosen.isEmpty else {
            throw Failure.input(
                "\(source.name): no series\(series.map { " named like '\($0)'" } ?? "") with a value. "
                    + (series == nil ? "Check the file." : "Check --series."))
        }
        return SeriesInput(all: all, chosen: chosen, isDated: isDated, dateForm: form, arePrices: arePrices)
    }

    /// The horizon in steps of a series.
    func steps(_ series: SeriesTable.Series, isDated: Bool) throws -> Int {
        let digits = horizon.prefix { $0.isNumber || $0 == "." }
        let unit = horizon.dropFirst(digits.count)
        let seconds: [Substring: Double] = ["s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800]
        guard let amount = Double(digits), amount > 0, amount < 1e6, unit.isEmpty || seconds[unit] != nil,
            !unit.isEmpty || amount == amount.rounded()
        else {
            throw Failure.input(
                "--horizon '\(horizon)': expected a whole number of steps such as 24, or a time such as 24h or 7d.")
        }
        guard let length = seconds[unit] else { return Int(amount) }
        guard isDated else {
            throw Failure.input("--horizon '\(horizon)': the file has no dates. Give a number of steps.")
        }
        let steps = amount * length / series.grid.meanStep
        guard steps < 1e6 else {
            throw Failure.input("--horizon '\(horizon)': that is \(Int(steps)) steps, more than a million.")
        }
        return max(1, Int(steps.rounded()))
    }

    /// The season asked for, or the usual one of the step.
    func period(_ series: SeriesTable.Series, isDated: Bool) throws -> Int {
        if let season {
            guard season >= 1 else { throw Failure.input("--season is \(season), expected 1 (none) or more.") }
            return season
        }
        return isDated ? series.grid.usualSeason : 1
    }
}

/// The series of a file that have values.
struct SeriesInput {
    let all: [SeriesTable.Series]
    /// Places of those asked for.
    let chosen: [Int]
    /// Times are dates, not plain numbers.
    let isDated: Bool
    let dateForm: DateForm
    let arePrices: Bool

    var series: [SeriesTable.Series] { chosen.map { all[$0] } }
    /// Several markets are learnt from together, also where some of them are asked for only.
    var isPooled: Bool { arePrices && all.count > 1 }

    var pool: [[Double]] { all.map(\.values) }

    /// How these times are written: as the months or quarters of the file, as dates where all are at midnight, else to the
    /// minute in UTC, or as numbers.
    func label(_ times: [Double]) -> (Double) -> String {
        guard isDated else { return { String(format: "%.10g", $0) } }
        if dateForm != .day { return { [dateForm] in dateForm.text($0) ?? "" } }
        let length = areDays(times) ? 10 : 16
        return { String(Date(timeIntervalSince1970: $0).formatted(.iso8601).prefix(length)) }
    }

    func timeTitle(_ times: [Double]) -> String {
        switch dateForm {
        case .month: "month"
        case .quarter: "quarter"
        case .day: isDated ? areDays(times) ? "date" : "time (UTC)" : "time"
        }
    }

    private func areDays(_ times: [Double]) -> Bool {
        times.allSatisfy { $0.truncatingRemainder(dividingBy: 86_400) == 0 }
    }
}
