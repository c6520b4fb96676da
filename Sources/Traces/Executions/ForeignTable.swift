import Reading
import Workloads

/// Turns the lines of a foreign table into records, by mappings.
struct ForeignTable {
    private let format: ExecutionFormat
    private var bindings: [Binding] = []
    private let hasBinaryUnits: Bool
    /// Whether a value with a unit in it was seen, such as `4.5 GB`.
    var hasHumanUnits = false

    /// A mapping whose columns were found; `indices` are the fields that bear the name of a source.
    private struct Binding {
        let target: String
        let column: AttemptColumn?
        let sources: [(unit: FieldUnit, constant: String?, indices: [Int])]
    }

    /// - Parameter mappings: The user's; they take the place of those of the format.
    /// - Throws: ``TraceError`` if a column that the user names is not in the header.
    init(_ format: ExecutionFormat, header: [String], mappings: [FieldMapping], file: String) throws(TraceError) {
        self.format = format
        hasBinaryUnits = format.hasBinaryUnits
        var all: [(FieldMapping, isBuiltIn: Bool)] = mappings.map { ($0, false) }
        var taken = Set(mappings.map(\.target))
        for mapping in format.mappings where taken.insert(mapping.target).inserted { all.append((mapping, true)) }
        if format == .csv || format == .table {
            for name in header where ColumnHeader.field(named: name)?.unit == .asWritten && taken.insert(name).inserted
            {
                all.append((try FieldMapping(name + "=" + name), true))
            }
        }
        for (mapping, isBuiltIn) in all {
            var sources: [(unit: FieldUnit, constant: String?, indices: [Int])] = []
            for source in mapping.sources {
                if source.isConstant {
                    sources.append((source.unit, source.name, []))
                    continue
                }
                let indices = header.indices.filter { header[$0] == source.name }
                if indices.isEmpty, !isBuiltIn, mapping.sources.count == 1 {
                    let near = nearestName(to: source.name, among: header)
                    throw .badRequest(
                        found: "--map \(mapping.target)=\(source.name)",
                        expected: "a column of \(file): " + header.prefix(20).joined(separator: ", "),
                        remedy: near.map { "Did you mean '\($0)'?" } ?? "Check the name in the first line of the file.")
                }
                if !indices.isEmpty { sources.append((source.unit, nil, indices)) }
            }
            if !sources.isEmpty {
                bindings.append(Binding(target: mapping.target, column: mapping.column, sources: sources))
            }
        }
        let targets = Set(bindings.map(\.target))
        guard targets.contains("task") || targets.contains("task_type") else {
            throw .unknownFormat(
                path: file, found: "no column for task or task_type", nearest: "'\(format.rawValue)'",
                remedy: "Say which column it is, for instance --map task_type=Tool.")
        }
        guard bindings.contains(where: { $0.column.map { !$0.isText || $0 == .status } ?? false }) else {
            throw .unknownFormat(
                path: file, found: "no column that measures a task", nearest: "'\(format.rawValue)'",
                remedy: "Say which column does, for instance --map runtime_seconds=Time[ms].")
        }
    }

    /// What a line comes to.
    enum Row {
        case record(AttemptRecord)
        case skip(String, found: String)
    }

    /// The record of the reader's current line.
    mutating func row(_ reader: borrowing DelimitedReader) -> Row {
        var record = AttemptRecord()
        var percent: Double?
        for binding in bindings {
            guard let (bytes, unit) = value(of: binding, reader) else { continue }
            guard let column = binding.column else {
                record.parameters[String(binding.target.dropFirst(6))] = parameter(bytes, unit)
                continue
            }
            if column.isText {
                let text = String(decoding: bytes, as: UTF8.self)
                if column == .status {
                    if isUnfinished(text) { return .skip("the task had not ended", found: text) }
                    guard let status = AttemptStatus(word: text) else {
                        return .skip("the status is unknown", found: TraceError.quote(bytes))
                    }
                    record.status = status
                } else {
                    record[text: column] = text
                }
                continue
            }
            guard let number = number(bytes, column.unit, unit) else {
                return .skip(
                    "\(column.name) is not a number; expected \(column.unit.rawValue)", found: TraceError.quote(bytes))
            }
            if !number.isFinite {
                return .skip("\(column.name) is not a finite number", found: TraceError.quote(bytes))
            }
            if number < 0, column.isNonNegative {
                return .skip("\(column.name) is negative", found: TraceError.quote(bytes))
            }
            if column.unit == .unixSeconds, number > 1e11 {
                return .skip("\(column.name) is not in Unix seconds (milliseconds?)", found: TraceError.quote(bytes))
            }
            if unit == .percentOfCore { percent = number } else { record[number: column] = number }
        }
        record.completeRuntime()
        if let percent, let runtime = record.runtimeSeconds { record.cpuSeconds = percent * runtime }
        if record.task == nil, record.taskType == nil {
            return .skip("the row has neither task nor task_type", found: "")
        }
        return .record(record)
    }
}

