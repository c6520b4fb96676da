internal import Foundation

/// A model on disk: named tensors and text metadata in the safetensors format.
///
/// Python's `safetensors` opens the same file. Ours also says its kind and schema version and carries a checksum over
/// every byte, so that a damaged, truncated, foreign or newer file is an error and never a wrong model.
///
///     var file = ModelFile(kind: "median", schemaVersion: 1)
///     try file.set("median", [12.5])
///     try file.write(to: "models/sort.safetensors")
///     let read = try ModelFile(contentsOf: "models/sort.safetensors", kind: "median", schemaVersion: 1)
///     try read.doubles("median")   // [12.5]
///
/// A file is read through a memory map: a tensor costs nothing until it is touched.
public struct ModelFile: Sendable {
    /// What the model is, for instance `forest`.
    public let kind: String
    /// The version of the kind's own layout, from 1.
    public let schemaVersion: Int
    /// Everything else that the file says about itself: feature names, units, seed, held-out errors, …
    public var metadata: [String: String]
    package private(set) var tensors: [String: Tensor] = [:]
    private var checksum: FileChecksum?

    public init(kind: String, schemaVersion: Int, metadata: [String: String] = [:]) {
        (self.kind, self.schemaVersion, self.metadata) = (kind, schemaVersion, metadata)
    }

    /// Opens a file that this project wrote, and checks its checksum, kind and version.
    ///
    /// - Parameters:
    ///   - kind: The kind that the caller can use; `nil` accepts any.
    ///   - schemaVersion: The newest version that the caller can read.
    ///   - verifying: Whether to compare the checksum now. A caller that says no does it later, by ``verify()``.
    /// - Throws: ``ModelFileError`` that says what is wrong with the file.
    /// - Complexity: O(bytes) for the checksum, at memory speed; without it O(header).
    public init(
        contentsOf path: String, kind: String? = nil, schemaVersion: Int = .max, verifying: Bool = true
    ) throws(ModelFileError) {
        let contents = try SafetensorsReader(path: path)
        guard let sum = contents.checksum else { throw .notAlmanac(path) }
        if verifying { try sum.verify() }
        var metadata = contents.metadata
        guard let found = metadata.removeValue(forKey: MetadataKey.kind),
            let version = metadata.removeValue(forKey: MetadataKey.schemaVersion).flatMap(Int.init)
        else { throw .notAlmanac(path) }
        if let kind, kind != found { throw .wrongKind(path, found: found, expected: kind) }
        guard version <= schemaVersion else { throw .newer(path, found: version, supported: schemaVersion) }
        metadata[MetadataKey.checksum] = nil
        self.init(kind: found, schemaVersion: version, metadata: metadata)
        (tensors, checksum) = (contents.tensors, sum)
    }

    /// Compares the file that was opened with its checksum. Nothing to do for a file that is not written yet.
    /// - Throws: ``ModelFileError`` if they differ.
    public func verify() throws(ModelFileError) { try checksum?.verify() }

    /// Opens any safetensors file, such as one written by Python. There is no checksum to compare.
    public init(safetensors path: String) throws(ModelFileError) {
        let contents = try SafetensorsReader(path: path)
        self.init(kind: "safetensors", schemaVersion: 0, metadata: contents.metadata)
        tensors = contents.tensors
    }

    public var tensorNames: [String] { tensors.keys.sorted() }

    /// The extents of a tensor, outermost first (row-major, as safetensors has it).
    public func shape(of name: String) throws(ModelFileError) -> [Int] { try tensor(name).shape }

    /// The number of bytes that all tensors take.
    public var tensorBytes: Int { tensors.values.reduce(0) { $0 + $1.bytes.count } }

    /// Stores a tensor under `name`, replacing an older one.
    ///
    /// - Parameter shape: Its extents; their product must be `values.count`. `nil` means one dimension.
    public mutating func set<Element: TensorElement>(
        _ name: String, _ values: [Element], shape: [Int]? = nil
    ) throws(ModelFileError) {
        let shape = shape ?? [values.count]
        guard shape.allSatisfy({ $0 >= 0 }), shape.reduce(1, *) == values.count else {
            throw .shape(name, shape: shape, elements: values.count)
        }
        tensors[name] = Tensor(
            dtype: Element.dtype, shape: shape, bytes: .owned(values.withUnsafeBytes { Array($0) }))
    }

