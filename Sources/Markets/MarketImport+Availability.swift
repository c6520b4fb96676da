import Reading

extension MarketImport {
    /// More ticks than this are taken for a wrong unit, not for a trace.
    private static let maximumTicks = 50_000_000

    /// Reads `{"metadata": {"gap_seconds": G}, "data": [...], "prices": [...]?}`. Every count is a row.
    static func readAvailability(
        _ source: ByteSource, _ report: inout ImportReport
    ) throws(TraceError) -> AvailabilityTrace {
        var reader = try JSONReader(source)
        var (step, startTime, capacity): (Double?, Double, Int?) = (nil, 0, nil)
        var counts: [Int]?
        var prices: [Double]?
        try reader.readObject { (reader, key) throws(TraceError) in
            switch key {
            case "metadata":
                try reader.readObject { (reader, key) throws(TraceError) in
                    switch key {
                    case "gap_seconds": step = try reader.readDouble()
                    case "start_time": startTime = try reader.readDouble()
                    case "capacity": capacity = try reader.readInteger()
                    default: return
                    }
                }
            case "data":
                var values: [Int] = []
                try reader.readArray { (reader) throws(TraceError) in
                    let count = try reader.readInteger()
                    guard count >= 0 else { throw reader.invalid(found: "\(count)", expected: "a number of instances") }
                    values.append(count)
                }
                counts = values
            case "prices":
                var values: [Double] = []
                try reader.readArray { (reader) throws(TraceError) in values.append(try reader.readDouble()) }
                prices = values
            default: return
            }
        }
        try reader.finish()
        guard let step, let counts else {
            throw reader.invalid(
                found: "an object without \(step == nil ? "\"gap_seconds\"" : "\"data\"")",
                expected: "{\"metadata\": {\"gap_seconds\": 600}, \"data\": [0, 1]}",
                remedy: "Name the format if the file is of another kind.")
        }
        report.rowsRead = counts.count
        report.rowsStored = counts.count
        return try AvailabilityTrace(
            name: traceName(source.name), startTime: startTime, stepSeconds: step, counts: counts, capacity: capacity,
            prices: prices)
    }

    /// Reads `milliseconds,add|remove,node`: the nodes of a fleet, counted every minute from time 0 on.
    static func readFleetEvents(
        _ source: ByteSource, _ report: inout ImportReport
    ) throws(TraceError) -> AvailabilityTrace {
        var reader = DelimitedReader(source, delimiter: UInt8(ascii: ","), quoting: true)
        var events: [(time: Double, count: Int)] = []
        var alive: Set<String> = []
        var latest = 0.0
        while try reader.next() {
            report.rowsRead += 1
            guard reader.fieldCount == 3 else {
                report.skip("not three fields", line: reader.line, example: "\(reader.fieldCount)")
                continue
            }
            guard let milliseconds = number(reader, 0), milliseconds >= 0 else {
                report.skip("the time is no number", line: reader.line, example: TraceError.quote(reader.field(0)))
                continue
            }
            guard milliseconds / 1000 >= latest else {
                report.skip("earlier than the row before", line: reader.line, example: reader.text(0))
                continue
            }
            let (event, node) = (trimmed(reader, 1), trimmed(reader, 2))
            switch event {
            case "add":
                guard alive.insert(node).inserted else {
                    report.skip("added twice", line: reader.line, example: node)
                    continue
                }
            case "remove":
                guard alive.remove(node) != nil else {
                    report.skip("removed but not there", line: reader.line, example: node)
                    continue
                }
            default:
                report.skip("neither add nor remove", line: reader.line, example: TraceError.quote(event.utf8))
                continue
            }
            latest = milliseconds / 1000
            events.append((latest, alive.count))
            report.rowsStored += 1
        }
        return try everyMinute(events, from: 0, source)
    }

    /// Reads `date, time, count`: instances at irregular times, made regular, one count a minute.
    static func readFleetCounts(
        _ source: ByteSource, _ report: inout ImportReport
    ) throws(TraceError) -> AvailabilityTrace {
        var reader = DelimitedReader(source, delimiter: UInt8(ascii: ","), quoting: true)
        var events: [(time: Double, count: Int)] = []
        while try reader.next() {
            report.rowsRead += 1
            guard reader.fieldCount == 3 else {
                report.skip("not three fields", line: reader.line, example: "\(reader.fieldCount)")
                continue
            }
            let text = Array("\(trimmed(reader, 0))T\(trimmed(reader, 1))".utf8)
            guard let time = parseTimestamp(text.span, text.indices) else {
                report.skip("no date and time", line: reader.line, example: TraceError.quote(text))
                continue
            }
            guard let value = number(reader, 2), let count = Int(exactly: value), count >= 0 else {
                report.skip("no count", line: reader.line, example: TraceError.quote(reader.field(2)))
                continue
            }
            events.append((time, count))
            report.rowsStored += 1
        }
        // Stable: of two rows of the same second the later one counts.
        events.sort { $0.time < $1.time }
        return try everyMinute(events, from: events.first?.time ?? 0, source)
    }

    /// The last count at or before each minute, 0 before the first.
    private static func everyMinute(
        _ events: [(time: Double, count: Int)], from start: Double, _ source: ByteSource
    ) throws(TraceError) -> AvailabilityTrace {
        guard let last = events.last else {
            throw .malformed(
                at: TextPosition(file: source.name), found: "no usable row", expected: "at least one",
                remedy: "Check the format.")
        }
        let ticks = ((last.time - start) / 60).rounded(.down)
        guard ticks < Double(maximumTicks) else {
            throw .malformed(
                at: TextPosition(file: source.name), found: "\(ticks) minutes", expected: "at most \(maximumTicks)",
                remedy: "Check the unit of time.")
        }
        var (counts, next, current) = ([Int](), 0, 0)
        for tick in 0...Int(ticks) {
            while next < events.count, events[next].time <= start + Double(tick) * 60 {
                current = events[next].count
                next += 1
            }
            counts.append(current)
        }
        return try AvailabilityTrace(name: traceName(source.name), startTime: start, stepSeconds: 60, counts: counts)
    }

    static func number(_ reader: DelimitedReader, _ index: Int) -> Double? {
        let bytes = Array(reader.field(index))
        guard case .value(let value) = parseNumber(bytes.span, bytes.indices), value.isFinite else { return nil }
        return value
    }

    private static func trimmed(_ reader: DelimitedReader, _ index: Int) -> String {
        String(decoding: reader.field(index).drop { $0 == 32 }.reversed().drop { $0 == 32 }.reversed(), as: UTF8.self)
    }
}
