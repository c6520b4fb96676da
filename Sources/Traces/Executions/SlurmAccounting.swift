import Workloads

/// The lines of `sacct --parsable2`: a job, then its steps (`17.batch`, `17.extern`, `17.0`), of which the measures
/// belong to the job.
struct SlurmAccounting {
    private var table: ForeignTable
    private var columns: [String: Int] = [:]
    private var job: (id: String, line: Int, record: ExecutionRecord)?

    init(_ table: ForeignTable, header: [String]) {
        self.table = table
        use(table, header: header)
    }

    /// Goes on by another header, that of a file joined to the one before.
    mutating func use(_ table: ForeignTable, header: [String]) {
        self.table = table
        columns = Dictionary(header.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// What is finished once a line is read: the job before it, or a reason to skip the line.
    enum Result {
        case step
        case began
        case skip(String, found: String)
    }

    /// Takes the reader's current line; a job is complete when the next one begins, see ``takeJob()``.
    mutating func read(_ reader: borrowing DelimitedReader, keep: (ExecutionRecord) -> Void) -> Result {
        let id = text("JobID", reader) ?? text("JobIDRaw", reader) ?? ""
        if let dot = id.firstIndex(of: ".") {
            guard job?.id == String(id[..<dot]) else { return .skip("a job step without its job before it", found: id) }
            addStep(reader)
            return .step
        }
        if let job = takeJob() { keep(job) }
        switch table.row(reader) {
        case .skip(let reason, let found): return .skip(reason, found: found)
        case .record(var record):
            if let problem = complete(&record, reader) { return .skip(problem, found: text("State", reader) ?? "") }
            job = (id, reader.line, record)
            return .began
        }
    }

    /// The job whose steps have all been read.
    mutating func takeJob() -> ExecutionRecord? {
        defer { job = nil }
        return job?.record
    }
}

extension SlurmAccounting {
    private func text(_ column: String, _ reader: borrowing DelimitedReader) -> String? {
        guard let index = columns[column], index < reader.fieldCount else { return nil }
        let text = String(decoding: trimmed(reader.field(index)), as: UTF8.self)
        return text.isEmpty || text == "Unknown" ? nil : text
    }

    /// The largest of the steps counts for memory and disk; CPU time only where the job line has none.
    private mutating func addStep(_ reader: borrowing DelimitedReader) {
        func largest(_ a: Double?, _ column: String) -> Double? {
            [a, text(column, reader).flatMap { Units.parseBytes($0, binary: true) }].compactMap { $0 }.max()
        }
        guard var record = job?.record else { return }
        record.peakMemoryBytes = largest(record.peakMemoryBytes, "MaxRSS")
        record.readBytes = largest(record.readBytes, "MaxDiskRead")
        record.writtenBytes = largest(record.writtenBytes, "MaxDiskWrite")
        if text("State", reader) == "OUT_OF_MEMORY" {
            (record.status, record.failureCause) = (.failed, FailureCause.outOfMemory.rawValue)
        }
        job?.record = record
    }

    /// Fills in what needs more than one column; returns why the row cannot be kept.
    private func complete(_ record: inout ExecutionRecord, _ reader: borrowing DelimitedReader) -> String? {
        let state = text("State", reader)?.split(separator: " ").first.map(String.init)?.uppercased()
        var isFailure = false
        switch state?.trimmingSuffix("+") {
        case nil: break
        case "COMPLETED": record.status = .completed
        case "FAILED", "OUT_OF_MEMORY", "TIMEOUT", "DEADLINE", "CANCELLED", "PREEMPTED", "NODE_FAIL", "BOOT_FAIL":
            isFailure = true
        case .some(let word):
            return isUnfinished(word) ? "the task had not ended" : "the status is unknown"
        }
        if let exit = text("ExitCode", reader) {
            let parts = exit.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
            guard parts.count == 2, let code = parts[0], let signal = parts[1] else {
                return "ExitCode is not of the form code:signal"
            }
            record.exitCode = signal > 0 && signal < 128 ? 128 + signal : code
        }
        if isFailure {
            let cause = FailureEvidence(exitCode: record.exitCode, schedulerState: state).cause ?? .programError
            record.status = cause.countsAsFailure ? .failed : .aborted
            record.failureCause = cause.rawValue
        }
        if let request = text("ReqMem", reader), let bytes = requestedBytes(request, record, reader) {
            record.requestedMemoryBytes = bytes
        } else if let bytes = text("AllocTRES", reader).flatMap({ allocated("mem", $0) }).flatMap({
            Units.parseBytes($0, binary: true)
        }) {
            record.requestedMemoryBytes = bytes
        }
        if record.cpus == nil {
            let cpus = text("AllocTRES", reader).flatMap { allocated("cpu", $0) }.flatMap { parseDecimal($0) }
            record.cpus = cpus.flatMap { $0.isFinite && $0 >= 0 ? $0 : nil }
        }
        return nil
    }

    /// `4Gn` is for each node, `4Gc` for each core, `4G` for the whole job.
    private func requestedBytes(_ text: String, _ record: ExecutionRecord, _ reader: borrowing DelimitedReader)
        -> Double?
    {
        var number = text
        var factor = 1.0
        if text.hasSuffix("n") {
            number.removeLast()
            factor =
                self.text("NNodes", reader).flatMap { parseDecimal($0) } ?? self.text("AllocNodes", reader).flatMap {
                    parseDecimal($0)
                } ?? 1
        } else if text.hasSuffix("c") {
            number.removeLast()
            factor = record.cpus ?? 1
        }
        return Units.parseBytes(number, binary: true).map { $0 * factor }.flatMap { $0.isFinite && $0 >= 0 ? $0 : nil }
    }

    /// A value in `billing=4,cpu=4,mem=16G,node=1`.
    private func allocated(_ name: String, _ resources: String) -> String? {
        resources.split(separator: ",").first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
    }
}

extension String {
    fileprivate func trimmingSuffix(_ suffix: String) -> String {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
    }
}
