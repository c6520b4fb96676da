import Glibc
public import Workloads

extension RunState {
    /// On whose account jobs run.
    public struct Tenant: Sendable {
        /// The name.
        public let name: String
        /// Its part of the pool in proportion to the others'.
        public let weight: Double
        /// The most it may have in use; `nil` is without limit.
        public internal(set) var quota: Quota?
        /// The dominant share of the pool that its running attempts occupy.
        public internal(set) var share = 0.0
        /// What its running attempts occupy together, and what they cost in US dollars per hour at the prices when they
        /// started; counted only if it has a quota.
        public internal(set) var inUse = Resources.zero
        public internal(set) var pricePerHour = 0.0
        /// The price of each running attempt.
        var prices: [AttemptID: Double] = [:]
        /// The mean of its share over the past, weighted by half as much every half-life.
        var pastShare = 0.0
        var pastSeconds = 0.0

        init(name: String, weight: Double, quota: Quota?) {
            (self.name, self.weight, self.quota) = (name, weight, quota)
        }
    }

    /// What a tenant has had, now and in the past, in proportion to its weight: the least goes first.
    public func usage(ofTenant tenant: Int32) -> Double {
        let tenant = Int(tenant)
        return (tenants[tenant].share + pastShare(tenant)) / tenants[tenant].weight
    }

    /// The place of the tenant of a task.
    func tenant(of task: TaskIndex) -> Int { Int(jobs[Int(tasks.job[Int(task)])].tenant) }

    /// The greatest part of the whole pool that a request takes in any lane. Source: Ghodsi and others, *Dominant Resource
    /// Fairness* (2011).
    public func dominantShare(_ resources: Resources) -> Double { resources.dominantShare(of: whole) }

    /// US dollars per hour for what a request occupies of an instance of an offer, at today's price.
    public func pricePerHour(_ resources: Resources, on offer: OfferIndex) -> Double {
        offers[Int(offer)].pricePerHour(of: resources)
    }

    /// Whether the quota of its tenant lets a task start on an instance of an offer.
    ///
    /// - Parameter alone: As if the tenant had nothing in use.
    func isWithinQuota(_ task: TaskIndex, on offer: OfferIndex, alone: Bool = false) -> Bool {
        guard hasQuotas else { return true }
        let tenant = tenant(of: task)
        guard let quota = tenants[tenant].quota else { return true }
        let request = tasks.request[Int(task)]
        guard request.fits(in: alone ? quota.resources : quota.resources - tenants[tenant].inUse) else { return false }
        let price = pricePerHour(request, on: offer) + (alone ? 0 : tenants[tenant].pricePerHour)
        return price <= quota.pricePerHour * (1 + 1e-9)
    }

    /// Whether it lets the task start on an instance of some offer. O(*offers*).
    func isWithinQuotaSomewhere(_ task: TaskIndex, alone: Bool = false) -> Bool {
        !hasQuotas || tenants[tenant(of: task)].quota == nil
            || offers.indices.contains {
                allows(task, OfferIndex($0)) && isWithinQuota(task, on: OfferIndex($0), alone: alone)
            }
    }

    /// Counts an attempt that starts as in use by its tenant.
    mutating func charge(_ attempt: AttemptID, on instance: InstanceIndex) {
        let (tenant, request) = (tenant(of: attempt.task), tasks.request[Int(attempt.task)])
        change(tenant, dominantShare(request))
        guard tenants[tenant].quota != nil else { return }
        let price = pricePerHour(request, on: instances.offer[Int(instance)])
        tenants[tenant].inUse += request
        tenants[tenant].pricePerHour += price
        tenants[tenant].prices[attempt] = price
    }

    /// Counts an attempt that ends as in use no more.
    mutating func discharge(_ attempt: AttemptID) {
        let (tenant, request) = (tenant(of: attempt.task), tasks.request[Int(attempt.task)])
        change(tenant, -dominantShare(request))
        guard tenants[tenant].quota != nil else { return }
        tenants[tenant].inUse -= request
        tenants[tenant].pricePerHour -= tenants[tenant].prices.removeValue(forKey: attempt) ?? 0
        // Sums of fractions leave nothing behind.
        if tenants[tenant].prices.isEmpty { (tenants[tenant].inUse, tenants[tenant].pricePerHour) = (.zero, 0) }
        quotaChanges += 1
    }

    /// Adds to what a tenant occupies from now on.
    private mutating func change(_ tenant: Int, _ share: Double) {
        if tenants[tenant].pastSeconds != seconds {
            tenants[tenant].pastShare = pastShare(tenant)
            tenants[tenant].pastSeconds = seconds
        }
        tenants[tenant].share = max(0, tenants[tenant].share + share)
    }

    private func pastShare(_ tenant: Int) -> Double {
        let kept = halfLifeSeconds > 0 ? exp2(-(seconds - tenants[tenant].pastSeconds) / halfLifeSeconds) : 0
        return tenants[tenant].pastShare * kept + tenants[tenant].share * (1 - kept)
    }
}
