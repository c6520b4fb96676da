import Forecasting
import Foundation
import LinearAlgebra
import Testing

@Suite("Series tables") struct SeriesTableTests {
    @Test("wide and long files give the same series; a missing step is a missing value")
    func forms() throws {
        let wide = "time,a,b\n2024-01-01T00:00:00,1,2\n2024-01-01T01:00:00,,3\n2024-01-01T03:00:00,4,5\n"
        let long =
            "series,time,value\na,2024-01-01 00:00,1\na,2024-01-01 01:00,NA\na,2024-01-01 03:00,4\n"
            + "b,2024-01-01 00:00,2\nb,2024-01-01 01:00,3\nb,2024-01-01 03:00,5\n"
        let german = "\u{FEFF}Zeit;a;b\r\n2024-01-01 00:00;1,0;2\r\n2024-01-01 01:00;;3\r\n2024-01-01 03:00;4,0;5\r\n"
        let pandas = ",b,ds,a\n0,2,2024-01-01 00:00,1\n1,3,2024-01-01 01:00,\n2,5,2024-01-01 03:00,4\n"
        for text in [wide, long, german, pandas, wide.replacing(",", with: "\t")] {
            let table = try SeriesTable(csv: text, file: "t")
            #expect(table.series.map(\.name).sorted() == ["a", "b"])
            let b = try #require(table.series.first { $0.name == "b" })
            #expect(b.values.map { $0.isNaN ? -1 : $0 } == [2, 3, -1, 5])
            #expect(b.grid.step == .equal(3600))
            #expect(b.grid.time(4) - b.grid.start == 4 * 3600)
        }
    }

