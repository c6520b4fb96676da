/// When the values of a series are: equal steps, calendar months, or some days of the week.
public struct TimeGrid: Sendable, Hashable {
    /// How one time follows another.
    public enum Step: Sendable, Hashable {
        /// Seconds, or the unit of numbers in a file.
        case equal(Double)
        /// So many calendar months.
        case months(Int)
        /// Days, but only those that have values; 0 is Monday.
        case weekdays([Int])
    }

    public let step: Step
    /// The first time: Unix seconds, or a number.
    public let start: Double
    /// Of steps of months.
    private let monthDay: MonthDay

    init(step: Step, start: Double, monthDay: MonthDay = .day(1)) {
        (self.step, self.start, self.monthDay) = (step, start, monthDay)
    }

    /// Time from one value to the next, on average.
    public var meanStep: Double {
        switch step {
        case .equal(let length): length
        case .months(let count): Double(count) * 365.2425 / 12 * 86_400
        case .weekdays(let days): 7 * 86_400 / Double(days.count)
        }
    }

    /// Length in steps of the season that such series usually have; 1 for none.
    public var usualSeason: Int {
        switch step {
        case .equal(3600): 24
        case .equal(1800): 48
        case .equal(86_400): 7
        case .equal: 1
        case .months(let count): 12 % count == 0 ? 12 / count : 1
        case .weekdays(let days): days.count
        }
    }

    /// Time of a step, also beyond the end.
    public func time(_ index: Int) -> Double {
        switch step {
        case .equal(let length): return start + length * Double(index)
        case .months(let count):
            let (year, month, _) = CivilTime.date(start)
            let total = year * 12 + month - 1 + count * index
            let day = monthDay.day(year: total / 12, month: total % 12 + 1)
            return CivilTime.seconds(year: total / 12, month: total % 12 + 1, day: day) + timeOfDay
        case .weekdays(let days):
            let place = Self.place(start, on: days) + index
            let week = (Double(place) / Double(days.count)).rounded(.down)
            let day = Int(week) * 7 - 3 + days[place - Int(week) * days.count]
            return Double(day) * 86_400 + timeOfDay
        }
    }

    private var timeOfDay: Double { start - Double(CivilTime.day(start)) * 86_400 }

    /// Days of `weekdays` from Monday, 1969-12-29, to the day of `time`, which is one of them.
    private static func place(_ time: Double, on weekdays: [Int]) -> Int {
        let weekday = CivilTime.weekday(time)
        let week = (CivilTime.day(time) + 3 - weekday) / 7
        return week * weekdays.count + (weekdays.firstIndex(of: weekday) ?? 0)
    }
}

/// The day of a month on which a series has its value.
enum MonthDay: Sendable, Hashable {
    /// This one, or the last of a shorter month.
    case day(Int)
    /// The first or last day that is neither Saturday nor Sunday.
    case firstWeekday, lastWeekday

    func day(year: Int, month: Int) -> Int {
        let length = CivilTime.days(inMonth: month, of: year)
        func weekday(_ day: Int) -> Int { CivilTime.weekday(CivilTime.seconds(year: year, month: month, day: day)) }
        switch self {
        case .day(let day): return min(day, length)
        case .firstWeekday: return 1 + [0, 0, 0, 0, 0, 2, 1][weekday(1)]
        case .lastWeekday: return length - max(weekday(length) - 4, 0)
        }
    }
}

extension TimeGrid {
    /// The grid of increasing times, and the place of each on it; `nil` if they have none in common.
    ///
    /// - Parameter areDates: Times are Unix seconds, not plain numbers.
    static func containing(_ times: [Double], areDates: Bool) -> (grid: TimeGrid, places: [Int])? {
        if areDates, let found = months(times) ?? weekdays(times) { return found }
        guard let start = times.first, let step = zip(times.dropFirst(), times).map({ $0 - $1 }).min() else {
            return nil
        }
        let places = times.compactMap { place($0 - start, step: step) }
        return places.count == times.count ? (TimeGrid(step: .equal(step), start: start), places) : nil
    }

    /// How many equal steps a time is; `nil` for no whole number of them.
    static func place(_ time: Double, step: Double) -> Int? {
        let place = time / step
        return step > 0 && abs(place - place.rounded()) < 1e-3 && place < 1e8 ? Int(place.rounded()) : nil
    }

    private static func months(_ times: [Double]) -> (TimeGrid, [Int])? {
        let dates = times.map(CivilTime.date)
        guard let first = dates.first, let largest = dates.map(\.day).max(), haveOneTimeOfDay(times) else { return nil }
        let counts = dates.map { ($0.year - first.year) * 12 + $0.month - first.month }
        guard let step = zip(counts.dropFirst(), counts).map({ $0 - $1 }).min(), step > 0,
            counts.allSatisfy({ $0 % step == 0 }),
            let day = [.day(31), .day(largest), .lastWeekday, .firstWeekday].first(where: { (rule: MonthDay) in
                dates.allSatisfy { $0.day == rule.day(year: $0.year, month: $0.month) }
            })
        else { return nil }
        return (TimeGrid(step: .months(step), start: times[0], monthDay: day), counts.map { $0 / step })
    }

    /// Days of five- and six-day weeks: over two weeks or more the others have no value, or none has one on the weekends.
    private static func weekdays(_ times: [Double]) -> (TimeGrid, [Int])? {
        guard let first = times.first, let last = times.last, haveOneTimeOfDay(times),
            zip(times.dropFirst(), times).contains(where: { $0 - $1 == 86_400 })
        else { return nil }
        var days = Set(times.map(CivilTime.weekday)).sorted()
        let span = CivilTime.day(last) - CivilTime.day(first)
        if days.allSatisfy({ $0 < 5 }), CivilTime.weekday(first) + span >= 7 { days = Array(0..<5) }
        guard days.count == 5 || days.count == 6, span >= 14 || days == Array(0..<5) else { return nil }
        let origin = place(first, on: days)
        let places = times.map { place($0, on: days) - origin }
        // Fewer values than that are a sparse series, not one of such weeks.
        guard let end = places.last, Double(times.count) > 0.7 * Double(end + 1) else { return nil }
        return (TimeGrid(step: .weekdays(days), start: first), places)
    }

    private static func haveOneTimeOfDay(_ times: [Double]) -> Bool {
        guard let first = times.first else { return false }
        return times.allSatisfy { ($0 - first).truncatingRemainder(dividingBy: 86_400) == 0 }
    }
}
