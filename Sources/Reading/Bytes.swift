/// Eight bytes as one number, in the order of this machine.
@inlinable @inline(__always) package func word(_ bytes: Span<UInt8>, _ offset: Int) -> UInt64 {
    bytes.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
}

/// Whether a byte is one of `0` to `9`.
@inlinable @inline(__always) package func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }

/// The bytes without the blanks around them.
package func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var bytes = bytes
    while bytes.first == UInt8(ascii: " ") { bytes = bytes.dropFirst() }
    while bytes.last == UInt8(ascii: " ") { bytes = bytes.dropLast() }
    return bytes
}

/// The last part of a path without `.json`, `.csv`, `.txt` and `.gz`: what a run is called.
package func fileStem(_ path: String) -> String {
    var name = path.split(separator: "/").last.map(String.init) ?? path
    for suffix in [".gz", ".json", ".csv", ".txt"] where name.hasSuffix(suffix) { name.removeLast(suffix.count) }
    return name
}
