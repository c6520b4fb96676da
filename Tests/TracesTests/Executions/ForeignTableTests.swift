import Testing
import Traces

@Suite("Slurm accounting") struct SlurmAccountingTests {
    let sacct = """
        JobID|JobName|Partition|State|ExitCode|Submit|Start|End|Elapsed|TotalCPU|MaxRSS|ReqMem|NNodes|AllocCPUS|AllocTRES|NodeList|Timelimit
        17|align|short|COMPLETED|0:0|2024-01-01T00:00:00|2024-01-01T00:00:10|2024-01-02T01:00:10|1-01:00:00|2-00:00:00||4Gn|2|8|billing=8,cpu=8,mem=8G,node=2|n[1-2]|2-00:00:00
        17.batch|batch||COMPLETED|0:0|2024-01-01T00:00:10|2024-01-01T00:00:10|2024-01-02T01:00:10|1-01:00:00|1-00:00:00|1024K||1|4|cpu=4|n1|
        17.0|work||COMPLETED|0:0|2024-01-01T00:00:10|2024-01-01T00:00:10|2024-01-02T01:00:10|1-01:00:00|1-00:00:00|1.5G||2|8|cpu=8|n[1-2]|
        18|sort|short|CANCELLED by 1000|0:9|2024-01-01T00:00:00|2024-01-01T00:00:10|2024-01-01T00:00:20|00:00:10|00:05.250||2Gc|1|3||n1|UNLIMITED
        19|sort|short|RUNNING|0:0|2024-01-01T00:00:00|2024-01-01T00:00:10|Unknown|00:00:10|00:00:00||2G|1|1||n1|1:00
        20_3|sort|short|OUT_OF_MEMORY|0:125|2024-01-01T00:00:00|2024-01-01T00:00:10|2024-01-01T00:00:20|00:00:10|00:09:01||2G|1|1||n1|10:00
        21.batch|batch||COMPLETED|0:0|||||||||||n1|
        22|sort|short|TIMEOUT|0:0|2024-01-01T00:00:00|2024-01-01T00:00:10|2024-01-01T00:10:10|00:10:00|00:09:01||2G|1|1||n1|10:00
        """

    @Test("steps are joined with their job, units and states are understood", arguments: [false, true])
    func jobs(trailing: Bool) throws {
        let text = trailing ? sacct.split(separator: "\n").map { $0 + "|" }.joined(separator: "\n") : sacct
        let (table, report) = try read(Array(text.utf8))
        #expect(report.format == "slurm" && report.rowsRead == 6 && report.rowsStored == 4)
        #expect(report.reasons.map(\.reason) == ["the task had not ended", "a job step without its job before it"])
        #expect(report.reasons.map(\.firstLine) == [6, 8])
        let job = table[0]
        #expect(job.task == "17" && job.taskType == "align" && job.status == .completed && job.exitCode == 0)
        #expect(job.runtimeSeconds == 90000 && job.cpuSeconds == 172_800 && job.requestedSeconds == 172_800)
        #expect(job.peakMemoryBytes == 1.5 * 1_073_741_824 && job.requestedMemoryBytes == 8 * 1_073_741_824)
        #expect(job.cpus == 8 && job.machine == "n[1-2]" && job.submitTimeSeconds == 1_704_067_200)
        #expect(table[1].status == .aborted && table[1].failureCause == "cancelled" && table[1].exitCode == 137)
        #expect(table[1].requestedMemoryBytes == 6 * 1_073_741_824 && table[1].cpuSeconds == 5.25)
        #expect(table[1].requestedSeconds == nil)
        #expect(table[2].task == "20_3" && table[2].failureCause == "out-of-memory" && table[2].exitCode == 253)
        #expect(table[3].status == .failed && table[3].failureCause == "time-limit")
    }
}

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
