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
    /// Whether a task that asks for so much may run on an instance of an offer when nothing else does.
    package func allows(_ request: Resources, on offer: Offer) -> Bool {
        request.fits(in: resources) && offer.pricePerHour(of: request) <= pricePerHour * (1 + 1e-9)
    }

    /// Whether tasks that ask for so much might want more at once, on instances of offers.
    package func isLimiting(_ requests: [Resources], on offers: [Offer]) -> Bool {
        let whole = offers.reduce(Resources.zero) { sum, offer in
            Resources(lanes: sum.lanes + offer.capacity.lanes * Double(min(offer.maximumCount, requests.count)))
        }
        let most = requests.reduce(.zero) { $0 + $1 }.minima(whole)
        let price = offers.reduce(0) { $0 + $1.price.perHour * Double(min($1.maximumCount, requests.count)) }
        return !most.fits(in: resources) || price > pricePerHour
    }

    /// What keeps both.
    public func within(_ other: Quota) -> Quota {
        Quota(
            resources: resources.minima(other.resources), pricePerHour: Swift.min(pricePerHour, other.pricePerHour))
    }
}

extension Quota: CustomStringConvertible {
    /// What has a limit, for instance `16 cpus, 64.0 GB, $2.50/h`.
    public var description: String {
        var parts: [String] = []
        if resources.cpus.isFinite { parts.append(Units.format(resources.cpus, digits: 1) + " cpus") }
        if resources.memoryBytes.isFinite { parts.append(Units.formatBytes(resources.memoryBytes)) }
        if resources.gpus.isFinite { parts.append(Units.format(resources.gpus, digits: 1) + " gpus") }
        if resources.storageBytes.isFinite {
            parts.append(Units.formatBytes(resources.storageBytes) + " of storage")
        }
        if pricePerHour.isFinite { parts.append(Units.formatPrice(pricePerHour) + "/h") }
        return parts.joined(separator: ", ")
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
