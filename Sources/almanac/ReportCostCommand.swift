public import ArgumentParser
import Foundation
import JobFiles
import Plots
import Reports
import Service
public import Sizing
import Store
import Workloads

/// `almanac report cost`: where the money of runs went.
struct ReportCostCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cost",
        abstract: "Show what runs paid, lost to reclaims and saved against on demand, by run, task, user or day.",
        discussion: """
            What instances cost is divided among the attempts that ran on them, to 1e-9 dollar: all sums agree. 'on demand' is \
            what the same useful and idle time would have cost at the on-demand price, which comes from the setup of each run, \
            or from --pool. Pictures show one run: the newest, or --run.
            """)

    @Option(name: .long, help: "Group by run, task, type, tenant, day or instance.")
    var by: CostReport.Grouping = .run

    @Option(name: .long, help: "Only this workflow.")
    var workflow: String?

    @Option(name: .customLong("run"), help: "Only this run, for instance 'words/3'.")
    var runName: String?

    @Option(
        name: .long,
        help: "Only instances that were gone since: a length of time before now (7d) or a day (2026-01-31).")
    var since: PointInTime?

    @Option(name: .long, help: "Only instances that were gone until then.")
    var until: PointInTime?

    @Option(name: .long, help: "A pool file for the on-demand prices of types.")
    var pool: String?

    @Option(name: .long, help: "Print so many rows; 0 is all.")
    var top = 20

    @Option(name: .long, help: "Write all rows to this CSV file, amounts with all digits.")
    var csv: String?

    @Option(name: .long, help: "Draw what ran where, with lost work hatched, to this SVG file.")
    var gantt: String?

    @Option(name: .long, help: "Draw what was spent against the work done to this SVG file.")
    var progress: String?

    @Option(name: .long, help: "Write a page with tables and pictures to this HTML file.")
    var html: String?

    @OptionGroup var storage: StoreOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard top >= 0 else { throw ValidationError("--top is \(top), expected 0 or more.") }
    }

    private struct Answer: Encodable {
        var total: CostReport.Row
        var rows: [CostReport.Row]
    }

    func run() throws {
        let costs = try RunCosts(
            store: storage.existing(), folder: storage.store, workflow: workflow, run: runName, since: since?.seconds,
            until: until?.seconds, poolFile: pool)
        let report = costs.report
        let rows = report.rows(by: by)
        if let csv { try Console.write(Data(Self.csv(rows, by).utf8), toFile: csv) }
        let shown = costs.newest
        let title = "\(shown?.run ?? "Runs"): what it cost"
        let bars = shown.map { report.ganttChart("\($0.run): what ran where", $0.attempts) }
        let line = shown.flatMap {
            costs.single($0.run).progressChart("\($0.run): spent against progress", $0.attempts, $0.lives)
        }
        if let gantt, let bars { try bars.write(to: gantt) }
        if let progress {
            guard let line else { throw Failure.input("No attempt has completed: there is no progress to draw.") }
            try line.write(to: progress)
        }
        if let html {
            try Console.write(Data(report.page(title, gantt: bars, progress: line).html().utf8), toFile: html)
        }
        try global.console.result(
            Answer(total: report.total, rows: rows), text: text(rows, report.total))
    }

    private func text(_ rows: [CostReport.Row], _ total: CostReport.Row) -> String {
        let hasRegret = rows.contains { $0.regret != nil }
        var table = TextTable(
            [by.rawValue, "paid", "useful", "reclaimed", "failed", "idle", "on demand", "saved"]
                + (hasRegret ? ["regret"] : []))
        func amount(_ money: Money?) -> String { money?.description ?? "–" }
        func cells(_ row: CostReport.Row) -> [String] {
            [
                row.name, amount(row.paid), amount(row.useful), amount(row.reclaimed), amount(row.failed),
                amount(row.idle),
                amount(row.onDemand), amount(row.saved),
            ] + (hasRegret ? [amount(row.regret)] : [])
        }
        for row in rows.prefix(top == 0 ? .max : top) { table.add(cells(row)) }
        var all = total
        all.name = "all"
        if rows.count > 1 { table.add(cells(all)) }
        var parts = [table.text]
        if top > 0, rows.count > top { parts.append("… and \(rows.count - top) more (--top 0 prints all)") }
        if total.onDemand == nil { parts.append("some on-demand price is not known: --pool FILE names them") }
        return parts.joined(separator: "\n")
    }

    /// All rows, amounts in dollars with all digits.
    static func csv(_ rows: [CostReport.Row], _ grouping: CostReport.Grouping) -> String {
        let header = "\(grouping.rawValue),paid,useful,lost_to_reclaims,failed,idle,on_demand,saved,regret\n"
        return rows.reduce(header) { text, row in
            let name =
                row.name.contains { "\",\n\r".contains($0) }
                ? "\"" + row.name.replacing("\"", with: "\"\"") + "\"" : row.name
            let amounts: [Money?] = [
                row.paid, row.useful, row.reclaimed, row.failed, row.idle, row.onDemand, row.saved, row.regret,
            ]
            return text + ([name] + amounts.map { $0?.decimal ?? "" }).joined(separator: ",") + "\n"
        }
    }
}

extension CostReport.Grouping: ExpressibleByArgument {}
