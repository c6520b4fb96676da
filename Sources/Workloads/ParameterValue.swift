/// The value of a `param.` column.
public enum ParameterValue: Hashable, Sendable {
    case number(Double)
    case text(String)

    /// A number if the text is a finite decimal one, else the text.
    public init(_ text: String) {
        let words = text.split(separator: " ")
        guard words.count == 1, words[0].utf8.allSatisfy({ 48...57 ~= $0 || "+-.eE".utf8.contains($0) }),
            let number = Double(words[0]), number.isFinite
        else {
            self = .text(text)
            return
        }
        self = .number(number)
    }

    /// As it is written to a file.
    public var text: String {
        switch self {
        case .number(let number): Units.shortest(number)
        case .text(let text): text
        }
    }
}

extension ParameterValue: ExpressibleByStringLiteral, ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
    /// A text.
    public init(stringLiteral value: String) { self = .text(value) }
    /// A number.
    public init(floatLiteral value: Double) { self = .number(value) }
    /// A number.
    public init(integerLiteral value: Int) { self = .number(Double(value)) }
}
