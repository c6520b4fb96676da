import Foundation
import Markets
import Reading
import Store
import Testing
import Traces
import Workloads

/// A folder of its own for each test, removed afterwards.
private func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("store-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try body(folder)
}

private func record(_ number: Int) -> AttemptRecord {
    var record = AttemptRecord()
    record.workflow = "wf"
    record.task = "task \(number), \"quoted\" ü"
    record.taskType = number % 2 == 0 ? "sort" : "hash"
    record.runtimeSeconds = Double(number) + 0.1
    record.peakMemoryBytes = number % 3 == 0 ? nil : 1e9 + Double(number)
    record.status = .completed
    record.exitCode = 0
    if number % 5 == 0 { record.parameters = ["size": .number(Double(number)), "mode": .text("fast")] }
    return record
}

private func report(_ rows: Int) -> ImportReport {
    var report = ImportReport(file: "test", format: "csv")
    (report.rowsRead, report.rowsStored) = (rows, rows)
    return report
}

@Suite("Trace store") struct TraceStoreTests {
    @Test("what is stored is loaded, by this process and the next")
    func roundTrip() throws {
        try withFolder { folder in
            let table = ExecutionTable((0..<50).map(record))
            let stored = try TraceStore(folder: folder).store(table, report: report(50))
            #expect(stored.rowsStored == 50 && stored.rowsSkipped == 0)
            let store = try TraceStore(folder: folder)
            #expect(try store.executions() == table)
            #expect(try store.summary().executions == 50)
            #expect(try store.workflows().map(\.name) == ["wf"])
            #expect(try store.executions(workflow: "other").rowCount == 0)
        }
    }

    @Test("rows that are already there are not stored again; a grown trace adds what is new")
    func idempotent() throws {
        try withFolder { folder in
            let store = try TraceStore(folder: folder)
            // Two equal rows in one file are two runs.
            let first = ExecutionTable([record(1), record(1), record(2)])
            #expect(try store.store(first, report: report(3)).rowsStored == 3)
            let again = try store.store(first, report: report(3))
            #expect(again.rowsStored == 0 && again.rowsSkipped == 3)
            #expect(again.reasons.map(\.reason) == ["the store already holds this row"])
            let grown = ExecutionTable([record(1), record(1), record(1), record(2), record(3)])
            #expect(try store.store(grown, report: report(5)).rowsStored == 2)
            #expect(try store.summary().executions == 5)
        }
    }

    @Test("an outcome is a row of the same schema")
    func outcomes() throws {
        try withFolder { folder in
            let store = try TraceStore(folder: folder)
            _ = try store.store(ExecutionTable([record(1)]), report: report(1))
            var outcome = AttemptRecord(
                workflow: "job", job: "run 1", task: "sort", taskType: "sort", attempt: 2, status: .failed)
            outcome.parameters = ["size": 12]
            outcome.cause = .outOfMemory
            outcome.exitCode = 137
            try store.append([outcome])
            let logged = try store.executions(outcomesOnly: true)
            #expect(logged.rowCount == 1)
            #expect(logged[0].failureCause == "out-of-memory" && logged[0].exitCode == 137 && logged[0].attempt == 2)
            #expect(logged[0].parameters["size"] == .number(12))
            #expect(try store.executions().rowCount == 2)
        }
    }

    @Test("spot prices, availability and lifetimes are kept once")
    func markets() throws {
        try withFolder { folder in
            let store = try TraceStore(folder: folder)
            let markets = [
                SpotMarket(instanceType: "m5.large", zone: "a"), SpotMarket(instanceType: "m5.large", zone: "b"),
            ]
            let prices = try SpotPriceTable(
                markets: markets, marketOfRow: [0, 0, 1], times: [10, 20, 15], prices: [0.03, 0.04, 0.05])
            #expect(try store.store(.prices(prices), report: report(3)).rowsStored == 3)
            #expect(try store.store(.prices(prices), report: report(3)).rowsStored == 0)
            #expect(try store.spotPrices() == prices)
            #expect(try store.spotPrices(zone: "b").prices == [0.05])

            let trace = try AvailabilityTrace(
                name: "v100", stepSeconds: 60, counts: [0, 1, 2, 2], prices: [1, 2, 3, 4])
            #expect(try store.store(.availability(trace), report: report(4)).rowsStored == 4)
            #expect(try store.store(.availability(trace), report: report(4)).rowsStored == 0)
            #expect(try store.availabilityTraces() == [trace])
            let other = try AvailabilityTrace(name: "v100", stepSeconds: 60, counts: [2, 1], prices: [1, 2])
            #expect(throws: StoreError.self) { try store.store(.availability(other), report: report(2)) }
            let grown = try AvailabilityTrace(
                name: "v100", stepSeconds: 60, counts: [0, 1, 2, 2, 1], prices: [1, 2, 3, 4, 5])
            #expect(try store.store(.availability(grown), report: report(5)).rowsStored == 5)
            #expect(try store.store(.availability(trace), report: report(4)).rowsStored == 0)
            #expect(try store.availabilityTraces() == [grown])

            let lifetime = LifetimeRecord(
                id: "vm", zone: "z", machineType: "t", startTime: 5, lifetimeSeconds: 100, wasReclaimed: true)
            #expect(try store.store(.lifetimes([lifetime, lifetime]), report: report(2)).rowsStored == 1)
            #expect(try store.lifetimes() == [lifetime])
        }
    }

    @Test("a foreign, damaged or newer file and a folder that cannot be made are clear errors")
    func refusals() throws {
        try withFolder { folder in
            try Data("not a database, but long enough to be read as one".utf8)
                .write(to: URL(fileURLWithPath: folder + "/traces.sqlite"))
            #expect { try TraceStore(folder: folder) } throws: { error in
                if case StoreError.damaged = error { true } else { false }
            }
            #expect(throws: StoreError.self) { try TraceStore(folder: folder + "/traces.sqlite/inside") }
        }
    }

    @Test("two stores on one folder see each other's rows, and both can write")
    func twoProcesses() throws {
        try withFolder { folder in
            let (a, b) = (try TraceStore(folder: folder), try TraceStore(folder: folder))
            for number in 0..<20 {
                try (number % 2 == 0 ? a : b).append([record(number)])
            }
            #expect(try a.summary().executions == 20)
            #expect(try b.executions() == a.executions())
        }
    }

    @Test("half a transaction leaves nothing behind")
    func crash() throws {
        try withFolder { folder in
            let store = try TraceStore(folder: folder)
            _ = try store.store(ExecutionTable([record(1)]), report: report(1))
            // What `kill -9` leaves: the files as they are in the middle of a write transaction.
            let copy = folder + "/copy"
            try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
            try store.whileWriting(ExecutionTable((2..<2000).map(record))) {
                for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasPrefix("traces") {
                    try FileManager.default.copyItem(atPath: "\(folder)/\(name)", toPath: "\(copy)/\(name)")
                }
            }
            #expect(try TraceStore(folder: copy).summary().executions == 1)
        }
    }
}
