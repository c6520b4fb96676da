import Reading
import Workloads

/// Distinct texts, numbered from 0 in the order of their first appearance. Their bytes lie one after the other, so
/// that five million of them cost little more than their letters.
public struct TextLevels: Sendable {
    /// How many distinct texts there are.
    public var count: Int { ends.count }

    private var arena: [UInt8] = []
    private var ends: [Int] = []
    /// Open addressing; a slot holds the low half of a hash above the code + 1, 0 is free.
    private var slots: [UInt64] = []

    /// No levels.
    public init() {}

    /// The text of a code.
    public subscript(code: Int32) -> String { String(decoding: bytes(code), as: UTF8.self) }

    /// The UTF-8 bytes of a code.
    public func bytes(_ code: Int32) -> ArraySlice<UInt8> { arena[range(code)] }

    /// The code of a text, if it is one of the levels. O(length).
    public func code(of text: String) -> Int32? {
        guard !slots.isEmpty else { return nil }
        let bytes = Array(text.utf8)
        let code = lookUp(bytes.span, 0..<bytes.count, hash: hashOf(bytes.span, 0..<bytes.count)).code
        return code < 0 ? nil : code
    }

    /// The code of `text[range]`, which becomes a level if it is none yet. O(length), amortised.
    package mutating func intern(_ text: Span<UInt8>, _ range: Range<Int>) -> Int32 {
        if ends.count * 2 >= slots.count { grow() }
        return intern(text, range, hash: hashOf(text, range))
    }

    @inline(__always) private mutating func intern(_ text: Span<UInt8>, _ range: Range<Int>, hash: UInt64) -> Int32 {
        let (code, slot) = lookUp(text, range, hash: hash)
        if code >= 0 { return code }
        precondition(ends.count < Int(Int32.max), "more than two billion distinct texts")
        let new = Int32(truncatingIfNeeded: ends.count)
        text.extracting(range).withUnsafeBufferPointer { arena.append(contentsOf: $0) }
        ends.append(arena.count)
        slots[slot] = hash << 32 | UInt64(new) + 1
        return new
    }

    /// As above for any bytes.
    package mutating func intern(_ text: some Collection<UInt8>) -> Int32 {
        let bytes = Array(text)
        return intern(bytes.span, 0..<bytes.count)
    }

    /// Forgets all levels and keeps the memory.
    package mutating func removeAll() {
        guard !ends.isEmpty else { return }
        arena.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        for i in slots.indices { slots[i] = 0 }
    }

    /// The codes of `other`'s levels here; those that are new become levels.
    package mutating func absorb(_ other: borrowing TextLevels) -> [Int32] {
        var codes = [Int32](repeating: 0, count: other.count)
        let source = other.arena.span
        while (ends.count + other.count) * 2 >= slots.count { grow() }
        var hashes = [UInt64](repeating: 0, count: 64)
        var first = 0
        while first < other.count {
            let batch = first..<min(first + 64, other.count)
            // The slots of a large table are far away in memory: to ask for many at once is much faster than one
            // after the other.
            var touched: UInt64 = 0
            for i in batch {
                let hash = hashOf(source, other.range(Int32(truncatingIfNeeded: i)))
                hashes[i - first] = hash
                touched ^= slots[Int(truncatingIfNeeded: hash & 0xFFFF_FFFF) & (slots.count - 1)]
            }
            codes[first] = Int32(truncatingIfNeeded: touched)  // keeps the loads; overwritten below
            for i in batch {
                codes[i] = intern(source, other.range(Int32(truncatingIfNeeded: i)), hash: hashes[i - first])
            }
            first = batch.upperBound
        }
        return codes
    }
}

