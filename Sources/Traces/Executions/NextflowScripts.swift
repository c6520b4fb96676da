import Reading
import Workloads

/// Brings every task of a Nextflow trace on one line. Nextflow writes the text of `script` and `env` as it is, with its
/// line ends and tabs; here both are left empty, as nothing is read from them.
///
/// A task begins where the fields before the first of these columns can be what their names say (a hash, a status,
/// numbers), and ends with the line whose last fields can be those after. Line numbers stay: a task of three lines is
/// followed by two blank ones.
struct NextflowScripts {
    static let columns: Set<String> = ["script", "env"]

    /// How many pieces could not be told from rows, and the line of the first.
    private(set) var lost: (pieces: Int, firstLine: Int) = (0, 0)
    private var output: [UInt8] = []
    private let name: String
    private let text: [UInt8]
    private var layout: Layout

    /// Reads all of a tab-separated trace whose header has one of ``columns``.
    ///
    /// - Throws: ``TraceError`` also where too little stands before the scripts to tell where a task begins.
    init(_ source: ByteSource, header: [String]) throws(TraceError) {
        (name, text, layout) = (source.name, try source.readAll(), Layout(header))
        output.reserveCapacity(text.count / 2)
        var start: Int?
        var lines: [Range<Int>] = []
        var begin = 0
        while begin < text.count {
            let end = text[begin...].firstIndex(of: UInt8(ascii: "\n")) ?? text.count
            lines.append(begin..<(end > begin && text[end - 1] == UInt8(ascii: "\r") ? end - 1 : end))
            begin = end + 1
        }
        for (number, line) in lines.enumerated() {
            let fields = text[line].split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
            let names = fields.map { String(decoding: trimmed($0), as: UTF8.self).droppingByteOrderMark }
            if names == layout.names || ExecutionFormat.nextflow.fits(names) {
                flush(lines, start.map { $0..<number })
                (layout, start) = (Layout(names), nil)
                write(text[line])
            } else if layout.scripts.isEmpty || (start == nil && line.isEmpty) {
                write(text[line])
            } else if !layout.isTelling {
                guard fields.count == layout.names.count || line.isEmpty else { throw untold(line: number + 1) }
                write(text[line])
            } else if layout.begins(fields) {
                flush(lines, start.map { $0..<number })
                start = number
            } else if start == nil {
                lose(lines[number...number], number)
            }
        }
        flush(lines, start.map { $0..<lines.count })
    }

    /// The trace with every task on one line.
    func source() throws(TraceError) -> ByteSource { try ByteSource(bytes: output, name: name) }

    /// Writes the task of these lines, or counts it as lost.
    private mutating func flush(_ lines: [Range<Int>], _ task: Range<Int>?) {
        guard let task, let firstLine = lines[task].first else { return }
        let last = lines[task].lastIndex { !$0.isEmpty } ?? task.lowerBound
        let whole = text[firstLine.lowerBound..<lines[last].upperBound]
        let fields = whole.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
        let ending = text[lines[last]].split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
        guard let row = layout.row(fields, lastLine: last == task.lowerBound ? nil : ending) else {
            return lose(lines[task], task.lowerBound)
        }
        write(row)
        output += repeatElement(UInt8(ascii: "\n"), count: task.count - 1)
    }

    /// A line without tabs in place of what is lost: a row with too few fields.
    private mutating func lose(_ lines: ArraySlice<Range<Int>>, _ number: Int) {
        if lost.pieces == 0 { lost.firstLine = number + 1 }
        lost.pieces += 1
        write(lines.first.map { text[$0].map { $0 == UInt8(ascii: "\t") ? UInt8(ascii: " ") : $0 }[...] } ?? [])
        output += repeatElement(UInt8(ascii: "\n"), count: lines.count - 1)
    }

    private mutating func write(_ line: ArraySlice<UInt8>) {
        output += line
        output.append(UInt8(ascii: "\n"))
    }

    private func untold(line: Int) -> TraceError {
        .malformed(
            at: TextPosition(file: name, line: line), found: "a line of a script", expected: "a task on every line",
            remedy: "Leave script and env out of trace.fields, or put hash or status before them.")
    }
}

/// The columns of a header, and what their fields may look like.
private struct Layout {
    let names: [String]
    /// The positions of the columns that may hold anything.
    let scripts: [Int]
    /// Whether the columns before them tell for sure where a task begins.
    let isTelling: Bool

    private static let numbers: Set<String> = Set(
        ExecutionFormat.nextflow.mappings.filter { $0.column?.isText == false }.flatMap { $0.sources.map(\.name) })

    init(_ names: [String]) {
        self.names = names
        let scripts = names.indices.filter { NextflowScripts.columns.contains(names[$0]) }
        self.scripts = scripts
        isTelling = names[..<(scripts.first ?? 0)].contains { $0 == "hash" || $0 == "status" }
    }

    /// Whether a task can begin with a line of these fields.
    func begins(_ fields: [ArraySlice<UInt8>]) -> Bool {
        let count = scripts.first ?? 0
        return fields.count > count && zip(fields, names).prefix(count).allSatisfy(Self.fits)
    }

    /// The row of a task, scripts left empty; `nil` if its fields cannot be told from their text.
    ///
    /// - Parameter lastLine: The fields of its last line, if it has several.
    func row(_ fields: [ArraySlice<UInt8>], lastLine: [ArraySlice<UInt8>]?) -> ArraySlice<UInt8>? {
        guard let first = scripts.first, let last = scripts.last, fields.count >= names.count else { return nil }
        let after = names.count - last - 1
        let isWhole = fields.count == names.count
        // Tabs in the scripts leave what stands between two of them unknown.
        guard isWhole || last - first + 1 == scripts.count, after == 0 || (lastLine?.count ?? .max) > after else {
            return nil
        }
        guard zip(fields.suffix(after), names.suffix(after)).allSatisfy(Self.fits) else { return nil }
        var row: [ArraySlice<UInt8>] = Array(fields[..<first])
        for column in first...last { row.append(scripts.contains(column) ? [] : fields[column]) }
        row += fields.suffix(after)
        return row.joined(separator: [UInt8(ascii: "\t")]).map { $0 }[...]
    }

    private static func fits(_ field: ArraySlice<UInt8>, _ name: String) -> Bool {
        let field = trimmed(field)
        if field.elementsEqual("-".utf8) { return name != "task_id" }
        switch name {
        case "task_id": return !field.isEmpty && field.allSatisfy(isDigit)
        case "hash": return isNextflowHash(field)
        case "status":
            let word = String(decoding: field, as: UTF8.self)
            return AttemptStatus(word: word) != nil || isUnfinished(word)
        default:
            guard numbers.contains(name) else { return true }
            return isMissing(field) || field.first.map { isDigit($0) || $0 == UInt8(ascii: "-") } == true
        }
    }
}

/// `9a/0c11de`: where the task worked.
func isNextflowHash(_ field: some Collection<UInt8>) -> Bool {
    let parts = field.split(separator: UInt8(ascii: "/"))
    return parts.count == 2 && parts[0].count == 2
        && parts.joined().allSatisfy { isDigit($0) || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0 }
}
