import CloudCapacity
import Foundation
import TestSupport
import Testing
import Workloads

/// An EC2 API on 127.0.0.1 (moto's server), and the AWS CLI. The wire format is real; prices are stubs, client tokens are
/// ignored, and nothing is ever taken back.
private final class Emulator {
    let port: Int
    private let process = Process()
    private let folder: URL

    /// The programs, if both are installed (`pip install 'moto[ec2,server]' awscli`).
    static let programs: (server: String, aws: String)? = {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        func find(_ name: String) -> String? {
            folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
        }
        guard let server = find("moto_server"), let aws = find("aws") else { return nil }
        return (server, aws)
    }()

    init() throws {
        let programs = try #require(Self.programs)
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("emulator-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        // A port that is free now.
        port = Int(try MetadataServer { _ in nil }.port)
        process.executableURL = URL(fileURLWithPath: programs.server)
        process.arguments = ["-H", "127.0.0.1", "-p", "\(port)"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        // The AWS CLI, as one that knows where to ask and who we are, whatever the user's settings are.
        let script = """
            #!/bin/sh
            export AWS_ENDPOINT_URL=http://127.0.0.1:\(port) AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
            export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true
            unset AWS_PROFILE
            exec '\(programs.aws)' "$@"
            """
        try Data(script.utf8).write(to: folder.appendingPathComponent("aws"))
        chmod(folder.appendingPathComponent("aws").path, 0o755)
    }

    deinit {
        // The group: what a wrapper started, too.
        kill(-process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: folder)
    }

    func pool() throws -> CloudPool {
        let aws = try AWSCommandLine(region: "us-east-1", path: folder.path)
        return CloudPool(aws, ledger: SpendLedger(path: folder.appendingPathComponent("ledger.jsonl").path))
    }

    var cache: AnswerCache { AnswerCache(folder: folder.appendingPathComponent("cache").path) }
}

@Suite(
    "The real AWS CLI against an EC2 emulator", .serialized,
    .enabled(if: Emulator.programs != nil, "needs moto_server and aws: pip install 'moto[ec2,server]' awscli"))
struct EmulatorTests {
    @Test("types, zones and prices become a pool; what is opened by it is listed, found without the ledger, and closed")
    func wholeWay() throws {
        let emulator = try Emulator()
        // The server takes a while; calls are tried again meanwhile.
        var pool = try emulator.pool()
        (pool.aws.tries, pool.aws.timeLimitSeconds) = (12, 60)
        var query = CapacityCatalog.Query()
        query.types = ["m5.large", "g4dn.xlarge"]
        let catalog = try CapacityCatalog.discover(
            query, with: pool.aws, cache: emulator.cache,
            onDemandPrices: ["m5.large": Price(perHour: 0.096), "g4dn.xlarge": Price(perHour: 0.526)],
            now: Date().timeIntervalSince1970)
        #expect(catalog.entries.map(\.type.name) == ["g4dn.xlarge", "m5.large"] && catalog.remarks == [])
        #expect(catalog.entries[0].type.gpus == 1 && catalog.entries[0].type.gpuModel == "NVIDIA T4")
        #expect(catalog.entries[1].type.memoryBytes == 0x1p33 && catalog.entries[1].spotPrices.count > 2)
        #expect(catalog.priceCount >= catalog.entries[1].spotPrices.count)

        func request(_ purchase: PurchaseOption, _ number: Int) -> LaunchRequest {
            var start = LaunchRequest.Start()
            start.image = "ami-12c6146b"
            return LaunchRequest(
                token: "test-\(UUID().uuidString)", pool: "tests", region: "us-east-1", instanceType: "m5.large",
                zone: "us-east-1a", purchase: purchase, count: number, hourlyLimit: Money(dollars: 0.096),
                reservedSeconds: 3600, start: start)
        }
        let limit = Money(dollars: 0.3)
        let spot = try pool.open(request(.spot, 2), limit: limit)
        let onDemand = try pool.open(request(.onDemand, 1), limit: limit)
        #expect(spot.map(\.purchase) == [.spot, .spot] && onDemand.map(\.purchase) == [.onDemand])
        #expect(throws: CloudError.self) { try pool.open(request(.spot, 1), limit: limit) }
        let listing = try pool.listing()
        #expect(Set(listing.items.map(\.instance.id)) == Set((spot + onDemand).map(\.id)))
        #expect(listing.items.allSatisfy { $0.standing == .recorded && $0.instance.pool == "tests" })
        #expect(listing.committed.decimal == "0.288")

        try FileManager.default.removeItem(atPath: pool.ledger.path)
        let orphans = try pool.listing().items
        #expect(orphans.count == 3 && orphans.allSatisfy { $0.standing == .otherLedger })
        try pool.close(orphans.map(\.instance))
        #expect(try pool.listing().items.isEmpty)
        #expect(try pool.look(at: spot).allSatisfy { !$0.isOpen })
        let gone = CloudInstance(
            id: "i-00000000000000bad", region: "us-east-1", instanceType: "m5.large", state: "running",
            launchTimeSeconds: 0)
        try pool.close([gone])
    }

    @Test("what EC2 refuses is told in its own words")
    func refusals() throws {
        let emulator = try Emulator()
        var pool = try emulator.pool()
        (pool.aws.tries, pool.aws.timeLimitSeconds) = (12, 60)
        _ = try pool.listing()
        do throws(CloudError) {
            _ = try pool.aws.call(["ec2", "describe-instances", "--instance-ids", "i-00000000000000bad"])
            Issue.record("no error")
        } catch {
            #expect(error.description.contains("InvalidInstanceID.NotFound"), "\(error)")
        }
        do throws(CloudError) {
            _ = try pool.aws.call(["ec2", "no-such-operation"])
            Issue.record("no error")
        } catch {
            #expect(error.description.contains("is it very old?"), "\(error)")
        }
    }
}
