import Allocation
import Execution
import Foundation
import LocalExecution
import Scheduling
import TestSupport
import Testing
import Workloads

@Suite("Local executor", .serialized) struct LocalExecutorTests {
    let shop: Workshop
    init() throws { shop = try Workshop() }

    @Test("two hundred tiny tasks run, each once, in order")
    func tiny() throws {
        let tasks = (0..<200).map { index in
            TaskSpec(
                id: TaskID("t/\(index)"), command: "echo \(index) >> log",
                predecessors: index < 10 ? [] : [TaskID("t/\(index - 10)")])
        }
        let result = try shop.executor(tasks).run()
        print("200 tasks: \(Units.formatSeconds(result.elapsedSeconds))")
        #expect(result.ending == .succeeded && result.finished == 200 && result.attempts == 200)
        let log = shop.text("log").split(separator: "\n").compactMap { Int($0) }
        #expect(Set(log).count == 200 && log.count == 200)
        let place = Dictionary(uniqueKeysWithValues: log.enumerated().map { ($1, $0) })
        for index in 10..<200 { #expect(try #require(place[index - 10]) < (try #require(place[index]))) }
        #expect(Set(shop.outcomes.map(\.task)).count == 200)
        #expect(shop.livingProcesses.isEmpty)
    }

    @Test("no more runs at once than processors and memory allow")
    func slots() throws {
        let tasks = (0..<8).map {
            TaskSpec(id: TaskID("t\($0)"), command: "echo + >> log; sleep 0.1; echo - >> log", request: .init(cpus: 2))
        }
        #expect(try shop.executor(tasks).run().ending == .succeeded)
        var (now, most) = (0, 0)
        for line in shop.text("log").split(separator: "\n") {
            now += line == "+" ? 1 : -1
            most = max(most, now)
        }
        #expect(most == 2)
    }

    @Test("standard output and error of every attempt are kept")
    func output() throws {
        _ = try shop.runOne(.init(id: "a b/ü", command: "echo to out; echo to err >&2"))
        #expect(shop.text("run/attempts/a%20b%2F%C3%BC.1.out") == "to out\n")
        #expect(shop.text("run/attempts/a%20b%2F%C3%BC.1.err") == "to err\n")
    }

    @Test("a task sees its environment, the working folder, no input and no signals blocked")
    func surroundings() throws {
        let outcome = try shop.runOne(
            .init(
                id: "env",
                command:
                    "pwd; echo $COLOUR $ALMANAC_TASK; cat; grep -E 'SigBlk|SigIgn' /proc/self/status; ls /proc/self/fd | wc -l",
                environment: ["COLOUR": "blue"]))
        #expect(outcome.status == .completed)
        let lines = shop.text("run/attempts/env.1.out").split(separator: "\n").map(String.init)
        #expect(
            URL(fileURLWithPath: lines[0]).resolvingSymlinksInPath()
                == URL(fileURLWithPath: shop.folder).resolvingSymlinksInPath())
        #expect(lines[1] == "blue env")
        #expect(lines[2...3] == ["SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"])
        // Three standard files, and the folder that ls reads.
        #expect(lines[4].trimmingCharacters(in: .whitespaces) == "4")
    }

    @Test("the time limit ends the whole tree, even one that ignores SIGTERM and leaves its session")
    func timeLimit() throws {
        let command =
            "trap '' TERM; sleep 50 & setsid sleep 50 & (setsid sh -c 'trap \"\" TERM; sleep 50' &); sleep 50; sleep 50"
        let outcome = try shop.runOne(.init(id: "slow", command: command, request: .init(timeLimitSeconds: 0.4)))
        #expect(outcome.cause == .timeLimit && outcome.status == .failed)
        let runtime = try #require(outcome.runtimeSeconds)
        #expect(runtime >= 0.4 && runtime < 5)
        #expect(shop.livingProcesses.isEmpty)
        #expect(outcome.failureMessage?.contains("400 ms") == true)
    }

    @Test("a task that handles SIGTERM may end in its own way within the grace time")
    func grace() throws {
        let outcome = try shop.runOne(
            .init(
                id: "polite", command: "trap 'echo bye > bye; exit 3' TERM; while :; do sleep 0.01; done",
                request: .init(timeLimitSeconds: 0.2)))
        #expect(outcome.cause == .timeLimit && outcome.exitCode == 3)
        #expect(shop.text("bye") == "bye\n")
    }

