public import Workloads

/// Instances to be launched together: all of them or none.
public struct LaunchRequest: Hashable, Sendable, Codable {
    /// Identifies the request to AWS, which launches nothing twice for one token, and in our tags.
    public var token: String
    /// A name for what is opened together.
    public var pool: String
    /// Where.
    public var region: String
    /// What.
    public var instanceType: String
    /// Where in the region; anywhere if `nil`.
    public var zone: String?
    /// How it is bought.
    public var purchase: PurchaseOption
    /// How many.
    public var count: Int
    /// What an hour of one costs at most: the greatest price of spot capacity, or the price on demand.
    public var hourlyLimit: Money
    /// For how long; then they are closed.
    public var reservedSeconds: Double
    /// What they start with.
    public var start: Start

    /// What instances start with, and how they are reached.
    public struct Start: Hashable, Sendable, Codable {
        /// An image (`ami-…`).
        public var image: String?
        /// A launch template: its name or id, and maybe `:VERSION`.
        public var launchTemplate: String?
        /// A file that the instance runs first; by default one that shuts it down after the time that is reserved.
        public var userDataFile: String?
        public var subnet: String?
        public var securityGroups: [String] = []
        public var keyName: String?

        /// Nothing yet.
        public init() {}
    }

    /// Makes a request.
    public init(
        token: String, pool: String, region: String, instanceType: String, zone: String?, purchase: PurchaseOption,
        count: Int, hourlyLimit: Money, reservedSeconds: Double, start: Start
    ) {
        (self.token, self.pool, self.region, self.instanceType) = (token, pool, region, instanceType)
        (self.zone, self.purchase, self.count) = (zone, purchase, max(1, count))
        (self.hourlyLimit, self.reservedSeconds, self.start) = (hourlyLimit, max(0, reservedSeconds), start)
    }

    /// What one costs at most when it runs for so many seconds: by the second, at least a minute.
    public func cost(ofSeconds seconds: Double) -> Money {
        Money.cost(ofSeconds: max(60, seconds.rounded(.up)), at: Price(perHour: hourlyLimit.dollars))
    }

    /// What all of them cost at most in the time that is reserved.
    public var worstCost: Money { cost(ofSeconds: reservedSeconds) * count }

    /// Whether the instances end themselves after the time that is reserved, whatever becomes of this program.
    public var endsItself: Bool { start.userDataFile == nil && start.launchTemplate == nil }

    /// The words after `aws`.
    ///
    /// - Parameter ledger: The name of the ledger that has it.
    public func words(ledger: String) -> [String] {
        var words = [
            "ec2", "run-instances", "--region", region, "--instance-type", instanceType, "--count", "\(count)",
        ]
        words += ["--client-token", token]
        if let image = start.image { words += ["--image-id", image] }
        if let template = start.launchTemplate {
            let parts = template.split(separator: ":", maxSplits: 1).map(String.init)
            let key = template.hasPrefix("lt-") ? "LaunchTemplateId" : "LaunchTemplateName"
            words += [
                "--launch-template", "\(key)=\(parts.first ?? "")" + (parts.count > 1 ? ",Version=\(parts[1])" : ""),
            ]
        }
        if let zone { words += ["--placement", "AvailabilityZone=\(zone)"] }
        if let subnet = start.subnet { words += ["--subnet-id", subnet] }
        if !start.securityGroups.isEmpty { words += ["--security-group-ids"] + start.securityGroups }
        if let key = start.keyName { words += ["--key-name", key] }
        if purchase == .spot {
            words += [
                "--instance-market-options",
                #"{"MarketType":"spot","SpotOptions":{"MaxPrice":"\#(hourlyLimit.decimal)","SpotInstanceType":"one-time","#
                    + #""InstanceInterruptionBehavior":"terminate"}}"#,
            ]
        }
        words += ["--instance-initiated-shutdown-behavior", "terminate"]
        if let file = start.userDataFile {
            words += ["--user-data", "file://\(file)"]
        } else if start.launchTemplate == nil {
            words += ["--user-data", "#!/bin/sh\nshutdown -P +\(Int(min(1e6, (reservedSeconds / 60).rounded(.up))))\n"]
        }
        return words + ["--tag-specifications", tags(ledger: ledger)]
    }

    private func tags(ledger: String) -> String {
        let tags = [
            ("Name", "almanac \(pool)"), (LaunchTags.ledgerKey, ledger), (LaunchTags.poolKey, pool),
            (LaunchTags.requestKey, token),
        ].map { #"{"Key":"\#($0.0)","Value":"\#($0.1)"}"# }.joined(separator: ",")
        return "["
            + ["instance", "volume"].map { #"{"ResourceType":"\#($0)","Tags":[\#(tags)]}"# }.joined(separator: ",")
            + "]"
    }
}

/// The tags by which what we launched is found again.
public enum LaunchTags {
    /// The ledger that has the launch.
    public static let ledgerKey = "almanac:ledger"
    /// The name of what was opened together.
    public static let poolKey = "almanac:pool"
    /// The token of the request.
    public static let requestKey = "almanac:request"
}
