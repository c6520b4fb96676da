import Reading
import Testing
import Traces
import Workloads

@Suite("Nextflow traces") struct NextflowTraceTests {
    @Test("human units, dashes, names with blanks and parentheses, duplicate columns")
    func human() throws {
        let text = """
            task_id\tname\tstatus\texit\tsubmit\tduration\trealtime\t%cpu\tpeak_rss\trchar\trealtime\tpeak_rss
            1\tmap (a (b) c)\tCOMPLETED\t0\t2015-05-10 09:14:35.319\t1m 14s\t1h 36m 57s\t38.0%\t4.5 GB\t389 B\t5817001\t-
            2\tindex\tFAILED\t-\t-\t-\t325ms\t-\t-\t-\t-\t-
            3\tindex\tRUNNING\t-\t-\t-\t325ms\t-\t-\t-\t-\t-
            4\tindex\tABORTED\t2147483647\t-\t-\t0\t-\t0\t-\t-\t-
            5\tindex\tCOMPLETED\t0\t-\t-\tsoon\t-\t0\t-\t-\t-
            """
        let (table, report) = try read(Array(text.utf8))
        #expect(report.format == "nextflow (human units)" && report.rowsRead == 5 && report.rowsStored == 3)
        #expect(report.reasons.map(\.firstLine) == [4, 6])
        #expect(
            table[0].taskType == "map" && table[0].parameters["tag"] == "a (b) c" && table[0].task == "map (a (b) c)")
        #expect(table[0].runtimeSeconds == 5817.001 && table[0].peakMemoryBytes == 4.5 * 1_073_741_824)
        #expect(table[0].readBytes == 389 && table[0].cpuSeconds == 0.38 * 5817.001)
        #expect(table[1].runtimeSeconds == 0.325 && table[1].status == .failed && table[1].exitCode == nil)
        #expect(table[2].runtimeSeconds == 0 && table[2].status == .aborted && table[2].exitCode == nil)
    }

    @Test(
        "the file names the workflow",
        arguments: [
            ("a/trace_mag.csv.gz", "mag"), ("run7.execution_trace.txt", "run7"), ("native_1.trace.txt", "native_1"),
            ("execution_trace_2024.txt", "2024"), ("trace.txt", "trace.txt"),
        ])
    func workflow(path: String, name: String) throws {
        let bytes = Array("task_id\tname\tstatus\trealtime\n1\ta\tCOMPLETED\t1s\n".utf8)
        #expect(try ExecutionReader().read(ByteSource(bytes: bytes, name: path)).table[0].workflow == name)
    }
}

@Suite("Mappings") struct FieldMappingTests {
    @Test("units, alternatives, constants, percent, sums and parameters")
    func mapping() throws {
        let text = "Tool,Time,Mem,Mem2,Load,Files,Reads\nsort,1500,,7,250,\"[1, 2.5]\",9\nsort,1m 2s,3 MB,7,,[],\n"
        let mappings = [
            "task_type=Tool", "runtime_seconds=Time[ms]", "peak_memory_bytes=Mem|Mem2[GiB]",
            "cpu_seconds=Load[percent]",
            "input_bytes=Files[kB]", "param.reads=Reads", "workflow==x=y",
        ]
        let reader = ExecutionReader(mappings: try mappings.map { try FieldMapping($0) })
        let (table, report) = try reader.read(ByteSource(bytes: Array(text.utf8), name: "memory"))
        #expect(report.format == "table" && report.rowsStored == 2)
        let row = table[0]
        #expect(row.taskType == "sort" && row.runtimeSeconds == 1.5 && row.peakMemoryBytes == 7 * 1_073_741_824)
        #expect(row.cpuSeconds == 3.75 && row.inputBytes == 3500 && row.parameters == ["reads": 9])
        #expect(row.workflow == "x=y")
        #expect(table[1].runtimeSeconds == 62 && table[1].peakMemoryBytes == 3e6 && table[1].inputBytes == 0)
    }

    @Test(
        "mistakes are explained",
        arguments: [
            ("runtime=Time", "runtime_seconds"), ("runtime_seconds=Time[parsec]", "parsec"), ("runtime_seconds", "="),
            ("runtime_seconds=", "after the '='"), ("runtime_seconds=Tim[ms]", "Time"), ("=x", "="),
        ])
    func mistakes(text: String, hint: String) {
        #expect {
            let reader = ExecutionReader(mappings: [try FieldMapping(text), try FieldMapping("task_type=Tool")])
            _ = try reader.read(ByteSource(bytes: Array("Tool,Time\na,1\n".utf8), name: "memory"))
        } throws: { "\($0)".contains(hint) }
    }
}
