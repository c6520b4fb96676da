import Foundation
import Reading
import TestSupport
import Testing
import Traces
import Workloads

/// The row counts that the README beside the files states.
@Suite("Recorded traces of others", SharedData.isNeeded)
struct RealTracesTests {
    let folder = SharedData.path("executions/")

    @Test(
        "Sizey: machine units, all rows",
        arguments: [
            ("chipseq", 2938, 48, 322), ("eager", 1576, 19, 0), ("mag", 6242, 38, 3), ("methylseq", 1083, 13, 54),
        ])
    func sizey(name: String, rows: Int, processes: Int, zeroRuntimes: Int) throws {
        let (table, report) = try ExecutionReader().read(folder + "sizey/trace_\(name).csv.gz")
        #expect(report.format == "nextflow (machine units)")
        #expect(report.rowsRead == rows && report.rowsStored == rows && report.reasons == [])
        #expect(table.rowCount == rows)
        #expect(table.texts(.taskType).levels.count == processes)
        #expect(table.texts(.workflow)[0] == name)
        #expect(table.numbers(.runtime).count { $0 == 0 } == zeroRuntimes)
        #expect(table.numbers(.peakMemory).count { $0.isNaN } == (name == "methylseq" ? 72 : 0))
        #expect(!table.has(.inputBytes))
        #expect(zip(table.numbers(.peakMemory), table.numbers(.requestedMemory)).allSatisfy { !($0 > $1) })
    }

    @Test("Sizey: a row is what the file says")
    func sizeyRow() throws {
        let row = try ExecutionReader().read(folder + "sizey/trace_chipseq.csv.gz").table[1]
        var expected = AttemptRecord()
        expected.workflow = "chipseq"
        expected.task = "NFCORE_CHIPSEQ:CHIPSEQ:PREPARE_GENOME:CUSTOM_GETCHROMSIZES (genome.fa)"
        expected.taskType = "NFCORE_CHIPSEQ:CHIPSEQ:PREPARE_GENOME:CUSTOM_GETCHROMSIZES"
        expected.attempt = 1
        expected.machine = "node8"
        expected.submitTimeSeconds = 1674490103.215
        expected.startTimeSeconds = 1674490105
        expected.endTimeSeconds = 1674490119
        expected.runtimeSeconds = 13
        expected.cpus = 1
        expected.cpuSeconds = 0.919 * 13
        expected.peakMemoryBytes = 6_111_232
        expected.requestedMemoryBytes = 1_073_741_824
        expected.requestedSeconds = 14400
        expected.readBytes = 3_147_403_395
        expected.writtenBytes = 5952
        expected.status = .completed
        expected.exitCode = 0
        expected.parameters = ["tag": "genome.fa", "rss_bytes": 6_111_232.0, "nextflow_hash": "4e/0b2862"]
        #expect(row == expected)
    }

