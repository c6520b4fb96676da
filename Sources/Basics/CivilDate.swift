/// A moment in the proleptic Gregorian calendar, UTC.
///
/// Source: Hinnant, *chrono-Compatible Low-Level Date Algorithms* (2013).
package struct CivilDate: Hashable, Sendable {
    package let year: Int
    /// 1...12
    package let month: Int
    /// 1...31
    package let day: Int
    package let secondOfDay: Int

    /// - Parameter seconds: Since 1970, of a size that whole days of it fit an `Int`.
    package init(secondsSince1970 seconds: Double) {
        let days = Int((seconds / 86_400).rounded(.down))
        secondOfDay = Int(seconds.rounded(.down)) - days * 86_400
        // Years that begin in March, eras of 400 of them.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Whole days from 1970-01-01 to a date; `month` is 1...12.
    package static func days(year: Int, month: Int, day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// How many days a month has.
    package static func days(inMonth month: Int, of year: Int) -> Int {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return switch month {
        case 2: isLeap ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// `2024-03-01`.
    package var dateText: String {
        let year = String(repeating: "0", count: max(0, 4 - String(year).count)) + String(year)
        return "\(year)-\(Self.padded(month))-\(Self.padded(day))"
    }

    /// `14:05`, or `14:05:30` with seconds.
    package func clock(withSeconds: Bool) -> String {
        let text = Self.padded(secondOfDay / 3600) + ":" + Self.padded(secondOfDay / 60 % 60)
        return withSeconds ? text + ":" + Self.padded(secondOfDay % 60) : text
    }

    private static func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
