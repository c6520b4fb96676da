extension JSONReader {
    /// Reads the rest of a string after its opening quote.
    mutating func finishString() throws(TraceError) -> (string: String, hash: UInt64) {
        guard let range = try scanString() else { return strings.string(scratch, scratch.indices) }
        return strings.string(buffer, range)
    }

    /// Finds the end of a string after its opening quote, and checks it.
    ///
    /// - Returns: Where it is in the window, or `nil` if it has escapes: it is then in `scratch`.
    mutating func scanString() throws(TraceError) -> Range<Int>? {
        var hasEscapes = false
        var isASCII = true
        var i = next
        while true {
            let stop = endOfPlainText(buffer.span, i, end, &isASCII)
            i = stop
            guard i < end else {
                let start = next - 1
                if try !refill(keepingFrom: start) { throw unterminated() }
                i -= start
                continue
            }
            switch buffer[i] {
            case UInt8(ascii: "\""):
                let range = next..<i
                next = i + 1
                if hasEscapes {
                    try unescape(range)
                    return nil
                }
                if !isASCII { try checkUTF8(buffer.span.extracting(range)) }
                return range
            case UInt8(ascii: "\\"):
                hasEscapes = true
                if i + 1 == end {
                    let start = next - 1
                    if try !refill(keepingFrom: start) { throw unterminated() }
                    i -= start
                }
                i += 2  // whatever is escaped, a quote among it, does not end the string
            case let byte:
                next = i
                valueStart = i
                throw invalid(
                    found: byte == 10 ? "a line end inside a string" : "the control character \(byte) inside a string",
                    expected: "a closing quote or an escape such as \\n")
            }
        }
    }

    private func unterminated() -> TraceError {
        invalid(
            found: "a string without closing quote", expected: "'\"'",
            remedy: "The file is cut off, or a quote is missing: get it again.")
    }

    private func checkUTF8(_ bytes: Span<UInt8>) throws(TraceError) {
        let isValid = bytes.withUnsafeBufferPointer { String(validating: $0, as: UTF8.self) != nil }
        guard isValid else {
            throw invalid(
                found: "a string that is not UTF-8", expected: "UTF-8",
                remedy: "Convert the file, for instance with iconv -t UTF-8.")
        }
    }

    /// Resolves the escapes of `range` into `scratch`.
    private mutating func unescape(_ range: Range<Int>) throws(TraceError) {
        scratch.removeAll(keepingCapacity: true)
        var i = range.lowerBound
        while i < range.upperBound {
            let byte = buffer[i]
            guard byte == UInt8(ascii: "\\") else {
                scratch.append(byte)
                i += 1
                continue
            }
            i += 2
            switch buffer[i - 1] {
            case UInt8(ascii: "n"): scratch.append(10)
            case UInt8(ascii: "t"): scratch.append(9)
            case UInt8(ascii: "r"): scratch.append(13)
            case UInt8(ascii: "b"): scratch.append(8)
            case UInt8(ascii: "f"): scratch.append(12)
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): scratch.append(buffer[i - 1])
            case UInt8(ascii: "u"):
                let scalar = try unicodeScalar(&i, range.upperBound)
                scratch.append(contentsOf: Character(scalar).utf8)
            case let other:
                valueStart = i - 2
                throw invalid(
                    found: TraceError.quote([92, other]), expected: "one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX",
                    remedy: "Write a backslash as \\\\.")
            }
        }
        try checkUTF8(scratch.span)
    }

    /// The scalar of `\uXXXX`, or of two of them that are a surrogate pair; `i` stands after the `u`.
    private mutating func unicodeScalar(_ i: inout Int, _ end: Int) throws(TraceError) -> UnicodeScalar {
        let start = i - 2
        var code = hexadecimal(i, end)
        i += 4
        if let high = code, 0xD800..<0xDC00 ~= high, i + 1 < end, buffer[i] == 92, buffer[i + 1] == UInt8(ascii: "u"),
            let low = hexadecimal(i + 2, end), 0xDC00..<0xE000 ~= low
        {
            code = 0x10000 + (high - 0xD800) << 10 + (low - 0xDC00)
            i += 6
        }
        // A NUL would end the text where it is handed to the system: a name, a path, a command.
        guard let code, code != 0, let scalar = UnicodeScalar(code) else {
            valueStart = start
            throw invalid(
                found: TraceError.quote(buffer[start..<min(start + 6, end)]),
                expected: "four hexadecimal digits, surrogates in pairs, and no NUL")
        }
        return scalar
    }

    private func hexadecimal(_ start: Int, _ end: Int) -> UInt32? {
        guard start + 4 <= end else { return nil }
        var value: UInt32 = 0
        for i in start..<start + 4 {
            guard let digit = Character(UnicodeScalar(buffer[i])).hexDigitValue else { return nil }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    /// Reads the number at the next byte.
    mutating func finishNumber() throws(TraceError) -> Double {
        valueStart = next
        while endOfNumber(buffer.span, next, end) == end, try refill(keepingFrom: next) {}
        let stop = endOfNumber(buffer.span, next, end)
        guard isJSONNumber(buffer.span.extracting(next..<stop)) else {
            throw invalid(
                found: "\(TraceError.quote(buffer[next..<stop]))",
                expected: "a number such as -12, 0.5 or 1e-3 (no leading zero, digits on both sides of the point)")
        }
        var scanned = next
        if let value = scanNumber(buffer.span, &scanned, stop), scanned == stop {
            next = stop
            return value
        }
        // Too small for the smallest Double is zero, as everywhere; too large is an error.
        guard let value = Double(String(decoding: buffer[next..<stop], as: UTF8.self)), value.isFinite else {
            throw invalid(
                found: "the number \(TraceError.quote(buffer[next..<stop]))", expected: "a number below 1.8e308")
        }
        next = stop
        return value
    }
}

/// The first byte from `start` on that is a quote, a backslash or a control character; `end` if there is none.
private func endOfPlainText(_ bytes: Span<UInt8>, _ start: Int, _ end: Int, _ isASCII: inout Bool) -> Int {
    var i = start
    var all: UInt8 = 0
    while i < end {
        let byte = bytes[i]
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 32 { break }
        all |= byte
        i += 1
    }
    if all >= 128 { isASCII = false }
    return min(i, end)
}

private func endOfNumber(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Int {
    var i = start
    while i < end {
        switch bytes[i] {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"):
            i += 1
        default: return i
        }
    }
    return end
}

/// Whether the text is `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`.
private func isJSONNumber(_ text: Span<UInt8>) -> Bool {
    var i = 0
    func skipDigits() -> Bool {
        let start = i
        while i < text.count, isDigit(text[i]) { i += 1 }
        return i > start
    }
    if i < text.count, text[i] == UInt8(ascii: "-") { i += 1 }
    let first = i
    guard skipDigits(), i == first + 1 || text[first] != UInt8(ascii: "0") else { return false }
    if i < text.count, text[i] == UInt8(ascii: ".") {
        i += 1
        guard skipDigits() else { return false }
    }
    if i < text.count, text[i] | 32 == UInt8(ascii: "e") {
        i += 1
        if i < text.count, text[i] == UInt8(ascii: "-") || text[i] == UInt8(ascii: "+") { i += 1 }
        guard skipDigits() else { return false }
    }
    return i == text.count
}
