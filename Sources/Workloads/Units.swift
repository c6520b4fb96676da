/// Reading and writing of quantities with units, as people and workflow engines write them.
public enum Units {
    /// The shortest text that reads back as the same double; whole numbers without a point.
    package static func shortest(_ number: Double) -> String {
        let text = number.description
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    /// The bytes that a text such as `4.5 GB`, `389 B`, `4Gi`, `12G` or `1048576` means, or `nil`.
    ///
    /// A bare number is bytes. `KiB`, `Ki`, `MiB` … are powers of 1024. `KB`, `K`, `MB`, `M` … are powers of
    /// 1000 as the standard says, or of 1024 if `binary`: so Nextflow, Slurm and many others use them.
    public static func parseBytes(_ text: some StringProtocol, binary: Bool = false) -> Double? {
        var scanner = Scanner(text)
        scanner.skipBlanks()
        guard let number = scanner.number() else { return nil }
        scanner.skipBlanks()
        guard let factor = byteFactor(of: scanner.word(), binary: binary) else { return nil }
        scanner.skipBlanks()
        let bytes = number * factor
        return scanner.isAtEnd && bytes.isFinite ? bytes : nil
    }

    /// The seconds that a text such as `1h 36m 57s`, `31.4s`, `325ms`, `24h`, `02:03:04`, `1-02:03:04` or
    /// `90` means, or `nil`.
    ///
    /// A bare number is seconds; `a:b` is minutes and seconds (as Slurm writes), `a:b:c` hours, minutes and
    /// seconds, `d-a:b:c` has days before. Units are ns, us, ms, s, m, h, d, w and their usual long forms.
    public static func parseSeconds(_ text: some StringProtocol) -> Double? {
        var scanner = Scanner(text)
        scanner.skipBlanks()
        var total = 0.0
        var parts = 0
        while let number = scanner.number() {
            if parts == 0, scanner.peek == colon || scanner.peek == hyphen {
                return scanner.clockTime(after: number)
            }
            scanner.skipBlanks()
            let unit = scanner.word()
            scanner.skipBlanks()
            if unit.isEmpty, parts > 0 || !scanner.isAtEnd { return nil }
            guard let factor = secondFactor(of: unit) else { return nil }
            total += number * factor
            parts += 1
        }
        return parts > 0 && scanner.isAtEnd && total.isFinite ? total : nil
    }

    /// For instance `389 B`, `4.50 GB`; powers of 1000, three digits.
    public static func formatBytes(_ bytes: Double) -> String {
        guard bytes.isFinite else { return "?" }
        var (value, unit) = (bytes, 0)
        while abs(value) >= 999.5, unit < byteUnits.count - 1 { (value, unit) = (value / 1000, unit + 1) }
        return "\(format(value, digits: unit == 0 ? 0 : digitsForThree(value))) \(byteUnits[unit])"
    }

    /// For instance `325 ms`, `31.4 s`, `1h 36m 57s`, `2d 3h 0m`; three digits below a minute.
    public static func formatSeconds(_ seconds: Double) -> String {
        guard seconds.isFinite else { return "?" }
        if seconds < 0 { return "-" + formatSeconds(-seconds) }
        if seconds == 0 { return "0 s" }
        if seconds < 0.9995 { return "\(format(seconds * 1000, digits: digitsForThree(seconds * 1000))) ms" }
        if seconds < 59.95 { return "\(format(seconds, digits: digitsForThree(seconds))) s" }
        guard seconds < 1e15 else { return "\(seconds) s" }
        let whole = Int(seconds.rounded())
        let (days, hours, minutes) = (whole / 86400, whole / 3600 % 24, whole / 60 % 60)
        if days > 0 { return "\(days)d \(hours)h \(minutes)m" }
        return (hours > 0 ? "\(hours)h " : "") + "\(minutes)m \(whole % 60)s"
    }

    /// For instance `1 task`, `2 tasks`, `2 processes`: the plural takes an `s`, or `es` after one.
    public static func count(_ number: Int, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : noun.hasSuffix("s") ? "es" : "s")"
    }

    /// For instance `$12.30`, `$0.0312`: two digits after the point, more for small amounts.
    public static func formatPrice(_ dollars: Double) -> String {
        guard dollars.isFinite else { return "?" }
        let digits = abs(dollars) >= 1 || dollars == 0 ? 2 : abs(dollars) >= 0.01 ? 4 : 6
        return (dollars < 0 ? "-$" : "$") + format(abs(dollars), digits: digits)
    }

    /// A share as a percentage with one digit after the point, with none from `wholeFrom` on: `4.2 %`, `120 %`; `–` for what is no
    /// finite number.
    public static func formatPercent(_ share: Double, wholeFrom: Double = 0.9995) -> String {
        share.isFinite ? format(share * 100, digits: abs(share) < wholeFrom ? 1 : 0) + " %" : "–"
    }

