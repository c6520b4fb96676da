public import Foundation
internal import Markets
internal import Reading
public import Workloads

/// What a region rents out: types of machines, the zones that have them, what they cost now and did before.
public struct CapacityCatalog: Sendable {
    /// A type, where it is, and what it costs.
    public struct Entry: Hashable, Sendable, Codable {
        /// Its size; its price on demand is free where nobody said.
        public var type: InstanceType
        /// The processors: `x86_64`, `arm64`.
        public var architectures: [String]
        /// Price on demand; `nil` if nobody said.
        public var onDemandPrice: Price?
        /// The newest spot price in each zone that sells it so, in US dollars per hour.
        public var spotPrices: [String: Double]

        /// Makes an entry.
        public init(type: InstanceType, architectures: [String], onDemandPrice: Price?, spotPrices: [String: Double]) {
            (self.type, self.architectures) = (type, architectures)
            (self.onDemandPrice, self.spotPrices) = (onDemandPrice, spotPrices)
        }
    }

    /// What to look for.
    public struct Query: Hashable, Sendable {
        /// Names, `*` and `?` as wildcards; all current types if empty.
        public var types: [String] = []
        /// Only zones of these names; all if empty.
        public var zones: [String] = []
        /// Only types with this processor; any if `nil`.
        public var architecture: String? = "x86_64"
        /// The least that a type must have.
        public var least = Resources.zero
        /// How long the history of spot prices goes back.
        public var historyDays = 7.0

        /// All current types with `x86_64` processors, with the spot prices of a week.
        public init() {}
    }

    /// The types that were found, by name.
    public var entries: [Entry]
    /// The history of spot prices as `aws ec2 describe-spot-price-history` prints it, one page on a line: a file that
    /// `almanac import aws-spot-prices` reads.
    public var priceHistory: Data
    /// How many prices that has.
    public var priceCount: Int
    /// How old the oldest answer is.
    public var ageSeconds: Double
    /// What is not known and why.
    public var remarks: [String]

    /// Asks AWS, or the cache.
    ///
    /// - Parameters:
    ///   - onDemandPrices: Prices by type that need not be asked for.
    ///   - now: Unix seconds.
    /// - Throws: ``CloudError``. That prices on demand cannot be had is a remark.
    public static func discover(
        _ query: Query, with aws: AWSCommandLine, cache: AnswerCache, onDemandPrices: [String: Price] = [:], now: Double
    ) throws(CloudError) -> CapacityCatalog {
        var catalog = CapacityCatalog(entries: [], priceHistory: Data(), priceCount: 0, ageSeconds: 0, remarks: [])
        func answer<Page: Decodable>(_ words: [String], _ pageItems: Int, as type: Page.Type) throws(CloudError)
            -> [Page]
        {
            let kept = try cache.answer(words, of: aws, pageItems: pageItems) { (data, command) throws(CloudError) in
                _ = try AWSCommandLine.decode(data, as: type, command: command)
            }
            catalog.ageSeconds = max(catalog.ageSeconds, kept.ageSeconds)
            let command = AWSCommandLine.shell(words, region: aws.region, profile: aws.profile)
            var pages: [Page] = []
            for line in kept.pages.split(separator: 10) {
                pages.append(try AWSCommandLine.decode(Data(line), as: type, command: command))
            }
            return pages
        }
        let named = query.types.isEmpty ? [] : ["Name=instance-type,Values=\(query.types.joined(separator: ","))"]
        let current = query.types.isEmpty ? ["Name=current-generation,Values=true"] : []
        let types = try answer(
            ["ec2", "describe-instance-types"] + filters(named + current), 500, as: TypesPage.self
        ).flatMap(\.InstanceTypes).filter { $0.fits(query) }
        guard !types.isEmpty else {
            throw .badRequest(
                found: "no type that is \(query.words)", expected: "at least one",
                remedy: "Ask for less, or for others ('aws ec2 describe-instance-types').")
        }
        let offers = try answer(
            ["ec2", "describe-instance-type-offerings", "--location-type", "availability-zone"] + filters(named), 5000,
            as: OfferingsPage.self
        ).flatMap(\.InstanceTypeOfferings)
        let zones = Dictionary(grouping: offers.filter { query.zones.isEmpty || query.zones.contains($0.Location) }) {
            $0.InstanceType
        }.mapValues { Set($0.map(\.Location)) }

        let names = types.map(\.InstanceType).sorted()
        // By the day, so that asking again today finds the answer.
        let start = (now / 86_400).rounded(.down) * 86_400 - query.historyDays * 86_400
        // A list that is too long is no command line; then all are asked for.
        let listed = names.count <= 100 ? ["--instance-types"] + names : []
        let history =
            ["ec2", "describe-spot-price-history"] + listed
            + ["--product-descriptions", SpotMarket.linux, "--start-time", isoDay(start)]
        let prices = try cache.answer(history, of: aws, pageItems: 10_000) { (data, command) throws(CloudError) in
            _ = try AWSCommandLine.decode(data, as: PricesPage.self, command: command)
        }
        catalog.ageSeconds = max(catalog.ageSeconds, prices.ageSeconds)
        catalog.priceHistory = prices.pages
        let table = try spotPrices(prices.pages, AWSCommandLine.shell(history))
        catalog.priceCount = table.count
        var newest: [String: [String: Double]] = [:]
        for (index, market) in table.markets.enumerated() {
            guard query.zones.isEmpty || query.zones.contains(market.zone),
                let price = table.history(of: index).prices.last
            else { continue }
            newest[market.instanceType, default: [:]][market.zone] = price
        }

        var onDemand = onDemandPrices
        if names.contains(where: { onDemand[$0] == nil }) {
            do throws(CloudError) {
                for (type, price) in try listPrices(names.filter { onDemand[$0] == nil }, aws, answer) {
                    onDemand[type] = price
                }
            } catch {
                catalog.remarks.append(
                    "prices on demand are not known: \(error)\nGive them with --on-demand-prices FILE (CSV: type, price)."
                )
            }
        }
        catalog.entries = types.compactMap { found -> Entry? in
            guard let places = zones[found.InstanceType]?.sorted() else { return nil }
            var type = found.type
            type.zones = places
            let price = onDemand[type.name]
            type.onDemandPrice = price ?? .free
            let mayBeSpot = found.SupportedUsageClasses?.contains("spot") ?? true
            let spot = mayBeSpot ? (newest[type.name] ?? [:]).filter { places.contains($0.key) } : [:]
            type.spotPrice = spot.values.min().map { Price(perHour: $0) }
            return Entry(
                type: type, architectures: found.ProcessorInfo?.SupportedArchitectures ?? [], onDemandPrice: price,
                spotPrices: spot)
        }.sorted { $0.type.name < $1.type.name }
        guard !catalog.entries.isEmpty else {
            throw .badRequest(
                found: "no zone that has \(query.types.isEmpty ? "such types" : query.types.joined(separator: ", "))"
                    + (query.zones.isEmpty ? "" : " among \(query.zones.joined(separator: ", "))"),
                expected: "at least one", remedy: "Leave out --zones, or name another region.")
        }
        return catalog
    }

