/// Equally spaced series read from a CSV file, in long or wide form.
///
/// Wide: the first column is the time, every other column a series. Long: columns named `series` (or `id`,
/// `unique_id`), `time` (or `timestamp`, `date`, `ds`) and `value` (or `y`, `price`). Times are numbers, `2024-01-31` or
/// `2024-01-31T18:30:00`; a step may be missing (its value is then missing), but steps may not change.
public struct SeriesTable: Sendable, Hashable {
    /// One series on the grid of its own times.
    public struct Series: Sendable, Hashable {
        public let name: String
        /// NaN where a value is missing.
        public let values: [Double]
        /// Time of the first value: Unix seconds, or the number in the file.
        public let start: Double
        /// Time from one value to the next; for months, their mean length.
        public let step: Double
        /// Steps are this many calendar months; 0 where they are of equal length.
        public let months: Int

        init(name: String, values: [Double], start: Double, step: Double, months: Int) {
            (self.name, self.values, self.start, self.step, self.months) = (name, values, start, step, months)
        }

        /// Prices at every full hour from `start`, in Unix seconds.
        public init(hourlyPrices: [Double], from start: Double, name: String) {
            self.init(name: name, values: hourlyPrices, start: start, step: 3600, months: 0)
        }

        /// Time of a step, also beyond the end.
        public func time(_ index: Int) -> Double {
            guard months > 0 else { return start + step * Double(index) }
            let (year, month, day) = CivilTime.date(start)
            let total = (year * 12 + month - 1) + months * index
            return CivilTime.seconds(year: total / 12, month: total % 12 + 1, day: day)
        }
    }

    public let series: [Series]
    /// Times are dates, not plain numbers.
    public let isDated: Bool

    /// Reads the text of a CSV file.
    ///
    /// - Parameter file: Its name, for errors.
    /// - Throws: ``SeriesTableError`` that names line and column.
    public init(csv text: String, file: String) throws(SeriesTableError) {
        var lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
            .map { (number: $0 + 1, fields: Self.fields($1)) }.filter { $0.fields != [""] }
        guard lines.count >= 2 else { throw .empty(file) }
        let header = lines.removeFirst().fields
        let lowered = header.map { $0.lowercased() }
        func column(_ names: [String]) -> Int? { lowered.firstIndex { names.contains($0) } }
        var rows: [String: [(line: Int, time: Double, value: Double)]] = [:]
        var order: [String] = []
        var dated: Bool?
        func add(_ name: String, _ line: Int, _ time: String, _ value: String, _ label: String) throws(SeriesTableError)
        {
            guard let (moment, isDate) = CivilTime.parse(time) else { throw .badTime(file, line: line, found: time) }
            guard dated ?? isDate == isDate else { throw .badTime(file, line: line, found: time) }
            dated = isDate
            let isMissing = ["", "na", "nan", "null", "-"].contains(value.lowercased())
            guard let number = isMissing ? Double.nan : Double(value), !number.isInfinite else {
                throw .badValue(file, line: line, column: label, found: value)
            }
            if rows[name] == nil { order.append(name) }
            rows[name, default: []].append((line, moment, number))
        }
        let idColumn = column(["series", "id", "unique_id", "series_id"])
        if let id = idColumn, let time = column(["time", "timestamp", "date", "ds", "step"]),
            let value = column(["value", "y", "price", "price_per_hour"])
        {
            for (number, fields) in lines {
                guard fields.count == header.count else {
                    throw .fieldCount(file, line: number, found: fields.count, expected: header.count)
                }
                try add(fields[id], number, fields[time], fields[value], header[value])
            }
        } else {
            guard header.count >= 2 else { throw .noValues(file) }
            for (number, fields) in lines {
                guard fields.count == header.count else {
                    throw .fieldCount(file, line: number, found: fields.count, expected: header.count)
                }
                for k in 1..<header.count { try add(header[k], number, fields[0], fields[k], header[k]) }
            }
        }
        var series: [Series] = []
        for name in order { series.append(try Self.gridded(name, rows[name] ?? [], file: file, dated: dated ?? false)) }
        (self.series, isDated) = (series, dated ?? false)
    }

    private static func gridded(
        _ name: String, _ rows: [(line: Int, time: Double, value: Double)], file: String, dated: Bool
    ) throws(SeriesTableError) -> Series {
        var steps: [Double] = []
        for (previous, next) in zip(rows, rows.dropFirst()) {
            guard next.time != previous.time else { throw .duplicateTime(file, line: next.line, series: name) }
            guard next.time > previous.time else { throw .unordered(file, line: next.line, series: name) }
            steps.append(next.time - previous.time)
        }
        let start = rows.first?.time ?? 0
        guard let step = steps.min() else {
            return Series(name: name, values: rows.map(\.value), start: start, step: 1, months: 0)
        }
        if dated, step >= 28 * 86_400, let months = CivilTime.months(rows.map(\.time)) {
            var values: [Double] = []
            for (row, place) in zip(rows, months.places) {
                while values.count < place { values.append(.nan) }
                values.append(row.value)
            }
            return Series(name: name, values: values, start: start, step: step, months: months.step)
        }
        var values: [Double] = []
        for row in rows {
            let place = (row.time - start) / step
            guard abs(place - place.rounded()) < 1e-3, place < 1e8 else {
                throw .changingStep(file, line: row.line, series: name, step: step)
            }
            guard Int(place.rounded()) <= values.count + 1_000_000 else {
                throw .changingStep(file, line: row.line, series: name, step: step)
            }
            while values.count < Int(place.rounded()) { values.append(.nan) }
            values.append(row.value)
        }
        return Series(name: name, values: values, start: start, step: step, months: 0)
    }

