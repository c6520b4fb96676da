import ArgumentParser
import Foundation
import Reading
import Store
import Traces
import Workloads

/// `almanac import`: traces into the store.
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Import recorded executions, workflows, spot prices and availability into the store.",
        discussion: """
            A file is stored whole or not at all; what the store already holds is not stored twice. Rows that cannot be \
            right are skipped and counted. '.gz' files are read directly, '-' is standard input.

            Formats: \(TraceFormat.allCases.map(\.name).joined(separator: ", ")).

            Columns of executions: \(AttemptColumn.allCases.map(\.name).joined(separator: ", ")), and param.NAME for \
            what a task was asked to do.

            Other tables are read with --map, for instance
              --map task_type=Tool --map 'runtime_seconds=Time[ms]' --map 'peak_memory_bytes=Mem|Mem2[MiB]' \
            --map workflow==rnaseq

            A file is a run, the pipeline is the workflow: several traces of one pipeline are imported together, as in
              almanac import nextflow traces/*.txt --workflow rnaseq

            Record all that can be learnt from:
              Slurm: \(ExecutionFormat.slurm.recipe ?? "")
              Nextflow, in nextflow.config: trace.enabled = true and \(ExecutionFormat.nextflow.recipe ?? "")
              one command: \(ExecutionFormat.gnuTime.recipe ?? "")
            'almanac import slurm --since 7d' runs sacct itself; so does cron every night.
            Exit code 2 if some file could not be imported, or has no row that can be.
            """)

    @Argument(
        help: "The format, or 'auto'.",
        transform: { name in
            if let format = TraceFormat(name: name.lowercased()) { return format }
            let names = TraceFormat.allCases.map(\.name)
            let near = nearestName(to: name, among: names).map { " Did you mean '\($0)'?" } ?? ""
            throw ValidationError("'\(name)' is no format, expected one of \(names.joined(separator: ", ")).\(near)")
        })
    var format: TraceFormat

    @Argument(help: "The files.")
    var files: [String] = []

    @Option(
        name: .long,
        help: "Run sacct for the jobs of this long, for instance 7d, or since this day (2026-01-31). Format slurm only."
    )
    var since: String?

    @Flag(name: .long, help: "With --since: the jobs of all users, not of this one alone.")
    var allUsers = false

    @Option(
        name: .long, help: "Where a column comes from: ours=theirs, ours=theirs[unit] or ours==constant. Repeatable.")
    var map: [String] = []

    @Option(
        name: .long,
        help: "The workflow (pipeline) that the files are runs of; without it each file of Nextflow is one of its own.")
    var workflow: String?

    @OptionGroup var storage: StoreOptions
    @OptionGroup var global: GlobalOptions

    /// What is printed with `--json` for one file.
    private enum FileResult: Encodable {
        case imported(ImportReport)
        case refused(file: String, error: String)

        private enum CodingKeys: String, CodingKey { case file, error }

        func encode(to encoder: any Encoder) throws {
            switch self {
            case .imported(let report): try report.encode(to: encoder)
            case .refused(let file, let error):
                var values = encoder.container(keyedBy: CodingKeys.self)
                try values.encode(file, forKey: .file)
                try values.encode(error, forKey: .error)
            }
        }
    }

    func validate() throws {
        if since == nil, files.isEmpty { throw ValidationError("Name the files to import.") }
        if since != nil, format != .executions(.slurm) {
            throw ValidationError("--since runs sacct: the format is slurm, 'almanac import slurm --since 7d'.")
        }
        if since == nil, allUsers { throw ValidationError("--all-users goes with --since.") }
    }

    func run() throws {
        let console = global.console
        let mappings = try map.map { try FieldMapping($0) }
        let store = try TraceStore(folder: storage.store)
        let bar = console.progress("importing", total: files.count)
        var results: [FileResult] = []
        var failure: StoreError?
        if let since {
            let accounting = try SlurmCommand.accounting(since: since, allUsers: allUsers)
            let report = try store.importSource(
                accounting, as: format, mappings: mappings, workflow: workflow, threads: global.threads)
            results.append(.imported(report))
        }
        for file in files where failure == nil {
            do {
                let report = try store.importFile(
                    file, as: format, mappings: mappings, workflow: workflow, threads: global.threads)
                results.append(.imported(report))
            } catch let error as TraceError {
                results.append(.refused(file: file, error: error.description))
            } catch let error as StoreError {
                // The files before are stored: say so before ending.
                failure = error
            }
            bar.advance()
        }
        bar.finish()
        try console.result(results, text: text(results))
        for case .refused(_, let error) in results { Console.complain(error) }
        let useless = results.contains { if case .imported(let report) = $0 { report.hasNothingRight } else { false } }
        if useless { Console.complain("no row could be kept: the reasons are above") }
        if let failure { throw failure }
        if useless || results.contains(where: { if case .refused = $0 { true } else { false } }) { throw ExitCode(2) }
    }

    private func text(_ results: [FileResult]) -> String {
        var table = TextTable(["file", "format", "rows read", "stored", "skipped", "seconds"])
        var remarks: [String] = []
        var warned: [String: [String]] = [:]
        for case .imported(let report) in results {
            table.add([
                report.file, report.format, String(report.rowsRead), String(report.rowsStored),
                String(report.rowsSkipped), String(format: "%.2f", report.seconds),
            ])
            for reason in report.reasons {
                let place = reason.firstLine > 0 ? ", first in line \(reason.firstLine)" : ""
                let example = reason.example.map { $0.isEmpty ? "" : ": \($0)" } ?? ""
                remarks.append("\(report.file): skipped \(reason.rows): \(reason.reason)\(place)\(example)")
            }
            for warning in report.warnings { warned[warning, default: []].append(report.file) }
        }
        // What is true of many files is said once.
        for (warning, files) in warned.sorted(by: { ($0.value[0], $0.key) < ($1.value[0], $1.key) }) {
            remarks.append("\(files[0])\(files.count > 1 ? " and \(files.count - 1) more" : ""): \(warning)")
        }
        if table.rows.isEmpty { return "nothing was imported" }
        return ([table.text] + (remarks.isEmpty ? [] : [""] + remarks)).joined(separator: "\n")
    }
}
