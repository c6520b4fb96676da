import Execution
import Foundation
import LocalExecution
import Synchronization
import Testing
import Workloads

/// A folder of its own for one test, and what its runs reported.
final class Workshop: Sendable {
    let folder: String
    private let seen = Mutex<(outcomes: [AttemptRecord], lives: [InstanceLife], events: [RunEvent])>(([], [], []))

    init() throws {
        folder = NSTemporaryDirectory() + "almanac-execution-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    var outcomes: [AttemptRecord] { seen.withLock { $0.outcomes } }
    var events: [RunEvent] { seen.withLock { $0.events } }
    var alerts: [Alert] {
        events.compactMap { if case .alert(_, _, let alert) = $0 { alert } else { nil } }
    }
    var lives: [InstanceLife] { seen.withLock { $0.lives } }

    func executor(_ tasks: [TaskSpec], _ change: (inout ExecutorOptions) -> Void = { _ in }) throws -> LocalExecutor {
        var options = ExecutorOptions(
            runFolder: folder + "/run", workingFolder: folder, workflow: "test", job: "1",
            instance: InstanceType(name: "local", cpus: 4, memoryBytes: 8e9), graceSeconds: 0.3, handlesSignals: false)
        change(&options)
        return try LocalExecutor(
            TaskGraph(tasks), options: options, show: { event in self.seen.withLock { $0.events.append(event) } },
            lives: { lives in self.seen.withLock { $0.lives += lives } }
        ) { outcomes in
            self.seen.withLock { $0.outcomes += outcomes }
        }
    }

    /// Runs tasks and returns the only outcome.
    func runOne(_ task: TaskSpec, _ change: (inout ExecutorOptions) -> Void = { _ in }) throws -> AttemptRecord {
        _ = try executor([task]) { options in
            options.policy = .standard.with(retries: 0)
            change(&options)
        }.run()
        return try #require(outcomes.last)
    }

    func text(_ name: String) -> String { (try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)) ?? "" }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
    }

    /// Process ids of all processes that were started by a run in this folder.
    var livingProcesses: [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap(Int32.init).filter { pid in
            guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/environ") else { return false }
            return String(decoding: data, as: UTF8.self).contains("ALMANAC_ATTEMPT_OUTPUT=\(folder)/")
        }
    }
}
