internal import Basics

/// What a field that should hold a number holds.
package enum ParsedNumber: Hashable {
    case missing
    /// May be infinite or not a number, where the text says so.
    case value(Double)
    case notANumber
}

/// The number in `bytes[range]`: decimal, with an exponent if need be, blanks around it allowed.
///
/// Missing is written as nothing, `-`, `NA`, `N/A`, `null` or `None`. The result is the double nearest to the
/// decimal text, exactly as `strtod` has it.
package func parseNumber(_ bytes: Span<UInt8>, _ range: Range<Int>) -> ParsedNumber {
    var (start, end) = (range.lowerBound, range.upperBound)
    while start < end, bytes[start] == UInt8(ascii: " ") { start += 1 }
    while start < end, bytes[end - 1] == UInt8(ascii: " ") { end -= 1 }
    var i = start
    if let number = scanNumber(bytes, &i, end), i == end { return .value(number) }
    var text = ""
    guard end - start <= 400 else { return .notANumber }
    for i in start..<end { text.unicodeScalars.append(Unicode.Scalar(bytes[i])) }
    switch text.lowercased() {
    case "", "-", "na", "n/a", "null", "none": return .missing
    case "nan", "+nan", "-nan": return .value(.nan)
    case "inf", "+inf", "infinity", "+infinity": return .value(.infinity)
    case "-inf", "-infinity": return .value(-.infinity)
    default: break
    }
    // Only what is written with these letters, so that hexadecimal numbers and the like stay out.
    guard text.utf8.allSatisfy({ isDigit($0) || "+-.eE".utf8.contains($0) }), let number = Double(text) else {
        return .notANumber
    }
    return .value(number)
}

/// The number if the whole text is one.
package func parseDecimal(_ text: String) -> Double? {
    let bytes = Array(text.utf8)
    guard case .value(let number) = parseNumber(bytes.span, 0..<bytes.count) else { return nil }
    return number
}

/// Reads an unsigned or negative decimal number from `i` on and moves behind it, if the fast way gives the exact
/// double: at most 19 digits that fit 53 bits, and a power of ten up to 22 (Clinger, *How to Read Floating Point
/// Numbers Accurately*, 1990). `nil`, with `i` anywhere, if it does not or if there is no number.
@inlinable @inline(__always) package func scanNumber(_ bytes: Span<UInt8>, _ i: inout Int, _ end: Int) -> Double? {
    let isNegative = i < end && bytes[i] == UInt8(ascii: "-")
    if isNegative { i += 1 }
    var mantissa: UInt64 = 0
    let first = i
    while i < end, case let digit = bytes[i] &- 48, digit < 10 {
        mantissa = mantissa &* 10 &+ UInt64(digit)
        i += 1
    }
    var digits = i - first
    var scale = 0
    if i < end, bytes[i] == UInt8(ascii: ".") {
        i += 1
        let point = i
        while i < end, case let digit = bytes[i] &- 48, digit < 10 {
            mantissa = mantissa &* 10 &+ UInt64(digit)
            i += 1
        }
        scale = i - point
        digits += scale
    }
    guard digits > 0, digits <= 19, mantissa <= 1 << 53, scale <= 22 else { return nil }
    if i < end, bytes[i] | 0x20 == UInt8(ascii: "e") { return nil }
    var value = Double(mantissa)
    if scale > 0 { value /= powersOfTen[scale] }
    return isNegative ? -value : value
}

@usableFromInline let powersOfTen: [Double] = [
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
]

/// Unix seconds of an ISO 8601 date and time (`2023-05-29T06:20:02.848Z`, `2015-05-10 09:14:35.319`, with an offset
/// such as `+02:00`, or a date alone). A time without an offset is taken as UTC: most recorders write local time
/// and do not say where, and within one trace only differences matter.
package func parseTimestamp(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Double? {
    var (i, end) = (range.lowerBound, range.upperBound)
    while i < end, bytes[i] == UInt8(ascii: " ") { i += 1 }
    while i < end, bytes[end - 1] == UInt8(ascii: " ") { end -= 1 }
    func digits(_ count: Int) -> Int? {
        guard i + count <= end else { return nil }
        var value = 0
        for j in i..<i + count {
            guard isDigit(bytes[j]) else { return nil }
            value = value * 10 + Int(bytes[j] - 48)
        }
        i += count
        return value
    }
    func take(_ characters: UInt8...) -> Bool {
        guard i < end, characters.contains(bytes[i]) else { return false }
        i += 1
        return true
    }
    let (dash, colon) = (UInt8(ascii: "-"), UInt8(ascii: ":"))
    guard let year = digits(4), take(dash), let month = digits(2), take(dash), let day = digits(2),
        (1...12).contains(month), (1...CivilDate.days(inMonth: month, of: year)).contains(day)
    else { return nil }
    var seconds = Double(CivilDate.days(year: year, month: month, day: day) * 86400)
    if i == end { return seconds }
    guard take(UInt8(ascii: "T"), UInt8(ascii: "t"), UInt8(ascii: " ")), let hour = digits(2), take(colon),
        let minute = digits(2), hour < 24, minute < 60
    else { return nil }
    var fraction = 0.0
    if take(colon) {
        guard let second = digits(2), second <= 60 else { return nil }
        fraction = Double(second)
        if i < end, bytes[i] == UInt8(ascii: ".") || bytes[i] == UInt8(ascii: ",") {
            i += 1
            let start = i
            var value: UInt64 = 0
            while i < end, isDigit(bytes[i]) {
                if i - start < 9 { value = value * 10 + UInt64(bytes[i] - 48) }
                i += 1
            }
            guard i > start else { return nil }
            fraction += Double(value) / powersOfTen[min(i - start, 9)]
        }
    }
    seconds += Double(hour * 3600 + minute * 60)
    if i < end, !take(UInt8(ascii: "Z"), UInt8(ascii: "z")) {
        let east = bytes[i] == UInt8(ascii: "+")
        guard take(UInt8(ascii: "+"), dash), let hours = digits(2), hours < 24 else { return nil }
        _ = take(colon)
        let minutes = i < end ? digits(2) : 0
        guard let minutes, minutes < 60 else { return nil }
        seconds -= Double((hours * 3600 + minutes * 60) * (east ? 1 : -1))
    }
    return i == end ? seconds + fraction : nil
}

/// Unix seconds of an ISO 8601 date or date and time, without an offset in UTC.
public func unixSeconds(ofDate text: String) -> Double? {
    let bytes = Array(text.utf8)
    return parseTimestamp(bytes.span, 0..<bytes.count)
}