    /// Stores a value as JSON in the metadata.
    public mutating func setJSON(_ key: String, _ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        metadata[key] = String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// The value that ``setJSON(_:_:)`` stored.
    public func json<Value: Decodable>(_ key: String, as type: Value.Type) throws(ModelFileError) -> Value {
        guard let text = metadata[key] else { throw .missingMetadata(key) }
        do { return try JSONDecoder().decode(type, from: Data(text.utf8)) } catch {
            throw .invalidMetadata(key, reason: "\(error)")
        }
    }

    /// The metadata under `key`.
    public func text(_ key: String) throws(ModelFileError) -> String {
        guard let text = metadata[key] else { throw .missingMetadata(key) }
        return text
    }

    /// A copy of the elements of a tensor.
    /// - Throws: ``ModelFileError`` if there is none of this name or its elements are of another type.
    public func values<Element: TensorElement>(
        _ name: String, as type: Element.Type = Element.self
    ) throws(ModelFileError) -> [Element] {
        try view(name, as: type).array
    }

    /// A tensor of doubles. The same as ``values(_:as:)``.
    public func doubles(_ name: String) throws(ModelFileError) -> [Double] { try values(name) }

    /// The elements of a tensor where they are, in the memory map: nothing is copied or read until it is used.
    public func view<Element: TensorElement>(
        _ name: String, as type: Element.Type = Element.self
    ) throws(ModelFileError) -> TensorView<Element> {
        let tensor = try tensor(name)
        guard tensor.dtype == Element.dtype else {
            throw .wrongType(name, found: tensor.dtype.rawValue, expected: Element.dtype.rawValue)
        }
        return TensorView(bytes: tensor.bytes)
    }

    /// Stores another model inside this one: its tensors and metadata under `name/`.
    public mutating func embed(_ other: ModelFile, as name: String) {
        for (key, tensor) in other.tensors { tensors["\(name)/\(key)"] = tensor }
        for (key, text) in other.metadata { metadata["\(name)/\(key)"] = text }
        metadata["\(name)/\(MetadataKey.kind)"] = other.kind
        metadata["\(name)/\(MetadataKey.schemaVersion)"] = String(other.schemaVersion)
    }

    /// The model that ``embed(_:as:)`` stored, `nil` if there is none of this name.
    public func embedded(_ name: String) -> ModelFile? {
        func inside<Value>(_ values: [String: Value]) -> [String: Value] {
            var result: [String: Value] = [:]
            for (key, value) in values where key.hasPrefix("\(name)/") {
                result[String(key.dropFirst(name.count + 1))] = value
            }
            return result
        }
        var texts = inside(metadata)
        guard let kind = texts.removeValue(forKey: MetadataKey.kind),
            let version = texts.removeValue(forKey: MetadataKey.schemaVersion).flatMap(Int.init)
        else { return nil }
        var file = ModelFile(kind: kind, schemaVersion: version, metadata: texts)
        file.tensors = inside(tensors)
        return file
    }

    /// Writes the file so that `path` holds either the old or the complete new content, whatever happens meanwhile.
    public func write(to path: String) throws(ModelFileError) {
        var metadata = metadata
        metadata[MetadataKey.kind] = kind
        metadata[MetadataKey.schemaVersion] = String(schemaVersion)
        try SafetensorsWriter(metadata: metadata, tensors: tensors).write(to: path)
    }

    private func tensor(_ name: String) throws(ModelFileError) -> Tensor {
        guard let tensor = tensors[name] else { throw .missingTensor(name) }
        return tensor
    }
}

enum MetadataKey {
    static let kind = "almanac.kind"
    static let schemaVersion = "almanac.schema_version"
    static let checksum = "almanac.checksum"
}
