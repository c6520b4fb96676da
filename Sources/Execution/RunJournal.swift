import CShepherd
import Foundation
import Glibc
import Scheduling
import Workloads

/// What a run writes down before it acts: one JSON object a line, appended and synchronised to disk.
struct RunJournal {
    /// One line.
    struct Entry: Codable {
        enum Kind: String, Codable {
            /// The first line: which job this is.
            case run
            /// A later process goes on.
            case resume
            /// An attempt is about to start.
            case start
            /// An attempt has ended.
            case outcome
            /// Written by earlier releases.
            case reported
            /// The run has ended.
            case end
        }

        var kind: Kind
        var version: Int?
        var workflow: String?
        var job: String?
        var digest: String?
        var taskCount: Int?
        var timeSeconds: Double?
        var task: TaskID?
        var attempt: Int?
        var cpus: Double?
        var memoryBytes: Double?
        var timeLimitSeconds: Double?
        var outcome: TaskOutcome?
        var ending: Allocator.Ending?

        init(_ kind: Kind, task: TaskID? = nil, attempt: Int? = nil) {
            (self.kind, self.task, self.attempt) = (kind, task, attempt)
        }
    }

    static let version = 1

    static func path(in folder: String) -> String { folder + "/journal.jsonl" }

    private let path: String
    private let fd: Int32
    private var pending: [UInt8] = []
    /// Bytes written, and bytes for which there is room on the disk.
    private var length: Int
    private var reserved = 0

    /// Bytes of room that are kept ahead, for what is to be said of attempts that end while the disk is full.
    private static let reserve = 64 << 10
    private let encoder = JSONEncoder()

    /// Opens or makes the journal for appending, and locks it for this process.
    ///
    /// - Returns: The journal and the lines that it holds. A last line without an end is cut off.
    static func open(_ path: String, folder: String) throws(ExecutionError) -> (RunJournal, [Entry]) {
        let fd = Glibc.open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard fd >= 0 else { throw .lastError("open", path) }
        guard flock(fd, LOCK_EX | LOCK_NB) == 0 else {
            Glibc.close(fd)
            throw .inUse(folder: folder)
        }
        do {
            let (found, length) = try entries(fd, path)
            return (RunJournal(path: path, fd: fd, length: length), found)
        } catch {
            Glibc.close(fd)
            throw error
        }
    }

    private init(path: String, fd: Int32, length: Int) {
        (self.path, self.fd, self.length) = (path, fd, length)
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    }

    private static func entries(_ fd: Int32, _ path: String) throws(ExecutionError) -> ([Entry], length: Int) {
        var bytes: [UInt8] = []
        guard readAll(fd, into: &bytes) else { throw .lastError("read", path) }
        let newline = UInt8(ascii: "\n")
        let end = bytes.lastIndex(of: newline).map { $0 + 1 } ?? 0
        if end < bytes.count, ftruncate(fd, off_t(end)) != 0 { throw .lastError("cut off the last line of", path) }
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        var entries: [Entry] = []
        for (number, line) in bytes[..<end].split(separator: newline, omittingEmptySubsequences: false).dropLast()
            .enumerated()
        {
            do {
                entries.append(try decoder.decode(Entry.self, from: Data(line)))
            } catch {
                throw .badJournal(path: path, line: number + 1, reason: "\(error)".prefix(120).description)
            }
            if number == 0, entries[0].version != version {
                throw .badJournal(path: path, line: 1, reason: "its version is not \(version)")
            }
        }
        return (entries, end)
    }

    /// Adds a line, to be written by the next `sync`.
    mutating func append(_ entry: Entry) throws(ExecutionError) {
        do { pending += try encoder.encode(entry) } catch {
            throw .system(operation: "encode a line for", path: path, reason: "\(error)")
        }
        pending.append(UInt8(ascii: "\n"))
    }

    /// Writes all lines added; returns when they are on disk, with room for some more.
    mutating func sync() throws(ExecutionError) {
        guard !pending.isEmpty else { return }
        var written = 0
        while written < pending.count {
            let count = pending[written...].withUnsafeBytes { write(fd, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .lastError("write", path) }
            written += count
        }
        length += written
        pending.removeAll(keepingCapacity: true)
        try makeRoom()
        guard fdatasync(fd) == 0 else { throw .lastError("write", path) }
    }

    private mutating func makeRoom() throws(ExecutionError) {
        guard reserved < length + Self.reserve else { return }
        // Not every file system can.
        let code = -shepherd_reserve_room(fd, off_t(length), off_t(2 * Self.reserve))
        if code == ENOSPC || code == EDQUOT { throw .lastError("write", path, code: code) }
        reserved = length + 2 * Self.reserve
    }

    /// Gives back the room that was not needed, closes and unlocks.
    func close() {
        _ = ftruncate(fd, lseek(fd, 0, SEEK_END))
        Glibc.close(fd)
    }
}
