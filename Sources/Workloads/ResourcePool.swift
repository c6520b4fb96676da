/// A kind of machine that tasks can run on.
public struct InstanceType: Hashable, Sendable, Codable {
    /// The provider's name, for instance `m5.large`, or ``localName``.
    public var name: String
    /// Processors.
    public var cpus: Double
    /// Memory in bytes.
    public var memoryBytes: Double
    /// How fast a task runs here, relative to a machine of speed 1: twice the speed, half the time.
    public var speed: Double
    /// GPUs.
    public var gpus: Double
    /// The model of its GPUs; `nil` if it has none, or nobody says.
    public var gpuModel: String?
    /// Local storage in bytes; ``ampleStorage`` if nobody says.
    public var storageBytes: Double
    /// Price bought on demand.
    public var onDemandPrice: Price
    /// Price on the spot market at planning time; `nil` if it is not sold there.
    public var spotPrice: Price?
    /// Availability zones that offer it; empty if zones do not matter.
    public var zones: [String]

    /// Makes a type; speed 1, free of charge and without zones by default.
    public init(
        name: String, cpus: Double, memoryBytes: Double, gpus: Double = 0, gpuModel: String? = nil,
        storageBytes: Double = InstanceType.ampleStorage, speed: Double = 1, onDemandPrice: Price = .free,
        spotPrice: Price? = nil,
        zones: [String] = []
    ) {
        self.name = name
        self.cpus = cpus
        self.memoryBytes = memoryBytes
        (self.gpus, self.gpuModel, self.storageBytes) = (gpus, gpuModel, storageBytes)
        self.speed = speed
        self.onDemandPrice = onDemandPrice
        self.spotPrice = spotPrice
        self.zones = zones
    }

    /// More than any task asks for, in bytes; finite, so that it can be given and taken.
    public static let ampleStorage = 1e18

    /// The name of every machine that is somebody's own: it says nothing of how fast it is.
    public static let localName = "local"

    /// What an empty instance has room for.
    public var capacity: Resources {
        Resources(cpus: cpus, memoryBytes: memoryBytes, gpus: gpus, storageBytes: storageBytes)
    }

    /// The listed price for a way of buying, or `nil` if it is not sold so.
    public func price(_ purchase: PurchaseOption) -> Price? {
        purchase == .spot ? spotPrice : onDemandPrice
    }
}

extension InstanceType {
    private enum CodingKeys: String, CodingKey {
        case name, cpus, memoryBytes, gpus, gpuModel, storageBytes, speed, onDemandPrice, spotPrice, zones
    }

    /// Reads a type; one that says nothing of GPUs has none, one that says nothing of storage has enough.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            name: try values.decode(String.self, forKey: .name), cpus: try values.decode(Double.self, forKey: .cpus),
            memoryBytes: try values.decode(Double.self, forKey: .memoryBytes),
            gpus: try values.decodeIfPresent(Double.self, forKey: .gpus) ?? 0,
            gpuModel: try values.decodeIfPresent(String.self, forKey: .gpuModel),
            storageBytes: try values.decodeIfPresent(Double.self, forKey: .storageBytes) ?? Self.ampleStorage,
            speed: try values.decode(Double.self, forKey: .speed),
            onDemandPrice: try values.decode(Price.self, forKey: .onDemandPrice),
            spotPrice: try values.decodeIfPresent(Price.self, forKey: .spotPrice),
            zones: try values.decode([String].self, forKey: .zones))
    }

    /// Writes a type; GPUs and storage only where they are said.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(name, forKey: .name)
        try values.encode(cpus, forKey: .cpus)
        try values.encode(memoryBytes, forKey: .memoryBytes)
        if gpus > 0 { try values.encode(gpus, forKey: .gpus) }
        try values.encodeIfPresent(gpuModel, forKey: .gpuModel)
        if storageBytes < Self.ampleStorage { try values.encode(storageBytes, forKey: .storageBytes) }
        try values.encode(speed, forKey: .speed)
        try values.encode(onDemandPrice, forKey: .onDemandPrice)
        try values.encodeIfPresent(spotPrice, forKey: .spotPrice)
        try values.encode(zones, forKey: .zones)
    }
}

/// How an instance is bought.
public enum PurchaseOption: String, Hashable, Sendable, Codable, CaseIterable {
    /// Dear, and kept until given back.
    case onDemand = "on-demand"
    /// Cheap, and may be reclaimed.
    case spot
}

/// A price of renting an instance, in US dollars per hour; billed by the second.
public struct Price: Hashable, Sendable, Codable, Comparable {
    /// US dollars per instance-hour.
    public var perHour: Double

    /// Makes a price from US dollars per instance-hour.
    public init(perHour: Double) { self.perHour = perHour }

    /// No charge.
    public static let free = Price(perHour: 0)

    /// The cost in US dollars of this many seconds.
    public func cost(ofSeconds seconds: Double) -> Double { perHour * seconds / 3600 }

    /// The cheaper is the smaller.
    public static func < (a: Price, b: Price) -> Bool { a.perHour < b.perHour }
}

/// The instances that a job may use.
public struct ResourcePool: Hashable, Sendable, Codable {
    /// What may be used; the order breaks ties.
    public var entries: [Offer]

    /// Makes a pool.
    public init(entries: [Offer]) { self.entries = entries }

    /// The greatest number of instances that may run at once.
    public var maximumCount: Int {
        entries.reduce(0) { sum, entry in
            let (next, overflow) = sum.addingReportingOverflow(max(0, entry.maximumCount))
            return overflow ? .max : next
        }
    }

    /// Whether some instance may run the task and has room for it.
    public func fits(_ request: Requirements) -> Bool { entries.contains { $0.fits(request) } }
}
