package import LinearAlgebra

/// Damage of the kinds that files suffer: for fuzz tests.
package enum ByteMutations {
    /// Applies one to four random changes.
    package static func apply(_ generator: inout SeededGenerator, to bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0...generator.nextInt(below: 4) where !bytes.isEmpty {
            let i = generator.nextInt(below: bytes.count)
            let j = min(bytes.count, i + 1 + generator.nextInt(below: 40))
            switch generator.nextInt(below: 8) {
            case 0: bytes[i] ^= 1 << UInt8(generator.nextInt(below: 8))
            case 1: bytes.removeSubrange(i..<j)
            case 2: bytes.insert(contentsOf: Array(bytes[i..<j]), at: generator.nextInt(below: bytes.count))
            case 3: bytes.removeSubrange(i...)
            case 4: bytes.replaceSubrange(i..<i, with: pieces[generator.nextInt(below: pieces.count)].utf8)
            case 5: bytes[i] = structure[generator.nextInt(below: structure.count)]
            case 6: bytes[i] = UInt8(generator.nextInt(below: 256))
            default:
                // A digit becomes a huge, negative or senseless number.
                guard let digit = bytes[i...].firstIndex(where: { 48...57 ~= $0 }) else { continue }
                bytes.replaceSubrange(digit...digit, with: numbers[generator.nextInt(below: numbers.count)].utf8)
            }
        }
        return bytes
    }

    private static let structure = Array("{}[],:\"\\ \n0-.eE".utf8)
    private static let pieces = ["NaN", "null", "{}", "[]", "\"\"", "\\ud800", "\r", "1e999", ",", "}{", "é"]
    private static let numbers = ["1e400", "-1", "99999999999999999999", "0.0", "-0", "1e-400", "9223372036854775808"]
}
