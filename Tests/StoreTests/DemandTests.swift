import Foundation
import Reading
import Store
import TestSupport
import Testing
import Traces
import Workloads

@Suite("Use over time in the store, and stores that are only read") struct DemandTests {
    let folder = TemporaryFolder()

    private func outcome(_ task: String, _ series: DemandSeries? = nil) -> AttemptRecord {
        var outcome = AttemptRecord(workflow: "w", job: "w/1", task: task, taskType: "t", attempt: 2)
        outcome.demand = series
        return outcome
    }

    @Test("a series is stored with its attempt, and read again")
    func series() throws {
        let store = try TraceStore(folder: folder.path)
        let series = DemandSeries([
            .init(seconds: 0.5, cpuSeconds: 0.25, memoryBytes: 2048),
            .init(seconds: 1, cpuSeconds: 0.5, memoryBytes: 4096, readBytes: 1024, writtenBytes: 1024),
        ])
        try store.append([outcome("with", series), outcome("without")])
        for store in [store, try TraceStore(reading: folder.path)] {
            let found = try store.demands()
            #expect(found.map(\.task) == ["with"] && found.first?.series == series)
            #expect(found.first?.attempt == 2 && found.first?.status == .completed)
            #expect(try store.demands(workflow: "other").isEmpty && store.demands(workflow: "w").count == 1)
            #expect(
                found.map { String(decoding: $0.csvRows, as: UTF8.self) } == [
                    "w/1,with,t,2,completed,0.5,0.25,2048,0,0\nw/1,with,t,2,completed,1,0.5,4096,1024,1024\n"
                ])
            #expect(try store.fault() == nil)
        }
    }

    @Test("a store without bytes, or none at all, is no store to read")
    func noBytes() throws {
        #expect(throws: StoreError.self) { try TraceStore(reading: folder.path) }
        _ = try folder.write([], "traces.sqlite")
        let error = #expect(throws: StoreError.self) { try TraceStore(reading: folder.path) }
        #expect(error?.description.contains("no bytes") == true)
        // To write to it is to begin anew, as after a crash at the very start.
        #expect(try TraceStore(folder: folder.path).summary().executions == 0)
    }

    @Test("a quote that nobody closes is named by the line where it opens", arguments: [10, 300_000])
    func openQuote(rows: Int) throws {
        var text = "task,task_type,runtime_seconds\nfirst,\"x\ny\",1\nbad,\"open,2\n"
        for row in 0..<rows { text += "t\(row),type,\(row)\n" }
        let path = try folder.write(Array(text.utf8), "open.csv")
        for mappings in [[], [try FieldMapping("workflow==w")]] {
            let error = #expect(throws: TraceError.self) { try ExecutionReader(mappings: mappings).read(path) }
            #expect(error?.description.contains("open.csv:4: found a quoted field that begins '\"open,2") == true)
        }
    }

    @Test("JSON that is none of ours is called JSON")
    func json() throws {
        let path = try folder.write(Array(#" [{"a": 1}, {"a": 2}]"#.utf8), "some.json")
        let error = #expect(throws: TraceError.self) { try ExecutionReader().read(path) }
        #expect(error?.description.contains("found a JSON document") == true)
    }

    @Test("lines that are not UTF-8 are counted and told", arguments: [false, true])
    func latin(isNextflow: Bool) throws {
        let header = isNextflow ? "name\thash\trealtime\tpeak_rss\tstatus\t%cpu\n" : "task,task_type,runtime_seconds\n"
        let row = { (name: [UInt8]) in
            name + Array((isNextflow ? "\tab/cd\t1s\t5 MB\tCOMPLETED\t90%\n" : ",t,1\n").utf8)
        }
        let bytes = Array(header.utf8) + row([0x61]) + row([0x61, 0xE4]) + row(Array("ä".utf8)) + row([0xFC, 0x62])
        let report = try ExecutionReader().read(folder.write(bytes, "trace_l.txt")).report
        #expect(report.rowsStored == 4)
        #expect(report.warnings.contains { $0.hasPrefix("2 lines, the first 3, not UTF-8") }, "\(report.warnings)")
    }
}
