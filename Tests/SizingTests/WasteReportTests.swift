import Sizing
import Testing
import Traces
import Workloads

@Suite("Waste report") struct WasteReportTests {
    @Test("what was reserved is used or wasted, also where runs were killed")
    func account() throws {
        var table = ExecutionTable()
        var reserved = 0.0
        for index in 0..<30 {
            var record = AttemptRecord(
                workflow: "w", job: "1", task: "t\(index)", taskType: "t", attempt: 1,
                status: index % 3 == 0 ? .failed : .completed)
            record.cause = index % 3 == 0 ? .outOfMemory : nil
            (record.runtimeSeconds, record.peakMemoryBytes) = (3600, index % 3 == 0 ? 16e9 : Double(index) * 1e8)
            record.requestedMemoryBytes = index % 3 == 0 ? 16e9 : 32e9
            record.endTimeSeconds = 1.7e9 + Double(index)
            reserved += (record.requestedMemoryBytes ?? 0) / 1e9
            table.append(record)
        }
        let tool = try #require(WasteReport(table, requests: ResourceRequests(table)).tools.first)
        #expect(abs(tool.usedGBHours + (tool.wastedGBHours ?? 0) - reserved) < 1e-9 * reserved)
        // Ten runs were killed: all of their 16 GB for an hour.
        #expect((tool.wastedGBHours ?? 0) > 160 && tool.outOfMemory == 10)
    }
}
