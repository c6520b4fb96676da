import Glibc

/// The text of a small file, or `nil` if it cannot be read.
package func contents(ofFile path: String) -> String? {
    let fd = open(path, O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else { return nil }
    defer { close(fd) }
    var bytes: [UInt8] = []
    guard readAll(fd, into: &bytes) else { return nil }
    return String(decoding: bytes, as: UTF8.self)
}

/// Appends what can be read up to the end; false on an error.
package func readAll(_ fd: Int32, into bytes: inout [UInt8]) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = read(fd, &buffer, buffer.count)
        if count > 0 {
            bytes += buffer[..<count]
        } else if count == 0 {
            return true
        } else if errno != EINTR {
            return false
        }
    }
}

/// The size of a file in bytes; `nil` if there is none, or if it is a folder.
package func sizeOfFile(_ path: String) -> Double? {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else { return nil }
    return Double(status.st_size)
}

/// Whether a file or folder exists.
package func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

/// Makes a folder and those above it.
package func makeFolder(_ path: String) throws(ExecutionError) {
    if exists(path) { return }
    if let slash = path.lastIndex(of: "/"), slash > path.startIndex { try makeFolder(String(path[..<slash])) }
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else { throw .lastError("make the folder", path) }
}

/// The path itself if it is absolute, otherwise below `folder`.
package func absolute(_ path: String, in folder: String) -> String { path.hasPrefix("/") ? path : "\(folder)/\(path)" }

/// The folder in which this process works.
package func currentFolder() -> String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    guard getcwd(&buffer, buffer.count) != nil else { return "/" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Two ends of a pipe that nobody inherits and that nobody waits at.
package func openPipe(for purpose: String) throws(ExecutionError) -> (readEnd: Int32, writeEnd: Int32) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw .lastError("make a pipe for", purpose) }
    for end in ends {
        _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    return (ends[0], ends[1])
}

/// Seconds since 1970.
package func unixSeconds() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9
}

extension ExecutionError {
    /// The error that `errno` names.
    package static func lastError(_ operation: String, _ path: String, code: Int32 = errno) -> ExecutionError {
        .system(operation: operation, path: path, reason: String(cString: strerror(code)))
    }
}
