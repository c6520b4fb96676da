import Basics
import Glibc

/// A labelled place on an axis.
package struct Tick: Hashable, Sendable {
    package let value: Double
    package let label: String
    /// A second line below the label: the day under an hour, the year under a month.
    package var context = ""
}

/// The interval that an axis shows and its ticks.
package struct TickedRange: Sendable {
    package var low: Double
    package var high: Double
    package var ticks: [Tick]
    package var spacing = Axis.Spacing.linear

    /// Chooses round ticks for values from `low` to `high`.
    ///
    /// Steps are 1, 2 or 5 times a power of ten in the unit that suits the values, or what people count in: quarters
    /// of an hour, days and months, powers of two bytes. The step is the smallest that needs at most `limit` ticks,
    /// or a smaller one where that would leave fewer than two.
    ///
    /// - Parameters:
    ///   - covering: Extends a linear range to the ticks around it.
    ///   - limit: The most ticks inside the range, at least 2.
    /// - Precondition: `axis` accepts both values.
    package init(_ low: Double, _ high: Double, on axis: Axis, limit: Int, covering: Bool) {
        let limit = Double(max(limit, 2))
        var (low, high) = (min(low, high), max(low, high))
        if axis.spacing == .logarithmic {
            self.init(logarithmicFrom: low, to: high, axis.quantity, limit: limit)
            return
        }
        if axis.includesZero { (low, high) = (min(low, 0), max(high, 0)) }
        (low, high) = Self.widened(low, high, axis.quantity)
        if axis.quantity == .date {
            self.init(datesFrom: low, to: high, limit: limit)
        } else {
            self.init(linearFrom: low, to: high, axis.quantity, limit: limit, covering: covering)
        }
    }

    private init(low: Double, high: Double, ticks: [Tick], spacing: Axis.Spacing = .linear) {
        (self.low, self.high, self.ticks, self.spacing) = (low, high, ticks, spacing)
    }

    /// A range must be wide enough for its ticks to differ.
    private static func widened(_ low: Double, _ high: Double, _ quantity: Quantity) -> (Double, Double) {
        let magnitude = max(low.magnitude, high.magnitude)
        if quantity == .date { return high - low < 2 ? (low - 1, high + 1) : (low, high) }
        if quantity == .count {
            let (from, to) = (low.rounded(.down), max(high.rounded(.up), low.rounded(.down) + 1))
            // So large a number that one more of it is no other number is widened as any other.
            if to - from > magnitude * 1e-12 { return (from, to) }
        }
        guard high - low <= max(magnitude * 1e-9, 1e-30) else { return (low, high) }
        guard magnitude > 1e-20 else { return (min(low, 0), quantity == .share ? 0.01 : 1) }
        return (low - magnitude * 0.1, high + magnitude * 0.1)
    }
}

extension TickedRange {
    private init(
        linearFrom low: Double, to high: Double, _ quantity: Quantity, limit: Double, covering: Bool
    ) {
        let magnitude = max(low.magnitude, high.magnitude)
        // A large number that hardly changes is shown in full, because its changes are in the last digits.
        let isNarrow = high - low < magnitude * 1e-3
        let unit = isNarrow && quantity != .share ? quantity.unit(for: 1) : quantity.unit(for: magnitude)
        // In units, which may be millions.
        let smallest = quantity == .count ? 1 / unit.size : 0
        let step = Self.step(atLeast: max((high - low) / unit.size / limit, smallest), ladder: unit.ladder)
        let slack = 1e-9
        let (from, to) = (low / unit.size / step, high / unit.size / step)
        let first = covering ? (from + slack).rounded(.down) : (from - slack).rounded(.up)
        let last = covering ? (to - slack).rounded(.up) : (to + slack).rounded(.down)
        guard last > first else {
            self.init(linearFrom: low, to: high, quantity, limit: limit + 1, covering: covering)
            return
        }
        let exponent = Int((log10(step) + slack).rounded(.down))
        let digits = Int(log10(magnitude / unit.size).rounded(.down)) - exponent
        let ticks = stride(from: first, through: last, by: 1).map { index in
            let value = index * step
            let isPlain = exponent >= -9 && value.magnitude < 1e15
            let number =
                isPlain
                ? NumberText.fixed(value, places: max(0, -exponent), grouped: true)
                : NumberText.scientific(value, places: digits)
            let isNegative = number.hasPrefix("-")
            let text = (isNegative ? "−" : "") + unit.prefix + (isNegative ? String(number.dropFirst()) : number)
            return Tick(value: value * unit.size, label: value == 0 && quantity != .dollars ? "0" : text + unit.suffix)
        }
        self.init(
            low: covering ? min(low, first * step * unit.size) : low,
            high: covering ? max(high, last * step * unit.size) : high,
            ticks: ticks)
    }

    /// The smallest round step that is at least `minimum`.
    private static func step(atLeast minimum: Double, ladder: [Double]) -> Double {
        let minimum = minimum * (1 - 1e-9)
        if let first = ladder.first, minimum > first / 2, let step = ladder.first(where: { $0 >= minimum }) {
            return step
        }
        let power = pow(10, log10(minimum).rounded(.down))
        return [1, 2, 5].map { $0 * power }.first { $0 >= minimum } ?? 10 * power
    }
}

