import Foundation
import Testing

@Suite("Notebook files") struct NotebookFileTests {
    @Test("commands, continuations and outputs are told apart")
    func parses() throws {
        let notebook = try Notebook(
            """
            # Title
            ```console
            $ echo a \\
                b
            a b
            $ cat <<END
            > x
            > END
            x
            ```
            ```swift
            $ not a command
            ```
            """)
        #expect(notebook.commands.map(\.text) == ["echo a \\\n    b", "cat <<END\nx\nEND"])
        #expect(notebook.commands.map(\.line) == [3, 6])
        #expect(notebook.commands.map(notebook.expectedOutput) == [["a b"], ["x"]])
    }

    @Test("a directive holds for the next block only")
    func directives() throws {
        let notebook = try Notebook(
            """
            <!-- test: tolerance=0.3, exit=3 -->

            ```console
            $ one
            ```
            <!-- test: no-run -->
            text between
            ```console
            $ two
            ```
            <!-- test: skip-output -->
            ```console
            $ three
            ```
            """)
        let directives = notebook.commands.map(\.directives)
        #expect(directives.map(\.tolerance) == [0.3, 0.15, 0.15])
        #expect(directives.map(\.exitStatus) == [3, 0, 0])
        #expect(directives.map(\.isRun) == [true, true, true])
        #expect(directives.map(\.comparesOutput) == [true, true, false])
    }

    @Test("mistakes name their line")
    func mistakes() {
        #expect(throws: Notebook.Failure.unknownDirective(line: 2, found: "tolerence=2")) {
            try Notebook("\n<!-- test: tolerence=2 -->")
        }
        #expect(throws: Notebook.Failure.outputBeforeCommand(line: 2)) { try Notebook("```console\noutput\n```") }
        #expect(throws: Notebook.Failure.unclosedBlock(line: 1)) { try Notebook("```console\n$ a") }
    }
}

