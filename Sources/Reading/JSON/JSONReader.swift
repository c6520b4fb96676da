/// A strict pull parser for JSON (RFC 8259) that reads a ``ByteSource`` from front to back.
///
/// The caller walks the document in the order in which it is written; nothing is kept, so memory does not grow with
/// the file. A value that the caller does not read is checked and skipped.
///
///     var reader = try JSONReader(source)
///     try reader.readObject { reader, key throws(TraceError) in
///         if key == "SpotPriceHistory" { try reader.readArray { reader in … } }
///     }
///     try reader.finish()
///
/// Refused with line and column: duplicate keys, `NaN`, trailing commas, unpaired surrogates, invalid UTF-8, control
/// characters in strings, numbers beyond the range of `Double`, nesting beyond a limit, and anything after the
/// document.
public struct JSONReader: ~Copyable {
    let source: ByteSource
    let maximumDepth: Int
    let maximumTokenBytes: Int

    // The window: bytes `next..<end` of `buffer` are still to be read.
    var buffer: [UInt8]
    var next = 0
    var end = 0
    /// Where the last value began, as an index into `buffer`.
    var valueStart = 0
    /// Lines and columns of the bytes that have left the window.
    var linesBefore = 0
    var columnsBefore = 0
    /// The lines that end in the first `countedTo` bytes of the window.
    var countedLines = 0
    var countedTo = 0

    var depth = 0
    /// True between a key (or a comma in an array) and the value that belongs there.
    var valuePending = true
    /// The keys of all open objects with their hashes, for the search for duplicates.
    var openKeys: [String] = []
    var openKeyHashes: [UInt64] = []
    var scratch: [UInt8] = []
    var strings = StringTable()

    /// Starts to read.
    ///
    /// - Parameters:
    ///   - maximumDepth: How deeply objects and arrays may nest.
    ///   - maximumTokenBytes: How long one string, key or number may be.
    /// - Throws: ``TraceError`` if the source cannot be read or is empty.
    public init(
        _ source: ByteSource, maximumDepth: Int = 128, maximumTokenBytes: Int = 1 << 26, windowBytes: Int = 1 << 18
    ) throws(TraceError) {
        self.source = source
        self.maximumDepth = maximumDepth
        self.maximumTokenBytes = maximumTokenBytes
        buffer = [UInt8](repeating: 0, count: max(16, min(windowBytes, maximumTokenBytes)))
        _ = try refill(keepingFrom: 0)
    }

    /// Reads an object; `body` is called with each key and reads its value, or leaves it to be skipped.
    public mutating func readObject(
        _ body: (inout JSONReader, String) throws(TraceError) -> Void
    ) throws(TraceError) {
        try open(UInt8(ascii: "{"), "an object")
        let firstKey = openKeys.count
        var manyKeys: Set<String> = []
        if try peekToken() == UInt8(ascii: "}") {
            next += 1
        } else {
            while true {
                let key = try readKey(firstKey: firstKey, &manyKeys)
                valuePending = true
                try body(&self, key)
                if valuePending { try skipValue() }
                if try !another(closing: UInt8(ascii: "}")) { break }
            }
            openKeys.removeSubrange(firstKey...)
            openKeyHashes.removeSubrange(firstKey...)
        }
        depth -= 1
    }

    /// Reads an array; `body` is called for each element and reads it, or leaves it to be skipped.
    public mutating func readArray(_ body: (inout JSONReader) throws(TraceError) -> Void) throws(TraceError) {
        try open(UInt8(ascii: "["), "an array")
        if try peekToken() == UInt8(ascii: "]") {
            next += 1
        } else {
            while true {
                valuePending = true
                try body(&self)
                if valuePending { try skipValue() }
                if try !another(closing: UInt8(ascii: "]")) { break }
            }
        }
        depth -= 1
    }

    /// What the next value is, without reading it.
    public mutating func peek() throws(TraceError) -> Kind {
        switch try peekToken() {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
        case UInt8(ascii: "n"): return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        default: throw unexpectedToken(expected: "a JSON value")
        }
    }

    /// The kinds of JSON values.
    public enum Kind: String, Sendable {
        case object, array, string, number, bool, null
    }

    /// Reads a string.
    public mutating func readString() throws(TraceError) -> String {
        try beginScalar(UInt8(ascii: "\""), "a string")
        return try finishString().string
    }

    /// Reads a string and hands its bytes (UTF-8, escapes resolved) to `body` without making a `String`.
    public mutating func readString<Value>(
        _ body: (Span<UInt8>) throws(TraceError) -> Value
    ) throws(TraceError) -> Value {
        try beginScalar(UInt8(ascii: "\""), "a string")
        let range = try scanString()
        guard let range else { return try body(scratch.span) }
        return try body(buffer.span.extracting(range))
    }

    /// Reads a number: the `Double` nearest to what is written.
    public mutating func readDouble() throws(TraceError) -> Double {
        guard try peek() == .number else { throw unexpectedToken(expected: "a number") }
        valuePending = false
        return try finishNumber()
    }

    /// Reads a number that is whole and fits `Int`.
    public mutating func readInteger() throws(TraceError) -> Int {
        let value = try readDouble()
        guard let whole = Int(exactly: value), abs(value) <= 0x1p53 else {
            throw invalid(found: "\(value)", expected: "a whole number of at most 2^53")
        }
        return whole
    }

    /// Reads `true` or `false`.
    public mutating func readBool() throws(TraceError) -> Bool {
        let token = try peekToken()
        guard token == UInt8(ascii: "t") || token == UInt8(ascii: "f") else {
            throw unexpectedToken(expected: "true or false")
        }
        try skipValue()
        return token == UInt8(ascii: "t")
    }

    /// Reads a value if it is `null` and says whether it was.
    public mutating func readNull() throws(TraceError) -> Bool {
        guard try peekToken() == UInt8(ascii: "n") else { return false }
        try skipValue()
        return true
    }

    /// Reads past one value of any kind, and checks it.
    public mutating func skipValue() throws(TraceError) {
        switch try peek() {
        case .object: try readObject { _, _ in }
        case .array: try readArray { _ in }
        case .string: try readString { _ in }
        case .number: _ = try readDouble()
        case .bool: try readWord(buffer[next] == UInt8(ascii: "t") ? "true" : "false")
        case .null: try readWord("null")
        }
    }

    /// Checks that nothing but white space follows the document.
    public mutating func finish() throws(TraceError) {
        guard let byte = try skipSpace() else { return }
        valueStart = next
        if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
            throw invalid(
                found: "a second JSON document", expected: "the end of the file",
                remedy: "Split it into one document per file.")
        }
        throw unexpectedToken(expected: "the end of the file")
    }

    /// Whether another document follows, as in pages that were saved one after the other.
    package mutating func hasAnotherDocument() throws(TraceError) -> Bool {
        guard let byte = try skipSpace() else { return false }
        valueStart = next
        if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") { return true }
        throw unexpectedToken(expected: "another document, or the end of the file")
    }

    /// The line of the value that was read last.
    package var line: Int { position(of: max(0, min(valueStart, end))).line }

    /// The line of the value that is read next. Cheap when called often: lines are counted once.
    package mutating func nextLine() -> Int {
        countedLines += countLines(buffer.span, countedTo..<next).lines
        countedTo = next
        return linesBefore + countedLines + 1
    }

    /// An error at the value that was read last, for readers that know more than JSON does.
    public func invalid(
        found: String, expected: String, remedy: String = "Correct the file, or export it again."
    ) -> TraceError {
        .malformed(at: position(of: max(0, min(valueStart, end))), found: found, expected: expected, remedy: remedy)
    }
}
