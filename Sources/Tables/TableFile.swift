internal import Reading
internal import Workloads

/// A table of observations from a CSV file: a header of names, then a row per line. The separator is a comma, a tab or a
/// semicolon; with semicolons a number may have a decimal comma.
///
///     let table = try TableFile("runs.csv", categorical: ["cpus"])
///     let seconds = try table.numbers("runtime_seconds")
///
/// A column is numeric if all that is written in it are numbers; nothing, `-`, `NA`, `null` and `nan` are missing. A
/// column of words is categorical. A column of numbers with a few words in it is an error that names the first of them.
public struct TableFile: Sendable {
    public struct Column: Sendable {
        public let name: String
        public let values: Values
        /// Whether somebody said that its numbers are names.
        var isCategorical = false
    }

    public enum Values: Sendable {
        case numbers([Double])
        case words([String?])
    }

    public let path: String
    public let columns: [Column]
    /// The line of every row.
    public let lines: [Int]

    public var rowCount: Int { lines.count }

    /// The share of numbers from which a column with words in it is taken for a damaged column of numbers.
    static let mostlyNumbers = 0.9

    /// - Parameters:
    ///   - path: A file, or `-` for standard input.
    ///   - categorical: Columns whose numbers are names.
    ///   - ignored: Columns that are not looked at.
    /// - Throws: ``TableError``, and `TraceError` for a file that cannot be read.
    public init(_ path: String, categorical: Set<String> = [], ignored: Set<String> = []) throws {
        let source = try ByteSource(path)
        let path = source.name
        let delimiter = try Self.delimiter(of: source)
        var reader = DelimitedReader(source, delimiter: delimiter, quoting: true)
        guard try reader.next() else { throw TraceError.empty(path: path) }
        let header = (0..<reader.fieldCount).map { reader.text($0) }.enumerated().map { index, name in
            // A byte order mark is no part of the first name.
            String((index == 0 && name.hasPrefix("\u{FEFF}") ? name.dropFirst() : name[...]).trimmed)
        }
        for (index, name) in header.enumerated() {
            guard !name.isEmpty else { throw TableError.unnamedColumn(path, column: index + 1) }
            guard header.firstIndex(of: name) == index else { throw TableError.duplicateColumn(path, name) }
        }
        for name in categorical.union(ignored).sorted() where !header.contains(name) {
            throw TableError.noColumn(path, name, known: header)
        }
        var builders = header.map {
            Builder(
                isCategorical: categorical.contains($0), isIgnored: ignored.contains($0),
                hasDecimalCommas: delimiter == UInt8(ascii: ";"))
        }
        var lines: [Int] = []
        while try reader.next() {
            guard reader.fieldCount == header.count else {
                throw TableError.wrongFieldCount(
                    path, line: reader.line, found: reader.fieldCount, expected: header.count)
            }
            for index in builders.indices { builders[index].append(reader.field(index), row: lines.count) }
            lines.append(reader.line)
        }
        guard !lines.isEmpty else { throw TableError.noRows(path, header.count) }
        (self.path, self.lines) = (path, lines)
        columns = try zip(header, builders).compactMap { name, builder in
            if builder.isIgnored { return nil }
            if builder.isCategorical { return Column(name: name, values: .words(builder.words), isCategorical: true) }
            guard let first = builder.firstWord else { return Column(name: name, values: .numbers(builder.numbers)) }
            let (known, numeric) = (builder.words.count { $0 != nil }, builder.numbers.count { !$0.isNaN })
            guard Double(numeric) < Self.mostlyNumbers * Double(known) else {
                throw TableError.wordInNumbers(
                    path, line: lines[first], column: name, found: builder.words[first] ?? "")
            }
            return Column(name: name, values: .words(builder.words))
        }
    }

    /// The one of which the first line has most; a comma where there is none.
    private static func delimiter(of source: ByteSource) throws -> UInt8 {
        var (wanted, head) = (1 << 12, ArraySlice<UInt8>())
        repeat {
            head = try source.peek(wanted).drop { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
            wanted *= 4
        } while !head.contains(UInt8(ascii: "\n")) && wanted <= 1 << 24
        let line = head.prefix { $0 != UInt8(ascii: "\n") }
        let counts = ",\t;".utf8.map { delimiter in (delimiter, count: line.count { $0 == delimiter }) }
        return counts.reduce(counts[0]) { $1.count > $0.count ? $1 : $0 }.0
    }

    /// The column of a name.
    public func column(_ name: String) throws(TableError) -> Column {
        guard let column = columns.first(where: { $0.name == name }) else {
            throw .noColumn(path, name, known: columns.map(\.name))
        }
        return column
    }

    /// A column of numbers.
    public func numbers(_ name: String) throws(TableError) -> [Double] {
        switch try column(name).values {
        case .numbers(let numbers): return numbers
        case .words(let words):
            let first = words.firstIndex { $0.map { Double($0) == nil } ?? false } ?? 0
            throw .wordsForNumbers(path, line: lines[first], column: name, found: words[first] ?? "")
        }
    }

    /// A column of any kind as words, for instance to group rows by.
    public func words(_ name: String) throws(TableError) -> [String?] {
        switch try column(name).values {
        case .words(let words): words
        case .numbers(let numbers): numbers.map { $0.isNaN ? nil : "\($0)" }
        }
    }

    /// A column of times: numbers, or dates as `2024-05-01T12:00:00Z` in seconds.
    public func times(_ name: String) throws(TableError) -> [Double] {
        switch try column(name).values {
        case .numbers(let numbers): return numbers
        case .words(let words):
            return try words.enumerated().map { row, word throws(TableError) in
                guard let word else { return .nan }
                let bytes = Array(word.utf8)
                guard let time = parseTimestamp(bytes.span, 0..<bytes.count) else {
                    throw .noTime(path, line: lines[row], column: name, found: word)
                }
                return time
            }
        }
    }
}

/// One column while it is read.
private struct Builder {
    let isCategorical: Bool
    let isIgnored: Bool
    let hasDecimalCommas: Bool
    var numbers: [Double] = []
    var words: [String?] = []
    /// The row of the first word that is no number.
    var firstWord: Int?

