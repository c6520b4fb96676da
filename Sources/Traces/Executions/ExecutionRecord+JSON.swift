extension ExecutionRecord: Encodable {
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// An object with the names of the schema; what is not known is left out.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        for column in ExecutionColumn.allCases {
            if let text = self[text: column] {
                try values.encode(text, forKey: Key(column.name))
            } else if let number = self[number: column] {
                try values.encode(number, forKey: Key(column.name))
            }
        }
        for (name, value) in parameters {
            switch value {
            case .number(let number): try values.encode(number, forKey: Key("param.\(name)"))
            case .text(let text): try values.encode(text, forKey: Key("param.\(name)"))
            }
        }
    }
}
