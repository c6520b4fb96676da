import Foundation
import Testing

@Suite("Status of a run", .enabled(if: Terminal.isBuilt, "build the release binary first"))
struct StatusTests {
    @Test("while it runs: time left and what waits for what; afterwards: what took the time")
    func liveAndAfter() throws {
        let terminal = try Terminal()
        try terminal.write(
            """
            name: gate
            tasks:
              - {id: first, type: wait, command: 'until test -e open; do sleep 0.05; done', seconds: 30}
              - {id: second, type: wait, command: 'sleep 0.3', seconds: 20}
              - {id: third, needs: [first, second], command: 'true', seconds: 10}
            """, to: "gate.yaml")
        let missing = try terminal.almanac("status", "gate.yaml")
        #expect(missing.exitCode == 2 && missing.errors.contains("holds no run"))
        let run = try terminal.start(["run", "gate.yaml", "--cpus", "1"])
        var live: [String: Any] = [:]
        for _ in 0..<200 where (live["running"] as? [Any])?.isEmpty ?? true {
            live = try terminal.almanac("status", "gate.yaml", "--json").json as? [String: Any] ?? [:]
        }
        #expect(live["is_running"] as? Bool == true && live["finished"] as? Int == 0)
        let left = try #require(live["left"] as? [String: Double])
        // 30 + 20 + 10 s are claimed, of which little has gone.
        #expect((left["p50_seconds"] ?? 0) > 20 && (left["p95_seconds"] ?? 99) <= 60)
        let waiting = try #require(live["waiting"] as? [[String: Any]])
        #expect(waiting.map { $0["task"] as? String } == ["second", "third"])
        #expect(waiting[0]["reason"] as? String == "needs 1 cpu more than are free on local")
        #expect(waiting[1]["reason"] as? String == "waits for first (runs), second")
        let text = try terminal.almanac("status", "gate.yaml", "--task", "third").output
        #expect(text.contains(" left (50 % to 95 %)") && text.contains("waits for first (runs), second"))

        try terminal.write("", to: "open")
        #expect(try run.wait().exitCode == 0)
        let after = try terminal.almanac("status", "gate.yaml")
        #expect(after.output.contains("gate/1: succeeded, 3 of 3 tasks finished"))
        #expect(after.output.contains("critical path") && after.output.contains("would have gained"))
        let page = try String(contentsOfFile: terminal.path(".almanac/runs/gate/1/report.html"), encoding: .utf8)
        #expect(page.contains("What took the time") && page.contains("class=\"critical"))
    }

    @Test("a run that was refused does not hide the one before")
    func refused() throws {
        let terminal = try Terminal()
        try terminal.write(
            """
            name: done
            tasks: [{id: a, command: 'true', seconds: 0.1, cpus: 0.25}]
            pool: [{type: w, cpus: 0.5, memory: 100 MB, price: 0.1, count: 1}]
            """, to: "done.yaml")
        #expect(try terminal.almanac("run", "done.yaml", "--cpus", "1", "--pool").exitCode == 0)
        #expect(try terminal.almanac("run", "done.yaml", "--cpus", "0.25", "--pool").exitCode == 2)
        let found = try terminal.almanac("status", "done.yaml")
        #expect(found.output.contains("done/1: succeeded"), "\(found.errors)")
    }
}
