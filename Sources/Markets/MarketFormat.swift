public import Reading

/// The formats of market data that can be imported.
public enum MarketFormat: String, CaseIterable, Sendable, Codable {
    /// What `aws ec2 describe-spot-price-history` prints: `{"SpotPriceHistory": [...]}`, or the list alone.
    case awsPrices = "aws-spot-prices"
    /// The same fields as a table with a header: CSV, tabs or semicolons.
    case priceTable = "spot-price-csv"
    /// `{"metadata": {"gap_seconds": 600}, "data": [0, 1, ...], "prices": [...]?}` of the SkyPilot spot traces.
    case availability = "skypilot-availability"
    /// `milliseconds,add|remove,node` without header, as the Bamboo fleet traces have it.
    case fleetEvents = "fleet-events"
    /// `date, time, count` without header.
    case fleetCounts = "fleet-counts"
    /// CSV with a header: `vm_id, zone, machine_type, start_time, lifetime_sec, preempted, …`.
    case lifetimes = "vm-lifetimes"

    /// What a source holds, judged by its first bytes, which stay to be read.
    ///
    /// - Throws: ``TraceError`` if it cannot be read or is none of these.
    public static func detect(_ source: ByteSource) throws(TraceError) -> MarketFormat {
        let head = try source.peek(1 << 12)
        if let format = recognise(head) { return format }
        if head.isEmpty { throw .empty(path: source.name) }
        throw .unknownFormat(
            path: source.name, found: "a file that begins with \(TraceError.quote(head))",
            nearest: head.first == UInt8(ascii: "{")
                ? MarketFormat.awsPrices.rawValue : MarketFormat.priceTable.rawValue,
            remedy: "Name the format: \(allCases.map(\.rawValue).joined(separator: ", ")).")
    }

    /// The format of a file that begins with these bytes, or `nil` if it is none of these.
    public static func recognise(_ head: some Collection<UInt8>) -> MarketFormat? {
        let text = String(decoding: head, as: UTF8.self).drop { $0.isWhitespace }
        if text.first == "{" {
            if text.contains("\"SpotPriceHistory\"") { return .awsPrices }
            return text.contains("\"gap_seconds\"") ? .availability : nil
        }
        if text.first == "[" { return text.contains("\"SpotPrice\"") ? .awsPrices : nil }
        let line = text.prefix { !$0.isNewline }.lowercased()
        func split(_ separators: Set<Character>) -> [String] {
            line.split(omittingEmptySubsequences: false) { separators.contains($0) }.map {
                $0.filter { !" \"_".contains($0) }
            }
        }
        let (fields, names) = (split([","]), split([",", ";", "\t"]))
        if names.contains("spotprice") || (names.contains("availabilityzone") && names.contains("instancetype")) {
            return .priceTable
        }
        if fields.contains("lifetimesec") || fields.contains("lifetimeseconds") { return .lifetimes }
        if fields.count == 3, ["add", "remove"].contains(fields[1]) { return .fleetEvents }
        if fields.count == 3, fields[0].count == 8 + 2, fields[1].contains(":") { return .fleetCounts }
        return nil
    }
}
