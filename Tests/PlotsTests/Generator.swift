/// SplitMix64, so that every case is named by its seed.
struct Generator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A value of any sign and order of magnitude up to `limit`, sometimes zero.
    mutating func value(upTo limit: Double) -> Double {
        let sizes: [Double] = [1e-300, 1e-9, 1e-3, 1, 1, 1e3, 1e9, limit]
        let size = sizes.randomElement(using: &self) ?? 1
        let share = Int.random(in: 0..<12, using: &self) == 0 ? 0 : Double.random(in: -1...1, using: &self)
        return share * min(size, limit)
    }

    /// Text with everything that markup must escape.
    mutating func text() -> String {
        let pieces = [
            "a", "B", "&", "<", ">", "\"", "'", "]]>", "<!--", "é", "日本", "\u{0}", "\u{1F}", "\n", " ", "😀", "`", "**",
            "\u{FFFF}",
        ]
        return (0..<Int.random(in: 0...12, using: &self)).map { _ in pieces.randomElement(using: &self) ?? "" }.joined()
    }
}
