import Foundation
import LinearAlgebra
import Reading

/// A whole document in memory, read with our reader, for comparison with Foundation's.
indirect enum JSONTree: Equatable {
    case object([String: JSONTree])
    case array([JSONTree])
    case string(String)
    case number(Double)
    case bool(Bool)
    case null

    static func read(_ bytes: [UInt8], window: Int = 4096) throws -> JSONTree {
        var reader = try JSONReader(try ByteSource(bytes: bytes, name: "test.json"), windowBytes: window)
        let value = try JSONTree(&reader)
        try reader.finish()
        return value
    }

    static func skip(_ bytes: [UInt8], window: Int = 4096) throws {
        var reader = try JSONReader(try ByteSource(bytes: bytes, name: "test.json"), windowBytes: window)
        try reader.skipValue()
        try reader.finish()
    }

    init(_ reader: inout JSONReader) throws(TraceError) {
        switch try reader.peek() {
        case .object:
            var members: [String: JSONTree] = [:]
            try reader.readObject { (reader, key) throws(TraceError) in members[key] = try JSONTree(&reader) }
            self = .object(members)
        case .array:
            var elements: [JSONTree] = []
            try reader.readArray { (reader) throws(TraceError) in elements.append(try JSONTree(&reader)) }
            self = .array(elements)
        case .string: self = .string(try reader.readString())
        case .number: self = .number(try reader.readDouble())
        case .bool: self = .bool(try reader.readBool())
        case .null:
            _ = try reader.readNull()
            self = .null
        }
    }

    /// Whether Foundation read the same; it does not always tell `true` from 1.
    func matches(_ other: Any) -> Bool {
        switch self {
        case .object(let members):
            guard let other = other as? [String: Any], other.count == members.count else { return false }
            return members.allSatisfy { key, value in other[key].map(value.matches) ?? false }
        case .array(let elements):
            guard let other = other as? [Any], other.count == elements.count else { return false }
            return zip(elements, other).allSatisfy { $0.matches($1) }
        case .string(let text): return (other as? String) == text
        // Foundation rounds numbers of many digits less exactly than strtod.
        case .number(let value):
            return (other as? NSNumber).map { abs($0.doubleValue - value) <= 1e-14 * abs(value) } ?? false
        case .bool(let value): return (other as? NSNumber)?.boolValue == value
        case .null: return other is NSNull
        }
    }

    static func random(_ generator: inout SeededGenerator, depth: Int) -> JSONTree {
        switch generator.nextInt(below: depth > 0 ? 8 : 5) {
        case 0: return .string(randomText(&generator))
        case 1: return .number(Double(generator.nextInt(below: 2000) - 1000))
        case 2: return .number(generator.nextNormal())
        case 3: return .bool(generator.nextUniform() < 0.5)
        case 4: return .null
        case 5: return .array((0..<generator.nextInt(below: 6)).map { _ in random(&generator, depth: depth - 1) })
        default:
            // Now and then more members than are searched one by one.
            let count = generator.nextInt(below: 20) == 0 ? 40 : generator.nextInt(below: 6)
            return .object(
                Dictionary(
                    (0..<count).map { ("\($0)\(randomText(&generator))", random(&generator, depth: depth - 2)) },
                    uniquingKeysWith: { first, _ in first }))
        }
    }

    private static func randomText(_ generator: inout SeededGenerator) -> String {
        let alphabet = Array("abcXYZ 019_-é€😀\"\\/\n\t\u{1}".unicodeScalars)
        var text = ""
        for _ in 0..<generator.nextInt(below: 30) {
            text.unicodeScalars.append(alphabet[generator.nextInt(below: alphabet.count)])
        }
        return text
    }

    /// The document as text, with random white space and random use of escapes.
    func text(_ generator: inout SeededGenerator) -> String {
        let space = ["", "", " ", "\n  ", "\t", "\r\n"][generator.nextInt(below: 6)]
        switch self {
        case .object(let members):
            let parts = members.sorted { $0.key < $1.key }
                .map { "\(JSONTree.string($0.key).text(&generator)):\(space)\($0.value.text(&generator))" }
            return "{" + space + parts.joined(separator: "," + space) + space + "}"
        case .array(let elements):
            return "[" + space + elements.map { $0.text(&generator) }.joined(separator: space + ",") + "]"
        case .string(let text):
            var result = "\""
            for unit in text.unicodeScalars {
                if unit == "\"" || unit == "\\" || unit.value < 32 || generator.nextInt(below: 10) == 0 {
                    for word in Character(unit).utf16 { result += String(format: "\\u%04x", Int(word)) }
                } else {
                    result.unicodeScalars.append(unit)
                }
            }
            return result + "\"" + space
        case .number(let value): return "\(value)"
        case .bool(let value): return "\(value)"
        case .null: return "null"
        }
    }
}
