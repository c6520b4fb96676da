public import Reading

/// What a file of market data holds, and what became of its rows.
///
///     let result = try MarketImport.read("c5.large.json.gz")
///     if case .prices(let table) = result.content { print(table.markets) }
public struct MarketImport: Sendable {
    /// The data.
    public let content: Content
    /// Rows read, kept and skipped with the reasons. Rows of availability traces are ticks or events.
    public let report: ImportReport

    /// The kinds of market data.
    public enum Content: Sendable, Hashable {
        case prices(SpotPriceTable)
        case availability(AvailabilityTrace)
        case lifetimes([LifetimeRecord])
    }

    /// Reads a file, `.gz` among it, or standard input for `-`.
    ///
    /// - Parameter format: `nil` finds out by the first bytes of the file.
    /// - Throws: ``TraceError`` if the file cannot be of the format. Single bad rows are skipped and counted.
    public static func read(_ path: String, format: MarketFormat? = nil) throws(TraceError) -> MarketImport {
        let source = try ByteSource(path)
        let format = if let format { format } else { try MarketFormat.detect(source) }
        return try read(source, format: format)
    }

    /// Reads a source whose format is known.
    public static func read(_ source: ByteSource, format: MarketFormat) throws(TraceError) -> MarketImport {
        let start = ContinuousClock.now
        var report = ImportReport(file: source.name, format: format.rawValue)
        let content: Content
        switch format {
        case .awsPrices: content = .prices(try readAWSPrices(source, &report))
        case .priceTable: content = .prices(try readPriceTable(source, &report))
        case .availability: content = .availability(try readAvailability(source, &report))
        case .fleetEvents: content = .availability(try readFleetEvents(source, &report))
        case .fleetCounts: content = .availability(try readFleetCounts(source, &report))
        case .lifetimes: content = .lifetimes(try readLifetimes(source, &report))
        }
        report.seconds = (ContinuousClock.now - start) / .seconds(1)
        return MarketImport(content: content, report: report)
    }

    /// What an availability trace is called: its file with the folder, because collections have a file of the same
    /// name (a zone) in the folder of each campaign.
    static func traceName(_ path: String) -> String {
        guard let folder = path.split(separator: "/").dropLast().last, folder != ".", folder != ".." else {
            return fileStem(path)
        }
        return "\(folder)/\(fileStem(path))"
    }
}
