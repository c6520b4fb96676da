import CZlib
import Glibc

/// The bytes of a file, of a gzip file (told by its first two bytes, not by its name) or of standard input, read
/// from front to back in pieces. Memory does not grow with the file.
///
///     let source = try ByteSource("trace.csv.gz")
///     var buffer = [UInt8](repeating: 0, count: 1 << 16)
///     while case let count = try source.read(into: &buffer), count > 0 { use(buffer[..<count]) }
///
/// A gzip file may have many members, as `cat a.gz b.gz` makes it. Text as other systems save it (UTF-16, a byte-order mark,
/// lines that end with CR) arrives as UTF-8 with LF. A class because it owns an open file.
public final class ByteSource {
    /// The path as given, or `standard input`.
    public let name: String
    /// How many bytes of content (after decompression) have been read so far.
    public private(set) var position = 0
    /// The size of the file on disk, if it is a plain file without compression.
    public private(set) var knownSize: Int?

    private let descriptor: Int32  // -1: everything is in `raw`
    private var raw: [UInt8]
    private var rawRange = 0..<0
    private var gunzip: Gunzip?
    private var inflated = 0
    private var decoding: TextDecoding?
    private var decoded: ArraySlice<UInt8> = []
    private var peeked: ArraySlice<UInt8> = []
    private var contentDigest = ContentDigest()

    /// Opens a file, or standard input for `-`.
    ///
    /// - Throws: ``TraceError`` if it is missing, a folder, not readable or begins with damaged gzip data.
    public convenience init(_ path: String) throws(TraceError) {
        if path == "-" {
            try self.init(descriptor: dup(0), name: "standard input")
            return
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            switch errno {
            case ENOENT, ENOTDIR: throw .notFound(path: path)
            case EACCES, EPERM: throw .notPermitted(path: path)
            default: throw .unreadable(path: path, reason: String(cString: strerror(errno)))
            }
        }
        try self.init(descriptor: descriptor, name: path)
    }

    /// Reads from memory, as if `bytes` were the content of a file of that name.
    public convenience init(bytes: [UInt8], name: String) throws(TraceError) {
        try self.init(descriptor: -1, name: name, raw: bytes, filled: bytes.count)
    }

    private convenience init(descriptor: Int32, name: String) throws(TraceError) {
        try self.init(descriptor: descriptor, name: name, raw: [UInt8](repeating: 0, count: 1 << 17), filled: 0)
    }

