import Execution
import Foundation
import Scheduling
import Testing
import Workloads

@Suite("What a run promises", .serialized) struct PromiseTests {
    let shop: Workshop
    init() throws { shop = try Workshop() }

    @Test("a command that has ended by itself is not blamed for a stop that its shepherd sees first")
    func stopAfterEnd() throws {
        let watcher = Thread { [shop] in
            while !shop.text("shepherd").hasSuffix("\n") { usleep(2000) }
            guard let shepherd = pid_t(shop.text("shepherd").dropLast()) else { return }
            kill(shepherd, SIGSTOP)
            try? Data().write(to: URL(fileURLWithPath: shop.folder + "/go"))
            usleep(200_000)
            kill(shepherd, SIGTERM)
            kill(shepherd, SIGUSR1)
            kill(shepherd, SIGCONT)
        }
        watcher.start()
        let command = "echo $PPID > shepherd; until [ -e go ]; do sleep 0.005; done"
        let outcome = try shop.runOne(.init(id: "a", command: command))
        #expect(outcome.status == .completed && outcome.exitCode == 0 && outcome.failureCause == nil)
    }

    @Test("a command that still runs when it is stopped is not done, even if it ends with 0 for that")
    func stopped() throws {
        let executor = try shop.executor([
            .init(id: "a", command: "trap 'exit 0' TERM; echo > up; while :; do sleep 0.01; done")
        ])
        let watcher = Thread { [shop] in
            while !FileManager.default.fileExists(atPath: shop.folder + "/up") { usleep(2000) }
            executor.cancel()
        }
        watcher.start()
        #expect(try executor.run().ending == .cancelled)
        #expect(shop.outcomes.map(\.failureCause) == [.cancelled] && shop.outcomes.map(\.exitCode) == [0])
    }

    @Test("the room for the result is there before the command runs")
    func reserved() throws {
        let outcome = try shop.runOne(
            .init(id: "a", command: "wc -c < ${ALMANAC_ATTEMPT_OUTPUT%.out}.result.tmp > size"))
        #expect(outcome.status == .completed)
        #expect(shop.text("size") == "512\n")
    }

    @Test("an attempt that writes nothing leaves no file; what others write stays with their names")
    func files() throws {
        let tasks = (0..<30).map { index in
            let words = [0: "echo out \(index)", 1: "echo err \(index) >&2"][index % 3] ?? "true"
            return TaskSpec(id: TaskID("t\(index)"), command: words)
        }
        #expect(try shop.executor(tasks).run().ending == .succeeded)
        let names = try FileManager.default.contentsOfDirectory(atPath: shop.folder + "/run/attempts")
        #expect(names.count == 20)
        for index in 0..<30 where index % 3 < 2 {
            let kind = index % 3 == 0 ? "out" : "err"
            #expect(shop.text("run/attempts/t\(index).1.\(kind)") == "\(kind) \(index)\n")
        }
    }

    @Test("processes that a command left behind are told")
    func leftBehind() throws {
        _ = try shop.runOne(.init(id: "a", command: "(setsid sleep 50 &); (setsid sleep 50 &); sleep 0.1"))
        #expect(shop.events.contains(.leftBehind("a", attempt: 1, processes: 2)))
        #expect(shop.livingProcesses.isEmpty)
    }

    @Test("a shepherd that is killed while it waits for another attempt is replaced")
    func deadShepherd() throws {
        let tasks = [
            TaskSpec(id: "first", command: "echo $PPID > shepherd"),
            TaskSpec(
                id: "killer", command: "until [ -s shepherd ]; do sleep 0.01; done; sleep 0.2; kill -9 $(cat shepherd)"),
            TaskSpec(id: "x", command: "sleep 0.1", predecessors: ["killer"]),
            TaskSpec(id: "y", command: "sleep 0.1", predecessors: ["killer"]),
        ]
        #expect(try shop.executor(tasks).run().ending == .succeeded)
        #expect(shop.outcomes.allSatisfy { $0.status == .completed && $0.attempt == 1 } && shop.outcomes.count == 4)
    }

    @Test("a resumed run hands on all outcomes again, under the name that it had")
    func handedOnAgain() throws {
        let task = TaskSpec(id: "a", command: "true")
        _ = try shop.executor([task]).run()
        _ = try shop.executor([task]) { $0.job = "2" }.run(resuming: true)
        #expect(shop.outcomes.map(\.job) == ["1", "1"] && shop.outcomes.map(\.task) == ["a", "a"])
        #expect(throws: ExecutionError.jobChanged(folder: shop.folder + "/run")) {
            try shop.executor([task]) { $0.workflow = "another" }.run(resuming: true)
        }
    }

    @Test("a result that a process of an earlier release left is taken over")
    func earlierResult() throws {
        let task = TaskSpec(id: "a", command: "echo a >> log")
        _ = try shop.executor([task]).run()
        let journal = shop.folder + "/run/journal.jsonl"
        let start = shop.text("run/journal.jsonl").split(separator: "\n").prefix(2).joined(separator: "\n") + "\n"
        try Data(start.utf8).write(to: URL(fileURLWithPath: journal))
        let result =
            "exit=0 signal=0 cause=0 start_us=1000000 end_us=3000000 wall_us=2000000 cpu_us=5 peak_bytes=6 "
            + "read_bytes=7 written_bytes=8 oom_kills=0 error=0\n"
        try Data(result.utf8).write(to: URL(fileURLWithPath: shop.folder + "/run/attempts/a.1.result"))
        #expect(try shop.executor([task]).run(resuming: true).ending == .succeeded)
        #expect(shop.outcomes.last?.runtimeSeconds == 2 && shop.text("log") == "a\n")
    }

    @Test("an output of a finished task that is gone is named, if it is still needed")
    func outputGone() throws {
        let tasks = [
            TaskSpec(id: "a", command: "echo > x; echo > y", outputs: [.init(path: "x"), .init(path: "y")]),
            TaskSpec(
                id: "b", command: "cat x; [ -e ok ]", predecessors: ["a"], inputs: [.init(path: "x")], retries: 0),
        ]
        #expect(try shop.executor(tasks).run().ending == .failed)
        for name in ["x", "y"] { try FileManager.default.removeItem(atPath: "\(shop.folder)/\(name)") }
        #expect(throws: ExecutionError.outputGone("a", path: "x", neededBy: "b")) {
            try shop.executor(tasks).run(resuming: true)
        }
        for name in ["x", "ok"] { try Data().write(to: URL(fileURLWithPath: "\(shop.folder)/\(name)")) }
        #expect(try shop.executor(tasks).run(resuming: true).ending == .succeeded)
    }
}
