public import Reading
import Workloads

/// Reads recorded executions from a file of any format that we know.
///
///     let (table, report) = try ExecutionReader().read("trace.csv.gz")
public struct ExecutionReader: Sendable {
    /// `nil` recognises the format by the header.
    public var format: ExecutionFormat?
    /// Where columns come from, on top of what the format says.
    public var mappings: [FieldMapping]
    /// The workflow of all rows, whatever the file says; the name of the file then stands for a job that it does not name.
    public var workflow: String?
    /// How many threads parse; the result does not depend on it.
    public var threads = 2
    /// A longer line is an error.
    public var maximumRecordBytes = 1 << 22
    /// How much is parsed at a time; the result does not depend on it.
    package var blockBytes = 1 << 20

    /// Recognises the format unless it is given.
    public init(format: ExecutionFormat? = nil, mappings: [FieldMapping] = []) {
        (self.format, self.mappings) = (format, mappings)
    }

    /// Reads a file, a gzip file, or standard input (`-`).
    ///
    /// Rows that cannot be right are skipped and counted in the report. Where the format has no workflow, the name
    /// of the file stands for it (`trace_mag.csv.gz` is `mag`).
    ///
    /// - Throws: ``TraceError`` if the file cannot be read or cannot be of the format.
    public func read(_ path: String) throws(TraceError) -> (table: ExecutionTable, report: ImportReport) {
        try read(ByteSource(path))
    }

    /// As ``read(_:)-(String)`` from bytes that somebody else supplies.
    public func read(_ source: ByteSource) throws(TraceError) -> (table: ExecutionTable, report: ImportReport) {
        let start = ContinuousClock.now
        if let converted = try ConvertedTrace.read(source, format: format) {
            return try read(converted, of: source.name, start)
        }
        let (header, delimiter) = try readHeader(source)
        let format = try chooseFormat(header, source.name)
        var report = ImportReport(file: source.name, format: format.rawValue)
        var table: ExecutionTable
        if format == .csv, mappings.isEmpty {
            let csv = try ExecutionCSV(header: header, delimiter: delimiter, file: source.name)
            table = try csv.read(
                source, threads: threads, blockBytes: blockBytes, maximumRecordBytes: maximumRecordBytes,
                report: &report)
        } else {
            let quoting = format != .slurm && delimiter != UInt8(ascii: "\t")
            var source = source
            if format == .nextflow, !quoting, header.contains(where: NextflowScripts.columns.contains) {
                let scripts = try NextflowScripts(source, header: header)
                report.warn(ofScripts: scripts.lost)
                source = try scripts.source()
            }
            let reader = DelimitedReader(
                source, delimiter: delimiter, quoting: quoting, blockBytes: min(blockBytes, 1 << 18),
                maximumRecordBytes: maximumRecordBytes)
            table = try read(reader, as: format, header: header, delimiter, report: &report)
        }
        if let workflow { table.setWorkflow(workflow, job: workflowName(ofFile: source.name)) }
        report.seconds = (ContinuousClock.now - start) / .seconds(1)
        return (table, report)
    }

    private func read(_ trace: ConvertedTrace, of name: String, _ start: ContinuousClock.Instant) throws(TraceError)
        -> (table: ExecutionTable, report: ImportReport)
    {
        var report = ImportReport(file: name, format: trace.format.rawValue)
        let reader = DelimitedReader(
            try trace.source(name: name), delimiter: ConvertedTrace.delimiter, quoting: false,
            blockBytes: min(blockBytes, 1 << 18), maximumRecordBytes: maximumRecordBytes)
        var table = try read(
            reader, as: trace.format, header: trace.header, ConvertedTrace.delimiter, lines: trace.lines,
            report: &report)
        if let workflow { table.setWorkflow(workflow, job: workflowName(ofFile: name)) }
        report.seconds = (ContinuousClock.now - start) / .seconds(1)
        return (table, report)
    }
}

