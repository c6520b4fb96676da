internal import Foundation
internal import Glibc

// The format: 8 bytes, the length of the header (little-endian); the header, JSON from tensor names to type, shape and
// byte range, with text metadata under "__metadata__"; then the bytes of the tensors, without gaps.
// https://github.com/huggingface/safetensors#format

private struct HeaderEntry: Codable {
    var dtype: String
    var shape: [Int]
    var data_offsets: [Int]
}

private enum HeaderValue: Codable {
    case tensor(HeaderEntry)
    case metadata([String: String])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let entry = try? container.decode(HeaderEntry.self) {
            self = .tensor(entry)
        } else {
            self = .metadata(try container.decode([String: String].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .tensor(let entry): try container.encode(entry)
        case .metadata(let metadata): try container.encode(metadata)
        }
    }
}

private let metadataName = "__metadata__"
private let unsetChecksum = String(repeating: "0", count: 16)

/// Parses and checks one file.
struct SafetensorsReader {
    private(set) var metadata: [String: String] = [:]
    private(set) var tensors: [String: Tensor] = [:]
    /// `nil` for a file without one.
    private(set) var checksum: FileChecksum?

    init(path: String) throws(ModelFileError) {
        let file = try MappedFile(path)
        let bytes = file.bytes
        guard bytes.count >= 8 else { throw .truncated(path, bytes: bytes.count, expected: 8) }
        let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard length <= 100_000_000 else {
            throw .damagedHeader(
                path, reason: "its first 8 bytes give a header of \(length) bytes, expected up to 100 MB")
        }
        let start = 8 + Int(length)
        guard start <= bytes.count else { throw .truncated(path, bytes: bytes.count, expected: start) }

        let header: [String: HeaderValue]
        do {
            header = try JSONDecoder().decode([String: HeaderValue].self, from: Data(bytes[8..<start]))
        } catch {
            throw .damagedHeader(path, reason: "the header is not the JSON of a safetensors file")
        }
        var ranges: [Range<Int>] = []
        for (name, value) in header {
            switch value {
            case .metadata(let text):
                guard name == metadataName else { throw .damagedHeader(path, reason: "'\(name)' is not a tensor") }
                metadata = text
            case .tensor(let entry):
                let (dtype, range) = try Self.validated(entry, name: name, path: path)
                guard start + range.upperBound <= bytes.count else {
                    throw .truncated(path, bytes: bytes.count, expected: start + range.upperBound)
                }
                ranges.append(range)
                tensors[name] = Tensor(
                    dtype: dtype, shape: entry.shape,
                    bytes: .mapped(file, (start + range.lowerBound)..<(start + range.upperBound)))
            }
        }
        ranges.sort { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }
        var end = 0
        for range in ranges {
            guard range.lowerBound == end else {
                throw .damagedHeader(path, reason: "the tensors overlap or leave a gap at byte \(end)")
            }
            end = range.upperBound
        }
        guard start + end == bytes.count else {
            throw .damagedHeader(path, reason: "\(bytes.count - start - end) bytes follow the last tensor")
        }
        checksum = metadata[MetadataKey.checksum].map {
            FileChecksum(path: path, file: file, headerEnd: start, stored: $0)
        }
    }

    private static func validated(
        _ entry: HeaderEntry, name: String, path: String
    ) throws(ModelFileError) -> (TensorType, Range<Int>) {
        guard let dtype = TensorType(rawValue: entry.dtype) else {
            throw .damagedHeader(path, reason: "tensor '\(name)' has the unknown type '\(entry.dtype)'")
        }
        var elements = 1
        for extent in entry.shape {
            let (product, overflow) = elements.multipliedReportingOverflow(by: extent)
            guard extent >= 0, !overflow, product < 1 << 48 else {
                throw .damagedHeader(path, reason: "tensor '\(name)' has the impossible shape \(entry.shape)")
            }
            elements = product
        }
        guard entry.data_offsets.count == 2, entry.data_offsets[0] >= 0,
            entry.data_offsets[1] >= entry.data_offsets[0], entry.data_offsets[1] < 1 << 52,
            entry.data_offsets[1] - entry.data_offsets[0] == elements * dtype.byteCount
        else {
            throw .damagedHeader(path, reason: "tensor '\(name)': its byte range does not fit its shape")
        }
        return (dtype, entry.data_offsets[0]..<entry.data_offsets[1])
    }
}

/// The checksum that a mapped file carries.
struct FileChecksum: Sendable {
    let path: String
    let file: MappedFile
    let headerEnd: Int
    let stored: String

    /// Reads the whole file.
    func verify() throws(ModelFileError) {
        let (header, body) = (Array(file.bytes[..<headerEnd]), file.bytes[headerEnd...])
        guard stored == checksum(header: header, replacing: stored, body: body) else { throw .checksumDiffers(path) }
    }
}

/// Lays out and writes one file.
struct SafetensorsWriter {
    let metadata: [String: String]
    let tensors: [String: Tensor]

