import ArgumentParser
import Foundation
import Plots
import Store
import Traces
import Workloads

/// `almanac outcomes`: what runs left in the store.
struct OutcomesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "outcomes", abstract: "Show or export what is recorded of every attempt.",
        subcommands: [List.self, Export.self, Series.self, Instances.self], defaultSubcommand: List.self)

    struct Selection: ParsableArguments {
        @Flag(name: .long, help: "Imported executions as well, not only those of our own runs.")
        var all = false

        @Option(name: .long, help: "Those of this workflow only.")
        var workflow: String?

        @OptionGroup var storage: StoreOptions

        func table() throws -> ExecutionTable {
            try storage.existing().executions(workflow: workflow, outcomesOnly: !all)
        }
    }

    private struct Written: Encodable {
        var file: String
        var rows: Int
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the newest outcomes, the newest last.")

        @OptionGroup var selection: Selection
        @OptionGroup var global: GlobalOptions

        @Option(name: .long, help: "How many; 0 is all.")
        var last = 20

        func validate() throws {
            guard last >= 0 else { throw ValidationError("--last is \(last), expected 0 or more.") }
        }

        func run() throws {
            let table = try selection.table()
            let first = last == 0 ? 0 : max(0, table.rowCount - last)
            let records = (first..<table.rowCount).map { table[$0] }
            var text = TextTable([
                "job", "task", "type", "attempt", "status", "run time", "CPU time", "peak memory", "cause",
            ])
            for record in records {
                text.add([
                    record.job ?? record.workflow ?? "–", record.task ?? "–", record.taskType ?? "–",
                    record.attempt.map { String($0) } ?? "–", record.status?.rawValue ?? "–",
                    record.runtimeSeconds.map { Units.formatSeconds($0) } ?? "–",
                    record.cpuSeconds.map { Units.formatSeconds($0) } ?? "–",
                    record.peakMemoryBytes.map { Units.formatBytes($0) } ?? "–", record.failureCause ?? "",
                ])
            }
            let none = "no outcomes yet: 'almanac run' logs them; --all shows imported executions"
            try global.console.result(records, text: records.isEmpty ? none : text.text)
            if first > 0 { global.console.remark("\(records.count) of \(table.rowCount); --last 0 shows all") }
        }
    }

    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write outcomes as CSV in the trace schema, which 'almanac import csv' reads.")

        @Argument(help: "The file; '-' is standard output.")
        var file = "-"

        @OptionGroup var selection: Selection
        @OptionGroup var global: GlobalOptions

        func run() throws {
            let table = try selection.table()
            if file == "-", global.json {
                return try global.console.result((0..<table.rowCount).map { table[$0] }, text: "")
            }
            try table.writeCSV(to: file)
            guard file != "-" else { return }
            try global.console.result(
                Written(file: file, rows: table.rowCount), text: "\(table.rowCount) rows written to \(file)")
        }
    }

    struct Series: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write what each attempt used over time as CSV: processors, memory, bytes read and written.",
            discussion: "'almanac run --record-every' says how often that is looked at.")

        @Argument(help: "The file; '-' is standard output.")
        var file = "-"

        @Option(name: .long, help: "Those of this workflow only.")
        var workflow: String?

        @OptionGroup var storage: StoreOptions
        @OptionGroup var global: GlobalOptions

        func run() throws {
            let demands = try storage.existing().demands(workflow: workflow)
            if global.json, file == "-" { return try global.console.result(demands, text: "") }
            var bytes = Array(RecordedDemand.csvHeader.utf8)
            for demand in demands { bytes += demand.csvRows }
            guard file != "-" else {
                return Console.write(String(decoding: bytes, as: UTF8.self), to: .standardOutput)
            }
            try Console.write(Data(bytes), toFile: file)
            let points = demands.reduce(0) { $0 + $1.series.points.count }
            try global.console.result(
                Written(file: file, rows: points),
                text: "\(points) points of \(demands.count) attempts written to \(file)")
        }
    }

    struct Instances: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the instances that runs asked for: when they came, how they went, what they cost.")

        @Option(name: .long, help: "Those of this workflow only.")
        var workflow: String?

        @OptionGroup var storage: StoreOptions
        @OptionGroup var global: GlobalOptions

        func run() throws {
            let lives = try storage.existing().instanceLives(workflow: workflow)
            var text = TextTable(["job", "instance", "bought", "asked for", "came after", "lived", "end", "cost"])
            for life in lives {
                let opened = life.openedTimeSeconds
                text.add([
                    life.job, life.instance.rawValue, life.purchase.rawValue,
                    Quantity.date.text(life.requestedTimeSeconds),
                    opened.map { Units.formatSeconds(max(0, $0 - life.requestedTimeSeconds)) } ?? "–",
                    opened.map { Units.formatSeconds(max(0, life.closedTimeSeconds - $0)) } ?? "–",
                    life.end.rawValue, Units.formatPrice(life.cost),
                ])
            }
            try global.console.result(
                lives, text: lives.isEmpty ? "no instances yet: 'almanac run' logs them" : text.text)
        }
    }
}
