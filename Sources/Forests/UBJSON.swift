internal import Foundation

/// Universal Binary JSON, as XGBoost writes it by default, turned into JSON text.
///
/// Objects, arrays (also those with a type and a count), texts, numbers, true, false and null; numbers are big-endian.
/// Source: ubjson.org, draft 12.
struct UBJSON {
    private var rest: ArraySlice<UInt8>
    private let start: Int
    private var text: [UInt8] = []
    private static let deepest = 64

    /// - Throws: ``ForestError`` that names the place of the first byte that does not fit.
    static func json(_ bytes: [UInt8], path: String) throws(ForestError) -> Data {
        var reader = UBJSON(rest: bytes[...], start: bytes.startIndex)
        guard reader.value(reader.marker(), depth: 0), reader.rest.allSatisfy({ $0 == UInt8(ascii: "N") }) else {
            throw .format(
                file: path, line: 0, found: "something else at byte \(reader.rest.startIndex - reader.start)",
                expected: "whole UBJSON; save the model again, or as .json")
        }
        return Data(reader.text)
    }

    private mutating func marker() -> UInt8 {
        while rest.first == UInt8(ascii: "N") { rest = rest.dropFirst() }
        return rest.popFirst() ?? 0
    }

    private mutating func add(_ string: String) { text += Array(string.utf8) }

    /// The bits of a big-endian number of so many bytes.
    private mutating func bits(_ count: Int) -> UInt64? {
        guard rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count).reduce(0) { $0 << 8 | UInt64($1) }
    }

    private mutating func integer(_ marker: UInt8) -> Int? {
        switch marker {
        case UInt8(ascii: "i"): bits(1).map { Int(Int8(truncatingIfNeeded: $0)) }
        case UInt8(ascii: "U"): bits(1).map { Int($0) }
        case UInt8(ascii: "I"): bits(2).map { Int(Int16(truncatingIfNeeded: $0)) }
        case UInt8(ascii: "l"): bits(4).map { Int(Int32(truncatingIfNeeded: $0)) }
        case UInt8(ascii: "L"): bits(8).map { Int(truncatingIfNeeded: $0) }
        default: nil
        }
    }

    /// A count of what follows, of which each takes at least a byte.
    private mutating func count() -> Int? {
        let marker = rest.popFirst() ?? 0
        guard let count = integer(marker), count >= 0, count <= rest.count else { return nil }
        return count
    }

    /// Adds a text with its length before it; false if it is cut off or no UTF-8.
    private mutating func string() -> Bool {
        guard let count = count(), let string = String(validating: rest.prefix(count), as: UTF8.self),
            let quoted = try? JSONEncoder().encode(string)
        else { return false }
        rest = rest.dropFirst(count)
        text += quoted
        return true
    }

    /// Adds the value that a marker begins; false if it is damaged.
    private mutating func value(_ marker: UInt8, depth: Int) -> Bool {
        guard depth < Self.deepest else { return false }
        switch marker {
        case UInt8(ascii: "Z"): add("null")
        case UInt8(ascii: "T"): add("true")
        case UInt8(ascii: "F"): add("false")
        case UInt8(ascii: "d"):
            guard let bits = bits(4) else { return false }
            add(Self.number(Float(bitPattern: UInt32(truncatingIfNeeded: bits))))
        case UInt8(ascii: "D"):
            guard let bits = bits(8) else { return false }
            add(Self.number(Double(bitPattern: bits)))
        case UInt8(ascii: "S"), UInt8(ascii: "H"): return string()
        case UInt8(ascii: "["):
            return list(open: "[", close: "]") { $0.value($1 ?? $0.marker(), depth: depth + 1) }
        case UInt8(ascii: "{"):
            return list(open: "{", close: "}") {
                guard $0.string() else { return false }
                $0.add(":")
                return $0.value($1 ?? $0.marker(), depth: depth + 1)
            }
        default:
            guard let whole = integer(marker) else { return false }
            add(String(whole))
        }
        return true
    }

    private static func number(_ value: some BinaryFloatingPoint & LosslessStringConvertible) -> String {
        value.isNaN ? "NaN" : value.isFinite ? "\(value)" : value < 0 ? "-Infinity" : "Infinity"
    }

    /// Adds the elements of an array or object; `element` gets the type that all of them have, if they have one.
    private mutating func list(
        open: String, close: String, _ element: (inout UBJSON, UInt8?) -> Bool
    ) -> Bool {
        add(open)
        defer { add(close) }
        var (type, count) = (UInt8?.none, Int?.none)
        if rest.first == UInt8(ascii: "$") {
            rest = rest.dropFirst()
            type = rest.popFirst()
            // Values without bytes of their own could be any number.
            guard let type,
                ![UInt8(ascii: "Z"), UInt8(ascii: "T"), UInt8(ascii: "F"), UInt8(ascii: "N")].contains(type),
                rest.first == UInt8(ascii: "#")
            else { return false }
        }
        if rest.first == UInt8(ascii: "#") {
            rest = rest.dropFirst()
            count = self.count()
            guard count != nil else { return false }
        }
        let end = close.utf8.first ?? 0
        var done = 0
        while done != count {
            if count == nil {
                while rest.first == UInt8(ascii: "N") { rest = rest.dropFirst() }
                if rest.first == end {
                    rest = rest.dropFirst()
                    break
                }
            }
            if done > 0 { add(",") }
            guard element(&self, type) else { return false }
            done += 1
        }
        return true
    }
}
