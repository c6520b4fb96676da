import Workloads
import Yams

extension YAMLReader {
    /// The instances that a job may use, or `nil` if it does not say.
    func pool(_ node: Node?) throws(JobFileError) -> ResourcePool? {
        guard let node, !isNull(node) else { return nil }
        guard let list = node.sequence, !list.isEmpty else {
            throw fail(
                node,
                .wrongKind(
                    of: "'pool'", found: list(node).isEmpty ? "an empty list" : kind(node),
                    expected: "a list of instance types"))
        }
        var entries: [Offer] = []
        var lines: [String: Int] = [:]
        for item in list {
            let keys = [
                "type", "cpus", "memory", "gpus", "gpu_model", "storage", "price", "spot_price", "speed", "zones",
                "count", "start_up", "billing",
            ]
            let item = try fields(item, keys: keys, required: ["type", "cpus", "memory"], of: "an instance type")
            let added = try self.entries(item)
            if let line = lines.updateValue(item["type"]?.mark?.line ?? 1, forKey: added[0].type.name) {
                let expected = "a name that is not used before (line \(line))"
                throw fail(item["type"], .badValue(of: "'type'", found: added[0].type.name, expected: expected))
            }
            entries += added
        }
        return ResourcePool(entries: entries)
    }

    /// One entry for each way of buying in each zone.
    private func entries(_ item: [String: Node]) throws(JobFileError) -> [Offer] {
        let price = try number(item["price"], for: "price", in: 0...1e9)
        var zones: [String] = []
        for zone in list(item["zones"]) { zones.append(try text(zone, for: "zones") ?? "") }
        let spotPrices = try self.spotPrices(item["spot_price"], zones: zones)
        let spotPrice = spotPrices.values.min()
        let type = InstanceType(
            name: try text(item["type"], for: "type") ?? "",
            cpus: try number(item["cpus"], for: "cpus", in: 0.001...1e6) ?? 1,
            memoryBytes: try bytes(item["memory"], for: "memory") ?? 0,
            gpus: try number(item["gpus"], for: "gpus", in: 0...1e4) ?? 0,
            gpuModel: try text(item["gpu_model"], for: "gpu_model"),
            storageBytes: try bytes(item["storage"], for: "storage") ?? InstanceType.ampleStorage,
            speed: try number(item["speed"], for: "speed", in: 1e-6...1e6) ?? 1,
            onDemandPrice: Price(perHour: price ?? 0), spotPrice: spotPrice.map { Price(perHour: $0) }, zones: zones)
        let startUp = try seconds(item["start_up"], for: "start_up") ?? 0
        let billing = try billing(item["billing"])
        let count = try integer(item["count"], for: "count", in: 1...1_000_000) ?? 1
        var purchases: [PurchaseOption] = []
        if price != nil || spotPrice == nil { purchases.append(.onDemand) }
        if spotPrice != nil { purchases.append(.spot) }
        var entries: [Offer] = []
        for purchase in purchases {
            for zone in zones.isEmpty ? [nil] : zones.map(Optional.some) {
                let zonePrice = spotPrices[zone ?? ""]
                if purchase == .spot, zonePrice == nil { continue }
                entries.append(
                    .init(
                        type: type, purchase: purchase, zone: zone, maximumCount: count,
                        price: purchase == .spot ? zonePrice.map { Price(perHour: $0) } : nil, openSeconds: startUp,
                        billing: billing))
            }
        }
        return entries
    }

    /// The spot price in each zone, under an empty name where there are none: one number for all, or one for each that sells
    /// the type so.
    private func spotPrices(_ node: Node?, zones: [String]) throws(JobFileError) -> [String: Double] {
        guard let node, !isNull(node) else { return [:] }
        guard case .mapping = node else {
            guard let price = try number(node, for: "spot_price", in: 0...1e9) else { return [:] }
            return Dictionary((zones.isEmpty ? [""] : zones).map { ($0, price) }) { first, _ in first }
        }
        guard !zones.isEmpty else {
            throw fail(node, .missingKey("zones", in: "an instance type with spot prices by zone"))
        }
        var prices: [String: Double] = [:]
        for (zone, price) in try fields(node, keys: zones, required: [], of: "'spot_price'") {
            prices[zone] = try number(price, for: "spot_price", in: 0...1e9)
        }
        return prices
    }

