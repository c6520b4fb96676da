import Reading
import Workloads

/// What a row becomes while it is parsed: its numbers side by side, and its text codes side by side.
struct RowLayout: Sendable {
    struct Field: Sendable {
        var isNumber = false
        var slot = -1  // -1: passed over
        var isTime = false
        var isNonNegative = false
        var isStatus = false
        var multiplier = 1.0
        var divisor = 1.0
    }

    private(set) var fields: [Field] = []
    /// What the messages call the fields, and what they should hold.
    private(set) var names: [(name: String, expected: String)] = []
    private(set) var numberTargets: [AttemptColumn] = []
    private(set) var textTargets: [ColumnHeader.Target] = []
    /// The slots of `task` and `task_type`; a row needs one of them.
    private(set) var taskSlots: [Int] = []
    let ignored: [String]
    /// The names in the first line.
    let header: [String]

    init(_ columns: ColumnHeader, header: [String]) {
        (ignored, self.header) = (columns.ignored, header)
        for field in columns.fields {
            var plan = Field()
            var expected = ""
            switch field?.target {
            case nil: break
            case .column(let column) where !column.isText:
                plan.isNumber = true
                plan.slot = numberTargets.count
                numberTargets.append(column)
                (plan.multiplier, plan.divisor) = (field?.unit.multiplier ?? 1, field?.unit.divisor ?? 1)
                plan.isTime = column.unit == .unixSeconds
                plan.isNonNegative = column.isNonNegative
                expected = column.unit.rawValue
            case .some(let target):
                plan.slot = textTargets.count
                textTargets.append(target)
                plan.isStatus = target == .column(.status)
                if target == .column(.task) || target == .column(.taskType) { taskSlots.append(plan.slot) }
            }
            fields.append(plan)
            names.append((field?.target.name ?? "", expected))
        }
    }
}

/// The rows of one block, in the layout of ``RowLayout``.
struct ParsedBlock {
    var rowsRead = 0
    var rows = 0
    var lines = 0
    var numbers: [Double] = []
    var codes: [Int32] = []
    var levels: [TextLevels]
    /// The words for a status that occurred, and the codes of what they mean.
    var statusWords = TextLevels()
    var statusCodes: [Int32] = []
    var skipped: [ImportReport.Reason] = []
    /// The lines of headers that stand among the rows, and whether their columns are in the order of the first.
    var headers: [(line: Int, isSame: Bool)] = []

    init(_ layout: RowLayout) { levels = layout.textTargets.map { _ in TextLevels() } }

    mutating func removeAll() {
        (rowsRead, rows, lines) = (0, 0, 0)
        numbers.removeAll(keepingCapacity: true)
        codes.removeAll(keepingCapacity: true)
        skipped.removeAll(keepingCapacity: true)
        headers.removeAll(keepingCapacity: true)
        for i in levels.indices { levels[i].removeAll() }
        statusWords.removeAll()
        statusCodes.removeAll(keepingCapacity: true)
    }
}

/// Parses the records in `bytes[start...]`, of which each ends with a line feed.
///
/// A row with a problem is counted and leaves nothing behind. This is the hot loop: no allocation per row.
func parseRows(
    _ bytes: Span<UInt8>, from start: Int, delimiter: UInt8, layout: RowLayout, into block: inout ParsedBlock
) {
    var i = start
    while i < bytes.count {
        if isLineEnd(bytes, i) {
            i += bytes[i] == lineFeed ? 1 : 2
            block.lines += 1
            continue
        }
        let (row, line) = (i, block.lines)
        block.rowsRead += 1
        if let problem = parseRow(bytes, &i, delimiter: delimiter, layout: layout, into: &block) {
            block.lines = line
            i = row
            let lines = passRecord(bytes, &i, delimiter: delimiter)
            if let isSame = isHeader(bytes, row..<i, delimiter: delimiter, layout, problem.kind) {
                block.headers.append((line + 1, isSame))
                block.rowsRead -= 1
                block.drop(layout)
            } else {
                block.skip(problem, in: bytes, layout: layout)
            }
            block.lines += lines
        } else {
            block.rows += 1
            block.lines += 1
        }
    }
    if !block.skipped.isEmpty || !block.headers.isEmpty { block.dropUnusedLevels() }
}

