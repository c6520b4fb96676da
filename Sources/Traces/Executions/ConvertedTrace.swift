import Reading
import Workloads

/// A record of executions that is no table, written as one: the reader of tables does the rest.
struct ConvertedTrace {
    /// What the rows are in.
    let format: ExecutionFormat
    let header: [String]
    /// One row a record; as many fields as the header, missing ones empty.
    private(set) var rows: [[String]] = []
    /// Where each record began.
    private(set) var lines: [Int] = []
    /// Between the fields; a byte that no text has.
    static let delimiter: UInt8 = 0x1F

    init(_ format: ExecutionFormat, header: [String]) { (self.format, self.header) = (format, header) }

    mutating func append(_ fields: [String: String], line: Int) {
        rows.append(header.map { fields[$0] ?? "" })
        lines.append(line)
    }

    /// The table, its header first.
    func source(name: String) throws(TraceError) -> ByteSource {
        var bytes: [UInt8] = []
        for row in [header] + rows {
            for (index, field) in row.enumerated() {
                if index > 0 { bytes.append(Self.delimiter) }
                bytes.append(contentsOf: field.utf8.lazy.map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: " ") : $0 })
            }
            bytes.append(UInt8(ascii: "\n"))
        }
        return try ByteSource(bytes: bytes, name: name)
    }

    /// What the source holds, if it is no table: told by its first bytes, unless the format is known.
    static func read(_ source: ByteSource, format: ExecutionFormat?) throws(TraceError) -> ConvertedTrace? {
        let head = String(decoding: try source.peek(1 << 16), as: UTF8.self).drop {
            $0.isWhitespace || $0 == "\u{FEFF}"
        }
        let mayBeSlurm = format == nil || format == .slurm
        if mayBeSlurm, head.hasPrefix("{"), format == .slurm || SlurmJSON.recognise(head) {
            return try SlurmJSON.read(source)
        }
        if mayBeSlurm, head.hasPrefix("JobId="), head.prefix(2000).contains(" JobState=") {
            return try SlurmCompletion.read(source)
        }
        let mark = GNUTimeLog.mark
        if format == .gnuTime || (format == nil && head.utf8.count > mark.utf8.count && head.contains(mark)) {
            return try GNUTimeLog.read(source)
        }
        return nil
    }

    /// The lines of a text that is read whole, without spaces before their ends.
    static func lines(_ source: ByteSource) throws(TraceError) -> [Substring] {
        let bytes = try source.readAll()
        if let zero = bytes.firstIndex(of: 0) { throw .binary(path: source.name, atByte: zero) }
        return String(decoding: bytes, as: UTF8.self).split(omittingEmptySubsequences: false) { $0.isNewline }
            .map { line in line[..<(line.lastIndex { $0 != " " }.map(line.index(after:)) ?? line.startIndex)] }
    }
}
