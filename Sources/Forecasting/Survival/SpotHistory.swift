/// Whether spot capacity could be had in a zone, at regular times.
public struct SpotHistory: Sendable, Hashable {
    public let zone: String
    /// The kind of instance.
    public let type: String
    /// When the first tick was, Unix seconds; 0 where nobody knows.
    public let startTime: Double
    public let stepSeconds: Double
    /// `nil` where it was not looked at.
    public let isUp: [Bool?]

    public init(zone: String, type: String, startTime: Double = 0, stepSeconds: Double, isUp: [Bool?]) {
        precondition(stepSeconds > 0 && stepSeconds.isFinite, "A tick lasts a positive time.")
        (self.zone, self.type, self.startTime) = (zone, type, startTime)
        (self.stepSeconds, self.isUp) = (stepSeconds, isUp)
    }

    /// Some of its ticks.
    public func ticks(_ range: Range<Int>) -> SpotHistory {
        SpotHistory(
            zone: zone, type: type, startTime: startTime + Double(range.lowerBound) * stepSeconds,
            stepSeconds: stepSeconds, isUp: Array(isUp[range.clamped(to: isUp.indices)]))
    }

    /// The name by which a model knows it.
    public var key: String { "\(zone)/\(type)" }

    /// The share of the ticks that were looked at with capacity.
    public var availability: Double {
        let seen = isUp.compactMap(\.self)
        return seen.isEmpty ? .nan : Double(seen.count(where: \.self)) / Double(seen.count)
    }
}
