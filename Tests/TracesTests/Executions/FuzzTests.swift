import Foundation
import Reading
import TestSupport
import Testing
import Traces
import Workloads

/// Damaged files: no crash, no hang, and every row is either kept or counted as skipped.
@Suite("Damaged files") struct ExecutionFuzzTests {
    @Test("mutations of small files of every format", arguments: Fixture.all, UInt64(0)..<4)
    func fixtures(fixture: Fixture, seed: UInt64) {
        var random = TestGenerator(seed: seed &+ UInt64(fixture.text.utf8.count))
        for _ in 0..<700 { check(mutated(Array(fixture.text.utf8), using: &random)) }
    }

    @Test("mutations of compressed files", arguments: UInt64(0)..<4)
    func compressed(seed: UInt64) {
        var random = TestGenerator(seed: seed)
        let bytes = gzipped(Array(Fixture.all[0].text.utf8))
        for _ in 0..<500 { check(mutated(bytes, using: &random)) }
    }

    @Test(
        "mutations of slices of recorded traces", SharedData.isNeeded,
        arguments: [
            "sizey/trace_mag.csv.gz", "sizey/trace_methylseq.csv.gz", "galaxy/rnaseq_jobs.csv",
            "ksegments/sarek_tasks.csv",
            "lotaru/a1/results_eager/execution_report_asok01.csv",
            "nextflow-raw/docker-benchmarks/piper-nf/docker_1.trace.txt",
            "nextflow-raw/single-runs/mdabrarfaiyaj-pangenome.execution_trace.txt",
        ])
    func recorded(path: String) throws {
        let whole = try ByteSource(SharedData.path("executions/" + path)).readAll()
        var random = TestGenerator(seed: UInt64(path.utf8.count))
        let header = (whole.firstIndex(of: 10) ?? 0) + 1
        for _ in 0..<300 {
            let start = Int.random(in: header..<whole.count, using: &random)
            let slice = whole[..<header] + whole[start..<min(whole.count, start + 4000)]
            check(mutated(Array(slice), using: &random))
        }
    }

    func check(_ bytes: [UInt8]) {
        do {
            var reader = ExecutionReader()
            (reader.threads, reader.blockBytes) = (1, 256 + bytes.count % 4096)
            let (table, report) = try reader.read(ByteSource(bytes: bytes, name: "fuzz"))
            #expect(table.rowCount == report.rowsStored)
            #expect(report.rowsSkipped == report.reasons.map(\.rows).reduce(0, +))
            #expect(report.rowsRead >= report.rowsStored)
            for column in AttemptColumn.allCases where !column.isText && table.has(column) {
                #expect(!table.numbers(column).contains { $0.isInfinite || ($0 < 0 && column.isNonNegative) })
            }
            if table.rowCount > 0 {
                #expect(try read(csv(table)).table == table, "\(String(decoding: bytes, as: UTF8.self))")
            }
        } catch {
            #expect(error is TraceError && !"\(error)".isEmpty)
        }
    }

    func mutated(_ bytes: [UInt8], using random: inout TestGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) where bytes.count > 2 {
            let i = Int.random(in: 0..<bytes.count, using: &random)
            let length = min(bytes.count - i, Int.random(in: 1...40, using: &random))
            switch Int.random(in: 0..<9, using: &random) {
            case 0: bytes[i] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes.removeSubrange(i..<i + length)
            case 2: bytes.insert(contentsOf: bytes[i..<i + length], at: i)
            case 3: bytes.removeLast(bytes.count - i)
            case 4:
                bytes.insert(contentsOf: Array(hostile.randomElement(using: &random) ?? "").map(\.utf8).joined(), at: i)
            case 5: bytes.insert("\",|\t\n\r;[]-=\0".utf8.randomElement(using: &random) ?? 0, at: i)
            case 6: bytes[i] = UInt8.random(in: 0...255, using: &random)
            case 7: bytes.insert(contentsOf: bytes[..<length], at: i)
            default:
                let j = Int.random(in: 0..<bytes.count, using: &random)
                bytes.swapAt(i, j)
            }
        }
        return bytes
    }

    let hostile = [
        "1e308", "-1e999", "99999999999999999999999999", "nan", "inf", "0x1p3", "18446744073709551616",
        "1h 99999999999d",
        "9999999 EB", "2024-02-30T00:00:00Z", "\u{FEFF}", "\u{1F600}", "[1,2", "1-99:99:99",
        String(repeating: "9", count: 400),
        "-9223372036854775808", "4294967296", "1e-320", "0:99999999999999999999",
    ]

    struct Fixture: Sendable, CustomTestStringConvertible {
        let name: String
        let text: String
        var testDescription: String { name }

        static let all = [
            Fixture(
                name: "csv",
                text: """
                    job,task,task_type,attempt,machine,submit_time_seconds,runtime_seconds,peak_memory_bytes,status,exit_code,param.n
                    j1,a,align,1,n1,1700000000.5,12.25,1048576,completed,0,3
                    j1,\"b, \"\"x\"\"\",sort,1,n2,2024-01-01T00:00:00Z,,2e9,failed,137,
                    j1,c,sort,2,n2,,0.001,,CACHED,-1,big
                    """),
            Fixture(name: "slurm", text: SlurmAccountingTests().sacct),
            Fixture(name: "slurm, requeued", text: SlurmAccountingTests().requeued),
            Fixture(name: "slurm, JSON", text: SlurmRecordTests.wrapped),
            Fixture(name: "slurm, completions", text: SlurmRecordTests.completions),
            Fixture(name: "snakemake", text: MeasuredCommandTests.extended),
            Fixture(name: "time", text: MeasuredCommandTests.log),
            Fixture(
                name: "nextflow",
                text: """
                    task_id\tname\tstatus\texit\tsubmit\trealtime\t%cpu\tpeak_rss\trchar\trealtime\tpeak_rss
                    1\tmap (a)\tCOMPLETED\t0\t2015-05-10 09:14:35.319\t1h 36m 57s\t38.0%\t4.5 GB\t389 B\t5817001\t-
                    2\tindex\tFAILED\t-\t-\t325ms\t-\t-\t-\t-\t-
                    """),
            Fixture(
                name: "galaxy",
                text: """
                    job_id,tool_id,state,galaxy_slots,galaxy_memory_mb,runtime_seconds,input_data_size,memory.peak,exit_code
                    a,t/1,ok,5.0000,20401.0,147.0,"[5157505870, 503642961]",5889773568.0,0
                    b,t/2,error,1.0,4080.0,0E-7,[],,1
                    """),
        ]
    }
}
