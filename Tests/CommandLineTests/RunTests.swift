import Foundation
import Testing

@Suite(
    "almanac plan and run",
    .enabled(if: Terminal.isBuilt, "build the release binary first, or name one in ALMANAC_BINARY"))
struct RunTests {
    let terminal: Terminal

    init() throws { terminal = try Terminal() }

    /// Two tasks that take a while between a first and a last one; each notes its start.
    private static let diamond = """
        name: diamond
        tasks:
          - id: a
            command: echo a >> log; echo x > a.txt
            outputs: [a.txt]
          - {id: b, needs: [a], command: echo b >> log; sleep 1}
          - {id: c, needs: [a], command: echo c >> log; sleep 1}
          - {id: d, needs: [b, c], command: echo d >> log}
        """

    @Test("finishes a job and logs every attempt")
    func runs() throws {
        try terminal.write(Self.diamond, to: "job.yaml")
        let answer = try terminal.almanac("run", "job.yaml", "--json")
        #expect(answer.exitCode == 0)
        let result = (answer.json as? [String: Any])?["result"] as? [String: Any]
        #expect(result?["finished"] as? Int == 4)
        let outcomes = try terminal.almanac("outcomes", "--json").objects
        #expect(outcomes.compactMap { $0["task"] as? String }.sorted() == ["a", "b", "c", "d"])
    }

    @Test("a task that fails, runs too long or leaves out its output ends with 1; the rest still runs")
    func failures() throws {
        try terminal.write(
            """
            tasks:
              - {id: fails, command: exit 3, retries: 0}
              - {id: after, needs: [fails], command: "true"}
              - {id: slow, command: sleep 50, time_limit: 0.3s, retries: 0}
              - {id: forgets, command: "true", outputs: [nowhere.txt], retries: 0}
              - {id: fine, command: echo fine >> log}
            """, to: "job.yaml")
        let answer = try terminal.almanac("run", "job.yaml")
        #expect(answer.exitCode == 1)
        for text in [
            "1 of 5 tasks finished", "failed: fails", "failed: slow", "failed: forgets", "1 task could not run",
        ] {
            #expect(answer.output.contains(text), "\(answer.output)")
        }
        #expect(terminal.lines("log") == ["fine"])
        let folders = try terminal.shell("echo .almanac/runs/*/1").output.trimmingCharacters(
            in: .whitespacesAndNewlines)
        let page = terminal.lines("\(folders)/report.html").joined()
        #expect(page.contains("What did not succeed") && page.contains("program-error"))
    }

    @Test("Ctrl-C ends what runs with 130; the command it names goes on")
    func interrupted() throws {
        try terminal.write(Self.diamond, to: "job.yaml")
        let running = try terminal.start(["run", "job.yaml", "--store", "elsewhere"])
        #expect(eventually { terminal.lines("log").count == 3 })
        running.signal(SIGINT)
        let answer = try running.wait()
        #expect(answer.exitCode == 130)
        #expect(answer.errors.contains("almanac run job.yaml --store elsewhere --resume"), "\(answer.errors)")
        #expect(try terminal.almanac("run", "job.yaml", "--resume", "--store", "elsewhere").exitCode == 0)
        #expect(terminal.lines("log").sorted() == ["a", "b", "b", "c", "c", "d"])
    }

    @Test("kill -9 loses no finished task, runs none twice and leaves no process")
    func killed() throws {
        try terminal.write(Self.diamond.replacing("sleep 1", with: "sleep 1.037"), to: "job.yaml")
        let running = try terminal.start(["run", "job.yaml"])
        #expect(eventually { terminal.lines("log").count == 3 })
        running.signal(SIGKILL)
        #expect(try running.wait().exitCode == 137)
        #expect(try terminal.almanac("run", "job.yaml", "--resume").exitCode == 0)
        #expect(terminal.lines("log").sorted() == ["a", "b", "c", "d"])
        let outcomes = try terminal.almanac("outcomes", "--json").objects
        #expect(outcomes.compactMap { $0["task"] as? String }.sorted() == ["a", "b", "c", "d"])
        #expect(try terminal.shell("pgrep -f '^sleep 1.037'").output.isEmpty)
    }

