// A process that runs a job, to be killed by the tests: execution-helper FOLDER TASKS
//
// Every task appends its name to FOLDER/log as its last act; the job is a few chains side by side.
// The environment variable DELAY is how many seconds each takes, WIDTH how many run side by side, COMMAND what they do
// instead. ENGINE=slurm runs it on Slurm, ENGINE=workers in workers there; NOPROGRAM lets a shell run the attempts.
import Allocation
import Execution
import Foundation
import LocalExecution
import SlurmExecution
import Workloads

let environment = ProcessInfo.processInfo.environment

/// What a node runs: execution-helper worker FOLDER (--attempt NAME [--limit SECONDS] -- COMMAND | --instance NUMBER)
func work(_ words: [String]) throws -> Int32 {
    var worker = try Worker(words[2])
    func value(_ name: String) -> String? { words.firstIndex(of: name).map { words[$0 + 1] } }
    if let number = value("--instance").flatMap({ Int($0) }) { return try worker.serve(instance: number) }
    return try worker.run(
        value("--attempt") ?? "", command: words[words.count - 1],
        timeLimitSeconds: value("--limit").flatMap { Double($0) }, memoryLimitBytes: nil)
}

func run(_ folder: String, count: Int) throws -> Int32 {
    let width = environment["WIDTH"].flatMap { Int($0) } ?? 4
    let tasks = (0..<count).map { index in
        let command = environment["COMMAND"] ?? "ulimit -n >> limits; sleep ${DELAY:-0.0\(index % 7)}"
        return TaskSpec(
            id: TaskID("t\(index)"), command: "\(command); echo t\(index) >> log",
            predecessors: index < width ? [] : [TaskID("t\(index - width)")])
    }
    let machine = InstanceType(name: "local", cpus: Double(width), memoryBytes: 1e9)
    var options = ExecutorOptions(runFolder: folder + "/run", workingFolder: folder, instance: machine)
    var slurm: (cluster: SlurmPool, options: SlurmOptions)?
    if let engine = environment["ENGINE"] {
        var found = SlurmOptions()
        found.partitions = environment["PARTITION"].map { [$0] } ?? []
        found.usesWorkers = engine == "workers"
        found.program = environment["NOPROGRAM"] == nil ? Bundle.main.executablePath : nil
        (found.pollSeconds, found.lostSeconds) = (0.3, environment["LOST"].flatMap { Double($0) } ?? 3)
        let cluster = try SlurmPool.discover(partitions: found.partitions)
        slurm = (cluster, found)
        (options.pool, options.isElsewhere, options.policy) = (cluster.pool.entries, true, .standard.with(retries: 0))
    }
    let executor = try LocalExecutor(
        TaskGraph(tasks), options: options,
        show: { event in
            if case .remark(let text) = event { print(text) }
        }
    ) { outcomes in
        // What was handed on is kept in order, so that the test can compare it with the log.
        let lines = outcomes.map { outcome in
            let words = [outcome.status?.rawValue, outcome.cause?.rawValue, outcome.machine, outcome.failureMessage]
            let measured = (outcome.peakMemoryBytes ?? 0) > 0 ? "measured" : "unmeasured"
            let ending = environment["ENGINE"] == nil ? [words[0]] : words + [measured]
            return "\(outcome.task ?? "") \(outcome.attempt ?? 0) \(ending.compactMap(\.self).joined(separator: " "))\n"
        }
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: folder + "/outcomes"))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(lines.joined().utf8))
        try handle.close()
    }
    let isThere = FileManager.default.fileExists(atPath: folder + "/run/journal.jsonl")
    let result =
        if let slurm {
            try executor.run(resuming: isThere, on: slurm.cluster, slurm.options)
        } else {
            try executor.run(resuming: isThere)
        }
    return result.ending == .succeeded ? 0 : result.ending == .cancelled ? 130 : 1
}

do {
    let words = CommandLine.arguments
    exit(words[1] == "worker" ? try work(words) : try run(words[1], count: Int(words[2]) ?? 0))
} catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(2)
}