    /// The number with exactly `digits` (0 to 9) digits after the point, rounded to nearest.
    public static func format(_ value: Double, digits: Int) -> String {
        let digits = min(max(digits, 0), 9)
        var scale = 1
        for _ in 0..<digits { scale *= 10 }
        let scaled = (abs(value) * Double(scale)).rounded()
        guard scaled < 1e18 else { return "\(value)" }
        let whole = Int(scaled)
        let fraction = String(whole % scale)
        let sign = value < 0 && whole > 0 ? "-" : ""
        guard digits > 0 else { return sign + String(whole) }
        return sign + String(whole / scale) + "." + String(repeating: "0", count: digits - fraction.count) + fraction
    }
}

private let byteUnits = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
private let colon = UInt8(ascii: ":")
private let hyphen = UInt8(ascii: "-")

private func digitsForThree(_ value: Double) -> Int { abs(value) < 9.995 ? 2 : abs(value) < 99.95 ? 1 : 0 }

private func byteFactor(of unit: String, binary: Bool) -> Double? {
    switch unit {
    case "", "b", "byte", "bytes": return 1
    default: break
    }
    guard let first = unit.first, let power = "kmgtpe".firstIndex(of: first) else { return nil }
    let exponent = "kmgtpe".distance(from: "kmgtpe".startIndex, to: power) + 1
    let base: Double
    switch unit.dropFirst() {
    case "", "b": base = binary ? 1024 : 1000
    case "i", "ib": base = 1024
    default: return nil
    }
    return (0..<exponent).reduce(1.0) { factor, _ in factor * base }
}

private func secondFactor(of unit: String) -> Double? {
    switch unit {
    case "", "s", "sec", "secs", "second", "seconds": 1
    case "ns": 1e-9
    case "us", "µs", "μs": 1e-6
    case "ms", "milli", "millis", "millisecond", "milliseconds": 1e-3
    case "m", "min", "mins", "minute", "minutes": 60
    case "h", "hr", "hrs", "hour", "hours": 3600
    case "d", "day", "days": 86400
    case "w", "week", "weeks": 604_800
    default: nil
    }
}

/// Walks over the bytes of a short text.
private struct Scanner {
    private let bytes: [UInt8]
    private var position = 0

    init(_ text: some StringProtocol) { bytes = Array(text.utf8) }

    var isAtEnd: Bool { position == bytes.count }

    var peek: UInt8? { isAtEnd ? nil : bytes[position] }

    mutating func skipBlanks() {
        while let byte = peek, byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") { position += 1 }
    }

    /// Digits with at most one point, and an exponent if digits follow the `e`; never negative.
    mutating func number() -> Double? {
        let start = position
        skipDigits()
        if peek == UInt8(ascii: ".") {
            position += 1
            skipDigits()
        }
        guard bytes[start..<position].contains(where: isDigit) else {
            position = start
            return nil
        }
        if let byte = peek, byte | 0x20 == UInt8(ascii: "e") {
            let beforeExponent = position
            position += 1
            if peek == UInt8(ascii: "+") || peek == hyphen { position += 1 }
            let digits = position
            skipDigits()
            if position == digits { position = beforeExponent }
        }
        return Double(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    /// Letters up to a blank, digit or punctuation, in lower case.
    mutating func word() -> String {
        let start = position
        while let byte = peek, byte >= 0x80 || (byte | 0x20) >= UInt8(ascii: "a") && (byte | 0x20) <= UInt8(ascii: "z")
        {
            position += 1
        }
        return String(decoding: bytes[start..<position], as: UTF8.self).lowercased()
    }

    /// What follows the first number of `[d-]h:m:s` or `m:s`.
    mutating func clockTime(after first: Double) -> Double? {
        var days: Double?
        var fields = [first]
        if peek == hyphen {
            position += 1
            guard let hours = number() else { return nil }
            (days, fields) = (first, [hours])
        }
        while peek == colon {
            position += 1
            guard let field = number(), fields.count < 3 else { return nil }
            fields.append(field)
        }
        skipBlanks()
        guard isAtEnd else { return nil }
        // After days, the fields are hours, minutes, seconds as far as given; otherwise they end with seconds.
        if days != nil { while fields.count < 3 { fields.append(0) } }
        let seconds = fields.reduce(0) { $0 * 60 + $1 } + (days ?? 0) * 86400
        return seconds.isFinite ? seconds : nil
    }

    private mutating func skipDigits() {
        while let byte = peek, isDigit(byte) { position += 1 }
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
}
