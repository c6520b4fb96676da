import LinearAlgebra
import Markets
import Reading
import TestSupport
import Testing
import Traces

@Suite("Spot price history") struct SpotPriceHistoryTests {
    @Test("a price holds until the next one")
    func stepFunction() throws {
        let history = try SpotPriceHistory(times: [0, 3600, 10_800], prices: [0.03, 0.05, 0.04])
        #expect(history.price(at: -1) == nil)
        #expect(
            [0, 3599, 3600, 10_799, 10_800, 1e9].map { history.price(at: $0) } == [0.03, 0.03, 0.05, 0.05, 0.04, 0.04])
        #expect(history.changeCount == 2)
    }

    @Test("means weigh prices by the time they held")
    func means() throws {
        let history = try SpotPriceHistory(times: [0, 100, 200], prices: [1, 3, 10])
        #expect(history.mean(from: 0, to: 200) == 2)
        #expect(history.mean(from: 50, to: 150) == 2)
        #expect(history.mean(from: -100, to: 100) == 1)
        #expect(history.mean(from: 150, to: 250) == 6.5)
        #expect(history.mean(from: 500, to: 600) == 10)
        #expect(history.mean(from: -10, to: 0) == nil)
        #expect(history.mean(from: 10, to: 10) == nil)
        let means = history.means(from: -100, every: 100, count: 4)
        #expect(means[0].isNaN && means[1...] == [1, 3, 10])
    }

    @Test("regular samples are what the step function says at each time", arguments: UInt64(0)..<20)
    func sampling(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed, stream: 10)
        var time = generator.nextUniform() * 10_000
        var (times, prices) = ([Double](), [Double]())
        for _ in 0..<50 {
            times.append(time)
            prices.append(0.01 + generator.nextUniform())
            time += 1 + generator.nextExponential() * 7200
        }
        let history = try SpotPriceHistory(times: times, prices: prices)
        let (start, hourly) = history.hourly()
        #expect(start.truncatingRemainder(dividingBy: 3600) == 0 && start >= times[0] && start < times[0] + 3600)
        #expect(start + Double(hourly.count) * 3600 > times[49])
        for (hour, price) in hourly.enumerated() {
            // The definition, without search: the last row that is not later.
            let row = try #require(times.lastIndex { $0 <= start + Double(hour) * 3600 })
            #expect(price == prices[row])
        }
        // The mean of a step function is the limit of fine samples.
        let (from, to) = (times[5] + 100, times[40] - 50)
        let fine = history.sampled(from: from + (to - from) / 400_000, every: (to - from) / 200_000, count: 200_000)
        #expect(abs(try #require(history.mean(from: from, to: to)) - fine.reduce(0, +) / 200_000) < 1e-4)
    }

    @Test("bad columns are refused with the row")
    func invariant() {
        #expect(throws: TraceError.notIncreasing(column: "time", row: 2, previous: 5, found: 5)) {
            try SpotPriceHistory(times: [0, 5, 5], prices: [1, 1, 1])
        }
        #expect(throws: TraceError.self) { try SpotPriceHistory(times: [0, 1], prices: [1]) }
        #expect(throws: TraceError.self) { try SpotPriceHistory(times: [0, 1], prices: [1, .nan]) }
        #expect(throws: TraceError.self) { try SpotPriceHistory(times: [0], prices: [0]) }
        #expect(throws: TraceError.self) { try SpotPriceHistory(times: [.infinity], prices: [1]) }
    }
}

@Suite("Spot price files") struct SpotPriceFileTests {
    static let json = """
        {"SpotPriceHistory": [
          {"AvailabilityZone": "us-east-1b", "InstanceType": "c5.large", "ProductDescription": "Linux/UNIX",
           "SpotPrice": "0.040000", "Timestamp": "2021-05-31T12:00:00+00:00"},
          {"AvailabilityZone": "us-east-1a", "InstanceType": "c5.large", "ProductDescription": "Linux/UNIX",
           "SpotPrice": "0.035000", "Timestamp": "2021-05-31T06:00:00+00:00", "Extra": [1, {"a": null}]},
          {"AvailabilityZone": "us-east-1a", "InstanceType": "c5.large", "ProductDescription": "Windows",
           "SpotPrice": "0.127000", "Timestamp": "2021-05-31T06:00:00+00:00"},
          {"AvailabilityZone": "us-east-1a", "InstanceType": "c5.large", "ProductDescription": "Linux/UNIX",
           "SpotPrice": "0.034000", "Timestamp": "2021-05-31T00:00:00.000Z"},
          {"AvailabilityZone": "us-east-1a", "InstanceType": "c5.large", "ProductDescription": "Linux/UNIX",
           "SpotPrice": "0.035000", "Timestamp": "2021-05-31T08:00:00+02:00"},
          {"AvailabilityZone": "us-east-1a", "InstanceType": "c5.large", "ProductDescription": "Linux/UNIX",
           "SpotPrice": "nan", "Timestamp": "2021-05-31T09:00:00+02:00"},
          {"AvailabilityZone": "us-east-1a", "InstanceType": "c5.large", "SpotPrice": "cheap",
           "Timestamp": "2021-05-31T09:00:00+02:00"},
          {"AvailabilityZone": "us-east-1a", "InstanceType": "c5.large", "SpotPrice": "0.1", "Timestamp": "yesterday"},
          {"InstanceType": "c5.large", "SpotPrice": "0.1", "Timestamp": "2021-05-31T09:00:00+02:00"},
          17
        ], "NextToken": ""}
        """

