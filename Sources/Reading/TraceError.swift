/// A place in a text file: `file:line:column`, counted from 1; a zero is not known and not printed.
public struct TextPosition: Hashable, Sendable, CustomStringConvertible {
    /// The path as given.
    public var file: String
    /// From 1.
    public var line: Int
    /// From 1; in tables the number of the field.
    public var column: Int

    /// A place; what is not given is not known.
    public init(file: String, line: Int = 0, column: Int = 0) {
        (self.file, self.line, self.column) = (file, line, column)
    }

    /// `file:line:column`.
    public var description: String {
        file + (line > 0 ? ":\(line)" : "") + (line > 0 && column > 0 ? ":\(column)" : "")
    }
}

/// What can be wrong with a trace. The description says where, what was found,
/// what was expected and what to do.
public enum TraceError: Error, Hashable, Sendable, CustomStringConvertible {
    /// There is no such file.
    case notFound(path: String)
    /// A folder where a file is expected.
    case isDirectory(path: String)
    /// This user has no right to it.
    case notPermitted(path: String)
    /// The operating system refused to read; `reason` is its message.
    case unreadable(path: String, reason: String)
    /// The operating system refused to write; `reason` is its message.
    case unwritable(path: String, reason: String)
    /// The file, or what is inside the gzip file, has no bytes.
    case empty(path: String)
    /// The compressed data ends before its end mark; `afterBytes` were readable.
    case truncatedGzip(path: String, afterBytes: Int)
    /// The compressed data is wrong; `reason` is what zlib says.
    case damagedGzip(path: String, afterBytes: Int, reason: String)
    /// A NUL byte: this is not a text file.
    case binary(path: String, atByte: Int)
    /// A line, field or string that is longer than the limit.
    case tooLong(at: TextPosition, what: String, limitBytes: Int)
    /// The text breaks the rules of its format.
    case malformed(at: TextPosition, found: String, expected: String, remedy: String)
    /// The header fits no format that we know.
    case unknownFormat(path: String, found: String, nearest: String, remedy: String)
    /// The arguments of an import contradict each other or the file.
    case badRequest(found: String, expected: String, remedy: String)
    /// Columns that must have the same length do not.
    case lengthsDiffer(what: String, Int, Int)
    /// A column that must increase does not.
    case notIncreasing(column: String, row: Int, previous: Double, found: Double)

    /// Where, what was found, what was expected and what to do.
    public var description: String {
        switch self {
        case .notFound(let path):
            "\(path): there is no such file. Check the name and the folder."
        case .isDirectory(let path):
            "\(path): is a folder, a file was expected. Name the files in it, for instance \(path)/*.csv."
        case .notPermitted(let path):
            "\(path): this user may not do that. Check its permissions (ls -l) or copy it."
        case .unreadable(let path, let reason):
            "\(path): cannot be read (\(reason))."
        case .unwritable(let path, let reason):
            "\(path): cannot be written (\(reason)). Choose another place or free some space."
        case .empty(let path):
            "\(path): is empty, a header line was expected. Check whether the program that wrote it finished."
        case .truncatedGzip(let path, let bytes):
            "\(path): the gzip data ends too early, after \(bytes) readable bytes. Copy or download the file again."
        case .damagedGzip(let path, let bytes, let reason):
            "\(path): the gzip data is damaged after \(bytes) readable bytes (\(reason)). "
                + "Check it with gzip -t, then copy or download it again."
        case .binary(let path, let byte):
            "\(path): found a NUL byte at byte \(byte), text was expected. "
                + "This is a binary file, or UTF-16 without the mark at its start; export it as UTF-8 text."
        case .tooLong(let position, let what, let limit):
            "\(position): found a \(what) of more than \(limit) bytes. "
                + "Check for a missing line end or closing quote, or raise the limit."
        case .malformed(let position, let found, let expected, let remedy):
            "\(position): found \(found), expected \(expected). \(remedy)"
        case .unknownFormat(let path, let found, let nearest, let remedy):
            "\(path): found \(found), which is no format that we know; the nearest is \(nearest). \(remedy)"
        case .badRequest(let found, let expected, let remedy):
            "Found \(found), expected \(expected). \(remedy)"
        case .lengthsDiffer(let what, let first, let second):
            "\(what) have \(first) and \(second) rows. Check the file for a truncated last line."
        case .notIncreasing(let column, let row, let previous, let found):
            "Row \(row): '\(column)' is \(found), not after \(previous). Sort the file by '\(column)'."
        }
    }

    /// What was found, short enough for an error message: at most 40 characters, quoted.
    public static func quote(_ bytes: some Collection<UInt8>) -> String {
        let head = String(decoding: bytes.prefix(40), as: UTF8.self)
        let printable = head.unicodeScalars.map { $0.value < 32 || $0.value == 127 ? "\u{FFFD}" : String($0) }
        return "'" + printable.joined() + (bytes.count > 40 ? "…'" : "'")
    }
}
