import Foundation
import Testing

/// A temporary folder in which the binary is run as a person at a terminal would; removed with the value.
final class Terminal: Sendable {
    /// What a command left behind.
    struct Answer {
        var exitCode: Int32
        var output: String
        var errors: String

        /// The output as JSON: an array or an object and nothing else; `nil` otherwise.
        var json: Any? { try? JSONSerialization.jsonObject(with: Data(output.utf8)) }
        var objects: [[String: Any]] { json as? [[String: Any]] ?? [] }
    }

    static let environment = ProcessInfo.processInfo.environment

    /// The folder of the package, also where its `Tests` folder is reached through a link.
    static let repository = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static let binary =
        environment["ALMANAC_BINARY"] ?? repository.appendingPathComponent(".build/release/almanac").path

    static var isBuilt: Bool { FileManager.default.isExecutableFile(atPath: binary) }

    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("command-line-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    func write(_ text: String, to name: String) throws { try write(Data(text.utf8), to: name) }

    func write(_ data: Data, to name: String) throws { try data.write(to: folder.appendingPathComponent(name)) }

    func data(_ name: String) throws -> Data { try Data(contentsOf: folder.appendingPathComponent(name)) }

    /// The lines of a file; none if there is no file.
    func lines(_ name: String) -> [String] {
        guard let data = try? data(name) else { return [] }
        return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// Starts `almanac` without waiting for it.
    func start(_ arguments: [String]) throws -> Running {
        try Running(["/usr/bin/env", "--default-signal", Self.binary] + arguments, in: self)
    }

    /// Starts a line of shell without waiting for it.
    func startShell(_ text: String) throws -> Running {
        try Running(["/usr/bin/env", "--default-signal", "bash", "--norc", "-c", text], in: self)
    }

    /// Runs `almanac` to its end.
    func almanac(_ arguments: String..., timeoutSeconds: Double = 120) throws -> Answer {
        try start(arguments).wait(timeoutSeconds: timeoutSeconds)
    }

    /// Runs a line of shell in which `almanac` is the binary.
    func shell(_ text: String, timeoutSeconds: Double = 120) throws -> Answer {
        let script = "almanac() { '\(Self.binary)' \"$@\"; }\n\(text)"
        return try Running(["/usr/bin/env", "--default-signal", "bash", "--norc", "-c", script], in: self)
            .wait(timeoutSeconds: timeoutSeconds)
    }
}

/// A process that was started; its output goes to files, so that it never waits for us.
final class Running {
    private let process = Process()
    private let terminal: Terminal
    private let outputs: [URL]

    init(_ command: [String], in terminal: Terminal) throws {
        self.terminal = terminal
        let folder = terminal.folder
        let id = UUID().uuidString
        outputs = ["output", "errors"].map { folder.appendingPathComponent(".\($0)-\(id)") }
        for output in outputs { try Data().write(to: output) }
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        process.currentDirectoryURL = folder
        process.environment = Terminal.environment.filter { ["PATH", "LD_LIBRARY_PATH"].contains($0.key) }
            .merging(["HOME": folder.path, "TZ": "UTC", "LC_ALL": "C", "COLUMNS": "100"]) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: outputs[0])
        process.standardError = try FileHandle(forWritingTo: outputs[1])
        try process.run()
    }

    /// Sends a signal.
    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// Waits for the end; a process that takes too long is killed and fails the test.
    func wait(timeoutSeconds: Double = 120) throws -> Terminal.Answer {
        // The folder goes with the terminal, and an optimised build may let go of it before the outputs are read.
        defer { withExtendedLifetime(terminal) {} }
        let end = Date(timeIntervalSinceNow: timeoutSeconds)
        while process.isRunning, Date() < end { usleep(2000) }
        if process.isRunning {
            Issue.record("\(process.arguments ?? []) takes longer than \(timeoutSeconds) s")
            signal(SIGKILL)
        }
        process.waitUntilExit()
        let texts = try outputs.map { String(decoding: try Data(contentsOf: $0), as: UTF8.self) }
        let code = process.terminationReason == .uncaughtSignal ? 128 : 0
        return Terminal.Answer(
            exitCode: process.terminationStatus + Int32(code), output: texts[0], errors: texts[1])
    }
}

/// Waits until something is true, at most a minute.
func eventually(_ condition: () -> Bool) -> Bool {
    let end = Date(timeIntervalSinceNow: 60)
    while Date() < end {
        if condition() { return true }
        usleep(5000)
    }
    return false
}

/// A folder on a small disk of its own, which only the superuser can make.
final class SmallDisk {
    let folder: URL

    init?(kilobytes: Int) {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("small-disk-\(UUID().uuidString)")
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        guard Self.run("mount", "-t", "tmpfs", "-o", "size=\(kilobytes)k", "tmpfs", folder.path) else {
            try? FileManager.default.removeItem(at: folder)
            return nil
        }
    }

    deinit {
        _ = Self.run("umount", "-l", folder.path)
        try? FileManager.default.removeItem(at: folder)
    }

    static let isPossible = SmallDisk(kilobytes: 64) != nil

    private static func run(_ command: String...) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}

/// Executions in the trace schema: run time grows with the input, memory does not.
func executionsCSV(rows: Int) -> String {
    var text = "workflow,job,task,task_type,attempt,runtime_seconds,peak_memory_bytes,input_bytes,status\n"
    for row in 0..<rows {
        let size = 1 + row * 7919 % 1000
        text += "w,j,t\(row),type\(row % 3),1,\(Double(size) / 10 + 5),\(100_000_000 + row % 11),\(size)000,completed\n"
    }
    return text
}
