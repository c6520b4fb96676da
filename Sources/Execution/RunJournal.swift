import Allocation
import CShepherd
import Foundation
import Glibc
package import Workloads

/// The log of a run as a file: one JSON object a line, appended and synchronised to disk.
///
/// The first line says which job this is. The others hold a fact each, as `Fact` writes it; that of a start names task and
/// attempt besides, that of an end has the outcome with it.
package struct RunJournal: RunLog {
    /// One line, of this or the first version.
    package struct Line: Codable {
        package enum Kind: String, Codable {
            /// The first line: which job this is.
            case run
            /// A later process goes on.
            case resume
            /// An attempt is about to start.
            case start
            /// An attempt has ended.
            case outcome
            /// Anything else that happened or was decided.
            case fact
            /// Of the first version.
            case reported, end
        }

        package var kind: Kind
        package var fact: String?
        package var version: Int?
        package var workflow: String?
        package var job: String?
        package var digest: String?
        package var taskCount: Int?
        package var timeSeconds: Double?
        var outcome: StoredOutcome?
        /// The file of what the decisions of this process follow from.
        package var setup: String?
        // Of the first version.
        package var task: TaskID?
        package var attempt: Int?
        package var cpus: Double?
        package var memoryBytes: Double?
        package var timeLimitSeconds: Double?

        package init(_ kind: Kind) { self.kind = kind }
    }

    package static let version = 2

    package static func path(in folder: String) -> String { folder + "/journal.jsonl" }

    /// The first line; `nil` in a new journal.
    package private(set) var header: Line?

    /// The processes that worked on the run: the first entry of each, and its setup.
    package private(set) var lives: [(firstEntry: Int, setup: String?)] = []

    private let path: String
    private let fd: Int32
    /// `nil` if it is only read.
    private let graph: TaskGraph?
    private var found: [LogEntry] = []
    /// The line of every entry found, from 1.
    private var lines: [Int] = []
    private var pending: [UInt8] = []
    /// Bytes written, and bytes for which there is room on the disk.
    private var length = 0
    private var reserved = 0

    /// Bytes of room that are kept ahead, for what is to be said of attempts that end while the disk is full.
    private static let reserve = 64 << 10
    private let encoder = JSONEncoder()

    /// Opens or makes the journal of a job for appending, locks it for this process, and reads what it holds. A last line
    /// without an end is cut off; a journal of the first version is written anew in this one.
    package init(_ path: String, folder: String, graph: TaskGraph) throws(ExecutionError) {
        (self.path, self.graph) = (path, graph)
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        fd = try Self.open(path, folder: folder)
        do { try read() } catch {
            Glibc.close(fd)
            throw error
        }
    }

    /// Reads a journal that another process may be writing.
    package init(reading path: String) throws(ExecutionError) {
        (self.path, graph) = (path, nil)
        fd = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { throw .lastError("open", path) }
        defer { Glibc.close(fd) }
        try read()
    }

    /// Whether there is a run in a folder of which not all tasks have succeeded.
    package static func isUnfinished(inRunFolder folder: String) -> Bool {
        guard let journal = try? RunJournal(reading: path(in: folder)) else { return false }
        return journal.finishedTasks.count < journal.header?.taskCount ?? 0
    }

    /// Whether a process works on the run now.
    package static func isInUse(_ path: String) -> Bool {
        let fd = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return false }
        defer { Glibc.close(fd) }
        return flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    /// The name that a run has in outcomes, by the first line of its journal, without reading the rest; `nil` if it has none.
    package static func job(of path: String) -> String? {
        guard let file = FileHandle(forReadingAtPath: path) else { return nil }
        var line = Data()
        while let more = try? file.read(upToCount: 4096), !more.isEmpty {
            line += more.prefix { $0 != UInt8(ascii: "\n") }
            guard more.contains(UInt8(ascii: "\n")) else { continue }
            return try? JSONDecoder().decode(Line.self, from: line).job
        }
        return nil
    }

    private static func open(_ path: String, folder: String) throws(ExecutionError) -> Int32 {
        while true {
            let fd = Glibc.open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
            guard fd >= 0 else { throw .lastError("open", path) }
            guard flock(fd, LOCK_EX | LOCK_NB) == 0 else {
                Glibc.close(fd)
                throw .inUse(folder: folder)
            }
            // Another process may have put another file in its place before we had the lock.
            var (ours, theirs) = (stat(), stat())
            if fstat(fd, &ours) == 0, stat(path, &theirs) == 0, ours.st_ino == theirs.st_ino { return fd }
            Glibc.close(fd)
        }
    }

    package mutating func entries() -> [LogEntry] {
        defer { found = [] }
        return found
    }

    /// The tasks whose success it tells of.
    package var finishedTasks: Set<TaskID> {
        Set(found.compactMap { $0.outcome?.status == .completed ? $0.outcome?.task.map { TaskID($0) } : nil })
    }

    /// The line of an entry that was found, from 1.
    package func line(ofEntry entry: Int) -> Int { lines.indices.contains(entry) ? lines[entry] : 1 }

    /// Adds the line that begins the work of this process, to be written by the next ``sync()``.
    package mutating func begin(_ line: Line) throws(ExecutionError) {
        if header == nil { header = line }
        lives.append((found.count, line.setup))
        try add(line)
    }

    package mutating func append(_ entry: LogEntry) throws(ExecutionError) {
        if let outcome = entry.outcome {
            var line = Line(.outcome)
            (line.fact, line.outcome) = (entry.fact.description, StoredOutcome(record: outcome))
            return try add(line)
        }
        pending += "{\"fact\":\"\(entry.fact)\",\"kind\":".utf8
        if case .action(.start(let attempt, _, _, _)) = entry.fact.what {
            let name = Self.quoted(graph?.tasks[Int(attempt.task)].id.rawValue ?? "")
            pending += "\"start\",\"task\":\(name),\"attempt\":\(attempt.number)}\n".utf8
        } else {
            pending += "\"fact\"}\n".utf8
        }
    }

    /// Writes all lines added; returns when they are on disk, with room for some more.
    package mutating func sync() throws(ExecutionError) {
        guard !pending.isEmpty else { return }
        try Self.write(pending, to: fd, path)
        length += pending.count
        pending.removeAll(keepingCapacity: true)
        try makeRoom()
        guard fdatasync(fd) == 0 else { throw .lastError("write", path) }
    }

    /// Gives back the room that was not needed, closes and unlocks.
    package func close() {
        _ = ftruncate(fd, lseek(fd, 0, SEEK_END))
        Glibc.close(fd)
    }
}

