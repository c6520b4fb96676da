/// Compares the output of a command with the expected one as a reader would.
///
/// Numbers agree within a relative tolerance or one unit of the expected last decimal. White space and the length of
/// rules do not matter. `…` matches the rest of a line up to what follows it, and any number of lines where it stands
/// alone. Any date or time of day matches another, and of a path only the last component is compared.
struct OutputComparison {
    var tolerance = 0.15

    /// `nil` if `actual` is as expected, else a line-by-line difference.
    func difference(expected: [String], actual: [String]) -> String? {
        let expected = Self.trimmed(expected)
        let actual = Self.trimmed(actual)
        let wanted = expected.map { $0.trimmed == "…" ? nil : Self.tokens($0) }
        let found = actual.map(Self.tokens)
        // reach[i][j]: the lines of `wanted` from i match those of `found` from j.
        var reach = [[Bool]](repeating: .init(repeating: false, count: found.count + 1), count: wanted.count + 1)
        reach[wanted.count][found.count] = true
        for i in wanted.indices.reversed() {
            for j in stride(from: found.count, through: 0, by: -1) {
                if let line = wanted[i] {
                    reach[i][j] = j < found.count && reach[i + 1][j + 1] && matches(line[...], found[j][...])
                } else {
                    reach[i][j] = reach[i + 1][j] || j < found.count && reach[i][j + 1]
                }
            }
        }
        return reach[0][0] ? nil : explain(expected, actual)
    }

    /// Marks what differs; equal lines that follow each other are kept for orientation.
    private func explain(_ expected: [String], _ actual: [String]) -> String {
        let changes = actual.difference(from: expected) { expected, actual in
            matches(Self.tokens(expected)[...], Self.tokens(actual)[...])
        }
        var removed: Set<Int> = []
        var inserted: [Int: String] = [:]
        for change in changes {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, let line, _): inserted[offset] = line
            }
        }
        var lines: [String] = []
        var next = 0
        func addInserted() {
            while let line = inserted[next] {
                lines.append("+ " + line)
                next += 1
            }
        }
        for (index, line) in expected.enumerated() {
            if removed.contains(index) {
                lines.append("- " + line)
            } else {
                addInserted()
                lines.append("  " + line)
                next += 1
            }
        }
        addInserted()
        return lines.joined(separator: "\n")
    }

    private static func trimmed(_ lines: [String]) -> [String] {
        let start = lines.drop { $0.trimmed.isEmpty }
        return start.reversed().drop { $0.trimmed.isEmpty }.reversed()
    }
}

extension OutputComparison {
    enum Token: Equatable {
        case text(String)
        case number(Double, decimals: Int)
        /// A date or a time of day.
        case moment
        case anything
    }

    private func matches(_ expected: ArraySlice<Token>, _ actual: ArraySlice<Token>) -> Bool {
        guard let first = expected.first else { return actual.isEmpty }
        if first == .anything {
            return (actual.startIndex...actual.endIndex).contains { matches(expected.dropFirst(), actual[$0...]) }
        }
        guard let found = actual.first, matches(first, found) else { return false }
        return matches(expected.dropFirst(), actual.dropFirst())
    }

    private func matches(_ expected: Token, _ actual: Token) -> Bool {
        guard case .number(let wanted, let decimals) = expected, case .number(let found, _) = actual else {
            return expected == actual
        }
        var unit = 1.0
        for _ in 0..<decimals { unit /= 10 }
        let slack = max(tolerance * wanted.magnitude, decimals > 0 ? unit : 0)
        return (wanted - found).magnitude <= slack * (1 + 1e-9)
    }

    /// The words of a line, with numbers, moments and wildcards apart.
    static func tokens(_ line: String) -> [Token] {
        line.split(whereSeparator: \.isWhitespace).flatMap { tokens(ofWord: $0) }
    }

    private static func tokens(ofWord word: Substring) -> [Token] {
        if word.count > 2, Set(word).count == 1, word.first.map({ "-─━═=_".contains($0) }) == true {
            return [.text(String(word.prefix(3)))]
        }
        if let slash = word.lastIndex(of: "/"), word.first == "/" || word.hasPrefix("~/") || word.hasPrefix("./") {
            return tokens(ofWord: word[word.index(after: slash)...])
        }
        var tokens: [Token] = []
        var text = ""
        var rest = word
        func flush() {
            if !text.isEmpty { tokens.append(.text(text)) }
            text = ""
        }
        while let character = rest.first {
            let isInWord =
                text.last.map { $0.isLetter || $0 == "_" || $0.isNumber || $0 == "-" && text.count > 1 } ?? false
            if character == "…" {
                flush()
                tokens.append(.anything)
                rest.removeFirst()
            } else if !isInWord, let (length, token) = leadingToken(rest) {
                flush()
                tokens.append(token)
                rest = rest.dropFirst(length)
            } else if character.isNumber {
                // Digits inside a word are part of a name: m5.large, us-east-1a, SHA-256 sums.
                let digits = rest.prefix { $0.isNumber || $0 == "." }
                text += digits
                rest = rest.dropFirst(digits.count)
            } else {
                text.append(rest.removeFirst())
            }
        }
        flush()
        return tokens
    }

    private static func leadingToken(_ text: Substring) -> (Int, Token)? {
        let date = #/\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?/#
        if let match = text.prefixMatch(of: date) { return (match.output.0.count, .moment) }
        if let match = text.prefixMatch(of: #/\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?Z?/#) {
            return (match.output.0.count, .moment)
        }
        let number = #/[-−+]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?(e[-+]?\d+)?/#
        guard let match = text.prefixMatch(of: number) else { return nil }
        let digits = match.output.0.filter { $0 != "," }.map { $0 == "−" ? "-" : $0 }
        guard let value = Double(String(digits)) else { return nil }
        let decimals = match.output.4 == nil ? max(0, (match.output.3?.count ?? 1) - 1) : 0
        return (match.output.0.count, .number(value, decimals: decimals))
    }
}
