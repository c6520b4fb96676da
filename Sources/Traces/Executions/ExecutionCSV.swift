import Dispatch
import Foundation
import Reading
import Workloads

/// The reader of our own CSV, made for files of many gigabytes: blocks of whole lines are parsed on all threads and
/// joined in their order, so that the result does not depend on the number of threads or the size of blocks.
struct ExecutionCSV {
    let layout: RowLayout
    let delimiter: UInt8

    /// - Parameter header: The names in the first line.
    init(header: [String], delimiter: UInt8, file: String) throws(TraceError) {
        layout = RowLayout(try ColumnHeader(header, file: file), header: header)
        guard !layout.taskSlots.isEmpty else {
            throw .unknownFormat(
                path: file, found: "no column 'task' or 'task_type'", nearest: "'csv'",
                remedy: "Rename the column that says it, or use --map task_type=THEIRS.")
        }
        self.delimiter = delimiter
    }

    /// Reads every row after the header line.
    func read(
        _ source: ByteSource, threads: Int, blockBytes: Int, maximumRecordBytes: Int, report: inout ImportReport
    ) throws(TraceError) -> ExecutionTable {
        let blocks = TextBlocks(
            source, delimiter: delimiter, quoting: true, blockBytes: blockBytes, maximumRecordBytes: maximumRecordBytes)
        let pipeline = BlockPipeline(blocks, layout: layout, delimiter: delimiter, report: report)
        let workers = max(1, min(threads, 64))
        if workers == 1 {
            pipeline.work()
        } else {
            DispatchQueue.concurrentPerform(iterations: workers) { _ in pipeline.work() }
        }
        let joined = try pipeline.finish()
        if let line = joined.otherHeader {
            throw .malformed(
                at: TextPosition(file: source.name, line: line), found: "another header, with other columns",
                expected: "rows in the order of the first header",
                remedy: "These are several tables: import them one by one.")
        }
        report = joined.report
        report.warn(ofHeaders: joined.headers)
        report.warn(ofDamage: pipeline.damaged)
        return joined.table
    }
}

/// Reads, parses and joins blocks on any number of threads: reading one at a time, parsing all at once, joining one
/// at a time in the order of the file.
private final class BlockPipeline: @unchecked Sendable {
    private let layout: RowLayout
    private let delimiter: UInt8
    private let reading = NSLock()
    private var blocks: TextBlocks  // under `reading`, as are the next two
    private var nextToRead = 0
    private var failure: TraceError?
    private let joining = NSCondition()
    private var joined: JoinedTable  // under `joining`, as is the next
    private var nextToJoin = 0

    init(_ blocks: TextBlocks, layout: RowLayout, delimiter: UInt8, report: ImportReport) {
        (self.blocks, self.layout, self.delimiter) = (blocks, layout, delimiter)
        joined = JoinedTable(layout, report: report)
    }

    /// Works until no block is left; to be called once on each thread.
    func work() {
        var parsed = ParsedBlock(layout)
        var bytes: [UInt8] = []
        while let (block, number) = read(reusing: bytes) {
            parsed.removeAll()
            let start = number == 0 ? passHeader(block, lines: &parsed.lines) : 0
            parseRows(block.span, from: start, delimiter: delimiter, layout: layout, into: &parsed)
            join(parsed, number, ofBytes: block.count)
            bytes = block
        }
    }

    /// How many lines were no UTF-8, and the first of them.
    var damaged: (lines: Int, first: Int) { blocks.damaged }

    /// What was read, once every thread has come back from ``work()``.
    func finish() throws(TraceError) -> JoinedTable {
        if let failure { throw failure }
        joined.finish()
        return joined
    }

    /// The header was read before: passes it, and blank lines before it.
    private func passHeader(_ block: [UInt8], lines: inout Int) -> Int {
        var i = 0
        while i < block.count, block[i] == UInt8(ascii: "\n") || block[i] == UInt8(ascii: "\r") {
            if block[i] == UInt8(ascii: "\n") { lines += 1 }
            i += 1
        }
        lines += 1
        return (block[i...].firstIndex(of: UInt8(ascii: "\n")) ?? block.count - 1) + 1
    }

    private func read(reusing old: [UInt8]) -> (bytes: [UInt8], number: Int)? {
        reading.lock()
        defer { reading.unlock() }
        guard failure == nil else { return nil }
        do throws(TraceError) {
            guard let block = try blocks.next(reusing: old) else { return nil }
            defer { nextToRead += 1 }
            return (block, nextToRead)
        } catch {
            failure = error
            return nil
        }
    }