    @Test(
        "Nextflow in human units: 20 runs each, duplicates resolved to the raw numbers",
        arguments: [
            ("piper-nf", 98), ("rnaseq-toy", 9),
        ])
    func dockerBenchmarks(pipeline: String, rows: Int) throws {
        for run in 1...10 {
            for kind in ["native", "docker"] {
                let path = folder + "nextflow-raw/docker-benchmarks/\(pipeline)/\(kind)_\(run).trace.txt"
                let (table, report) = try ExecutionReader().read(path)
                let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").count - 1
                #expect(report.format == "nextflow (human units)")
                #expect(report.rowsRead == lines && report.rowsStored == lines && report.reasons == [], "\(path)")
                if run == 1 { #expect(table.rowCount == rows) }
            }
        }
        let first = try ExecutionReader().read(folder + "nextflow-raw/docker-benchmarks/rnaseq-toy/docker_1.trace.txt")
            .table[0]
        #expect(first.taskType == "buildIndex" && first.parameters["tag"] == .number(1))
        #expect(first.runtimeSeconds == 5815.728 && first.peakMemoryBytes == 4_936_048_640)
        #expect(first.readBytes == 10_832_504_233 && first.submitTimeSeconds == 1_430_775_006.357)
    }

    @Test("Nextflow, single runs", arguments: SingleRun.all)
    func singleRuns(run: SingleRun) throws {
        let path = folder + "nextflow-raw/single-runs/\(run.name).execution_trace.txt"
        let (table, report) = try ExecutionReader().read(path)
        #expect(report.rowsRead == run.rows && report.rowsStored == run.rows)
        let first = table[0]
        #expect(first.taskType == run.type && first.status == run.status && first.runtimeSeconds == run.seconds)
        #expect(abs((first.peakMemoryBytes ?? 0) - run.megabytes * 1_048_576) < 1)
    }

    /// What the first row of a file says.
    struct SingleRun: Sendable {
        let name: String
        let rows: Int
        let type: String
        let status: AttemptStatus
        let seconds: Double
        let megabytes: Double

        static let all = [
            SingleRun(
                name: "edgano-dynamicAligners", rows: 9, type: "generate_trees", status: .completed, seconds: 2.2,
                megabytes: 7.4),
            SingleRun(
                name: "mdabrarfaiyaj-pangenome", rows: 53, type: "ASSEMBLY_QC", status: .cached, seconds: 0.337,
                megabytes: 20.1),
            SingleRun(
                name: "chuabrandon26-melanoma", rows: 1, type: "FETCH_TCGA_SKCM_COUNTS", status: .completed,
                seconds: 686, megabytes: 29.7),
            SingleRun(
                name: "ggrimes-msdial", rows: 3, type: "msflo_download", status: .completed, seconds: 3.9,
                megabytes: 11.2),
        ]
    }

    @Test("Lotaru: every report; its machine benchmarks are refused")
    func lotaru() throws {
        for path in try files(in: folder + "lotaru") {
            let lines = try String(contentsOfFile: path, encoding: .utf8).split(whereSeparator: \.isNewline).count - 1
            if path.contains("/benchmarks/") {
                #expect(throws: TraceError.self) { try ExecutionReader().read(path) }
            } else {
                let (table, report) = try ExecutionReader().read(path)
                #expect(report.format == "lotaru" && report.rowsRead == lines && table.rowCount == lines, "\(path)")
                #expect(table.has(.inputBytes) && table.has(.peakMemory) && table.has(.cpuSeconds))
            }
        }
        let row = try ExecutionReader().read(folder + "lotaru/a1/results_eager/execution_report_asok01.csv").table[0]
        #expect(row.runtimeSeconds == 120.859 && row.machine == "asok01" && row.inputBytes == 442_941_088)
        #expect(abs((row.cpuSeconds ?? 0) - 0.87 * 120.859) < 1e-9)
    }

    @Test(
        "Galaxy: jobs that had not ended are skipped, failures are kept",
        arguments: [
            ("rnaseq", 1779, 12), ("variant", 230, 0),
        ])
    func galaxy(name: String, rows: Int, unfinished: Int) throws {
        let (table, report) = try ExecutionReader().read(folder + "galaxy/\(name)_jobs.csv")
        #expect(report.rowsRead == rows && report.rowsSkipped == unfinished)
        #expect(report.reasons.map(\.reason) == (unfinished > 0 ? ["the task had not ended"] : []))
        let row = table[0]
        #expect(row.status == .completed && row.exitCode == 0)
        #expect(row.inputBytes == (name == "rnaseq" ? 5_661_148_831 : 3_611_858_337))
        #expect(row.requestedMemoryBytes == (name == "rnaseq" ? 20_401_000_000 : 16_320_000_000))
    }

    @Test("k-segments")
    func ksegments() throws {
        let (table, report) = try ExecutionReader().read(folder + "ksegments/sarek_tasks.csv")
        #expect(report.rowsRead == 5508 && report.rowsStored == 5508)
        #expect(table.texts(.taskType).levels.count == 29)
        #expect(table.numbers(.outputBytes).count { $0.isNaN } == 3)
        #expect(table[0].startTimeSeconds == 1_685_341_202.848 && table[0].peakMemoryBytes == 9_152_830_000)
    }

    @Test("what is written is read back, and a mapping reads what the built-in format reads")
    func roundTrip() throws {
        let path = folder + "sizey/trace_eager.csv.gz"
        let table = try ExecutionReader().read(path).table
        let temporary = TemporaryFolder()
        try table.writeCSV(to: temporary.path + "/t.csv")
        #expect(try ExecutionReader().read(temporary.path + "/t.csv").table == table)
        let mapped = try ExecutionReader(
            format: .table,
            mappings: [
                "task_type=process", "runtime_seconds=realtime[ms]", "peak_memory_bytes=peak_rss", "workflow==eager",
            ].map { try FieldMapping($0) })
        let other = try mapped.read(path).table
        #expect(other.texts(.taskType) == table.texts(.taskType) && other.texts(.workflow) == table.texts(.workflow))
        #expect(other.numbers(.runtime) == table.numbers(.runtime))
        #expect(other.numbers(.peakMemory) == table.numbers(.peakMemory))
    }

    func files(in folder: String) throws -> [String] {
        let names = try #require(FileManager.default.enumerator(atPath: folder)?.allObjects as? [String])
        return names.filter { $0.hasSuffix(".csv") }.sorted().map { folder + "/" + $0 }
    }
}
