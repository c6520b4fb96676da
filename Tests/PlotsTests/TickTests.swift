import Plots
import TestSupport
import Testing

@Suite("Ticks") struct TickTests {
    private static func ticks(_ low: Double, _ high: Double, _ axis: Axis, limit: Int = 7) -> [String] {
        TickedRange(low, high, on: axis, limit: limit, covering: false).ticks.map(\.label)
    }

    @Test("ticks are round in the unit that people use")
    func known() {
        #expect(Self.ticks(0, 1, Axis("")) == ["0", "0.2", "0.4", "0.6", "0.8", "1.0"])
        #expect(Self.ticks(-3, 12_500, Axis("")) == ["0", "2,000", "4,000", "6,000", "8,000", "10,000", "12,000"])
        #expect(
            Self.ticks(0, 3600, Axis("", .seconds)) == [
                "0", "10 min", "20 min", "30 min", "40 min", "50 min", "60 min",
            ])
        #expect(Self.ticks(0, 86_400, Axis("", .seconds)) == ["0", "4 h", "8 h", "12 h", "16 h", "20 h", "24 h"])
        #expect(Self.ticks(0, 3 * 1_073_741_824, Axis("", .bytes), limit: 4) == ["0", "1 GiB", "2 GiB", "3 GiB"])
        #expect(
            Self.ticks(0.03, 0.05, Axis("", .dollars), limit: 5) == ["$0.030", "$0.035", "$0.040", "$0.045", "$0.050"])
        #expect(Self.ticks(0, 0.5, Axis("", .share), limit: 6) == ["0", "10 %", "20 %", "30 %", "40 %", "50 %"])
        #expect(Self.ticks(0, 3, Axis("", .count), limit: 9) == ["0", "1", "2", "3"])
        #expect(Self.ticks(-0.2, 0.2, Axis("", .dollars), limit: 5) == ["−$0.2", "−$0.1", "$0.0", "$0.1", "$0.2"])
    }

    @Test("logarithmic ticks are powers that people use")
    func logarithmic() {
        let seconds = Axis("", .seconds, spacing: .logarithmic)
        #expect(Self.ticks(0.5, 90_000, seconds) == ["1 s", "10 s", "1 min", "10 min", "1 h", "10 h", "1 d"])
        let number = Axis("", spacing: .logarithmic)
        #expect(Self.ticks(1, 1000, number) == ["1", "3", "10", "30", "100", "300", "1,000"])
        let bytes = Axis("", .bytes, spacing: .logarithmic)
        #expect(Self.ticks(1024, 1_048_576, bytes, limit: 4) == ["1 KiB", "32 KiB", "1 MiB"])
    }

    @Test("date ticks fall on hours, days, Mondays, months and years")
    func dates() {
        let start = 1_709_164_800.0  // 2024-02-29
        let hours = TickedRange(start, start + 86_400, on: Axis("", .date), limit: 6, covering: false).ticks
        #expect(hours.map(\.label) == ["00:00", "06:00", "12:00", "18:00", "00:00"])
        #expect(hours.map(\.context) == ["29 Feb 2024", "", "", "", "1 Mar"])
        #expect(
            Self.ticks(start, start + 30 * 86_400, Axis("", .date), limit: 6) == [
                "4 Mar", "11 Mar", "18 Mar", "25 Mar",
            ])
        #expect(
            Self.ticks(start, start + 150 * 86_400, Axis("", .date)) == ["1 Mar", "1 Apr", "1 May", "1 Jun", "1 Jul"])
        #expect(
            Self.ticks(start, start + 3000 * 86_400, Axis("", .date), limit: 5) == ["2026", "2028", "2030", "2032"])
        #expect(Self.ticks(-1e9, 1e9, Axis("", .date), limit: 5) == ["1940", "1960", "1980", "2000"])
        #expect(Self.ticks(1e20, 1e20 + 1, Axis("", .count)).count >= 2)
        #expect(Self.ticks(7e7, 1.7e9, Axis("", .count), limit: 4) == ["0.5 B", "1.0 B", "1.5 B"])
    }

    @Test("any range has few ticks, in order, inside it, with distinct labels", arguments: UInt64(0)..<300)
    func properties(seed: UInt64) throws {
        var generator = TestGenerator(seed: seed)
        let quantity = try #require(Quantity.allCases.randomElement(using: &generator))
        let isLogarithmic = Bool.random(using: &generator) && quantity != .date
        let axis = Axis("", quantity, spacing: isLogarithmic ? .logarithmic : .linear)
        let limit = Int.random(in: 2...12, using: &generator)
        var low = generator.value(upTo: quantity == .date ? 6e10 : 9e29)
        var high = low + generator.value(upTo: quantity == .date ? 6e10 : 9e28)
        if isLogarithmic { (low, high) = (max(low.magnitude, 1e-30), max(high.magnitude, 1e-30)) }
        let range = TickedRange(low, high, on: axis, limit: limit, covering: false)
        #expect(range.low <= min(low, high) && range.high >= max(low, high))
        #expect(range.ticks.count >= 2 && range.ticks.count <= max(limit + 1, 5))
        let slack = (range.high - range.low) * 1e-6
        for tick in range.ticks { #expect(tick.value >= range.low - slack && tick.value <= range.high + slack) }
        for (tick, next) in zip(range.ticks, range.ticks.dropFirst()) {
            #expect(tick.value < next.value)
            #expect(tick.label != next.label)
        }
    }

    @Test("counts of any size that hardly differ have ticks, whole ones where they are no larger than 2^53")
    func counts() {
        let axis = Axis("", .count)
        for low in [1000, 1500, 2e6, 3e9, 4e12, 9e15, 1e17, 1e22, 9e29] {
            for share in [0, 1e-9, 1e-4, 9e-4, 1.1e-3, 2e-3, 5e-3, 0.02] {
                for limit in [2, 5, 12] {
                    for covering in [false, true] {
                        let range = TickedRange(low, low * (1 + share), on: axis, limit: limit, covering: covering)
                        #expect(range.ticks.count >= 2, "\(low) \(share) \(limit) \(covering)")
                        let labels = range.ticks.map(\.label)
                        #expect(Set(labels).count == labels.count, "\(low) \(share) \(labels)")
                        if low < 9e15 {
                            #expect(range.ticks.allSatisfy { abs($0.value - $0.value.rounded()) < 1e-6 * $0.value })
                        }
                    }
                }
            }
        }
    }

    @Test("a covering axis ends at ticks", arguments: UInt64(0)..<100)
    func covering(seed: UInt64) throws {
        var generator = TestGenerator(seed: seed)
        let low = generator.value(upTo: 1e12)
        let high = low + generator.value(upTo: 1e12)
        let range = TickedRange(low, high, on: Axis(""), limit: 6, covering: true)
        let first = try #require(range.ticks.first)
        let last = try #require(range.ticks.last)
        #expect(range.ticks.count >= 2)
        #expect(first.value <= min(low, high) + 1e-6 * (range.high - range.low))
        #expect(last.value >= max(low, high) - 1e-6 * (range.high - range.low))
    }
}

