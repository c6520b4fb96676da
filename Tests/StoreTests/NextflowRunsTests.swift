import Reading
import Store
import TestSupport
import Testing
import Traces
import Workloads

@Suite("Nextflow runs in the store") struct NextflowRunsTests {
    static let first = """
        task_id\thash\tnative_id\tname\tstatus\texit\tsubmit\trealtime\tpeak_rss
        1\taa/000001\t100\tALIGN (s1)\tCOMPLETED\t0\t2019-01-15 11:58:04.949\t12s\t1.8 GB
        2\taa/000002\t101\tALIGN (s2)\tFAILED\t137\t2019-01-15 11:58:05.026\t9s\t3.9 GB

        """
    static let resumed = """
        task_id\thash\tnative_id\tname\tstatus\texit\tsubmit\trealtime\tpeak_rss
        7\taa/000001\t100\tALIGN (s1)\tCACHED\t0\t2019-01-15 11:58:04.949\t12s\t1.8 GB
        8\tbb/000002\t201\tALIGN (s2)\tCOMPLETED\t0\t2019-01-15 12:58:05.026\t22s\t4.2 GB

        """

    @Test(
        "a run that was resumed counts its cached tasks once, whatever is imported first, under whatever name",
        arguments: [
            [first, resumed], [resumed, first], [first + resumed], [resumed + first], [first, first + "\n", resumed],
        ])
    func cached(files: [String]) throws {
        let folder = TemporaryFolder()
        let store = try TraceStore(folder: folder.path + "/store")
        for (number, text) in files.enumerated() {
            let report = try store.importFile(
                folder.write(text.utf8, "run\(number).txt"), workflow: number == 0 ? "w" : nil)
            #expect(report.rowsRead == report.rowsStored + report.rowsSkipped)
        }
        let table = try store.executions()
        let rows = (0..<table.rowCount).map { table[$0] }.sorted { ($0.runtimeSeconds ?? 0) < ($1.runtimeSeconds ?? 0) }
        #expect(rows.map(\.runtimeSeconds) == [9, 12, 22])
        #expect(rows.map { $0.status == .failed } == [true, false, false])
    }

    @Test("the same folder of work may hold two executions, and equal measures two tasks")
    func different() throws {
        let folder = TemporaryFolder()
        let store = try TraceStore(folder: folder.path + "/store")
        let again = Self.first.replacing("11:58", with: "13:00")
        let other = Self.first.replacing("aa/", with: "cc/")
        for (number, text) in [Self.first, again, other].enumerated() {
            #expect(try store.importFile(folder.write(text.utf8, "run\(number).txt")).rowsStored == 2)
        }
    }

    @Test("rows that an earlier release stored without their hash are known")
    func earlierRelease() throws {
        let folder = TemporaryFolder()
        let store = try TraceStore(folder: folder.path + "/store")
        let text = Self.first.split(separator: "\n").map { line in
            let fields = line.split(separator: "\t")
            return (fields[..<1] + fields[3...]).joined(separator: "\t")
        }.joined(separator: "\n")
        #expect(try store.importFile(folder.write(text.utf8, "run.txt")).rowsStored == 2)
        let grown = try store.importFile(folder.write((Self.first + "\n").utf8, "run.txt"))
        #expect(grown.rowsStored == 0)
    }

    @Test("a file is a run and the pipeline the workflow")
    func workflow() throws {
        let folder = TemporaryFolder()
        let store = try TraceStore(folder: folder.path + "/store")
        let csv = "task,runtime_seconds,job\na,1,\nb,2,mine\n"
        for (text, name) in [(Self.first, "docker_1.trace.txt"), (Self.resumed, "docker_2.trace.txt"), (csv, "c.csv")] {
            _ = try store.importFile(folder.write(text.utf8, name), workflow: "toy")
        }
        let table = try store.executions(workflow: "toy")
        #expect((0..<table.rowCount).map { table[$0].job } == ["docker_1", "docker_1", "docker_2", "c", "mine"])
        let prices = "InstanceType,AvailabilityZone,SpotPrice,Timestamp\nm,a,1,2024-01-01\n"
        #expect(throws: TraceError.self) {
            try store.importFile(folder.write(prices.utf8, "p.csv"), workflow: "toy")
        }
    }
}
