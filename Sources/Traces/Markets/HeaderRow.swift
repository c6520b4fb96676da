/// The header of a table: where the columns are, whatever their order, letter case and underscores.
struct HeaderRow {
    private var indexes: [String: Int] = [:]
    /// How many columns there are.
    let count: Int

    /// Reads the first record.
    ///
    /// - Parameters:
    ///   - required: Names in lower case without underscores.
    ///   - synonyms: Other names and what they stand for.
    /// - Throws: ``TraceError`` if a required column is missing or one occurs twice.
    init(_ reader: inout DelimitedReader, required: [String], synonyms: [String: String] = [:]) throws(TraceError) {
        guard try reader.next() else { throw .empty(path: reader.name) }
        count = reader.fieldCount
        for index in 0..<reader.fieldCount {
            let name = reader.text(index).lowercased().filter { !" _-".contains($0) }
            guard indexes.updateValue(index, forKey: synonyms[name] ?? name) == nil else {
                throw .malformed(
                    at: reader.position(field: index),
                    found: "a second column \(TraceError.quote(reader.field(index)))",
                    expected: "every column once", remedy: "Rename or remove one of them.")
            }
        }
        for name in required where indexes[name] == nil {
            let header = (0..<reader.fieldCount).map { reader.text($0) }.joined(separator: ",")
            throw .malformed(
                at: reader.position(), found: "the header \(TraceError.quote(header.utf8))",
                expected: "a column '\(name)' (case and underscores do not matter)",
                remedy: "Name the columns in the first line.")
        }
    }

    /// Where a column is, or `nil`.
    subscript(name: String) -> Int? { indexes[name] }

    /// Where a required column is.
    func index(_ name: String) -> Int { indexes[name] ?? 0 }
}
