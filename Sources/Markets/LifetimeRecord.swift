/// How long one spot instance lived.
public struct LifetimeRecord: Sendable, Hashable, Codable {
    /// The name of the instance.
    public var id: String
    public var zone: String
    /// For instance `n1-highcpu-16`.
    public var machineType: String
    /// When it started, Unix seconds.
    public var startTime: Double
    /// Seconds from its start to its end.
    public var lifetimeSeconds: Double
    /// True if the provider took it back. False if its owner stopped it: it would have lived longer, by an unknown
    /// time (right-censored), and survival estimates must know that.
    public var wasReclaimed: Bool

    /// Makes a record.
    public init(
        id: String, zone: String, machineType: String, startTime: Double, lifetimeSeconds: Double, wasReclaimed: Bool
    ) {
        (self.id, self.zone, self.machineType) = (id, zone, machineType)
        (self.startTime, self.lifetimeSeconds, self.wasReclaimed) = (startTime, lifetimeSeconds, wasReclaimed)
    }
}
