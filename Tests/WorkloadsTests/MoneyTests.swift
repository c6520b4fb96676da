import Foundation
import Testing
import Workloads

@Suite("Money") struct MoneyTests {
    @Test("bills are rounded once, to the nearest billionth") func bills() {
        #expect(Price(perHour: 0.918).bill(seconds: 3600) == Money(nanodollars: 918_000_000))
        #expect(Price(perHour: 0.918).bill(seconds: 1) == Money(nanodollars: 255_000))
        #expect(Price(perHour: 1e-9).bill(seconds: 1799) == .zero)
        #expect(Price(perHour: 1e-9).bill(seconds: 1800) == Money(nanodollars: 1))
        #expect(Price(perHour: 3).bill(seconds: -5) == .zero)
        #expect(Price(perHour: 9e9).bill(seconds: .max) == Money(nanodollars: .max))
    }

    @Test("sums are exact in any order") func sums() {
        let bills = (1...1000).map { Price(perHour: 0.1 + Double($0) / 7).bill(seconds: $0) }
        #expect(bills.reduce(.zero, +) == bills.reversed().reduce(.zero, +))
        #expect((0..<10).map { _ in Money(dollars: 0.1) }.reduce(.zero, +) == Money(dollars: 1))
        #expect(Money(dollars: 2) - Money(dollars: 0.5) == Money(dollars: 1.5))
        #expect(Money(dollars: .infinity) > Money(dollars: 1e9) && Money(dollars: .nan) == .zero)
    }

    @Test("it is written as a whole number of billionths") func coding() throws {
        let data = try JSONEncoder().encode([Money(dollars: 1.25)])
        #expect(String(decoding: data, as: UTF8.self) == "[1250000000]")
        #expect(try JSONDecoder().decode([Money].self, from: data) == [Money(dollars: 1.25)])
    }
}
