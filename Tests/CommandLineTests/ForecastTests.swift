import Foundation
import Testing

@Suite("Forecasts", .enabled(if: Terminal.isBuilt, "build the release binary first, or name one in ALMANAC_BINARY"))
struct ForecastTests {
    private let terminal: Terminal

    init() throws {
        terminal = try Terminal()
        // Weekdays of 2024 with a day off; 'b' starts later, 'c' never.
        var text = "day,a,b,c\n"
        for day in 1...60 where day % 7 != 6 && day % 7 != 0 && day != 17 {
            let date = day < 32 ? "2024-01-\(day < 10 ? "0" : "")\(day)" : "2024-02-\(day < 41 ? "0" : "")\(day - 31)"
            text += "\(date),\(10 + day % 7 + day / 20),\(day < 30 ? "" : "\(20 + day % 7)"),\n"
        }
        try terminal.write(text, to: "days.csv")
    }

    @Test("go on as the file does, into a table, a file and a picture of every series")
    func outputs() throws {
        let answer = try terminal.almanac(
            "forecast", "days.csv", "--horizon", "7d", "--output", "next.csv", "--plot", "all.html")
        #expect(answer.exitCode == 0, "\(answer.errors)")
        #expect(answer.errors.contains("c: no value is known"))
        #expect(answer.errors.contains("b: 21 of 44 values are missing"))
        let lines = terminal.lines("next.csv")
        #expect(lines.first == "series,time,mean,lower_80,upper_80,lower_95,upper_95")
        #expect(
            lines.dropFirst().map { $0.split(separator: ",").prefix(2).joined(separator: " ") }
                == ["a", "b"].flatMap { name in
                    ["2024-03-01", "2024-03-04", "2024-03-05", "2024-03-06", "2024-03-07"].map { "\"\(name)\" \($0)" }
                })
        #expect(lines.dropFirst().allSatisfy { $0.split(separator: ",").count == 7 })
        let page = String(decoding: try terminal.data("all.html"), as: UTF8.self)
        #expect(page.components(separatedBy: "<svg").count == 3)
        let piped = try terminal.shell("almanac forecast - --horizon 7d --json < days.csv")
        #expect(piped.objects.map { $0["series"] as? String } == ["a", "b"], "\(piped.errors)")
    }

    @Test("an evaluation of a series with an early gap, and anomalies by date")
    func evaluation() throws {
        let answer = try terminal.almanac("evaluate", "forecast", "days.csv", "--horizon", "2", "--models", "ets")
        #expect(answer.exitCode == 0, "\(answer.errors)")
        #expect(answer.output.contains("ets"))
        var text = "time,y\n"
        for hour in 0..<200 { text += "\(hour),\(hour == 150 ? 90 : 10 + hour % 3)\n" }
        try terminal.write(text, to: "numbers.csv")
        let spike = try terminal.almanac("evaluate", "forecast", "numbers.csv", "--anomalies")
        #expect(spike.output.contains("150     90"), "\(spike.output)")
    }

    @Test(
        "refuse what they cannot mean",
        arguments: [("--horizon 1.5", "whole number"), ("--horizon 9999999w", "expected"), ("--series z", "no series")])
    func refusals(options: String, part: String) throws {
        let answer = try terminal.shell("almanac forecast days.csv \(options)")
        #expect(answer.exitCode == 2)
        #expect(answer.errors.contains(part), "\(answer.errors)")
    }
}