    /// The fields of a line; quotes may hold commas.
    private static func fields(_ line: Substring) -> [String] {
        var (fields, field, quoted) = ([String](), "", false)
        for character in line {
            if character == "\"" {
                quoted.toggle()
            } else if character == ",", !quoted {
                fields.append(field)
                field = ""
            } else if character != "\r" {
                field.append(character)
            }
        }
        fields.append(field)
        return fields.map { String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
    }
}

/// Why a CSV file is not a table of equally spaced series.
public enum SeriesTableError: Error, Hashable, CustomStringConvertible {
    case empty(String)
    case noValues(String)
    case fieldCount(String, line: Int, found: Int, expected: Int)
    case badTime(String, line: Int, found: String)
    case badValue(String, line: Int, column: String, found: String)
    case duplicateTime(String, line: Int, series: String)
    case unordered(String, line: Int, series: String)
    case changingStep(String, line: Int, series: String, step: Double)

    /// Where, what was found, what was expected, what to do.
    public var description: String {
        switch self {
        case .empty(let file): "\(file): no data. Expected a header line and at least one row."
        case .noValues(let file): "\(file): one column only. Expected a time column and a column for each series."
        case .fieldCount(let file, let line, let found, let expected):
            "\(file):\(line): \(found) fields, the header has \(expected). Check for a truncated line or a stray comma."
        case .badTime(let file, let line, let found):
            "\(file):\(line): '\(found)' is not a time. Write 2024-01-31, 2024-01-31T18:00:00 or a number, the same way in all rows."
        case .badValue(let file, let line, let column, let found):
            "\(file):\(line), column '\(column)': '\(found)' is not a finite number. Leave the field empty where a value is missing."
        case .duplicateTime(let file, let line, let series):
            "\(file):\(line): the time of series '\(series)' repeats. Keep one row for each time."
        case .unordered(let file, let line, let series):
            "\(file):\(line): series '\(series)' goes back in time. Sort the file by time."
        case .changingStep(let file, let line, let series, let step):
            "\(file):\(line): series '\(series)' leaves its grid of \(step) per step. Resample it to equal steps; missing ones may be left out."
        }
    }
}

/// Dates without a time zone (UTC), as Unix seconds.
enum CivilTime {
    /// A number as it is, or a date; the flag says which.
    static func parse(_ text: String) -> (value: Double, isDate: Bool)? {
        if let number = Double(text) { return number.isFinite ? (number, false) : nil }
        let parts = text.split { $0 == "T" || $0 == " " }
        guard let date = parts.first, parts.count <= 2 else { return nil }
        let numbers = date.split(separator: "-").map { Int($0) ?? -1 }
        guard numbers.count == 3, (1...9999).contains(numbers[0]), (1...12).contains(numbers[1]),
            (1...31).contains(numbers[2])
        else { return nil }
        var seconds = Self.seconds(year: numbers[0], month: numbers[1], day: numbers[2])
        if parts.count == 2 {
            var clock = parts[1]
            if clock.hasSuffix("Z") { clock.removeLast() }
            if clock.hasSuffix("+00:00") { clock.removeLast(6) }
            let fields = clock.split(separator: ":").map { Double($0) ?? -1 }
            guard (2...3).contains(fields.count), fields.allSatisfy({ $0 >= 0 && $0 < 61 }) else { return nil }
            seconds += fields[0] * 3600 + fields[1] * 60 + (fields.count == 3 ? fields[2] : 0)
        }
        return (seconds, true)
    }

    /// Source: Howard Hinnant, *chrono-compatible low-level date algorithms*.
    static func seconds(year: Int, month: Int, day: Int) -> Double {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return Double(era * 146_097 + dayOfEra - 719_468) * 86_400
    }

    static func date(_ seconds: Double) -> (year: Int, month: Int, day: Int) {
        let days = Int((seconds / 86_400).rounded(.down)) + 719_468
        let era = (days >= 0 ? days : days - 146_096) / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }

    /// Places on a grid of whole months, if all times fall on one.
    static func months(_ times: [Double]) -> (places: [Int], step: Int)? {
        let dates = times.map(date)
        guard let first = dates.first, dates.allSatisfy({ $0.day == first.day }) else { return nil }
        let counts = dates.map { ($0.year - first.year) * 12 + $0.month - first.month }
        let step = zip(counts.dropFirst(), counts).map { $0 - $1 }.min() ?? 1
        guard step > 0, counts.allSatisfy({ $0 % step == 0 }) else { return nil }
        return (counts.map { $0 / step }, step)
    }
}