extension RunJournal {
    private mutating func add(_ line: Line) throws(ExecutionError) {
        do { pending += try encoder.encode(line) } catch {
            throw .system(operation: "encode a line for", path: path, reason: "\(error)")
        }
        pending.append(UInt8(ascii: "\n"))
    }

    private static func write(_ bytes: [UInt8], to fd: Int32, _ path: String) throws(ExecutionError) {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(fd, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .lastError("write", path) }
            written += count
        }
    }

    private mutating func makeRoom() throws(ExecutionError) {
        guard reserved < length + Self.reserve else { return }
        // Not every file system can.
        let code = -shepherd_reserve_room(fd, off_t(length), off_t(2 * Self.reserve))
        if code == ENOSPC || code == EDQUOT { throw .lastError("write", path, code: code) }
        reserved = length + 2 * Self.reserve
    }

    private mutating func read() throws(ExecutionError) {
        var bytes: [UInt8] = []
        guard readAll(fd, into: &bytes) else { throw .lastError("read", path) }
        let newline = UInt8(ascii: "\n")
        length = bytes.lastIndex(of: newline).map { $0 + 1 } ?? 0
        if length < bytes.count, graph != nil, ftruncate(fd, off_t(length)) != 0 {
            throw .lastError("cut off the last line of", path)
        }
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        var earlier: [Line] = []
        for (number, text) in bytes[..<length].split(separator: newline, omittingEmptySubsequences: false).dropLast()
            .enumerated()
        {
            if number > 0, header?.version == Self.version, let fact = Self.plainFact(text) {
                try note(LogEntry(fact), line: number + 1)
                continue
            }
            let line: Line
            do { line = try decoder.decode(Line.self, from: Data(text)) } catch {
                throw .badJournal(path: path, line: number + 1, reason: "\(error)".prefix(120).description)
            }
            if number == 0 {
                guard line.kind == .run, let version = line.version, 1...Self.version ~= version,
                    let began = line.timeSeconds, began.isFinite
                else {
                    let reason = "it is not the first line of version 1 or \(Self.version)"
                    throw .badJournal(path: path, line: 1, reason: reason)
                }
                header = line
                if line.version == Self.version { lives.append((0, line.setup)) }
            } else if header?.version == 1 {
                earlier.append(line)
            } else if let text = line.fact {
                guard let fact = Fact(text) else {
                    throw .badJournal(path: path, line: number + 1, reason: "its fact is none that is known")
                }
                try note(LogEntry(fact, outcome: line.outcome?.record), line: number + 1)
            } else if line.kind == .resume {
                lives.append((found.count, line.setup))
            } else {
                throw .badJournal(path: path, line: number + 1, reason: "it holds no fact")
            }
        }
        if header?.version == 1 { try migrate(earlier) }
    }

    private mutating func note(_ entry: LogEntry, line: Int) throws(ExecutionError) {
        // A clock may be wrong by a day, not more.
        let latest = unixSeconds() - (header?.timeSeconds ?? 0) + 86_400
        guard 0...max(0, min(latest, 1e10)) ~= entry.fact.seconds else {
            throw .badJournal(path: path, line: line, reason: "its time cannot be")
        }
        found.append(entry)
        lines.append(line)
    }

    /// The fact of a line that has no outcome.
    private static func plainFact(_ line: ArraySlice<UInt8>) -> Fact? {
        let start = Array("{\"fact\":\"".utf8)
        guard line.starts(with: start), line.last == UInt8(ascii: "}"),
            let end = line[(line.startIndex + start.count)...].firstIndex(of: UInt8(ascii: "\""))
        else { return nil }
        guard !line[end...].starts(with: Array("\",\"kind\":\"outcome\"".utf8)) else { return nil }
        return Fact(String(decoding: line[(line.startIndex + start.count)..<end], as: UTF8.self))
    }

    /// Writes a journal of the first version anew; what it says becomes facts. One that is interrupted begins again.
    private mutating func migrate(_ earlier: [Line]) throws(ExecutionError) {
        guard var first = header, let graph, first.digest == graph.digest else { return }
        var reader = EarlierJournal(path, graph, began: first.timeSeconds ?? 0)
        found = try reader.entries(earlier)
        lines = []
        first.version = Self.version
        header = first
        try add(first)
        for entry in found { try append(entry) }
        let new = path + ".new"
        let file = Glibc.open(new, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw .lastError("open", new) }
        defer { Glibc.close(file) }
        try Self.write(pending, to: file, new)
        guard fsync(file) == 0 else { throw .lastError("write", new) }
        // Our lock goes with the file: its place is taken while we hold both.
        guard flock(file, LOCK_EX | LOCK_NB) == 0, rename(new, path) == 0 else { throw .lastError("rename", new) }
        guard dup2(file, fd) >= 0, fcntl(fd, F_SETFD, FD_CLOEXEC) >= 0, fcntl(fd, F_SETFL, O_APPEND) >= 0 else {
            throw .lastError("open", path)
        }
        length = pending.count
        pending = []
    }

    /// A JSON string.
    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case "\u{0}"..<" ":
                quoted += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
