import Foundation
import Markets
import Reading
import Testing
import Workloads

@Suite("Market generator") struct MarketGeneratorTests {
    static let type = InstanceType(
        name: "c5.xlarge", cpus: 4, memoryBytes: 8e9, onDemandPrice: Price(perHour: 0.17), zones: ["a", "b", "c"])

    @Test("equal seeds give equal bits, other seeds and names other markets, and markets do not disturb each other")
    func reproducible() throws {
        let other = InstanceType(
            name: "m5.large", cpus: 2, memoryBytes: 8e9, onDemandPrice: Price(perHour: 0.096), zones: ["a"])
        let table = try MarketGenerator(seed: 1).prices(of: [Self.type])
        #expect(try MarketGenerator(seed: 1).prices(of: [Self.type]) == table)
        #expect(try MarketGenerator(seed: 2).prices(of: [Self.type]) != table)
        let both = try MarketGenerator(seed: 1).prices(of: [other, Self.type])
        #expect(both.selecting { $0.instanceType == "c5.xlarge" } == table)
        #expect(table.history(of: 0) != table.history(of: 1))
        let traces = try MarketGenerator(seed: 1).availability(names: ["a", "b"], region: "r")
        #expect(try MarketGenerator(seed: 1).availability(names: ["b"], region: "r")[0] == traces[1])
    }

    @Test("prices stay on their side of the rules", arguments: UInt64(0)..<20)
    func rules(seed: UInt64) throws {
        let table = try MarketGenerator(seed: seed).prices(of: [Self.type], from: 1000, days: 30)
        for market in table.markets.indices {
            let history = table.history(of: market)
            #expect(history.times[0] >= 1000 && history.times[0] <= 1000 + 6 * 3600)
            #expect(
                history.prices.allSatisfy { $0 >= 0.0595 - 1e-12 && ($0 * 1e4 - ($0 * 1e4).rounded()).magnitude < 1e-9 }
            )
            for row in history.times.indices.dropFirst() {
                #expect(history.times[row] - history.times[row - 1] <= 24.02 * 3600)
                #expect(abs(history.prices[row] / history.prices[row - 1] - 1) <= 0.05 + 0.0001 / 0.0595)
            }
        }
    }

    @Test("what is written reads back as it was")
    func roundTrip() throws {
        let table = try MarketGenerator(seed: 5).prices(of: [Self.type], days: 10)
        let read = try MarketImport.read(
            try ByteSource(bytes: gzip(Array(table.awsJSON().utf8)), name: "x"), format: .awsPrices)
        #expect(read.content == .prices(table) && read.report.rowsSkipped == 0)
        for trace in try MarketGenerator(seed: 5).availability(names: ["x"], region: "r", days: 5, capacity: 4) {
            let bytes = Array(trace.skypilotJSON(source: "a \"test\"\n").utf8)
            let read = try MarketImport.read(try ByteSource(bytes: bytes, name: "x.json"), format: .availability)
            #expect(read.content == .availability(trace))
        }
    }

    @Test("a type without a price, and other nonsense, is refused")
    func refused() {
        let free = InstanceType(name: "x", cpus: 1, memoryBytes: 1, zones: ["a"])
        #expect(throws: TraceError.self) { try MarketGenerator(seed: 1).prices(of: [free]) }
    }

    /// Bands around the recorded values (see `datasets/markets/README.md`), wide enough for one sample of 188 types.
    @Test("statistics of prices are those of recorded markets")
    func priceStatistics() throws {
        let statistics = MarketStatistics.prices(try MarketDataset.comparisonPrices())
        let bands: [(String, ClosedRange<Double>)] = [
            ("markets that never change, %", 22...32), ("records that repeat the price, %", 18...26),
            ("hours between records, 10 %", 4.5...5), ("hours between records, 50 %", 6.2...6.8),
            ("hours between records, 90 %", 23.9...24.1), ("changes per 90 days, 10 %", 0...0),
            ("changes per 90 days, 50 %", 130...230), ("changes per 90 days, 90 %", 335...360),
            ("size of a change in %, 50 %", 0.15...0.25), ("size of a change in %, 90 %", 0.65...1),
            ("size of a change in %, largest", 4...6), ("(max - min) / mean in %, 50 %", 5...15),
            ("correlation of a change with the one before, median", 0.4...0.75),
            ("dearest / cheapest zone of a type, median", 1.05...1.25),
            ("correlation of two zones of a type, median", 0.3...0.55),
        ]
        for (name, band) in bands { #expect(band.contains(statistics[name]), "\(name): \(statistics[name])") }
    }

    @Test("statistics of availability are those of recorded probes")
    func availabilityStatistics() throws {
        let statistics = MarketStatistics.availability(try MarketDataset.comparisonAvailability().flatMap { $0 })
        let bands: [(String, ClosedRange<Double>)] = [
            ("time with capacity, mean %", 45...70), ("hours with capacity, 10 %", 0.05...0.2),
            ("hours with capacity, 50 %", 0.35...0.7), ("hours with capacity, 90 %", 3.5...7.5),
            ("hours without capacity, 50 %", 0.3...0.6), ("hours without capacity, 90 %", 2.5...5.5),
        ]
        for (name, band) in bands { #expect(band.contains(statistics[name]), "\(name): \(statistics[name])") }
    }
}