    /// The times that follow, as dates.
    private func following(_ times: [String], season: Int, missing: Int = 0) throws -> [String] {
        let rows = times.enumerated().map { "\($1),\($0)" }
        let series = try #require(
            try SeriesTable(csv: "time,y\n" + rows.joined(separator: "\n"), file: "f").series.first)
        #expect(series.grid.usualSeason == season)
        #expect(series.values.count { $0.isNaN } == missing)
        return (0..<3).map {
            String(
                Date(timeIntervalSince1970: series.grid.time(series.values.count + $0)).formatted(.iso8601).prefix(10))
        }
    }

    @Test(
        "months go on as they are written",
        arguments: [
            (["2023-10-31", "2023-11-30", "2023-12-31"], ["2024-01-31", "2024-02-29", "2024-03-31"]),
            (["2023-10-30", "2023-11-30", "2023-12-30"], ["2024-01-30", "2024-02-29", "2024-03-30"]),
            (["2023-11-30", "2023-12-30"], ["2024-01-30", "2024-02-29", "2024-03-30"]),
            (["2023-11-01", "2023-12-01"], ["2024-01-01", "2024-02-01", "2024-03-01"]),
            (["2023-11", "2023-12"], ["2024-01-01", "2024-02-01", "2024-03-01"]),
            (["202311", "202312"], ["2024-01-01", "2024-02-01", "2024-03-01"]),
            (["2023/11/1", "2023/12/1"], ["2024-01-01", "2024-02-01", "2024-03-01"]),
            // The last and first days of trade.
            (["2023-08-31", "2023-09-29", "2023-10-31"], ["2023-11-30", "2023-12-29", "2024-01-31"]),
            (["2023-09-01", "2023-10-02", "2023-11-01"], ["2023-12-01", "2024-01-01", "2024-02-01"]),
            // Midnight in a place where clocks change.
            (
                ["2023-10-01T00:00:00+02:00", "2023-11-01T00:00:00+01:00", "2023-12-01T00:00:00+01:00"],
                ["2024-01-01", "2024-02-01", "2024-03-01"]
            ),
        ])
    func months(times: [String], next: [String]) throws {
        #expect(try following(times, season: 12) == next)
    }

    @Test(
        "quarters and years go on as they are written",
        arguments: [
            (["2023-09-30", "2023-12-31"], 4, ["2024-03-31", "2024-06-30", "2024-09-30"]),
            (["2023Q3", "2023Q4"], 4, ["2024-01-01", "2024-04-01", "2024-07-01"]),
            (["2023-Q3", "2023-Q4"], 4, ["2024-01-01", "2024-04-01", "2024-07-01"]),
            (["2021-02-28", "2022-02-28"], 1, ["2023-02-28", "2024-02-29", "2025-02-28"]),
        ])
    func quarters(times: [String], season: Int, next: [String]) throws {
        #expect(try following(times, season: season) == next)
    }

    @Test(
        "day and month are told apart by the days above 12",
        arguments: [
            (["12/31/2018", "1/31/2019"], ["2019-02-28", "2019-03-31", "2019-04-30"]),
            (["31.12.2018", "31.1.2019"], ["2019-02-28", "2019-03-31", "2019-04-30"]),
            (["31-12-2018 00:00", "31-01-2019 00:00"], ["2019-02-28", "2019-03-31", "2019-04-30"]),
            (["1/12/2019", "1/13/2019", "1/14/2019"], ["2019-01-15", "2019-01-16", "2019-01-17"]),
            (["12/1/2019", "13/1/2019", "14/1/2019"], ["2019-01-15", "2019-01-16", "2019-01-17"]),
        ])
    func yearLast(times: [String], next: [String]) throws {
        #expect(try following(times, season: times.count == 2 ? 12 : 7) == next)
    }

    @Test(
        "months and quarters are written as they were",
        arguments: [
            (["2023-11", "2023-12"], "2024-01"), (["2023/11", "2023/12"], "2024/01"), (["202311", "202312"], "202401"),
            (["2023Q3", "2023Q4"], "2024Q1"), (["2023-Q1", "2023-Q3"], "2024-Q1"), (["2023 q3", "2023 q4"], "2024 Q1"),
            (["2023-11-01", "2023-12-01"], nil), (["2023Q3", "2023-Q4"], nil), (["2023-09", "2023Q4"], nil),
        ])
    func dateForms(times: [String], next: String?) throws {
        let table = try SeriesTable(csv: "t,y\n" + times.map { "\($0),1\n" }.joined(), file: "f")
        #expect(table.dateForm.text(table.series[0].grid.time(2)) == next)
    }

    @Test("days go on past the ends of months, and where clocks change")
    func days() throws {
        let compact = (15...31).map { "202401\($0)" } + ["20240201"]
        #expect(try following(compact, season: 7) == ["2024-02-02", "2024-02-03", "2024-02-04"])
        let clocks = [
            "2024-03-30T00:00+01:00", "2024-03-31T00:00+01:00", "2024-04-01T00:00+02:00", "2024-04-02T00:00+02:00",
        ]
        #expect(try following(clocks, season: 7) == ["2024-04-03", "2024-04-04", "2024-04-05"])
        let hours = try SeriesTable(
            csv: "t,y\n2024-03-31T01:00+01:00,1\n2024-03-31T03:00+02:00,2\n2024-03-31T04:00:00+0200,3\n", file: "f")
        #expect(hours.series[0].values == [1, 2, 3])
        #expect(hours.series[0].grid.start == 1_711_843_200)
    }

    @Test("five-day weeks have no weekends; a holiday is a missing value")
    func weekdays() throws {
        // From Thursday to Tuesday; then four weeks without a Wednesday.
        let few = ["2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09"]
        #expect(try following(few, season: 5) == ["2024-01-10", "2024-01-11", "2024-01-12"])
        let january = (1...26).filter { $0 % 7 != 6 && $0 % 7 != 0 }
        let holiday = january.filter { $0 != 17 }.map { "2024-01-" + ($0 < 10 ? "0\($0)" : "\($0)") }
        #expect(try following(holiday, season: 5, missing: 1) == ["2024-01-29", "2024-01-30", "2024-01-31"])
        // Sunday to Thursday, and without Sundays.
        let early = (1...25).filter { $0 % 7 != 5 && $0 % 7 != 6 }.map { "2024-01-" + ($0 < 10 ? "0\($0)" : "\($0)") }
        #expect(try following(early, season: 5) == ["2024-01-28", "2024-01-29", "2024-01-30"])
        let shop = (1...27).filter { $0 % 7 != 0 }.map { "2024-01-" + ($0 < 10 ? "0\($0)" : "\($0)") }
        #expect(try following(shop, season: 6) == ["2024-01-29", "2024-01-30", "2024-01-31"])
        // Every day, with a gap that happens to be a weekend; before 1970 too.
        let whole = (1...17).filter { $0 != 6 && $0 != 7 }.map { "1968-01-" + ($0 < 10 ? "0\($0)" : "\($0)") }
        #expect(try following(whole, season: 7, missing: 2) == ["1968-01-18", "1968-01-19", "1968-01-20"])
        let old = (2...12).filter { $0 != 7 && $0 != 8 }.map { "1961-01-" + ($0 < 10 ? "0\($0)" : "\($0)") }
        #expect(try following(old, season: 5) == ["1961-01-13", "1961-01-16", "1961-01-17"])
    }

    @Test("numbers that look like dates stay numbers where they go on evenly")
    func counters() throws {
        let rows = (0..<40).map { "\(20_240_101 + $0),\($0)" }.joined(separator: "\n")
        let table = try SeriesTable(csv: "t,y\n" + rows, file: "f")
        #expect(!table.isDated)
        #expect(table.series[0].values.count == 40)
    }

    @Test(
        "errors name line and column",
        arguments: [
            ("", "empty"), ("t,a\n", "no data"), ("t\n1\n2\n", "one column"), ("t,a\n1,2\n1,3\n", "repeats"),
            ("age,a\n2,2\n1,3\n", "Column 'age' was taken as its time"),
            ("t,a\n1,2\n2,3\n3.5,4\n", "f:4: series 'a' leaves"),
            ("t,a\n1,x\n2,3\n", "f:2, column 'a'"),
            ("t,a\n1,2,3\n2,3\n", "3 fields"), ("t,a\nmonday,2\n2,3\n", "not a time"),
            ("t,a\n1,inf\n2,3\n", "not a finite"),
            ("t,a\n1,2\n2024-01-01,3\n", "f:3: '2024-01-01' in column 't'"),
            (
                "t,a\n2024-02-29,1\n2024-02-30,2\n",
                "f:3: '2024-02-30' in column 't' is not a time: that month has 29 days"
            ),
            ("t,a\n2023-02-29,1\n", "28 days"), ("t,a\n2024-13-01,1\n", "no month 13"),
            ("t,a\n2024-01-01T24:00,1\n", "ends at 23:59:59"), ("t,a\n2024-01-01T10:60,1\n", "23:59:59"),
            ("t,a\n2024-01-01T10:00+99:00,1\n", "no place on earth"), ("t,a\n1/2/1949,1\n", "Write the year first"),
            ("t,a\n1/2/1949,1\n2/2/1949,2\n", "f:2: '1/2/1949'"), ("t,a\n1/13/1949,1\n13/1/1949,2\n", "year first"),
            ("t,a\n1/31/2019,1\n2/31/2019,2\n", "f:3: '2/31/2019' in column 't' is not a time: that month has 28 days"),
            ("t,a\n20240131,1\n20240132,2\n20240201,3\n", "f:3: '20240132'"),
            ("t;a\n01.2019;1,5\n02.2019;2,5\n", "f:2: '01.2019' in column 't' is not a time"),
            ("t,a\n202411,1\n202413,2\n202414,3\n", "f:3: '202413'"),
            ("t,a\n2024-01-01,1\n", "one row only"), ("t,a\n2024Q5,1\n", "not a time"),
            ("t,a\n2024-01-01,1\n2024-01-15,2\n2024-03-01,3\n", "14.0 days per step"),
        ])
    func errors(text: String, part: String) {
        do throws(SeriesTableError) {
            _ = try SeriesTable(csv: text, file: "f")
            Issue.record("accepted: \(text)")
        } catch { #expect("\(error)".contains(part) || part == "empty", "\(error)") }
    }

    @Test("any text is a table or an error")
    func hostile() {
        let usual = "id,ds,y\na,2024-01-31T10:00:00+01:00,1\na,2024-02-29T10:00:00+01:00,2\nb,202401,3\nb,2024Q2,4\n"
        let pieces = [
            "\u{FEFF}", ";", ",", "\n", "\"", "T", "-", "+", ":", "9", "0", "Q", "e", "é", " ", "/", "Z", "1e300",
        ]
        for seed in 0..<UInt64(400) {
            var generator = SeededGenerator(seed: seed, stream: 13)
            var text = Array(seed % 4 == 0 ? "t,y\n12/31/2018,1\n1/31/2019 10:00,2\n2/28/2019,3\n" : usual)
            for _ in 0...generator.nextInt(below: 4) {
                let place = generator.nextInt(below: text.count)
                let piece = Array(pieces[generator.nextInt(below: pieces.count)])
                if generator.nextInt(below: 2) == 0 { text.remove(at: place) }
                text.insert(contentsOf: piece, at: min(place, text.count))
            }
            if let table = try? SeriesTable(csv: String(text), file: "f") {
                for one in table.series { #expect(one.grid.time(one.values.count).isFinite) }
            }
        }
    }
}
