import LinearAlgebra
import Testing
import Workloads

@Suite("Money") struct MoneyTests {
    @Test(
        "reads decimal numbers exactly, and nothing else",
        arguments: [
            ("12", 12_000_000_000), ("0.0345", 34_500_000), ("$1.50", 1_500_000_000), (".5", 500_000_000),
            ("0.000000001", 1), ("-2.25", -2_250_000_000), ("9223372036.854775807", Int64.max), ("", nil), (".", nil),
            ("1e3", nil), ("0.0000000001", nil), ("9223372036.854775808", nil), ("1,50", nil), ("٣", nil), ("+1", nil),
            ("$", nil), ("--1", nil), ("1.2.3", nil), (" 1", nil), ("nan", nil),
        ] as [(String, Int64?)])
    func reads(text: String, amount: Int64?) { #expect(Money(text)?.nanodollars == amount) }

    @Test(
        "writes all digits, which read back as the same",
        arguments: [0, 1, -1, 999_999_999, 1_500_000_000, Int64.max, -Int64.max])
    func writes(amount: Int64) {
        #expect(Money(Money(nanodollars: amount).decimal)?.nanodollars == amount)
        #expect(Money(nanodollars: 1_500_000_000).decimal == "1.5")
    }

    @Test("time costs its share of an hour, rounded once")
    func cost() {
        let price = Price(perHour: 0.0345)
        #expect(Money.cost(ofSeconds: 3600, at: price).nanodollars == 34_500_000)
        #expect(Price(perHour: 0.918).bill(seconds: 7201).decimal == "1.836255" && price.bill(seconds: -1) == .zero)
        // 34,500,000 / 3600 = 9583.33…
        #expect(Money.cost(ofSeconds: 1, at: price).nanodollars == 9583)
        #expect(Money.cost(ofSeconds: 2, at: price).nanodollars == 19167)
        #expect(Money.cost(ofSeconds: 0.5, at: price).nanodollars == 4792)
        #expect(Money.cost(ofSeconds: 0, at: price) == .zero)
        #expect(Money.cost(ofSeconds: 1e15, at: Price(perHour: 1e6)).nanodollars == .max)
        #expect(Money.cost(ofSeconds: .nan, at: price) == .zero)
        #expect(Money.cost(ofSeconds: .infinity, at: price).nanodollars == .max)
        // A year of seconds one by one would be off by a third of a unit each; as one stretch it is exact.
        #expect(Money.cost(ofSeconds: 31_536_000, at: price).nanodollars == 34_500_000 * 8760)
    }

    @Test("parts add up to the whole, are in proportion, and none is negative", arguments: UInt64(0)..<200)
    func divides(seed: UInt64) {
        var generator = SeededGenerator(seed: seed, stream: 0)
        let amount = Money(nanodollars: Int64(generator.nextInt(below: 1 << Int(1 + seed % 60))))
        let weights = (0..<1 + generator.nextInt(below: 40)).map { _ in
            generator.nextInt(below: 4) == 0 ? 0 : Double.random(in: 0...10, using: &generator)
        }
        let parts = amount.divided(by: weights)
        #expect(parts.count == weights.count && parts.reduce(.zero, +) == amount)
        #expect(parts.allSatisfy { $0 >= .zero })
        let total = weights.reduce(0, +)
        guard total > 0 else { return }
        for (part, weight) in zip(parts, weights) {
            let exact = Double(amount.nanodollars) * weight / total
            #expect(abs(Double(part.nanodollars) - exact) <= 2 + exact * 1e-9)
        }
    }

    @Test("weights that say nothing share alike; nobody gets nothing")
    func divisionWithoutWeights() {
        #expect(Money(nanodollars: 7).divided(by: []) == [])
        #expect(Money(nanodollars: 7).divided(by: [0, .nan]).reduce(.zero, +).nanodollars == 7)
        #expect(Money(nanodollars: 7).divided(by: [0, 1, 0]).map(\.nanodollars) == [0, 7, 0])
        #expect(Money(nanodollars: .max).divided(by: [1, 1, 1]).reduce(.zero, +).nanodollars == .max)
    }

    @Test("sums stay at the limit instead of trapping")
    func limits() {
        let (most, least) = (Money(nanodollars: .max), Money(nanodollars: .min))
        #expect(most + most == most && least + least == least && most - least == most && least - most == least)
        #expect(Money.zero - least == most && most * 2 == most && most * -2 == least && least * -1 == most)
        #expect(Money(dollars: 1e300) == most && Money(dollars: -.infinity) == least && Money(dollars: .nan) == .zero)
    }
}
