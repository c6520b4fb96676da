import CloudCapacity
import Foundation

/// A folder with a program called `aws` that is a shell script, and a log of what it was asked.
final class FakeAWS: Sendable {
    let folder: URL

    /// - Parameter script: Shell, with the arguments in `$@` and the number of calls so far, this one included, in `$n`.
    init(_ script: String) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("fake-aws-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let text = """
            #!/bin/sh
            cd '\(folder.path)'
            echo "$*" | tr '\\n' ' ' >> log; echo >> log
            n=$(wc -l < log)
            \(script)
            """
        let path = folder.appendingPathComponent("aws").path
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        chmod(path, 0o755)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    /// What it was asked, a line a call.
    var calls: [String] {
        let text = (try? String(contentsOfFile: path("log"), encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }

    /// The command line that finds it, and does not wait.
    func commandLine(region: String? = "eu-test-1") throws -> AWSCommandLine {
        var aws = try AWSCommandLine(region: region, path: folder.path)
        aws.pause = { _ in }
        return aws
    }

    /// A pool with a ledger in the folder.
    func pool() throws -> CloudPool {
        CloudPool(try commandLine(), ledger: SpendLedger(path: path("cloud/ledger.jsonl")))
    }

    /// What `describe-instances` says of one instance.
    static func instance(
        _ id: String, state: String = "running", ledger: String = "L", request: String = "t-1", reason: String = "",
        transition: String = "", launched: String = "2026-11-29T21:08:05.000Z"
    ) -> String {
        """
        {"InstanceId": "\(id)", "InstanceType": "m5.large", "State": {"Code": 16, "Name": "\(state)"}, \
        "LaunchTime": "\(launched)", "Placement": {"AvailabilityZone": "eu-test-1a"}, "InstanceLifecycle": "spot", \
        "PrivateIpAddress": "10.0.0.7", "PublicIpAddress": "", "StateReason": {"Code": "\(reason)", "Message": ""}, \
        "StateTransitionReason": "\(transition)", "Tags": [{"Key": "almanac:ledger", "Value": "\(ledger)"}, \
        {"Key": "almanac:request", "Value": "\(request)"}, {"Key": "almanac:pool", "Value": "p"}]}
        """
    }

    static func described(_ instances: [String]) -> String {
        "echo '{\"Reservations\": [{\"Instances\": [\(instances.joined(separator: ", "))]}]}'"
    }

    static func refusal(_ code: String, _ message: String = "Not now.", operation: String = "RunInstances") -> String {
        "echo 'An error occurred (\(code)) when calling the \(operation) operation: \(message)' >&2; exit 254"
    }
}