    @Test("--resume takes the newest run, not an older one that ended well")
    func newest() throws {
        try terminal.write("name: n\ntasks:\n  - {id: a, command: echo a >> log, inputs: [in]}\n", to: "job.yaml")
        try terminal.write("", to: "in")
        #expect(try terminal.almanac("run", "job.yaml").exitCode == 0)
        // Refused, and killed before it had begun.
        for second in ["rm in; almanac run job.yaml; echo > in", "mkdir .almanac/runs/n/9"] {
            let ran = terminal.lines("log").count
            _ = try terminal.shell(second)
            let answer = try terminal.almanac("run", "job.yaml", "--resume")
            #expect(answer.exitCode == 0 && answer.errors.contains("had not begun"), "\(answer.errors)")
            #expect(terminal.lines("log").count == ran + 1)
        }
        #expect(try terminal.almanac("run", "job.yaml", "--resume").exitCode == 0)
        #expect(terminal.lines("log").count == 3)
    }

    @Test("a run that was refused does not hide one that waits to be resumed")
    func refusedBetween() throws {
        try terminal.write(Self.diamond, to: "job.yaml")
        let running = try terminal.start(["run", "job.yaml", "--price", "3600"])
        #expect(eventually { terminal.lines("log").count == 3 })
        running.signal(SIGINT)
        _ = try running.wait()
        #expect(try terminal.almanac("run", "job.yaml", "--pool").exitCode == 2)
        #expect(try terminal.almanac("run", "job.yaml", "--resume").exitCode == 0)
        // It costs what it cost before.
        let lives = try terminal.almanac("outcomes", "instances", "--json").objects
        #expect(lives.count == 2 && lives.allSatisfy { $0["price_per_hour"] as? Double == 3600 }, "\(lives)")
        #expect(terminal.lines("log").sorted() == ["a", "b", "b", "c", "c", "d"])
    }

