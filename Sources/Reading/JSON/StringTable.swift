/// A small cache of short strings: keys and names that occur in every record are made once.
struct StringTable {
    private static let slots = 512
    private static let width = 48
    private var bytes = [UInt8](repeating: 0, count: slots * width)
    private var entries = [(hash: UInt64, string: String)](repeating: (0, ""), count: slots)
    private var lengths = [Int](repeating: -1, count: slots)

    /// The string of a range of valid UTF-8 bytes, and a hash of it (FNV-1a).
    mutating func string(_ source: [UInt8], _ range: Range<Int>) -> (string: String, hash: UInt64) {
        let text = source.span.extracting(range)
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for i in text.indices { hash = (hash ^ UInt64(text[i])) &* 0x100_0000_01b3 }
        let slot = Int(truncatingIfNeeded: (hash ^ hash >> 32) % UInt64(Self.slots))
        if lengths[slot] == text.count, entries[slot].hash == hash, holds(text, at: slot * Self.width) {
            return (entries[slot].string, hash)
        }
        let string = text.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        if text.count <= Self.width {
            lengths[slot] = text.count
            entries[slot] = (hash, string)
            for i in text.indices { bytes[slot * Self.width + i] = text[i] }
        }
        return (string, hash)
    }

    private func holds(_ text: Span<UInt8>, at start: Int) -> Bool {
        for i in text.indices where bytes[start + i] != text[i] { return false }
        return true
    }
}