    static let csv = """
        InstanceType,availability_zone,SpotPrice,Timestamp,ProductDescription
        c5.large,us-east-1b,0.04,2021-05-31T12:00:00Z,Linux/UNIX
        c5.large,us-east-1a,0.035,2021-05-31T06:00:00Z,Linux/UNIX
        c5.large,us-east-1a,0.127,2021-05-31 06:00:00,Windows
        c5.large,us-east-1a,0.034,1622419200,"Linux/UNIX"
        """

    func read(_ text: String, _ format: MarketFormat) throws -> (table: SpotPriceTable, report: ImportReport) {
        let result = try MarketImport.read(try ByteSource(bytes: Array(text.utf8), name: "test"), format: format)
        guard case .prices(let table) = result.content else { throw TraceError.empty(path: "no prices") }
        return (table, result.report)
    }

    @Test("records are sorted by market and time; repeated and bad ones are counted")
    func awsRecords() throws {
        let (table, report) = try read(Self.json, .awsPrices)
        let market = SpotMarket(instanceType: "c5.large", zone: "us-east-1a")
        #expect(table.markets.map(\.zone) == ["us-east-1a", "us-east-1a", "us-east-1b"])
        #expect(table[market]?.prices == [0.034, 0.035])
        #expect(table[market]?.times == [1_622_419_200, 1_622_419_200 + 6 * 3600])
        #expect(table.marketOfRow == [0, 0, 1, 2])
        #expect(report.rowsRead == 10 && report.rowsStored == 4 && report.rowsSkipped == 6)
        let reasons = Dictionary(uniqueKeysWithValues: report.reasons.map { ($0.reason, $0) })
        #expect(reasons["repeats another row"]?.rows == 1)
        #expect(reasons["the price is not positive"]?.firstLine == 13)
        #expect(reasons["the price is no number"]?.example == "'cheap'")
        #expect(reasons["the time is not ISO 8601"]?.firstLine == 16)
        #expect(reasons["no availability zone"]?.rows == 1)
        #expect(reasons["no instance type"]?.firstLine == 18)
        #expect(report.reasons.reduce(0) { $0 + $1.rows } == report.rowsSkipped)
    }

    @Test("the CSV of the same fields gives the same table")
    func csvRecords() throws {
        #expect(try read(Self.csv, .priceTable).table == read(Self.json, .awsPrices).table)
    }

