/// `2021-05-31T01:20:05+00:00` for whole Unix seconds of the years 0 to 9999.
package func iso8601(seconds: Int) -> String {
    let day = Int((Double(seconds) / 86400).rounded(.down))
    let rest = seconds - day * 86400
    // Hinnant, chrono-Compatible Low-Level Date Algorithms: years that begin in March, eras of 400 of them.
    let shifted = day + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let march = (5 * dayOfYear + 2) / 153
    let month = march < 10 ? march + 3 : march - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(year)-\(two(month))-\(two(dayOfYear - (153 * march + 2) / 5 + 1))"
        + "T\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60))+00:00"
}
