import Foundation
import Markets
import Reading
import Store
import TestSupport
import Testing
import Traces
import Workloads

@Suite("Importing files") struct ImportFileTests {
    let folder = TemporaryFolder()
    let csv = "task,task_type,runtime_seconds,param.size\na,sort,1.5,3\nb,sort,2.5,4\nb,sort,2.5,4\n"

    func store() throws -> TraceStore { try TraceStore(folder: folder.path + "/store") }

    @Test("a file is recognised, stored once under any name, and by its rows when it has grown")
    func idempotent() throws {
        let store = try store()
        let first = try store.importFile(folder.write(csv.utf8, "t.csv"))
        #expect(first.format == "csv" && first.rowsRead == 3 && first.rowsStored == 3)
        for path in [try folder.write(csv.utf8, "other.csv"), try folder.write(gzipped(Array(csv.utf8)), "t.csv.gz")] {
            let again = try store.importFile(path)
            #expect(again.rowsStored == 0 && again.rowsSkipped == 3)
            #expect(again.reasons.map(\.reason) == ["the store already holds this file"])
        }
        let grown = try store.importFile(folder.write((csv + "b,sort,2.5,4\nc,sort,1,\n").utf8, "grown.csv"))
        #expect(grown.rowsRead == 5 && grown.rowsStored == 2)
        #expect(grown.reasons.map(\.reason) == ["the store already holds this row"])
        let table = try store.executions()
        #expect(table.rowCount == 5 && table[4].task == "c" && table.parameter("size") != nil)
        // Read in another way, the same file says something else.
        let mapped = try store.importFile(
            folder.path + "/t.csv", mappings: [FieldMapping("workflow==w"), FieldMapping("task_type=task_type")])
        #expect(mapped.rowsStored == 3)
    }

    @Test("markets and workflows are told by their first bytes")
    func kinds() throws {
        let store = try store()
        let prices = """
            {"SpotPriceHistory": [{"AvailabilityZone": "a", "InstanceType": "m5.large", "ProductDescription": "Linux/UNIX",
            "SpotPrice": "0.031", "Timestamp": "2024-01-01T00:00:00Z"}]}
            """
        let report = try store.importFile(folder.write(prices.utf8, "p.json"))
        #expect(report.format == "aws-spot-prices" && report.rowsStored == 1)
        #expect(throws: TraceError.self) { try store.importFile(folder.write("{\"workflow\": 3}".utf8, "w.json")) }
        #expect(throws: TraceError.self) { try store.importFile(folder.write([], "empty")) }
        #expect(try store.summary().executions == 0)
    }

    @Test("every format has its own name")
    func names() {
        let names = TraceFormat.allCases.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { TraceFormat(name: $0)?.name == $0 } && TraceFormat(name: "none") == nil)
    }

    @Test(
        "the digest of a content does not depend on the pieces it is read in, and on every byte",
        arguments: UInt64(0)..<20)
    func digest(seed: UInt64) throws {
        var random = TestGenerator(seed: seed)
        var bytes = (0..<Int.random(in: 1...200, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        bytes[0] = 65
        let whole = try digest(bytes, piece: 1000)
        for piece in [1, 3, 16, 17] { #expect(try digest(bytes, piece: piece) == whole) }
        #expect(try digest(bytes + [0], piece: 50) != whole)
        for i in bytes.indices.dropFirst() {
            var changed = bytes
            changed[i] ^= 1
            #expect(try digest(changed, piece: 50) != whole)
        }
    }

    @Test("kill -9 in the middle of an import leaves the store as it was")
    func killed() async throws {
        let path = folder.path + "/store"
        _ = try TraceStore(folder: path).importFile(folder.write(csv.utf8, "t.csv"))
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            var table = ExecutionTable()
            var record = AttemptRecord()
            for row in 0..<20_000 {
                record.task = "task \(row)"
                table.append(record)
            }
            try TraceStore(folder: path).whileWriting(table) { kill(getpid(), SIGKILL) }
        }
        let store = try TraceStore(folder: path)
        #expect(try store.executions().rowCount == 3)
        #expect(try store.importFile(folder.write("task,runtime_seconds\nz,1\n".utf8, "z.csv")).rowsStored == 1)
    }

    func digest(_ bytes: [UInt8], piece: Int) throws -> String {
        let source = try ByteSource(bytes: bytes, name: "memory")
        var buffer = [UInt8](repeating: 0, count: piece)
        while try source.read(into: &buffer) > 0 {}
        return source.digest
    }
}