    private init(descriptor: Int32, name: String, raw: [UInt8], filled: Int) throws(TraceError) {
        (self.descriptor, self.name, self.raw, rawRange) = (descriptor, name, raw, 0..<filled)
        var status = stat()
        if descriptor >= 0, fstat(descriptor, &status) == 0 {
            if status.st_mode & S_IFMT == S_IFDIR { throw .isDirectory(path: name) }
            if status.st_mode & S_IFMT == S_IFREG { knownSize = Int(status.st_size) }
        }
        while rawRange.count < 2, try refill() {}
        if rawRange.count >= 2, self.raw[rawRange.lowerBound] == 0x1f, self.raw[rawRange.lowerBound + 1] == 0x8b {
            knownSize = nil
            gunzip = Gunzip()
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Fills `buffer` from `offset` on and returns how many bytes it got; 0 only at the end.
    ///
    /// - Throws: ``TraceError`` for a read error, an empty file, and truncated or damaged gzip data.
    public func read(into buffer: inout [UInt8], from offset: Int = 0) throws(TraceError) -> Int {
        precondition(offset < buffer.count, "no room to read into")
        let count: Int
        if !peeked.isEmpty {
            count = min(peeked.count, buffer.count - offset)
            buffer.replaceSubrange(offset..<offset + count, with: peeked.prefix(count))
            peeked = peeked.dropFirst(count)
        } else {
            count = try readContent(into: &buffer, from: offset)
        }
        position += count
        return count
    }

    /// The next bytes, at most `count` of them, without moving on.
    ///
    /// - Throws: As ``read(into:from:)``.
    public func peek(_ count: Int) throws(TraceError) -> ArraySlice<UInt8> {
        var bytes = Array(peeked)
        var filled = bytes.count
        guard count > filled else { return peeked.prefix(count) }
        bytes.append(contentsOf: repeatElement(0, count: count - filled))
        while filled < count, case let more = try readContent(into: &bytes, from: filled), more > 0 { filled += more }
        peeked = bytes[..<filled]
        return peeked
    }

    /// 32 digits that stand for the content so far; equal for a file and its gzip file once both are read to the end.
    public var digest: String { contentDigest.text }

    /// Everything that is left.
    ///
    /// - Throws: ``TraceError/tooLong(at:what:limitBytes:)`` beyond `limit` bytes, else as ``read(into:from:)``.
    public func readAll(limit: Int = 1 << 31) throws(TraceError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: max(1 << 16, min(limit, (knownSize ?? 0) - position) + 1))
        var count = 0
        while case let more = try read(into: &bytes, from: count), more > 0 {
            count += more
            if count > limit { throw .tooLong(at: TextPosition(file: name), what: "file", limitBytes: limit) }
            if count == bytes.count { bytes.append(contentsOf: repeatElement(0, count: bytes.count)) }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}

extension ByteSource {
    private func readContent(into buffer: inout [UInt8], from offset: Int) throws(TraceError) -> Int {
        let count = try readText(into: &buffer, from: offset)
        if count == 0, position == 0, peeked.isEmpty, offset == 0 { throw .empty(path: name) }
        contentDigest.add(buffer.span, offset..<offset + count)
        return count
    }

    /// Content as UTF-8 with LF.
    private func readText(into buffer: inout [UInt8], from offset: Int) throws(TraceError) -> Int {
        if decoding == nil { try beginDecoding() }
        while decoded.isEmpty {
            guard var decoding, !decoding.isPlain else { return try readBytes(into: &buffer, from: offset) }
            var bytes = [UInt8](repeating: 0, count: 1 << 16)
            let count = try readBytes(into: &bytes, from: 0)
            try decode(bytes[..<count], atEnd: count == 0, by: &decoding)
            if count == 0 { break }
        }
        let count = min(decoded.count, buffer.count - offset)
        buffer.replaceSubrange(offset..<offset + count, with: decoded.prefix(count))
        decoded = decoded.dropFirst(count)
        return count
    }

    /// Finds out from the first lines how the text is saved.
    private func beginDecoding() throws(TraceError) {
        if gunzip == nil {
            let isLineEnd = { (byte: UInt8) in byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") }
            while !raw[rawRange].dropLast().contains(where: isLineEnd), rawRange.upperBound < raw.count, try refill() {}
            decoding = TextDecoding(head: raw[rawRange].prefix(1 << 16))
            return
        }
        var head = [UInt8](repeating: 0, count: 1 << 16)
        var filled = 0
        while filled < head.count, case let more = try readBytes(into: &head, from: filled), more > 0 { filled += more }
        var decoding = TextDecoding(head: head[..<filled])
        if decoding.isPlain {
            (self.decoding, decoded) = (decoding, head[..<filled])
        } else {
            try decode(head[..<filled], atEnd: filled < head.count, by: &decoding)
        }
    }

    private func decode(
        _ bytes: ArraySlice<UInt8>, atEnd: Bool, by decoding: inout TextDecoding
    ) throws(TraceError) {
        var text: [UInt8] = []
        guard decoding.decode(bytes, atEnd: atEnd, into: &text) else {
            throw .unreadable(path: name, reason: "UTF-16 that ends within a character: the file was cut off")
        }
        (self.decoding, decoded) = (decoding, text[...])
    }

    /// Content as it is in the file, decompressed.
    private func readBytes(into buffer: inout [UInt8], from offset: Int) throws(TraceError) -> Int {
        try gunzip == nil ? readPlain(into: &buffer, from: offset) : readGzip(into: &buffer, from: offset)
    }

    private func readPlain(into buffer: inout [UInt8], from offset: Int) throws(TraceError) -> Int {
        if rawRange.isEmpty { return descriptor < 0 ? 0 : try readDescriptor(into: &buffer, from: offset) }
        let count = min(rawRange.count, buffer.count - offset)
        let taken = rawRange.lowerBound..<rawRange.lowerBound + count
        buffer.replaceSubrange(offset..<offset + count, with: raw[taken])
        rawRange = taken.upperBound..<rawRange.upperBound
        return count
    }

    private func readGzip(into buffer: inout [UInt8], from offset: Int) throws(TraceError) -> Int {
        guard let gunzip else { return 0 }
        while true {
            if rawRange.isEmpty, try !refill() {
                if gunzip.isBetweenMembers { return 0 }
                throw .truncatedGzip(path: name, afterBytes: inflated)
            }
            guard let step = gunzip.inflate(raw, rawRange, into: &buffer, from: offset) else {
                throw .damagedGzip(path: name, afterBytes: inflated, reason: gunzip.message)
            }
            rawRange = rawRange.lowerBound + step.consumed..<rawRange.upperBound
            inflated += step.produced
            if step.produced > 0 { return step.produced }
        }
    }

    /// Reads more of the file into `raw`; false at the end of it.
    private func refill() throws(TraceError) -> Bool {
        guard descriptor >= 0 else { return false }
        if rawRange.isEmpty { rawRange = 0..<0 }
        guard rawRange.upperBound < raw.count else { return true }
        let count = try readDescriptor(into: &raw, from: rawRange.upperBound)
        rawRange = rawRange.lowerBound..<rawRange.upperBound + count
        return count > 0
    }

    private func readDescriptor(into buffer: inout [UInt8], from offset: Int) throws(TraceError) -> Int {
        while true {
            let count = buffer.withUnsafeMutableBytes { bytes in
                Glibc.read(descriptor, bytes.baseAddress.map { $0 + offset }, bytes.count - offset)
            }
            if count >= 0 { return count }
            if errno == EINTR { continue }
            if errno == EISDIR { throw .isDirectory(path: name) }
            throw .unreadable(path: name, reason: String(cString: strerror(errno)))
        }
    }
}

/// zlib's inflate over the members of a gzip file. A class because zlib keeps the address of its stream.
private final class Gunzip {
    private let stream: UnsafeMutablePointer<z_stream>
    private(set) var isBetweenMembers = false
    private(set) var message = ""

    init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        precondition(czlib_begin_gunzip(stream) == Z_OK, "zlib is of another version than its header")
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// One step of decompression; `nil` if the data is damaged, `message` then says how.
    func inflate(
        _ input: [UInt8], _ range: Range<Int>, into output: inout [UInt8], from offset: Int
    ) -> (consumed: Int, produced: Int)? {
        if isBetweenMembers {
            // Zeros after the last member are padding, as tape archives have it.
            if input[range.lowerBound] == 0 { return (1, 0) }
            guard inflateReset(stream) == Z_OK else { return nil }
            isBetweenMembers = false
        }
        let inputCount = min(range.count, 1 << 30)
        let outputCount = min(output.count - offset, 1 << 30)
        let status = input.withUnsafeBytes { source in
            output.withUnsafeMutableBytes { target in
                stream.pointee.next_in = UnsafeMutablePointer(
                    mutating: source.bindMemory(to: UInt8.self).baseAddress.map { $0 + range.lowerBound })
                stream.pointee.next_out = target.bindMemory(to: UInt8.self).baseAddress.map { $0 + offset }
                stream.pointee.avail_in = UInt32(inputCount)
                stream.pointee.avail_out = UInt32(outputCount)
                return CZlib.inflate(stream, Z_NO_FLUSH)
            }
        }
        guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
            message = stream.pointee.msg.map { String(cString: $0) } ?? "zlib error \(status)"
            return nil
        }
        isBetweenMembers = status == Z_STREAM_END
        return (inputCount - Int(stream.pointee.avail_in), outputCount - Int(stream.pointee.avail_out))
    }
}
