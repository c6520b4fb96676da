/// A column that a model was trained on.
public struct ForestFeature: Sendable, Hashable {
    public let name: String
    /// The levels seen in training, in the order of their codes; `nil` for a numeric feature.
    public let levels: [String]?
    public let levelKind: LevelKind
    /// What is subtracted from the numbers of a numeric feature before they are rounded to single precision: 0 but where
    /// they are far from zero and near to one another, as times are.
    public let offset: Double

    /// What the levels are.
    public enum LevelKind: String, Sendable, Codable {
        /// Words, which are taken as they are written.
        case words
        /// Numbers: 3, 3.0 and 03 are one level.
        case numbers
        /// The numbers of levels whose names another program kept to itself. There may be more than are listed.
        case codes
    }

    public init(name: String, levels: [String]?, levelKind: LevelKind = .words, offset: Double = 0) {
        (self.name, self.levels, self.levelKind, self.offset) = (name, levels, levelKind, offset)
    }

    /// The level that a word of a table stands for, which may be one that is not known.
    public func level(_ word: String) -> String {
        if levelKind != .words { return Self.canonical(word) }
        // True and False of Python are true and false elsewhere.
        guard let levels, levels.count <= 2, levels.allSatisfy({ $0 == "True" || $0 == "False" }) else { return word }
        let lower = word.lowercased()
        return lower == "true" ? "True" : lower == "false" ? "False" : word
    }

    /// The shortest spelling of a number; another word as it is.
    static func canonical(_ word: String) -> String {
        if let whole = Int(word) { return String(whole) }
        guard let number = Double(word), number.isFinite else { return word }
        return abs(number) < 0x1p53 ? Int(exactly: number).map(String.init) ?? "\(number)" : "\(number)"
    }

    /// The offset for some numbers: a round one below the lowest, where that is so far from zero that single precision
    /// cannot tell them apart and their distances are much smaller; else 0.
    package static func offset(of values: some Sequence<Double>) -> Double {
        var (low, high, isExact) = (Double.infinity, -Double.infinity, true)
        for value in values where value.isFinite {
            (low, high) = (min(low, value), max(high, value))
            isExact = isExact && Double(Float(value)) == value
        }
        let range = high - low
        guard !isExact, range < max(abs(low), abs(high)) / 64 else { return 0 }
        guard range > 0 else { return low }
        let step = Double(sign: .plus, exponent: range.exponent + 2, significand: 1)
        return (low / step).rounded(.down) * step
    }
}

extension ForestFeature: Codable {
    private enum CodingKeys: String, CodingKey { case name, levels, levelKind, offset }

    public init(from decoder: any Decoder) throws {
        let stored = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            name: try stored.decode(String.self, forKey: .name),
            levels: try stored.decodeIfPresent([String].self, forKey: .levels),
            levelKind: try stored.decodeIfPresent(LevelKind.self, forKey: .levelKind) ?? .words,
            offset: try stored.decodeIfPresent(Double.self, forKey: .offset) ?? 0)
    }

    public func encode(to encoder: any Encoder) throws {
        var stored = encoder.container(keyedBy: CodingKeys.self)
        try stored.encode(name, forKey: .name)
        try stored.encodeIfPresent(levels, forKey: .levels)
        if levelKind != .words { try stored.encode(levelKind, forKey: .levelKind) }
        if offset != 0 { try stored.encode(offset, forKey: .offset) }
    }
}
