/// A column that a model was trained on.
public struct ForestFeature: Sendable, Hashable {
    public let name: String
    /// The levels seen in training, in the order of their codes; `nil` for a numeric feature.
    public let levels: [String]?
    /// Whether 3, 3.0 and 03 are one level: where another program had numbers for levels, or only their codes.
    public let levelsAreNumbers: Bool

    public init(name: String, levels: [String]?, levelsAreNumbers: Bool = false) {
        (self.name, self.levels, self.levelsAreNumbers) = (name, levels, levelsAreNumbers)
    }

    /// The level that a word of a table stands for, which may be one that is not known.
    public func level(_ word: String) -> String {
        if levelsAreNumbers { return Self.canonical(word) }
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
}

extension ForestFeature: Codable {
    private enum CodingKeys: String, CodingKey { case name, levels, levelsAreNumbers }

    public init(from decoder: any Decoder) throws {
        let stored = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            name: try stored.decode(String.self, forKey: .name),
            levels: try stored.decodeIfPresent([String].self, forKey: .levels),
            levelsAreNumbers: try stored.decodeIfPresent(Bool.self, forKey: .levelsAreNumbers) ?? false)
    }

    public func encode(to encoder: any Encoder) throws {
        var stored = encoder.container(keyedBy: CodingKeys.self)
        try stored.encode(name, forKey: .name)
        try stored.encodeIfPresent(levels, forKey: .levels)
        if levelsAreNumbers { try stored.encode(true, forKey: .levelsAreNumbers) }
    }
}