    @Test("a failed attempt is repeated up to the limit, and every attempt is reported")
    func retries() throws {
        let flaky = TaskSpec(id: "flaky", command: "echo x >> tries; [ $(wc -l < tries) -ge 3 ]", retries: 5)
        let hopeless = TaskSpec(id: "hopeless", command: "echo no more >&2; exit 7", retries: 1)
        let after = TaskSpec(id: "after", command: "true", predecessors: ["hopeless"])
        let result = try shop.executor([flaky, hopeless, after]).run()
        #expect(result.ending == .failed && result.finished == 1)
        #expect(result.failed == ["hopeless": .programError] && result.skipped == ["after"])
        #expect(shop.outcomes.filter { $0.task == "flaky" }.map(\.attempt) == [1, 2, 3])
        #expect(shop.outcomes.filter { $0.task == "flaky" }.map(\.status) == [.failed, .failed, .completed])
        let last = try #require(shop.outcomes.last { $0.task == "hopeless" })
        #expect(last.attempt == 2 && last.exitCode == 7 && last.failureMessage?.contains("no more") == true)
        #expect(shop.events.contains(.gaveUp("hopeless", .programError)) && shop.events.contains(.skipped("after")))
    }

    @Test("a declared output that is missing, a command not found and a signal are told apart")
    func failures() throws {
        let missing = try shop.runOne(.init(id: "m", command: "true", outputs: [.init(path: "never")]))
        #expect(missing.status == .failed && missing.cause == .programError)
        #expect(missing.exitCode == 0 && missing.failureMessage?.contains("'never'") == true)
    }

    @Test("a command that is not found says so")
    func notFound() throws {
        let outcome = try shop.runOne(.init(id: "n", command: "no-such-command-here"))
        #expect(outcome.exitCode == 127 && outcome.failureMessage?.contains("not found") == true)
    }

    @Test("a signal is named; one from the outside is no lack of memory")
    func signals() throws {
        let outcome = try shop.runOne(.init(id: "s", command: "kill -9 $$"))
        #expect(outcome.exitCode == 137 && outcome.cause == .programError)
        #expect(outcome.failureMessage?.contains("signal 9") == true)
    }