/// Why a row is not kept, and the bytes that show it.
private struct RowProblem {
    enum Kind { case notANumber, notFinite, negative, tooLate, tooFewFields, tooManyFields, unknownStatus, noTask }
    let kind: Kind
    let field: Int
    let found: Range<Int>
}

private let lineFeed = UInt8(ascii: "\n")
private let carriageReturn = UInt8(ascii: "\r")
private let quote = UInt8(ascii: "\"")

/// Appends one row to `block` and moves `i` behind it. After a problem, `i` and the row are not to be used.
@inline(__always) private func parseRow(
    _ bytes: Span<UInt8>, _ i: inout Int, delimiter: UInt8, layout: RowLayout, into block: inout ParsedBlock
) -> RowProblem? {
    let row = i
    let last = layout.fields.count - 1
    for index in 0...last {
        let field = layout.fields[index]
        let start = i
        if field.isNumber {
            guard let value = parseNumberField(bytes, &i, delimiter: delimiter, field, lines: &block.lines) else {
                return RowProblem(kind: .notANumber, field: index, found: start..<i)
            }
            if !value.isFinite, !value.isNaN || value.bitPattern != missing.bitPattern {
                return RowProblem(kind: .notFinite, field: index, found: start..<i)
            }
            if value < 0, field.isNonNegative { return RowProblem(kind: .negative, field: index, found: start..<i) }
            if value > 1e11, field.isTime { return RowProblem(kind: .tooLate, field: index, found: start..<i) }
            block.numbers.append(value)
        } else if bytes[i] == quote {
            let content = quotedField(bytes, &i, delimiter: delimiter, lines: &block.lines)
            if field.slot >= 0 { block.appendText(content.span, 0..<content.count, field) }
        } else {
            i = endOfField(bytes, i, delimiter: delimiter)
            let end = index == last ? endOfText(bytes, start, i) : i
            if field.slot >= 0 { block.appendText(bytes, start..<end, field) }
        }
        guard i < bytes.count else { return RowProblem(kind: .tooFewFields, field: index, found: row..<i) }
        if (bytes[i] == lineFeed) != (index == last) {
            return RowProblem(kind: index == last ? .tooManyFields : .tooFewFields, field: index, found: row..<i)
        }
        i += 1
        if field.isStatus, block.codes[block.codes.count - 1] == unknownStatus {
            return RowProblem(kind: .unknownStatus, field: index, found: start..<i - 1)
        }
    }
    let codes = block.codes.count - layout.textTargets.count
    if !layout.taskSlots.contains(where: { block.codes[codes + $0] >= 0 }) {
        return RowProblem(kind: .noTask, field: 0, found: row..<i - 1)
    }
    return nil
}

/// The mark of a missing number, to tell it from a `NaN` that the file itself has.
private let missing = Double.nan
private let writtenNaN = Double(nan: 1, signaling: false)
private let unknownStatus: Int32 = -2

/// The number in a field in the unit of the schema, ``missing`` if there is none, ``writtenNaN`` if it says so;
/// `nil` if it is no number. Moves `i` to the delimiter or line feed behind it.
@inline(__always) private func parseNumberField(
    _ bytes: Span<UInt8>, _ i: inout Int, delimiter: UInt8, _ field: RowLayout.Field, lines: inout Int
) -> Double? {
    let start = i
    if let number = scanNumber(bytes, &i, bytes.count), i < bytes.count, bytes[i] == delimiter || bytes[i] == lineFeed {
        return number * field.multiplier / field.divisor
    }
    i = start
    if bytes[i] == delimiter || bytes[i] == lineFeed { return missing }
    return parseRareNumberField(bytes, &i, delimiter: delimiter, field, lines: &lines)
}

