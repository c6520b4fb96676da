import Foundation
import Testing

@Suite("Every command", .enabled(if: Terminal.isBuilt, "build the release binary first, or name one in ALMANAC_BINARY"))
struct EveryCommandTests {
    private static let golden = Terminal.repository.appendingPathComponent("Tests/CommandLineTests/golden")

    /// The words before the options of every command, subcommands included.
    private static let commands: [[String]] = {
        guard Terminal.isBuilt, let terminal = try? Terminal() else { return [] }
        func below(_ command: [String]) -> [[String]] {
            let help = (try? terminal.start(command + ["--help"]).wait().output) ?? ""
            guard let start = help.range(of: "SUBCOMMANDS:\n") else { return [command] }
            let names = help[start.upperBound...].split(separator: "\n").filter {
                $0.hasPrefix("  ") && $0.dropFirst(2).first?.isLowercase == true
            }
            return [command] + names.flatMap { below(command + [String($0.split(separator: " ")[0])]) }
        }
        return below([])
    }()

    @Test("prints the help that is on file; ALMANAC_REWRITE=1 rewrites it", arguments: commands)
    func help(command: [String]) throws {
        let answer = try Terminal().start(command + ["--help"]).wait()
        #expect(answer.exitCode == 0 && answer.errors.isEmpty)
        // The default of --threads is that of the machine.
        let text = answer.output.replacing(
            "(default: \(ProcessInfo.processInfo.activeProcessorCount))", with: "(default: N)")
        let file = Self.golden.appendingPathComponent((["almanac"] + command).joined(separator: "-") + ".txt")
        if Terminal.environment["ALMANAC_REWRITE"] == "1" {
            try FileManager.default.createDirectory(at: Self.golden, withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        let expected = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        #expect(text == expected, "run the tests with ALMANAC_REWRITE=1 if this is meant to be so")
    }

    @Test("refuses options that it does not know, with exit code 2", arguments: commands)
    func unknownOption(command: [String]) throws {
        let answer = try Terminal().start(command + ["--no-such-option"]).wait()
        #expect(answer.exitCode == 2)
        #expect(answer.output.isEmpty && answer.errors.contains("Usage: almanac"))
    }

    @Test("refuses --threads 0", arguments: [["doctor"], ["train"], ["evaluate"], ["outcomes"]])
    func noThreads(command: [String]) throws {
        let answer = try Terminal().start(command + ["--threads", "0"]).wait()
        #expect(answer.exitCode == 2)
        #expect(answer.errors.contains("expected 1 to 1024"))
    }

    @Test(
        "does not make a store that it was asked to read",
        arguments: [["outcomes"], ["outcomes", "export"], ["train"], ["evaluate"], ["retrain"]])
    func missingStore(command: [String]) throws {
        let terminal = try Terminal()
        let answer = try terminal.start(command + ["--store", "mistyped"]).wait()
        #expect(answer.exitCode == 2)
        #expect(answer.errors.contains("mistyped: there is no trace store"), "\(answer.errors)")
        #expect(!FileManager.default.fileExists(atPath: terminal.path("mistyped")))
    }

    @Test("prints JSON and nothing else with --json, and is quiet with --quiet")
    func machineReadable() throws {
        let terminal = try Terminal()
        try terminal.write(executionsCSV(rows: 90), to: "a.csv")
        try terminal.write("tasks:\n  - {id: a, command: 'true', seconds: 1}\n", to: "job.yaml")
        try terminal.write("tasks:\n  - {id: a, command: 'true', seconds: 9, deadline: 1s}\n", to: "late.yaml")
        let rows = (0..<20).map { "2026-01-01T\($0 < 10 ? "0" : "")\($0):00:00Z,\($0 * 7 % 5 + 3)\n" }
        try terminal.write("time,value\n" + rows.joined(), to: "series.csv")
        let catalog = Terminal.repository.appendingPathComponent("datasets/catalog.yaml").path
        for command in [
            ["import", "csv", "a.csv"], ["import", "csv", "nowhere.csv"], ["outcomes", "--all"],
            ["outcomes", "export", "--all"], ["outcomes", "export", "--all", "out.csv"], ["train", "--trees", "5"],
            ["evaluate"], ["predict", "models/runtime.safetensors", "--type", "unseen"],
            ["model", "show", "models/runtime.safetensors"], ["plan", "job.yaml"], ["plan", "job.yaml", "--front"],
            ["plan", "job.yaml", "--explain", "a"], ["dag", "show", "job.yaml"],
            ["run", "job.yaml"], ["status", "job.yaml"], ["retrain"], ["doctor"],
            ["datasets", "list", "--catalog", catalog], ["plan", "job.yaml", "--policy", "show"],
            ["plan", "late.yaml"],
            ["simulate", "job.yaml", "--runs", "2", "--what-if", "noise=0.1"],
            ["simulate", "job.yaml", "late.yaml", "--runs", "2"], ["replay", ".almanac/runs/job/1"], ["report"],
            ["report", "cost"], ["report", "cost", "--by", "task"],
            ["forecast", "series.csv", "--horizon", "2"], ["export", "nextflow"], ["export", "slurm"],
            ["export", "snakemake"], ["outcomes", "instances"], ["outcomes", "series"],
        ] {
            let json = try terminal.start(command + ["--json"]).wait()
            #expect(json.json != nil, "\(command): \(json.output.prefix(200)) \(json.errors)")
            #expect(json.output.firstMatch(of: /"(-?Infinity|NaN)"/) == nil, "\(command)")
            let wrong = json.json.map { Self.foreignKeys($0) } ?? []
            #expect(wrong.isEmpty, "\(command): \(wrong)")
            let quiet = try terminal.start(command + ["--quiet"]).wait()
            #expect(quiet.exitCode == json.exitCode, "\(command)")
            #expect(quiet.exitCode != 0 || quiet.errors.isEmpty, "\(command): \(quiet.errors)")
        }
    }

    /// Keys that are not in snake_case, but for `param.` columns and what a model file says of itself.
    private static func foreignKeys(_ value: Any) -> [String] {
        if let list = value as? [Any] { return list.flatMap { foreignKeys($0) } }
        guard let object = value as? [String: Any] else { return [] }
        return object.flatMap { key, value -> [String] in
            if key == "metadata" || key.hasPrefix("param.") { return [] }
            return (key.wholeMatch(of: /[a-z0-9_]+/) == nil ? [key] : []) + foreignKeys(value)
        }
    }

    @Test("a full device for the output is an error, a reader that leaves is none")
    func output() throws {
        let terminal = try Terminal()
        try terminal.write(executionsCSV(rows: 5000), to: "a.csv")
        _ = try terminal.almanac("import", "csv", "a.csv")
        for command in ["outcomes list --all --last 0", "outcomes export --all"] {
            let full = try terminal.shell("almanac \(command) > /dev/full")
            #expect(full.exitCode == 1)
            #expect(full.errors.contains("No space left on device"))
            let left = try terminal.shell("almanac \(command) | head -n 1")
            #expect(left.errors.isEmpty)
            #expect(left.output.split(separator: "\n").count == 1)
        }
    }

    @Test("says its version, and what there is without arguments")
    func root() throws {
        let terminal = try Terminal()
        #expect(try terminal.almanac("--version").output.split(separator: ".").count == 3)
        #expect(try terminal.almanac().output.contains("SUBCOMMANDS"))
        #expect(try terminal.almanac("bogus").exitCode == 2)
    }
}
