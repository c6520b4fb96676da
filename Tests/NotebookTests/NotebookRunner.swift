import Foundation

/// Runs a notebook in a fresh folder, in one shell, so that a command sees what the commands above it did.
struct NotebookRunner {
    /// The `almanac` binary that the commands find on their path.
    var binary: URL
    /// The folder whose `datasets`, `models` and `examples` the commands see copies of.
    var repository: URL
    var timeoutSeconds = 300

    struct Result {
        /// The output of every command that ran, in order.
        var outputs: [[String]]
        var exitStatus: Int32
    }

    /// What is wrong with the notebook, one message per command with file, line and difference, and its text with
    /// the true outputs in place.
    func check(_ notebook: Notebook, named name: String) throws -> (problems: [String], rewritten: String) {
        let commands = notebook.commands.filter(\.directives.isRun)
        guard !commands.isEmpty else { return ([], notebook.lines.joined(separator: "\n")) }
        let result = try run(commands)
        var problems: [String] = []
        var replacements: [(command: Notebook.Command, output: [String])] = []
        for (command, output) in zip(commands, result.outputs) where command.directives.comparesOutput {
            let expected = notebook.expectedOutput(of: command)
            let comparison = OutputComparison(tolerance: command.directives.tolerance)
            let difference = comparison.difference(expected: expected, actual: output)
            if let difference {
                problems.append("\(name):\(command.line): $ \(command.text)\n\(difference)")
            }
            // A matching output with wildcards is what its author wants to show.
            if difference != nil || !expected.contains(where: { $0.contains("…") }) {
                replacements.append((command, output))
            }
        }
        if result.exitStatus != 0 || result.outputs.count < commands.count {
            let last = commands[max(0, min(result.outputs.count, commands.count) - 1)]
            let reason = result.exitStatus == 124 ? "took longer than \(timeoutSeconds) s" : "failed"
            let output = result.outputs.last?.joined(separator: "\n") ?? ""
            problems.append(
                "\(name):\(last.line): $ \(last.text)\n\(reason), exit status \(result.exitStatus); the notebook stops\n\(output)"
            )
            replacements.removeAll { $0.command == last }
        }
        return (problems, notebook.replacing(replacements))
    }
}

extension NotebookRunner {
    private static let separator = "\u{1E}command"

    func run(_ commands: [Notebook.Command]) throws -> Result {
        let files = FileManager.default
        let folder = files.temporaryDirectory.appendingPathComponent("notebook-\(UUID().uuidString)")
        defer { try? files.removeItem(at: folder) }
        let work = folder.appendingPathComponent("almanac")
        let tools = folder.appendingPathComponent("bin")
        try files.createDirectory(at: work, withIntermediateDirectories: true)
        try files.createDirectory(at: tools, withIntermediateDirectories: true)
        try files.createSymbolicLink(at: tools.appendingPathComponent("almanac"), withDestinationURL: binary)
        for name in ["datasets", "models", "examples"] {
            let source = repository.appendingPathComponent(name)
            guard files.fileExists(atPath: source.path) else { continue }
            try files.copyItem(at: source, to: work.appendingPathComponent(name))
        }
        let script = folder.appendingPathComponent("script")
        let output = folder.appendingPathComponent("output")
        try Self.script(commands, output: output).write(to: script, atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        // Swift's threads block signals, and children inherit that: `env` lets the commands be interrupted again.
        process.arguments = [
            "--default-signal", "timeout", "-k", "5", "\(timeoutSeconds)", "bash", "--norc", script.path,
        ]
        process.currentDirectoryURL = work
        process.environment = Self.environment(tools: tools, home: folder)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        let text = String(decoding: try Data(contentsOf: output), as: UTF8.self)
        return Result(outputs: Self.outputs(text, work: work.path), exitStatus: process.terminationStatus)
    }

    /// Every command is announced in the output; `bash -e` stops at the first that fails unexpectedly.
    private static func script(_ commands: [Notebook.Command], output: URL) -> String {
        let steps = commands.map { command in
            let announced = "printf '\\n\(separator)\\n'\n"
            let status = command.directives.exitStatus
            guard status != 0 else { return announced + command.text + "\n" }
            return announced + "set +e\n\(command.text)\n__status=$?\nset -e\n"
                + "[ $__status -eq \(status) ] || { echo \"exit status $__status, expected \(status)\"; exit 1; }\n"
        }
        return "exec >>'\(output.path)' 2>&1\nset -e -o pipefail\n" + steps.joined()
    }

    private static func environment(tools: URL, home: URL) -> [String: String] {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        return [
            "PATH": tools.path + ":" + path, "HOME": home.path, "NO_COLOR": "1", "TZ": "UTC", "LC_ALL": "C",
            "TERM": "dumb", "COLUMNS": "100",
        ]
    }

    /// Cuts the shell's output at the announcements. The working folder is shown as `.`.
    private static func outputs(_ text: String, work: String) -> [[String]] {
        text.replacing("/private" + work, with: ".").replacing(work, with: ".")
            .split(separator: separator + "\n", omittingEmptySubsequences: false).dropFirst()
            .map { part in
                let lines = part.split(separator: "\n", omittingEmptySubsequences: false)
                return lines.map(String.init).reversed().drop { $0.isEmpty }.reversed()
            }
    }
}
