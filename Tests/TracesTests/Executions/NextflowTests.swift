import Markets
import Reading
import TestSupport
import Testing
import Traces
import Workloads

@Suite("Nextflow traces") struct NextflowTests {
    func read(_ text: String, name: String = "run.trace.txt") throws -> (table: ExecutionTable, report: ImportReport) {
        try ExecutionReader().read(ByteSource(bytes: Array(text.utf8), name: name))
    }

    static let scripts = [
        (
            "inside",
            """
            task_id\thash\tname\tscript\tstatus\texit\trealtime\tpeak_rss
            1\taa/000001\tALIGN (s1)\t
                bwa mem ref.fa s1.fq > s1.sam
                cut -f1\tx\ty\tz

                \tCOMPLETED\t0\t12s\t1 GB
            2\taa/000002\tALIGN (s2)\t
                cut -f1\tx\ty\tz\tw\tv\tu\tCOMPLETED\t0\t13s\t2 GB
            3\taa/000003\tQC (s2)\tqc s2.fq\tFAILED\t1\t3s\t0.5 GB

            """
        ),
        (
            "last",
            """
            task_id\thash\tname\tstatus\texit\trealtime\tpeak_rss\tscript
            1\taa/000001\tALIGN (s1)\tCOMPLETED\t0\t12s\t1 GB\t
                cat <<END
            1\tchr1\t100\t200\t-\t0\t5\tx
            END
            2\taa/000002\tALIGN (s2)\tCOMPLETED\t0\t13s\t2 GB\tsort\ta\tb
            3\taa/000003\tQC (s2)\tFAILED\t1\t3s\t0.5 GB\tqc

            """
        ),
        (
            "first",
            """
            status\tscript\tenv\ttask_id\thash\tname\texit\trealtime\tpeak_rss
            COMPLETED\ta\tb
            c\td=1
            e=2\t1\taa/000001\tALIGN (s1)\t0\t12s\t1 GB
            COMPLETED\t-\t-\t2\taa/000002\tALIGN (s2)\t0\t13s\t2 GB
            FAILED\tx\ty\t3\taa/000003\tQC (s2)\t1\t3s\t0.5 GB

            """
        ),
    ]

    @Test("scripts may hold line ends and tabs", arguments: scripts, ["\n", "\r\n", "\r"])
    func scriptText(example: (String, String), lineEnd: String) throws {
        let (table, report) = try read(example.1.replacing("\n", with: lineEnd))
        #expect(report.rowsRead == 3 && report.rowsStored == 3)
        #expect(!report.warnings.contains { $0.contains("script") })
        let rows = (0..<table.rowCount).map { table[$0] }
        #expect(rows.map(\.task) == ["ALIGN (s1)", "ALIGN (s2)", "QC (s2)"])
        #expect(rows.map(\.runtimeSeconds) == [12, 13, 3])
        #expect(rows.map(\.peakMemoryBytes) == [0x1p30, 0x1p31, 0x1p29])
        #expect(rows.map(\.status) == [.completed, .completed, .failed])
        #expect(rows.map { $0.parameters["nextflow_hash"] } == ["aa/000001", "aa/000002", "aa/000003"])
    }

    @Test("a task that is cut off costs no other, and is counted")
    func cutOff() throws {
        let lines = Self.scripts[0].1.split(separator: "\n", omittingEmptySubsequences: false)
        for kept in [1, 2, 3, 4] {
            let text = (lines[..<(1 + kept)] + lines[6...]).joined(separator: "\n")
            let (table, report) = try read(text)
            #expect((0..<table.rowCount).map { table[$0].runtimeSeconds } == [13, 3])
            #expect(report.rowsSkipped == 1 && report.reasons.first?.firstLine == 2)
            #expect(report.warnings.first?.contains("Leave script and env out of trace.fields") == true)
        }
    }

    @Test("where nothing tells scripts from tasks, the remedy is named")
    func untold() {
        let text = "task_id\tname\tscript\trealtime\tpeak_rss\n1\ta\techo\n1\tx\ty\t2\t3\n"
        #expect {
            try read(text)
        } throws: { error in
            "\(error)".contains("run.trace.txt:2: found a line of a script") && "\(error)".contains("trace.fields")
        }
        let row = "task_id\tname\tstatus\trealtime\n1\ta\tCOMPLETED\t2\n  x\ty\tCOMPLETED\t4\n"
        #expect(throws: Never.self) {
            let (table, report) = try read(row)
            #expect(table.rowCount == 1 && report.reasons.first?.reason.contains("trace.fields") == true)
        }
    }

    @Test("every mutation of a trace with scripts is read or refused, and rows add up", arguments: UInt64(0)..<30)
    func fuzz(seed: UInt64) {
        var random = TestGenerator(seed: seed)
        let text = Array(Self.scripts[Int(seed % 3)].1.utf8)
        let fuzzer = ExecutionFuzzTests()
        for _ in 0..<40 { fuzzer.check(fuzzer.mutated(text, using: &random)) }
    }

    @Test("equal rows of a trace are one; those that differ in anything are two")
    func equalRows() throws {
        let row = "31\t9a/0c11de\t4401\tsum (7)\tCACHED\t0\t2025-01-14 21:28:06.009\t1h 5m 4s\t641.5 MB\n"
        let header = "task_id\thash\tnative_id\tname\tstatus\texit\tsubmit\trealtime\tpeak_rss\n"
        let (table, report) = try read(header + row + row + row.replacing("31\t9a", with: "32\t9b") + row)
        #expect(table.rowCount == 2 && report.rowsRead == 4)
        #expect(report.reasons.map(\.reason) == ["repeats a row above"] && report.reasons.first?.rows == 2)
    }
}

