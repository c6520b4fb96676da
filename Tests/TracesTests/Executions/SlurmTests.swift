import Foundation
import Reading
import Testing
import Traces
import Workloads

private let kibibyte = 1024.0
private let gibibyte = 1_073_741_824.0

private func read(_ text: String) throws -> (table: ExecutionTable, report: ImportReport) {
    try read(Array(text.utf8))
}

@Suite("Slurm accounting") struct SlurmAccountingTests {
    let sacct = """
        JobID|JobName|User|Account|Partition|State|ExitCode|Submit|Start|End|Elapsed|TotalCPU|MaxRSS|ReqMem|NNodes|NTasks|AllocCPUS|AllocTRES|NodeList|Timelimit
        17|align|ada|bio|short|COMPLETED|0:0|2024-01-01T00:00:00|2024-01-01T00:00:10|2024-01-02T01:00:10|1-01:00:00|2-00:00:00||4Gn|2||8|billing=8,cpu=8,gres/gpu=2,mem=8G,node=2|n[1-2]|2-00:00:00
        17.batch|batch||bio||COMPLETED|0:0|2024-01-01T00:00:10|2024-01-01T00:00:10|2024-01-02T01:00:10|1-01:00:00|1-00:00:00|1024K||1|1|4|cpu=4|n1|
        17.0|work||bio||COMPLETED|0:0|2024-01-01T00:00:10|2024-01-01T00:00:10|2024-01-02T01:00:10|1-01:00:00|1-00:00:00|1.5G||2|4|8|cpu=8|n[1-2]|
        18|sort|ada|bio|short|CANCELLED by 1000|0:9|2024-01-01T00:00:00|2024-01-01T00:00:10|2024-01-01T00:00:20|00:00:10|00:05.250||2Gc|1||3||n1|UNLIMITED
        19|sort|ada|bio|short|RUNNING|0:0|2024-01-01T00:00:00|2024-01-01T00:00:10|Unknown|00:00:10|00:00:00||2G|1||1||n1|1:00
        20_3|sort|ada|bio|short|OUT_OF_MEMORY|0:125|2024-01-01T00:00:00|2024-01-01T00:00:10|2024-01-01T00:00:20|00:00:10|00:09:01||2G|1||1||n1|10:00
        21.batch|batch||bio||COMPLETED|0:0||||||||||||n1|
        22|sort|ada|bio|short|TIMEOUT|0:0|2024-01-01T00:00:00|2024-01-01T00:00:10|2024-01-01T00:10:10|00:10:00|00:09:01||2G|1||1||n1|10:00
        """

