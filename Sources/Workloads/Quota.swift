/// The most that a tenant may have in use at any time.
public struct Quota: Hashable, Sendable {
    /// What all its running attempts may occupy together; infinite where it does not matter.
    public var resources: Resources
    /// What they may cost together in US dollars per hour: each the part of its instance that it occupies, at the price when
    /// it started.
    public var pricePerHour: Double

    /// Makes a quota; what is not given has no limit.
    public init(
        resources: Resources = Resources(lanes: SIMD4(repeating: .infinity)), pricePerHour: Double = .infinity
    ) {
        (self.resources, self.pricePerHour) = (resources, pricePerHour)
    }
}

extension Quota {
    /// What keeps both.
    public func within(_ other: Quota) -> Quota {
        Quota(
            resources: resources.minima(other.resources), pricePerHour: Swift.min(pricePerHour, other.pricePerHour))
    }
}

extension Quota: Codable {
    private enum CodingKeys: String, CodingKey { case cpus, memoryBytes, gpus, storageBytes, pricePerHour }

    /// Reads what is named; the rest has no limit.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func value(_ key: CodingKeys) throws -> Double {
            try values.decodeIfPresent(Double.self, forKey: key) ?? .infinity
        }
        self.init(
            resources: Resources(
                cpus: try value(.cpus), memoryBytes: try value(.memoryBytes), gpus: try value(.gpus),
                storageBytes: try value(.storageBytes)),
            pricePerHour: try value(.pricePerHour))
    }

    /// Writes what has a limit.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        func write(_ value: Double, _ key: CodingKeys) throws {
            if value.isFinite { try values.encode(value, forKey: key) }
        }
        try write(resources.cpus, .cpus)
        try write(resources.memoryBytes, .memoryBytes)
        try write(resources.gpus, .gpus)
        try write(resources.storageBytes, .storageBytes)
        try write(pricePerHour, .pricePerHour)
    }
}
