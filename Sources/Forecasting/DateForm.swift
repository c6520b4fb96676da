internal import Basics

/// How the dates of a file are written.
public enum DateForm: Sendable, Hashable {
    /// `2024-01-31`, with a time of day if there is one.
    case day
    /// `2024-01`, `202401`.
    case month(separator: String)
    /// `2024Q1`, `2024-Q1`.
    case quarter(separator: String)

    /// The month or quarter of a moment; `nil` where days are written.
    public func text(_ seconds: Double) -> String? {
        let date = CivilDate(secondsSince1970: seconds).dateText
        let (year, month) = (date.dropLast(6), date.dropLast(3).suffix(2))
        switch self {
        case .day: return nil
        case .month(let separator): return year + separator + month
        case .quarter(let separator): return "\(year)\(separator)Q\(((Int(month) ?? 1) + 2) / 3)"
        }
    }
}
