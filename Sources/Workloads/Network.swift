/// How long it takes to bring data from one instance to another; within one it takes no time.
public struct Network: Hashable, Sendable, Codable {
    /// What it takes from one zone to another; never less than within a zone.
    public struct Link: Hashable, Sendable, Codable {
        /// Bytes a second; `nil` if bytes take no time.
        public var bytesPerSecond: Double?
        /// Seconds, data or none.
        public var latencySeconds: Double
        /// US dollars for a gigabyte of 1e9 bytes.
        public var pricePerGigabyte: Double

        /// Makes a link; free of charge unless it says otherwise.
        public init(bytesPerSecond: Double? = nil, latencySeconds: Double = 0, pricePerGigabyte: Double = 0) {
            (self.bytesPerSecond, self.latencySeconds) = (bytesPerSecond, latencySeconds)
            self.pricePerGigabyte = max(0, pricePerGigabyte)
        }
    }

    /// Bytes a second between any two instances; `nil` if bytes take no time.
    public var bytesPerSecond: Double?
    /// Seconds until a task hears of a predecessor on another instance, data or none.
    public var latencySeconds: Double
    /// What it takes between instances of different zones; `nil` is as within one.
    public var betweenZones: Link?

    /// Makes a network.
    public init(bytesPerSecond: Double? = nil, latencySeconds: Double = 0, betweenZones: Link? = nil) {
        (self.bytesPerSecond, self.latencySeconds) = (bytesPerSecond, latencySeconds)
        self.betweenZones = betweenZones
    }

    /// Nothing takes time.
    public static let free = Network()

    /// Whether nothing takes time or costs anything.
    public var isFree: Bool { latencySeconds <= 0 && bytesPerSecond == nil && betweenZones == nil }

    /// The time to bring so many bytes from one instance to another, in seconds.
    ///
    /// - Parameter isFar: To another zone.
    public func seconds(_ bytes: Double, isFar: Bool = false) -> Double {
        let near = max(0, latencySeconds + (bytesPerSecond.map { bytes / $0 } ?? 0))
        guard isFar, let link = betweenZones else { return near }
        return max(near, link.latencySeconds + (link.bytesPerSecond.map { bytes / $0 } ?? 0))
    }

    /// What it costs to bring so many bytes to another zone, in US dollars.
    public func dollarsToOtherZone(_ bytes: Double) -> Double { (betweenZones?.pricePerGigabyte ?? 0) * bytes / 1e9 }

    /// Whether two zones are known and different.
    public static func isFar(_ from: String?, _ to: String?) -> Bool {
        if let from, let to { from != to } else { false }
    }
}
