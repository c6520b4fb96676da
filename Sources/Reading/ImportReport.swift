internal import Workloads

/// What came of reading one file: how many rows it had, how many were kept, and why the others were not.
///
/// Always `rowsRead == rowsStored + rowsSkipped`, and the counts of `reasons` add up to `rowsSkipped`.
public struct ImportReport: Hashable, Sendable, Codable {
    /// The file as it was named.
    public var file: String
    /// The format that it was read as.
    public var format: String
    /// Records in the file, the header not among them.
    public var rowsRead = 0
    /// Those that were kept.
    public var rowsStored = 0
    /// In the order of their first row.
    public var reasons: [Reason] = []
    /// What the reader noticed but did not hold against any row.
    public var warnings: [String] = []
    /// Wall time of the import.
    public var seconds = 0.0

    /// Those that were not; ``reasons`` says why.
    public var rowsSkipped: Int { rowsRead - rowsStored }

    /// Whether there were rows and not one was fit to be stored; those that the store holds already are.
    public var hasNothingRight: Bool {
        rowsRead > 0 && rowsStored == 0 && !reasons.contains { $0.reason.hasPrefix("the store already holds") }
    }

    /// A report of nothing read yet.
    public init(file: String, format: String) { (self.file, self.format) = (file, format) }

    /// Why rows were skipped, how many, and where the first one is.
    public struct Reason: Hashable, Sendable, Codable {
        /// One sentence.
        public var reason: String
        /// How many rows.
        public var rows: Int
        /// From 1; 0 where the reason is not in a line of the file.
        public var firstLine: Int
        /// What was found in that line.
        public var example: String?

        package init(reason: String, rows: Int, firstLine: Int, example: String?) {
            (self.reason, self.rows, self.firstLine, self.example) = (reason, rows, firstLine, example)
        }

        enum CodingKeys: String, CodingKey { case reason, rows, firstLine = "first_line", example }
    }

    /// Counts one row that is read but not kept.
    public mutating func skip(_ reason: String, line: Int, example: String? = nil, rows: Int = 1) {
        if let known = reasons.firstIndex(where: { $0.reason == reason }) {
            reasons[known].rows += rows
        } else {
            reasons.append(Reason(reason: reason, rows: rows, firstLine: line, example: example))
        }
    }

    /// Says how much of a file is not UTF-8.
    package mutating func warn(ofDamage damaged: (lines: Int, first: Int)) {
        guard damaged.lines > 0 else { return }
        warnings.append(
            "\(Units.count(damaged.lines, "line")), the first \(damaged.first), not UTF-8: the bytes in question became "
                + "U+FFFD. Convert the file before ('iconv -f latin1 -t utf8') to keep them.")
    }

    /// Says that several tables were joined.
    package mutating func warn(ofHeaders headers: (count: Int, firstLine: Int)) {
        guard headers.count > 0 else { return }
        warnings.append(
            "\(Units.count(headers.count, "more header")), the first in line \(headers.firstLine): the rows after each are read "
                + "by it.")
    }

    /// Says how many tasks are lost among the lines of scripts.
    package mutating func warn(ofScripts lost: (pieces: Int, firstLine: Int)) {
        guard lost.pieces > 0 else { return }
        warnings.append(
            "\(Units.count(lost.pieces, "piece")) of text, the first in line \(lost.firstLine), cannot be told from a script. "
                + "Leave script and env out of trace.fields.")
    }

    enum CodingKeys: String, CodingKey {
        case file, format, reasons, warnings, seconds
        case rowsRead = "rows_read"
        case rowsStored = "rows_stored"
        case rowsSkipped = "rows_skipped"
    }

    /// Reads what ``encode(to:)`` wrote.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        file = try values.decode(String.self, forKey: .file)
        format = try values.decode(String.self, forKey: .format)
        rowsRead = try values.decode(Int.self, forKey: .rowsRead)
        rowsStored = try values.decode(Int.self, forKey: .rowsStored)
        reasons = try values.decode([Reason].self, forKey: .reasons)
        warnings = try values.decode([String].self, forKey: .warnings)
        seconds = try values.decode(Double.self, forKey: .seconds)
    }

    /// Writes the names of the command line: `rows_read`, `rows_stored`, `rows_skipped`, `first_line`.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(file, forKey: .file)
        try values.encode(format, forKey: .format)
        try values.encode(rowsRead, forKey: .rowsRead)
        try values.encode(rowsStored, forKey: .rowsStored)
        try values.encode(rowsSkipped, forKey: .rowsSkipped)
        try values.encode(reasons, forKey: .reasons)
        try values.encode(warnings, forKey: .warnings)
        try values.encode(seconds, forKey: .seconds)
    }
}
