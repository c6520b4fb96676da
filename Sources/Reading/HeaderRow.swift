/// The header of a table: where the columns are, whatever their order, letter case and underscores.
package struct HeaderRow {
    private var indexes: [String: Int] = [:]
    private let required: [String]
    private let synonyms: [String: String]
    /// How many columns there are.
    package private(set) var count = 0

    /// Reads the first record.
    ///
    /// - Parameters:
    ///   - required: Names in lower case without underscores.
    ///   - synonyms: Other names and what they stand for.
    /// - Throws: ``TraceError`` if a required column is missing or one occurs twice.
    package init(_ reader: inout DelimitedReader, required: [String], synonyms: [String: String] = [:])
        throws(TraceError)
    {
        (self.required, self.synonyms) = (required, synonyms)
        guard try reader.next() else { throw .empty(path: reader.name) }
        try read(reader)
    }

    /// Whether the current record is a header again, that of a table joined to the one before, which then holds.
    package mutating func isAgain(_ reader: borrowing DelimitedReader) throws(TraceError) -> Bool {
        guard reader.hasWordsOnly else { return false }
        let names = Set(reader.names.map(plain))
        guard required.allSatisfy(names.contains) else { return false }
        try read(reader)
        return true
    }

    private func plain(_ name: String) -> String {
        let name = name.lowercased().filter { !" _-".contains($0) }
        return synonyms[name] ?? name
    }

    private mutating func read(_ reader: borrowing DelimitedReader) throws(TraceError) {
        (indexes, count) = ([:], reader.fieldCount)
        for (index, name) in reader.names.enumerated() {
            guard indexes.updateValue(index, forKey: plain(name)) == nil else {
                throw .malformed(
                    at: reader.position(field: index),
                    found: "a second column \(TraceError.quote(reader.field(index)))",
                    expected: "every column once", remedy: "Rename or remove one of them.")
            }
        }
        for name in required where indexes[name] == nil {
            let header = reader.names.joined(separator: ",")
            throw .malformed(
                at: reader.position(), found: "the header \(TraceError.quote(header.utf8))",
                expected: "a column '\(name)' (case and underscores do not matter)",
                remedy: "Name the columns in the first line.")
        }
    }

    /// Where a column is, or `nil`.
    package subscript(name: String) -> Int? { indexes[name] }

    /// Where a required column is.
    package func index(_ name: String) -> Int { indexes[name] ?? 0 }
}