    /// The types with the same types' prices as text for a pool file; what has no price at all is left out.
    ///
    /// - Parameters:
    ///   - count: How many of each may run at once.
    ///   - startUpSeconds: From asking for one until it takes tasks.
    public func poolFile(count: Int, startUpSeconds: Double, source: String) -> String {
        var lines = ["# \(source)", "pool:"]
        for entry in entries where entry.onDemandPrice != nil || !entry.spotPrices.isEmpty {
            let type = entry.type
            func field(_ name: String, _ value: String) { lines.append("    \(name): \(value)") }
            lines.append("  - type: \(type.name)")
            field("cpus", Units.shortest(type.cpus))
            field("memory", Self.size(type.memoryBytes))
            if type.gpus > 0 { field("gpus", Units.shortest(type.gpus)) }
            if let model = type.gpuModel { field("gpu_model", "\"\(model.filter { $0 != "\"" && $0 != "\\" })\"") }
            if type.storageBytes < InstanceType.ampleStorage { field("storage", Self.size(type.storageBytes)) }
            if let price = entry.onDemandPrice { field("price", Money(dollars: price.perHour).decimal) }
            if !entry.spotPrices.isEmpty {
                let prices = entry.spotPrices.sorted { $0.key < $1.key }.map {
                    "\($0.key): \(Money(dollars: $0.value).decimal)"
                }
                field("spot_price", "{\(prices.joined(separator: ", "))}")
            }
            field("zones", "[\(type.zones.joined(separator: ", "))]")
            field("count", "\(count)")
            if startUpSeconds > 0 { field("start_up", "\(Units.shortest(startUpSeconds))s") }
            field("billing", "{minimum: 60s}")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func size(_ bytes: Double) -> String {
        for (unit, text) in [(0x1p30, "GiB"), (0x1p20, "MiB"), (1e9, "GB")]
        where bytes >= unit && (bytes / unit).rounded() == bytes / unit {
            return "\(Units.shortest(bytes / unit)) \(text)"
        }
        return Units.shortest(bytes)
    }
}

extension CapacityCatalog {
    private static func filters(_ filters: [String]) -> [String] { filters.isEmpty ? [] : ["--filters"] + filters }

    private static func isoDay(_ seconds: Double) -> String {
        Date(timeIntervalSince1970: seconds).formatted(.iso8601.year().month().day()) + "T00:00:00Z"
    }

    /// The prices of all pages.
    private static func spotPrices(_ pages: Data, _ command: String) throws(CloudError) -> SpotPriceTable {
        guard pages.contains(where: { $0 != 10 }) else {
            throw .notUnderstood(command: command, found: "nothing", expected: "JSON with 'SpotPriceHistory'")
        }
        do throws(TraceError) {
            let read = try MarketImport.read(try ByteSource(bytes: Array(pages), name: command), format: .awsPrices)
            guard case .prices(let table) = read.content else { throw .empty(path: command) }
            return table
        } catch {
            throw .notUnderstood(command: command, found: "\(error)", expected: "spot prices")
        }
    }

