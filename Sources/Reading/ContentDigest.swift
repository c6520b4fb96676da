/// 128 bits that stand for a content, however it is cut into pieces. Quick rather than safe against forgery: it tells
/// a file that was read before, nobody gains by a collision.
struct ContentDigest {
    private var first: UInt64 = 0x9E37_79B9_7F4A_7C15
    private var second: UInt64 = 0xD1B5_4A32_D192_ED03
    private var rest: [UInt8] = []
    /// How many bytes were added.
    private(set) var count = 0

    /// 32 hexadecimal digits.
    var text: String {
        var copy = self
        let length = UInt64(count)
        let last = rest + [UInt8](repeating: 0, count: (16 - rest.count % 16) % 16)
        copy.mix(last.span, 0..<last.count)
        return [copy.first ^ length, copy.second &+ length].map { part in
            let digits = String(mixed(part, 0xE703_7ED1_A0B4_28DB), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    mutating func add(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        count += range.count
        var start = range.lowerBound
        if !rest.isEmpty {
            let missing = min(16 - rest.count, range.count)
            for i in start..<start + missing { rest.append(bytes[i]) }
            start += missing
            guard rest.count == 16 else { return }
            let whole = rest
            rest.removeAll(keepingCapacity: true)
            mix(whole.span, 0..<16)
        }
        let end = start + (range.upperBound - start) / 16 * 16
        mix(bytes, start..<end)
        for i in end..<range.upperBound { rest.append(bytes[i]) }
    }

    private mutating func mix(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        var (a, b) = (first, second)
        var i = range.lowerBound
        while i < range.upperBound {
            let (x, y) = (word(bytes, i), word(bytes, i + 8))
            a = mixed(a ^ x, 0xA076_1D64_78BD_642F) &+ y
            b = mixed(b ^ y, 0x8EBC_6AF0_9C88_C6E3) &+ x
            i += 16
        }
        (first, second) = (a, b)
    }
}

@inline(__always) private func mixed(_ value: UInt64, _ by: UInt64) -> UInt64 {
    let (high, low) = value.multipliedFullWidth(by: by)
    return high ^ low
}
