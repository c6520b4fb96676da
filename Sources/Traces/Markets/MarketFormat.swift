/// The formats of market data that can be imported.
public enum MarketFormat: String, CaseIterable, Sendable, Codable {
    /// What `aws ec2 describe-spot-price-history` prints: `{"SpotPriceHistory": [...]}`.
    case awsPrices = "aws-spot-prices"
    /// The same fields as CSV with a header.
    case priceTable = "spot-price-csv"
    /// `{"metadata": {"gap_seconds": 600}, "data": [0, 1, ...], "prices": [...]?}` of the SkyPilot spot traces.
    case availability = "skypilot-availability"
    /// `milliseconds,add|remove,node` without header, as the Bamboo fleet traces have it.
    case fleetEvents = "fleet-events"
    /// `date, time, count` without header.
    case fleetCounts = "fleet-counts"
    /// CSV with a header: `vm_id, zone, machine_type, start_time, lifetime_sec, preempted, …`.
    case lifetimes = "vm-lifetimes"

    /// What a file holds, judged by its first bytes.
    ///
    /// - Throws: ``TraceError`` if it cannot be read or is none of these. Standard input cannot be judged before it is
    ///   read: name its format.
    public static func detect(_ path: String) throws(TraceError) -> MarketFormat {
        guard path != "-" else {
            throw .badRequest(
                found: "standard input", expected: "a file, to find out its format",
                remedy: "Name the format: \(allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        let source = try ByteSource(path)
        var bytes = [UInt8](repeating: 0, count: 1 << 12)
        var count = 0
        while count < bytes.count, case let more = try source.read(into: &bytes, from: count), more > 0 {
            count += more
        }
        let head = String(decoding: bytes[..<count], as: UTF8.self)
        let text = head.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
        if text.first == "{" {
            if text.contains("\"SpotPriceHistory\"") { return .awsPrices }
            if text.contains("\"gap_seconds\"") || text.contains("\"data\"") { return .availability }
        }
        let line = text.prefix { !$0.isNewline }.lowercased()
        let fields = line.split(separator: ",", omittingEmptySubsequences: false).map {
            $0.filter { !" \"_".contains($0) }
        }
        if fields.contains("spotprice") || (fields.contains("availabilityzone") && fields.contains("instancetype")) {
            return .priceTable
        }
        if fields.contains("lifetimesec") || fields.contains("lifetimeseconds") { return .lifetimes }
        if fields.count == 3, ["add", "remove"].contains(fields[1]) { return .fleetEvents }
        if fields.count == 3, fields[0].count == 8 + 2, fields[1].contains(":") { return .fleetCounts }
        throw .unknownFormat(
            path: path, found: "a file that begins with \(TraceError.quote(text.utf8.prefix(60)))",
            nearest: text.first == "{" ? MarketFormat.awsPrices.rawValue : MarketFormat.priceTable.rawValue,
            remedy: "Name the format: \(allCases.map(\.rawValue).joined(separator: ", ")).")
    }
}
