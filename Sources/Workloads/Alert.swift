/// A running attempt was seen above what was predicted for it.
public struct Alert: Hashable, Sendable, Codable {
    /// What is above its predicted 99 % quantile.
    public enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        /// The memory of its process tree.
        case memory
        /// Its run time.
        case time
    }

    /// What is above.
    public var kind: Kind
    /// Seconds after its start.
    public var atSeconds: Double
    /// What was seen, in bytes or seconds.
    public var value: Double
    /// The predicted 99 % quantile, in the same unit.
    public var predicted: Double
    /// What was done about it.
    public var reaction: RetryPolicy.Reaction

    /// Makes an alert.
    public init(kind: Kind, atSeconds: Double, value: Double, predicted: Double, reaction: RetryPolicy.Reaction) {
        (self.kind, self.atSeconds, self.value) = (kind, atSeconds, value)
        (self.predicted, self.reaction) = (predicted, reaction)
    }

    /// For instance `memory 2.10 GB after 35.0 s, above the predicted 2.00 GB: throttled`.
    public var text: String {
        let format = kind == .memory ? Units.formatBytes : Units.formatSeconds
        let done =
            switch reaction {
            case .ignore: "ignored"
            case .warn: "warned"
            case .throttle: "throttled"
            case .kill: "killed"
            }
        let place = kind == .memory ? " after \(Units.formatSeconds(atSeconds))" : ""
        return "\(kind.rawValue) \(format(value))\(place), above the predicted \(format(predicted)): \(done)"
    }
}
