import LinearAlgebra
import Markets
import Reading
import TestSupport
import Testing
import Traces

@Suite("Availability traces") struct AvailabilityTests {
    static let skypilot = """
        {"metadata": {"gap_seconds": 600}, "data": [0, 1, 1, 0, 0, 0, 1], "prices": [0.9, 0.9, 0.9, 0.9, 1, 1, 1]}
        """
    static let events = "0,add,node1\n0,add,node2\n60000,add,node3\n150000,remove,node1\n300000,add,node1\n"
    static let counts = "2021-12-10, 13:07:45, 80\n2021-12-10, 13:09:45, 78\n2021-12-10, 13:08:50, 79\n"
    static let lifetimes = """
        vm_id,zone,machine_type,start_time,lifetime_sec,preempted,day_of_week
        a,us-central1-c,n1-highcpu-16,2019-03-25T12:22:36.617-07:00,2836.621,1,Monday
        b,us-central1-c,n1-highcpu-16,2019-03-25T12:55:31.133-07:00,348.006,0,Monday
        c,us-central1-c,n1-highcpu-16,never,348.006,0,Monday
        d,us-central1-c,n1-highcpu-16,2019-03-25T12:55:31.133-07:00,-3,0,Monday
        e,us-central1-c,n1-highcpu-16,2019-03-25T12:55:31.133-07:00,3,maybe,Monday
        f,us-central1-c
        """

    func read(_ text: String, _ format: MarketFormat) throws -> MarketImport {
        try MarketImport.read(try ByteSource(bytes: Array(text.utf8), name: "folder/zone_v100.json.gz"), format: format)
    }

    func trace(_ text: String, _ format: MarketFormat) throws -> AvailabilityTrace {
        guard case .availability(let trace) = try read(text, format).content else {
            throw TraceError.empty(path: "no trace")
        }
        return trace
    }

    @Test("a trace knows its counts, spells and share of available time")
    func skypilotTrace() throws {
        let trace = try trace(Self.skypilot, .availability)
        #expect(trace.name == "folder/zone_v100" && trace.stepSeconds == 600 && trace.capacity == 1)
        #expect(trace.counts == [0, 1, 1, 0, 0, 0, 1] && trace.prices?.last == 1)
        #expect([-1, 0, 599, 600, 4199, 4200].map { trace.count(at: $0) } == [nil, 0, 0, 1, 1, nil])
        #expect(trace.availability() == 3.0 / 7)
        #expect(trace.spells().map(\.isAvailable) == [false, true, false, true])
        #expect(trace.spells().map(\.durationSeconds) == [600, 1200, 1800, 600])
        #expect(trace.spells().map(\.startSeconds) == [0, 600, 1800, 3600])
    }

