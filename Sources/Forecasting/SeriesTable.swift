/// Equally spaced series read from a CSV file, in long or wide form.
///
/// Wide: one column is the time (`time`, `timestamp`, `date` or `ds`; without such a name the first), every other column a
/// series. Long: columns named `series` (or `id`, `unique_id`), `time` (or one of the others, or `step`) and `value` (or
/// `y`, `price`). Fields are separated by commas, semicolons or tabs.
///
/// Times are numbers, dates such as `2024-01-31`, `2024-01`, `2024Q1` and `20240131`, or `2024-01-31T18:30:00+01:00`, and
/// `1/31/2024` where some day above 12 shows the order of day and month; days
/// and longer steps are those of the clock on the wall. Steps are equal, calendar months (on one day, or the last) or the
/// days of a five- or six-day week. A step may be missing (its value is then missing), but steps may not change.
public struct SeriesTable: Sendable, Hashable {
    /// One series on the grid of its own times.
    public struct Series: Sendable, Hashable {
        public let name: String
        /// NaN where a value is missing.
        public let values: [Double]
        /// When they are.
        public let grid: TimeGrid

        /// Prices at every full hour from `start`, in Unix seconds.
        public init(hourlyPrices: [Double], from start: Double, name: String) {
            self.init(name: name, values: hourlyPrices, grid: TimeGrid(step: .equal(3600), start: start))
        }

        init(name: String, values: [Double], grid: TimeGrid) {
            (self.name, self.values, self.grid) = (name, values, grid)
        }
    }

    public let series: [Series]
    /// Times are dates, not plain numbers.
    public let isDated: Bool
    /// How the dates are written.
    public let dateForm: DateForm

    /// Reads the text of a CSV file.
    ///
    /// - Parameter file: Its name, for errors.
    /// - Throws: ``SeriesTableError`` that names line and column.
    public init(csv text: String, file: String) throws(SeriesTableError) {
        let text = text.hasPrefix("\u{FEFF}") ? text.dropFirst() : text[...]
        let texts = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        let separator = Self.separator(texts.first { !$0.isEmpty } ?? "")
        var lines = texts.enumerated()
            .map { Line(number: $0 + 1, fields: Self.fields($1, separator)) }.filter { $0.fields != [""] }
        guard lines.count >= 2 else { throw .empty(file) }
        let header = lines.removeFirst().fields
        guard header.count >= 2 else { throw .noValues(file) }
        for line in lines where line.fields.count != header.count {
            throw .fieldCount(file, line: line.number, found: line.fields.count, expected: header.count)
        }
        let lowered = header.map { $0.lowercased() }
        func column(_ names: [String]) -> Int? { lowered.firstIndex { names.contains($0) } }
        let named = column(["time", "timestamp", "date", "ds"])
        let longTime = named ?? column(["step"])
        let id = column(["series", "id", "unique_id", "series_id"])
        let value = column(["value", "y", "price", "price_per_hour"])
        let isLong = id != nil && longTime != nil && value != nil
        let time = isLong ? longTime ?? 0 : named ?? 0
        let (times, isDated) = try Self.times(lines, column: time, header[time], file)

        var rows: [String: [Row]] = [:]
        var order: [String] = []
        func add(_ name: String, _ place: Int, _ column: Int) throws(SeriesTableError) {
            let text = lines[place].fields[column]
            let decimal = separator == ";" ? text.replacing(",", with: ".", maxReplacements: 1) : text
            let isMissing = ["", "na", "n/a", "nan", "null", "none", "-", "."].contains(text.lowercased())
            guard let number = isMissing ? Double.nan : Double(decimal), !number.isInfinite else {
                throw .badValue(file, line: lines[place].number, column: header[column], found: text)
            }
            if rows[name] == nil { order.append(name) }
            rows[name, default: []].append(Row(line: lines[place].number, time: times[place], value: number))
        }
        if isLong, let id, let value {
            for place in lines.indices { try add(lines[place].fields[id], place, value) }
        } else {
            // A column without a name before that of the time is the row number that other programs write.
            for k in header.indices where k != time && !(header[k].isEmpty && named != nil) {
                for place in lines.indices { try add(header[k], place, k) }
            }
        }
        var series: [Series] = []
        for name in order {
            series.append(
                try Self.gridded(name, rows[name] ?? [], file: file, column: header[time], isDated: isDated))
        }
        guard !series.isEmpty else { throw .noValues(file) }
        (self.series, self.isDated) = (series, isDated)
        dateForm = isDated ? Self.form(lines.map { $0.fields[time] }) : .day
    }
}

private struct Line {
    let number: Int
    let fields: [String]
}

/// Seconds in UTC (or a number), and how far the clock on the wall is ahead.
private struct Moment {
    var seconds: Double
    var offset = 0.0
}

private struct Row {
    let line: Int
    let time: Moment
    let value: Double
}

