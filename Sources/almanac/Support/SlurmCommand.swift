import Foundation
import Reading
import Traces
import Workloads

/// Slurm's own commands.
enum SlurmCommand {
    /// What `sacct` prints about the jobs since then.
    ///
    /// - Parameter since: A length of time (`7d`), or a date as Slurm reads it.
    /// - Throws: ``Failure`` if there is no `sacct` on the PATH, or it fails; its own words are in the error.
    static func accounting(since: String, allUsers: Bool) throws -> ByteSource {
        let start: String
        if let seconds = Units.parseSeconds(since), !since.contains(":"), Double(since) == nil {
            start = "now-\(Int(min(seconds, 1e9).rounded(.up)))seconds"
        } else if since.wholeMatch(of: /\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?)?/) != nil {
            start = since
        } else {
            throw Failure.input(
                "--since is '\(since)', expected a length of time such as 7d or 12h, or a day such as 2026-01-31.")
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            ["sacct", "--starttime", start] + (allUsers ? ["--allusers"] : []) + ExecutionFormat.sacctArguments
        var environment = ProcessInfo.processInfo.environment
        environment["SLURM_TIME_FORMAT"] = "standard"
        process.environment = environment
        let (output, errors) = (Pipe(), Pipe())
        (process.standardOutput, process.standardError) = (output, errors)
        try process.run()
        let complaint = Collected()
        // Both pipes are emptied, so that neither can fill up and stop it.
        let reading = Thread { complaint.set(errors.fileHandleForReading.readDataToEndOfFile()) }
        reading.start()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let said = complaint.wait()
        guard process.terminationStatus != 127 else {
            throw Failure.input(
                "There is no 'sacct' on this machine's PATH. Run this where Slurm's commands are, and import its output here: "
                    + (ExecutionFormat.slurm.recipe ?? ""))
        }
        guard process.terminationStatus == 0 else {
            let words = String(decoding: said.prefix(500), as: UTF8.self).split(whereSeparator: \.isNewline)
            throw Failure.work(
                "sacct failed (exit code \(process.terminationStatus)): \(words.joined(separator: "; "))")
        }
        return try ByteSource(bytes: Array(text), name: "sacct --starttime \(start)")
    }

    /// What another thread reads.
    private final class Collected: @unchecked Sendable {
        private let done = DispatchSemaphore(value: 0)
        private var data = Data()

        func set(_ value: Data) {
            data = value
            done.signal()
        }

        func wait() -> Data {
            done.wait()
            return data
        }
    }
}
