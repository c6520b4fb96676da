import Basics

extension CivilDate {
    /// Seconds since 1970 of the first moment of a month; `month` counts from January of `year` and may exceed 12.
    static func seconds(year: Int, month: Int) -> Double {
        Double(days(year: year + (month - 1) / 12, month: (month - 1) % 12 + 1, day: 1)) * 86_400
    }

    var monthName: String {
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][month - 1]
    }

    /// `2024-03-01`, with the time of day unless it is midnight.
    var text: String {
        secondOfDay == 0 ? dateText : dateText + " " + clock(withSeconds: !secondOfDay.isMultiple(of: 60))
    }
}