extension TextLevels {
    /// The letters of all levels one after the other; ``range(_:)`` says where each is.
    package func withUnsafeLetters<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try arena.withUnsafeBytes(body)
    }

    package func range(_ code: Int32) -> Range<Int> { (code == 0 ? 0 : ends[Int(code) - 1])..<ends[Int(code)] }

    /// The code, or -1 and the free slot where it belongs.
    @inline(__always) private func lookUp(_ text: Span<UInt8>, _ range: Range<Int>, hash: UInt64) -> (
        code: Int32, slot: Int
    ) {
        let mask = slots.count - 1
        let wanted = hash & 0xFFFF_FFFF
        var slot = Int(truncatingIfNeeded: wanted) & mask
        while case let entry = slots[slot], entry != 0 {
            if entry >> 32 == wanted {
                let code = Int32(truncatingIfNeeded: (entry & 0xFFFF_FFFF) - 1)
                if equal(arena.span, self.range(code), text, range) { return (code, slot) }
            }
            slot = (slot + 1) & mask
        }
        return (-1, slot)
    }

    private mutating func grow() {
        let old = slots
        slots = [UInt64](repeating: 0, count: max(16, old.count * 2))
        let mask = slots.count - 1
        for entry in old where entry != 0 {
            var slot = Int(truncatingIfNeeded: entry >> 32) & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = entry
        }
    }
}

@inline(__always) private func equal(_ a: Span<UInt8>, _ first: Range<Int>, _ b: Span<UInt8>, _ second: Range<Int>)
    -> Bool
{
    guard first.count == second.count else { return false }
    var (i, j) = (first.lowerBound, second.lowerBound)
    while i + 8 <= first.upperBound {
        if word(a, i) != word(b, j) { return false }
        (i, j) = (i + 8, j + 8)
    }
    while i < first.upperBound {
        if a[i] != b[j] { return false }
        (i, j) = (i + 1, j + 1)
    }
    return true
}

/// 64 bits that depend on every byte and on the length (multiply and fold, as wyhash does).
@inline(__always) private func hashOf(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt64 {
    var state = UInt64(range.count) ^ 0x9E37_79B9_7F4A_7C15
    var i = range.lowerBound
    while i + 8 <= range.upperBound {
        state = fold(state ^ word(bytes, i))
        i += 8
    }
    var tail: UInt64 = 0
    while i < range.upperBound {
        tail = tail << 8 | UInt64(bytes[i])
        i += 1
    }
    return fold(state ^ tail)
}

@inline(__always) private func fold(_ value: UInt64) -> UInt64 {
    let (high, low) = value.multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
    return high ^ low
}

/// A column of texts: a code per row into its levels, -1 where the value is missing.
public struct TextColumn: Sendable {
    /// One per row.
    public package(set) var codes: [Int32] = []
    /// The distinct texts.
    public package(set) var levels = TextLevels()

    /// No rows.
    public init() {}

    /// How many rows.
    public var count: Int { codes.count }

    /// The text of a row, or `nil` if it is missing.
    public subscript(row: Int) -> String? { codes[row] < 0 ? nil : levels[codes[row]] }

    /// Adds a row; `nil` is missing.
    public mutating func append(_ text: String?) {
        guard let text else { return codes.append(-1) }
        codes.append(levels.intern(text.utf8))
    }

    /// The column as numbers if every level is a finite decimal number.
    func asNumbers() -> [Double]? {
        guard levels.count > 0 else { return nil }
        var values: [Double] = []
        values.reserveCapacity(levels.count)
        for code in 0..<Int32(truncatingIfNeeded: levels.count) {
            let bytes = Array(levels.bytes(code))
            guard case .value(let number) = parseNumber(bytes.span, 0..<bytes.count), number.isFinite else {
                return nil
            }
            values.append(number)
        }
        return codes.map { $0 < 0 ? .nan : values[Int($0)] }
    }
}

extension TextColumn: Hashable {
    /// Equal texts in equal rows, whatever their codes.
    public static func == (a: TextColumn, b: TextColumn) -> Bool {
        guard a.count == b.count else { return false }
        var (there, back) = (
            [Int32](repeating: -1, count: a.levels.count), [Int32](repeating: -1, count: b.levels.count)
        )
        for (x, y) in zip(a.codes, b.codes) {
            if x < 0 || y < 0 {
                if x != y { return false }
            } else if there[Int(x)] < 0, back[Int(y)] < 0 {
                if a.levels.bytes(x) != b.levels.bytes(y) { return false }
                there[Int(x)] = y
                back[Int(y)] = x
            } else if there[Int(x)] != y {
                return false
            }
        }
        return true
    }

    /// Over the number of rows only.
    public func hash(into hasher: inout Hasher) { hasher.combine(codes.count) }
}

extension [UInt8] {
    @inline(__always) mutating func append(_ text: Span<UInt8>, _ range: Range<Int>) {
        for i in range { append(text[i]) }
    }
}
