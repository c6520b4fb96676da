/// A moment in the proleptic Gregorian calendar, UTC.
///
/// Source: Hinnant, *chrono-Compatible Low-Level Date Algorithms* (2013).
struct CivilDate {
    let year: Int
    /// 1...12
    let month: Int
    /// 1...31
    let day: Int
    let secondOfDay: Int

    /// - Precondition: `Quantity.date.accepts(seconds)`.
    init(secondsSince1970 seconds: Double) {
        let whole = Int(seconds.rounded(.down))
        let days = whole >= 0 ? whole / 86_400 : (whole - 86_399) / 86_400
        secondOfDay = whole - days * 86_400
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

    /// Seconds since 1970 of the first moment of a month; `month` counts from January of `year` and may exceed 12.
    static func seconds(year: Int, month: Int) -> Double {
        let year = year + (month - 1) / 12
        let month = (month - 1) % 12 + 1
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return Double(era * 146_097 + dayOfEra - 719_468) * 86_400
    }

    var monthName: String {
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][month - 1]
    }

    /// `14:05`, or `14:05:30` with seconds.
    func clock(withSeconds: Bool) -> String {
        let text = Self.padded(secondOfDay / 3600) + ":" + Self.padded(secondOfDay / 60 % 60)
        return withSeconds ? text + ":" + Self.padded(secondOfDay % 60) : text
    }

    /// `2024-03-01`, with the time of day unless it is midnight.
    var text: String {
        let year = String(repeating: "0", count: max(0, 4 - String(year).count)) + String(year)
        let date = "\(year)-\(Self.padded(month))-\(Self.padded(day))"
        return secondOfDay == 0 ? date : date + " " + clock(withSeconds: !secondOfDay.isMultiple(of: 60))
    }

    private static func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
