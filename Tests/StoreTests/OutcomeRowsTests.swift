import Foundation
import Reading
import Store
import TestSupport
import Testing
import Traces
import Workloads

@Suite("An attempt of our own runs is one row") struct OutcomeRowsTests {
    let folder = TemporaryFolder()

    private func record(
        _ task: String, attempt: Int = 1, job: String = "w/1", runtime: Double = 1, _ series: DemandSeries? = nil
    ) -> AttemptRecord {
        var outcome = AttemptRecord(workflow: "w", job: job, task: task, taskType: "t", attempt: attempt)
        (outcome.runtimeSeconds, outcome.demand) = (runtime, series)
        return outcome
    }

    private let series = DemandSeries([.init(seconds: 0.5, cpuSeconds: 0.25, memoryBytes: 2048)])

    private func rows(_ store: TraceStore) throws -> [String] {
        let table = try store.executions(outcomesOnly: true)
        return (0..<table.rowCount).map {
            "\(table[$0].job ?? "") \(table[$0].task ?? "") \(table[$0].attempt ?? 0) \(table[$0].runtimeSeconds ?? 0)"
        }
    }

    @Test("what is handed on again changes nothing; other attempts, runs and imported rows are other rows")
    func again() throws {
        let store = try TraceStore(folder: folder.path)
        try store.append([record("a", series), record("b"), record("a")])
        try store.append([record("b"), record("a", attempt: 2), record("a", series)])
        try TraceStore(folder: folder.path).append([record("a", job: "w/2")])
        #expect(try rows(store) == ["w/1 a 1 1.0", "w/1 b 1 1.0", "w/1 a 2 1.0", "w/2 a 1 1.0"])
        #expect(try store.demands().map(\.task) == ["a"])
        #expect(try store.holdsOutcomes(workflow: "w", job: "w/2"))
        #expect(try !store.holdsOutcomes(workflow: "w", job: "w/3") && !store.holdsOutcomes(workflow: "v", job: "w/2"))
        // Two equal rows of a file are two runs.
        var report = ImportReport(file: "f", format: "csv")
        (report.rowsRead, report.rowsStored) = (2, 2)
        let imported = ExecutionTable([record("z"), record("z")])
        #expect(try store.store(imported, report: report).rowsStored == 2)
    }

    @Test("a store of an earlier release that holds attempts twice is mended once, and nothing else of it changes")
    func mended() throws {
        let old = try TraceStore(folder: folder.path)
        try old.execute("DROP INDEX outcomes; PRAGMA user_version = 3")
        // One at a time, as they ended.
        for task in ["a", "b", "a", "c", "b"] { try old.append([record(task, task == "a" ? series : nil)]) }
        try old.append([record("a", attempt: 2)])
        // A run whose number was given again, as its folder had been removed: other measures, so another attempt.
        try old.append([record("a", runtime: 7), record("b", runtime: 7)])
        var report = ImportReport(file: "f", format: "csv")
        (report.rowsRead, report.rowsStored) = (2, 2)
        _ = try old.store(ExecutionTable([record("z"), record("z")]), report: report)
        #expect(try rows(old).count == 8 && old.demands().count == 2)
        for _ in 0..<2 {
            let store = try TraceStore(folder: folder.path)
            #expect(
                try rows(store) == [
                    "w/1 a 1 1.0", "w/1 b 1 1.0", "w/1 c 1 1.0", "w/1 a 2 1.0", "w/1#2 a 1 7.0", "w/1#2 b 1 7.0",
                ])
            #expect(try store.demands().map(\.task) == ["a"])
            #expect(try store.executions().rowCount == 8 && store.fault() == nil)
            try store.append([record("c")])
        }
    }

    @Test("a file that is removed, or replaced, while it is written to is noticed", arguments: [false, true])
    func removed(isReplaced: Bool) throws {
        let store = try TraceStore(folder: folder.path)
        try store.append([record("a")])
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where name.hasPrefix("traces") {
            try FileManager.default.removeItem(atPath: folder.path + "/" + name)
        }
        if isReplaced { try TraceStore(folder: folder.path).append([record("other")]) }
        #expect(throws: StoreError.removed(store.path)) { try store.append([record("b")]) }
    }

    @Test("a store of the release before gets the new columns; what it wrote as parameters of its own goes there")
    func earlier() throws {
        let old = try TraceStore(folder: folder.path)
        let tables = try String(contentsOfFile: Fixtures.path("stores/version-4.sql"), encoding: .utf8)
        let made = ["availability", "demand", "executions", "imports", "lifetimes", "spot_prices", "spot_markets"]
        try old.execute(
            "PRAGMA foreign_keys = OFF;" + made.map { "DROP TABLE \($0);" }.joined() + "DROP TABLE instance_lives;")
        try old.execute(tables)
        for _ in 0..<2 {
            let store = try TraceStore(folder: folder.path)
            let table = try store.executions()
            #expect(try table.rowCount == 5 && store.fault() == nil)
            let (made, bad, imported) = (table[0], table[3], table[4])
            #expect(
                made.instance == "local" && made.parameters == ["level": 2, "n": 2]
                    && made.runtimeSeconds == 0.0009509999999999999)
            #expect(made.tenant == nil && made.predictedSeconds == nil && made.failureMessage == nil)
            #expect(bad.failureMessage == "It ended with exit code 3." && bad.cause == .programError)
            #expect(bad.parameters.isEmpty && bad.attempt == 2)
            // What a file says is its own.
            #expect(imported.instance == nil && imported.parameters == ["instance": "mine"])
            #expect(try store.instanceLives().isEmpty)
            // The same rows, exported and read again, are none that are new.
            let path = folder.path + "/out.csv"
            try store.executions(outcomesOnly: true).writeCSV(to: path)
            #expect(try store.importFile(path).rowsStored == 0)
        }
    }

    @Test("the life of an instance is kept once, and read as it was")
    func lives() throws {
        let store = try TraceStore(folder: folder.path)
        let offer = Offer(
            type: InstanceType(name: "m", cpus: 2, memoryBytes: 4e9), purchase: .spot, zone: "a",
            price: Price(perHour: 0.36), billing: .init(granularitySeconds: 60))
        let life = InstanceLife(
            workflow: "w", job: "w/1", number: 0, instance: "m/spot/a#0", offer: offer, requestedTimeSeconds: 100,
            openedTimeSeconds: 130, closedTimeSeconds: 200, end: .reclaimed)
        let refused = InstanceLife(
            workflow: "w", job: "w/1", number: 1, instance: "m/spot/a#1", offer: offer, requestedTimeSeconds: 150,
            openedTimeSeconds: nil, closedTimeSeconds: 151, end: .refused)
        // 70 s are two minutes.
        #expect(abs(life.cost - 0.012) < 1e-12 && refused.cost == 0)
        for _ in 0..<2 { try store.append([life, refused]) }
        #expect(try store.instanceLives() == [life, refused])
        #expect(try TraceStore(reading: folder.path).instanceLives(workflow: "v").isEmpty)
    }
}
