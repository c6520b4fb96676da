import Foundation
import Reading
import TestSupport
import Testing
import Traces
import Workloads

@Suite("Execution CSV") struct ExecutionCSVTests {
    @Test("a row of every column comes back as it was written")
    func everyColumn() throws {
        var record = AttemptRecord()
        for column in AttemptColumn.allCases {
            if column == .status {
                record.status = .failed
            } else if column.isText {
                record[text: column] = "a \"\(column.name)\", with\nline end"
            } else {
                record[number: column] = column == .attempt || column == .exitCode ? 3 : 0.1 + Double(column.rawValue)
            }
        }
        record.parameters = ["threads": 4, "mode": "fast", "ratio": 0.25]
        var other = AttemptRecord()
        other.taskType = "sort"
        other.parameters = ["mode": "7"]
        let table = ExecutionTable([record, other])
        let read = try read(csv(table)).table
        #expect(read == table)
        #expect(read[0] == record)
        #expect(read.parameter("mode") != nil && read.parameter("none") == nil)
    }

    @Test("the table does not depend on threads, block size, line ends or compression", arguments: UInt64(0)..<20)
    func deterministic(seed: UInt64) throws {
        var random = TestGenerator(seed: seed)
        let bytes = randomCSV(rows: 300, using: &random)
        let (expected, report) = try read(bytes, threads: 1, blockBytes: 1 << 20)
        #expect(expected.rowCount == 300 && report.rowsSkipped == 0)
        for (threads, block) in [(1, 64), (2, 100), (4, 1000), (3, 17)] {
            let (table, other) = try read(bytes, threads: threads, blockBytes: block)
            #expect(table == expected)
            #expect(table.texts(.task).codes == expected.texts(.task).codes)
            #expect(other.rowsRead == report.rowsRead)
        }
        #expect(try read(gzipped(bytes)).table == expected)
        // CRLF outside of quotes; in this table no quoted field has a line end.
        #expect(try read(bytes.flatMap { $0 == 10 ? [13, 10] : [$0] }).table == expected)
    }

    @Test("bad rows are skipped and counted with the line and what was found", arguments: [2, 17, 1 << 20])
    func badRows(blockBytes: Int) throws {
        let text = """
            task,runtime_seconds,start_time_seconds,status
            a,1,2024-01-01T00:00:00Z,completed
            "b
            b",2,,COMPLETED
            c,-1,,completed
            d,NaN,,completed
            e,12 s,,completed
            f,1

            g,1,,completed,5
            h,1,1700000000000,completed
            i,1,,exploded
            ,1,,completed
            j,inf,,
            k,-2,,failed
            l,3,,failed
            """
        let (table, report) = try read(Array(text.utf8), blockBytes: blockBytes)
        #expect((0..<table.rowCount).map { table[$0].task } == ["a", "b\nb", "l"])
        #expect(table[0].startTimeSeconds == 1_704_067_200 && table[1].status == .completed)
        #expect(report.rowsRead == 13 && report.rowsStored == 3)
        #expect(report.reasons.map(\.rows).reduce(0, +) == report.rowsSkipped)
        let lines = Dictionary(uniqueKeysWithValues: report.reasons.map { ($0.reason, $0.firstLine) })
        #expect(lines["runtime_seconds is negative"] == 5)
        #expect(lines["runtime_seconds is not a finite number"] == 6)
        #expect(lines["runtime_seconds is not a number; expected seconds"] == 7)
        #expect(lines["the row has fewer fields than the header"] == 8)
        #expect(lines["the row has more fields than the header"] == 10)
        #expect(lines["start_time_seconds is not in Unix seconds (milliseconds?)"] == 11)
        #expect(lines["status is none of completed, failed, cached, aborted"] == 12)
        #expect(lines["the row has neither task nor task_type"] == 13)
        #expect(report.reasons.first { $0.firstLine == 7 }?.example == "'12 s'")
        #expect(report.reasons.first { $0.reason == "runtime_seconds is negative" }?.rows == 2)
    }