extension ExecutionReader {
    /// The names in the first line, and what stands between them.
    private func readHeader(_ source: ByteSource) throws(TraceError) -> ([String], delimiter: UInt8) {
        var line = try source.peek(1 << 16)
        if let zero = line.firstIndex(of: 0) { throw .binary(path: source.name, atByte: zero) }
        while let first = line.first, first == UInt8(ascii: "\n") || first == UInt8(ascii: "\r") {
            line = line.dropFirst()
        }
        if let first = line.first(where: { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }),
            first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
        {
            throw .unknownFormat(
                path: source.name, found: "a JSON document", nearest: "'wfformat' and 'aws'",
                remedy: "Of JSON we read 'sacct --json', recorded workflows (WfFormat) and spot prices of AWS; write "
                    + "executions as CSV."
            )
        }
        let peeked = line.count
        line = line.prefix { $0 != UInt8(ascii: "\n") }
        if line.count == peeked, peeked == 1 << 16 {
            throw .tooLong(at: TextPosition(file: source.name, line: 1), what: "header line", limitBytes: 1 << 16)
        }
        let delimiters = "\t|;,".utf8.map { delimiter in (delimiter, count: line.count { $0 == delimiter }) }
        let delimiter = delimiters.max { $0.count < $1.count }?.0 ?? UInt8(ascii: ",")
        var reader = DelimitedReader(
            try ByteSource(bytes: Array(line) + [10], name: source.name), delimiter: delimiter,
            quoting: delimiter != UInt8(ascii: "\t"), blockBytes: min(line.count + 2, 1 << 16),
            maximumRecordBytes: 1 << 17)
        guard try reader.next() else { throw .empty(path: source.name) }
        return (names(reader, delimiter), delimiter)
    }

    /// The fields as names of columns.
    private func names(_ reader: borrowing DelimitedReader, _ delimiter: UInt8) -> [String] {
        var names = reader.names
        if delimiter == UInt8(ascii: "|"), names.last == "" { names.removeLast() }  // sacct --parsable
        return names
    }

    /// What the caller says, or the header; with mappings any table will do.
    private func chooseFormat(_ header: [String], _ file: String) throws(TraceError) -> ExecutionFormat {
        if let format {
            if format == .slurm, !format.fits(header), let error = SlurmAccounting.unreadable(header, file: file) {
                throw error
            }
            return format
        }
        do throws(TraceError) {
            return try .recognise(header: header, file: file)
        } catch {
            if mappings.isEmpty { throw error }
            return .table
        }
    }

