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