    @Test("events of a fleet become a count a minute")
    func fleetEvents() throws {
        let trace = try trace(Self.events, .fleetEvents)
        #expect(trace.counts == [2, 3, 3, 2, 2, 3] && trace.capacity == 3 && trace.stepSeconds == 60)
        let bad = try read(Self.events + "310000,remove,node9\n310000,add,node1\n5,add,x\n1,2\nx,add,y\n", .fleetEvents)
        #expect(bad.report.rowsRead == 10 && bad.report.rowsStored == 5)
        #expect(
            bad.report.reasons.map(\.reason) == [
                "removed but not there", "added twice", "earlier than the row before", "not three fields",
                "the time is no number",
            ])
    }

    @Test("counts at irregular times, out of order, become a count a minute")
    func fleetCounts() throws {
        let trace = try trace(Self.counts, .fleetCounts)
        #expect(trace.counts == [80, 80, 78] && trace.capacity == 80 && trace.startTime == 1_639_141_665)
    }

    @Test("lifetimes say which are right-censored")
    func lifetimeRecords() throws {
        let result = try read(Self.lifetimes, .lifetimes)
        guard case .lifetimes(let records) = result.content else { throw TraceError.empty(path: "no lifetimes") }
        #expect(records.map(\.wasReclaimed) == [true, false])
        #expect(records[0].lifetimeSeconds == 2836.621 && records[0].startTime == 1_553_541_756.617)
        #expect(result.report.rowsRead == 6 && result.report.rowsSkipped == 4 && result.report.reasons.count == 4)
    }

    @Test("values that no trace can have are refused")
    func refused() {
        let texts = [
            "{\"metadata\": {}, \"data\": [1]}", "{\"metadata\": {\"gap_seconds\": 0}, \"data\": [1]}",
            "{\"metadata\": {\"gap_seconds\": 5}, \"data\": [-1]}", "{\"metadata\": {\"gap_seconds\": 5}}",
            "{\"metadata\": {\"gap_seconds\": 5}, \"data\": [0.5]}",
            "{\"metadata\": {\"gap_seconds\": 5}, \"data\": [1], \"prices\": []}",
            "{\"metadata\": {\"gap_seconds\": 5}, \"data\": [1], \"prices\": [0]}",
        ]
        for text in texts { #expect(throws: TraceError.self) { try trace(text, .availability) } }
        for format in MarketFormat.allCases { #expect(throws: TraceError.self) { try read("", format) } }
        #expect(throws: TraceError.self) { try read("99999999999999999,add,node\n", .fleetEvents) }
        #expect(throws: TraceError.self) { try AvailabilityTrace(name: "a", stepSeconds: 1, counts: [2], capacity: 1) }
    }

    static let workflow = #"{"name": "w", "schemaVersion": "1.5", "workflow": {"specification": {"tasks": []}}}"#

    @Test("the first bytes tell the format, standard input's as well")
    func detection() throws {
        let heads: [(String, MarketFormat)] = [
            (Self.skypilot, .availability), (Self.events, .fleetEvents), (Self.counts, .fleetCounts),
            (Self.lifetimes, .lifetimes), (SpotPriceFileTests.json, .awsPrices), (SpotPriceFileTests.csv, .priceTable),
        ]
        for (text, format) in heads {
            let source = try ByteSource(bytes: gzip(Array(text.utf8)), name: "test")
            #expect(try MarketFormat.detect(source) == format)
            #expect(try MarketImport.read(source, format: format).report.rowsRead > 0)
            #expect(!WorkflowInstance.recognise(text.utf8))
        }
        #expect(WorkflowInstance.recognise(Self.workflow.utf8))
        for text in ["", "{}", "1,2,3", "\u{0}\u{1}", Self.workflow] {
            #expect(MarketFormat.recognise(text.utf8) == nil)
            #expect(throws: TraceError.self) {
                try MarketFormat.detect(ByteSource(bytes: Array(text.utf8), name: "test"))
            }
        }
    }

    @Test("damaged files give data or an error", arguments: UInt64(0)..<4)
    func fuzz(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed, stream: 12)
        let originals: [(String, MarketFormat)] = [
            (Self.skypilot, .availability), (Self.events, .fleetEvents), (Self.counts, .fleetCounts),
            (Self.lifetimes, .lifetimes),
        ]
        for round in 0..<1000 {
            let (text, format) = originals[round % 4]
            let bytes = ByteMutations.apply(&generator, to: Array(text.utf8))
            guard let result = try? MarketImport.read(try ByteSource(bytes: bytes, name: "test"), format: format) else {
                continue
            }
            #expect(
                result.report.rowsRead
                    == result.report.rowsStored + result.report.reasons.reduce(0) { $0 + $1.rows })
            if case .availability(let trace) = result.content {
                #expect(trace.spells().reduce(0) { $0 + $1.durationSeconds } <= trace.durationSeconds * (1 + 1e-9))
                _ = trace.count(at: trace.startTime + 1e5)
            }
        }
    }
}

@Suite("Recorded availability", .enabled(if: SharedData.isThere, "set ALMANAC_SHARED_DATA"))
struct RecordedAvailabilityTests {
    @Test("every recorded trace imports without a skipped row, and its kind is found out")
    func traces() throws {
        let paths = SharedData.files(in: "spot/traces", suffix: ".json")
        #expect(paths.count == 24)
        var ticks = 0
        var names: Set<String> = []
        for path in paths {
            let result = try MarketImport.read(path)
            guard case .availability(let trace) = result.content else {
                Issue.record("\(path) is no availability trace")
                continue
            }
            #expect(result.report.reasons.isEmpty)
            #expect([1, 4, 16].contains(trace.capacity))
            ticks += trace.counts.count
            names.insert(trace.name)
        }
        #expect(names.count == 24, "a zone that several campaigns probed")
        #expect(ticks == 6 * 3895 + 6 * 20158 + 3247 + 4736 + 3 * 19961 + 2 * 16090 + 3 * 5476 + 3664 + 5131)
        let west = try MarketImport.read(
            SharedData.path("spot/traces/availability/1-node/aws-02-15-2023/us-west-2b_v100_1.json"))
        guard case .availability(let trace) = west.content else { throw TraceError.empty(path: "us-west-2b") }
        #expect(abs(trace.availability() - 0.905) < 5e-4 && trace.spells().count == 189)
    }

    @Test(
        "fleets and lifetimes import",
        arguments: [("p3-trace.csv", 344), ("g4dn-trace.csv", 153), ("v100x1-east1c.txt", 1477)])
    func fleets(file: String, rows: Int) throws {
        let result = try MarketImport.read(SharedData.path("spot/fleet/bamboo/\(file)"))
        #expect(result.report.rowsRead == rows && result.report.rowsStored == rows, "\(result.report)")
    }

    @Test("559 of 1,176 lifetimes ended by a reclaim, half of them within 14.0 h")
    func lifetimes() throws {
        let result = try MarketImport.read(SharedData.path("spot/vm-lifetimes/gcp_preemptible_lifetimes_2019.csv"))
        guard case .lifetimes(let records) = result.content else { throw TraceError.empty(path: "no lifetimes") }
        #expect(records.count == 1176 && result.report.rowsSkipped == 0)
        let hours = records.filter(\.wasReclaimed).map { $0.lifetimeSeconds / 3600 }.sorted()
        #expect(hours.count == 559 && abs(hours[279] - 14.0) < 0.06)
        #expect(Set(records.map(\.zone)) == ["us-central1-c", "us-east1-b"])
    }
}