@Suite("Comparison of outputs") struct OutputComparisonTests {
    private static func agree(_ expected: String, _ actual: String, _ tolerance: Double = 0.15) -> Bool {
        let lines = { (text: String) in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) }
        return OutputComparison(tolerance: tolerance).difference(expected: lines(expected), actual: lines(actual))
            == nil
    }

    @Test(
        "outputs that say the same agree",
        arguments: [
            ("error 0.20", "error 0.22"), ("error 12 %", "error 13 %"), ("12,000 rows", "13000 rows"), ("0.00", "0.01"),
            ("-1.5e3", "-1.4e3"), ("a   b", "a b  "), ("────── x", "──────── x"),
            ("at 2024-01-01 10:00:00", "at 2026-11-21 09:12:30"),
            ("2024-01-01T10:00:00Z", "2026-11-21T09:12:30Z"), ("wrote /tmp/a/report.html", "wrote ./report.html"),
            ("a\n…\nd", "a\nb\nc\nd"), ("a\n…", "a"), ("took … s", "took 0.3 s"), ("id …", "id x y z"),
            ("…", ""), ("\na\n\n", "a"), ("$0.031/h", "$0.03/h"), ("(12)", "(13)"), ("−5", "-5"),
            ("3 tasks", "3 tasks"),
        ])
    func agrees(expected: String, actual: String) { #expect(Self.agree(expected, actual)) }

    @Test(
        "outputs that differ do not agree",
        arguments: [
            ("error 0.20", "error 0.25"), ("3 tasks", "4 tasks"), ("m5.large", "m6.large"),
            ("us-east-1a", "us-east-2a"),
            ("a", "b"), ("a\nb", "a"), ("a", "a\nb"), ("a\n…\nd", "a\nb\nc"), ("took … s", "took 3 h"), ("5", "-5"),
            ("0", "1"), ("nan", "0.1"), ("task12 ok", "task13 ok"), ("wrote ./a.html", "wrote ./b.html"), ("", "a"),
            ("12:00", "12"), ("x 1", "x"),
        ])
    func differs(expected: String, actual: String) { #expect(!Self.agree(expected, actual)) }

    @Test("the tolerance is as told") func tolerance() {
        #expect(Self.agree("10 ms", "19 ms", 1))
        #expect(!Self.agree("10.00 ms", "10.02 ms", 0.0001))
    }

    @Test("a difference shows the lines around it") func difference() {
        let text = OutputComparison().difference(expected: ["a", "5 b", "c"], actual: ["a", "9 b", "c"])
        #expect(text == "  a\n- 5 b\n+ 9 b\n  c")
        let wild = OutputComparison().difference(expected: ["…", "5 b"], actual: ["a", "9 b"])
        #expect(wild == "  …\n- 5 b\n+ 9 b")
    }
}

@Suite("Notebook runner") struct NotebookRunnerTests {
    /// A shell script stands in for the binary.
    private func check(_ text: String, timeoutSeconds: Int = 120) throws -> (problems: [String], rewritten: String) {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("runner-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let data = folder.appendingPathComponent("datasets")
        try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
        try "1,2\n".write(to: data.appendingPathComponent("a.csv"), atomically: true, encoding: .utf8)
        let binary = folder.appendingPathComponent("almanac-double")
        try "#!/bin/sh\necho error 0.20 \"$@\"\n".write(to: binary, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: binary.path)
        let runner = NotebookRunner(binary: binary, repository: folder, timeoutSeconds: timeoutSeconds)
        return try runner.check(try Notebook(text), named: "n.md")
    }

    @Test("a true notebook passes, and later commands see what earlier ones did") func passes() throws {
        let text = """
            ```console
            $ almanac train \\
                --seed 1
            error 0.21 train --seed 1
            $ X=3; cd datasets
            $ cat a.csv; echo $X $TZ $NO_COLOR; pwd
            1,2
            3 UTC 1
            ./datasets
            ```
            <!-- test: exit=3 -->
            ```console
            $ (echo infeasible >&2; exit 3)
            infeasible
            ```
            <!-- test: no-run -->
            ```console
            $ rm -rf everything
            ```
            <!-- test: skip-output -->
            ```console
            $ date
            whenever
            ```
            """
        #expect(try check(text).problems == [])
    }

    @Test("a wrong output fails with file, line and difference") func wrongOutput() throws {
        let problems = try check("text\n```console\n$ almanac x\nerror 0.90 x\n$ echo fine\nfine\n```\n").problems
        #expect(problems == ["n.md:3: $ almanac x\n- error 0.90 x\n+ error 0.20 x"])
    }

    @Test("a failing command fails and stops the notebook") func failure() throws {
        let problems = try check("```console\n$ echo a\na\n$ false\n$ echo b\nb\n```").problems
        #expect(problems.count == 1)
        #expect(problems.first?.hasPrefix("n.md:4: $ false\nfailed, exit status 1") == true)
        #expect(try check("```console\n$ false | cat\n```").problems.count == 1)
        #expect(try check("<!-- test: exit=2 -->\n```console\n$ true\n```").problems.isEmpty == false)
    }

    @Test("a command that never ends is stopped") func timeout() throws {
        let problems = try check("```console\n$ sleep 60\n```", timeoutSeconds: 1).problems
        #expect(problems.first?.contains("took longer than 1 s") == true)
    }

    @Test("rewriting puts true outputs in place and keeps wildcards that match") func rewrites() throws {
        let text = "a\n```console\n$ almanac x\nerror 0.21 x\n$ echo 1 2; echo 3\n1 …\n3\n$ echo new\n```\nb\n"
        let expected = "a\n```console\n$ almanac x\nerror 0.20 x\n$ echo 1 2; echo 3\n1 …\n3\n$ echo new\nnew\n```\nb\n"
        #expect(try check(text).rewritten == expected)
    }
}
