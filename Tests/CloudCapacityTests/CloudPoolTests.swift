import CloudCapacity
import Foundation
import Testing
import Workloads

@Suite("Instances opened through the AWS CLI") struct CloudPoolTests {
    private static let limit = Money(dollars: 1)

    private func failure(_ body: () throws -> Void) throws -> CloudError? {
        do { try body() } catch let error as CloudError { return error }
        return nil
    }

    private func launched(_ ids: String...) -> String {
        "echo '{\"Instances\": [\(ids.map { FakeAWS.instance($0, state: "pending") }.joined(separator: ", "))]}'"
    }

    @Test("money is set aside on the disk before anything is launched")
    func ledgerFirst() throws {
        let fake = try FakeAWS("cp cloud/ledger.jsonl before; \(launched("i-1", "i-2"))")
        let pool = try fake.pool()
        let instances = try pool.open(SpendLedgerTests.request("t-1", count: 2), limit: Self.limit)
        #expect(instances.map(\.id) == ["i-1", "i-2"] && instances.allSatisfy(\.isOpen))
        #expect(
            instances[0].zone == "eu-test-1a" && instances[0].purchase == .spot && instances[0].publicAddress == nil)
        #expect(instances[0].launchTimeSeconds == 1_795_986_485)
        let before = SpendLedger(path: fake.path("before"))
        #expect(try before.read()?.reservations.map(\.isPending) == [true])
        #expect(try pool.ledger.read()?.reservations[0].lives.map(\.id) == ["i-1", "i-2"])
        let call = try #require(fake.calls.first)
        let id = try #require(try pool.ledger.read()).id
        for part in [
            "ec2 run-instances --region eu-test-1 --instance-type m5.large --count 2 --client-token t-1",
            "--placement AvailabilityZone=eu-test-1a", #""MaxPrice":"0.1","SpotInstanceType":"one-time""#,
            "--instance-initiated-shutdown-behavior terminate", "shutdown -P +60",
            #"{"Key":"almanac:ledger","Value":"\#(id)"},{"Key":"almanac:pool","Value":"p"},{"Key":"almanac:request","Value":"t-1"}"#,
        ] { #expect(call.contains(part), "\(part)") }
    }

    @Test("beyond the limit AWS is not asked at all")
    func beyondLimit() throws {
        let fake = try FakeAWS(launched("i-1"))
        let error = try failure {
            _ = try fake.pool().open(SpendLedgerTests.request("t-1", count: 11), limit: Self.limit)
        }
        guard case .beyondLimit = error else {
            Issue.record("\(error as Any)")
            return
        }
        #expect(fake.calls.isEmpty)
    }

    @Test("what AWS refuses is free again")
    func refused() throws {
        let fake = try FakeAWS(FakeAWS.refusal("InsufficientInstanceCapacity", "There is none."))
        let pool = try fake.pool()
        let error = try failure { _ = try pool.open(SpendLedgerTests.request("t-1"), limit: Self.limit) }
        #expect(error?.description.contains("try another zone or type") == true && fake.calls.count == 1)
        let state = try #require(try pool.ledger.read())
        #expect(state.reservations[0].refusal == "InsufficientInstanceCapacity" && state.committed(at: 0) == .zero)
    }

    @Test(
        "where nobody knows whether it was launched, it is looked for by its tags and never launched again",
        arguments: [
            FakeAWS.refusal("InternalError"), "echo 'Read timeout on endpoint' >&2; exit 255",
            "echo '{\"Instances\": '",
            "exit 0", "echo '{\"Instances\": []}'", "kill -9 $$",
        ])
    func unclear(answer: String) throws {
        let found = try FakeAWS(
            "case \"$*\" in *run-instances*) \(answer);; *) \(FakeAWS.described([FakeAWS.instance("i-7")]));; esac")
        let instances = try found.pool().open(SpendLedgerTests.request("t-1"), limit: Self.limit)
        #expect(instances.map(\.id) == ["i-7"])
        #expect(found.calls.count { $0.contains("run-instances") } == 1)
        #expect(found.calls[1].contains("Name=tag:almanac:request,Values=t-1"))

        let lost = try FakeAWS("case \"$*\" in *run-instances*) \(answer);; *) \(FakeAWS.described([]));; esac")
        var pool = try lost.pool()
        pool.now = { 1000 }
        #expect(throws: CloudError.self) { try pool.open(SpendLedgerTests.request("t-1"), limit: Self.limit) }
        #expect(try pool.ledger.read()?.committed(at: 1000).decimal == "0.1")
        // After a quarter of an hour it is sure.
        #expect(try pool.listing().committed.decimal == "0.1")
        pool.now = { 2000 }
        #expect(try pool.listing().committed == .zero)
    }