    private func join(_ parsed: ParsedBlock, _ number: Int, ofBytes count: Int) {
        joining.lock()
        defer { joining.unlock() }
        while nextToJoin != number { joining.wait() }
        if number == 0, let size = blocksKnownSize {
            joined.reserve(rows: Int(1.05 * Double(size) / Double(max(1, count)) * Double(parsed.rows)))
        }
        joined.append(parsed)
        nextToJoin += 1
        joining.broadcast()
    }

    private var blocksKnownSize: Int? { blocks.source.knownSize }
}

/// The table that grows block by block, and its report.
private struct JoinedTable {
    private(set) var table = ExecutionTable()
    private(set) var report: ImportReport
    private let layout: RowLayout
    private var numbers: [[Double]]
    private var texts: [TextColumn]
    private var linesBefore = 0
    /// Headers among the rows with the columns of the first.
    private(set) var headers: (count: Int, firstLine: Int) = (0, 0)
    /// The line of the first header with other columns.
    private(set) var otherHeader: Int?

    init(_ layout: RowLayout, report: ImportReport) {
        (self.layout, self.report) = (layout, report)
        numbers = layout.numberTargets.map { _ in [] }
        texts = layout.textTargets.map { _ in TextColumn() }
    }

    mutating func reserve(rows: Int) {
        for slot in numbers.indices { numbers[slot].reserveCapacity(rows) }
        for slot in texts.indices { texts[slot].codes.reserveCapacity(rows) }
    }

    mutating func append(_ block: ParsedBlock) {
        report.rowsRead += block.rowsRead
        report.rowsStored += block.rows
        for reason in block.skipped {
            report.skip(reason.reason, line: linesBefore + reason.firstLine, example: reason.example, rows: reason.rows)
        }
        for header in block.headers {
            if !header.isSame { otherHeader = otherHeader ?? linesBefore + header.line }
            if headers.count == 0 { headers.firstLine = linesBefore + header.line }
            headers.count += 1
        }
        linesBefore += block.lines
        table.rowCount += block.rows
        let (numberCount, textCount) = (numbers.count, texts.count)
        for slot in numbers.indices {
            appendColumn(of: block.numbers.span, slot, width: numberCount, to: &numbers[slot])
        }
        for slot in texts.indices {
            let map = texts[slot].levels.absorb(block.levels[slot])
            appendColumn(of: block.codes.span, slot, width: textCount, through: map.span, to: &texts[slot].codes)
        }
    }

    /// Moves the columns to where they belong; one without any value is dropped.
    mutating func finish() {
        for (slot, column) in layout.numberTargets.enumerated() where numbers[slot].contains(where: { !$0.isNaN }) {
            table.numberColumns[column.rawValue] = numbers[slot]
            numbers[slot] = []
        }
        for (slot, target) in layout.textTargets.enumerated() where texts[slot].levels.count > 0 {
            switch target {
            case .column(let column): table.textColumns[column.rawValue] = texts[slot]
            case .parameter(let name):
                let values = texts[slot].asNumbers().map { ExecutionTable.Parameter.Values.numbers($0) }
                table.parameters.append(.init(name: name, values: values ?? .texts(texts[slot])))
            }
            texts[slot] = TextColumn()
        }
        table.completeRuntimes()
        if !layout.ignored.isEmpty {
            let names = layout.ignored.prefix(10).joined(separator: ", ")
            report.warnings.append(
                "columns that are not in the trace schema are left out: \(names). Call them param.NAME to keep them.")
        }
    }
}

extension ExecutionTable {
    /// Where a row has no run time: the time from start to end.
    fileprivate mutating func completeRuntimes() {
        guard has(.startTime), has(.endTime) else { return }
        var runtimes = numbers(.runtime)
        let (starts, ends) = (numbers(.startTime), numbers(.endTime))
        for row in 0..<rowCount where runtimes[row].isNaN && ends[row] >= starts[row] {
            runtimes[row] = ends[row] - starts[row]
        }
        if has(.runtime) || runtimes.contains(where: { !$0.isNaN }) {
            numberColumns[AttemptColumn.runtime.rawValue] = runtimes
        }
    }
}

/// Appends every `width`-th number from `slot` on.
private func appendColumn(of rows: Span<Double>, _ slot: Int, width: Int, to column: inout [Double]) {
    var i = slot
    while i < rows.count {
        column.append(rows[i])
        i += width
    }
}

private func appendColumn(
    of rows: Span<Int32>, _ slot: Int, width: Int, through map: Span<Int32>, to column: inout [Int32]
) {
    var i = slot
    while i < rows.count {
        column.append(rows[i] < 0 ? -1 : map[Int(rows[i])])
        i += width
    }
}