extension SeriesTable {
    /// The times of all lines; whether they are dates.
    private static func times(
        _ lines: [Line], column: Int, _ name: String, _ file: String
    ) throws(SeriesTableError) -> ([Moment], isDated: Bool) {
        var times: [Moment] = []
        var isDated: Bool?
        let order = CivilTime.dayOrder(lines.lazy.map { $0.fields[column] })
        for line in lines {
            let text = line.fields[column]
            func bad(_ reason: String) -> SeriesTableError {
                .badTime(file, line: line.number, column: name, found: text, reason: reason)
            }
            do throws(CivilTime.Unreadable) {
                let (moment, isDate) =
                    switch try CivilTime.read(text, order) {
                    case .number(let number): (Moment(seconds: number), false)
                    case .date(let seconds, let offset): (Moment(seconds: seconds, offset: offset), true)
                    }
                guard isDated ?? isDate == isDate else { throw CivilTime.Unreadable() }
                isDated = isDate
                times.append(moment)
            } catch { throw bad(error.reason) }
        }
        if let line = lines.first, lines.allSatisfy({ CivilTime.isMonthBeforeYear($0.fields[column]) }) {
            throw .badTime(
                file, line: line.number, column: name, found: line.fields[column],
                reason: "a number would be meant by it. Write the year before the month: 2019-01")
        }
        guard isDated == false, let first = times.first, CivilTime.compactDate(first.seconds) != nil else {
            return (times, isDated ?? false)
        }
        // 20240131 and 202401 are dates, unless numbers go on evenly past the end of a month or year.
        let dates = times.map { CivilTime.compactDate($0.seconds) }
        guard let wrong = dates.firstIndex(of: nil) else { return (dates.map { Moment(seconds: $0 ?? .nan) }, true) }
        let distinct = Set(times.map(\.seconds)).sorted()
        let steps = zip(distinct.dropFirst(), distinct).map { $0 - $1 }
        guard let step = steps.first, steps.contains(where: { $0 != step }) else { return (times, false) }
        throw .badTime(
            file, line: lines[wrong].number, column: name, found: lines[wrong].fields[column],
            reason: "there is no such date, and the numbers have gaps. Write 2024-01-31 for a day, 2024-01 for a month")
    }

    /// That of months or quarters where all are.
    private static func form(_ texts: [String]) -> DateForm {
        let form = texts.first.flatMap { CivilTime.quarterForm($0) ?? CivilTime.monthForm($0) }
        guard let form, texts.allSatisfy({ CivilTime.quarterForm($0) ?? CivilTime.monthForm($0) == form }) else {
            return .day
        }
        return form
    }

    private static func gridded(
        _ name: String, _ rows: [Row], file: String, column: String, isDated: Bool
    ) throws(SeriesTableError) -> Series {
        var shortest = Double.infinity
        for (previous, next) in zip(rows, rows.dropFirst()) {
            let step = next.time.seconds - previous.time.seconds
            guard step != 0 else { throw .duplicateTime(file, line: next.line, series: name, column: column) }
            guard step > 0 else { throw .unordered(file, line: next.line, series: name, column: column) }
            shortest = min(shortest, step)
        }
        guard let first = rows.first, rows.count > 1 else {
            throw .oneRow(file, line: rows.first?.line ?? 1, series: name)
        }
        // Where clocks change, a day has 23 or 25 hours.
        let areDays = isDated && shortest > 20 * 3600
        let times = rows.map { $0.time.seconds + (areDays ? $0.time.offset : 0) }
        func changing(_ row: Row) -> SeriesTableError {
            let step =
                areDays ? "\(shortest / 86_400) days" : isDated ? "\(shortest) seconds" : "\(shortest)"
            return .changingStep(file, line: row.line, series: name, column: column, step: step)
        }
        guard let (grid, places) = TimeGrid.containing(times, areDates: isDated) else {
            throw changing(
                rows.first { TimeGrid.place($0.time.seconds - first.time.seconds, step: shortest) == nil } ?? first)
        }
        var values: [Double] = []
        for (row, place) in zip(rows, places) {
            guard place <= values.count + 1_000_000 else { throw changing(row) }
            while values.count < place { values.append(.nan) }
            values.append(row.value)
        }
        return Series(name: name, values: values, grid: grid)
    }

    /// Comma, semicolon or tab, whichever the header has most of.
    private static func separator(_ header: Substring) -> Character {
        let candidates: [Character] = [",", ";", "\t"]
        let counts = candidates.map { fields(header, $0).count }
        return candidates[counts.firstIndex(of: counts.max() ?? 0) ?? 0]
    }

    /// The fields of a line; quotes may hold separators.
    private static func fields(_ line: Substring, _ separator: Character) -> [String] {
        var (fields, field, quoted) = ([String](), "", false)
        for character in line {
            if character == "\"" {
                quoted.toggle()
            } else if character == separator, !quoted {
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
