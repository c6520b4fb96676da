/// How long it takes to bring data from one instance to another; within one it takes no time.
public struct Network: Hashable, Sendable, Codable {
    /// Bytes a second between any two instances; `nil` if bytes take no time.
    public var bytesPerSecond: Double?
    /// Seconds until a task hears of a predecessor on another instance, data or none.
    public var latencySeconds: Double

    /// Makes a network.
    public init(bytesPerSecond: Double? = nil, latencySeconds: Double = 0) {
        (self.bytesPerSecond, self.latencySeconds) = (bytesPerSecond, latencySeconds)
    }

    /// Nothing takes time.
    public static let free = Network()

    /// Whether nothing takes time.
    public var isFree: Bool { latencySeconds <= 0 && bytesPerSecond == nil }

    /// The time to bring so many bytes from one instance to another, in seconds.
    public func seconds(_ bytes: Double) -> Double {
        max(0, latencySeconds + (bytesPerSecond.map { bytes / $0 } ?? 0))
    }
}
