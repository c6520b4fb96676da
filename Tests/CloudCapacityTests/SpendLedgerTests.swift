import CloudCapacity
import Foundation
import LinearAlgebra
import TestSupport
import Testing
import Workloads

@Suite("The ledger of launches") struct SpendLedgerTests {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ledger-\(UUID().uuidString)").path
    var ledger: SpendLedger { SpendLedger(path: folder + "/cloud/ledger.jsonl") }

    /// 0.10 dollar an hour, for an hour.
    static func request(_ token: String, count: Int = 1, cents: Int64 = 10, seconds: Double = 3600) -> LaunchRequest {
        LaunchRequest(
            token: token, pool: "p", region: "eu-test-1", instanceType: "m5.large", zone: "eu-test-1a", purchase: .spot,
            count: count, hourlyLimit: Money(nanodollars: cents * 10_000_000), reservedSeconds: seconds, start: .init())
    }

    private func refused(_ request: LaunchRequest, limit: String, now: Double) throws -> CloudError? {
        let limit = try #require(Money(limit))
        do throws(CloudError) { try ledger.reserve(request, limit: limit, now: now) } catch { return error }
        return nil
    }

    @Test("what may be spent never goes beyond the limit, to the last unit, also after a restart")
    func limit() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(try ledger.read() == nil)
        try ledger.reserve(Self.request("a", count: 3), limit: Money(dollars: 0.3), now: 100)
        let error = try refused(Self.request("b"), limit: "0.399999999", now: 100)
        guard case .beyondLimit(let worst, let committed, _, _, _) = error else {
            Issue.record("\(error as Any)")
            return
        }
        #expect(worst.decimal == "0.1" && committed.decimal == "0.3")
        #expect(error?.description.contains("enough for 59m 59s of 1 instance") == true, "\(error as Any)")
        #expect(try refused(Self.request("b"), limit: "0.4", now: 100) == nil)
        let state = try #require(try SpendLedger(path: ledger.path).read())
        #expect(state.committed(at: 100).decimal == "0.4" && state.reservations.map(\.isPending) == [true, true])
        var attributes = stat()
        #expect(stat(ledger.path, &attributes) == 0 && attributes.st_mode & 0o777 == 0o600)
    }

    @Test(
        "what was refused is free again, what was closed costs its time, at least a minute, what stays open too long more"
    )
    func costs() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let limit = Money(dollars: 10)
        for token in ["a", "b", "c"] { try ledger.reserve(Self.request(token), limit: limit, now: 0) }
        try ledger.record(.refused(token: "a", reason: "none"), now: 1)
        try ledger.record(.opened(token: "b", instances: ["i-1"]), now: 10)
        try ledger.record(.opened(token: "c", instances: ["i-2"]), now: 10)
        func cost(_ now: Double) throws -> String { try #require(try ledger.read()).committed(at: now).decimal }
        #expect(try cost(20) == "0.2")
        try ledger.record(.closed(token: "b", instances: ["i-1"], end: .reclaimed, timeSeconds: 15), now: 20)
        // A minute is 0.001666667 dollars.
        #expect(try cost(20) == "0.101666667")
        #expect(try cost(10 + 7200) == "0.201666667")
        try ledger.record(.closed(token: "c", instances: ["i-2"], end: .closed, timeSeconds: 10 + 1800), now: 7300)
        #expect(try cost(1e6) == "0.051666667")
        let state = try #require(try ledger.read())
        #expect(state.reservation(of: "i-1")?.lives[0].end == .reclaimed)
        // Said twice is said once.
        try ledger.record(.closed(token: "c", instances: ["i-2"], end: .lost, timeSeconds: 1e5), now: 1e5)
        #expect(try cost(1e6) == "0.051666667")
    }

    @Test(
        "a last line that was not finished counts for nothing and is written over; any other damage is an error with its line"
    )
    func damage() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try ledger.reserve(Self.request("a"), limit: Money(dollars: 1), now: 0)
        let whole = try Data(contentsOf: URL(fileURLWithPath: ledger.path))
        try (whole + Data(#"{"kind":"opened","#.utf8)).write(to: URL(fileURLWithPath: ledger.path))
        #expect(try ledger.read()?.reservations.count == 1)
        try ledger.record(.refused(token: "a", reason: "x"), now: 1)
        #expect(try ledger.read()?.reservations[0].refusal == "x")
        for (text, line) in [
            ("nonsense\n", 1), (String(decoding: whole, as: UTF8.self) + "{}\n", 3),
            (String(decoding: whole, as: UTF8.self) + #"{"kind":"opened","token":"unknown","time":1}"# + "\n", 3),
            (String(decoding: whole.split(separator: 10)[1], as: UTF8.self) + "\n", 1),
        ] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: ledger.path))
            let error = #expect(throws: CloudError.self) { try ledger.read() }
            #expect(error?.description.contains("ledger.jsonl:\(line): found") == true, "\(error as Any)")
            #expect(throws: CloudError.self) { try ledger.reserve(Self.request("z"), limit: Money(dollars: 9), now: 0) }
        }
    }

    @Test("many at the same time keep the limit together")
    func concurrent() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let ledger = ledger
        let granted = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<40 {
                group.addTask {
                    (try? ledger.reserve(Self.request("t\(number)"), limit: Money(dollars: 1), now: 0)) != nil
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(granted == 10)
        #expect(try ledger.read()?.committed(at: 0).decimal == "1")
    }

    @Test(
        "damage of any kind is an error or less, never a crash, and never a lower bill for what is whole",
        arguments: UInt64(0)..<150)
    func fuzz(seed: UInt64) throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let limit = Money(dollars: 100)
        for token in ["a", "b"] { try ledger.reserve(Self.request(token), limit: limit, now: 0) }
        try ledger.record(.opened(token: "a", instances: ["i-1"]), now: 10)
        try ledger.record(.closed(token: "a", instances: ["i-1"], end: .closed, timeSeconds: 99), now: 99)
        var generator = SeededGenerator(seed: seed, stream: 0)
        let bytes = ByteMutations.apply(&generator, to: Array(try Data(contentsOf: URL(fileURLWithPath: ledger.path))))
        try Data(bytes).write(to: URL(fileURLWithPath: ledger.path))
        do { _ = try ledger.read()?.committed(at: 1e9) } catch { #expect(error.description.contains("ledger.jsonl:")) }
        do { try ledger.record(.refused(token: "b", reason: "x"), now: 1) } catch { _ = error.description }
    }
}
