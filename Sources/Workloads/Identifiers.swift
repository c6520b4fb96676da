/// The name of one task, unique in its graph.
public struct TaskID: RawRepresentable, Hashable, Sendable, Codable, CodingKeyRepresentable, Comparable {
    /// The name as written in the job file or the trace.
    public let rawValue: String

    /// Wraps a name; any text is valid.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Wraps a name; any text is valid.
    public init(_ name: String) { rawValue = name }

    /// Names compare byte by byte of their Unicode scalars, on every machine alike.
    public static func < (a: TaskID, b: TaskID) -> Bool { a.rawValue < b.rawValue }
}

/// The name of one running or planned machine.
public struct InstanceID: RawRepresentable, Hashable, Sendable, Codable, CodingKeyRepresentable, Comparable {
    /// The name, for instance `m5.large/spot/us-east-1a#3`.
    public let rawValue: String

    /// Wraps a name; any text is valid.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Wraps a name; any text is valid.
    public init(_ name: String) { rawValue = name }

    /// Names compare byte by byte of their Unicode scalars, on every machine alike.
    public static func < (a: InstanceID, b: InstanceID) -> Bool { a.rawValue < b.rawValue }
}

extension TaskID: ExpressibleByStringLiteral, CustomStringConvertible {
    /// Wraps a literal name.
    public init(stringLiteral value: String) { rawValue = value }
    /// The name itself.
    public var description: String { rawValue }
}

extension InstanceID: ExpressibleByStringLiteral, CustomStringConvertible {
    /// Wraps a literal name.
    public init(stringLiteral value: String) { rawValue = value }
    /// The name itself.
    public var description: String { rawValue }
}
