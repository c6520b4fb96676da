public import ArgumentParser
import Foundation
import Plots
import Prediction
import Reading
import Reports
import Sizing
import Store
import Traces
import Workloads

/// `almanac report`: what was reserved in vain, and what runs cost.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Show what was reserved and not used, or what runs cost.",
        subcommands: [ReportWasteCommand.self, ReportCostCommand.self], defaultSubcommand: ReportWasteCommand.self)
}

/// `almanac report waste`: who wastes what.
struct ReportWasteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "waste",
        abstract: "Show memory and processors that were reserved and not used, by task type, and what to request.",
        discussion: """
            The most wasteful first. 'wasted' is what was reserved and not used, for an attempt that failed all of it; \
            'would waste' is the same with the suggested memory, tries that are too small included.
            """)

    @OptionGroup var arguments: RequestArguments
    @OptionGroup var storage: StoreOptions
    @OptionGroup var global: GlobalOptions

    @Option(name: .long, help: "Write a page with pictures to this HTML file.")
    var html: String?

    @Option(
        name: .long,
        help: "Group by user, account, partition, array, or day, week or month of the end, instead of the task type.")
    var by: WasteReport.Grouping = .taskType

    @Option(name: .long, help: "Only what ended since: a length of time before now (7d) or a day (2026-01-31).")
    var since: PointInTime?

    @Option(name: .long, help: "Only what ended until then.")
    var until: PointInTime?

    @Option(name: .long, help: "Print so many task types; 0 is all.")
    var top = 20

    func validate() throws {
        guard top >= 0 else { throw ValidationError("--top is \(top), expected 0 or more.") }
    }

    func run() throws {
        let store = try storage.existing()
        let runs = try within(arguments.runs(in: store, storage))
        let requests = try arguments.requests(runs, global)
        arguments.warn(requests, global)
        let report = WasteReport(
            runs, requests: requests, demands: try store.demands(workflow: arguments.workflow), by: by)
        if let html { try Console.write(Data(report.page().html().utf8), toFile: html) }
        let text = text(report, requests)
        if let output = arguments.output { try Console.write(Data((text + "\n").utf8), toFile: output) }
        try global.console.result(report, text: arguments.output ?? text)
    }

    /// What ended in the time that was asked for.
    private func within(_ runs: ExecutionTable) throws -> ExecutionTable {
        guard since != nil || until != nil else { return runs }
        let kept = runs.filter { run in
            guard let time = run.endTimeSeconds ?? run.startTimeSeconds ?? run.submitTimeSeconds else { return false }
            return time >= since?.seconds ?? -.infinity && time <= until?.seconds ?? .infinity
        }
        guard kept.rowCount > 0 else {
            throw Failure.input(
                "None of the \(Units.count(runs.rowCount, "run")) ended then. Widen --since and --until.")
        }
        return kept
    }

    private func text(_ report: WasteReport, _ requests: ResourceRequests) -> String {
        var table = TextTable([
            by.title, "attempts", "failed", "used GiB·h", "wasted GiB·h", "wasted CPU·h", "requested", "peak",
            "suggested",
            "risk", "would waste",
        ])
        func number(_ value: Double?) -> String {
            value.map { Units.format($0, digits: $0 < 10 ? 3 : $0 < 1000 ? 1 : 0) } ?? "–"
        }
        for tool in report.tools.prefix(top == 0 ? .max : top) {
            table.add([
                tool.taskType, String(tool.attempts), String(tool.failed), number(gibibyteHours(tool.usedGBHours)),
                number(tool.wastedGBHours.map(gibibyteHours)), number(tool.wastedCPUHours),
                tool.request?.currentMemoryBytes.map(gibibyteText) ?? "–",
                tool.request?.peakText ?? "–",
                tool.request?.memoryBytes.map(gibibyteText) ?? "–",
                Units.formatPercent(tool.request?.memoryRisk ?? .nan), number(tool.suggestedGBHours.map(gibibyteHours)),
            ])
        }
        var parts = [table.text]
        if top > 0, report.tools.count > top {
            parts.append("… and \(report.tools.count - top) more (--top 0 prints all)")
        }
        for tool in report.tools {
            guard let profile = tool.profile, profile.segments.count > 1 else { continue }
            let course = profile.segments.map {
                "to \(Units.formatPercent($0.to)) \(Units.formatBytes($0.memoryBytes))"
            }
            parts.append(
                "\(tool.taskType) over the course of \(Units.count(profile.runs, "run")): \(course.joined(separator: ", ")); "
                    + "that holds \(Units.formatPercent(profile.reservedShare)) of what the peak would")
        }
        return (parts + [""] + requests.summary("almanac \(Almanac.version)")).joined(separator: "\n")
    }
}

extension WasteReport.Grouping: ExpressibleByArgument {}

/// A day, a date and time, or so long before now.
struct PointInTime: ExpressibleByArgument {
    let seconds: Double

    init?(argument: String) {
        if let date = unixSeconds(ofDate: argument) {
            seconds = date
        } else if let ago = Units.parseSeconds(argument), Double(argument) == nil {
            seconds = Date().timeIntervalSince1970 - ago
        } else {
            return nil
        }
    }
}