    func write(to path: String) throws(ModelFileError) {
        // Widest elements first: then every tensor is aligned although the format allows no gaps.
        let names = tensors.keys.sorted { a, b in
            let (x, y) = (tensors[a]?.dtype.byteCount ?? 0, tensors[b]?.dtype.byteCount ?? 0)
            return x == y ? a < b : x > y
        }
        var header: [String: HeaderValue] = [:]
        var offset = 0
        for name in names {
            guard let tensor = tensors[name] else { continue }
            let end = offset + tensor.bytes.count
            header[name] = .tensor(
                HeaderEntry(dtype: tensor.dtype.rawValue, shape: tensor.shape, data_offsets: [offset, end]))
            offset = end
        }
        var metadata = metadata
        metadata[MetadataKey.checksum] = unsetChecksum
        header[metadataName] = .metadata(metadata)

        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var json: [UInt8]
        do { json = Array(try encoder.encode(header)) } catch { throw .cannotWrite(path, reason: "\(error)") }
        while json.count % 8 != 0 { json.append(UInt8(ascii: " ")) }
        var head = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json

        // The checksum covers the whole file with its own digits as zeros.
        var body: [UInt8] = []
        body.reserveCapacity(offset)
        for name in names { tensors[name]?.bytes.withUnsafeBytes { body.append(contentsOf: $0) } }
        let sum = body.withUnsafeBytes { checksum(header: head, replacing: unsetChecksum, body: $0[...]) }
        guard let position = checksumPosition(in: head, digits: unsetChecksum) else {
            throw .cannotWrite(path, reason: "the header has no place for the checksum")
        }
        head.replaceSubrange(position..<(position + 16), with: Array(sum.utf8))
        try replaceFile(path, with: [head, body])
    }
}

/// Writes the parts to a temporary neighbour of `path`, makes them durable and renames it.
private func replaceFile(_ path: String, with parts: [[UInt8]]) throws(ModelFileError) {
    let temporary = "\(path).\(getpid()).\(UInt32.random(in: .min ... .max)).tmp"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .cannotWrite(path, reason: systemError()) }
    var failure: String?
    for part in parts where failure == nil {
        part.withUnsafeBytes { bytes in
            var written = 0
            while written < bytes.count {
                let count = Glibc.write(descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written)
                if count > 0 {
                    written += count
                } else if errno != EINTR {
                    failure = systemError()
                    return
                }
            }
        }
    }
    if failure == nil && fsync(descriptor) != 0 { failure = systemError() }
    if close(descriptor) != 0 && failure == nil { failure = systemError() }
    if failure == nil && rename(temporary, path) != 0 { failure = systemError() }
    if let failure {
        unlink(temporary)
        throw .cannotWrite(path, reason: failure)
    }
    let folder = open(URL(fileURLWithPath: path).deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folder >= 0 {
        fsync(folder)
        close(folder)
    }
}

private func checksumPosition(in header: [UInt8], digits: String) -> Int? {
    let pattern = Array("\"\(MetadataKey.checksum)\":\"\(digits)\"".utf8)
    guard header.count >= pattern.count else { return nil }
    let first = (0...(header.count - pattern.count)).first { start in
        header[start..<(start + pattern.count)].elementsEqual(pattern)
    }
    return first.map { $0 + pattern.count - 17 }
}

/// Sixteen hexadecimal digits over the file with its own digits taken as zeros.
private func checksum(header: [UInt8], replacing digits: String, body: Slice<UnsafeRawBufferPointer>) -> String {
    var header = header
    guard digits.utf8.count == 16, let position = checksumPosition(in: header, digits: digits) else { return "" }
    header.replaceSubrange(position..<(position + 16), with: Array(unsetChecksum.utf8))
    let sum = header.withUnsafeBytes { hash($0, seed: 0x9E37_79B9_7F4A_7C15) }
    let value = hash(UnsafeRawBufferPointer(rebasing: body), seed: sum)
    let text = String(value, radix: 16)
    return String(repeating: "0", count: 16 - text.count) + text
}

/// A 64-bit hash in eight lanes, at memory speed.
///
/// Every step (xor a word in, multiply by an odd number, rotate) is a bijection of the lane for a fixed word and of the
/// word for a fixed lane, and so is the final mix of each lane: changing any one word always changes the result.
func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
    let prime: UInt64 = 0x9FB2_1C65_1E98_DF25
    var lanes = SIMD8<UInt64>(repeating: seed) &+ SIMD8(1, 2, 3, 4, 5, 6, 7, 8)
    var offset = 0
    while offset + 64 <= bytes.count {
        let words = bytes.loadUnaligned(fromByteOffset: offset, as: SIMD8<UInt64>.self)
        lanes = (lanes ^ words) &* prime
        lanes ^= lanes &>> 32
        offset += 64
    }
    var tail: UInt64 = UInt64(bytes.count)
    func mix(_ word: UInt64) {
        tail = (tail ^ word) &* prime
        tail ^= tail >> 29
    }
    while offset < bytes.count {
        mix(UInt64(bytes[offset]))
        offset += 1
    }
    for lane in 0..<8 { mix(lanes[lane]) }
    return tail
}