    @Test("steps are joined with their job, units and states are understood", arguments: [false, true])
    func jobs(trailing: Bool) throws {
        let text = trailing ? sacct.split(separator: "\n").map { $0 + "|" }.joined(separator: "\n") : sacct
        let (table, report) = try read(text)
        #expect(report.format == "slurm" && report.rowsRead == 6 && report.rowsStored == 4)
        #expect(report.reasons.map(\.reason) == ["the task had not ended", "a job step whose job is not in the file"])
        #expect(report.reasons.map(\.firstLine) == [6, 8] && report.warnings.isEmpty)
        let job = table[0]
        #expect(job.task == "17" && job.taskType == "align" && job.status == .completed && job.exitCode == 0)
        #expect(job.runtimeSeconds == 90000 && job.cpuSeconds == 172_800 && job.requestedSeconds == 172_800)
        #expect(job.peakMemoryBytes == 6 * gibibyte && job.requestedMemoryBytes == 8 * gibibyte)
        #expect(job.cpus == 8 && job.machine == "n[1-2]" && job.submitTimeSeconds == 1_704_067_200)
        #expect(
            job.parameters == [
                "user": "ada", "account": "bio", "partition": "short", "nodes": 2, "ntasks": 4, "gpus": 2,
            ])
        #expect(table[1].status == .aborted && table[1].failureCause == "cancelled" && table[1].exitCode == 137)
        #expect(table[1].requestedMemoryBytes == 6 * gibibyte && table[1].cpuSeconds == 5.25)
        #expect(table[1].requestedSeconds == nil)
        #expect(table[2].task == "20_3" && table[2].failureCause == "out-of-memory" && table[2].exitCode == 253)
        #expect(table[2].parameters["array"] == 20)
        #expect(table[3].status == .failed && table[3].failureCause == "time-limit")
    }

    /// One job of 10 minutes on `nodes` nodes with the steps given as `NTasks|MaxRSS|AveRSS|start|end` (minutes).
    private func job(
        nodes: Int, memory: String = "20G", cpus: Int = 8, _ steps: [String], header: String = "NTasks|MaxRSS|AveRSS"
    ) throws -> (job: AttemptRecord, report: ImportReport) {
        var text = "JobID|JobName|State|ElapsedRaw|AllocCPUS|ReqMem|NNodes|Start|End|\(header)\n"
        func time(_ minute: String) -> String { "2025-03-01T08:\(minute.count < 2 ? "0" : "")\(minute):00" }
        text += "1|solver|COMPLETED|600|\(cpus)|\(memory)|\(nodes)|\(time("0"))|\(time("10"))|||\n"
        text += "1.batch|batch|COMPLETED|600|\(cpus)||1|\(time("0"))|\(time("10"))|1|20480K|20480K\n"
        for (index, step) in steps.enumerated() {
            let fields = step.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
            let measures = fields.prefix(3).joined(separator: "|")
            text += "1.\(index)|s|COMPLETED|600|\(cpus)||\(nodes)|\(time(fields[3]))|\(time(fields[4]))|\(measures)\n"
        }
        let (table, report) = try read(text)
        try #require(table.rowCount == 1, "\(report)")
        return (table[0], report)
    }

    @Test(
        "memory of a step is that of all its tasks, and what overlaps in time adds up",
        arguments: [
            (1, ["8|2000000K||0|10"], 16e6 * 1024),
            // With an average there is the exact sum, which one large task does not multiply.
            (1, ["8|2000000K|1950000K|0|10"], 15.6e6 * 1024),
            (1, ["64|20G|1G|0|10"], 64 * gibibyte),
            // On several nodes nobody knows which has the large task: every node could, within what was reserved.
            (4, ["64|0.25G|0.2G|0|10"], 16 * gibibyte),
            (4, ["64|2G|0.25G|0|10"], 20 * gibibyte),
            (1, ["1|3G||0|10", "1|3G||0|10", "1|3G||0|10", "1|3G||0|10"], 12 * gibibyte),
            (1, ["1|3G||0|5", "1|2G||5|10"], 3 * gibibyte),
            (1, ["1|3G||0|6", "1|2G||4|10", "1|1G||7|8"], 5 * gibibyte),
            (1, ["1|1G||3|3"], gibibyte),
            (1, ["1|1K||0|10"], 20480 * 1024),
        ] as [(Int, [String], Double)])
    func memory(nodes: Int, steps: [String], expected: Double) throws {
        let (job, report) = try job(nodes: nodes, steps)
        #expect(
            job.peakMemoryBytes == expected
                && !report.warnings.contains { $0.contains("MaxRSS is") || $0.contains("side by side") },
            "\(report.warnings)"
        )
    }

    @Test("tasks at one time are the job's tasks")
    func tasks() throws {
        #expect(try job(nodes: 2, ["16|1G||0|5", "8|1G||5|10"]).job.parameters["ntasks"] == 16)
        #expect(try job(nodes: 1, ["1|1G||0|10", "2|1G||0|10"]).job.parameters["ntasks"] == 3)
    }

    @Test("without NTasks the memory of several nodes is unknown, and the command that helps is printed")
    func withoutTasks() throws {
        let (far, farReport) = try job(nodes: 4, ["|1600000K||0|10"])
        #expect(far.peakMemoryBytes == nil && far.parameters["nodes"] == 4)
        #expect(farReport.warnings.contains { $0.contains("NTasks") && $0.contains("sacct --starttime") })
        let (near, nearReport) = try job(nodes: 1, ["|1600000K||0|10"])
        #expect(near.peakMemoryBytes == 1_638_400_000 && nearReport.warnings.contains { $0.contains("NTasks") })
        let (single, singleReport) = try job(nodes: 1, cpus: 1, ["|1600000K||0|10"])
        #expect(single.peakMemoryBytes == 1_638_400_000)
        #expect(!singleReport.warnings.contains { $0.contains("MaxRSS is") || $0.contains("side by side") })
        // TRESUsageInTot has what all tasks took.
        let total = try job(
            nodes: 2, ["|1600000K|cpu=00:10:00,mem=3000000K|0|10"], header: "NTasks|MaxRSS|TRESUsageInTot")
        #expect(total.job.peakMemoryBytes == 3_072_000_000)
    }

    @Test("steps side by side that do not say when they ran leave the memory unknown")
    func withoutTimes() throws {
        func read(_ elapsed: [Int]) throws -> (ExecutionTable, ImportReport) {
            var text = "JobID|JobName|State|ElapsedRaw|AllocCPUS|ReqMem|NTasks|MaxRSS\n1|a|COMPLETED|600|4|9G||\n"
            for (step, seconds) in elapsed.enumerated() {
                text += "1.\(step)|s|COMPLETED|\(seconds)|1||1|\(step + 1)G\n"
            }
            return try TracesTests.read(Array(text.utf8))
        }
        let (together, report) = try read([600, 600])
        #expect(together[0].peakMemoryBytes == nil && report.warnings.contains { $0.contains("Start and End") })
        #expect(try read([300, 290]).0[0].peakMemoryBytes == 2 * gibibyte)
    }

    @Test(
        "CPU time is what was measured",
        arguments: [
            // Elapsed × processors says nothing of use.
            ("CPUTimeRAW", "57600", "57600", 3600, nil),
            ("TotalCPU|TRESUsageInTot", "00:00:00|", "00:00:00|cpu=15:50:00,energy=0,mem=1048576K", 3600, 57000),
            ("TotalCPU|UserCPU|SystemCPU", "00:00:00||", "00:00:00|10:00.500|00:30.500", 3600, 631),
            ("TotalCPU", "00:00:00", "00:00:00", 3600, nil), ("TotalCPU", "00:00:00", "00:00:00", 0, 0),
            ("TotalCPU", "10:00", "05:00", 3600, 600), ("TotalCPU", "00:00:00", "05:00", 3600, 300),
        ] as [(String, String, String, Int, Double?)])
    func processorTime(header: String, job: String, step: String, seconds: Int, expected: Double?) throws {
        let (table, _) = try read(
            "JobID|JobName|State|ElapsedRaw|AllocCPUS|\(header)\n900|idle|COMPLETED|\(seconds)|16|\(job)\n"
                + "900.batch|batch|COMPLETED|\(seconds)|16|\(step)\n")
        #expect(table[0].cpuSeconds == expected)
    }

    let requeued = """
        JobID|JobName|State|ExitCode|Submit|Start|End|ElapsedRaw|TotalCPU|MaxRSS|AllocCPUS|ReqMem
        700|fold|REQUEUED|0:0|2025-03-01T08:00:00|2025-03-01T08:00:05|2025-03-01T09:00:05|3600|00:59:00||1|6000Mc
        700.batch|batch|FAILED|1:0|2025-03-01T08:00:05|2025-03-01T08:00:05|2025-03-01T09:00:05|3600|00:00:01|5120K|1|
        700.0|fold|FAILED|1:0|2025-03-01T08:00:05|2025-03-01T08:00:06|2025-03-01T09:00:04|3598|00:58:59|4000000K|1|
        700|fold|PREEMPTED|0:0|2025-03-01T09:00:05|2025-03-01T09:01:05|2025-03-01T09:31:05|1800|00:29:00||1|6000Mc
        700.batch|batch|CANCELLED|0:15|2025-03-01T09:01:05|2025-03-01T09:01:05|2025-03-01T09:31:05|1800|00:00:01|5130K|1|
        700|fold|COMPLETED|0:0|2025-03-01T09:31:05|2025-03-01T09:40:05|2025-03-01T10:40:05|3600|00:59:30||1|6000Mc
        700.batch|batch|COMPLETED|0:0|2025-03-01T09:40:05|2025-03-01T09:40:05|2025-03-01T10:40:05|3600|00:00:01|5120K|1|
        700.1|fold|COMPLETED|0:0|2025-03-01T09:40:05|2025-03-01T09:40:06|2025-03-01T10:40:04|3598|00:58:59|4100000K|1|
        """

    @Test("the attempts of a requeued job are numbered, and steps find theirs wherever they stand")
    func attempts() throws {
        let lines = requeued.split(separator: "\n").map(String.init)
        let jobsFirst = [0, 1, 4, 6, 9, 8, 7, 5, 3, 2].filter { $0 < lines.count }.map { lines[$0] }
        let twice = lines + lines.dropFirst()
        for (order, text) in [lines, jobsFirst, twice].map({ $0.joined(separator: "\n") }).enumerated() {
            let (table, report) = try read(text)
            #expect(table.rowCount == 3, "order \(order)")
            #expect(table.numbers(.attempt) == [1, 2, 3])
            #expect(
                (0..<3).map { table[$0].peakMemoryBytes } == [4_096_000_000, 5130 * 1024, 4_198_400_000])
            #expect(table.texts(.status).levels.count == 2 && table[2].status == .completed)
            #expect(table[0].status == .aborted && table[1].failureCause == "reclaimed")
            #expect(report.rowsSkipped == (order == 2 ? 3 : 0))
        }
    }

    @Test("the steps of a job that runs belong to it")
    func running() throws {
        let (table, report) = try read(
            """
            JobID|JobName|State|ExitCode|Start|End|ElapsedRaw|MaxRSS|AllocCPUS|ReqMem
            21|a|RUNNING|0:0|2025-10-01T08:00:00|Unknown|3600||4|8G
            21.batch|batch|RUNNING|0:0|2025-10-01T08:00:00|Unknown|3600||4|
            21.0|x|COMPLETED|0:0|2025-10-01T08:00:00|2025-10-01T08:10:00|600|900M|4|
            22|a|COMPLETED|0:0|2025-10-01T08:00:00|2025-10-01T08:10:00|600||4|8G
            22.batch|batch|COMPLETED|0:0|2025-10-01T08:00:00|2025-10-01T08:10:00|600|700M|4|
            """)
        #expect(table.rowCount == 1 && table[0].peakMemoryBytes == 700 * 1_048_576)
        #expect(report.reasons.map(\.reason) == ["the task had not ended"] && report.rowsSkipped == 1)
        #expect(table[0].attempt == nil)
    }

    @Test("array elements, het jobs, jobs that never started")
    func kinds() throws {
        let (table, report) = try read(
            """
            JobID|JobName|State|ExitCode|Submit|Start|End|Elapsed|Timelimit|MaxRSS|AllocCPUS|ReqMem|NodeList
            1001|a|CANCELLED by 1234|0:0|2025-03-01T08:00:00|None|2025-03-01T08:10:00|00:00:00|1-00:00:00||0|4G|None assigned
            1003_[5-9%2]|a|PENDING|0:0|2025-03-01T08:00:00|Unknown|Unknown|00:00:00|Partition_Limit||0|4G|
            1003_1|a|COMPLETED|0:0|2025-03-01T08:00:00|2025-03-01T08:00:01|2025-03-02T10:03:05|1-02:03:04|2-00:00:00||1|4G|n1
            1003_1.batch|batch|COMPLETED|0:0|2025-03-01T08:00:00|2025-03-01T08:00:01|2025-03-02T10:03:05|1-02:03:04||1200K|1||n1
            1004+0|h|COMPLETED|0:0|2025-03-01T08:00:00|2025-03-01T08:00:01|2025-03-01T08:00:11|00:00:10|2-00:00:00||1|4G|n1
            1004+0.batch|batch|COMPLETED|0:0|2025-03-01T08:00:00|2025-03-01T08:00:01|2025-03-01T08:00:11|00:00:10||1200K|1||n1
            1004+0.0|s|COMPLETED|0:0|2025-03-01T08:00:00|2025-03-01T08:00:01|2025-03-01T08:00:11|00:00:10||1300K|1||n1
            1004+1|h|COMPLETED|0:0|2025-03-01T08:00:00|2025-03-01T08:00:01|2025-03-01T08:00:11|00:00:10|2-00:00:00||1|4G|n[2,4-6]
            1004+1.0|s|COMPLETED|0:0|2025-03-01T08:00:00|2025-03-01T08:00:01|2025-03-01T08:00:11|00:00:10||1400K|1||n2
            1006|a|REVOKED|0:0|2025-03-01T08:00:00|2025-03-01T08:00:01|2025-03-01T08:00:11|00:00:10|10:00||1|4G|n1
            """)
        #expect((0..<table.rowCount).map { table[$0].task } == ["1001", "1003_1", "1004+0", "1004+1"])
        #expect(table[0].status == .aborted && table[0].runtimeSeconds == 0 && table[0].machine == nil)
        #expect(table[1].runtimeSeconds == 93784 && table[1].peakMemoryBytes == 1200 * kibibyte)
        #expect(table[2].peakMemoryBytes == 1300 * kibibyte && table[3].parameters["nodes"] == 4)
        #expect(report.reasons.map(\.firstLine) == [3, 11])
    }

    @Test(
        "a limit of a year is none, and 0 memory is all of the node",
        arguments: [
            ("365-00:00:00", "4G", "", nil, 4.0), ("UNLIMITED", "0", "cpu=1,mem=16G,node=1", nil, 16),
            ("364-00:00:00", "0n", "", 31_449_600, nil), ("Partition_Limit", "", "cpu=1,mem=2G", nil, 2),
            ("10:00", "3Gc", "", 600, 6), ("10:00", "3Gn", "node=2", 600, 6), ("10:00", "?", "mem=1G", 600, 1),
        ] as [(String, String, String, Double?, Double?)])
    func requests(limit: String, memory: String, allocated: String, seconds: Double?, gibibytes: Double?) throws {
        let (table, _) = try read(
            "JobID|JobName|State|Elapsed|Timelimit|ReqMem|AllocCPUS|AllocTRES\n1|a|COMPLETED|00:00:04|\(limit)|\(memory)|2|\(allocated)\n"
        )
        #expect(table[0].requestedSeconds == seconds)
        #expect(table[0].requestedMemoryBytes == gibibytes.map { $0 * gibibyte })
    }

    @Test(
        "SIGKILL is out of memory where memory was full, else its cause is unknown",
        arguments: [
            ("FAILED", "0:9", "4664K", nil), ("FAILED", "137:0", "4664K", nil),
            ("FAILED", "137:0", "4000M", "out-of-memory"),
            ("FAILED", "0:15", "4664K", "program-error"), ("FAILED", "1:0", "4096M", "program-error"),
            ("OUT_OF_MEMORY", "0:125", "4664K", "out-of-memory"), ("NODE_FAIL", "0:9", "4096M", "lost"),
            ("CANCELLED", "0:9", "4664K", "cancelled"),
        ] as [(String, String, String, String?)])
    func killed(state: String, exit: String, peak: String, cause: String?) throws {
        let (table, _) = try read(
            "JobID|JobName|State|ExitCode|Elapsed|ReqMem|AllocCPUS|MaxRSS\n6|k|\(state)|\(exit)|00:00:30|4096M|1|\n"
                + "6.batch|batch|\(state)|\(exit)|00:00:30||1|\(peak)\n")
        #expect(table[0].failureCause == cause)
        #expect(table[0].status == (["lost", "cancelled"].contains(cause) ? .aborted : .failed))
    }

    @Test(
        "what sacct prints otherwise is refused or remarked on, with the command to run",
        arguments: [
            "JobID           JobName  Partition    Account  AllocCPUS      State ExitCode \n------- ---------- ------\n",
            "17|align|short|bio|8|COMPLETED|0:0\n17.batch|batch||bio|8|COMPLETED|0:0\n",
            "17                align      short        bio          8  COMPLETED      0:0 \n",
        ])
    func refused(text: String) {
        #expect { _ = try read(text) } throws: {
            "\($0)".contains("sacct --starttime now-30days --duplicates --parsable2 --format=JobID,JobName,")
        }
    }

    @Test("columns that lack are named")
    func lacking() throws {
        let few = try read("JobID|JobName|Partition|Account|AllocCPUS|State|ExitCode\n17|a|p|b|8|COMPLETED|0:0\n")
            .report
        #expect(
            few.warnings.contains {
                $0.contains("memory used, memory requested, time limits") && $0.contains("sacct --st")
            })
        let jobsOnly = try read(
            "JobID|JobName|State|Elapsed|MaxRSS|ReqMem|Timelimit|TotalCPU\n17|a|COMPLETED|10:00||1G|20:00|09:00\n"
        ).report
        #expect(jobsOnly.warnings.contains { $0.contains("--allocations") })
    }
}

