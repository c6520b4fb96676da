import Reading

extension MarketImport {
    /// Reads the JSON of `aws ec2 describe-spot-price-history`: an object with the list, or with `--query
    /// SpotPriceHistory` the list alone; several of them, as pages that were saved one after the other.
    static func readAWSPrices(_ source: ByteSource, _ report: inout ImportReport) throws(TraceError) -> SpotPriceTable {
        var reader = try JSONReader(source)
        var rows = PriceRows(report: report)
        func readList(_ reader: inout JSONReader) throws(TraceError) {
            try reader.readArray { (reader) throws(TraceError) in
                try rows.record.read(&reader)
                rows.finishRecord(line: reader.line)
            }
        }
        repeat {
            if try reader.peek() == .array {
                try readList(&reader)
                continue
            }
            var hasHistory = false
            try reader.readObject { (reader, key) throws(TraceError) in
                guard key == "SpotPriceHistory" else { return }
                hasHistory = true
                try readList(&reader)
            }
            guard hasHistory else {
                throw reader.invalid(
                    found: "an object without \"SpotPriceHistory\"", expected: "{\"SpotPriceHistory\": [...]}",
                    remedy: "Save the output of: aws ec2 describe-spot-price-history --output json.")
            }
        } while try reader.hasAnotherDocument()
        return rows.finish(&report)
    }

    /// Reads the same fields from a table with a header; `ProductDescription` may be missing.
    static func readPriceTable(_ source: ByteSource, _ report: inout ImportReport) throws(TraceError) -> SpotPriceTable
    {
        let head = try source.peek(1 << 12).prefix { $0 != UInt8(ascii: "\n") }
        let delimiter = "\t;".utf8.first(where: head.contains) ?? UInt8(ascii: ",")
        var reader = DelimitedReader(source, delimiter: delimiter, quoting: true)
        var header = try HeaderRow(
            &reader, required: ["instancetype", "availabilityzone", "spotprice", "timestamp"],
            synonyms: [
                "zone": "availabilityzone", "price": "spotprice", "time": "timestamp", "product": "productdescription",
                "productdesc": "productdescription", "instance": "instancetype",
            ])
        func columns() -> (type: Int, zone: Int, price: Int, time: Int, product: Int?) {
            (
                header.index("instancetype"), header.index("availabilityzone"), header.index("spotprice"),
                header.index("timestamp"), header["productdescription"]
            )
        }
        var (type, zone, price, time, product) = columns()
        var rows = PriceRows(report: report)
        while try reader.next() {
            if try header.isAgain(reader) {
                (type, zone, price, time, product) = columns()
                continue
            }
            let line = reader.line
            guard reader.fieldCount == header.count else {
                rows.skip("number of fields differs from the header", "\(reader.fieldCount)", line)
                continue
            }
            rows.record = PriceRecord()
            rows.record.instanceType = reader.text(type)
            rows.record.zone = reader.text(zone)
            if let product { rows.record.product = reader.text(product) }
            let (priceBytes, timeBytes) = (Array(reader.field(price)), Array(reader.field(time)))
            rows.record.price = PriceRecord.price(priceBytes.span)
            rows.record.time = PriceRecord.time(timeBytes.span)
            rows.finishRecord(line: line)
        }
        return rows.finish(&report)
    }
}

/// One record as it stands in the file.
private struct PriceRecord {
    var instanceType = ""
    var zone = ""
    var product = SpotMarket.linux
    var price = Field.missing
    var time = Field.missing

    enum Field {
        case missing
        case value(Double)
        case bad(String)
    }

    mutating func read(_ reader: inout JSONReader) throws(TraceError) {
        self = PriceRecord()
        guard try reader.peek() == .object else { return try reader.skipValue() }
        try reader.readObject { (reader, key) throws(TraceError) in
            switch (key, try reader.peek()) {
            case ("InstanceType", .string): instanceType = try reader.readString()
            case ("AvailabilityZone", .string): zone = try reader.readString()
            case ("ProductDescription", .string): product = try reader.readString()
            case ("SpotPrice", .string): price = try reader.readString { PriceRecord.price($0) }
            case ("SpotPrice", .number): price = .value(try reader.readDouble())
            case ("Timestamp", .string): time = try reader.readString { PriceRecord.time($0) }
            case ("Timestamp", .number): time = .value(try reader.readDouble())
            default: return
            }
        }
    }

    /// US dollars, a decimal number.
    static func price(_ text: Span<UInt8>) -> Field {
        switch parseNumber(text, 0..<text.count) {
        case .value(let value): .value(value)
        case .missing: .missing
        case .notANumber: .bad(quoted(text))
        }
    }

    /// ISO 8601, or Unix seconds.
    static func time(_ text: Span<UInt8>) -> Field {
        if let seconds = parseTimestamp(text, 0..<text.count) { return .value(seconds) }
        switch parseNumber(text, 0..<text.count) {
        case .value(let seconds): return .value(seconds)
        case .missing: return .missing
        case .notANumber: return .bad(quoted(text))
        }
    }

    private static func quoted(_ text: Span<UInt8>) -> String {
        text.withUnsafeBufferPointer { TraceError.quote($0) }
    }
}

/// Collects records, good and bad.
private struct PriceRows {
    var record = PriceRecord()
    private var report: ImportReport
    private var builder = SpotPriceTable.Builder()

    init(report: ImportReport) { self.report = report }

    /// Keeps the record, or counts why not.
    mutating func finishRecord(line: @autoclosure () -> Int) {
        guard !record.instanceType.isEmpty else { return skip("no instance type", nil, line()) }
        guard !record.zone.isEmpty else { return skip("no availability zone", nil, line()) }
        let (price, time): (Double, Double)
        switch record.price {
        case .missing: return skip("no price", nil, line())
        case .bad(let text): return skip("the price is no number", text, line())
        case .value(let value): price = value
        }
        switch record.time {
        case .missing: return skip("no time", nil, line())
        case .bad(let text): return skip("the time is not ISO 8601", text, line())
        case .value(let value): time = value
        }
        guard price.isFinite, price > 0 else { return skip("the price is not positive", "\(price)", line()) }
        guard time.isFinite, abs(time) < 1e11 else { return skip("the time is out of range", "\(time)", line()) }
        report.rowsRead += 1
        builder.append(
            SpotMarket(instanceType: record.instanceType, zone: record.zone, product: record.product), time: time,
            price: price)
    }

    mutating func skip(_ reason: String, _ example: String?, _ line: Int) {
        report.rowsRead += 1
        report.skip(reason, line: line, example: example)
    }

    func finish(_ report: inout ImportReport) -> SpotPriceTable {
        report = self.report
        let (table, dropped) = builder.build()
        if dropped.repeated > 0 { report.skip("repeats another row", line: 0, rows: dropped.repeated) }
        if dropped.contradicting > 0 {
            report.skip("another price at the same second", line: 0, rows: dropped.contradicting)
        }
        report.rowsStored = table.count
        return table
    }
}
