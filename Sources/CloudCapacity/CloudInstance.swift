internal import Foundation
public import Workloads

/// An instance as EC2 describes it.
public struct CloudInstance: Hashable, Sendable, Codable {
    /// For instance `i-0123456789abcdef0`.
    public var id: String
    public var region: String
    public var instanceType: String
    public var purchase: PurchaseOption
    public var zone: String?
    /// `pending`, `running`, `shutting-down`, `terminated`, `stopping` or `stopped`.
    public var state: String
    /// When it was launched, in Unix seconds.
    public var launchTimeSeconds: Double?
    public var privateAddress: String?
    public var publicAddress: String?
    /// Our tags: what was opened together, the token of its request, the ledger that has it.
    public var pool: String?
    public var request: String?
    public var ledger: String?
    /// Why it is in its state, as EC2 says; for instance `Server.SpotInstanceTermination`.
    public var reason: String?
    /// When it was ended, in Unix seconds, if EC2 says so.
    public var endTimeSeconds: Double?

    package init(
        id: String, region: String, instanceType: String, purchase: PurchaseOption = .onDemand, zone: String? = nil,
        state: String, launchTimeSeconds: Double? = nil, privateAddress: String? = nil, publicAddress: String? = nil,
        pool: String? = nil, request: String? = nil, ledger: String? = nil, reason: String? = nil,
        endTimeSeconds: Double? = nil
    ) {
        (self.id, self.region, self.instanceType, self.purchase, self.zone) = (id, region, instanceType, purchase, zone)
        (self.state, self.launchTimeSeconds) = (state, launchTimeSeconds)
        (self.privateAddress, self.publicAddress) = (privateAddress, publicAddress)
        (self.pool, self.request, self.ledger) = (pool, request, ledger)
        (self.reason, self.endTimeSeconds) = (reason, endTimeSeconds)
    }

    /// Whether it costs money.
    public var isOpen: Bool { state != "terminated" && state != "shutting-down" }

    /// How it ended.
    public var end: InstanceLife.End { reason?.hasPrefix("Server.Spot") == true ? .reclaimed : .closed }
}

/// What `aws ec2 describe-instances` and `run-instances` print, as far as it matters.
struct InstancesPage: Decodable {
    var Reservations: [Group]
    struct Group: Decodable { var Instances: [InstanceFound] }
}

struct LaunchAnswer: Decodable { var Instances: [InstanceFound] }

struct TerminationAnswer: Decodable {
    var TerminatingInstances: [Change]
    struct Change: Decodable {
        var InstanceId: String
        var CurrentState: InstanceFound.Status
    }
}

struct InstanceFound: Decodable {
    var InstanceId: String
    var InstanceType: String
    var State: Status
    var LaunchTime: String?
    var Placement: Place?
    var InstanceLifecycle: String?
    var PrivateIpAddress: String?
    var PublicIpAddress: String?
    var StateReason: Reason?
    var StateTransitionReason: String?
    var Tags: [Tag]?

    struct Status: Decodable { var Name: String }
    struct Place: Decodable { var AvailabilityZone: String? }
    struct Reason: Decodable { var Code: String? }
    struct Tag: Decodable {
        var Key: String
        var Value: String?
    }

    func instance(in region: String) -> CloudInstance {
        func tag(_ key: String) -> String? { Tags?.first { $0.Key == key }?.Value }
        func text(_ value: String?) -> String? { value.flatMap { $0.isEmpty ? nil : $0 } }
        return CloudInstance(
            id: InstanceId, region: region, instanceType: InstanceType,
            purchase: InstanceLifecycle == "spot" ? .spot : .onDemand, zone: Placement?.AvailabilityZone,
            state: State.Name, launchTimeSeconds: LaunchTime.flatMap(Self.seconds),
            privateAddress: text(PrivateIpAddress), publicAddress: text(PublicIpAddress),
            pool: tag(LaunchTags.poolKey), request: tag(LaunchTags.requestKey), ledger: tag(LaunchTags.ledgerKey),
            reason: text(StateReason?.Code), endTimeSeconds: StateTransitionReason.flatMap(Self.endSeconds))
    }

    /// Unix seconds of `2026-11-29T21:08:05.000Z` or `2026-11-29T21:08:05+00:00`.
    private static func seconds(_ text: String) -> Double? {
        let plain = text.replacing(/\.\d+/, with: "")
        return (try? Date(plain, strategy: .iso8601))?.timeIntervalSince1970
    }

    /// Unix seconds in `User initiated (2026-11-29 21:08:05 GMT)`.
    private static func endSeconds(_ text: String) -> Double? {
        guard let match = text.firstMatch(of: /(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}) (?:GMT|UTC)/) else { return nil }
        return seconds("\(match.1)T\(match.2)Z")
    }
}