@Suite("Joined tables") struct JoinedTableTests {
    func read(_ text: String, mappings: [String] = []) throws -> (table: ExecutionTable, report: ImportReport) {
        let reader = ExecutionReader(mappings: try mappings.map { try FieldMapping($0) })
        return try reader.read(ByteSource(bytes: Array(text.utf8), name: "t"))
    }

    @Test(
        "the rows after a second header are read by it",
        arguments: [
            "task_id\tname\tstatus\tpeak_rss\trealtime\n1\tb\tCOMPLETED\t1900\t14000\n",
            "\u{FEFF}task_id\tname\tstatus\tpeak_rss\trealtime\n1\tb\tCOMPLETED\t1900\t14000\n",
            "\n\nrealtime\tname\tpeak_rss\tstatus\ttask_id\n14000\tb\t1900\tCOMPLETED\t1\n",
            "name\thash\trealtime\tpeak_rss\tstatus\nb\tab/12\t14000\t1900\tCOMPLETED\n",
            "name\thash\trealtime\tpeak_rss\tstatus\ttag\tcpus\nb\tab/12\t14000\t1900\tCOMPLETED\tx\t2\n",
            "task_id\tname\tstatus\trealtime\tpeak_rss\n1\tb\tCOMPLETED\t14000\t1900\n",
        ])
    func nextflow(second: String) throws {
        let first = "task_id\tname\tstatus\trealtime\tpeak_rss\n1\ta\tCOMPLETED\t12000\t1900\n"
        let (table, report) = try read(first + second)
        #expect(report.rowsRead == 2 && report.rowsSkipped == 0)
        #expect(report.warnings.first?.hasPrefix("1 more header, the first in line") == true)
        #expect((0..<2).map { table[$0].runtimeSeconds } == [12, 14])
        #expect((0..<2).map { table[$0].peakMemoryBytes } == [1900, 1900])
    }

    @Test("a second header of scripts", arguments: [0, 1, 2], [0, 1, 2])
    func scripts(first: Int, second: Int) throws {
        let text = NextflowTests.scripts[first].1 + NextflowTests.scripts[second].1.replacing("aa/", with: "bb/")
        let (table, report) = try read(text)
        #expect(report.rowsStored == 6 && report.rowsSkipped == 0)
        #expect((0..<6).map { table[$0].runtimeSeconds } == [12, 13, 3, 12, 13, 3])
    }

    @Test("accounts of Slurm")
    func slurm() throws {
        let (table, _) = try read(
            """
            JobID|JobName|State|ElapsedRaw|MaxRSS
            901|a|COMPLETED|600|
            901.batch|batch|COMPLETED|600|500M
            JobID|JobName|State|MaxRSS|ElapsedRaw
            905|a|COMPLETED||700
            905.batch|batch|COMPLETED|300M|700

            """)
        #expect((0..<2).map { table[$0].runtimeSeconds } == [600, 700])
        #expect((0..<2).map { table[$0].peakMemoryBytes } == [500 * 1_048_576, 300 * 1_048_576])
    }

