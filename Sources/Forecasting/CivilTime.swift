import Basics

/// Dates and times as people write them, as Unix seconds.
enum CivilTime {
    /// What a field of a time column says.
    enum Reading {
        case number(Double)
        /// Seconds in UTC, and how far the clock on the wall is ahead of it.
        case date(seconds: Double, offset: Double)
    }

    /// Why a text is no time.
    struct Unreadable: Error {
        /// What is wrong with a date; empty for a text of another kind.
        var reason = ""
    }

    /// What stands before a year at the end of a date.
    enum DayOrder { case dayFirst, monthFirst, unknown }

    /// The only order in which all dates such as `1/31/2019` among these exist; `unknown` where both do or none.
    static func dayOrder(_ texts: some Sequence<String>) -> DayOrder {
        var (first, second) = (0, 0)
        for text in texts {
            let numbers = (try? integers(dayFields(text).fields)) ?? []
            guard numbers.count == 3 else { continue }
            (first, second) = (max(first, numbers[0]), max(second, numbers[1]))
        }
        if first > 12, second <= 12 { return .dayFirst }
        return first <= 12 && second > 12 ? .monthFirst : .unknown
    }

    /// The fields of the day, and where the time of day begins.
    private static func dayFields(_ text: String) -> (fields: [Substring], split: String.Index?) {
        let split = text.firstIndex { $0 == "T" || $0 == "t" || $0 == " " }
        let day = text[..<(split ?? text.endIndex)]
        let separator: Character = ["/", "."].first(where: day.contains) ?? "-"
        return (day.split(separator: separator, omittingEmptySubsequences: false), split)
    }

    /// A number, `2024-01-31`, `2024/1/31`, `2024-01`, `2024Q1`, `2024-01-31T18:30:00.5+01:00`, `2024-01-31 18:30`, and,
    /// where the order is known, `1/31/2024` or `31.1.2024`.
    static func read(_ text: String, _ order: DayOrder = .unknown) throws(Unreadable) -> Reading {
        if let number = Double(text) {
            guard number.isFinite else { throw Unreadable() }
            return .number(number)
        }
        if let quarter = Self.quarter(text) { return quarter }
        let (fields, split) = dayFields(text)
        var numbers = try integers(fields)
        guard (2...3).contains(numbers.count) else { throw Unreadable() }
        if fields[0].count < 4, fields.count == 3, fields[2].count == 4, order != .unknown {
            numbers = [numbers[2], numbers[order == .dayFirst ? 1 : 0], numbers[order == .dayFirst ? 0 : 1]]
        } else if fields[0].count < 4 {
            throw Unreadable(reason: "day, month and year are not told apart. Write the year first: 1949-01-31")
        }
        let (year, month) = (numbers[0], numbers[1])
        guard (1...9999).contains(year), (1...12).contains(month) else {
            throw Unreadable(reason: "there is no month \(month) of the year \(year)")
        }
        guard numbers.count == 3 else {
            guard split == nil else { throw Unreadable(reason: "a time of day needs a day") }
            return .date(seconds: seconds(year: year, month: month, day: 1), offset: 0)
        }
        let length = days(inMonth: month, of: year)
        guard (1...length).contains(numbers[2]) else {
            throw Unreadable(reason: "that month has \(length) days")
        }
        let midnight = seconds(year: year, month: month, day: numbers[2])
        guard let split else { return .date(seconds: midnight, offset: 0) }
        let (time, offset) = try clock(text[text.index(after: split)...])
        return .date(seconds: midnight + time - offset, offset: offset)
    }

    /// How a month is written: `2024-01`, `2024/01` or `202401`; `nil` for anything else.
    static func monthForm(_ text: String) -> DateForm? {
        if text.count == 6, Double(text).flatMap(compactDate) != nil { return .month(separator: "") }
        let (fields, split) = dayFields(text)
        guard split == nil, fields.count == 2, fields[0].count == 4, fields[1].count <= 2,
            (try? integers(fields)) != nil
        else { return nil }
        return .month(separator: String(text.dropFirst(4).prefix(1)))
    }

    /// How a quarter is written: `2024Q1`, `2024-Q1` or `2024 Q1`; `nil` for anything else.
    static func quarterForm(_ text: String) -> DateForm? {
        quarter(text).map { _ in .quarter(separator: String(text.dropFirst(4).dropLast(2))) }
    }