    @Test(
        "a quote that nobody closes would swallow all that follows: the file is refused", arguments: [2, 17, 1 << 20])
    func openQuote(blockBytes: Int) {
        let text = "task,runtime_seconds\na,1\n\"b\nb\",2\n\"m,4\nc,5\n"
        let error = #expect(throws: TraceError.self) { try read(Array(text.utf8), blockBytes: blockBytes) }
        #expect(
            error?.description.hasPrefix("memory:5: found a quoted field that begins '\"m,4") == true, "\(error as Any)"
        )
    }

    @Test("other units in the header are converted, a run time that is missing is end minus start")
    func units() throws {
        let text = """
            task_type,runtime_ms,peak_memory_MiB,requested_memory_bytes[GB],start_time_seconds,end_time_seconds,param.n
            a,1500,2,3,10,20,1
            a,,,,10,20.5,2
            """
        let table = try read(Array(text.utf8)).table
        #expect(table.numbers(.runtime) == [1.5, 10.5])
        #expect(table[0].peakMemoryBytes == 2_097_152 && table[0].requestedMemoryBytes == 3e9)
        #expect(table.parameter("n") == .numbers([1, 2]))
    }

    @Test(
        "a header that cannot be right is refused with the way out",
        arguments: [
            ("task,runtime_second\na,1\n", "runtime_seconds"), ("task,runtime_secs\na,1\n", "'runtime_seconds'"),
            ("task,task,runtime_seconds\n", "same as column 1"),
            ("task,runtime_ms,runtime_seconds\n", "same as column 2"), ("a,b,c\n1,2,3\n", "--map"),
            ("Workflow,Task,Machine,Realtime1\n", "lotaru"), ("JobId,Nodes\n", "--map"),
        ])
    func headers(text: String, hint: String) {
        #expect { try read(Array(text.utf8)) } throws: { "\($0)".contains(hint) }
    }

    @Test("columns that are not in the schema are named in a warning")
    func unknownColumns() throws {
        let report = try read(Array("task,runtime_seconds,colour\na,1,red\n".utf8)).report
        #expect(report.warnings.first?.contains("colour") == true && report.rowsStored == 1)
    }

    @Test("files that are no text, empty or endless are refused")
    func noText() {
        for bytes in [[], Array("\u{7F}ELF\0\0".utf8), [0], Array(repeating: 65, count: 10_000_000)] as [[UInt8]] {
            #expect(throws: TraceError.self) { try read(bytes) }
        }
        let line = Array("task,runtime_seconds\n".utf8) + Array(repeating: 65, count: 10_000_000) + [10]
        #expect(throws: TraceError.self) { try read(line) }
        #expect(throws: TraceError.self) { try read(line, blockBytes: 1 << 25) }
    }

    @Test("a report is written and read as JSON with the names of the command line")
    func reportJSON() throws {
        var report = ImportReport(file: "a", format: "csv")
        (report.rowsRead, report.rowsStored) = (3, 1)
        report.skip("bad", line: 2, example: "x", rows: 2)
        let data = try JSONEncoder().encode(report)
        #expect(try JSONDecoder().decode(ImportReport.self, from: data) == report)
        let text = String(decoding: data, as: UTF8.self)
        for key in ["rows_read", "rows_stored", "rows_skipped", "reasons", "first_line"] { #expect(text.contains(key)) }
    }
}

@Suite("Texts in columns") struct TextLevelsTests {
    @Test("levels are numbered by first appearance and found again, whatever their length", arguments: UInt64(0)..<10)
    func levels(seed: UInt64) {
        var random = TestGenerator(seed: seed)
        var column = TextColumn()
        var order: [String: Int32] = [:]
        var texts: [String?] = []
        for _ in 0..<3000 {
            let text = String(repeating: "ab", count: Int.random(in: 0...6, using: &random)) + "\(random.next() % 500)"
            texts.append(random.next() % 10 == 0 ? nil : text)
            column.append(texts[texts.count - 1])
            if let text = texts[texts.count - 1], order[text] == nil { order[text] = Int32(order.count) }
        }
        #expect((0..<3000).map { column[$0] } == texts)
        #expect(column.levels.count == order.count)
        #expect(order.allSatisfy { column.levels.code(of: $0.key) == $0.value })
        #expect(column.levels.code(of: "none") == nil)
    }
}

func read(_ bytes: [UInt8], threads: Int = 2, blockBytes: Int = 1 << 20) throws -> (
    table: ExecutionTable, report: ImportReport
) {
    var reader = ExecutionReader()
    (reader.threads, reader.blockBytes) = (threads, blockBytes)
    return try reader.read(ByteSource(bytes: bytes, name: "memory"))
}

func csv(_ table: ExecutionTable) -> [UInt8] {
    var bytes: [UInt8] = []
    table.writeCSV { bytes += $0 }
    return bytes
}

/// Rows with missing values, quotes, many and few levels.
func randomCSV(rows: Int, using random: inout TestGenerator) -> [UInt8] {
    var text =
        "task,task_type,machine,submit_time_seconds,runtime_seconds,peak_memory_bytes,status,param.size,param.kind\n"
    for row in 0..<rows {
        let type = ["align", "sort", "\"call, \"\"deep\"\"\""][Int(random.next() % 3)]
        let machine = random.next() % 4 == 0 ? "" : "node-\(random.next() % 5)"
        let runtime = random.next() % 5 == 0 ? "" : "\(Double(random.next() % 1_000_000) / 1000)"
        text += "t\(row),\(type),\(machine),17000000\(10 + row % 80),\(runtime),\(random.next() % 1_000_000_000),"
        text += ["completed", "failed", ""][Int(random.next() % 3)] + ",\(random.next() % 9),k\(random.next() % 9)\n"
    }
    return Array(text.utf8)
}
