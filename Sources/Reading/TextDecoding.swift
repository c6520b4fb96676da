/// Turns text as other systems save it into what every reader expects: UTF-8 without a byte-order mark, and lines that
/// end with LF or CR LF.
///
/// UTF-16 is told by its mark, lines that end with CR alone by the first lines. Half a surrogate pair becomes bytes that
/// are no UTF-8, so that it is counted with other damage.
struct TextDecoding {
    /// Whether bytes may be passed on as they are.
    let isPlain: Bool
    private let isUTF16: Bool
    private let isBigEndian: Bool
    private let endsLinesWithCR: Bool
    private var half: UInt8?
    private var high: UInt32?
    private var afterCR = false
    private var markBytes: Int

    /// - Parameter head: The first bytes, at least two unless there are no more; some lines are better.
    init(head: ArraySlice<UInt8>) {
        isBigEndian = head.starts(with: [0xFE, 0xFF])
        isUTF16 = isBigEndian || head.starts(with: [0xFF, 0xFE])
        markBytes = isUTF16 ? 2 : head.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        let (cr, lf) = (UInt8(ascii: "\r"), UInt8(ascii: "\n"))
        // In UTF-16 every other byte of a line end is 0.
        let units = isUTF16 ? head.filter { $0 != 0 }[...] : head
        let first = units.firstIndex { $0 == cr || $0 == lf }
        var loneCRs = 0
        if let first, units[first] == cr, first + 1 == units.endIndex || units[first + 1] != lf {
            for i in first..<units.endIndex where units[i] == cr && (i + 1 == units.endIndex || units[i + 1] != lf) {
                loneCRs += 1
            }
        }
        endsLinesWithCR = loneCRs > 0 && loneCRs > units.count { $0 == lf }
        isPlain = markBytes == 0 && !endsLinesWithCR
    }

    /// Appends what the next bytes mean.
    ///
    /// - Returns: False if the text ends within a character.
    mutating func decode(_ bytes: ArraySlice<UInt8>, atEnd: Bool, into text: inout [UInt8]) -> Bool {
        let skipped = min(markBytes, bytes.count)
        markBytes -= skipped
        let start = text.count
        if isUTF16 { decodeUTF16(bytes.dropFirst(skipped), into: &text) } else { text += bytes.dropFirst(skipped) }
        if atEnd, let high {
            self.high = nil
            append(high, to: &text)
        }
        if endsLinesWithCR { endLines(of: &text, from: start) }
        return !atEnd || half == nil
    }

    private mutating func decodeUTF16(_ bytes: ArraySlice<UInt8>, into text: inout [UInt8]) {
        text.reserveCapacity(text.count + bytes.count)
        for byte in bytes {
            guard let first = half else {
                half = byte
                continue
            }
            half = nil
            let unit = isBigEndian ? UInt32(first) << 8 | UInt32(byte) : UInt32(byte) << 8 | UInt32(first)
            if let before = high {
                high = nil
                if 0xDC00..<0xE000 ~= unit {
                    append(0x10000 + (before - 0xD800) << 10 + (unit - 0xDC00), to: &text)
                    continue
                }
                append(before, to: &text)
            }
            if 0xD800..<0xDC00 ~= unit { high = unit } else { append(unit, to: &text) }
        }
    }

    /// UTF-8, also of half a surrogate pair, for which there is none.
    private func append(_ code: UInt32, to text: inout [UInt8]) {
        func tail(_ shift: UInt32) -> UInt8 { 0x80 | UInt8(code >> shift & 0x3F) }
        switch code {
        case ..<0x80: text.append(UInt8(code))
        case ..<0x800:
            text.append(0xC0 | UInt8(code >> 6))
            text.append(tail(0))
        case ..<0x10000:
            text.append(0xE0 | UInt8(code >> 12))
            text.append(tail(6))
            text.append(tail(0))
        default:
            text.append(0xF0 | UInt8(code >> 18 & 7))
            text.append(tail(12))
            text.append(tail(6))
            text.append(tail(0))
        }
    }

    /// CR, and CR LF too, become LF.
    private mutating func endLines(of text: inout [UInt8], from start: Int) {
        var write = start
        for i in start..<text.count {
            let byte = text[i]
            let isSecond = afterCR && byte == UInt8(ascii: "\n")
            afterCR = byte == UInt8(ascii: "\r")
            if isSecond { continue }
            text[write] = afterCR ? UInt8(ascii: "\n") : byte
            write += 1
        }
        text.removeLast(text.count - write)
    }
}
