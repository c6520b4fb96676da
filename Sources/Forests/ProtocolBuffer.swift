/// Writes and reads the wire format of protocol buffers: as much of it as ONNX files need.
struct ProtocolBuffer {
    private(set) var bytes: [UInt8] = []

    mutating func varint(_ value: UInt64) {
        var value = value
        while value > 127 {
            bytes.append(UInt8(truncatingIfNeeded: value) | 128)
            value >>= 7
        }
        bytes.append(UInt8(value))
    }

    mutating func field(_ number: Int, _ value: Int) {
        varint(UInt64(number << 3))
        varint(UInt64(bitPattern: Int64(value)))
    }

    mutating func field(_ number: Int, bytes content: [UInt8]) {
        varint(UInt64(number << 3 | 2))
        varint(UInt64(content.count))
        bytes += content
    }

    mutating func field(_ number: Int, _ text: String) { field(number, bytes: Array(text.utf8)) }

    mutating func field(_ number: Int, _ build: (inout ProtocolBuffer) -> Void) {
        var message = ProtocolBuffer()
        build(&message)
        field(number, bytes: message.bytes)
    }

    mutating func appendBytes(_ other: [UInt8]) { bytes += other }

    mutating func packed(_ number: Int, _ values: [Int]) {
        var content = ProtocolBuffer()
        for value in values { content.varint(UInt64(bitPattern: Int64(value))) }
        field(number, bytes: content.bytes)
    }

    /// One field of a message: its number, and what it holds.
    enum Value {
        case number(UInt64)
        case bytes(ArraySlice<UInt8>)
        case fixed32(UInt32)
        case fixed64(UInt64)
    }

    /// The fields of a message; `nil` if it is damaged.
    static func fields(_ message: ArraySlice<UInt8>) -> [(number: Int, value: Value)]? {
        var fields: [(Int, Value)] = []
        var rest = message
        while !rest.isEmpty {
            guard let key = readVarint(&rest), let number = Int(exactly: key >> 3), number > 0 else { return nil }
            switch key & 7 {
            case 0:
                guard let value = readVarint(&rest) else { return nil }
                fields.append((number, .number(value)))
            case 1:
                guard rest.count >= 8 else { return nil }
                fields.append((number, .fixed64(rest.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) })))
                rest = rest.dropFirst(8)
            case 2:
                guard let length = readVarint(&rest), length <= UInt64(rest.count) else { return nil }
                fields.append((number, .bytes(rest.prefix(Int(length)))))
                rest = rest.dropFirst(Int(length))
            case 5:
                guard rest.count >= 4 else { return nil }
                fields.append((number, .fixed32(rest.prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) })))
                rest = rest.dropFirst(4)
            default: return nil
            }
        }
        return fields
    }

    static func readVarint(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
        var (value, shift): (UInt64, UInt64) = (0, 0)
        while let byte = bytes.popFirst() {
            guard shift < 64 else { return nil }
            value |= UInt64(byte & 127) << shift
            if byte & 128 == 0 { return value }
            shift += 7
        }
        return nil
    }
}