@inline(never) private func parseRareNumberField(
    _ bytes: Span<UInt8>, _ i: inout Int, delimiter: UInt8, _ field: RowLayout.Field, lines: inout Int
) -> Double? {
    var content: [UInt8] = []
    if bytes[i] == quote {
        content = quotedField(bytes, &i, delimiter: delimiter, lines: &lines)
    } else {
        let start = i
        i = endOfField(bytes, i, delimiter: delimiter)
        content.append(bytes, start..<i)
        if content.last == carriageReturn { content.removeLast() }
    }
    switch parseNumber(content.span, 0..<content.count) {
    case .missing: return missing
    case .value(let number): return number.isNaN ? writtenNaN : number * field.multiplier / field.divisor
    case .notANumber: return field.isTime ? parseTimestamp(content.span, 0..<content.count) : nil
    }
}

/// The index of the delimiter or line feed that ends the unquoted field at `i`, eight bytes at a time.
@inline(__always) private func endOfField(_ bytes: Span<UInt8>, _ start: Int, delimiter: UInt8) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let delimiters = ones &* UInt64(delimiter)
    let lineFeeds = ones &* UInt64(lineFeed)
    var i = start
    while i + 8 <= bytes.count {
        let eight = word(bytes, i)
        let (a, b) = (eight ^ delimiters, eight ^ lineFeeds)
        let zeros = (((a &- ones) & ~a) | ((b &- ones) & ~b)) & 0x8080_8080_8080_8080
        if zeros != 0 { return i + zeros.trailingZeroBitCount / 8 }
        i += 8
    }
    while i < bytes.count, bytes[i] != delimiter, bytes[i] != lineFeed { i += 1 }
    return i
}

/// Where the text of the last field of a line ends: before CR, and spaces that some editors leave there.
@inline(__always) private func endOfText(_ bytes: Span<UInt8>, _ start: Int, _ lineEnd: Int) -> Int {
    var end = lineEnd
    if end > start, bytes[end - 1] == carriageReturn { end -= 1 }
    while end > start, bytes[end - 1] == UInt8(ascii: " ") { end -= 1 }
    return end
}

/// The content of the quoted field at `i`; moves `i` to the delimiter or line feed behind it, or to the end of the
/// bytes if the quote is never closed.
@inline(never) private func quotedField(
    _ bytes: Span<UInt8>, _ i: inout Int, delimiter: UInt8, lines: inout Int
) -> [UInt8] {
    var content: [UInt8] = []
    var state = QuoteState.fieldStart
    while i < bytes.count {
        let before = state
        state.take(bytes[i], delimiter: delimiter)
        switch state {
        case .fieldStart, .recordEnd:
            if content.last == carriageReturn, before == .unquoted { content.removeLast() }
            return content
        case .quoted where before == .fieldStart, .quoteInQuoted: break
        default:
            if bytes[i] == lineFeed { lines += 1 }
            content.append(bytes[i])
        }
        i += 1
    }
    return content
}

/// Moves `i` behind the record that begins there; returns how many line feeds that passes.
private func passRecord(_ bytes: Span<UInt8>, _ i: inout Int, delimiter: UInt8) -> Int {
    var state = QuoteState.fieldStart
    var lines = 0
    while i < bytes.count, state != .recordEnd {
        if bytes[i] == lineFeed { lines += 1 }
        state.take(bytes[i], delimiter: delimiter)
        i += 1
    }
    return lines
}

