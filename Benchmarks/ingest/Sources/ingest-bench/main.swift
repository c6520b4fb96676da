// What the ingest benchmark measures of ours; Benchmarks/ingest/run calls it.
//
//     ingest-bench generate FILE ROWS SEED      write an execution CSV of 10 columns
//     ingest-bench read FILE THREADS            read it into columns
//     ingest-bench store FILE DIR               import it into a new store
//     ingest-bench load DIR                     read all executions of a store into columns
//
// All but `generate` print one JSON object: seconds, rows, bytes of peak resident memory.
import Foundation
import Glibc
import Store
import Traces

let arguments = CommandLine.arguments
switch arguments.dropFirst().first {
case "generate" where arguments.count == 5:
    try generate(arguments[2], rows: Int(arguments[3]) ?? 0, seed: UInt64(arguments[4]) ?? 0)
case "read" where arguments.count == 4:
    var reader = ExecutionReader()
    reader.threads = Int(arguments[3]) ?? 2
    let start = ContinuousClock.now
    let (table, _) = try reader.read(arguments[2])
    report(seconds: (ContinuousClock.now - start) / .seconds(1), rows: table.rowCount)
case "store" where arguments.count == 4:
    let start = ContinuousClock.now
    let result = try TraceStore(folder: arguments[3]).importFile(arguments[2])
    report(seconds: (ContinuousClock.now - start) / .seconds(1), rows: result.rowsStored)
case "load" where arguments.count == 3:
    let start = ContinuousClock.now
    let table = try TraceStore(folder: arguments[2]).executions()
    report(seconds: (ContinuousClock.now - start) / .seconds(1), rows: table.rowCount)
default:
    FileHandle.standardError.write(Data("usage: ingest-bench generate|read|store … (see main.swift)\n".utf8))
    exit(2)
}

func report(seconds: Double, rows: Int) {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    print("{\"seconds\": \(seconds), \"rows\": \(rows), \"peak_bytes\": \(usage.ru_maxrss * 1024)}")
}

/// Ten columns as an executor logs them; about 100 bytes a row, every task once.
func generate(_ path: String, rows: Int, seed: UInt64) throws {
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    guard let file = FileHandle(forWritingAtPath: path) else { throw CocoaError(.fileNoSuchFile) }
    var random = Generator(state: seed)
    let types = ["fastqc", "trim_galore", "bwa_mem", "star_align", "samtools_sort", "mark_duplicates", "featurecounts"]
    var text =
        "job,task,task_type,machine,submit_time_seconds,start_time_seconds,runtime_seconds,cpus,"
        + "peak_memory_bytes,status\n"
    var now = 1_700_000_000_000
    for row in 0..<rows {
        let type = types[Int(random.next() % 7)]
        now += Int(random.next() % 400)
        let wait = Int(random.next() % 60_000)
        let milliseconds = Int(random.next() % 3_600_000)
        let memory = 1 << 20 + random.next() % (1 << 33)
        text +=
            "run-\(row / 2000),\(type)-\(row),\(type),node-\(random.next() % 64),\(seconds(now)),\(seconds(now + wait)),"
        text += "\(seconds(milliseconds)),\(1 << (random.next() % 5)),\(memory),"
        text += random.next() % 50 == 0 ? "failed\n" : "completed\n"
        if text.utf8.count > 1 << 20 {
            try file.write(contentsOf: Data(text.utf8))
            text.removeAll(keepingCapacity: true)
        }
    }
    try file.write(contentsOf: Data(text.utf8))
    try file.close()
}

func seconds(_ milliseconds: Int) -> String {
    let fraction = String(milliseconds % 1000)
    return "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
}

/// SplitMix64.
struct Generator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
