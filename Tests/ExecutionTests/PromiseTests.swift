import Allocation
import Execution
import Foundation
import LocalExecution
import Scheduling
import Synchronization
import TestSupport
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
        #expect(outcome.status == .completed && outcome.exitCode == 0 && outcome.cause == nil)
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
        #expect(shop.outcomes.map(\.cause) == [.cancelled] && shop.outcomes.map(\.exitCode) == [0])
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

    @Test("files are not handed on while somebody else has them locked")
    func heldSpare() throws {
        let output = shop.folder + "/run/attempts/first.1.out"
        let held = Mutex<Int32>(-1)
        let holder = Thread { [shop] in
            while !FileManager.default.fileExists(atPath: shop.folder + "/up") { usleep(1000) }
            let file = open(output, O_RDONLY)
            // It waits for the shepherd, and is there before anybody who does not wait.
            if flock(file, LOCK_EX) == 0 { held.withLock { $0 = file } }
        }
        holder.start()
        let tasks = [
            TaskSpec(id: "first", command: "echo > up; sleep 0.3"),
            TaskSpec(id: "second", command: "true", predecessors: ["first"]),
        ]
        #expect(try shop.executor(tasks).run().ending == .succeeded)
        #expect(held.withLock { $0 } >= 0)
        close(held.withLock { $0 })
    }

    @Test("a command that is about to end is waited for while others keep it from a processor")
    func starved() throws {
        let onOneProcessor = "taskset -pc $(taskset -pc $$ | sed 's/.*: //; s/[-,].*//') $$ > /dev/null; "
        // Each in a session of its own, as Linux may share processors out among these. They end with their files.
        for index in 0..<8 {
            let other = Process()
            other.executableURL = URL(fileURLWithPath: "/bin/sh")
            let loop = "echo > busy-\(index); while [ -e busy-\(index) ]; do :; done"
            other.arguments = ["-c", "setsid sh -c \"$0\" < /dev/null > /dev/null 2>&1 &", onOneProcessor + loop]
            other.currentDirectoryURL = URL(fileURLWithPath: shop.folder)
            try other.run()
        }
        defer { for index in 0..<8 { unlink("\(shop.folder)/busy-\(index)") } }
        let executor = try shop.executor([
            .init(
                id: "a",
                command: onOneProcessor + "until [ $(ls busy-* | wc -l) = 8 ]; do sleep 0.01; done; renice -n 5 $$; "
                    + "echo > up; until [ -e go ]; do :; done; n=0; while [ $n -lt 15000 ]; do n=$((n + 1)); done"
            )
        ])
        let watcher = Thread { [shop] in
            while !FileManager.default.fileExists(atPath: shop.folder + "/up") { usleep(2000) }
            try? Data().write(to: URL(fileURLWithPath: shop.folder + "/go"))
            executor.cancel()
        }
        watcher.start()
        _ = try executor.run()
        #expect(shop.outcomes.map(\.status) == [.completed])
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

    /// The journal as if the program had died when it had decided on the first attempt.
    private func cutJournalAfterStart() throws {
        let lines = shop.text("run/journal.jsonl").split(separator: "\n")
        let started = try #require(lines.firstIndex { $0.contains("\"start\"") })
        try shop.write(lines[...started].joined(separator: "\n") + "\n", to: "run/journal.jsonl")
    }

    @Test("a result that a process of an earlier release left is taken over")
    func earlierResult() throws {
        let task = TaskSpec(id: "a", command: "echo a >> log")
        _ = try shop.executor([task]).run()
        try cutJournalAfterStart()
        try shop.write("", to: "run/attempts/a.1.out")
        let result =
            "exit=0 signal=0 cause=0 start_us=1000000 end_us=3000000 wall_us=2000000 cpu_us=5 peak_bytes=6 "
            + "read_bytes=7 written_bytes=8 oom_kills=0 error=0\n"
        try shop.write(result, to: "run/attempts/a.1.result")
        #expect(try shop.executor([task]).run(resuming: true).ending == .succeeded)
        #expect(shop.outcomes.last?.runtimeSeconds == 2 && shop.text("log") == "a\n")
    }

    @Test("an attempt that was decided on and never begun is begun by the next process, and is no other attempt")
    func neverBegun() throws {
        let task = TaskSpec(id: "a", command: "echo $ALMANAC_ATTEMPT >> log")
        _ = try shop.executor([task]).run()
        try cutJournalAfterStart()
        #expect(try shop.executor([task]).run(resuming: true).ending == .succeeded)
        #expect(shop.text("log") == "1\n1\n" && shop.outcomes.map(\.attempt) == [1, 1])
    }

    /// A journal as the release before wrote it: `a` is done, `b` failed for want of memory and was given more, `c` failed
    /// for good.
    private static let earlierJournal = """
        {"digest":"DIGEST","job":"7","kind":"run","taskCount":4,"timeSeconds":1000,"version":1,"workflow":"test"}
        {"attempt":1,"cpus":1,"kind":"start","memoryBytes":0,"task":"a","timeSeconds":1000}
        {"attempt":1,"cpus":1,"kind":"start","memoryBytes":20000000,"task":"b","timeSeconds":1000}
        {"kind":"outcome","outcome":{"attempt":1,"cpus":1,"endTimeSeconds":1002,"exitCode":0,"job":"7","parameters":{},"runtimeSeconds":2,"startTimeSeconds":1000,"status":"completed","task":"a","taskType":"t","workflow":"test"}}
        {"attempt":1,"cpus":1,"kind":"start","memoryBytes":0,"task":"c","timeSeconds":1002}
        {"kind":"outcome","outcome":{"attempt":1,"cpus":1,"endTimeSeconds":1003,"exitCode":137,"failureCause":"out-of-memory","failureMessage":"It was killed.","job":"7","parameters":{},"requestedMemoryBytes":20000000,"startTimeSeconds":1000,"status":"failed","task":"b","taskType":"t","workflow":"test"}}
        {"attempt":2,"cpus":1,"kind":"start","memoryBytes":40000000,"task":"b","timeSeconds":1003}
        {"kind":"outcome","outcome":{"attempt":1,"cpus":1,"endTimeSeconds":1004,"exitCode":1,"failureCause":"program-error","failureMessage":"It ended with exit code 1.","job":"7","parameters":{},"startTimeSeconds":1002,"status":"failed","task":"c","taskType":"t","workflow":"test"}}
        {"kind":"reported","task":"a","attempt":1}
        {"kind":"resume","timeSeconds":1005}

        """

    @Test("a journal of the release before is taken over: nothing that it tells of is run or asked for anew")
    func earlierJournal() throws {
        let tasks = [
            TaskSpec(id: "a", command: "echo a >> log", retries: 0),
            TaskSpec(id: "b", command: "echo b $ALMANAC_ATTEMPT >> log", request: .init(memoryBytes: 20e6)),
            TaskSpec(id: "c", command: "echo c $ALMANAC_ATTEMPT >> log", retries: 0),
            TaskSpec(id: "d", command: "echo d >> log", predecessors: ["a", "c"]),
        ]
        // The digest of the job is that of a run of today; the release before made it in the same way.
        _ = try shop.executor(tasks) { $0.runFolder += "0" }.run()
        let header = try #require(shop.text("run0/journal.jsonl").split(separator: "\n").first)
        let digest = try #require(header.split(separator: "\"").drop { $0 != "digest" }.dropFirst(2).first)
        try FileManager.default.removeItem(atPath: shop.folder + "/log")
        try FileManager.default.createDirectory(
            atPath: shop.folder + "/run/attempts", withIntermediateDirectories: true)
        try shop.write(Self.earlierJournal.replacing("DIGEST", with: digest), to: "run/journal.jsonl")
        let before = shop.outcomes.count
        #expect(throws: ExecutionError.runExists(folder: shop.folder + "/run", finished: 1, total: 4)) {
            try shop.executor(tasks).run()
        }
        for round in 0..<2 {
            #expect(try shop.executor(tasks).run(resuming: true).ending == .succeeded)
            let journal = shop.text("run/journal.jsonl")
            #expect(journal.contains("\"version\":2") && !journal.contains("\"version\":1"), "round \(round)")
        }
        #expect(shop.text("log").split(separator: "\n").sorted() == ["b 2", "c 2", "d"])
        let outcomes = Array(shop.outcomes[before...])
        let first = outcomes.prefix(outcomes.count - 6)
        #expect(first.map(\.job).allSatisfy { $0 == "7" })
        #expect(
            Set(outcomes.map { "\($0.task ?? "") \($0.attempt ?? 0) \($0.status?.rawValue ?? "")" }) == [
                "a 1 completed", "b 1 failed", "b 2 completed", "c 1 failed", "c 2 completed", "d 1 completed",
            ])
        #expect(outcomes.last { $0.task == "b" && $0.attempt == 2 }?.requestedMemoryBytes == 40e6)
    }

    @Test(
        "a damaged journal of the release before is refused or taken over, never crashed on", arguments: UInt64(0)..<60)
    func damagedEarlierJournal(seed: UInt64) throws {
        var generator = TestGenerator(seed: seed)
        let tasks = ["a", "b", "c", "d"].map { TaskSpec(id: $0, command: "true", retries: 0) }
        var text = Array(Self.earlierJournal.replacing("DIGEST", with: try TaskGraph(tasks).digest).utf8)
        let at = Int.random(in: 0..<text.count, using: &generator)
        switch seed % 3 {
        case 0: text[at] = UInt8.random(in: 0...255, using: &generator)
        case 1: text.removeSubrange(at..<min(text.count, at + 30))
        default:
            let lines = text.split(separator: UInt8(ascii: "\n"))
            text = Array(lines.shuffled(using: &generator).joined(separator: [UInt8(ascii: "\n")]))
        }
        try FileManager.default.createDirectory(atPath: shop.folder + "/run", withIntermediateDirectories: true)
        try Data(text).write(to: URL(fileURLWithPath: shop.folder + "/run/journal.jsonl"))
        do {
            #expect(try shop.executor(tasks).run(resuming: true).ending == .succeeded)
        } catch {
            #expect(error is ExecutionError)
        }
    }

    @Test("a run that is resumed with less room waits for what still runs, and keeps to the new room")
    func lessRoom() throws {
        let tasks = (0..<6).map {
            TaskSpec(id: TaskID("t\($0)"), command: "echo + >> log; sleep 0.1; echo - >> log; [ -e go ]", retries: 0)
        }
        #expect(try shop.executor(tasks).run().ending == .failed)
        try shop.write("", to: "log")
        try shop.write("", to: "go")
        let journal = shop.text("run/journal.jsonl").split(separator: "\n")
        // As if the program had died before the instance was given back.
        let end = try #require(journal.firstIndex { $0.contains(" end 0 ") })
        try shop.write(journal[..<end].joined(separator: "\n") + "\n", to: "run/journal.jsonl")
        #expect(try shop.executor(tasks) { $0.instance.cpus = 1 }.run(resuming: true).ending == .succeeded)
        #expect(shop.text("log") == String(repeating: "+\n-\n", count: 6))
    }

    @Test("what decisions follow from is kept whole, once as long as it stays the same")
    func setup() throws {
        let tasks = (0..<300).map { TaskSpec(id: TaskID("t\($0)"), command: "[ -e go ]", priority: $0 % 7, retries: 0) }
        let estimates = Estimates(
            expectedSeconds: tasks.indices.map { $0 == 5 ? .nan : Double($0) / 3 },
            secondsQuantiles: tasks.indices.map { place in .init { $0 * Double(place) / 7 } },
            memoryQuantiles: tasks.map { _ in .init(exactly: 1e6 / 3) }, memoryRequestBytes: tasks.map { _ in 1e6 / 7 },
            kind: tasks.indices.map { Int32($0 % 2) }, speeds: [[1.5], [2 / 3.0]], instanceTypes: ["local"])
        let ranks = tasks.indices.map { Double($0) / 11 }
        func run(resuming: Bool) throws -> RunResult {
            try shop.executor(tasks) { ($0.estimates, $0.ranks, $0.goal.budget) = (estimates, ranks, 7) }
                .run(resuming: resuming)
        }
        #expect(try run(resuming: false).ending == .failed)
        let kept = try #require(try RunSetup.latest(inRunFolder: shop.folder + "/run"))
        #expect(kept.tasks.map(\.id) == tasks.map(\.id) && kept.tasks.map(\.priority) == tasks.map(\.priority))
        #expect(kept.ranks == ranks && kept.budget == 7 && kept.offers.count == 1)
        // Not a number is not equal to itself.
        var found = try #require(kept.estimates)
        #expect(found.expectedSeconds[5].isNaN)
        found.expectedSeconds[5] = 0
        var expected = estimates
        expected.expectedSeconds[5] = 0
        #expect(found == expected)
        try shop.write("", to: "go")
        #expect(try run(resuming: true).ending == .succeeded)
        let names = try FileManager.default.contentsOfDirectory(atPath: shop.folder + "/run")
        #expect(names.filter { $0.hasPrefix("setup") } == ["setup-1.json"])
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
