import Reading
import Workloads

/// The lines of `sacct --parsable2`: jobs and their steps (`17.batch`, `17.extern`, `17.0`), of which the measures belong
/// to the job, wherever in the file they stand.
///
/// A job that was requeued has a line for each attempt, all with one number (`sacct --duplicates`). Steps go to the
/// attempt during which they started.
struct SlurmAccounting {
    /// The command whose output has all that we read.
    static let command = (["sacct", "--starttime", "now-30days"] + arguments).joined(separator: " ")
    /// Its arguments, the time apart.
    static let arguments = ["--duplicates", "--parsable2", "--format=" + format.joined(separator: ",")]
    private static let format = [
        "JobID", "JobName", "User", "Account", "Partition", "State", "ExitCode", "Submit", "Start", "End", "ElapsedRaw",
        "TimelimitRaw", "ReqMem", "AllocCPUS", "NNodes", "NTasks", "AllocTRES", "TotalCPU", "MaxRSS", "AveRSS",
        "TRESUsageInTot", "TRESUsageOutTot", "NodeList",
    ]

    private var table: ForeignTable
    private var columns: [String: Int]
    private var attempts: [Attempt] = []
    /// The attempts of each job number, in the order of the file.
    private var attemptsByJob: [String: [Int]] = [:]
    private var steps: [SlurmStep] = []

    /// A line of a job; without a record if it was not kept.
    private struct Attempt {
        var record: AttemptRecord?
        var line: Int
        var submit: Double?
        var start: Double?
        var nodes: Double?
        var steps: [SlurmStep] = []
    }

    init(_ table: ForeignTable, header: [String]) {
        self.table = table
        columns = Self.indices(header)
    }

    /// Reads the lines to come by another header.
    mutating func use(_ table: ForeignTable, header: [String]) {
        self.table = table
        columns = Self.indices(header)
    }

