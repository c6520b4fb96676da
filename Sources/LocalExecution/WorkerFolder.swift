package import Execution
package import Foundation
import Glibc
import Workloads

/// The folder through which a run and those that work for it elsewhere know of each other. All of them see it.
package struct WorkerFolder: Sendable {
    /// What a worker has to know.
    package struct Settings: Codable, Sendable {
        /// Where commands run.
        package var directory: String
        package var graceSeconds: Double
        package var sampleSeconds: Double
        package var seriesSeconds: Double?
        /// Where the process listens that drives the run; `nil` if it does not.
        package var address: String?
        package var port: UInt16?
        /// Who says it belongs to the run.
        package var token: String
        /// How many processes worked on the run.
        package var life = 1
        /// After so long without that process a worker ends.
        package var patienceSeconds: Double

        package init(
            directory: String, graceSeconds: Double, sampleSeconds: Double, seriesSeconds: Double?, token: String
        ) {
            (self.directory, self.graceSeconds, self.sampleSeconds) = (directory, graceSeconds, sampleSeconds)
            (self.seriesSeconds, self.token, patienceSeconds) = (seriesSeconds, token, 600)
        }
    }

    /// What the end of an attempt leaves: that there is such a file says that the attempt is over.
    package struct End {
        package var report: Shepherd.Report
        package var host: String?
        /// Whether a shepherd measured it, not a shell.
        package var isMeasured: Bool
    }

    package let path: String

    /// The folder of the outputs of attempts.
    package let attempts: String

    package init(inRunFolder folder: String) { (path, attempts) = (folder + "/workers", folder + "/attempts") }

    /// Of a folder that exists.
    package init(_ path: String) {
        let parent = path.hasSuffix("/workers") ? String(path.dropLast("/workers".count)) : path + "/.."
        (self.path, attempts) = (path, parent + "/attempts")
    }

    package func make() throws(ExecutionError) {
        try makeFolder(path + "/ended")
        try makeFolder(attempts)
    }

    package var settings: Settings? {
        contents(ofFile: path + "/settings.json").flatMap {
            try? JSONDecoder().decode(Settings.self, from: Data($0.utf8))
        }
    }

    /// Only its owner may read the token.
    package func keep(_ settings: Settings) throws {
        try write(JSONEncoder().encode(settings), to: "settings.json", mode: 0o600)
    }

    /// Puts a file into the folder, whole or not at all.
    package func write(_ data: Data, to name: String, mode: mode_t = 0o644) throws(ExecutionError) {
        let (new, file) = ("\(path)/\(name).new\(getpid())", "\(path)/\(name)")
        let fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard fd >= 0 else { throw .lastError("write", new) }
        defer { close(fd) }
        var rest = Array(data)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(fd, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .lastError("write", new) }
            rest = rest.dropFirst(count)
        }
        guard fsync(fd) == 0, rename(new, file) == 0 else { throw .lastError("write", file) }
    }

    /// Writes down that an attempt is over, in one step.
    package func end(_ name: String, report: String) throws(ExecutionError) {
        let line = report.prefix { $0 != "\n" }
        let host = ProcessInfo.processInfo.environment["SLURMD_NODENAME"] ?? InstanceType.hostName
        try write(Data("\(line)\n\(host)\nmeasured\n".utf8), to: "ended/\(name)")
    }

    /// The end of an attempt; `nil` if it is not over.
    package func end(of name: String) -> End? {
        guard let text = contents(ofFile: "\(path)/ended/\(name)") else { return nil }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 3, let report = Shepherd.Report(String(lines[0]) + "\n") else { return nil }
        return End(report: report, host: lines[1].isEmpty ? nil : String(lines[1]), isMeasured: lines[2] == "measured")
    }

    /// Attempts that are over, by the names of their files.
    package var ended: [String] {
        names(in: path + "/ended").filter { !$0.contains(".new") }
    }

    /// Forgets the end of an attempt: it is in the journal.
    package func forget(_ name: String) {
        unlink("\(path)/ended/\(name)")
        Shepherd.Files(name: name, folder: attempts).tidy()
    }

    package func names(in folder: String) -> [String] {
        guard let open = opendir(folder) else { return [] }
        defer { closedir(open) }
        var names: [String] = []
        while let entry = readdir(open) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