@Suite("Slurm's other records") struct SlurmRecordTests {
    /// As Slurm 22.05.8 writes it, without most of what we do not read.
    static let json = #"""
        {"meta":{"plugin":{"type":"openapi/dbv0.0.38","name":"Slurm OpenAPI DB v0.0.38"},
        "Slurm":{"version":{"major":22,"micro":8,"minor":5},"release":"22.05.8"}},
        "errors":[],"jobs":[{"account":"root","allocation_nodes":1,"array":{"job_id":0,"task":null,"task_id":null},
        "association":{"account":"root","cluster":"test","partition":null,"user":"root"},
        "time":{"elapsed":10,"eligible":1795920810,"end":1795920821,"start":1795920811,"submission":1795920810,"suspended":0,"limit":null,"total":{"seconds":0,"microseconds":0}},
        "exit_code":{"status":"SUCCESS","return_code":0},"het":{"job_id":0,"job_offset":null},
        "job_id":1,"name":"mpi","nodes":"n1","partition":"ondemand","state":{"current":"COMPLETED","reason":"None"},
        "steps":[{"nodes":{"list":["n1"],"count":1,"range":"n1"},
        "tres":{"requested":{"max":[{"type":"cpu","name":null,"count":10},
        {"type":"mem","name":null,"count":11083776},
        {"type":"fs","name":"disk","count":29734}],"total":[{"type":"cpu","name":null,"count":10},
        {"type":"mem","name":null,"count":11083776},{"type":"fs","name":"disk","count":29734}]},
        "consumed":{"max":[{"type":"fs","name":"disk","count":1880}],"total":[{"type":"fs","name":"disk","count":1880}]}},
        "time":{"elapsed":10,"end":1795920821,"start":1795920811,"suspended":0,"total":{"seconds":0,"microseconds":17003}},
        "exit_code":{"status":"SUCCESS","return_code":0},"tasks":{"count":1},
        "state":"COMPLETED","step":{"job_id":1,"het":{"component":null},"id":"batch","name":"batch"}},
        {"nodes":{"list":["n1"],"count":1,"range":"n1"},
        "tres":{"requested":{"max":[{"type":"cpu","name":null,"count":1450},
        {"type":"mem","name":null,"count":118616064},
        {"type":"fs","name":"disk","count":1686198}],"total":[{"type":"cpu","name":null,"count":4260},
        {"type":"mem","name":null,"count":474054656},{"type":"fs","name":"disk","count":6744792}]},
        "consumed":{"max":[{"type":"fs","name":"disk","count":1696}],"total":[{"type":"fs","name":"disk","count":6784}]}},
        "time":{"elapsed":10,"end":1795920821,"start":1795920811,"suspended":0,"total":{"seconds":4,"microseconds":861485}},
        "exit_code":{"status":"SUCCESS","return_code":0},"tasks":{"count":4},
        "state":"COMPLETED","step":{"job_id":1,"het":{"component":null},
        "id":0,"name":"python3"}}],"tres":{"allocated":[{"type":"cpu","name":null,"count":4},
        {"type":"mem","name":null,"count":1024},
        {"type":"node","name":null,"count":1}],"requested":[{"type":"cpu","name":null,"count":4},
        {"type":"mem","name":null,"count":1024},{"type":"node","name":null,"count":1}]},
        "user":"root","required":{"CPUs":4,"memory":1024}},
        {"account":"root","allocation_nodes":1,"array":{"job_id":0,"task":null,"task_id":null},
        "association":{"account":"root","cluster":"test","partition":null,"user":"root"},
        "time":{"elapsed":0,"eligible":1795920811,"end":1795920820,"start":1795920820,"submission":1795920811,"suspended":0,"limit":525600,"total":{"seconds":0,"microseconds":0}},
        "exit_code":{"status":"SIGNALED","return_code":null,"signal":{"signal_id":9,"name":"Killed"}},
        "het":{"job_id":0,"job_offset":null},
        "job_id":6,"name":"killed","nodes":"n2","partition":"ondemand","state":{"current":"FAILED","reason":"None"},
        "steps":[{"nodes":{"list":["n2"],"count":1,"range":"n2"},"tres":{"requested":{"max":[],"total":[]},
        "consumed":{"max":[],"total":[]}},
        "time":{"elapsed":0,"end":1795920820,"start":1795920820,"suspended":0,"total":{"seconds":0,"microseconds":1750}},
        "exit_code":{"status":"SIGNALED","return_code":null,"signal":{"signal_id":9,"name":"Killed"}},
        "tasks":{"count":1},"state":"CANCELLED","step":{"job_id":6,"het":{"component":null},
        "id":"batch","name":"batch"}}],"tres":{"allocated":[{"type":"cpu","name":null,"count":1},
        {"type":"mem","name":null,"count":64},
        {"type":"node","name":null,"count":1}],"requested":[{"type":"cpu","name":null,"count":1},
        {"type":"mem","name":null,"count":64},{"type":"node","name":null,"count":1}]},
        "user":"root","required":{"CPUs":1,"memory":64}},
        {"account":"root","allocation_nodes":1,"array":{"job_id":3,"task":null,"task_id":3},
        "association":{"account":"root","cluster":"test","partition":null,"user":"root"},
        "time":{"elapsed":5,"eligible":1795920811,"end":1795920816,"start":1795920811,"submission":1795920810,"suspended":0,"limit":525600,"total":{"seconds":0,"microseconds":0}},
        "exit_code":{"status":"SUCCESS","return_code":0},"het":{"job_id":0,"job_offset":null},
        "job_id":8,"name":"arr","nodes":"n2","partition":"ondemand","state":{"current":"COMPLETED","reason":"None"},
        "steps":[{"nodes":{"list":["n2"],"count":1,"range":"n2"},
        "tres":{"requested":{"max":[{"type":"cpu","name":null,"count":990},
        {"type":"mem","name":null,"count":67821568},
        {"type":"fs","name":"disk","count":1690350}],"total":[{"type":"cpu","name":null,"count":990},
        {"type":"mem","name":null,"count":67821568},{"type":"fs","name":"disk","count":1690350}]},
        "consumed":{"max":[{"type":"fs","name":"disk","count":1696}],"total":[{"type":"fs","name":"disk","count":1696}]}},
        "time":{"elapsed":5,"end":1795920816,"start":1795920811,"suspended":0,"total":{"seconds":1,"microseconds":310160}},
        "exit_code":{"status":"SUCCESS","return_code":0},"tasks":{"count":1},
        "state":"COMPLETED","step":{"job_id":8,"het":{"component":null},
        "id":"batch","name":"batch"}}],"tres":{"allocated":[{"type":"cpu","name":null,"count":1},
        {"type":"mem","name":null,"count":200},
        {"type":"node","name":null,"count":1}],"requested":[{"type":"cpu","name":null,"count":1},
        {"type":"mem","name":null,"count":200},{"type":"node","name":null,"count":1}]},
        "user":"root","required":{"CPUs":1,"memory":200}}]}
        """#

    /// The shape of Slurm 23.11 and later: numbers are wrapped, states are lists.
    static let wrapped = #"""
        {"jobs":[{"account":"bio","allocation_nodes":1,"array":{"job_id":0,"task_id":{"set":false,"infinite":false,
        "number":0},"task":""},"association":{"account":"bio","user":"ada"},"exit_code":{"status":["SUCCESS"],
        "return_code":{"set":true,"infinite":false,"number":0},"signal":{"id":{"set":false,"infinite":false,"number":0},
        "name":""}},"het":{"job_id":0,"job_offset":{"set":false,"infinite":false,"number":0}},"job_id":77,"name":"fold",
        "nodes":"n1","partition":"long","time":{"elapsed":600,"end":1700000600,"start":1700000000,"submission":1699999990,
        "limit":{"set":true,"infinite":true,"number":0},"total":{"seconds":590,"microseconds":500000}},
        "state":{"current":["COMPLETED"],"reason":"None"},"steps":[{"time":{"elapsed":600,
        "end":{"set":true,"infinite":false,"number":1700000600},"start":{"set":true,"infinite":false,"number":1700000000},
        "total":{"seconds":590,"microseconds":500000}},"exit_code":{"status":["SUCCESS"],"return_code":{"set":true,
        "infinite":false,"number":0}},"nodes":{"count":1},"tasks":{"count":1},"state":["COMPLETED"],"step":{
        "id":"77.batch","name":"batch"},"tres":{"requested":{"max":[{"type":"mem","name":"","id":2,"count":1073741824}],
        "total":[{"type":"cpu","name":"","id":1,"count":580000},{"type":"mem","name":"","id":2,"count":1073741824}]},
        "consumed":{"max":[],"total":[]}}}],"tres":{"allocated":[{"type":"cpu","name":"","id":1,"count":2},{"type":"mem",
        "name":"","id":2,"count":4096},{"type":"gres","name":"gpu","id":1001,"count":1}],"requested":[{"type":"mem",
        "name":"","id":2,"count":4096}]},"user":"ada"},
        {"job_id":78,"name":"fold","state":{"current":["RUNNING"]},"time":{"elapsed":5,"end":0,"start":1700000000},
        "steps":[]}],"meta":{"slurm":{"version":{"major":"23"}}},"errors":[],"warnings":[]}
        """#

    static let completions = """
        JobId=4 UserId=ada(1000) GroupId=bio(100) Name=par JobState=COMPLETED Partition=short TimeLimit=525600 StartTime=2026-11-29T02:53:31 EndTime=2026-11-29T02:53:36 NodeList=n2 NodeCnt=1 ProcCnt=2 WorkDir=/tmp ReservationName= Tres=cpu=2,mem=300M,node=1,billing=2 Account=bio QOS=normal WcKey= Cluster=test SubmitTime=2026-11-29T02:53:30 EligibleTime=2026-11-29T02:53:30 DerivedExitCode=0:0 ExitCode=0:0\u{20}
        JobId=8 UserId=ada(1000) GroupId=bio(100) Name=a Name= b JobState=TIMEOUT Partition=short TimeLimit=5 StartTime=2026-11-29T02:53:31 EndTime=2026-11-29T02:58:36 NodeList=n2 NodeCnt=1 ProcCnt=1 WorkDir=/tmp ReservationName= Tres=cpu=1,mem=200M,node=1,billing=1 Account=bio QOS=normal WcKey= Cluster=test SubmitTime=2026-11-29T02:53:30 EligibleTime=2026-11-29T02:53:31 ArrayJobId=3 ArrayTaskId=3 DerivedExitCode=0:0 ExitCode=0:0\u{20}
        JobId=7 UserId=ada(1000) GroupId=bio(100) Name=rq JobState=PREEMPTED Partition=short TimeLimit=UNLIMITED StartTime=2026-11-29T02:53:40 EndTime=2026-11-29T02:53:52 NodeList=n2 NodeCnt=1 ProcCnt=1 WorkDir=/tmp ReservationName= Tres=cpu=1,mem=64M,node=1,billing=1 Account= QOS= WcKey= Cluster=test SubmitTime=2026-11-29T02:53:31 EligibleTime=2026-11-29T02:53:31 DerivedExitCode=0:0 ExitCode=0:0\u{20}
        JobId=7 UserId=ada(1000) GroupId=bio(100) Name=rq JobState=PENDING Partition=short TimeLimit=UNLIMITED StartTime=2026-11-29T02:53:40 EndTime=2026-11-29T02:54:01 NodeList=n2 NodeCnt=0 ProcCnt=1 WorkDir=/tmp ReservationName= Tres=cpu=1,mem=64M,node=1,billing=1 Account= QOS= WcKey= Cluster=test SubmitTime=2026-11-29T02:53:31 EligibleTime=2026-11-29T02:53:31 DerivedExitCode=0:0 ExitCode=0:0\u{20}
        JobId=7 UserId=ada(1000) GroupId=bio(100) Name=rq JobState=COMPLETED Partition=short TimeLimit=UNLIMITED StartTime=2026-11-29T02:54:07 EndTime=2026-11-29T02:54:19 NodeList=n1 NodeCnt=1 ProcCnt=1 WorkDir=/tmp ReservationName= Tres=cpu=1,mem=64M,node=1,billing=1 Account= QOS= WcKey= Cluster=test SubmitTime=2026-11-29T02:54:01 EligibleTime=2026-11-29T02:54:07 DerivedExitCode=0:0 ExitCode=0:0\u{20}
        """

    @Test("sacct --json of 22.05")
    func real() throws {
        let (table, report) = try read(Self.json)
        #expect(report.format == "slurm" && table.rowCount == 3 && report.rowsSkipped == 0 && report.warnings.isEmpty)
        let jobs = Dictionary(uniqueKeysWithValues: (0..<3).map { (table[$0].task ?? "", table[$0]) })
        let mpi = try #require(jobs["1"])
        // sacct --parsable2 says of the same job: MaxRSS 115836K, TRESUsageInTot mem=462944K, TotalCPU 4.861 s, 1G.
        #expect(mpi.peakMemoryBytes == 462_944 * kibibyte && mpi.requestedMemoryBytes == gibibyte && mpi.cpus == 4)
        #expect(abs((mpi.cpuSeconds ?? 0) - 4.878488) < 1e-6 && mpi.runtimeSeconds == 10 && mpi.requestedSeconds == nil)
        #expect(mpi.parameters["ntasks"] == 4 && mpi.parameters["user"] == "root" && mpi.machine == "n1")
        let element = try #require(jobs["3_3"])
        #expect(element.parameters["array"] == 3 && element.requestedSeconds == nil)
        let killed = try #require(jobs["6"])
        #expect(killed.status == .failed && killed.exitCode == 137 && killed.failureCause == nil)
    }

    @Test("sacct --json with wrapped numbers")
    func wrapped() throws {
        let (table, report) = try read(Self.wrapped)
        #expect(table.rowCount == 1 && report.reasons.map(\.reason) == ["the task had not ended"])
        let job = table[0]
        #expect(job.task == "77" && job.status == .completed && job.exitCode == 0 && job.requestedSeconds == nil)
        #expect(job.peakMemoryBytes == gibibyte && job.requestedMemoryBytes == 4 * gibibyte && job.cpuSeconds == 590.5)
        #expect(
            job.submitTimeSeconds == 1_699_999_990 && job.parameters["gpus"] == 1 && job.parameters["account"] == "bio")
    }

    @Test("lines of jobcomp/filetxt")
    func completions() throws {
        let (table, report) = try read(Self.completions)
        #expect(report.format == "slurm" && table.rowCount == 4)
        #expect(report.reasons.map(\.firstLine) == [4])
        #expect(table[0].taskType == "par" && table[0].cpus == 2 && table[0].requestedMemoryBytes == 300 * 1_048_576)
        #expect(
            table[0].requestedSeconds == nil && table[0].runtimeSeconds == 5 && table[0].parameters["user"] == "ada")
        #expect(table[1].task == "3_3" && table[1].taskType == "a Name= b" && table[1].requestedSeconds == 300)
        #expect(table[1].failureCause == "time-limit")
        #expect(table[2].attempt == 1 && table[2].failureCause == "reclaimed" && table[3].attempt == 2)
    }
}

@Suite("Measured commands") struct MeasuredCommandTests {
    static let benchmark = """
        s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time
        6.35\t0:00:06\t76.27\t80.44\t67.00\t69.37\t0.00\t1.50\t58.14\t3.94
        0.01\t0:00:00\t0\t0\t0\t0\t0.00\t0.00\t0.00\t0.00
        """
    static let extended = """
        s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\tjobid\trule_name\twildcards\tparams\tthreads\tcpu_usage\tresources\tinput_size_mb
        6.38\t0:00:06\t76.50\t80.44\t67.00\t69.38\t0.00\t0.00\t51.58\t3.49\t2\twork\t{'s': 'b'}\t{}\t2\t329.10\t{'tmpdir': '/tmp', '_nodes': 1, 'mem_mb': 500, 'runtime': 90}\t{'a: x.fq': 1.5, 'b.fq': 0.5}
        """

    private func read(_ text: String, as path: String) throws -> (table: ExecutionTable, report: ImportReport) {
        try ExecutionReader().read(ByteSource(bytes: Array(text.utf8), name: path))
    }

    @Test("a benchmark of Snakemake; its path names the task")
    func benchmark() throws {
        let (table, report) = try read(Self.benchmark, as: "x/benchmarks/bwa_mem/s1.tsv")
        #expect(report.format == "snakemake-benchmark" && table.rowCount == 2)
        #expect(report.warnings.contains { $0.contains("every 30 s") })
        #expect(table[0].taskType == "bwa_mem" && table[0].task == "s1" && table[0].runtimeSeconds == 6.35)
        #expect(table[0].peakMemoryBytes == 76.27 * 1_048_576 && table[0].cpuSeconds == 3.94)
        #expect(table[0].writtenBytes == 1.5 * 1_048_576 && table[0].status == .completed)
        // Too short for a sample: unknown, not nothing.
        #expect(table[1].peakMemoryBytes == nil && table[1].cpuSeconds == nil && table[1].runtimeSeconds == 0.01)
        for (path, type) in [
            ("benchmarks/sort.tsv", "sort"), ("sort.benchmark.txt", "sort"), ("logs/sort.txt", "sort"),
            ("a/b.tsv", "a"),
        ] { #expect(try read(Self.benchmark, as: path).table[0].taskType == type) }
        #expect(throws: TraceError.self) { try read(Self.benchmark, as: "standard input") }
    }

    @Test("the extended columns")
    func extended() throws {
        let row = try read(Self.extended, as: "benchmarks/b.tsv").table[0]
        #expect(row.taskType == "work" && row.cpus == 2 && row.inputBytes == 2 * 1_048_576)
        #expect(row.requestedMemoryBytes == 5e8 && row.requestedSeconds == 5400)
        #expect(row.parameters == ["wildcards": "{'s': 'b'}"])
    }

    static let log = """
        reading… done
        \tCommand being timed: "/usr/bin/sort -n big.txt"
        \tUser time (seconds): 61.50
        \tSystem time (seconds): 0.75
        \tPercent of CPU this job got: 99%
        \tElapsed (wall clock) time (h:mm:ss or m:ss): 1:02.25
        \tMaximum resident set size (kbytes): 2048
        \tExit status: 0
        Command terminated by signal 9
        \tCommand being timed: "sh -c kill -9 $$"
        \tUser time (seconds): 0.00
        \tSystem time (seconds): 0.00
        \tElapsed (wall clock) time (h:mm:ss or m:ss): 1:02:03
        \tMaximum resident set size (kbytes): 1632
        \tExit status: 0
        \tCommand being timed: "cut off"
        """

    @Test("the log of time -v")
    func timeLog() throws {
        let (table, report) = try read(Self.log, as: "run.log")
        #expect(report.format == "gnu-time" && table.rowCount == 2 && report.warnings.count == 1)
        #expect(table[0].taskType == "sort" && table[0].parameters["command"] == "/usr/bin/sort -n big.txt")
        #expect(table[0].runtimeSeconds == 62.25 && table[0].cpuSeconds == 62.25 && table[0].exitCode == 0)
        #expect(table[0].peakMemoryBytes == 2_097_152 && table[0].status == .completed)
        #expect(table[1].exitCode == 137 && table[1].status == .failed && table[1].runtimeSeconds == 3723)
    }
}
