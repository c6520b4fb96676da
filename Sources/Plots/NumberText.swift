import Glibc

/// Text for numbers: locale-free and equal on every machine, so that equal charts have equal bytes.
enum NumberText {
    /// `value` with exactly `places` decimals (0...12), half away from zero. Beyond 9e15 in the last place it
    /// falls back to ``scientific(_:)``, because a double no longer holds the digits.
    static func fixed(_ value: Double, places: Int, grouped: Bool = false) -> String {
        guard value.isFinite else { return "–" }
        let places = min(max(places, 0), 12)
        let scaled = (value.magnitude * pow(10, Double(places))).rounded()
        guard scaled < 9e15 else { return scientific(value) }
        var digits = String(Int(scaled))
        if digits.count <= places { digits = String(repeating: "0", count: places + 1 - digits.count) + digits }
        var whole = String(digits.dropLast(places))
        if grouped { whole = groupThousands(whole) }
        let sign = value < 0 && scaled > 0 ? "-" : ""
        return sign + whole + (places > 0 ? "." + digits.suffix(places) : "")
    }

    /// Like ``fixed(_:places:grouped:)`` without trailing zeros behind the point.
    static func trimmed(_ value: Double, places: Int, grouped: Bool = false) -> String {
        let text = fixed(value, places: places, grouped: grouped)
        guard places > 0, text.contains("."), !text.contains("e") else { return text }
        let kept = text.reversed().drop { $0 == "0" }.drop { $0 == "." }
        return String(kept.reversed())
    }

    /// Three significant digits in plain notation where that is readable, else in powers of ten.
    static func significant(_ value: Double, digits: Int = 3) -> String {
        guard value.isFinite else { return "–" }
        guard value != 0 else { return "0" }
        let exponent = Int(log10(value.magnitude).rounded(.down))
        guard (-5...8).contains(exponent) else { return scientific(value) }
        return trimmed(value, places: max(0, digits - 1 - exponent), grouped: true)
    }

    /// `value` as `1.5e20`, with at most `places` decimals in the mantissa.
    static func scientific(_ value: Double, places: Int = 2) -> String {
        guard value.isFinite else { return "–" }
        guard value != 0 else { return "0" }
        var exponent = log10(value.magnitude).rounded(.down)
        // Two steps, because 10^-320 alone would lose all its digits.
        let half = (exponent / 2).rounded(.down)
        var mantissa = value / pow(10, half) / pow(10, exponent - half)
        let unit = pow(10, Double(min(max(places, 0), 12)))
        if (mantissa.magnitude * unit).rounded() >= 10 * unit {
            mantissa /= 10
            exponent += 1
        }
        return trimmed(mantissa, places: places) + "e" + String(Int(exponent))
    }

    /// Puts a typographic minus sign before a negative number.
    static func signed(_ text: String) -> String {
        text.hasPrefix("-") ? "−" + text.dropFirst() : text
    }

    private static func groupThousands(_ digits: String) -> String {
        var result = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { result.append(",") }
            result.append(digit)
        }
        return result
    }
}
