/// What a task asks of the instance that runs it: resources of its own, and what kind of instance that may be.
public struct Requirements: Hashable, Sendable {
    /// Processors, memory, GPUs and storage that it occupies; memory 0 asks for none in particular.
    public var resources: Resources
    /// After this many seconds the task is killed; `nil` is no limit.
    public var timeLimitSeconds: Double?
    /// Zones where it may run; empty is any.
    public var zones: Set<String>
    /// How its instance must be bought; `nil` is either way.
    public var purchase: PurchaseOption?
    /// The model of its GPUs; `nil` is any.
    public var gpuModel: String?
    /// How it is told to save what it has done; `nil` if it cannot.
    public var checkpoint: CheckpointSpec?

    /// Makes requirements; one processor by default.
    public init(
        cpus: Double = 1, memoryBytes: Double = 0, gpus: Double = 0, storageBytes: Double = 0,
        timeLimitSeconds: Double? = nil, zones: Set<String> = [], purchase: PurchaseOption? = nil,
        gpuModel: String? = nil, checkpoint: CheckpointSpec? = nil
    ) {
        resources = Resources(cpus: cpus, memoryBytes: memoryBytes, gpus: gpus, storageBytes: storageBytes)
        (self.timeLimitSeconds, self.zones, self.purchase) = (timeLimitSeconds, zones, purchase)
        (self.gpuModel, self.checkpoint) = (gpuModel, checkpoint)
    }

    /// Processors, a fraction is allowed; at least 0.
    @inlinable public var cpus: Double {
        get { resources.cpus }
        set { resources.cpus = newValue }
    }
    /// Memory in bytes; 0 asks for none in particular.
    @inlinable public var memoryBytes: Double {
        get { resources.memoryBytes }
        set { resources.memoryBytes = newValue }
    }

    /// Whether an instance of this kind may run it, whatever its size. A machine of one's own is neither bought nor in a zone.
    public func allow(_ type: InstanceType, _ purchase: PurchaseOption, zone: String?) -> Bool {
        if type.name == InstanceType.localName { return true }
        if let gpuModel, gpuModel != type.gpuModel { return false }
        if let wanted = self.purchase, wanted != purchase { return false }
        return zones.isEmpty || zone.map { zones.contains($0) } ?? type.zones.isEmpty
    }
}

/// How a task is told to save what it has done, so that another attempt goes on from there.
public struct CheckpointSpec: Hashable, Sendable, Codable {
    /// What tells it.
    public enum Method: Hashable, Sendable, Codable {
        /// A signal to its processes.
        case signal(Int32)
        /// A command in its folder.
        case command(String)
    }

    /// What tells it.
    public var method: Method
    /// How large what it saves is, in bytes.
    public var sizeBytes: Double
    /// How long that takes, in seconds.
    public var saveSeconds: Double

    /// Makes a way to save.
    public init(_ method: Method, sizeBytes: Double = 0, saveSeconds: Double = 0) {
        (self.method, self.sizeBytes, self.saveSeconds) = (method, sizeBytes, saveSeconds)
    }
}

extension Requirements: Codable {
    private enum CodingKeys: String, CodingKey {
        case cpus, memoryBytes, gpus, storageBytes, timeLimitSeconds, zones, purchase, gpuModel, checkpoint
    }

    /// Reads what is named; the rest is nothing in particular.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func value(_ key: CodingKeys) throws -> Double { try values.decodeIfPresent(Double.self, forKey: key) ?? 0 }
        self.init(
            cpus: try value(.cpus), memoryBytes: try value(.memoryBytes), gpus: try value(.gpus),
            storageBytes: try value(.storageBytes),
            timeLimitSeconds: try values.decodeIfPresent(Double.self, forKey: .timeLimitSeconds),
            zones: try values.decodeIfPresent(Set<String>.self, forKey: .zones) ?? [],
            purchase: try values.decodeIfPresent(PurchaseOption.self, forKey: .purchase),
            gpuModel: try values.decodeIfPresent(String.self, forKey: .gpuModel),
            checkpoint: try values.decodeIfPresent(CheckpointSpec.self, forKey: .checkpoint))
    }

    /// Writes processors and memory, and the rest where it is asked for.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(cpus, forKey: .cpus)
        try values.encode(memoryBytes, forKey: .memoryBytes)
        if resources.gpus > 0 { try values.encode(resources.gpus, forKey: .gpus) }
        if resources.storageBytes > 0 { try values.encode(resources.storageBytes, forKey: .storageBytes) }
        try values.encodeIfPresent(timeLimitSeconds, forKey: .timeLimitSeconds)
        if !zones.isEmpty { try values.encode(zones.sorted(), forKey: .zones) }
        try values.encodeIfPresent(purchase, forKey: .purchase)
        try values.encodeIfPresent(gpuModel, forKey: .gpuModel)
        try values.encodeIfPresent(checkpoint, forKey: .checkpoint)
    }
}
