/// Something that can be rented: up to `maximumCount` instances of one type, bought in one way in one zone.
public struct Offer: Hashable, Sendable, Codable {
    /// How the time of an instance becomes money.
    public struct Billing: Hashable, Sendable, Codable {
        /// Time is billed in whole units of so many seconds.
        public var granularitySeconds: Double
        /// The least that is billed, in seconds.
        public var minimumSeconds: Double

        /// Makes a billing; by the second without a minimum unless it says otherwise.
        public init(granularitySeconds: Double = 1, minimumSeconds: Double = 0) {
            self.granularitySeconds = granularitySeconds > 0 ? granularitySeconds : 0
            self.minimumSeconds = max(0, minimumSeconds)
        }

        /// By the second, and nothing else.
        public static let bySecond = Billing()

        /// The seconds that are billed for `seconds` of use.
        public func billedSeconds(_ seconds: Double) -> Double {
            let used = max(seconds, minimumSeconds)
            guard granularitySeconds > 0 else { return used }
            return (used / granularitySeconds - 1e-9).rounded(.up) * granularitySeconds
        }
    }

    /// What kind of machine.
    public var type: InstanceType
    /// How it is bought.
    public var purchase: PurchaseOption
    /// Where; `nil` if zones do not matter.
    public var zone: String?
    /// How many may run at once.
    public var maximumCount: Int
    /// What it costs now.
    public var price: Price
    /// Seconds from asking for an instance until it takes tasks.
    public var openSeconds: Double
    /// How its time is billed.
    public var billing: Billing

    /// Makes an offer; one instance on demand at the price of its type, ready at once, billed by the second.
    public init(
        type: InstanceType, purchase: PurchaseOption = .onDemand, zone: String? = nil, maximumCount: Int = 1,
        price: Price? = nil, openSeconds: Double = 0, billing: Billing = .bySecond
    ) {
        (self.type, self.purchase, self.zone, self.maximumCount) = (type, purchase, zone, maximumCount)
        self.price = price ?? type.price(purchase) ?? type.onDemandPrice
        (self.openSeconds, self.billing) = (max(0, openSeconds), billing)
    }

    /// What an empty instance has room for.
    public var capacity: Resources { type.capacity }

    /// US dollars per hour for the part of an instance that a request occupies, in the lane of which it takes most.
    public func pricePerHour(of request: Resources) -> Double {
        price.perHour * min(1, request.dominantShare(of: capacity))
    }

    /// Whether an empty instance may run the task and has room for it.
    public func fits(_ request: Requirements) -> Bool {
        maximumCount > 0 && request.allow(type, purchase, zone: zone) && request.resources.fits(in: capacity)
    }

    /// Whether it is the same type, bought in the same way in the same zone.
    public func isSame(as other: Offer) -> Bool {
        type == other.type && purchase == other.purchase && zone == other.zone
    }

    /// A name for its instance number `number` (from 0), for instance `m5.large/spot/us-east-1a#0`.
    public func instanceID(_ number: Int) -> InstanceID {
        let parts = [type.name, purchase == .spot ? "spot" : nil, zone]
        return InstanceID(parts.compactMap(\.self).joined(separator: "/") + "#\(number)")
    }
}

extension Offer {
    private enum CodingKeys: String, CodingKey {
        case type, purchase, zone, maximumCount, price, openSeconds, billing
    }

    /// Reads an offer; one that says no price has that of its type, is ready at once and billed by the second.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            type: try values.decode(InstanceType.self, forKey: .type),
            purchase: try values.decode(PurchaseOption.self, forKey: .purchase),
            zone: try values.decodeIfPresent(String.self, forKey: .zone),
            maximumCount: try values.decode(Int.self, forKey: .maximumCount),
            price: try values.decodeIfPresent(Price.self, forKey: .price),
            openSeconds: try values.decodeIfPresent(Double.self, forKey: .openSeconds) ?? 0,
            billing: try values.decodeIfPresent(Billing.self, forKey: .billing) ?? .bySecond)
    }
}

extension Sequence where Element == Offer {
    /// The most that an instance of any of them has of each resource.
    public var largestCapacity: Resources { reduce(.zero) { $0.maxima($1.capacity) } }
}
