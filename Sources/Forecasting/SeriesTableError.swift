/// Why a CSV file is not a table of equally spaced series.
public enum SeriesTableError: Error, Hashable, CustomStringConvertible {
    case empty(String)
    case noValues(String)
    case fieldCount(String, line: Int, found: Int, expected: Int)
    /// The reason is empty for a text that is no date at all.
    case badTime(String, line: Int, column: String, found: String, reason: String)
    case badValue(String, line: Int, column: String, found: String)
    case duplicateTime(String, line: Int, series: String, column: String)
    case unordered(String, line: Int, series: String, column: String)
    case oneRow(String, line: Int, series: String)
    case changingStep(String, line: Int, series: String, column: String, step: String)

    /// Where, what was found, what was expected, what to do.
    public var description: String {
        switch self {
        case .empty(let file): "\(file): no data. Expected a header line and at least one row."
        case .noValues(let file): "\(file): one column only. Expected a time column and a column for each series."
        case .fieldCount(let file, let line, let found, let expected):
            "\(file):\(line): \(found) fields, the header has \(expected). Check for a truncated line or a stray comma."
        case .badTime(let file, let line, let column, let found, let reason):
            "\(file):\(line): '\(found)' in column '\(column)' is not a time"
                + (reason.isEmpty
                    ? ". Write 2024-01-31, 2024-01, 2024Q1, 2024-01-31T18:00:00 or a number, the same way in all rows."
                    : ": \(reason).")
        case .badValue(let file, let line, let column, let found):
            "\(file):\(line), column '\(column)': '\(found)' is not a finite number. Leave the field empty where a value is missing."
        case .duplicateTime(let file, let line, let series, let column):
            "\(file):\(line): the time of series '\(series)' repeats (column '\(column)'). Keep one row for each time."
        case .unordered(let file, let line, let series, let column):
            "\(file):\(line): series '\(series)' goes back in time. Column '\(column)' was taken as its time: sort the file by it, or put the time into the first column."
        case .oneRow(let file, let line, let series):
            "\(file):\(line): series '\(series)' has one row only, which does not tell the time from one value to the next. Give two rows or more."
        case .changingStep(let file, let line, let series, let column, let step):
            "\(file):\(line): series '\(series)' leaves its grid of \(step) per step (column '\(column)'). Resample it to equal steps; missing ones may be left out."
        }
    }
}