/// Whether a record that cannot be read is or holds the header of a table that was joined to the first, and whether it can
/// be passed over, as its order is the same.
@inline(never) private func isHeader(
    _ bytes: Span<UInt8>, _ range: Range<Int>, delimiter: UInt8, _ layout: RowLayout, _ problem: RowProblem.Kind
) -> Bool? {
    guard [.notANumber, .tooFewFields, .tooManyFields].contains(problem) else { return nil }
    var names: [String] = []
    var i = range.lowerBound
    while i < range.upperBound {
        var lines = 0
        let field = quotedField(bytes, &i, delimiter: delimiter, lines: &lines)
        names.append(String(decoding: trimmed(field[...]), as: UTF8.self).droppingByteOrderMark)
        i += 1
    }
    if endsWithHeader(names, layout.header) { return false }
    guard problem == .notANumber else { return nil }
    if names == layout.header { return true }
    return Set(names) == Set(layout.header) || ExecutionFormat.csv.fits(names) ? false : nil
}

@inline(__always) private func isLineEnd(_ bytes: Span<UInt8>, _ i: Int) -> Bool {
    bytes[i] == lineFeed || (bytes[i] == carriageReturn && i + 1 < bytes.count && bytes[i + 1] == lineFeed)
}

extension ParsedBlock {
    @inline(__always) fileprivate mutating func appendText(
        _ text: Span<UInt8>, _ range: Range<Int>, _ field: RowLayout.Field
    ) {
        if range.isEmpty {
            codes.append(-1)
        } else if field.isStatus {
            codes.append(status(text, range, field.slot))
        } else {
            codes.append(levels[field.slot].intern(text, range))
        }
    }

    /// The code of a status in our spelling, whatever the engine's word for it.
    private mutating func status(_ text: Span<UInt8>, _ range: Range<Int>, _ slot: Int) -> Int32 {
        let word = Int(statusWords.intern(text, range))
        if word == statusCodes.count {
            let status = AttemptStatus(word: statusWords[Int32(word)])
            statusCodes.append(status.map { levels[slot].intern($0.rawValue.utf8) } ?? unknownStatus)
        }
        return statusCodes[word]
    }

    /// Forgets the texts that only occurred in rows that were skipped.
    fileprivate mutating func dropUnusedLevels() {
        for slot in levels.indices {
            var kept = TextLevels()
            var map = [Int32](repeating: -1, count: levels[slot].count)
            var i = slot
            while i < codes.count {
                if codes[i] >= 0 {
                    let code = Int(codes[i])
                    if map[code] < 0 { map[code] = kept.intern(levels[slot].bytes(codes[i])) }
                    codes[i] = map[code]
                }
                i += levels.count
            }
            levels[slot] = kept
        }
    }

    /// Drops what was parsed of a row that is not kept.
    fileprivate mutating func drop(_ layout: RowLayout) {
        numbers.removeLast(numbers.count - rows * layout.numberTargets.count)
        codes.removeLast(codes.count - rows * layout.textTargets.count)
    }

    /// Counts a skipped row and drops what was parsed of it.
    @inline(never) fileprivate mutating func skip(_ problem: RowProblem, in bytes: Span<UInt8>, layout: RowLayout) {
        drop(layout)
        let field = layout.names[problem.field]
        let reason =
            switch problem.kind {
            case .notANumber: "\(field.name) is not a number; expected \(field.expected)"
            case .notFinite: "\(field.name) is not a finite number"
            case .negative: "\(field.name) is negative"
            case .tooLate: "\(field.name) is not in Unix seconds (milliseconds?)"
            case .tooFewFields: "the row has fewer fields than the header"
            case .tooManyFields: "the row has more fields than the header"
            case .unknownStatus: "\(field.name) is none of completed, failed, cached, aborted"
            case .noTask: "the row has neither task nor task_type"
            }
        if let known = skipped.firstIndex(where: { $0.reason == reason }) {
            skipped[known].rows += 1
        } else {
            let found = TraceError.quote(problem.found.prefix(41).map { bytes[$0] })
            skipped.append(.init(reason: reason, rows: 1, firstLine: lines + 1, example: found))
        }
    }
}
