internal import Glibc

extension JSONReader {
    /// Reads more of the source behind the bytes `start..<end`, which move to the front of the window.
    ///
    /// - Returns: False at the end of the source.
    mutating func refill(keepingFrom start: Int) throws(TraceError) -> Bool {
        if start > 0 {
            forgetLines(before: start)
            buffer.withUnsafeMutableBytes { bytes in
                guard let base = bytes.baseAddress else { return }
                memmove(base, base + start, end - start)
            }
            next -= start
            end -= start
            valueStart -= start
        }
        if end == buffer.count {
            guard buffer.count < maximumTokenBytes else {
                throw .tooLong(at: position(of: 0), what: "JSON string or number", limitBytes: maximumTokenBytes)
            }
            buffer.append(contentsOf: repeatElement(0, count: min(buffer.count, maximumTokenBytes - buffer.count)))
        }
        let count = try source.read(into: &buffer, from: end)
        end += count
        return count > 0
    }

    /// Line and column of a byte of the window; columns count characters (Unicode scalars).
    func position(of index: Int) -> TextPosition {
        var (line, column) = (linesBefore, columnsBefore)
        let (lines, columns) = countLines(buffer.span, 0..<index)
        column = lines > 0 ? columns : column + columns
        line += lines
        return TextPosition(file: source.name, line: line + 1, column: column + 1)
    }

    private mutating func forgetLines(before index: Int) {
        let (lines, columns) = countLines(buffer.span, 0..<index)
        columnsBefore = lines > 0 ? columns : columnsBefore + columns
        linesBefore += lines
        (countedLines, countedTo) = (0, 0)
    }

    /// The next byte that is not white space, or `nil` at the end.
    mutating func skipSpace() throws(TraceError) -> UInt8? {
        while true {
            if let found = firstNonSpace(buffer.span, next, end) {
                next = found
                return buffer[found]
            }
            next = end
            if try !refill(keepingFrom: end) { return nil }
        }
    }

    /// As ``skipSpace()`` where the document cannot end yet.
    mutating func peekToken() throws(TraceError) -> UInt8 {
        guard let byte = try skipSpace() else {
            valueStart = next
            throw invalid(
                found: "the end of the file", expected: depth > 0 ? "the rest of the document" : "a JSON document",
                remedy: "The file is cut off: copy or download it again.")
        }
        return byte
    }

    mutating func open(_ bracket: UInt8, _ name: String) throws(TraceError) {
        guard try peekToken() == bracket else { throw unexpectedToken(expected: name) }
        valueStart = next
        guard depth < maximumDepth else {
            throw invalid(
                found: "more than \(maximumDepth) objects and arrays inside each other",
                expected: "at most \(maximumDepth)")
        }
        depth += 1
        next += 1
        valuePending = false
    }

    /// After a value: true for a comma, false for the closing bracket.
    mutating func another(closing bracket: UInt8) throws(TraceError) -> Bool {
        let byte = try peekToken()
        guard byte == UInt8(ascii: ",") || byte == bracket else {
            throw unexpectedToken(expected: "',' or '\(Character(UnicodeScalar(bracket)))'")
        }
        next += 1
        return byte == UInt8(ascii: ",")
    }

    /// Reads a key and its colon. `firstKey` is where the keys of this object begin in `openKeys`.
    mutating func readKey(firstKey: Int, _ manyKeys: inout Set<String>) throws(TraceError) -> String {
        try beginScalar(UInt8(ascii: "\""), "a key in double quotes")
        let (key, hash) = try finishString()
        var isDuplicate = false
        let count = openKeys.count - firstKey
        if count < 16 {
            for i in firstKey..<openKeys.count where openKeyHashes[i] == hash && openKeys[i] == key {
                isDuplicate = true
            }
        } else {
            if manyKeys.isEmpty { manyKeys.formUnion(openKeys[firstKey...]) }
            isDuplicate = !manyKeys.insert(key).inserted
        }
        guard !isDuplicate else {
            throw invalid(found: "the key \(TraceError.quote(key.utf8)) twice", expected: "every key once in an object")
        }
        if count < 16 {
            openKeys.append(key)
            openKeyHashes.append(hash)
        }
        guard try peekToken() == UInt8(ascii: ":") else { throw unexpectedToken(expected: "':' after the key") }
        next += 1
        return key
    }

    mutating func beginScalar(_ first: UInt8, _ name: String) throws(TraceError) {
        guard try peekToken() == first else { throw unexpectedToken(expected: name) }
        valueStart = next
        next += 1
        valuePending = false
    }

    mutating func readWord(_ word: StaticString) throws(TraceError) {
        valueStart = next
        let length = word.utf8CodeUnitCount
        while end - next < length, try refill(keepingFrom: next) {}
        let matches = end - next >= length && (0..<length).allSatisfy { buffer[next + $0] == word.utf8Start[$0] }
        guard matches else { throw unexpectedToken(expected: "'\(word)'") }
        next += length
        valuePending = false
    }

    /// An error that shows what stands at the next byte.
    mutating func unexpectedToken(expected: String) -> TraceError {
        valueStart = next
        // Enough of the text to show; a failure to read more is the lesser news here.
        if end - next < 16 { _ = try? refill(keepingFrom: next) }
        guard next < end else {
            return invalid(
                found: "the end of the file", expected: expected, remedy: "The file is cut off: get it again.")
        }
        var word = buffer[next..<min(end, next + 24)].prefix { !isDelimiter($0) }
        if word.isEmpty { word = buffer[next..<next + 1] }
        if ["NaN", "Infinity", "-Infinity", "nan", "inf", "None"].contains(String(decoding: word, as: UTF8.self)) {
            return invalid(
                found: TraceError.quote(word), expected: expected,
                remedy: "JSON has no such value; write null for a missing number.")
        }
        return invalid(found: TraceError.quote(word), expected: expected)
    }
}

private func isDelimiter(_ byte: UInt8) -> Bool {
    byte <= 32 || byte == UInt8(ascii: ",") || byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}")
        || byte == UInt8(ascii: ":")
}

private func firstNonSpace(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Int? {
    var i = start
    while i < end {
        let byte = bytes[i]
        guard byte == 32 || byte == 10 || byte == 13 || byte == 9 else { return i }
        i += 1
    }
    return nil
}

/// The line ends in a range, and the characters after the last of them.
func countLines(_ bytes: Span<UInt8>, _ range: Range<Int>) -> (lines: Int, columns: Int) {
    var lines = 0
    for i in range { lines += bytes[i] == 10 ? 1 : 0 }
    var columns = 0
    var i = range.upperBound
    while i > range.lowerBound, bytes[i - 1] != 10 {
        i -= 1
        columns += bytes[i] & 0xC0 != 0x80 ? 1 : 0
    }
    return (lines, columns)
}
