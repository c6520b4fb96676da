import Foundation
import Prediction
import Workloads

/// Prints results, remarks and progress the way the options ask for.
struct Console: Sendable {
    let json: Bool
    let quiet: Bool

    /// A result: standard output. `text` is used without `--json`, `value` with it.
    func result(_ value: some Encodable, text: @autoclosure () -> String) throws {
        guard json else {
            Console.write(text() + "\n", to: .standardOutput)
            return
        }
        Console.write(try Console.json(value) + "\n", to: .standardOutput)
    }

    /// JSON with names in snake_case and `null` for what is not a finite number.
    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .custom { path in
            guard let key = path.last else { return Name(stringValue: "") }
            // Keys of dictionaries are names of tasks and columns, which stay as they are, but for those of our own.
            if names.contains(key.stringValue) { return Name(stringValue: key.stringValue.replacing("-", with: "_")) }
            let isProperty = Mirror(reflecting: key).displayStyle == .enum
            return isProperty ? Name(stringValue: snakeCase(key.stringValue)) : key
        }
        // A text that nobody writes: control characters are escaped in JSON.
        let mark = "\u{1}not finite\u{1}"
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: mark, negativeInfinity: mark, nan: mark)
        return String(decoding: try encoder.encode(value), as: UTF8.self)
            .replacing("\"\\u0001not finite\\u0001\"", with: "null")
    }

    /// Causes of failures and candidates of models, by which tables are keyed.
    private static let names = Set(
        FailureCause.allCases.map(\.rawValue) + TaskModel.Candidate.allCases.map(\.rawValue))

    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private static func snakeCase(_ name: String) -> String {
        var result = ""
        var previous: Character = "A"
        for character in name {
            if character.isUppercase, !previous.isUppercase, previous != "_" { result += "_" }
            result += character.lowercased()
            previous = character
        }
        return result
    }

    /// A line of text for people; nothing with `--json`.
    func line(_ text: String = "") {
        if !json { Console.write(text + "\n", to: .standardOutput) }
    }

    /// A remark for people: standard error, unless `--quiet`.
    func remark(_ text: String) {
        if !quiet { Console.write(text + "\n", to: .standardError) }
    }

    /// A progress bar on standard error, if that is a terminal and nobody asked for quiet.
    func progress(_ title: String, total: Int) -> ProgressBar {
        ProgressBar(title: title, total: total, visible: !quiet && isatty(STDERR_FILENO) == 1)
    }

    static func complain(_ text: String) {
        let style = isatty(STDERR_FILENO) == 1 && colours
        write((style ? "\u{1B}[31merror:\u{1B}[0m " : "error: ") + text + "\n", to: .standardError)
    }

    /// Whether colours are wanted at all (https://no-color.org).
    static var colours: Bool { (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty }

    /// Writes all of `text` or, where nobody listens any more, nothing. A full disk ends the process, but not for remarks.
    static func write(_ text: String, to file: FileHandle) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(file.fileDescriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                bytes = bytes.dropFirst(count)
            } else if errno == EPIPE || (errno == EIO && isDevice(file))
                || (errno != EINTR && errno != EAGAIN && file.fileDescriptor == STDERR_FILENO)
            {
                return
            } else if errno != EINTR && errno != EAGAIN {
                write("error: output cannot be written: \(String(cString: strerror(errno)))\n", to: .standardError)
                exit(1)
            }
        }
    }

    /// Whether it is a terminal, even one that has been closed.
    private static func isDevice(_ file: FileHandle) -> Bool {
        var status = stat()
        return fstat(file.fileDescriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFCHR
    }

    /// Writes a file whole or not at all; what is there and no file, as a pipe or a device, is written to and stays.
    static func write(_ data: Data, toFile path: String) throws {
        do {
            var status = stat()
            let isSpecial = stat(path, &status) == 0 && ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT)
            guard !isSpecial else {
                let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
                try handle.write(contentsOf: data)
                return try handle.close()
            }
            try data.write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? any Error
            let cause = (underlying ?? error) as NSError
            let reason = cause.domain == NSPOSIXErrorDomain ? String(cString: strerror(Int32(cause.code))) : "\(error)"
            throw Failure.work("\(path): cannot be written: \(reason). Choose another place, or free some space.")
        }
    }
}

/// A bar that is redrawn at most ten times a second and leaves no trace when it ends.
final class ProgressBar: @unchecked Sendable {
    private let title: String
    private let total: Int
    private let visible: Bool
    private let start = ContinuousClock.now
    private let lock = NSLock()
    private var done = 0
    private var lastDrawn = ContinuousClock.now - .seconds(1)

    init(title: String, total: Int, visible: Bool) {
        (self.title, self.total, self.visible) = (title, total, visible)
    }

    /// Counts `amount` units as done. May be called from any thread.
    func advance(by amount: Int = 1) {
        lock.withLock {
            done += amount
            let now = ContinuousClock.now
            guard visible, now - lastDrawn > .milliseconds(100) else { return }
            lastDrawn = now
            draw(elapsed: now - start)
        }
    }

    /// Sets the units done; for work that reports a total of its own.
    func set(_ count: Int) {
        lock.withLock { done = count }
        advance(by: 0)
    }

    func finish() {
        if visible { Console.write("\r\u{1B}[K", to: .standardError) }
    }

    private func draw(elapsed: Duration) {
        let share = total > 0 ? min(1, Double(done) / Double(total)) : 0
        let filled = Int(share * 24)
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 24 - filled)
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
        let left = share > 0.02 ? "  \(Int(seconds / share - seconds) + 1) s left" : ""
        Console.write("\r\u{1B}[K\(title) \(bar) \(Int(share * 100)) %\(left)", to: .standardError)
    }
}