extension TickedRange {
    private init(logarithmicFrom low: Double, to high: Double, _ quantity: Quantity, limit: Double) {
        // Some air around the data; a single value gets a factor of about two on either side.
        let padding = max(pow(high, 0.02) / pow(low, 0.02), high / low < 2 ? 2 : 1)
        let (from, to) = (low / padding, high * padding)
        let inside = Self.logarithmicLevels(quantity, from: from, to: to)
        let best = inside.first { $0.count <= Int(limit) } ?? inside.last.map { Self.thinned($0, to: Int(limit)) } ?? []
        if best.count >= 2 {
            let ticks = best.map { Tick(value: $0, label: Self.label($0, quantity)) }
            self.init(low: from, high: to, ticks: ticks, spacing: .logarithmic)
        } else {
            // Whole numbers may be too far apart for a range that need not hold one.
            let quantity = quantity == .count ? .number : quantity
            self.init(linearFrom: from, to: to, quantity, limit: limit, covering: false)
            spacing = .logarithmic
        }
    }

    /// Candidate tick sets from dense to sparse.
    private static func logarithmicLevels(_ quantity: Quantity, from: Double, to: Double) -> [[Double]] {
        let decades = Int(log10(from).rounded(.down))...Int(log10(to).rounded(.up))
        func powers(_ mantissas: [Double]) -> [Double] {
            decades.flatMap { decade in mantissas.map { $0 * pow(10, Double(decade)) } }
        }
        var levels: [[Double]]
        switch quantity {
        case .bytes:
            let exponents = Int(log2(from).rounded(.down))...Int(log2(to).rounded(.up))
            levels = [1, 2, 5, 10].map { stride in
                exponents.filter { $0.isMultiple(of: stride) }.map { pow(2, Double($0)) }
            }
        case .seconds:
            let below = powers([1]).filter { $0 < 1 }
            let belowDense = powers([1, 2, 5]).filter { $0 < 1 }
            let days = powers([1]).filter { $0 >= 1 }.map { $0 * 86_400 }
            levels = [
                belowDense + [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18_000, 43_200] + days,
                below + [1, 3, 10, 30, 60, 180, 600, 1800, 3600, 10_800, 36_000] + days,
                below + [1, 10, 60, 600, 3600, 36_000] + days,
                below + [1, 60, 3600] + days,
            ]
        default: levels = [powers([1, 2, 5]), powers([1, 3]), powers([1])]
        }
        return levels.map { $0.filter { (from * (1 - 1e-12)...to * (1 + 1e-12)).contains($0) } }
    }

    private static func thinned(_ values: [Double], to limit: Int) -> [Double] {
        let stride = (values.count + limit - 1) / limit
        return values.enumerated().filter { $0.offset.isMultiple(of: stride) }.map(\.element)
    }

    private static func label(_ value: Double, _ quantity: Quantity) -> String {
        switch quantity {
        case .seconds where value >= 60:
            let unit = value < 3600 ? (60.0, " min") : value < 86_400 ? (3600, " h") : (86_400, " d")
            return NumberText.significant(value / unit.0) + unit.1
        case .dollars: return "$" + NumberText.significant(value)
        case .count: return NumberText.significant(value)
        default: return quantity.text(value)
        }
    }
}

extension TickedRange {
    private init(datesFrom low: Double, to high: Double, limit: Double) {
        let minimum = (high - low) / limit
        let steps: [Double] = [
            1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800,
            604_800, 1_209_600,
        ]
        var moments: [Double]
        let step = steps.first { $0 >= minimum }
        if let step {
            // Weeks begin on Monday: 1970-01-05 was one.
            let origin = step >= 604_800 ? 345_600.0 : 0
            let first = ((low - origin) / step).rounded(.up)
            let last = ((high - origin) / step).rounded(.down)
            moments = stride(from: first, through: last, by: 1).map { $0 * step + origin }
        } else {
            let month = 365.2425 * 86_400 / 12
            let rounds = [1, 3, 6] + [1, 10, 100, 1000].flatMap { [12 * $0, 24 * $0, 60 * $0] }
            let months = rounds.first { Double($0) * month >= minimum } ?? 120_000
            let start = CivilDate(secondsSince1970: low).year
            let count = Int((high - low) / month) / months + 2 + 12 / min(months, 12)
            let firstYear = max(1, months >= 12 ? start / (months / 12) * (months / 12) : start)
            moments = (0...count).map { CivilDate.seconds(year: firstYear, month: 1 + $0 * months) }
            moments.removeAll { !(low...high).contains($0) }
        }
        guard moments.count >= 2 else {
            self.init(datesFrom: low, to: high, limit: limit + 1)
            return
        }
        let ticks = Self.dateTicks(moments, isBelowDay: (step ?? .infinity) < 86_400, isBelowMinute: (step ?? 60) < 60)
        self.init(low: low, high: high, ticks: ticks)
    }

    /// Labels say what changes from tick to tick; the context says the rest, once, and again when it changes.
    private static func dateTicks(_ moments: [Double], isBelowDay: Bool, isBelowMinute: Bool) -> [Tick] {
        var previous: CivilDate?
        let isYearly = moments.allSatisfy { moment in
            let date = CivilDate(secondsSince1970: moment)
            return date.month == 1 && date.day == 1 && date.secondOfDay == 0
        }
        return moments.map { moment in
            let date = CivilDate(secondsSince1970: moment)
            defer { previous = date }
            let isNewYear = date.year != previous?.year
            if isBelowDay {
                let isNewDay = isNewYear || date.day != previous?.day || date.month != previous?.month
                let day = "\(date.day) \(date.monthName)" + (isNewYear ? " \(date.year)" : "")
                return Tick(value: moment, label: date.clock(withSeconds: isBelowMinute), context: isNewDay ? day : "")
            }
            if isYearly && moments.count > 1 { return Tick(value: moment, label: "\(date.year)") }
            return Tick(
                value: moment, label: "\(date.day) \(date.monthName)", context: isNewYear ? "\(date.year)" : "")
        }
    }
}