    @Test("the list says what the ledger has, what it lacks and what another one has, and notes what has ended")
    func listing() throws {
        let fake = try FakeAWS("cat answer")
        var pool = try fake.pool()
        func answer(_ text: String) throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: fake.path("answer")))
        }
        try answer(
            "{\"Instances\": [\(FakeAWS.instance("i-1")), \(FakeAWS.instance("i-2")), \(FakeAWS.instance("i-3"))]}")
        pool.now = { 1_795_986_485 }
        _ = try pool.open(SpendLedgerTests.request("t-1", count: 3), limit: Self.limit)
        let id = try #require(try pool.ledger.read()).id
        try answer(
            "{\"Reservations\": [{\"Instances\": ["
                + [
                    FakeAWS.instance("i-1", ledger: id),
                    FakeAWS.instance(
                        "i-2", state: "terminated", ledger: id, reason: "Server.SpotInstanceTermination",
                        transition: "Server.SpotInstanceTermination (2026-11-29 21:18:05 GMT)"),
                    FakeAWS.instance("i-8", ledger: id, request: "other"),
                    FakeAWS.instance("i-9", ledger: "theirs", request: "x"),
                ].joined(separator: ",") + "]}]}")
        pool.now = { 1_795_986_485 + 1800 }
        let listing = try pool.listing()
        #expect(listing.items.map(\.instance.id) == ["i-9", "i-1", "i-8"])
        #expect(listing.items.map(\.standing) == [.otherLedger, .recorded, .unrecorded])
        #expect(listing.items[1].untilSeconds == 1_795_986_485 + 3600 && listing.items[1].worstCost?.decimal == "0.1")
        let lives = listing.reservations[0].lives
        #expect(lives.map(\.end) == [nil, .reclaimed, .lost])
        // Ten minutes, half an hour, and the hour of the one that is open.
        #expect(listing.committed.decimal == "0.166666667")
    }

    @Test("a damaged ledger stops launches, but neither the list nor closing")
    func damagedLedger() throws {
        let fake = try FakeAWS(
            "case \"$*\" in *terminate*) echo '{\"TerminatingInstances\": [{\"InstanceId\": \"i-1\", \"CurrentState\": {\"Name\": \"shutting-down\"}}]}';; *) \(FakeAWS.described([FakeAWS.instance("i-1")]));; esac"
        )
        let pool = try fake.pool()
        try FileManager.default.createDirectory(atPath: fake.path("cloud"), withIntermediateDirectories: true)
        try Data("nonsense\n".utf8).write(to: URL(fileURLWithPath: pool.ledger.path))
        let error = try failure { _ = try pool.open(SpendLedgerTests.request("t-1"), limit: Self.limit) }
        #expect(error?.description.contains("ledger.jsonl:1: found 'nonsense'") == true && fake.calls.isEmpty)
        let listing = try pool.listing()
        #expect(listing.items.map(\.standing) == [.otherLedger] && listing.ledgerError == error)
        try pool.close(listing.items.map(\.instance))
        #expect(fake.calls.last?.contains("terminate-instances") == true)
    }

    @Test("closing goes on where one does not exist, and says what may still be open")
    func closing() throws {
        func ended(_ ids: [String]) -> String {
            let changes = ids.map { "{\"InstanceId\": \"\($0)\", \"CurrentState\": {\"Name\": \"shutting-down\"}}" }
            return "echo '{\"TerminatingInstances\": [\(changes.joined(separator: ","))]}'"
        }
        func instance(_ id: String) -> CloudInstance {
            CloudInstance(id: id, region: "eu-test-1", instanceType: "m5.large", state: "running", launchTimeSeconds: 0)
        }
        let gone = try FakeAWS(
            "case \"$*\" in *i-2*) \(FakeAWS.refusal("InvalidInstanceID.NotFound", "The instance ID i-2 does not exist", operation: "TerminateInstances"));; *) \(ended(["i-1", "i-3"]));; esac"
        )
        try gone.pool().close([instance("i-1"), instance("i-2"), instance("i-3")])
        #expect(gone.calls.last?.contains("--instance-ids i-1 i-3 ") == true)
        let half = try FakeAWS(ended(["i-1"]))
        let error = try failure { try half.pool().close([instance("i-1"), instance("i-2")]) }
        #expect(error?.description.hasPrefix("i-2 may still be open and cost money") == true, "\(error as Any)")
        let down = try FakeAWS("echo 'Could not connect to the endpoint URL' >&2; exit 255")
        let unreachable = try failure { try down.pool().close([instance("i-1")]) }
        #expect(down.calls.count == 5 && unreachable?.description.contains("pool close --all --yes") == true)
    }
}