    @Test("the list alone, pages one after the other, tabs and semicolons give the same table")
    func otherShapes() throws {
        let expected = try read(Self.json, .awsPrices).table
        let start = try #require(Self.json.firstIndex(of: "["))
        let end = try #require(Self.json.lastIndex(of: "]"))
        let list = String(Self.json[start...end])
        let csv = "InstanceType,AvailabilityZone,SpotPrice,Timestamp\nm5.large,a,0.03,2024-01-01T00:00:00Z\n"
        for text in [list, Self.json + "\n" + Self.json, list + Self.json] {
            let source = try ByteSource(bytes: Array(text.utf8), name: "t")
            #expect(try MarketFormat.detect(source) == .awsPrices)
            #expect(try read(text, .awsPrices).table == expected)
        }
        for separator in ["\t", ";"] {
            let text = csv.replacing(",", with: separator)
            #expect(try MarketFormat.detect(ByteSource(bytes: Array(text.utf8), name: "t")) == .priceTable)
            #expect(try read(text, .priceTable).table == read(csv, .priceTable).table)
        }
        #expect {
            let text = "SPOTPRICEHISTORY\tus-east-1a\tm5.large\tLinux/UNIX\t0.03\t2024-01-01T00:00:00+00:00\n"
            _ = try ExecutionReader().read(ByteSource(bytes: Array(text.utf8), name: "t"))
        } throws: { "\($0)".contains("aws ec2 describe-spot-price-history --output json") }
    }

    @Test("at one second the price that came into force last is kept")
    func contradiction() throws {
        let newestFirst = "Timestamp,SpotPrice,InstanceType,Zone\n300,3,a,z\n200,2.5,a,z\n200,2,a,z\n100,1,a,z\n"
        let (table, report) = try read(newestFirst, .priceTable)
        #expect(table.prices == [1, 2.5, 3])
        #expect(report.reasons.map(\.reason) == ["another price at the same second"])
        let oldestFirst = "Timestamp,SpotPrice,InstanceType,Zone\n100,1,a,z\n200,2,a,z\n200,2.5,a,z\n300,3,a,z\n"
        #expect(try read(oldestFirst, .priceTable).table == table)
    }

    @Test("a file of another kind is refused")
    func refused() {
        let pages = [Self.json + "{}", Self.json + "1", Self.json + Self.json.prefix(900)]
        for text in ["{}", "1", "{\"SpotPriceHistory\": 1}", String(Self.json.prefix(900)), ""] + pages {
            #expect(throws: TraceError.self) { try read(text, .awsPrices) }
        }
        for text in ["a,b,c\n1,2,3\n", "", "SpotPrice,SpotPrice,Zone,InstanceType,Timestamp\n"] {
            #expect(throws: TraceError.self) { try read(text, .priceTable) }
        }
    }

    @Test("tables with the same rows merge to themselves")
    func merging() throws {
        let table = try read(Self.json, .awsPrices).table
        let (merged, dropped) = SpotPriceTable.merging([table, table.selecting { $0.product == "Windows" }, table])
        #expect(merged == table)
        #expect(dropped.repeated == table.count + 1 && dropped.contradicting == 0)
        #expect(
            try SpotPriceTable(
                markets: table.markets, marketOfRow: table.marketOfRow, times: table.times, prices: table.prices)
                == table)
    }

    @Test("damaged files give a table or an error; rows are all accounted for", arguments: UInt64(0)..<4)
    func fuzz(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed, stream: 11)
        for round in 0..<750 {
            let (text, format) = round % 2 == 0 ? (Self.json, MarketFormat.awsPrices) : (Self.csv, .priceTable)
            let bytes = ByteMutations.apply(&generator, to: Array(text.utf8))
            guard let result = try? MarketImport.read(try ByteSource(bytes: bytes, name: "test"), format: format),
                case .prices(let table) = result.content
            else { continue }
            #expect(result.report.rowsRead == table.count + result.report.reasons.reduce(0) { $0 + $1.rows })
            for market in table.markets.indices {
                let history = table.history(of: market)
                #expect(throws: Never.self) { try SpotPriceHistory(times: history.times, prices: history.prices) }
            }
        }
    }
}

@Suite("Recorded spot prices", .enabled(if: SharedData.isThere, "set ALMANAC_SHARED_DATA"))
struct RecordedSpotPriceTests {
    @Test(
        "row counts and series are what the collection says",
        arguments: [
            ("spot/price-history/us-east-1_2021-03-02_2021-05-31", 192, 698_927, 0, 940, 256),
            ("spot/price-history/sa-east-1_2019-12-31_2020-03-30", 170, 209_965, 2, 407, 216),
        ])
    func counts(folder: String, files: Int, rows: Int, free: Int, linuxSeries: Int, neverChanging: Int) async throws {
        let paths = SharedData.files(in: folder, suffix: ".json.gz")
        #expect(paths.count == files)
        let results = try await withThrowingTaskGroup(of: MarketImport.self) { group in
            for path in paths { group.addTask { try MarketImport.read(path) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.reduce(0) { $0 + $1.report.rowsRead } == rows)
        var (stored, series, constant) = (0, 0, 0)
        for result in results {
            guard case .prices(let table) = result.content else { continue }
            stored += table.count
            #expect(result.report.reasons.allSatisfy { $0.reason == "the price is not positive" }, "\(result.report)")
            for index in table.markets.indices where table.markets[index].product == SpotMarket.linux {
                series += 1
                if table.history(of: index).changeCount == 0 { constant += 1 }
            }
        }
        // Two records say that an instance was free, which no instance is.
        #expect(stored == rows - free)
        #expect(series == linuxSeries)
        #expect(constant == neverChanging)
    }
}
