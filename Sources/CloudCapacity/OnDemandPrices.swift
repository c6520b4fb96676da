public import Reading
public import Workloads

/// Prices on demand by type, from a table with the columns `type` and `price` (US dollars an hour).
public enum OnDemandPrices {
    /// Reads a file.
    ///
    /// - Throws: `TraceError` that names file, line and what was expected.
    public static func read(_ path: String) throws(TraceError) -> [String: Price] { try read(ByteSource(path)) }

    /// Reads a table.
    public static func read(_ source: ByteSource) throws(TraceError) -> [String: Price] {
        var reader = DelimitedReader(source, delimiter: UInt8(ascii: ","), quoting: true)
        let header = try HeaderRow(
            &reader, required: ["type", "price"],
            synonyms: ["instancetype": "type", "ondemandprice": "price", "priceperhour": "price"])
        let (type, price) = (header.index("type"), header.index("price"))
        var prices: [String: Price] = [:]
        while try reader.next() {
            if reader.fieldCount == 1, reader.text(0).isEmpty { continue }
            guard reader.fieldCount == header.count else {
                throw .malformed(
                    at: reader.position(), found: "\(reader.fieldCount) fields",
                    expected: "\(header.count), as in the header",
                    remedy: "Correct the line.")
            }
            let name = reader.text(type)
            guard !name.isEmpty, let value = Double(reader.text(price)), value > 0, value <= 1e9 else {
                throw .malformed(
                    at: reader.position(field: price), found: "'\(reader.text(price))' for '\(name)'",
                    expected: "a type and its price in US dollars an hour", remedy: "Correct the line.")
            }
            guard prices.updateValue(Price(perHour: value), forKey: name) == nil else {
                throw .malformed(
                    at: reader.position(field: type), found: "'\(name)' a second time", expected: "each type once",
                    remedy: "Remove one of the lines.")
            }
        }
        return prices
    }
}
