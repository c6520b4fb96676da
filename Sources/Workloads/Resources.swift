/// What a task occupies or an instance offers: processors, memory, GPUs and storage, in one SIMD value.
///
/// Two values are compared and added lane by lane, in one instruction, so that hot loops need no dictionary.
///
///     Resources(cpus: 2, memoryBytes: 4e9).fits(in: Resources(cpus: 8, memoryBytes: 16e9))   // true
public struct Resources: Hashable, Sendable {
    /// Processors, memory in bytes, GPUs, storage in bytes.
    public var lanes: SIMD4<Double>

    /// Wraps four lanes.
    @inlinable public init(lanes: SIMD4<Double>) { self.lanes = lanes }

    /// Makes a value; what is not given is 0.
    @inlinable public init(cpus: Double = 0, memoryBytes: Double = 0, gpus: Double = 0, storageBytes: Double = 0) {
        lanes = SIMD4(cpus, memoryBytes, gpus, storageBytes)
    }

    /// Nothing of anything.
    public static let zero = Resources()

    /// Processors; a fraction is allowed.
    @inlinable public var cpus: Double {
        get { lanes.x }
        set { lanes.x = newValue }
    }
    /// Memory in bytes.
    @inlinable public var memoryBytes: Double {
        get { lanes.y }
        set { lanes.y = newValue }
    }
    /// GPUs; a fraction is allowed.
    @inlinable public var gpus: Double {
        get { lanes.z }
        set { lanes.z = newValue }
    }
    /// Local storage in bytes.
    @inlinable public var storageBytes: Double {
        get { lanes.w }
        set { lanes.w = newValue }
    }

    /// Whether there is room for this in `free`, but for the rounding of sums of fractions.
    @inlinable public func fits(in free: Resources) -> Bool {
        all(lanes .<= free.lanes + SIMD4(1e-9, 0.5, 1e-9, 0.5))
    }

    /// The greatest part of `whole` that this takes in any lane that there is.
    public func dominantShare(of whole: Resources) -> Double {
        var share = 0.0
        for lane in 0..<4 where whole.lanes[lane] > 0 { share = max(share, lanes[lane] / whole.lanes[lane]) }
        return share
    }

    /// The sum, lane by lane.
    @inlinable public static func + (a: Resources, b: Resources) -> Resources { Resources(lanes: a.lanes + b.lanes) }

    /// The difference, lane by lane.
    @inlinable public static func - (a: Resources, b: Resources) -> Resources { Resources(lanes: a.lanes - b.lanes) }

    /// Adds, lane by lane.
    @inlinable public static func += (a: inout Resources, b: Resources) { a.lanes += b.lanes }

    /// Subtracts, lane by lane.
    @inlinable public static func -= (a: inout Resources, b: Resources) { a.lanes -= b.lanes }

    /// The less of both in every lane.
    @inlinable public func minima(_ other: Resources) -> Resources {
        Resources(lanes: lanes.replacing(with: other.lanes, where: other.lanes .< lanes))
    }

    /// The greater of both in every lane.
    @inlinable public func maxima(_ other: Resources) -> Resources {
        Resources(lanes: lanes.replacing(with: other.lanes, where: lanes .< other.lanes))
    }
}

extension Resources: CustomStringConvertible {
    /// What there is of each, for instance `2 cpus, 8.00 GB and 1 gpus`.
    public var description: String {
        var parts = ["\(Units.format(cpus, digits: 1)) cpus", Units.formatBytes(memoryBytes)]
        if gpus > 0 { parts.append("\(Units.format(gpus, digits: 1)) gpus") }
        if 1..<InstanceType.ampleStorage ~= storageBytes {
            parts.append("\(Units.formatBytes(storageBytes)) of storage")
        }
        return parts.dropLast().joined(separator: ", ") + " and " + parts[parts.count - 1]
    }
}

extension Resources: Codable {
    private enum CodingKeys: String, CodingKey {
        case cpus, gpus
        case memoryBytes = "memory_bytes"
        case storageBytes = "storage_bytes"
    }

    /// Reads what is named; the rest is 0.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func value(_ key: CodingKeys) throws -> Double { try values.decodeIfPresent(Double.self, forKey: key) ?? 0 }
        self.init(
            cpus: try value(.cpus), memoryBytes: try value(.memoryBytes), gpus: try value(.gpus),
            storageBytes: try value(.storageBytes))
    }

    /// Writes processors and memory, and the rest where there is some.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(cpus, forKey: .cpus)
        try values.encode(memoryBytes, forKey: .memoryBytes)
        if gpus != 0 { try values.encode(gpus, forKey: .gpus) }
        if storageBytes != 0 { try values.encode(storageBytes, forKey: .storageBytes) }
    }
}
