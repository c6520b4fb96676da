import Glibc

/// A text cut into blocks of whole records (lines, or with `quoting` CSV records whose quoted fields may hold line
/// ends), so that blocks can be parsed independently of each other.
///
/// Every block ends with a line feed; the last one gets it if the file lacks it. A byte-order mark is dropped.
/// Memory is one block, or the longest record if that is longer.
package struct TextBlocks {
    /// Where the text comes from.
    package let source: ByteSource
    private let quoteFor: UInt8?  // the delimiter, where quotes have a meaning
    private let blockBytes: Int
    private let maximumRecordBytes: Int
    private var rest: [UInt8] = []
    private var delivered = 0
    private var atEnd = false

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
                if delivered == 0, searched == 0, block.starts(with: [0xEF, 0xBB, 0xBF]) { block.removeFirst(3) }
                if let zero = position(of: 0, in: block, from: filled) {
                    throw .binary(path: source.name, atByte: delivered + zero)
                }
            }
            if atEnd {
                delivered += block.count
                if let last = block.last, last != UInt8(ascii: "\n") { block.append(UInt8(ascii: "\n")) }
                try checkLongest(block)
                return block.isEmpty ? nil : block
            }
            if let end = endOfLastRecord(block, from: searched) {
                rest.append(contentsOf: block[end...])
                block.removeLast(block.count - end)
                delivered += end
                return block
            }
            searched = quoteFor == nil ? block.count : 0
            if block.count > maximumRecordBytes { try checkLongest(block) }
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

    @inline(__always) package mutating func take(_ byte: UInt8, delimiter: UInt8) {
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
