import Basics
import Glibc

/// What the numbers of an axis or a table column measure; decides their unit, ticks and text.
public enum Quantity: String, Sendable, Hashable, CaseIterable {
    /// A plain number.
    case number
    /// A whole number of things: ticks never fall between two of them.
    case count
    /// Seconds, shown as milliseconds to days.
    case seconds
    /// Bytes, shown as KiB, MiB, GiB, … (1024).
    case bytes
    /// US dollars.
    case dollars
    /// A share of one, shown in per cent: 0.8 is `80 %`.
    case share
    /// A moment as seconds since 1970-01-01 in UTC.
    case date

    /// `value` as a reader expects it, with its unit and about three significant digits: `2 min 5 s`, `1.5 GiB`,
    /// `$0.0315`, `80 %`, `2024-03-01 12:00`. A value that is not finite is `–`.
    public func text(_ value: Double) -> String {
        guard accepts(value) else { return "–" }
        switch self {
        case .date: return CivilDate(secondsSince1970: value).text
        case .seconds where value.magnitude >= 120: return NumberText.signed(longDuration(value))
        case .dollars:
            let sign = value < 0 ? "−" : ""
            let places = value.magnitude >= 1000 ? 0 : 2
            let amount =
                value.magnitude >= 1 || value == 0
                ? NumberText.fixed(value.magnitude, places: places, grouped: true)
                : NumberText.significant(value.magnitude)
            return sign + "$" + amount
        case .count: return NumberText.signed(NumberText.trimmed(value, places: 2, grouped: true))
        default:
            let unit = unit(for: value.magnitude)
            return NumberText.signed(NumberText.significant(value / unit.size)) + unit.suffix
        }
    }

    private func longDuration(_ value: Double) -> String {
        guard value.magnitude < 1e12 else { return NumberText.scientific(value / 86_400) + " d" }
        let sign = value < 0 ? "-" : ""
        let seconds = Int(value.magnitude.rounded())
        let parts: [(Int, String)]
        switch seconds {
        case ..<3600: parts = [(seconds / 60, "min"), (seconds % 60, "s")]
        case ..<172_800:
            let minutes = (seconds + 30) / 60
            parts = [(minutes / 60, "h"), (minutes % 60, "min")]
        default:
            let hours = (seconds + 1800) / 3600
            parts = [(hours / 24, "d"), (hours % 24, "h")]
        }
        let shown = parts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        return sign + shown.joined(separator: " ")
    }
}

/// A unit that numbers of one axis are shown in.
struct DisplayUnit {
    /// How much one of it is in the quantity's base unit.
    let size: Double
    var prefix = ""
    let suffix: String
    /// Tick steps from one unit upwards that are rounder than 1, 2, 5, 10, …: minutes count in 15s, bytes in 64s.
    var ladder: [Double] = []
}

extension Quantity {
    /// Whether `value` can be drawn. Beyond 10^30 nothing is measured, and refusing it keeps all that is computed
    /// from accepted values finite; dates are limited to the years 1 to 9999.
    func accepts(_ value: Double) -> Bool {
        self == .date ? (-62_135_596_800...253_402_300_799).contains(value) : value.magnitude <= 1e30
    }

    /// The unit in which a value as large as `magnitude` is read most easily.
    func unit(for magnitude: Double) -> DisplayUnit {
        switch self {
        case .number, .count, .date: scaledUnit(magnitude)
        case .dollars:
            DisplayUnit(size: scaledUnit(magnitude).size, prefix: "$", suffix: scaledUnit(magnitude).suffix)
        case .share: DisplayUnit(size: 0.01, suffix: " %")
        case .seconds: durationUnit(magnitude)
        case .bytes: byteUnit(magnitude)
        }
    }

    private func scaledUnit(_ magnitude: Double) -> DisplayUnit {
        switch magnitude {
        case 1e6..<1e9: DisplayUnit(size: 1e6, suffix: " M")
        case 1e9..<1e12: DisplayUnit(size: 1e9, suffix: " B")
        case 1e12..<1e15: DisplayUnit(size: 1e12, suffix: " T")
        default: DisplayUnit(size: 1, suffix: "")
        }
    }

    private func durationUnit(_ magnitude: Double) -> DisplayUnit {
        let sixties: [Double] = [1, 2, 5, 10, 15, 20, 30, 60, 120]
        return switch magnitude {
        case 0: DisplayUnit(size: 1, suffix: " s", ladder: sixties)
        case ..<1e-3: DisplayUnit(size: 1e-6, suffix: " µs")
        case ..<1: DisplayUnit(size: 1e-3, suffix: " ms")
        case ..<120: DisplayUnit(size: 1, suffix: " s", ladder: sixties)
        case ..<7200: DisplayUnit(size: 60, suffix: " min", ladder: sixties)
        case ..<172_800: DisplayUnit(size: 3600, suffix: " h", ladder: [1, 2, 3, 4, 6, 12, 24])
        default: DisplayUnit(size: 86_400, suffix: " d")
        }
    }

    private func byteUnit(_ magnitude: Double) -> DisplayUnit {
        let names = [" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"]
        var (size, index) = (1.0, 0)
        while magnitude >= size * 1024, index < names.count - 1 {
            size *= 1024
            index += 1
        }
        return DisplayUnit(size: size, suffix: names[index], ladder: (0...10).map { pow(2, Double($0)) })
    }
}