    @Test("the use over time is recorded: memory while it is held, CPU while it is burnt")
    func series() throws {
        // Nothing is held for 0.4 s; then 40 MB, until the pipe closes half a second later.
        let command =
            "sleep 0.4; (head -c 40000000 /dev/zero; sleep 0.5) | tail -c 40000000 > /dev/null; "
            + "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"
        let outcome = try shop.runOne(.init(id: "s", command: command)) { $0.seriesSeconds = 0.02 }
        let points = try #require(outcome.demand).points
        #expect(points.count > 10)
        #expect(
            zip(points, points.dropFirst()).allSatisfy { $0.seconds <= $1.seconds && $0.cpuSeconds <= $1.cpuSeconds })
        let last = try #require(points.last)
        #expect(abs(last.seconds - (outcome.runtimeSeconds ?? 0)) < 0.05)
        #expect(abs(last.cpuSeconds - (outcome.cpuSeconds ?? 0)) < 0.05)
        #expect(abs((points.map(\.memoryBytes).max() ?? 0) - (outcome.peakMemoryBytes ?? 0)) < 20e6)
        #expect(points.allSatisfy { $0.seconds >= 0.4 || $0.memoryBytes < 30e6 }, "the memory came later")
        #expect(!FileManager.default.fileExists(atPath: shop.folder + "/run/attempts/s.1.series"))
    }

    @Test("a long series is thinned, and still spans the attempt")
    func thinnedSeries() throws {
        let outcome = try shop.runOne(.init(id: "s", command: "sleep 1.6")) {
            ($0.seriesSeconds, $0.sampleSeconds) = (0.001, 0.001)
        }
        let points = try #require(outcome.demand).points
        // A busy machine looks less often than asked.
        #expect((5...1024).contains(points.count) && (points.last?.seconds ?? 0) > 1.5)
    }

    @Test("without being asked, nothing is recorded")
    func noSeries() throws {
        #expect(try shop.runOne(.init(id: "s", command: "true")).demand == nil)
    }

    @Test("an attempt above its prediction raises one alert of each kind, and runs on")
    func warning() throws {
        let task = TaskSpec(id: "w", command: "(head -c 60000000 /dev/zero; sleep 0.6) | tail -c 60000000 > /dev/null")
        let outcome = try shop.runOne(task) {
            $0.expectations = ["w": .init(memoryBytes: 30e6, seconds: 0.3)]
        }
        #expect(outcome.status == .completed)
        let alerts = shop.alerts
        #expect(
            alerts.map(\.kind.rawValue).sorted() == ["memory", "time"] && alerts.allSatisfy { $0.reaction == .warn })
        #expect(alerts.allSatisfy { $0.value > $0.predicted })
        #expect(outcome.alert == alerts.map(\.text).joined(separator: "; "))
    }

    @Test("where the table says so, an attempt above its predicted memory is killed, and the next gets more")
    func killedByAlert() throws {
        let task = TaskSpec(
            id: "k",
            command:
                "[ $ALMANAC_ATTEMPT -gt 1 ] || { head -c 60000000 /dev/zero; sleep 20; } | tail -c 60000000 > /dev/null",
            request: .init(memoryBytes: 20e6))
        let result = try shop.executor([task]) {
            $0.expectations = ["k": .init(memoryBytes: 30e6)]
            $0.estimates = Estimates(expectedSeconds: [.nan], memoryQuantiles: [.init { $0 <= 0.5 ? 15e6 : 35e6 }])
            $0.policy.memoryAlert = .kill
        }.run()
        #expect(result.ending == .succeeded && result.elapsedSeconds < 15)
        #expect(shop.outcomes.map(\.cause) == [.outOfMemory, nil])
        #expect(shop.outcomes.map(\.requestedMemoryBytes) == [20e6, 35e6])
        #expect(shop.outcomes[0].failureMessage?.contains("above the predicted") == true)
    }

    @Test("a throttled attempt gives way: its processes are nice")
    func throttled() throws {
        let outcome = try shop.runOne(
            .init(id: "t", command: "sleep 0.7; cut -d' ' -f19 /proc/self/stat > nice; sleep 0.1")
        ) {
            $0.expectations = ["t": .init(seconds: 0.1)]
            $0.policy.timeAlert = .throttle
        }
        #expect(outcome.status == .completed && shop.alerts.map(\.reaction) == [.throttle])
        #expect(Int(shop.text("nice").trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0 >= 10)
    }

    @Test("a task whose time limit was too short gets twice as long")
    func longerLimit() throws {
        let task = TaskSpec(id: "l", command: "sleep 0.9", request: .init(timeLimitSeconds: 0.8))
        #expect(try shop.executor([task]).run().ending == .succeeded)
        #expect(shop.outcomes.map(\.requestedSeconds) == [0.8, 1.6])
        #expect(shop.outcomes.map(\.cause) == [.timeLimit, nil])
    }

    @Test("exit code 140 stands for a time limit")
    func code140() throws {
        #expect(try shop.runOne(.init(id: "x", command: "exit 140")).cause == .timeLimit)
    }

    @Test("a task that kills its own shepherd is lost, leaves nothing behind, and is tried again")
    func shepherdDies() throws {
        let command = "(setsid sleep 50 &); [ -e tried ] || { touch tried; kill -9 $PPID; }; sleep 0.2"
        let result = try shop.executor([TaskSpec(id: "murder", command: command, retries: 0)]).run()
        #expect(result.ending == .succeeded)
        #expect(
            shop.outcomes.map(\.cause) == [.lost, nil] && shop.outcomes.map(\.status) == [.aborted, .completed])
        #expect(shop.livingProcesses.isEmpty)
    }

    @Test("memory above the reservation ends the attempt where that is wanted, and the next gets more")
    func memoryLimit() throws {
        let task = TaskSpec(
            id: "fat", command: "(head -c 100000000 /dev/zero; sleep 0.3) | tail -c 100000000 > /dev/null",
            request: .init(memoryBytes: 60e6))
        let result = try shop.executor([task]) { $0.enforcesMemory = true }.run()
        #expect(result.ending == .succeeded)
        #expect(shop.outcomes.map(\.cause) == [.outOfMemory, nil])
        #expect(shop.outcomes.map(\.requestedMemoryBytes) == [60e6, 120e6])
    }

    @Test("cancel ends what runs; a resumed run does the rest and repeats nothing")
    func cancelAndResume() throws {
        let tasks = [
            TaskSpec(id: "quick", command: "echo quick >> log"),
            TaskSpec(id: "slow", command: "[ -e go ] || sleep 60; echo slow >> log", predecessors: ["quick"]),
            TaskSpec(id: "last", command: "echo last >> log", predecessors: ["slow"]),
        ]
        let executor = try shop.executor(tasks) { $0.tickSeconds = 0.05 }
        let watcher = Thread { [shop] in
            while !shop.events.contains(.started("slow", attempt: 1)) { usleep(5000) }
            usleep(100_000)
            executor.cancel()
        }
        watcher.start()
        let result = try executor.run()
        #expect(result.ending == .cancelled && result.elapsedSeconds < 10)
        #expect(shop.outcomes.last?.cause == .cancelled && shop.outcomes.last?.status == .aborted)
        #expect(shop.livingProcesses.isEmpty)
        #expect(
            shop.events.contains {
                if case .tick(let status) = $0 { status.running.map(\.task) == ["slow"] } else { false }
            })

        #expect(throws: ExecutionError.runExists(folder: shop.folder + "/run", finished: 1, total: 3)) {
            try shop.executor(tasks).run()
        }
        try Data().write(to: URL(fileURLWithPath: shop.folder + "/go"))
        #expect(try shop.executor(tasks).run(resuming: true).ending == .succeeded)
        #expect(shop.text("log") == "quick\nslow\nlast\n")
        // Once more: nothing is left to do.
        #expect(try shop.executor(tasks).run(resuming: true).attempts == 0)
        var changed = tasks
        changed[2].command = "echo other"
        #expect(throws: ExecutionError.jobChanged(folder: shop.folder + "/run")) {
            try shop.executor(changed).run(resuming: true)
        }
    }

    @Test("what cannot end well is refused before anything runs")
    func refused() throws {
        #expect(throws: ExecutionError.noCommand("a")) { try shop.executor([.init(id: "a")]) }
        #expect(throws: ExecutionError.missingInput("a", path: "nothing")) {
            try shop.executor([.init(id: "a", command: "true", inputs: [.init(path: "nothing")])])
        }
        #expect(throws: ExecutionError.self) {
            try shop.executor([.init(id: "a", command: "true", request: .init(cpus: 99))])
        }
        #expect(throws: ExecutionError.nothingToResume(folder: shop.folder + "/run")) {
            try shop.executor([.init(id: "a", command: "true")]).run(resuming: true)
        }
    }

    @Test("a journal with foreign lines is refused with its line, a torn last line is cut off")
    func journal() throws {
        let tasks = [TaskSpec(id: "a", command: "echo a >> log"), TaskSpec(id: "b", command: "echo b >> log")]
        _ = try shop.executor(tasks).run()
        let url = URL(fileURLWithPath: shop.folder + "/run/journal.jsonl")
        let whole = try Data(contentsOf: url)
        try (whole + Data("{\"kind\":\"outc".utf8)).write(to: url)
        #expect(try shop.executor(tasks).run(resuming: true).attempts == 0)
        try (whole + Data("nonsense\n".utf8)).write(to: url)
        let lines = whole.count { $0 == UInt8(ascii: "\n") }
        #expect {
            try shop.executor(tasks).run(resuming: true)
        } throws: { error in
            if case .badJournal(_, lines + 1, _)? = error as? ExecutionError { true } else { false }
        }
    }

    @Test("a damaged journal is refused or resumed, never crashed on")
    func damagedJournal() throws {
        let tasks = [TaskSpec(id: "a", command: "true"), TaskSpec(id: "b", command: "true", predecessors: ["a"])]
        _ = try shop.executor(tasks).run()
        let url = URL(fileURLWithPath: shop.folder + "/run/journal.jsonl")
        let whole = try Data(contentsOf: url)
        let numbers = ["-1", "9223372036854775807", "1e400", "null", "[]", "99999999999999999999"]
        var generator = TestGenerator(seed: 1)
        var refused = 0
        for round in 0..<60 {
            var text = Array(whole)
            let at = Int.random(in: 0..<text.count, using: &generator)
            switch round % 4 {
            case 0: text[at] = UInt8.random(in: 0...255, using: &generator)
            case 1: text.removeSubrange(at..<min(text.count, at + 20))
            case 2: text.removeSubrange(at...)
            default:
                guard let digit = text[at...].firstIndex(where: { $0 >= 0x30 && $0 <= 0x39 }) else { continue }
                let end = text[digit...].firstIndex { $0 < 0x30 || $0 > 0x39 } ?? text.count
                text.replaceSubrange(digit..<end, with: Array(numbers[round % numbers.count].utf8))
            }
            try Data(text).write(to: url)
            do {
                let result = try shop.executor(tasks).run(resuming: true)
                #expect(result.ending == .succeeded)
            } catch {
                #expect(error is ExecutionError)
                refused += 1
            }
        }
        #expect(refused > 8)
    }

    @Test("an error of the listener ends what runs")
    func listenerFails() throws {
        struct Full: Error {}
        let tasks = [TaskSpec(id: "a", command: "true"), TaskSpec(id: "b", command: "sleep 60")]
        let options = ExecutorOptions(
            runFolder: shop.folder + "/run", workingFolder: shop.folder,
            instance: InstanceType(name: "local", cpus: 4, memoryBytes: 8e9), graceSeconds: 0.3, handlesSignals: false)
        let executor = try LocalExecutor(TaskGraph(tasks), options: options) { _ in throw Full() }
        #expect(throws: Full.self) { try executor.run() }
        #expect(shop.livingProcesses.isEmpty)
    }
}
