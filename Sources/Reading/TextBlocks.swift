import Glibc

/// A text cut into blocks of whole records (lines, or with `quoting` CSV records whose quoted fields may hold line
/// ends), so that blocks can be parsed independently of each other.
///
/// Every block ends with a line feed; the last one gets it if the file lacks it.
/// Memory is one block, or the longest record if that is longer.
package struct TextBlocks {
    /// Where the text comes from.
    package let source: ByteSource
    private let quoteFor: UInt8?  // the delimiter, where quotes have a meaning
    private let blockBytes: Int
    private let maximumRecordBytes: Int
    private var rest: [UInt8] = []
    private var delivered = 0
    private var linesDelivered = 0
    private var atEnd = false
    /// How many lines are no UTF-8, and the first of them; they are read with the replacement character.
    package private(set) var damaged: (lines: Int, first: Int) = (0, 0)

    /// - Parameter delimiter: Between the fields; with `quoting` a quote directly after it, or at the start of a
    ///   record, opens a quoted field (RFC 4180).
    package init(
        _ source: ByteSource, delimiter: UInt8, quoting: Bool, blockBytes: Int = 1 << 20,
        maximumRecordBytes: Int = 1 << 22
    ) {
        self.source = source
        quoteFor = quoting ? delimiter : nil
        (self.blockBytes, self.maximumRecordBytes) = (max(16, blockBytes), maximumRecordBytes)
    }

    /// The next block, or `nil` at the end. Pass a block that is no longer needed to reuse its memory.
    ///
    /// - Throws: ``TraceError`` for a NUL byte, a record beyond the limit, or whatever the source throws.
    package mutating func next(reusing old: consuming [UInt8] = []) throws(TraceError) -> [UInt8]? {
        var block = old
        block.removeAll(keepingCapacity: true)
        block.append(contentsOf: rest)
        rest.removeAll(keepingCapacity: true)
        var searched = 0
        while true {
            let filled = block.count
            if !atEnd {
                block.append(contentsOf: repeatElement(0, count: max(blockBytes - filled, blockBytes / 2)))
                let count = try fill(&block, from: filled)
                block.removeLast(block.count - filled - count)
                if let zero = position(of: 0, in: block, from: filled) {
                    throw .binary(path: source.name, atByte: delivered + zero)
                }
            }
            if atEnd {
                delivered += block.count
                if let last = block.last, last != UInt8(ascii: "\n") { block.append(UInt8(ascii: "\n")) }
                try checkQuotes(block)
                try checkLongest(block)
                count(block)
                return block.isEmpty ? nil : block
            }
            if let end = endOfLastRecord(block, from: searched) {
                rest.append(contentsOf: block[end...])
                block.removeLast(block.count - end)
                delivered += end
                count(block)
                return block
            }
            searched = quoteFor == nil ? block.count : 0
            if block.count > maximumRecordBytes {
                try checkQuotes(block)
                try checkLongest(block)
            }
        }
    }
}

extension TextBlocks {
    private mutating func fill(_ block: inout [UInt8], from start: Int) throws(TraceError) -> Int {
        var filled = start
        while filled < block.count {
            let count = try source.read(into: &block, from: filled)
            if count == 0 {
                atEnd = true
                break
            }
            filled += count
        }
        return filled - start
    }

    /// Counts the lines of a block that is handed out, and looks whether they are UTF-8.
    private mutating func count(_ block: [UInt8]) {
        if !isASCII(block.span), String(validating: block, as: UTF8.self) == nil {
            for (index, line) in block.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
                .enumerated()
            where String(validating: line, as: UTF8.self) == nil {
                if damaged.lines == 0 { damaged.first = linesDelivered + index + 1 }
                damaged.lines += 1
            }
        }
        linesDelivered += lineFeeds(block.span, before: block.count)
    }