    @Test("a plan that wants more than the pool has is refused, and so is the reclaim of what is not there")
    func foreignPlan() throws {
        try terminal.write(Self.pooled, to: "job.yaml")
        #expect(try terminal.almanac("plan", "job.yaml", "--objective", "time", "--output", "p.json").exitCode == 0)
        try terminal.write(Self.pooled.replacing("type: other", with: "type: third"), to: "job.yaml")
        let foreign = try terminal.almanac("run", "job.yaml", "--pool", "--cpus", "2", "--plan", "p.json")
        #expect(
            foreign.exitCode == 2 && foreign.errors.contains("1 × other, and the run may rent 0"), "\(foreign.errors)")
        let reclaim = try terminal.almanac("run", "job.yaml", "--pool", "--cpus", "2", "--reclaim", "nosuch#0@1s")
        #expect(reclaim.exitCode == 2 && reclaim.errors.contains("own#0"), "\(reclaim.errors)")
    }

    @Test("limits that were missed are said, start-up counts, and Ctrl-C does not wait for it")
    func missed() throws {
        let job = Self.pooled.replacing("deadline: 1h", with: "deadline: 4s\nbudget: 0.0001")
        try terminal.write(job, to: "job.yaml")
        let answer = try terminal.almanac("run", "job.yaml", "--pool", "--cpus", "2", "--best-effort", "--json")
        let account = (answer.json as? [String: Any])?["account"] as? [String: Any]
        #expect(answer.exitCode == 0 && account?["budget_kept"] as? Bool == false, "\(answer.output)")
        try terminal.write(Self.pooled.replacing("deadline: 1h", with: "deadline: 8s"), to: "job.yaml")
        let late = try terminal.almanac("run", "job.yaml", "--pool", "--cpus", "2", "--start-up", "6s")
        #expect(late.exitCode == 3, "\(late.errors)")
        let told = try terminal.almanac("run", "job.yaml", "--pool", "--cpus", "2", "--start-up", "6s", "--json")
        #expect(told.exitCode == 3 && (told.json as? [String: Any])?["feasible"] as? Bool == false, "\(told.output)")
        let running = try terminal.start(
            ["run", "job.yaml", "--pool", "--cpus", "2", "--start-up", "10m", "--best-effort"])
        #expect(eventually { terminal.lines(".almanac/runs/pooled/4/journal.jsonl").count > 2 })
        running.signal(SIGINT)
        #expect(try running.wait().exitCode == 130)
        // Nobody refused them.
        let lives = try terminal.almanac("outcomes", "instances", "--json").objects.suffix(2)
        #expect(lives.allSatisfy { $0["end"] as? String == "closed" && $0["cost"] as? Double == 0 }, "\(lives)")
    }

    @Test("a run whose folder was removed gives its number to another, but not its name in the outcomes")
    func removedFolder() throws {
        try terminal.write("name: n\ntasks:\n  - {id: a, command: 'true'}\n", to: "job.yaml")
        for _ in 0..<3 { #expect(try terminal.shell("rm -rf .almanac/runs; almanac run job.yaml").exitCode == 0) }
        let outcomes = try terminal.almanac("outcomes", "--json").objects
        #expect(outcomes.compactMap { $0["job"] as? String } == ["n/1", "n/1#2", "n/1#3"])
    }

    @Test("a store that is removed meanwhile ends the run with 1; --resume stores everything anew")
    func removedStore() throws {
        try terminal.write(
            "name: n\ntasks:\n  - {id: a, command: sleep 0.5}\n  - {id: b, needs: [a], command: rm .almanac/traces.*}\n",
            to: "job.yaml")
        let answer = try terminal.almanac("run", "job.yaml")
        #expect(answer.exitCode == 1 && answer.errors.contains("removed"), "\(answer.errors)")
        #expect(try terminal.almanac("run", "job.yaml", "--resume").exitCode == 0)
        #expect(try terminal.almanac("outcomes", "--json").objects.compactMap { $0["task"] as? String } == ["a", "b"])
    }

    @Test("a name that no folder can have ends with an error, not never", arguments: ["\"n\\0x\"", "\"\\0\""])
    func zero(name: String) throws {
        try terminal.write("name: \(name)\ntasks:\n  - {id: a, command: 'true'}\n", to: "job.yaml")
        _ = try terminal.almanac("run", "job.yaml", timeoutSeconds: 20)
    }

    @Test("the terminal is closed: 130, and --resume goes on", .enabled(if: Self.hasScript, "there is no 'script'"))
    func hangUp() throws {
        try terminal.write(Self.diamond.replacing("sleep 1", with: "sleep 30"), to: "job.yaml")
        // 'script' runs its command on a terminal of its own, which is gone when it is killed.
        let running = try Running(
            [
                // The shell that writes the code down must outlive the terminal.
                "/usr/bin/env", "script", "-qc",
                "env --ignore-signal=HUP sh -c \"env --default-signal=HUP '\(Terminal.binary)' run job.yaml; echo \\$? > code\"",
                "/dev/null",
            ],
            in: terminal)
        #expect(eventually { terminal.lines("log").count == 3 })
        running.signal(SIGKILL)
        _ = try running.wait()
        #expect(eventually { terminal.lines("code").count == 1 })
        #expect(terminal.lines("code") == ["130"])
    }

    private static let hasScript = ["/usr/bin/script", "/bin/script"].contains {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    @Test(
        "a store on a full disk can be read, also what its last writer left beside it",
        .enabled(if: SmallDisk.isPossible, "only root can mount a small disk"))
    func readOnFullDisk() throws {
        let disk = try #require(SmallDisk(kilobytes: 2048))
        defer { withExtendedLifetime(disk) {} }
        let store = disk.folder.path + "/s"
        try terminal.write("tasks:\n  - {id: a, command: sleep 0.3}\n  - {id: b, command: sleep 30}\n", to: "job.yaml")
        let running = try terminal.start(["run", "job.yaml", "--store", store])
        #expect(eventually { (try? terminal.almanac("outcomes", "--store", store, "--json").objects.count) == 1 })
        running.signal(SIGKILL)
        _ = try running.wait()
        _ = try terminal.shell("rm -f '\(store)/traces.sqlite-shm'; cat /dev/zero > '\(disk.folder.path)/filler'")
        let answer = try terminal.almanac("outcomes", "--store", store, "--json")
        #expect(answer.exitCode == 0 && answer.objects.count == 1, "\(answer.errors)")
        #expect(
            try terminal.shell("kill $(sed -n 's/^pid=//p' '\(store)'/runs/*/1/attempts/b.1.result.tmp)").exitCode == 0)
    }

    @Test("goes on when nobody reads its remarks any more")
    func closedPipe() throws {
        try terminal.write(Self.diamond, to: "job.yaml")
        let answer = try terminal.shell("almanac run job.yaml 2>&1 | head -n 1; echo ${PIPESTATUS[0]}")
        #expect(answer.output.hasSuffix("\n0\n"))
        #expect(terminal.lines("log").count == 4)
    }

    @Test("runs of one job at the same time get folders of their own")
    func together() throws {
        try terminal.write("name: one\ntasks:\n  - {id: a, command: sleep 0.2}\n", to: "job.yaml")
        let all = try (0..<6).map { _ in try terminal.start(["run", "job.yaml", "--json"]) }
        let answers = try all.map { try $0.wait() }
        #expect(answers.map(\.exitCode) == Array(repeating: 0, count: 6), "\(answers.map(\.errors))")
        #expect(Set(answers.compactMap { ($0.json as? [String: Any])?["run_folder"] as? String }).count == 6)
    }

    @Test("a job cannot leave the folder of the runs by its name", arguments: ["..", ".", "../../x", "a/b"])
    func names(name: String) throws {
        try terminal.write("name: '\(name)'\ntasks:\n  - {id: a, command: 'true'}\n", to: "job.yaml")
        let answer = try terminal.almanac("run", "job.yaml", "--store", "store")
        #expect(answer.exitCode == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: terminal.path("store/runs")).count == 1)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: terminal.path("store")).sorted().prefix(1) == ["runs"])
    }

    @Test(
        "a full disk ends the run with 1; it goes on when there is space",
        .enabled(if: SmallDisk.isPossible, "only root can mount a small disk"))
    func fullDisk() throws {
        let disk = try #require(SmallDisk(kilobytes: 1024))
        defer { withExtendedLifetime(disk) {} }
        let (folder, filler) = (disk.folder.path + "/run", disk.folder.path + "/filler")
        try terminal.write(
            """
            tasks:
              - {id: a, command: echo a >> log}
              - {id: fill, needs: [a], command: "head -c 9M /dev/zero > '\(filler)' || true"}
              - {id: "b-${n}", foreach: {n: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]}, needs: [fill], command: echo b >> log}
            """, to: "job.yaml")
        let answer = try terminal.almanac("run", "job.yaml", "--run-folder", folder)
        #expect(answer.exitCode == 1, "\(answer.errors)")
        #expect(answer.errors.contains("No space left on device"))
        try FileManager.default.removeItem(atPath: filler)
        try FileManager.default.createSymbolicLink(atPath: filler, withDestinationPath: "/dev/null")
        #expect(try terminal.almanac("run", "job.yaml", "--run-folder", folder, "--resume").exitCode == 0)
        #expect(terminal.lines("log").count { $0 == "a" } == 1)
        #expect(terminal.lines("log").count { $0 == "b" } >= 12)
    }

    /// Six tasks of known time on a small pool; each says on which instance of it that it ran only in the outcomes.
    private static let pooled = """
        name: pooled
        deadline: 1h
        tasks:
          - {id: "t${n}", foreach: {n: [1, 2, 3, 4, 5, 6]}, command: "echo t${n} $ALMANAC_ATTEMPT >> log; sleep 1", seconds: 1}
          - {id: last, needs: [t1, t2, t3, t4, t5, t6], command: echo last >> log, seconds: 0.1}
        pool:
          - {type: own, cpus: 1, memory: 100 MB, price: 1.0, count: 1}
          - {type: other, cpus: 1, memory: 100 MB, price: 1.0, count: 1}
        """

    @Test("a plan is run as it was made: on its instances, in its order")
    func planned() throws {
        try terminal.write(Self.pooled, to: "job.yaml")
        let planned = try terminal.almanac("plan", "job.yaml", "--objective", "time", "--output", "plan.json", "--json")
        try #require(planned.exitCode == 0, "\(planned.errors)")
        let assignments = (planned.json as? [String: Any])?["assignments"] as? [[String: Any]] ?? []
        let answer = try terminal.almanac("run", "job.yaml", "--plan", "plan.json", "--cpus", "2")
        try #require(answer.exitCode == 0, "\(answer.errors)")
        let outcomes = try terminal.almanac("outcomes", "--json").objects
        func places(_ rows: [[String: Any]]) -> [String] {
            rows.map { "\($0["task"] ?? "") on \($0["instance"] ?? "")" }.sorted()
        }
        #expect(assignments.count == 7 && Set(assignments.compactMap { $0["instance"] as? String }).count == 2)
        #expect(places(outcomes) == places(assignments))
        let replay = try terminal.almanac("replay", ".almanac/runs/pooled/1")
        #expect(replay.exitCode == 0 && replay.output.hasPrefix("equal"), "\(replay.output)")
    }

    @Test("a run that cannot keep its limits is refused with the nearest that can be kept, or does its best")
    func refusedLimits() throws {
        try terminal.write(Self.pooled.replacing("deadline: 1h", with: "deadline: 2s"), to: "job.yaml")
        let refused = try terminal.almanac("run", "job.yaml", "--pool", "--cpus", "2")
        // Six tasks of a second on two processors, and the last.
        #expect(refused.exitCode == 3 && refused.errors.contains("3.10 s"), "\(refused.errors)")
        #expect(terminal.lines("log").isEmpty)
        let answer = try terminal.almanac("run", "job.yaml", "--pool", "--cpus", "2", "--best-effort")
        #expect(answer.exitCode == 0 && answer.errors.contains("this one takes 3.10 s"), "\(answer.errors)")
        #expect(terminal.lines("log").count == 7)
    }

    @Test("a run on a pool goes on with the instances that it began with, whatever the job says of them now")
    func resumedOnPool() throws {
        try terminal.write(Self.pooled, to: "job.yaml")
        let running = try Running([Terminal.binary, "run", "job.yaml", "--pool", "--cpus", "2"], in: terminal)
        #expect(eventually { terminal.lines("log").count >= 3 })
        running.signal(SIGKILL)
        _ = try running.wait()
        try terminal.write(Self.pooled.replacing("type: own", with: "type: new"), to: "job.yaml")
        let answer = try terminal.almanac("run", "job.yaml", "--resume", "--cpus", "2")
        try #require(answer.exitCode == 0, "\(answer.errors)")
        let again = try terminal.almanac("run", "job.yaml", "--resume", "--cpus", "2")
        #expect(again.exitCode == 0, "\(again.errors)")
        let outcomes = try terminal.almanac("outcomes", "--json").objects
        #expect(outcomes.count { $0["status"] as? String == "completed" } == 7)
        #expect(Set(outcomes.compactMap { $0["instance_type"] as? String }) == ["own", "other"])
        // Those that were open when the program died are gone, and others came in their place: each has one life.
        let lives = try terminal.almanac("outcomes", "instances", "--json").objects
        #expect(lives.count >= 2 && Set(lives.compactMap { $0["number"] as? Int }).count == lives.count)
        #expect(Set(lives.compactMap { $0["instance_type"] as? String }) == ["own", "other"])
        #expect(terminal.lines("log").count { $0 == "last" } == 1)

        #expect(try terminal.almanac("run", "job.yaml", "--run-folder", "whole", "-q").exitCode == 0)
        let refused = try terminal.almanac(
            "run", "job.yaml", "--run-folder", "whole", "--resume", "--pool", "--cpus", "2")
        #expect(refused.exitCode == 2 && refused.errors.contains("Go on without --pool"), "\(refused.errors)")
    }

    @Test("an instance that is taken back is survived: notice, end, and its task starts elsewhere")
    func reclaimed() throws {
        try terminal.write(Self.pooled, to: "job.yaml")
        let answer = try terminal.almanac(
            "run", "job.yaml", "--pool", "--cpus", "2", "--start-up", "0.2s", "--reclaim", "own#0@0.3s+0.2s",
            "--reclaim",
            "other#0@0.3s+0.2s")
        #expect(answer.exitCode == 0, "\(answer.errors)")
        #expect(answer.errors.contains("will be taken back") && answer.errors.contains("is gone (reclaimed)"))
        let outcomes = try terminal.almanac("outcomes", "--json").objects
        #expect(outcomes.count { $0["status"] as? String == "completed" } == 7)
        #expect(outcomes.count { $0["status"] as? String == "aborted" } >= 1)
        // The page has the plan above the run, and the lives; each has an end and a price.
        let lives = try terminal.almanac("outcomes", "instances", "--json").objects
        #expect(lives.count { $0["end"] as? String == "reclaimed" } >= 1)
        #expect(lives.reduce(0) { $0 + ($1["cost"] as? Double ?? 0) } > 7 * 0.9 / 3600)
        let page = terminal.lines(".almanac/runs/pooled/1/report.html").joined(separator: "\n")
        #expect(page.contains("Planned and run") && page.contains("plan: 7 bars in 2 rows"))
        #expect(page.contains("(attempt 2)") && page.contains(", reclaimed"))
        let replay = try terminal.almanac("replay", ".almanac/runs/pooled/1")
        #expect(replay.exitCode == 0 && replay.output.hasPrefix("equal"), "\(replay.output)")
    }

    @Test("a run does not wait for an instance to be taken back when all is done", .timeLimit(.minutes(1)))
    func endsBeforeReclaim() throws {
        let terminal = try Terminal()
        try terminal.write(
            """
            name: nap
            tasks:
              - {id: "a-${n}", foreach: {n: [1, 2, 3, 4]}, command: sleep 0.3, seconds: 0.3, cpus: 0.25, memory: 10 MB}
            pool:
              - {type: s, cpus: 0.25, memory: 60 MB, price: 0.1, spot_price: 0.02, count: 2}
            """, to: "nap.yaml")
        let run = try terminal.almanac("run", "nap.yaml", "--pool", "--reclaim", "s/spot#0@0.1s+1000h")
        #expect(run.exitCode == 0 && run.output.contains("4 of 4 tasks finished"), "\(run.output) \(run.errors)")
    }

    @Test("a run that was killed and resumed is replayed over its restarts; a changed decision is named")
    func replayed() throws {
        try terminal.write(Self.diamond, to: "job.yaml")
        let running = try terminal.start(["run", "job.yaml"])
        #expect(eventually { terminal.lines("log").count == 3 })
        running.signal(SIGKILL)
        _ = try running.wait()
        #expect(try terminal.almanac("run", "job.yaml", "--resume", "--cpus", "1").exitCode == 0)
        let folder = ".almanac/runs/diamond/1"
        let equal = try terminal.almanac("replay", folder, "--json")
        let result = equal.json as? [String: Any]
        #expect(
            equal.exitCode == 0 && result?["restarts"] as? Int == 1 && result?["difference"] == nil, "\(equal.output)")
        let journal = terminal.lines("\(folder)/journal.jsonl")
        // A start that was never decided on.
        let changed = journal.map { $0.replacing("action start 3 1 ", with: "action start 3 2 ") }
        try terminal.write(changed.joined(separator: "\n") + "\n", to: "\(folder)/journal.jsonl")
        let different = try terminal.almanac("replay", folder)
        #expect(different.exitCode == 1 && different.output.contains("action start 3 1 "), "\(different.output)")
        #expect(try terminal.almanac("replay", "nowhere").exitCode == 2)
    }

    @Test(
        "mistakes in a job are found before anything runs, with line and column",
        arguments: [
            ("", "job.yaml:1:1: the file is empty"),
            ("tasks:\n  - id: a\n   command: x\n", "job.yaml:3:4: this is not YAML"),
            (
                "tasks:\n  - id: a\n    comand: x\n",
                "job.yaml:3:5: unknown key 'comand' in a task. Did you mean 'command'?"
            ),
            (
                "tasks:\n  - {id: a, command: x}\n  - {id: a, command: x}\n",
                "job.yaml:3:10: task 'a' exists already (line 2)"
            ),
            (
                "tasks:\n  - {id: a, command: x, needs: [b]}\n",
                "job.yaml:2:33: task 'a' needs 'b', which does not exist"
            ),
            (
                "tasks:\n  - {id: a, command: x, needs: [b]}\n  - {id: b, command: x, needs: [a]}\n",
                "The tasks wait for one another: a → b → a"
            ),
            ("tasks:\n  - {id: a, command: x, cpus: nan}\n", "job.yaml:2:31: 'cpus' is 'nan'"),
            ("tasks:\n  - {id: a, command: x, memory: 3 parsecs}\n", "job.yaml:2:33: 'memory' is '3 parsecs'"),
            ("deadline: soon\ntasks:\n  - {id: a, command: x}\n", "job.yaml:1:11: 'deadline' is 'soon'"),
        ])
    func mistakes(job: String, message: String) throws {
        try terminal.write(job, to: "job.yaml")
        for command in ["plan", "run"] {
            let answer = try terminal.almanac(command, "job.yaml")
            #expect(answer.exitCode == 2)
            #expect(answer.errors.contains(message), "\(answer.errors)")
        }
        #expect(!FileManager.default.fileExists(atPath: terminal.path(".almanac/runs")))
    }

    @Test("what this machine cannot do is refused before anything runs")
    func impossible() throws {
        try terminal.write("tasks:\n  - {id: a, command: echo a >> log, cpus: 9999}\n", to: "large.yaml")
        try terminal.write("tasks:\n  - {id: a, command: echo a >> log, inputs: [nowhere.txt]}\n", to: "input.yaml")
        try terminal.write("tasks:\n  - {id: a, command: echo a >> log}\n", to: "job.yaml")
        #expect(try terminal.almanac("run", "large.yaml").errors.contains("9999"))
        #expect(try terminal.almanac("run", "input.yaml").errors.contains("nowhere.txt"))
        #expect(try terminal.almanac("run", "job.yaml", "--resume").errors.contains("holds no run"))
        for wrong in [
            ["--directory", "nowhere"], ["--cpus", "nan"], ["--price", "inf"], ["--retries=-1"], ["--memory", "0"],
        ] {
            #expect(try terminal.start(["run", "job.yaml"] + wrong).wait().exitCode == 2, "\(wrong)")
        }
        #expect(terminal.lines("log").isEmpty)
    }

    @Test(
        "tasks start when they may, and a deadline of a task that cannot be kept ends with 3 and the nearest that can")
    func taskLimits() throws {
        try terminal.write(
            """
            tasks:
              - {id: first, command: "true", seconds: 0.1, deadline: 20s}
              - {id: last, command: "true", needs: first, seconds: 0.1, not_before: 1s, deadline: 30s}
            """, to: "job.yaml")
        let why = try terminal.almanac("plan", "job.yaml", "--explain", "last")
        #expect(why.output.contains("waits for its time: the job has it start no sooner than 1.00 s"), "\(why.output)")
        #expect(why.output.contains("its own deadline is 30.0 s"), "\(why.output)")
        let run = try terminal.almanac("run", "job.yaml")
        #expect(run.exitCode == 0, "\(run.errors)")
        let outcomes = try terminal.almanac("outcomes", "export", "-")
        let rows = outcomes.output.split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        let start = try #require(rows.first?.firstIndex(of: "start_time_seconds"))
        let starts = try rows.dropFirst().map { try #require(Double($0[start])) }
        #expect(starts.count == 2 && starts[1] - starts[0] >= 0.8, "\(starts)")
        let simulated = try terminal.almanac("simulate", "job.yaml", "--runs", "3", "--json")
        let scenarios = (simulated.json as? [String: Any])?["scenarios"] as? [[String: Any]]
        let statistics = scenarios?.first?["statistics"] as? [String: Any]
        #expect(statistics?["within_deadline"] as? Double == 1, "\(simulated.output)")

        try terminal.write(
            """
            tasks:
              - {id: first, command: "true", seconds: 100}
              - {id: last, command: "true", needs: first, seconds: 20, deadline: 90s}
            """, to: "late.yaml")
        for command in [["plan", "late.yaml"], ["plan", "late.yaml", "--front"], ["run", "late.yaml"]] {
            let answer = try terminal.start(command).wait()
            #expect(answer.exitCode == 3, "\(answer)")
            #expect(answer.errors.contains("'last' by 2m 0s, its deadline is 1m 30s"), "\(answer.errors)")
        }
        let nearest = try terminal.almanac("plan", "late.yaml", "--json").json as? [String: Any]
        #expect(nearest?["feasible"] as? Bool == false)
        #expect(((nearest?["late"] as? [[String: Any]])?.first?["end_seconds"] as? Double ?? 0) >= 120)
    }

    @Test("a plan is refused that was made for another job, or with models that the run does not have")
    func plansOfOthers() throws {
        try terminal.write("tasks:\n  - {id: a, command: 'true', seconds: 1}\n", to: "job.yaml")
        try terminal.write("tasks:\n  - {id: a, command: 'true', seconds: 1, cpus: 2}\n", to: "other.yaml")
        try terminal.write(executionsCSV(rows: 90), to: "runs.csv")
        for command in [
            ["import", "csv", "runs.csv"], ["train", "--trees", "5"], ["plan", "job.yaml", "--output", "p.json"],
        ] {
            #expect(try terminal.start(command).wait().exitCode == 0, "\(command)")
        }
        let other = try terminal.almanac("run", "other.yaml", "--plan", "p.json")
        #expect(other.exitCode == 2 && other.errors.contains("made for another job, or other.yaml has changed"))
        let models = try terminal.almanac("run", "job.yaml", "--plan", "p.json", "--models", "models")
        #expect(models.exitCode == 2 && models.errors.contains("made without models"), "\(models.errors)")
        #expect(models.errors.contains("'almanac plan job.yaml --models models --output p.json'"), "\(models.errors)")
        #expect(try terminal.almanac("run", "job.yaml", "--plan", "p.json").exitCode == 0)
    }

    @Test("transfers of recorded runs are fitted, and plans of jobs that say no network have them")
    func calibration() throws {
        let tasks = [100, 300, 500, 50, 700].map { size in
            """
              - {id: a-\(size), type: a, seconds: 5, zones: [x], outputs: [{path: f-\(size), size: \(size) MB}]}
              - {id: b-\(size), type: b, seconds: 5, zones: [y], inputs: [f-\(size)]}

            """
        }.joined()
        let pool = "pool:\n  - {type: m, cpus: 1, memory: 8 GiB, price: 0.1, count: 5, zones: [x, y]}\n"
        let job = "name: net\ntasks:\n\(tasks)\(pool)"
        try terminal.write(job + "network: {bandwidth: 100 MB/s, latency: 500ms}\n", to: "net.yaml")
        try terminal.write(job, to: "unknown.yaml")
        for seed in 1...3 {
            let path = "t\(seed).csv"
            let options = ["--runs", "1", "--seed", "\(seed)", "--noise", "0.3", "--trace", path]
            #expect(try terminal.start(["simulate", "net.yaml"] + options).wait().exitCode == 0)
            let text = try String(contentsOfFile: terminal.path(path), encoding: .utf8)
            try terminal.write(text.replacing(",simulated,", with: ",net/\(seed),"), to: path)
            #expect(try terminal.almanac("import", "csv", path).exitCode == 0)
        }
        let fitted = try terminal.almanac("simulate", "net.yaml", "--calibrate", "--json").json as? [String: Any]
        #expect((fitted?["held_out"] as? [Any])?.count == 3)
        let calibration = fitted?["calibration"] as? [String: Any]
        let transfers = try #require(calibration?["transfers"] as? [String: Any])
        #expect(transfers["count"] as? Int == 15)
        func makespan(_ arguments: String...) throws -> Double? {
            let plan = try terminal.start(["plan"] + arguments + ["--objective", "time", "--json"]).wait().json
            return (plan as? [String: Any])?["makespan_seconds"] as? Double
        }
        let known = try #require(try makespan("net.yaml"))
        #expect(abs((try makespan("unknown.yaml") ?? 0) - known) < 0.01)
        #expect(try makespan("unknown.yaml", "--store", "none") ?? .infinity < known - 1)
    }

    @Test("a deadline or budget that cannot be kept ends with 3 and says what can")
    func infeasible() throws {
        try terminal.write(
            """
            tasks:
              - {id: a, command: x, seconds: 100}
            pool:
              - {type: m, cpus: 2, memory: 4 GB, price: 1.0, count: 2}
            """, to: "job.yaml")
        let feasible = try terminal.almanac("plan", "job.yaml", "--deadline", "5m", "--json")
        try #require(feasible.exitCode == 0, "\(feasible.errors)")
        #expect((feasible.json as? [String: Any])?["makespan_seconds"] as? Double ?? 0 >= 100)
        for limit in [["--deadline", "1s"], ["--budget", "0.000001"]] {
            let answer = try terminal.start(["plan", "job.yaml"] + limit).wait()
            #expect(answer.exitCode == 3)
            #expect(answer.output.isEmpty)
            #expect(answer.errors.contains("Fastest of all"), "\(answer.errors)")
        }
        let unwritable = try terminal.almanac("plan", "job.yaml", "--output", "nowhere/plan.json")
        #expect(unwritable.exitCode == 1)
        #expect(unwritable.errors.contains("nowhere/plan.json: cannot be written: No such file or directory"))
    }
}
