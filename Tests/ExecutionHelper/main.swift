// A process that runs a job, to be killed by the tests: execution-helper FOLDER TASKS
//
// Every task appends its name to FOLDER/log as its last act; the job is a few chains side by side.
// The environment variable DELAY is how many seconds each takes, WIDTH how many run side by side.
import Allocation
import Execution
import Foundation
import LocalExecution
import Workloads

let folder = CommandLine.arguments[1]
let count = Int(CommandLine.arguments[2]) ?? 0
let width = ProcessInfo.processInfo.environment["WIDTH"].flatMap { Int($0) } ?? 4
let tasks = (0..<count).map { index in
    TaskSpec(
        id: TaskID("t\(index)"), command: "ulimit -n >> limits; sleep ${DELAY:-0.0\(index % 7)}; echo t\(index) >> log",
        predecessors: index < width ? [] : [TaskID("t\(index - width)")])
}
let machine = InstanceType(name: "local", cpus: Double(width), memoryBytes: 1e9)
do {
    let executor = try LocalExecutor(
        TaskGraph(tasks), options: .init(runFolder: folder + "/run", workingFolder: folder, instance: machine)
    ) { outcomes in
        // What was handed on is kept in order, so that the test can compare it with the log.
        let line = outcomes.map { "\($0.task ?? "") \($0.attempt ?? 0) \($0.status?.rawValue ?? "")\n" }.joined()
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: folder + "/outcomes"))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(line.utf8))
        try handle.close()
    }
    let isThere = FileManager.default.fileExists(atPath: folder + "/run/journal.jsonl")
    let result = try executor.run(resuming: isThere)
    exit(result.ending == .succeeded ? 0 : result.ending == .cancelled ? 130 : 1)
} catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(2)
}
