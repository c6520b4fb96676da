import Foundation
import FoundationXML
import Testing

@Suite("Pictures and explanations", .enabled(if: Terminal.isBuilt, "build the release binary first"))
struct PictureTests {
    private static let job = """
        name: diamond
        tasks:
          - {id: split, command: 'true', seconds: 60}
          - {id: left, needs: [split], command: 'true', seconds: 120}
          - {id: right, needs: [split], command: 'true', seconds: 60}
          - {id: merge, needs: [left, right, split], command: 'true', seconds: 30}
        pool:
          - {type: small, cpus: 1, memory: 2 GiB, price: 0.04, count: 2}
          - {type: large, cpus: 1, memory: 8 GiB, price: 0.20, speed: 2}
        """

    @Test(
        "a graph, a plan and a front are drawn",
        arguments: [
            (["dag", "show", "job.yaml"], ["diamond: 4 tasks, 5 edges", "merge"]),
            (["dag", "show", "job.yaml", "--reduce"], ["diamond: 4 tasks, 4 edges"]),
            (["plan", "job.yaml", "--objective", "time"], ["diamond: 1m 45s for", "split (split) on"]),
            (["plan", "job.yaml", "--front", "--budget", "0.01"], ["diamond: fast against cheap", "budget"]),
        ])
    func pictures(command: [String], texts: [String]) throws {
        let terminal = try Terminal()
        try terminal.write(Self.job, to: "job.yaml")
        let answer = try terminal.start(command + ["--svg", "picture.svg"]).wait()
        #expect(answer.exitCode == 0, "\(answer.errors)")
        let svg = try String(contentsOfFile: terminal.path("picture.svg"), encoding: .utf8)
        #expect(XMLParser(data: Data(svg.utf8)).parse())
        for text in texts { #expect(svg.contains(text), "\(text)") }
    }

    @Test("a graph is summed up, and the needless edge named")
    func graph() throws {
        let terminal = try Terminal()
        try terminal.write(Self.job, to: "job.yaml")
        let text = try terminal.almanac("dag", "show", "job.yaml").output
        #expect(text.contains("diamond: 4 tasks, 5 edges, 3 levels"))
        #expect(text.contains("work 4m 30s, critical path 3m 30s, at most 2 at once, 1.3 on average"))
        #expect(text.contains("1 edge could go, as others say the same (--reduce): split → merge"))
    }

    @Test("many tasks are drawn as one, and a file has what --json prints")
    func groups() throws {
        let terminal = try Terminal()
        try terminal.write(
            """
            tasks:
              - {id: "part-${n}", foreach: {n: [\((1...400).map(String.init).joined(separator: ", "))]}, type: part, seconds: 1}
              - {id: join, needs: ["part-*"], seconds: 2}
            """, to: "wide.yaml")
        let json = try terminal.almanac(
            "dag", "show", "wide.yaml", "--svg", "wide.svg", "--output", "wide.json", "--json"
        ).output
        let svg = try String(contentsOfFile: terminal.path("wide.svg"), encoding: .utf8)
        #expect(svg.contains("part × 400") && svg.contains("Tasks of one type and of one level are drawn as one"))
        #expect(try String(contentsOfFile: terminal.path("wide.json"), encoding: .utf8) == json)
    }

    @Test("a pipe is written to, and not replaced by a file")
    func pipe() throws {
        let terminal = try Terminal()
        try terminal.write(Self.job, to: "job.yaml")
        let answer = try terminal.shell(
            "mkfifo pipe; cat pipe > copy & almanac dag show job.yaml --svg pipe -q > shown; wait; test -p pipe && echo kept"
        )
        #expect(answer.output == "kept\n", "\(answer.errors)")
        #expect(terminal.lines("copy").first?.hasPrefix("<svg") == true)
    }

    @Test("a task is explained; one that is not there is an error")
    func explanation() throws {
        let terminal = try Terminal()
        try terminal.write(Self.job, to: "job.yaml")
        let text = try terminal.almanac("plan", "job.yaml", "--objective", "time", "--explain", "merge").output
        #expect(text.contains("on the critical path"))
        #expect(text.contains("waits for the result of left"))
        let wrong = try terminal.almanac("plan", "job.yaml", "--explain", "mergs")
        #expect(wrong.exitCode == 2 && wrong.errors.contains("Did you mean 'merge'?"))
    }
}
