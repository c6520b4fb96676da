import Foundation

/// Reads recorded executions from a file of any format that we know.
///
///     let (table, report) = try ExecutionReader().read("trace.csv.gz")
public struct ExecutionReader: Sendable {
    /// `nil` recognises the format by the header.
    public var format: ExecutionFormat?
    /// How many threads parse; the result does not depend on it.
    public var threads = 2
    /// A longer line is an error.
    public var maximumRecordBytes = 1 << 22
    /// How much is parsed at a time; the result does not depend on it.
    package var blockBytes = 1 << 20

    public init(format: ExecutionFormat? = nil) { self.format = format }

    /// Reads a file, a gzip file, or standard input (`-`).
    ///
    /// Rows that cannot be right are skipped and counted in the report.
    ///
    /// - Throws: ``TraceError`` if the file cannot be read or cannot be of the format.
    public func read(_ path: String) throws(TraceError) -> (table: ExecutionTable, report: ImportReport) {
        try read(ByteSource(path))
    }

    /// As ``read(_:)-(String)`` from bytes that somebody else supplies.
    public func read(_ source: ByteSource) throws(TraceError) -> (table: ExecutionTable, report: ImportReport) {
        let clock = ContinuousClock()
        let start = clock.now
        var report = ImportReport(file: source.name, format: "csv")
        var names: [String] = []
        var header = DelimitedReader(
            try ByteSource(bytes: Array(source.peek(1 << 16).prefix { $0 != UInt8(ascii: "\n") }), name: source.name),
            delimiter: UInt8(ascii: ","), quoting: true)
        _ = try header.next()
        names = (0..<header.fieldCount).map { header.text($0) }
        let csv = try ExecutionCSV(header: names, delimiter: UInt8(ascii: ","), file: source.name)
        let table = try csv.read(
            source, threads: threads, blockBytes: blockBytes, maximumRecordBytes: maximumRecordBytes, report: &report)
        report.seconds = (clock.now - start) / .seconds(1)
        return (table, report)
    }
}
public enum ExecutionFormat: String, Sendable, CaseIterable { case csv }