    /// - Parameter lines: Where the rows of a converted file stood in it.
    private func read(
        _ reader: consuming DelimitedReader, as format: ExecutionFormat, header: [String], _ delimiter: UInt8,
        lines: [Int] = [], report: inout ImportReport
    ) throws(TraceError) -> ExecutionTable {
        let source = reader.name
        var header = header
        var mappings = mappings
        if format == .snakemake, !mappings.contains(where: { $0.target == "task_type" }) {
            mappings += try SnakemakeBenchmark.names(ofFile: source, header: header)
        }
        var foreign = try ForeignTable(format, header: header, mappings: mappings, file: source)
        var slurm = format == .slurm ? SlurmAccounting(foreign, header: header) : nil
        let workflow = format == .nextflow ? workflowName(ofFile: source) : nil
        var table = ExecutionTable()
        var rows: Set<String> = []
        var headers: (count: Int, firstLine: Int) = (0, 0)
        func line() -> Int { lines.isEmpty ? reader.line : lines[min(reader.line - 2, lines.count - 1)] }
        func skip(_ reason: String, _ found: String) throws(TraceError) {
            if header.contains(reader.text(reader.fieldCount - 1)),
                endsWithHeader((0..<reader.fieldCount).map { reader.text($0) }, header)
            {
                throw .malformed(
                    at: TextPosition(file: source, line: line()), found: "another header in the line of a row",
                    expected: "a line end before it",
                    remedy: "Tables were joined of which one had no last line end: add it, or import them one by one.")
            }
            report.rowsRead += 1
            report.skip(reason, line: line(), example: found)
        }
        func keep(_ record: AttemptRecord, _ report: inout ImportReport) {
            table.append(record)
            report.rowsRead += 1
            report.rowsStored += 1
        }
        guard try reader.next() else { return table }  // the header
        while try reader.next() {
            if reader.hasWordsOnly, case let names = names(reader, delimiter), isHeader(names, after: header, format) {
                if headers.count == 0 { headers.firstLine = line() }
                headers.count += 1
                guard names != header else { continue }
                let hadHumanUnits = foreign.hasHumanUnits
                header = names
                foreign = try ForeignTable(format, header: header, mappings: mappings, file: source)
                foreign.hasHumanUnits = hadHumanUnits
                slurm?.use(foreign, header: header)
                continue
            }
            let surplus = reader.fieldCount - header.count
            if surplus != 0, !(surplus == 1 && reader.field(header.count).isEmpty) {
                try skip(
                    surplus < 0
                        ? "the row has fewer fields than the header" : "the row has more fields than the header",
                    "\(reader.fieldCount) fields")
                continue
            }
            if slurm != nil {
                if let problem = slurm?.read(reader, line: line()) { try skip(problem.reason, problem.found) }
                continue
            }
            if format == .nextflow {
                if let index = header.firstIndex(of: "task_id"), case let id = trimmed(reader.field(index)),
                    !id.allSatisfy(isDigit)
                {
                    try skip(
                        "task_id is no number: text of a script? Leave script and env out of trace.fields",
                        TraceError.quote(id))
                    continue
                }
                let row = (0..<reader.fieldCount).map { reader.text($0) }.joined(separator: "\t")
                guard rows.insert(row).inserted else {
                    try skip("repeats a row above", TraceError.quote(row.utf8))
                    continue
                }
            }
            switch foreign.row(reader) {
            case .skip(let reason, let found): try skip(reason, found)
            case .record(var record):
                if format == .nextflow { record.completeNextflow() }
                if format == .snakemake { record.completeSnakemake() }
                if record.workflow == nil { record.workflow = workflow }
                keep(record, &report)
            }
        }
        slurm?.finish(&report, keep: keep)
        if format == .snakemake { report.warnings.append(SnakemakeBenchmark.warning) }
        if format == .gnuTime {
            report.warnings.append(
                "GNU time's peak is that of the largest process: processes that ran side by side took more together")
        }
        report.warn(ofDamage: reader.damaged)
        report.warn(ofHeaders: headers)
        if format == .nextflow {
            let lacks = [("peak_rss", "memory used"), ("memory", "memory requested"), ("cpus", "processors")]
                .filter { !header.contains($0.0) }.map(\.1)
            if !lacks.isEmpty, let recipe = format.recipe {
                report.warnings.append(
                    "no column for \(lacks.joined(separator: ", ")). All that is needed, in nextflow.config: \(recipe)")
            }
        }
        if format == .nextflow { report.format += foreign.hasHumanUnits ? " (human units)" : " (machine units)" }
        table.settleParameters()
        return table
    }

    /// Whether a row is the header of a table that was joined to the one before: the same names in any order, or others
    /// by which the format is recognised.
    private func isHeader(_ names: [String], after header: [String], _ format: ExecutionFormat) -> Bool {
        if names == header || format.fits(names) || Set(names) == Set(header) { return true }
        let sources = mappings.map(\.sources).filter { !$0.contains(where: \.isConstant) }
        return !sources.isEmpty && sources.allSatisfy { $0.contains { names.contains($0.name) } }
    }
}

/// Whether a row ends with the header of another table, its first name mostly at the end of a field, as where files were
/// joined of which the first had no line end: `9,sort,12task,task_type,runtime_seconds`.
func endsWithHeader(_ row: [String], _ header: [String]) -> Bool {
    guard header.count > 2, let last = row.last, header.contains(last) else { return false }
    let names = row.reversed().prefix { header.contains($0) }.count
    guard names > 1, 2 * (names + 1) >= header.count, names < row.count else { return false }
    let joint = row[row.count - names - 1]
    return 2 * names > header.count || header.contains { !$0.isEmpty && joint.hasSuffix($0) }
}

/// `mag` for `folder/trace_mag.csv.gz`, `run7` for `run7.execution_trace.txt`; nothing for standard input.
func workflowName(ofFile path: String) -> String? {
    guard path != "standard input", let file = path.split(separator: "/").last else { return nil }
    let parts = file.split(separator: ".").filter { part in
        !["gz", "csv", "tsv", "txt", "trace", "execution_trace"].contains(part.lowercased())
    }
    var name = parts.isEmpty ? String(file) : parts.joined(separator: ".")
    for prefix in ["execution_trace_", "trace_", "trace-"] where name.hasPrefix(prefix) && name.count > prefix.count {
        name = String(name.dropFirst(prefix.count))
    }
    return name
}