    /// Finds a quote that nobody closes: it would swallow all that follows.
    private func checkQuotes(_ block: [UInt8]) throws(TraceError) {
        guard let delimiter = quoteFor, position(of: UInt8(ascii: "\""), in: block, from: 0) != nil,
            let open = openQuote(block.span, delimiter: delimiter)
        else { return }
        throw .malformed(
            at: TextPosition(file: source.name, line: linesDelivered + lineFeeds(block.span, before: open) + 1),
            found: "a quoted field that begins \(TraceError.quote(block[open...].prefix(30))) and has no end",
            expected: "a closing quote", remedy: "Close the quote, or remove it.")
    }

    private func checkLongest(_ block: [UInt8]) throws(TraceError) {
        guard block.count > maximumRecordBytes else { return }
        var start = 0
        while start < block.count {
            let end = position(of: UInt8(ascii: "\n"), in: block, from: start) ?? block.count
            if end - start > maximumRecordBytes { break }
            if quoteFor != nil, position(of: UInt8(ascii: "\""), in: block, from: start).map({ $0 < end }) == true {
                break
            }
            start = end + 1
        }
        guard start < block.count else { return }
        throw .tooLong(
            at: TextPosition(file: source.name),
            what: "line that begins with \(TraceError.quote(block[start...].prefix(30)))",
            limitBytes: maximumRecordBytes)
    }

    /// The index after the line feed that ends the last whole record, if the block has one.
    private func endOfLastRecord(_ block: [UInt8], from start: Int) -> Int? {
        if let delimiter = quoteFor, position(of: UInt8(ascii: "\""), in: block, from: 0) != nil {
            return endOfLastQuotedRecord(block.span, delimiter: delimiter)
        }
        return block[start...].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 }
    }
}

private func position(of byte: UInt8, in block: [UInt8], from start: Int) -> Int? {
    block.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress, let found = memchr(base + start, Int32(byte), bytes.count - start) else {
            return nil
        }
        return UnsafeRawPointer(found) - base
    }
}

private func isASCII(_ block: Span<UInt8>) -> Bool {
    var bits: UInt8 = 0
    for i in block.indices { bits |= block[i] }
    return bits < 0x80
}

private func lineFeeds(_ block: Span<UInt8>, before end: Int) -> Int {
    var count = 0
    for i in 0..<end { count &+= block[i] == UInt8(ascii: "\n") ? 1 : 0 }
    return count
}

/// Where the quote stands that is still open at the end of the block.
private func openQuote(_ block: Span<UInt8>, delimiter: UInt8) -> Int? {
    var state = QuoteState.fieldStart
    var open = 0
    for i in block.indices {
        let before = state
        state.take(block[i], delimiter: delimiter)
        if state == .quoted, before == .fieldStart { open = i }
        if state == .recordEnd { state = .fieldStart }
    }
    return state == .quoted ? open : nil
}

/// As above where the block has quotes: a line feed inside a quoted field ends nothing.
private func endOfLastQuotedRecord(_ block: Span<UInt8>, delimiter: UInt8) -> Int? {
    var end: Int?
    var state = QuoteState.fieldStart
    for i in block.indices {
        state.take(block[i], delimiter: delimiter)
        if state == .recordEnd {
            end = i + 1
            state = .fieldStart
        }
    }
    return end
}

/// Where in a CSV record a byte leaves us (RFC 4180; a quote inside an unquoted field is an ordinary byte).
package enum QuoteState {
    case fieldStart, unquoted, quoted, quoteInQuoted, recordEnd

    @inlinable @inline(__always) package mutating func take(_ byte: UInt8, delimiter: UInt8) {
        switch (self, byte) {
        case (.quoted, UInt8(ascii: "\"")): self = .quoteInQuoted
        case (.quoted, _): break
        case (.fieldStart, UInt8(ascii: "\"")), (.quoteInQuoted, UInt8(ascii: "\"")): self = .quoted
        case (_, UInt8(ascii: "\n")): self = .recordEnd
        case (_, delimiter): self = .fieldStart
        default: self = .unquoted
        }
    }
}
