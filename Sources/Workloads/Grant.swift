/// What one attempt is given: resources that are its own while it runs, and how long it may run.
public struct Grant: Hashable, Sendable, Codable {
    /// What is reserved for it.
    public var resources: Resources
    /// After this many seconds it is stopped; `nil` is no limit.
    public var timeLimitSeconds: Double?

    /// Makes a grant without a time limit, unless one is given.
    public init(_ resources: Resources, timeLimitSeconds: Double? = nil) {
        (self.resources, self.timeLimitSeconds) = (resources, timeLimitSeconds)
    }
}
