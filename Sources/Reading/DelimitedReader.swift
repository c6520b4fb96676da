/// Reads the records of a delimited text one after the other: CSV (RFC 4180: quotes, doubled quotes, line ends in
/// quoted fields), tab-separated tables and the `|` tables of Slurm.
///
///     var reader = try DelimitedReader(ByteSource("trace.txt"), delimiter: UInt8(ascii: "\t"), quoting: false)
///     while try reader.next() { print(reader.line, reader.text(0)) }
///
/// Line ends may be LF or CRLF, spaces before them are dropped, blank lines are passed over. Memory is bounded by the
/// longest record.
public struct DelimitedReader {
    /// The line that the current record starts on, from 1.
    public private(set) var line = 0
    /// The name of the source, for messages.
    public var name: String { blocks.source.name }
    /// How many fields the current record has.
    public var fieldCount: Int { ends.count }

    /// How many lines so far are no UTF-8, and the first of them.
    package var damaged: (lines: Int, first: Int) { blocks.damaged }

    private var blocks: TextBlocks
    private let delimiter: UInt8
    private let quoting: Bool
    private var block: [UInt8] = []
    private var nextStart = 0
    private var nextLine = 1
    private var starts: [Int] = []
    private var ends: [Int] = []

    /// - Parameters:
    ///   - quoting: Whether quotes have a meaning. They have none in the tables of Nextflow and Slurm.
    ///   - blockBytes: How much is read at a time.
    ///   - maximumRecordBytes: A longer line (or quoted field) is an error.
    public init(
        _ source: ByteSource, delimiter: UInt8, quoting: Bool, blockBytes: Int = 1 << 18,
        maximumRecordBytes: Int = 1 << 22
    ) {
        (self.delimiter, self.quoting) = (delimiter, quoting)
        blocks = TextBlocks(
            source, delimiter: delimiter, quoting: quoting, blockBytes: blockBytes,
            maximumRecordBytes: maximumRecordBytes)
    }

    /// Moves to the next record; false at the end.
    ///
    /// - Throws: ``TraceError`` for a quoted field that never ends, and whatever the source throws.
    public mutating func next() throws(TraceError) -> Bool {
        repeat {
            if nextStart >= block.count {
                guard let more = try blocks.next(reusing: block) else { return false }
                (block, nextStart) = (more, 0)
            }
            line = nextLine
            starts.removeAll(keepingCapacity: true)
            ends.removeAll(keepingCapacity: true)
            nextStart = try splitRecord(from: nextStart)
        } while ends.count == 1 && starts[0] == ends[0]
        return true
    }

    /// The bytes of a field, without its quotes. Let go of it before ``next()``.
    public func field(_ index: Int) -> ArraySlice<UInt8> { block[starts[index]..<ends[index]] }

    /// The text of a field; damaged UTF-8 becomes the replacement character.
    public func text(_ index: Int) -> String { String(decoding: field(index), as: UTF8.self) }

    /// The place of a field, its column counted in fields.
    public func position(field index: Int = -1) -> TextPosition {
        TextPosition(file: name, line: line, column: index + 1)
    }

    /// The fields as names, without spaces around them.
    package var names: [String] {
        (0..<fieldCount).map { String(decoding: trimmed(field($0)), as: UTF8.self).droppingByteOrderMark }
    }

    /// Whether no field begins as a number does, so that this may be a header.
    package var hasWordsOnly: Bool {
        starts.indices.allSatisfy {
            starts[$0] == ends[$0] || !(UInt8(ascii: "+")...UInt8(ascii: "9") ~= block[starts[$0]])
        }
    }

    /// Marks the fields of the record that starts at `first` and returns the start of the next one, `nextLine` its line.
    private mutating func splitRecord(from first: Int) throws(TraceError) -> Int {
        var state = QuoteState.fieldStart
        var start = first
        var write = first  // unescaping shrinks a field in place
        var quotedEnd = first  // what stands before it was in quotes
        for i in first..<block.count {
            let byte = block[i]
            let before = state
            if byte == UInt8(ascii: "\n") { nextLine += 1 }
            if quoting {
                state.take(byte, delimiter: delimiter)
            } else {
                state = byte == UInt8(ascii: "\n") ? .recordEnd : byte == delimiter ? .fieldStart : .unquoted
            }
            switch state {
            case .fieldStart, .recordEnd:
                starts.append(start)
                if state == .recordEnd {
                    let textEnd = max(start, quotedEnd)
                    if write > textEnd, block[write - 1] == UInt8(ascii: "\r") { write -= 1 }
                    while write > textEnd, block[write - 1] == UInt8(ascii: " ") { write -= 1 }
                }
                ends.append(write)
                if state == .recordEnd { return i + 1 }
                (start, write) = (i + 1, i + 1)
            case .quoted where before == .fieldStart: break
            case .quoteInQuoted: quotedEnd = write
            default:
                if write != i { block[write] = byte }
                write += 1
            }
        }
        throw .malformed(
            at: TextPosition(file: name, line: line, column: starts.count + 1),
            found: "the end of the file inside a quoted field", expected: "a closing quote",
            remedy: "Close the quote, or remove it.")
    }
}

extension String {
    /// In a table that was joined from several, the mark that a file begins with stands before a name.
    package var droppingByteOrderMark: String { hasPrefix("\u{FEFF}") ? String(unicodeScalars.dropFirst()) : self }
}
