import Reading

extension MarketImport {
    /// Reads lifetimes of instances from CSV with a header; other columns are passed over.
    static func readLifetimes(_ source: ByteSource, _ report: inout ImportReport) throws(TraceError) -> [LifetimeRecord]
    {
        var reader = DelimitedReader(source, delimiter: UInt8(ascii: ","), quoting: true)
        var header = try HeaderRow(
            &reader, required: ["vmid", "zone", "machinetype", "starttime", "lifetimesec", "preempted"],
            synonyms: ["id": "vmid", "lifetimeseconds": "lifetimesec", "reclaimed": "preempted"])
        var records: [LifetimeRecord] = []
        while try reader.next() {
            if try header.isAgain(reader) { continue }
            let (start, lifetime, preempted) = (
                header.index("starttime"), header.index("lifetimesec"), header.index("preempted")
            )
            report.rowsRead += 1
            guard reader.fieldCount == header.count else {
                report.skip(
                    "number of fields differs from the header", line: reader.line, example: "\(reader.fieldCount)")
                continue
            }
            let startText = Array(reader.field(start))
            guard let startTime = parseTimestamp(startText.span, startText.indices) else {
                report.skip("the start is not ISO 8601", line: reader.line, example: TraceError.quote(startText))
                continue
            }
            guard let seconds = number(reader, lifetime), seconds >= 0 else {
                report.skip(
                    "the lifetime is no number of seconds", line: reader.line,
                    example: TraceError.quote(reader.field(lifetime)))
                continue
            }
            let wasReclaimed: Bool
            switch reader.text(preempted).lowercased() {
            case "1", "true", "yes": wasReclaimed = true
            case "0", "false", "no": wasReclaimed = false
            default:
                report.skip(
                    "neither 1 (reclaimed) nor 0 (stopped by its owner)", line: reader.line,
                    example: TraceError.quote(reader.field(preempted)))
                continue
            }
            records.append(
                LifetimeRecord(
                    id: reader.text(header.index("vmid")), zone: reader.text(header.index("zone")),
                    machineType: reader.text(header.index("machinetype")), startTime: startTime,
                    lifetimeSeconds: seconds, wasReclaimed: wasReclaimed))
            report.rowsStored += 1
        }
        return records
    }
}
