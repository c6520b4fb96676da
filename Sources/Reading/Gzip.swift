internal import CZlib

/// The bytes as a gzip file without name and time, at the highest level of compression. Equal input gives equal
/// output with the same zlib.
package func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    let version = ZLIB_VERSION
    // 31 = the largest window with a gzip wrapper.
    let status = deflateInit2_(
        &stream, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, version, Int32(MemoryLayout<z_stream>.size))
    precondition(status == Z_OK && bytes.count < 1 << 30, "zlib is of another version than its header, or 1 GB")
    defer { deflateEnd(&stream) }
    var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))) + 32)
    var input = bytes
    let count = input.withUnsafeMutableBufferPointer { source in
        output.withUnsafeMutableBufferPointer { target in
            stream.next_in = source.baseAddress
            stream.avail_in = UInt32(source.count)
            stream.next_out = target.baseAddress
            stream.avail_out = UInt32(target.count)
            let status = deflate(&stream, Z_FINISH)
            precondition(status == Z_STREAM_END, "the output buffer has the size of the bound")
            return target.count - Int(stream.avail_out)
        }
    }
    return Array(output[..<count])
}
