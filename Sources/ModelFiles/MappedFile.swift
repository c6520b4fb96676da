internal import Glibc

/// A whole file, mapped read-only. Files of ours are replaced by renaming, so the mapped bytes never change.
final class MappedFile: Sendable {
    nonisolated(unsafe) let bytes: UnsafeRawBufferPointer

    init(_ path: String) throws(ModelFileError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .cannotRead(path, reason: systemError()) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .cannotRead(path, reason: systemError()) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .cannotRead(path, reason: "it is not a regular file") }
        let size = Int(status.st_size)
        guard size > 0 else { throw .truncated(path, bytes: 0, expected: 8) }
        guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
            throw .cannotRead(path, reason: systemError())
        }
        bytes = UnsafeRawBufferPointer(start: start, count: size)
    }

    deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }
}

func systemError() -> String { String(cString: strerror(errno)) }