    /// `01.2019`, which would be read as a number.
    static func isMonthBeforeYear(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 2 && Int(parts[0]).map { 1...12 ~= $0 } == true
            && parts[1].count == 4 && Int(parts[1]).map { 1900...2100 ~= $0 } == true
    }

    /// `2024Q1`, `2024-Q1`, `2024 Q1`: its first day.
    private static func quarter(_ text: String) -> Reading? {
        let parts = text.uppercased().split(separator: "Q", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].count == 1, let quarter = Int(parts[1]), (1...4).contains(quarter) else {
            return nil
        }
        var year = parts[0]
        if year.last == "-" || year.last == " " { year.removeLast() }
        guard year.count == 4, let number = Int(year), number > 0 else { return nil }
        return .date(seconds: seconds(year: number, month: 3 * quarter - 2, day: 1), offset: 0)
    }

    /// Seconds since midnight and the offset of `18:30`, `18:30:00.5Z`, `18:30+01:00`, `18:30:00 -0500`, `18:30 UTC`.
    private static func clock(_ text: Substring) throws(Unreadable) -> (time: Double, offset: Double) {
        var time = text.filter { $0 != " " }[...]
        var offset = 0.0
        if let zone = ["Z", "z", "UTC", "GMT"].first(where: { time.hasSuffix($0) }) {
            time.removeLast(zone.count)
        } else if let sign = time.lastIndex(where: { $0 == "+" || $0 == "-" }) {
            let digits = time[time.index(after: sign)...].filter { $0 != ":" }
            guard digits.count == 2 || digits.count == 4, let number = Int(digits) else { throw Unreadable() }
            let (hours, minutes) = digits.count == 2 ? (number, 0) : (number / 100, number % 100)
            guard hours <= 15, minutes < 60 else { throw Unreadable(reason: "no place on earth is \(digits) from UTC") }
            offset = Double(hours * 3600 + minutes * 60) * (time[sign] == "-" ? -1 : 1)
            time = time[..<sign]
        }
        let fields = time.split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(fields.count) else { throw Unreadable() }
        let whole = try integers(Array(fields.prefix(2)))
        let seconds = fields.count == 3 ? Double(fields[2]) ?? .nan : 0
        guard seconds.isFinite else { throw Unreadable() }
        guard whole[0] < 24, whole[1] < 60, seconds >= 0, seconds < 60 else {
            throw Unreadable(reason: "a day ends at 23:59:59")
        }
        return (Double(whole[0] * 3600 + whole[1] * 60) + seconds, offset)
    }

    private static func integers(_ fields: [Substring]) throws(Unreadable) -> [Int] {
        var numbers: [Int] = []
        for field in fields {
            guard (1...4).contains(field.count), field.allSatisfy({ $0.isASCII && $0.isNumber }),
                let number = Int(field)
            else { throw Unreadable() }
            numbers.append(number)
        }
        return numbers
    }

    /// The date of the number 20240131, or the first day of the month 202401, of the years 1900 to 2100.
    static func compactDate(_ number: Double) -> Double? {
        guard number == number.rounded(), (190_001...21_001_231).contains(number) else { return nil }
        let whole = Int(number)
        let (year, month, day) =
            whole < 1_000_000 ? (whole / 100, whole % 100, 1) : (whole / 10_000, whole / 100 % 100, whole % 100)
        guard (1900...2100).contains(year), (1...12).contains(month), (1...days(inMonth: month, of: year)).contains(day)
        else { return nil }
        return seconds(year: year, month: month, day: day)
    }

    static func days(inMonth month: Int, of year: Int) -> Int { CivilDate.days(inMonth: month, of: year) }

    static func seconds(year: Int, month: Int, day: Int) -> Double {
        Double(CivilDate.days(year: year, month: month, day: day)) * 86_400
    }

    /// Whole days since 1970-01-01.
    static func day(_ seconds: Double) -> Int { Int((seconds / 86_400).rounded(.down)) }

    /// 0 for Monday.
    static func weekday(_ seconds: Double) -> Int { ((day(seconds) + 3) % 7 + 7) % 7 }

    static func date(_ seconds: Double) -> (year: Int, month: Int, day: Int) {
        let date = CivilDate(secondsSince1970: seconds)
        return (date.year, date.month, date.day)
    }
}
