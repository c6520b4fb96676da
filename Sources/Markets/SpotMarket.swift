/// What a spot price is the price of: one instance type with one operating system in one zone.
public struct SpotMarket: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
    /// For instance `c5.large`.
    public var instanceType: String
    /// For instance `us-east-1a`. AWS shuffles the letters among accounts: do not join zones of different accounts.
    public var zone: String
    /// For instance `Linux/UNIX`, the product to forecast: the others cost the same plus a licence fee.
    public var product: String

    /// Names a market.
    public init(instanceType: String, zone: String, product: String = SpotMarket.linux) {
        (self.instanceType, self.zone, self.product) = (instanceType, zone, product)
    }

    /// The product without a licence fee.
    public static let linux = "Linux/UNIX"

    /// Type, zone and product.
    public var description: String { "\(instanceType) \(zone) \(product)" }

    /// Sorted by type, then zone, then product.
    public static func < (a: SpotMarket, b: SpotMarket) -> Bool {
        (a.instanceType, a.zone, a.product) < (b.instanceType, b.zone, b.product)
    }
}