extension ForeignTable {
    /// The first source that has a value. Of columns with the same name one with a bare number is preferred: some
    /// recorders write everything twice, for people and for programs.
    private func value(of binding: Binding, _ reader: borrowing DelimitedReader) -> (ArraySlice<UInt8>, FieldUnit)? {
        for source in binding.sources {
            if let constant = source.constant { return (ArraySlice(constant.utf8), source.unit) }
            var best: ArraySlice<UInt8>?
            for index in source.indices where index < reader.fieldCount {
                let bytes = trimmed(reader.field(index))
                if isMissing(bytes) { continue }
                if best == nil || bytes.allSatisfy(isDigit) { best = bytes }
            }
            if let best { return (best, source.unit) }
        }
        return nil
    }

    /// The number in the unit of the schema.
    private mutating func number(_ bytes: ArraySlice<UInt8>, _ dimension: AttemptColumn.Unit, _ unit: FieldUnit)
        -> Double?
    {
        let copy = Array(bytes)
        switch parseNumber(copy.span, 0..<copy.count) {
        case .value(let number): return unit.convert(number)
        case .missing: return nil
        case .notANumber: break
        }
        if unit == .percentOfCore, bytes.last == UInt8(ascii: "%") {
            hasHumanUnits = true
            return number(bytes.dropLast(), dimension, unit)
        }
        if dimension == .unixSeconds { return parseTimestamp(copy.span, 0..<copy.count) }
        let text = String(decoding: bytes.prefix(200), as: UTF8.self)
        if dimension == .bytes, bytes.first == UInt8(ascii: "["), bytes.last == UInt8(ascii: "]") {
            var sum = 0.0
            for part in text.dropFirst().dropLast().split(separator: ",") {
                guard let number = parseDecimal(String(part)) else { return nil }
                sum += unit.convert(number)
            }
            return sum
        }
        let number =
            dimension == .bytes
            ? Units.parseBytes(text, binary: hasBinaryUnits) : dimension == .seconds ? Units.parseSeconds(text) : nil
        if number != nil { hasHumanUnits = true }
        return number
    }

    private mutating func parameter(_ bytes: ArraySlice<UInt8>, _ unit: FieldUnit) -> ParameterValue {
        if let dimension = unit.dimension, let number = number(bytes, dimension, unit), number.isFinite {
            return .number(number)
        }
        return ParameterValue(String(decoding: bytes, as: UTF8.self))
    }
}

extension AttemptRecord {
    /// Where the recorder gives no run time: the time from start to end.
    mutating func completeRuntime() {
        if runtimeSeconds == nil, let start = startTimeSeconds, let end = endTimeSeconds, end >= start {
            runtimeSeconds = end - start
        }
    }
}

func isUnfinished(_ status: some StringProtocol) -> Bool {
    [
        "running", "pending", "new", "queued", "submitted", "ready", "waiting", "suspended", "requeued", "configuring",
        "completing", "resizing",
    ]
    .contains(status.lowercased())
}

/// Whether a foreign table says so that it has no value.
package func isMissing(_ bytes: ArraySlice<UInt8>) -> Bool {
    switch bytes.count {
    case 0: true
    case 1: bytes.first == UInt8(ascii: "-")
    case 2...9: ["NA", "N/A", "null", "None", "Unknown", "UNLIMITED"].contains { bytes.elementsEqual($0.utf8) }
    default: bytes.elementsEqual("Partition_Limit".utf8)
    }
}
