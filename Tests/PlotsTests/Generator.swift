import TestSupport

extension TestGenerator {
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