    @Test(
        "tables of our own: the same header is passed over, another refused with its line", arguments: [1, 2],
        [24, 4000])
    func csv(threads: Int, blockBytes: Int) throws {
        func read(_ text: String) throws -> (table: ExecutionTable, report: ImportReport) {
            var reader = ExecutionReader()
            (reader.threads, reader.blockBytes) = (threads, blockBytes)
            return try reader.read(ByteSource(bytes: Array(text.utf8), name: "t"))
        }
        let header = "task,runtime_seconds,peak_memory_bytes\n"
        for again in [header, "\u{FEFF}" + header, "\"task\", runtime_seconds,peak_memory_bytes\r\n"] {
            let (table, report) = try read(header + "a,12,1900\n" + again + "b,14,x\nb,14,1900\n" + again)
            #expect(report.rowsRead == 3 && report.rowsStored == 2 && report.reasons.map(\.firstLine) == [4])
            #expect(report.warnings == ["2 more headers, the first in line 3: the rows after each are read by it."])
            #expect((0..<2).map { table[$0].runtimeSeconds } == [12, 14] && table.texts(.task).levels.count == 2)
        }
        for other in [
            "task,peak_memory_bytes,runtime_seconds\n", "task,runtime_seconds,cpus\n", "task,runtime_seconds\n",
        ] {
            #expect {
                try read(header + "a,12,1900\n" + other + "b,1900,14\n")
            } throws: { "\($0)".hasPrefix("t:3: found another header") }
        }
    }

    @Test("a header that hangs at the end of a row is refused with its line", arguments: [1, 2])
    func gluedHeader(threads: Int) throws {
        let ours = "task,runtime_seconds,peak_memory_bytes\n"
        let trace = "task_id\thash\tname\tstatus\trealtime\n"
        let sacct = "JobID|JobName|State|ElapsedRaw|MaxRSS\n"
        for text in [
            ours + "a,12,1900" + ours + "b,14,1900\n",
            ours + "a,12,1900task,peak_memory_bytes,runtime_seconds\nb,1900,14\n",
            ours + "atask,peak_memory_bytes,runtime_seconds\nb,1900,14\n",
            trace + "1\taa/000001\tA (1)\tCOMPLETED\t12s" + trace + "2\taa/000002\tB (1)\tCOMPLETED\t14s\n",
            trace
                + "1\taa/000001\tA (1)\tCOMPLETED\t12stask_id\tname\thash\tstatus\trealtime\n2\tB (1)\taa/2\tCOMPLETED\t1s\n",
            trace + "1task_id\tname\thash\tstatus\trealtime\n2\tB (1)\taa/000002\tCOMPLETED\t1s\n",
            sacct + "1|a|COMPLETED|12|" + sacct + "2|b|COMPLETED|14|\n",
        ] {
            var reader = ExecutionReader()
            reader.threads = threads
            #expect {
                try reader.read(ByteSource(bytes: Array(text.utf8), name: "t"))
            } throws: { "\($0)".hasPrefix("t:2: found another header") }
        }
        // Words of the header in a row are no header.
        var reader = ExecutionReader()
        reader.threads = threads
        let words = ours + "a,12,runtime_seconds\nmytask,1,peak_memory_bytes\n"
        #expect(try reader.read(ByteSource(bytes: Array(words.utf8), name: "t")).report.rowsSkipped == 2)
    }

    @Test("rows without the header are told from those of sacct")
    func noHeader() {
        for (text, nearest) in [
            ("1\taa/000001\tA (1)\tCOMPLETED\t12s\n", "'nextflow'"), ("1|a|COMPLETED|12\n", "'slurm'"),
            ("JobID  JobName  State\n1  a  COMPLETED\n", "'slurm'"),
        ] {
            for format: ExecutionFormat? in nearest == "'slurm'" ? [nil, .slurm] : [nil] {
                var reader = ExecutionReader()
                reader.format = format
                #expect {
                    try reader.read(ByteSource(bytes: Array(text.utf8), name: "t"))
                } throws: {
                    "\($0)".contains(nearest) && !"\($0)".contains("--map")
                }
            }
        }
    }

    @Test("other tables, by mappings")
    func mapped() throws {
        let text = "Tool;Time;Who\nsort;12;x\nTool;Who;Time\nsort;y;14\nTime;More;Tool;Who\n15;1;sort;z\n"
        let (table, _) = try read(text, mappings: ["task_type=Tool", "runtime_seconds=Time", "workflow==w"])
        #expect((0..<table.rowCount).map { table[$0].runtimeSeconds } == [12, 14, 15])
    }

    @Test("prices and lives of machines")
    func markets() throws {
        func content(_ text: String) throws -> MarketImport.Content {
            let source = try ByteSource(bytes: Array(text.utf8), name: "t")
            return try MarketImport.read(source, format: MarketFormat.detect(source)).content
        }
        let prices = """
            InstanceType,AvailabilityZone,SpotPrice,Timestamp
            m5.large,a,0.03,2024-01-01T00:00:00Z
            AvailabilityZone,InstanceType,Timestamp,ProductDescription,SpotPrice
            a,m5.large,2024-01-01T01:00:00Z,Linux/UNIX,0.04

            """
        guard case .prices(let table) = try content(prices) else { throw TraceError.empty(path: "") }
        #expect(table.markets.map(\.zone) == ["a"] && table.history(of: 0).prices == [0.03, 0.04])
        let lives = """
            vm_id,zone,machine_type,start_time,lifetime_sec,preempted
            v,a,n1,2024-01-01T00:00:00Z,60,1
            zone,vm_id,machine_type,start_time,preempted,lifetime_sec
            b,w,n1,2024-01-01T00:00:00Z,0,70

            """
        guard case .lifetimes(let records) = try content(lives) else { throw TraceError.empty(path: "") }
        #expect(records.map(\.zone) == ["a", "b"] && records.map(\.lifetimeSeconds) == [60, 70])
    }
}