    /// Prices on demand, from the price list, which only some regions answer for; all of them know all regions.
    private static func listPrices(
        _ names: [String], _ aws: AWSCommandLine,
        _ answer: ([String], Int, PriceListPage.Type) throws(CloudError) -> [PriceListPage]
    ) throws(CloudError) -> [String: Price] {
        let region = try aws.usualRegion()
        func matches(_ field: String, _ value: String) -> String { "Type=TERM_MATCH,Field=\(field),Value=\(value)" }
        let common = [
            matches("regionCode", region), matches("operatingSystem", "Linux"), matches("tenancy", "Shared"),
            matches("preInstalledSw", "NA"), matches("capacitystatus", "Used"),
        ]
        var prices: [String: Price] = [:]
        let questions = names.count <= 8 ? names.map { [matches("instanceType", $0)] } : [[]]
        for question in questions {
            let words = [
                "pricing", "get-products", "--service-code", "AmazonEC2", "--region", "us-east-1", "--filters",
            ]
            for page in try answer(words + common + question, 1000, PriceListPage.self) {
                for text in page.PriceList {
                    guard let product = try? JSONDecoder().decode(ListedProduct.self, from: Data(text.utf8)),
                        let price = product.hourlyPrice
                    else { continue }
                    prices[product.product.attributes.instanceType] = price
                }
            }
        }
        return prices
    }
}

extension CapacityCatalog.Query {
    /// What it looks for.
    var words: String {
        var parts = [types.isEmpty ? "current" : types.joined(separator: " or ")]
        if let architecture { parts.append(architecture) }
        if least != .zero { parts.append("of \(least)") }
        return parts.joined(separator: ", ")
    }
}

// What the AWS CLI prints, as far as it matters.

struct TypesPage: Decodable {
    var InstanceTypes: [Found]

    struct Found: Decodable {
        var InstanceType: String
        var SupportedUsageClasses: [String]?
        var BareMetal: Bool?
        var ProcessorInfo: Processor?
        var VCpuInfo: Processors
        var MemoryInfo: Memory
        var GpuInfo: Graphics?
        var InstanceStorageInfo: Storage?

        struct Processor: Decodable { var SupportedArchitectures: [String]? }
        struct Processors: Decodable { var DefaultVCpus: Double }
        struct Memory: Decodable { var SizeInMiB: Double }
        struct Graphics: Decodable {
            var Gpus: [Kind]?
            struct Kind: Decodable {
                var Name: String?
                var Manufacturer: String?
                var Count: Double?
            }
        }
        struct Storage: Decodable { var TotalSizeInGB: Double? }

        var type: Workloads.InstanceType {
            let gpu = GpuInfo?.Gpus?.first
            return Workloads.InstanceType(
                name: InstanceType, cpus: VCpuInfo.DefaultVCpus, memoryBytes: MemoryInfo.SizeInMiB * 0x1p20,
                gpus: (GpuInfo?.Gpus ?? []).reduce(0) { $0 + ($1.Count ?? 0) },
                gpuModel: gpu.flatMap { [$0.Manufacturer, $0.Name].compactMap(\.self).joined(separator: " ") },
                storageBytes: InstanceStorageInfo?.TotalSizeInGB.map { $0 * 1e9 } ?? Workloads.InstanceType.ampleStorage
            )
        }

        func fits(_ query: CapacityCatalog.Query) -> Bool {
            let isNamed = query.types.contains(InstanceType)
            guard (1...1e6 ~= VCpuInfo.DefaultVCpus), MemoryInfo.SizeInMiB > 0, MemoryInfo.SizeInMiB < 1e12 else {
                return false
            }
            if let architecture = query.architecture, let known = ProcessorInfo?.SupportedArchitectures,
                !known.contains(architecture)
            {
                return false
            }
            // Nobody means bare metal unless it is named.
            return (isNamed || BareMetal != true) && query.least.fits(in: type.capacity)
        }
    }
}

struct OfferingsPage: Decodable {
    var InstanceTypeOfferings: [Offering]
    struct Offering: Decodable {
        var InstanceType: String
        var Location: String
    }
}

struct PricesPage: Decodable {
    var SpotPriceHistory: [Row]
    struct Row: Decodable {}
}

struct PriceListPage: Decodable { var PriceList: [String] }

struct ListedProduct: Decodable {
    var product: Product
    var terms: Terms

    struct Product: Decodable {
        var attributes: Attributes
        struct Attributes: Decodable { var instanceType: String }
    }
    struct Terms: Decodable {
        var OnDemand: [String: Term]?
        struct Term: Decodable {
            var priceDimensions: [String: Dimension]
            struct Dimension: Decodable {
                var unit: String
                var pricePerUnit: [String: String]
            }
        }
    }

    /// US dollars an hour; `nil` if it is sold otherwise.
    var hourlyPrice: Price? {
        for term in (terms.OnDemand ?? [:]).values {
            for dimension in term.priceDimensions.values where dimension.unit == "Hrs" {
                if let price = dimension.pricePerUnit["USD"].flatMap({ Double($0) }), price > 0, price < 1e9 {
                    return Price(perHour: price)
                }
            }
        }
        return nil
    }
}
