import Glibc
public import Reading
import Workloads

extension ExecutionTable {
    /// Writes the table in our CSV format, which ``ExecutionReader`` reads back to an equal table.
    ///
    /// Columns of which nothing is known are left out. The file appears whole or not at all; `-` is standard output.
    ///
    /// - Throws: ``TraceError`` if the file cannot be written.
    public func writeCSV(to path: String) throws(TraceError) {
        if path == "-" {
            try writeCSV { (bytes) throws(TraceError) in try writeAll(bytes, to: 1, path: "standard output") }
            return
        }
        let temporary = "\(path).\(getpid()).part"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw writeError(path) }
        do throws(TraceError) {
            defer { close(descriptor) }
            try writeCSV { (bytes) throws(TraceError) in try writeAll(bytes, to: descriptor, path: path) }
            guard fsync(descriptor) == 0 else { throw writeError(path) }
            guard rename(temporary, path) == 0 else { throw writeError(path) }
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// The same as bytes, in pieces of about 1 MB.
    public func writeCSV<E: Error>(_ write: ([UInt8]) throws(E) -> Void) throws(E) {
        let columns = AttemptColumn.allCases.filter { has($0) || $0 == .taskType }
        let names = columns.map(\.name) + parameters.map { "param." + $0.name }
        var bytes: [UInt8] = []
        for (index, name) in names.enumerated() { bytes.appendField(name.utf8, isFirst: index == 0) }
        bytes.append(UInt8(ascii: "\n"))
        for row in 0..<rowCount {
            for (index, column) in columns.enumerated() {
                if !column.isText {
                    bytes.appendField(text(numberColumns[column.rawValue][row]).utf8, isFirst: index == 0)
                } else if has(column), case let texts = textColumns[column.rawValue], texts.codes[row] >= 0 {
                    bytes.appendField(texts.levels.bytes(texts.codes[row]), isFirst: index == 0)
                } else {
                    bytes.appendField("".utf8, isFirst: index == 0)
                }
            }
            for parameter in parameters {
                switch parameter.values {
                case .numbers(let numbers): bytes.appendField(text(numbers[row]).utf8, isFirst: false)
                case .texts(let texts) where texts.codes[row] >= 0:
                    bytes.appendField(texts.levels.bytes(texts.codes[row]), isFirst: false)
                case .texts: bytes.appendField("".utf8, isFirst: false)
                }
            }
            bytes.append(UInt8(ascii: "\n"))
            if bytes.count > 1 << 20 {
                try write(bytes)
                bytes.removeAll(keepingCapacity: true)
            }
        }
        try write(bytes)
    }
}

private func text(_ number: Double) -> String { number.isNaN ? "" : Units.shortest(number) }

extension [UInt8] {
    /// Adds a field, in quotes if it needs them.
    package mutating func appendField(_ text: some Collection<UInt8>, isFirst: Bool) {
        if !isFirst { append(UInt8(ascii: ",")) }
        guard
            text.contains(where: { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") || $0 == 10 || $0 == 13 })
                || text.suffix(1).first == UInt8(ascii: " ")
        else {
            append(contentsOf: text)
            return
        }
        append(UInt8(ascii: "\""))
        for byte in text {
            if byte == UInt8(ascii: "\"") { append(byte) }
            append(byte)
        }
        append(UInt8(ascii: "\""))
    }
}

private func writeAll(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(TraceError) {
    var done = 0
    while done < bytes.count {
        let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress.map { $0 + done }, $0.count - done) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { throw writeError(path) }
        done += count
    }
}

private func writeError(_ path: String) -> TraceError {
    switch errno {
    case EACCES, EPERM, EROFS: .notPermitted(path: path)
    case EISDIR: .isDirectory(path: path)
    case ENOENT: .notFound(path: path)
    default: .unwritable(path: path, reason: String(cString: strerror(errno)))
    }
}