    /// How time is billed; by the second if the file does not say.
    private func billing(_ node: Node?) throws(JobFileError) -> Offer.Billing {
        guard let node, !isNull(node) else { return .bySecond }
        let item = try fields(node, keys: ["by", "minimum"], required: [], of: "the billing")
        return Offer.Billing(
            granularitySeconds: try seconds(item["by"], for: "by") ?? 1,
            minimumSeconds: try seconds(item["minimum"], for: "minimum") ?? 0)
    }

    /// On whose account the job runs; every task must have room within the quota.
    func account(_ root: [String: Node], _ graph: TaskGraph) throws(JobFileError) -> Account {
        let tenant = try text(root["tenant"], for: "tenant")
        guard tenant != "" else { throw fail(root["tenant"], .badValue(of: "'tenant'", found: "", expected: "a name")) }
        let quota = try quota(root["quota"])
        if let quota, let task = graph.tasks.first(where: { !$0.request.resources.fits(in: quota.resources) }) {
            throw fail(root["quota"], .beyondQuota(task.id, task.request.resources))
        }
        return Account(
            tenant: tenant ?? Account().tenant, weight: try number(root["weight"], for: "weight", in: 1e-6...1e6) ?? 1,
            quota: quota)
    }

    private func quota(_ node: Node?) throws(JobFileError) -> Quota? {
        guard let node, !isNull(node) else { return nil }
        let item = try fields(
            node, keys: ["cpus", "memory", "gpus", "storage", "price"], required: [], of: "the quota")
        return Quota(
            resources: Resources(
                cpus: try number(item["cpus"], for: "cpus", in: 0...1e9) ?? .infinity,
                memoryBytes: try bytes(item["memory"], for: "memory") ?? .infinity,
                gpus: try number(item["gpus"], for: "gpus", in: 0...1e6) ?? .infinity,
                storageBytes: try bytes(item["storage"], for: "storage") ?? .infinity),
            pricePerHour: try number(item["price"], for: "price", in: 0...1e9) ?? .infinity)
    }

    /// What it takes to move data between instances; `nil` if the file does not say.
    func network(_ node: Node?) throws(JobFileError) -> Network? {
        guard let node, !isNull(node) else { return nil }
        let item = try fields(
            node, keys: ["bandwidth", "latency", "between_zones"], required: [], of: "the network")
        return Network(
            bytesPerSecond: try bandwidth(item["bandwidth"]),
            latencySeconds: try seconds(item["latency"], for: "latency") ?? 0,
            betweenZones: try link(item["between_zones"]))
    }

    private func link(_ node: Node?) throws(JobFileError) -> Network.Link? {
        guard let node, !isNull(node) else { return nil }
        let item = try fields(
            node, keys: ["bandwidth", "latency", "price_per_gb"], required: [], of: "the network between zones")
        return Network.Link(
            bytesPerSecond: try bandwidth(item["bandwidth"]),
            latencySeconds: try seconds(item["latency"], for: "latency") ?? 0,
            pricePerGigabyte: try number(item["price_per_gb"], for: "price_per_gb", in: 0...1e9) ?? 0)
    }

    private func bandwidth(_ node: Node?) throws(JobFileError) -> Double? {
        guard let found = try text(node, for: "bandwidth") else { return nil }
        let size = found.hasSuffix("/s") ? String(found.dropLast(2)) : found
        guard let value = Units.parseBytes(size), value > 0 else {
            let expected = "bytes a second, such as 100 MB/s"
            throw fail(node, .badValue(of: "'bandwidth'", found: found, expected: expected))
        }
        return value
    }
}
