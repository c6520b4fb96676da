import ArgumentParser
import Foundation
import Plots
import Reports
import Service
import Simulation
import Workloads

/// `almanac evaluate spot`: a job under a deadline on recorded spot markets.
struct EvaluateSpotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spot",
        abstract:
            "Show what a job under a deadline would have cost on recorded spot markets, by our plan and by rules.",
        discussion: """
            The job runs on one machine, on spot or on demand, and saves its work. A plan decides at each tick whether to wait, \
            to run on spot or to pay for on demand: it has learnt from the traces how long spot stays and how soon it returns, \
            and no deadline that can be met is missed. Of several traces each one is met with what the others taught; of one, \
            the first half teaches, and the job starts in the second. Costs are shares of running on demand from the start.
            """)

    @Argument(
        help: ArgumentHelp("Availability traces of zones, as 'almanac import' reads them.", valueName: "trace"))
    var traces: [String]

    @OptionGroup var global: GlobalOptions

    @Option(name: .long, help: "How long the job works.")
    var work: TimeSpan

    @Option(name: .long, help: "When all of it must be done, from its start.")
    var deadline: TimeSpan

    @Option(name: .long, help: "What each start of a machine takes: set-up, and work that is done again.")
    var changeover = TimeSpan(seconds: 720)

    @Option(name: .long, help: "The price on demand as a multiple of that on spot.")
    var onDemandRatio = 3.0

    @Option(name: .long, help: "What an hour on spot costs, in US dollars: prints bills, too.")
    var spotPrice: Double?

    @Option(name: .long, help: "How many starts on each trace, evenly spaced.")
    var starts = 40

    @Option(name: .long, help: "How many instances must be there; all that a trace asked for by default.")
    var instances: Int?

    @Option(
        name: .long, help: "Write a page with the table and what was held when, or only that if the name ends in .svg.")
    var report: String?

    func validate() throws {
        for (name, span, least) in [("work", work, 1.0), ("deadline", deadline, 1), ("changeover", changeover, 0)]
        where !(least...3.2e7 ~= span.seconds) {
            throw ValidationError(
                "--\(name) is \(Units.formatSeconds(span.seconds)), expected \(least == 0 ? "nothing" : "a second") to a year."
            )
        }
        guard onDemandRatio >= 1, onDemandRatio <= 1000 else {
            throw ValidationError("--on-demand-ratio is \(onDemandRatio), expected 1 to 1000.")
        }
        guard 1...10_000 ~= starts else { throw ValidationError("--starts is \(starts), expected 1 to 10000.") }
        if let instances, instances < 1 { throw ValidationError("--instances is \(instances), expected 1 or more.") }
        if let spotPrice, !(spotPrice > 0 && spotPrice < 1e6) {
            throw ValidationError("--spot-price is \(spotPrice), expected a positive number of dollars.")
        }
    }

    private struct Answer: Encodable {
        var starts: Int
        var policies: [SpotComparison.Row]
        /// By policy, the mean bill in US dollars.
        var bills: [String: Double]?
        var example: Example

        struct Example: Encodable {
            var zone: String
            var held: [String: [SpotStretch]]
        }
    }

    func run() throws {
        let study = try SpotStudy(
            traces: traces, work: Int(work.seconds.rounded()), deadline: Int(deadline.seconds.rounded()),
            changeover: Int(changeover.seconds.rounded()), onDemandRatio: onDemandRatio, starts: starts,
            instances: instances, threads: global.threads)
        let found = study.comparison
        if let report {
            let page = SpotReport(found, deadlineSeconds: deadline.seconds.rounded())
            let text = report.hasSuffix(".svg") ? page.ganttChart().svg() : page.page().html()
            try Console.write(Data(text.utf8), toFile: report)
        }
        func bill(_ row: SpotComparison.Row, _ price: Double) -> Double {
            (row.spotSeconds + onDemandRatio * row.onDemandSeconds) * price / 3600
        }
        var table = TextTable(
            ["policy", "cost", "p90", "above optimum", "work on spot", "machines", "missed"]
                + (spotPrice == nil ? [] : ["bill"]))
        for row in found.rows {
            table.add(
                [
                    row.policy, Units.formatPercent(row.meanCost), Units.formatPercent(row.p90Cost),
                    row.regret.map { Units.formatPercent($0) } ?? "–", Units.formatPercent(row.spotShare),
                    Units.format(row.starts, digits: 1), "\(row.missedDeadlines)",
                ] + (spotPrice.map { [Units.formatPrice(bill(row, $0))] } ?? []))
        }
        let bills = spotPrice.map { price in
            Dictionary(uniqueKeysWithValues: found.rows.map { ($0.policy, bill($0, price)) })
        }
        try global.console.result(
            Answer(
                starts: found.starts, policies: found.rows, bills: bills,
                example: .init(
                    zone: found.exampleZone,
                    held: Dictionary(uniqueKeysWithValues: found.example.map { ($0.policy, $0.stretches) }))),
            text: table.text)
        for remark in study.remarks { global.console.remark(remark) }
        if let best = found.rows.dropFirst().first, best.meanCost < found.rows[0].meanCost {
            global.console.remark("here '\(best.policy)' is cheaper than the plan")
        }
    }
}
