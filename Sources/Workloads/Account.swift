/// On whose account a job runs, and what that tenant may have of a pool that several share.
public struct Account: Hashable, Sendable, Codable {
    /// Whose it is; jobs of one tenant share the tenant's part.
    public var tenant: String
    /// The tenant's part of a shared pool in proportion to the weights of the others.
    public var weight: Double
    /// The most that the tenant may have in use; `nil` is without limit.
    public var quota: Quota?

    /// Makes an account; that of the tenant `default`, of weight 1 and without quota, unless it says otherwise.
    public init(tenant: String = "default", weight: Double = 1, quota: Quota? = nil) {
        (self.tenant, self.weight, self.quota) = (tenant, weight > 0 && weight.isFinite ? weight : 1, quota)
    }
}
