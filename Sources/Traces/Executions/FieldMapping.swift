public import Reading
import Workloads

/// Where a column of the trace schema comes from in a foreign table.
///
///     runtime_seconds=Realtime[ms]                    a column, and its unit
///     peak_memory_bytes=memory.max_usage|memory.peak  the first of them that has a value
///     cpu_seconds=%cpu[percent]                       percent of one core × run time
///     workflow==rnaseq                                the same for every row
///     param.reads=NumberSequences                     a parameter of the task
public struct FieldMapping: Hashable, Sendable {
    /// The column of the schema, or `param.NAME`.
    public let target: String
    /// The mapping as it was written.
    public let text: String
    let column: AttemptColumn?
    let sources: [Source]

    struct Source: Hashable, Sendable {
        let name: String
        let unit: FieldUnit
        var isConstant = false
    }

    /// Reads the notation above.
    ///
    /// - Throws: ``TraceError/badRequest(found:expected:remedy:)`` for an unknown column or unit.
    public init(_ text: String) throws(TraceError) {
        self.text = text
        guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
            throw .badRequest(
                found: "the mapping '\(text)'", expected: "column=theirs, column=theirs[unit] or column==constant",
                remedy: "For instance runtime_seconds=Realtime[ms].")
        }
        let name = String(text[..<equals])
        let field = ColumnHeader.field(named: name)
        guard let field, field.unit == .asWritten else {
            let names = AttemptColumn.allCases.map(\.name)
            let near = nearestName(to: name, among: names) ?? names.first { $0.hasPrefix(name + "_") }
            throw .badRequest(
                found: "the mapping of '\(name)'", expected: "a column of the trace schema or param.NAME",
                remedy: near.map { "Did you mean '\($0)'?" } ?? "`almanac import --help` lists the columns.")
        }
        target = name
        if case .column(let column) = field.target { self.column = column } else { column = nil }
        let rest = text[text.index(after: equals)...]
        if rest.first == "=" {
            sources = [Source(name: String(rest.dropFirst()), unit: .asWritten, isConstant: true)]
            return
        }
        var sources: [Source] = []
        for part in rest.split(separator: "|") {
            guard part.last == "]", let bracket = part.lastIndex(of: "[") else {
                sources.append(Source(name: String(part), unit: .asWritten))
                continue
            }
            let unitName = String(part[part.index(after: bracket)...].dropLast())
            guard let unit = FieldUnit(name: unitName) else {
                throw .badRequest(
                    found: "the unit '\(unitName)' in '\(text)'",
                    expected: "one of " + FieldUnit.all.map(\.name).joined(separator: ", "),
                    remedy: "Leave it out if the column is in the unit of ours.")
            }
            sources.append(Source(name: String(part[..<bracket]), unit: unit))
        }
        guard !sources.isEmpty else {
            throw .badRequest(
                found: "the mapping '\(text)'", expected: "a column of the file after the '='",
                remedy: "For instance runtime_seconds=Realtime[ms].")
        }
        self.sources = sources
    }

    /// A mapping that is known to be right: those of the formats that are built in.
    init(builtIn text: String) {
        do throws(TraceError) { self = try FieldMapping(text) } catch { preconditionFailure("\(error)") }
    }
}