@Suite("Text of quantities") struct QuantityTests {
    @Test(
        "a value is shown with its unit and three digits",
        arguments: [
            (Quantity.seconds, 0.0123, "12.3 ms"), (.seconds, 59.96, "60 s"), (.seconds, 125, "2 min 5 s"),
            (.seconds, 7260, "2 h 1 min"), (.seconds, 200_000, "2 d 8 h"), (.seconds, -125, "−2 min 5 s"),
            (.bytes, 1536, "1.5 KiB"), (.bytes, 3e9, "2.79 GiB"), (.dollars, 0.03154, "$0.0315"),
            (.dollars, 1234.5, "$1,235"), (.dollars, -2, "−$2.00"), (.share, 0.8, "80 %"), (.share, 0.0123, "1.23 %"),
            (.number, 1234, "1,234"), (.number, 1.5e7, "15 M"), (.number, 2e20, "2e20"), (.number, 0, "0"),
            (.count, 120_000, "120,000"), (.date, 1_709_164_800, "2024-02-29"),
            (.date, 1_709_208_330, "2024-02-29 12:05:30"),
            (.date, -1, "1969-12-31 23:59:59"), (.number, .nan, "–"), (.bytes, .infinity, "–"), (.date, 1e300, "–"),
        ])
    func text(quantity: Quantity, value: Double, expected: String) {
        #expect(quantity.text(value) == expected)
    }
}