    init(isCategorical: Bool, isIgnored: Bool, hasDecimalCommas: Bool) {
        (self.isCategorical, self.isIgnored, self.hasDecimalCommas) = (isCategorical, isIgnored, hasDecimalCommas)
    }

    mutating func append(_ field: ArraySlice<UInt8>, row: Int) {
        guard !isIgnored else { return }
        var bytes = Array(field)
        let text = String(String(decoding: bytes, as: UTF8.self).trimmed)
        if hasDecimalCommas, let comma = bytes.firstIndex(of: UInt8(ascii: ",")) { bytes[comma] = UInt8(ascii: ".") }
        switch parseNumber(bytes.span, 0..<bytes.count) {
        case .missing:
            numbers.append(.nan)
            words.append(nil)
        case .value(let number):
            numbers.append(number)
            words.append(number.isNaN ? nil : text)
        case .notANumber:
            numbers.append(.nan)
            words.append(text)
            if firstWord == nil { firstWord = row }
        }
    }
}

extension StringProtocol {
    /// Without blanks at the ends.
    fileprivate var trimmed: SubSequence {
        var rest = self[...]
        while rest.first?.isWhitespace == true { rest = rest.dropFirst() }
        while rest.last?.isWhitespace == true { rest = rest.dropLast() }
        return rest
    }
}

/// Why a table cannot be learnt from.
public enum TableError: Error, Hashable, CustomStringConvertible {
    case unnamedColumn(String, column: Int)
    case duplicateColumn(String, String)
    case noColumn(String, String, known: [String])
    case wrongFieldCount(String, line: Int, found: Int, expected: Int)
    case noRows(String, Int)
    case wordInNumbers(String, line: Int, column: String, found: String)
    case wordsForNumbers(String, line: Int, column: String, found: String)
    case noTime(String, line: Int, column: String, found: String)
    case infinite(String, line: Int, column: String, found: Double)
    case noTarget(String, String)
    case noFeatures(String)
    case tooFewRows(String, found: Int, needed: Int, purpose: String)
    case notPositive(String, line: Int, column: String, found: Double)
    case contradiction(String, remedy: String)

    private static let headerAgain = "The header stands here once more: take this line out."

    public var description: String {
        switch self {
        case .unnamedColumn(let path, let column):
            "\(path):1: column \(column) has no name. Name every column in the first line."
        case .duplicateColumn(let path, let name):
            "\(path):1: two columns are named '\(name)'. Rename one of them."
        case .noColumn(let path, let name, let known):
            "\(path): there is no column '\(name)'. "
                + (nearestName(to: name, among: known).map { "Did you mean '\($0)'? " } ?? "")
                + "Columns: \(known.joined(separator: ", "))."
        case .wrongFieldCount(let path, let line, let found, let expected):
            "\(path):\(line): found \(found) fields, expected \(expected) as in the header. "
                + "Quote fields that hold commas, and check for a truncated line."
        case .noRows(let path, let columns):
            "\(path): found a header of \(columns) columns and no rows. Check whether the program that wrote it finished."
        case .wordInNumbers(let path, let line, let column, let found):
            "\(path):\(line): '\(column)' is '\(found)', expected a number. "
                + (found == column
                    ? Self.headerAgain
                    : "Correct the line, or say that the numbers are names (--categorical \(column)) or of no use "
                        + "(--drop \(column)).")
        case .wordsForNumbers(let path, let line, let column, let found):
            "\(path):\(line): '\(column)' is '\(found)', expected a number. "
                + (found == column
                    ? Self.headerAgain
                    : "Names cannot weigh rows, and mixed with numbers they are no classes: correct the line, or choose a column of numbers.")
        case .noTime(let path, let line, let column, let found):
            "\(path):\(line): '\(column)' is '\(found)', expected a number or a date such as 2024-05-01T12:00:00Z."
        case .infinite(let path, let line, let column, let found):
            "\(path):\(line): '\(column)' is \(found), expected a finite number. Leave the field empty where the value is "
                + "not known, or leave out the row."
        case .noTarget(let path, let name):
            "\(path): no row has a value of '\(name)'. Name another column with --target."
        case .noFeatures(let path):
            "\(path): no column is left to predict from. Name some with --features, or drop fewer."
        case .tooFewRows(let path, let found, let needed, let purpose):
            "\(path): found \(found) rows with a target, \(purpose) needs \(needed). Record more."
        case .notPositive(let path, let line, let column, let found):
            "\(path):\(line): '\(column)' is \(found), expected more than 0 for logarithms. Leave out --log, or the row."
        case .contradiction(let what, let remedy): "\(what). \(remedy)"
        }
    }
}
