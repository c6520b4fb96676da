import CloudCapacity
import Foundation
import LinearAlgebra
import Markets
import Reading
import TestSupport
import Testing
import Workloads

@Suite("What a region rents out") struct CapacityCatalogTests {
    /// Answers as the AWS CLI prints them, shortened.
    static let answers: [String: String] = [
        "types": """
        {"InstanceTypes": [
          {"InstanceType": "m5.large", "CurrentGeneration": true, "SupportedUsageClasses": ["on-demand", "spot"],
           "BareMetal": false, "ProcessorInfo": {"SupportedArchitectures": ["x86_64"]},
           "VCpuInfo": {"DefaultVCpus": 2}, "MemoryInfo": {"SizeInMiB": 8192}, "InstanceStorageSupported": false},
          {"InstanceType": "g4dn.xlarge", "SupportedUsageClasses": ["on-demand", "spot"], "BareMetal": false,
           "ProcessorInfo": {"SupportedArchitectures": ["x86_64"]}, "VCpuInfo": {"DefaultVCpus": 4},
           "MemoryInfo": {"SizeInMiB": 16384}, "InstanceStorageInfo": {"TotalSizeInGB": 125},
           "GpuInfo": {"Gpus": [{"Name": "T4", "Manufacturer": "NVIDIA", "Count": 1, "MemoryInfo": {"SizeInMiB": 16384}}]}},
          {"InstanceType": "m6g.large", "SupportedUsageClasses": ["on-demand", "spot"], "BareMetal": false,
           "ProcessorInfo": {"SupportedArchitectures": ["arm64"]}, "VCpuInfo": {"DefaultVCpus": 2}, "MemoryInfo": {"SizeInMiB": 8192}},
          {"InstanceType": "m5.metal", "SupportedUsageClasses": ["on-demand"], "BareMetal": true,
           "ProcessorInfo": {"SupportedArchitectures": ["x86_64"]}, "VCpuInfo": {"DefaultVCpus": 96}, "MemoryInfo": {"SizeInMiB": 393216}}
        ]}
        """,
        "offerings": """
        {"InstanceTypeOfferings": [
          {"InstanceType": "m5.large", "LocationType": "availability-zone", "Location": "eu-test-1b"},
          {"InstanceType": "m5.large", "LocationType": "availability-zone", "Location": "eu-test-1a"},
          {"InstanceType": "m5.metal", "LocationType": "availability-zone", "Location": "eu-test-1a"},
          {"InstanceType": "m6g.large", "LocationType": "availability-zone", "Location": "eu-test-1a"},
          {"InstanceType": "g4dn.xlarge", "LocationType": "availability-zone", "Location": "eu-test-1a"}]}
        """,
        "prices": """
        {"SpotPriceHistory": [
          {"AvailabilityZone": "eu-test-1a", "InstanceType": "m5.large", "ProductDescription": "Linux/UNIX", "SpotPrice": "0.037500", "Timestamp": "2026-11-29T10:00:00+00:00"},
          {"AvailabilityZone": "eu-test-1a", "InstanceType": "m5.large", "ProductDescription": "Linux/UNIX", "SpotPrice": "0.041000", "Timestamp": "2026-11-28T10:00:00+00:00"}],
         "NextToken": "more"}
        """,
        "more": """
        {"SpotPriceHistory": [
          {"AvailabilityZone": "eu-test-1b", "InstanceType": "m5.large", "ProductDescription": "Linux/UNIX", "SpotPrice": "0.0331", "Timestamp": "2026-11-29T11:00:00.000Z"},
          {"AvailabilityZone": "eu-test-1c", "InstanceType": "m5.large", "ProductDescription": "Linux/UNIX", "SpotPrice": "0.01", "Timestamp": "2026-11-29T11:00:00.000Z"}]}
        """,
        "pricing": #"""
        {"PriceList": ["{\"product\": {\"attributes\": {\"instanceType\": \"m5.large\"}}, \"terms\": {\"OnDemand\": {\"A.B\": {\"priceDimensions\": {\"A.B.C\": {\"unit\": \"Hrs\", \"pricePerUnit\": {\"USD\": \"0.1150000000\"}}}}}}}", "not json"], "FormatVersion": "aws_v1"}
        """#,
    ]

    static let script = """
        case "$*" in
        *describe-instance-types*) cat types;;
        *describe-instance-type-offerings*) cat offerings;;
        *"--starting-token more"*) cat more;;
        *describe-spot-price-history*) cat prices;;
        *get-products*) cat pricing;;
        *) exit 9;;
        esac
        """

    private func fake(_ changed: [String: String] = [:]) throws -> FakeAWS {
        let fake = try FakeAWS(Self.script)
        for (name, text) in Self.answers.merging(changed, uniquingKeysWith: { $1 }) {
            try Data(text.utf8).write(to: URL(fileURLWithPath: fake.path(name)))
        }
        return fake
    }

    private func discover(
        _ fake: FakeAWS, _ query: CapacityCatalog.Query = .init(), prices: [String: Price] = [:]
    ) throws -> CapacityCatalog {
        try CapacityCatalog.discover(
            query, with: fake.aws(), cache: AnswerCache(folder: fake.path("cache")), onDemandPrices: prices,
            now: 1_795_986_485)
    }

    @Test("types, zones, spot prices of all pages and prices on demand come together in a pool file")
    func poolFile() throws {
        let fake = try fake()
        let catalog = try discover(fake)
        #expect(catalog.remarks == [] && catalog.priceCount == 4)
        #expect(
            catalog.poolFile(count: 3, startUpSeconds: 60, source: "a test") == """
                # a test
                pool:
                  - type: m5.large
                    cpus: 2
                    memory: 8 GiB
                    price: 0.115
                    spot_price: {eu-test-1a: 0.0375, eu-test-1b: 0.0331}
                    zones: [eu-test-1a, eu-test-1b]
                    count: 3
                    start_up: 60s
                    billing: {minimum: 60s}

                """)
        let gpu = try #require(catalog.entries.first)
        #expect(gpu.type.name == "g4dn.xlarge" && gpu.type.gpus == 1 && gpu.type.gpuModel == "NVIDIA T4")
        #expect(gpu.type.storageBytes == 125e9 && gpu.onDemandPrice == nil && gpu.spotPrices.isEmpty)
        let calls = fake.calls.joined(separator: "\n")
        for part in [
            "Name=current-generation,Values=true",
            "--instance-types g4dn.xlarge m5.large --product-descriptions Linux/UNIX",
            "--start-time 2026-11-22T00:00:00Z --max-items 10000", "--service-code AmazonEC2 --region us-east-1",
            "Type=TERM_MATCH,Field=regionCode,Value=eu-test-1",
        ] { #expect(calls.contains(part), "\(part)") }
    }

    @Test("the history is a file that the importer reads")
    func history() throws {
        let catalog = try discover(try fake())
        let source = try ByteSource(bytes: Array(catalog.priceHistory), name: "history")
        #expect(try MarketFormat.detect(source) == .awsPrices)
        guard case .prices(let table) = try MarketImport.read(source, format: .awsPrices).content else {
            Issue.record("no prices")
            return
        }
        #expect(table.count == 4)
        let market = SpotMarket(instanceType: "m5.large", zone: "eu-test-1a")
        #expect(table[market]?.prices == [0.041, 0.0375])
    }

    @Test("what was asked before is not asked again while it is young, and its age is known")
    func cache() throws {
        let fake = try fake()
        let first = try discover(fake)
        #expect(first.ageSeconds == 0 && fake.calls.count == 5 + 1)
        let files = try FileManager.default.contentsOfDirectory(atPath: fake.path("cache"))
        #expect(files.count == 5)
        for file in files {
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -600)], ofItemAtPath: fake.path("cache/\(file)"))
        }
        let second = try discover(fake)
        #expect(fake.calls.count == 6 && second.entries == first.entries && second.priceHistory == first.priceHistory)
        #expect(600..<700 ~= second.ageSeconds)
        var cache = AnswerCache(folder: fake.path("cache"))
        cache.maximumAgeSeconds = 60
        let third = try CapacityCatalog.discover(.init(), with: fake.aws(), cache: cache, now: 1_795_986_485)
        #expect(fake.calls.count == 12 && third.ageSeconds == 0)
    }

    @Test("prices on demand that cannot be had are a remark; those that are given need not be asked for")
    func onDemand() throws {
        let fake = try fake(["pricing": "nothing"])
        let catalog = try discover(fake)
        #expect(catalog.remarks.count == 1 && catalog.remarks[0].contains("--on-demand-prices FILE"))
        #expect(!catalog.poolFile(count: 1, startUpSeconds: 0, source: "").contains("    price:"))
        let given = try discover(
            fake, prices: ["m5.large": Price(perHour: 0.2), "g4dn.xlarge": Price(perHour: 0.5)])
        #expect(given.remarks == [] && given.entries.map(\.onDemandPrice?.perHour) == [0.5, 0.2])
        #expect(given.poolFile(count: 1, startUpSeconds: 0, source: "").contains("gpu_model: \"NVIDIA T4\""))
    }

    @Test("a table of prices is read, and its mistakes are named")
    func priceTable() throws {
        func read(_ text: String) throws -> [String: Price] {
            try OnDemandPrices.read(try ByteSource(bytes: Array(text.utf8), name: "p.csv"))
        }
        #expect(try read("type,price\nm5.large,0.1\nc5.large,0.2\n")["c5.large"] == Price(perHour: 0.2))
        for (text, words) in [
            ("type,cost\nm,1\n", "price"), ("type,price\nm,x\n", "p.csv:2:2: found 'x' for 'm'"),
            ("type,price\nm,0\n", "'0'"),
            ("type,price\nm,1\nm,2\n", "p.csv:3:1: found 'm' a second time"), ("type,price\nm\n", "1 fields"),
            ("", "empty"),
        ] {
            let error = #expect(throws: TraceError.self) { try read(text) }
            #expect(error?.description.contains(words) == true, "\(error as Any)")
        }
    }

    @Test("a question without an answer says so")
    func nothing() throws {
        var query = CapacityCatalog.Query()
        query.least = Resources(cpus: 1000)
        #expect(throws: CloudError.self) { try discover(try fake(), query) }
        query = .init()
        query.zones = ["eu-test-1z"]
        let error = #expect(throws: CloudError.self) { try discover(try fake(), query) }
        #expect(error?.description.contains("among eu-test-1z") == true)
        query = .init()
        (query.types, query.architecture) = (["m5.metal", "m6g.*"], nil)
        let names = try discover(try fake(), query).entries.map(\.type.name)
        #expect(names == ["g4dn.xlarge", "m5.large", "m5.metal", "m6g.large"])
    }

    @Test("what is not what AWS prints is an error or is left out, and is not kept", arguments: UInt64(0)..<60)
    func fuzz(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed, stream: 1)
        let name = Self.answers.keys.sorted()[generator.nextInt(below: Self.answers.count)]
        let bytes = ByteMutations.apply(&generator, to: Array(Self.answers[name, default: ""].utf8))
        let fake = try fake()
        try Data(bytes).write(to: URL(fileURLWithPath: fake.path(name)))
        do {
            let text = try discover(fake).poolFile(count: 1, startUpSeconds: 0, source: "fuzz")
            #expect(text.hasPrefix("# fuzz\npool:"))
        } catch let error as CloudError {
            #expect(!error.description.isEmpty)
        }
        // With sound answers all is well again, whatever was kept.
        try Data(Self.answers[name, default: ""].utf8).write(to: URL(fileURLWithPath: fake.path(name)))
        _ = try CapacityCatalog.discover(
            .init(), with: fake.aws(), cache: AnswerCache(folder: fake.path("other")), now: 1_795_986_485)
    }
}