    private static func indices(_ header: [String]) -> [String: Int] {
        Dictionary(header.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Takes the reader's current line; returns why it cannot be kept.
    mutating func read(_ reader: borrowing DelimitedReader, line: Int) -> (reason: String, found: String)? {
        let id = text("JobID", reader) ?? text("JobIDRaw", reader) ?? ""
        if id.contains(".") {
            steps.append(step(id, reader, line))
            return nil
        }
        var attempt = Attempt(
            line: line, submit: time("Submit", reader), start: time("Start", reader), nodes: nodes(reader))
        var problem: (String, String)?
        switch table.row(reader) {
        case .skip(let reason, let found): problem = (reason, found)
        case .record(var record):
            if let reason = complete(&record, reader) {
                problem = (reason, text("State", reader) ?? "")
            } else if let known = attemptsByJob[id]?.first(where: {
                attempts[$0].record != nil && attempts[$0].submit == attempt.submit
                    && attempts[$0].start == attempt.start
            }) {
                return ("the attempt is in the file already", "line \(attempts[known].line)")
            } else {
                if let nodes = attempt.nodes { record.parameters["nodes"] = .number(nodes) }
                attempt.record = record
            }
        }
        attemptsByJob[id, default: []].append(attempts.count)
        attempts.append(attempt)
        return problem
    }

    /// All attempts with the measures of their steps, in the order of the file.
    mutating func finish(
        _ report: inout ImportReport, keep: (AttemptRecord, inout ImportReport) -> Void
    ) {
        for step in steps {
            if let index = attempt(of: step) {
                attempts[index].steps.append(step)
            } else {
                report.rowsRead += 1
                report.skip("a job step whose job is not in the file", line: step.line, example: step.id)
            }
        }
        numberAttempts()
        var remarks = SlurmStep.Remarks()
        for attempt in attempts {
            guard var record = attempt.record else { continue }
            record.addSteps(attempt.steps, nodes: attempt.nodes, &remarks)
            keep(record, &report)
        }
        report.reasons.sort { $0.firstLine < $1.firstLine }
        report.warnings += remarks.warnings(columns: columns)
    }
}

extension SlurmAccounting {
    /// The attempt during which a step started: the last that had begun by then.
    private func attempt(of step: SlurmStep) -> Int? {
        guard let indices = attemptsByJob[step.job] else { return nil }
        guard indices.count > 1 else { return indices.first }
        if let start = step.start {
            let begun = indices.filter { attempts[$0].start.map { $0 <= start } ?? false }
            if let last = begun.max(by: { (attempts[$0].start ?? 0) < (attempts[$1].start ?? 0) }) { return last }
        }
        return indices.last { attempts[$0].line < step.line } ?? indices.first
    }

    /// 1, 2, 3 … in the order of their start where a job has several that ended.
    private mutating func numberAttempts() {
        for indices in attemptsByJob.values {
            let ended = indices.filter { attempts[$0].record != nil }
            guard ended.count > 1 else { continue }
            func time(_ index: Int) -> Double { attempts[index].start ?? attempts[index].submit ?? .infinity }
            for (number, index) in ended.sorted(by: { (time($0), $0) < (time($1), $1) }).enumerated() {
                attempts[index].record?.attempt = number + 1
            }
        }
    }

    private func text(_ column: String, _ reader: borrowing DelimitedReader) -> String? {
        guard let index = columns[column], index < reader.fieldCount else { return nil }
        let text = String(decoding: trimmed(reader.field(index)), as: UTF8.self)
        return text.isEmpty || text == "Unknown" || text == "None" ? nil : text
    }

    private func time(_ column: String, _ reader: borrowing DelimitedReader) -> Double? {
        guard let bytes = text(column, reader).map({ Array($0.utf8) }) else { return nil }
        if case .value(let number) = parseNumber(bytes.span, 0..<bytes.count) { return number.isFinite ? number : nil }
        return parseTimestamp(bytes.span, 0..<bytes.count)
    }

    private func bytes(_ column: String, _ reader: borrowing DelimitedReader) -> Double? {
        text(column, reader).flatMap { Units.parseBytes($0, binary: true) }
    }

    private func seconds(_ column: String, _ reader: borrowing DelimitedReader) -> Double? {
        text(column, reader).flatMap { Units.parseSeconds($0) }
    }

    private func count(_ column: String, _ reader: borrowing DelimitedReader) -> Double? {
        text(column, reader).flatMap { parseDecimal($0) }.flatMap { $0 >= 1 && $0 < 1e9 ? $0.rounded() : nil }
    }

    private func nodes(_ reader: borrowing DelimitedReader) -> Double? {
        count("NNodes", reader) ?? count("AllocNodes", reader)
            ?? text("AllocTRES", reader).flatMap { resource("node", $0) }.flatMap { parseDecimal($0) }
            .flatMap { $0 >= 1 && $0 < 1e9 ? $0 : nil }
            ?? text("NodeList", reader).flatMap { nodeCount($0) }
    }

    private func step(_ id: String, _ reader: borrowing DelimitedReader, _ line: Int) -> SlurmStep {
        let dot = id.firstIndex(of: ".") ?? id.endIndex
        let (usage, tasks) = (text("TRESUsageInTot", reader), count("NTasks", reader))
        func used(_ name: String) -> String? { usage.flatMap { resource(name, $0) } }
        /// Of all tasks where that is known, else of the largest one.
        func disk(_ direction: String, _ total: String?) -> Double? {
            total.flatMap { resource("fs/disk", $0) }.flatMap { Units.parseBytes($0, binary: true) }
                ?? bytes("AveDisk" + direction, reader).flatMap { average in tasks.map { average * $0 } }
                ?? bytes("MaxDisk" + direction, reader)
        }
        let parts = [seconds("UserCPU", reader), seconds("SystemCPU", reader)].compactMap { $0 }
        let measured = [
            seconds("TotalCPU", reader), parts.isEmpty ? nil : parts.reduce(0, +),
            used("cpu").flatMap { Units.parseSeconds($0) },
        ]
        return SlurmStep(
            id: id, job: String(id[..<dot]), name: String(id[dot...].dropFirst()), line: line,
            start: time("Start", reader), end: time("End", reader),
            elapsed: seconds("ElapsedRaw", reader) ?? seconds("Elapsed", reader), tasks: tasks, nodes: nodes(reader),
            largestTaskBytes: bytes("MaxRSS", reader)
                ?? text("TRESUsageInMax", reader).flatMap { resource("mem", $0) }
                .flatMap { Units.parseBytes($0, binary: true) },
            totalBytes: used("mem").flatMap { Units.parseBytes($0, binary: true) }
                ?? bytes("AveRSS", reader).flatMap { average in tasks.map { average * $0 } },
            cpuSeconds: measured.compactMap { $0 }.max(), readBytes: disk("Read", usage),
            writtenBytes: disk("Write", text("TRESUsageOutTot", reader)),
            isOutOfMemory: text("State", reader)?.hasPrefix("OUT_OF_ME") ?? false)
    }

    /// Fills in what needs more than one column; returns why the row cannot be kept.
    private func complete(_ record: inout AttemptRecord, _ reader: borrowing DelimitedReader) -> String? {
        let state = text("State", reader)?.split(separator: " ").first.map { $0.uppercased() }
        var isFailure = false
        switch state?.trimmingSuffix("+") {
        case nil: break
        case "COMPLETED": record.status = .completed
        case "FAILED", "OUT_OF_MEMORY", "TIMEOUT", "DEADLINE", "CANCELLED", "PREEMPTED", "NODE_FAIL", "BOOT_FAIL":
            isFailure = true
        case "REQUEUED" where record.endTimeSeconds != nil:
            // Somebody put it back: Slurm has other words for preemption and for the loss of a node.
            (record.status, record.failureCause) = (.aborted, FailureCause.cancelled.rawValue)
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
            // Slurm itself says OUT_OF_MEMORY; of another SIGKILL nobody knows who sent it.
            let evidence = FailureEvidence(exitCode: record.exitCode, memoryKills: 0, schedulerState: state)
            let cause = evidence.cause ?? .programError
            record.status = cause.countsAsFailure ? .failed : .aborted
            record.failureCause = cause == .programError && record.exitCode == 137 ? nil : cause.rawValue
        }
        let resources = text("AllocTRES", reader)
        func allocated(_ name: String) -> String? { resources.flatMap { resource(name, $0) } }
        record.requestedMemoryBytes =
            text("ReqMem", reader).flatMap { requestedBytes($0, record, reader) }
            ?? allocated("mem").flatMap { Units.parseBytes($0, binary: true) }
        // Backfill records a job without a limit as one of a year.
        if let limit = record.requestedSeconds, limit >= 365 * 86400 { record.requestedSeconds = nil }
        if record.cpus == nil {
            let cpus = allocated("cpu").flatMap { parseDecimal($0) }
            record.cpus = cpus.flatMap { $0.isFinite && $0 >= 0 ? $0 : nil }
        }
        if let gpus = allocated("gres/gpu").flatMap({ parseDecimal($0) }), gpus.isFinite, gpus > 0 {
            record.parameters["gpus"] = .number(gpus)
        }
        if let id = record.task, let bar = id.firstIndex(of: "_"), bar > id.startIndex {
            record.parameters["array"] = .text(String(id[..<bar]))
        }
        if record.machine == "None assigned" { record.machine = nil }
        return nil
    }

    /// `4Gn` is for each node, `4Gc` for each core (before Slurm 21.08), `4G` for the whole job; 0 is all that the node has.
    private func requestedBytes(_ text: String, _ record: AttemptRecord, _ reader: borrowing DelimitedReader)
        -> Double?
    {
        var number = text
        var factor = 1.0
        if text.hasSuffix("n") {
            number.removeLast()
            factor = nodes(reader) ?? count("ReqNodes", reader) ?? 1
        } else if text.hasSuffix("c") {
            number.removeLast()
            factor = record.cpus ?? 1
        }
        return Units.parseBytes(number, binary: true).map { $0 * factor }.flatMap { $0.isFinite && $0 > 0 ? $0 : nil }
    }
}

extension SlurmAccounting {
    /// What to say of a file that begins with this line, if it is output of `sacct` that cannot be read.
    static func unreadable(_ fields: [String], file: String) -> TraceError? {
        whyUnreadable(fields).map {
            .unknownFormat(path: file, found: $0, nearest: "'slurm'", remedy: "Run: \(command)")
        }
    }

    /// What is wrong with the output of `sacct` that begins with this line, if it is that: printed for people, or without
    /// its header.
    private static func whyUnreadable(_ fields: [String]) -> String? {
        let words = fields.count == 1 ? fields[0].split(separator: " ").map(String.init) : fields
        if fields.count == 1, words.first == "JobID" || words.first == "JobIDRaw" {
            return "the output of sacct for people, which cuts long names off"
        }
        let states = [
            "COMPLETED", "FAILED", "TIMEOUT", "RUNNING", "PENDING", "CANCELLED", "OUT_OF_MEMORY", "OUT_OF_ME+",
        ]
        let first = words.first?.utf8.first ?? 0
        if words.count > 2, isDigit(first), words.contains(where: { word in states.contains { word.hasPrefix($0) } }) {
            return "the output of sacct without its header (--noheader, -n)"
        }
        return nil
    }
}

/// A value in `billing=4,cpu=4,mem=16G,node=1`.
private func resource(_ name: String, _ resources: String) -> String? {
    resources.split(separator: ",").first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
}

/// How many nodes `n[1-3,7],m2` names: 5; `nil` where that cannot be told.
private func nodeCount(_ list: String) -> Double? {
    guard list != "None assigned" else { return nil }
    var (count, inGroup, range, isInside) = (0.0, 1.0, "", false)
    var inBrackets = 0.0
    for character in list + "," {
        switch character {
        case "[": (isInside, inBrackets, range) = (true, 0, "")
        case ",", "]":
            if isInside {
                let ends = range.split(separator: "-").map { Double($0) ?? .nan }
                inBrackets += ends.count == 2 ? ends[1] - ends[0] + 1 : 1
            }
            if character == "]" { (isInside, inGroup) = (false, inGroup * inBrackets) }
            if character == ",", !isInside { (count, inGroup) = (count + inGroup, 1) }
            range = ""
        default: range.append(character)
        }
    }
    return count >= 1 && count < 1e9 ? count : nil
}

extension String {
    fileprivate func trimmingSuffix(_ suffix: String) -> String {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
    }
}
