import Foundation
import Testing

@Suite(
    "How long spot capacity lasts",
    .enabled(if: Terminal.isBuilt, "build the release binary first, or name one in ALMANAC_BINARY"))
struct SurvivalCommandTests {
    let terminal: Terminal

    init() throws {
        terminal = try Terminal()
        // Spells of 1 to 30 ticks, and times between of 1 to 6.
        for (zone, factor) in [("a", 7), ("b", 11)] {
            var (ticks, spell) = ([String](), 1)
            while ticks.count < 3000 {
                spell += 1
                ticks += Array(repeating: "1", count: spell * factor % 30 + 1)
                ticks += Array(repeating: "0", count: spell * factor % 6 + 1)
            }
            try terminal.write(
                "{\"metadata\": {\"gap_seconds\": 600}, \"data\": [\(ticks.joined(separator: ", "))]}",
                to: "\(zone)_v100.json")
        }
    }

    @Test("it is learnt, judged and forecast") func commands() throws {
        let trained = try terminal.shell("almanac train survival a_v100.json b_v100.json -o m")
        try #require(trained.exitCode == 0, "\(trained.errors)")
        #expect(trained.output.contains("2 zones"))
        let judged = try terminal.shell("almanac evaluate survival a_v100.json b_v100.json --json --plot c.svg")
        let found = try #require(judged.json as? [String: Any], "\(judged.errors)")
        #expect((found["scores"] as? [Any])?.count == 3)
        #expect(terminal.lines("c.svg").first?.hasPrefix("<svg") ?? false)
        let rows = try terminal.shell("almanac forecast survival m --type v100 --zone a --ages 0,60 --json").objects
        #expect(rows.count == 2)
        for row in rows {
            let (low, value, high) = (
                try #require(row["loss_lower"] as? Double), try #require(row["loss_within_hour"] as? Double),
                try #require(row["loss_upper"] as? Double)
            )
            #expect(0 < low && low < value && value < high && high < 1)
        }
        let prior = try terminal.shell("almanac forecast survival --type v100 --zone elsewhere")
        #expect(prior.exitCode == 0 && prior.errors.contains("without a model"))
        let unseen = try terminal.shell("almanac forecast survival m --type v100 --zone c")
        #expect(unseen.exitCode == 0 && unseen.errors.contains("was never seen"))
    }

    @Test("a trace that looks inverted beside lifetimes is named") func inverted() throws {
        var lifetimes =
            "vm_id,zone,machine_type,start_time,lifetime_sec,preempted,day_of_week,hour_of_day,idle_vs_nonidle\n"
        for row in 0..<40 {
            lifetimes += "v\(row),a,v100,2019-03-01T00:00:00+00:00,\(600 * (row % 5 + 1)),1,1,0,idle\n"
        }
        try terminal.write(lifetimes, to: "lifetimes.csv")
        let answer = try terminal.shell("almanac train survival a_v100.json lifetimes.csv -o m")
        #expect(answer.exitCode == 0 && answer.errors.contains("looks inverted"), "\(answer.errors)")
    }

    @Test("damaged and foreign files are errors") func problems() throws {
        try terminal.write("{\"metadata\": {}", to: "broken.json")
        for command in [
            "train survival broken.json", "evaluate survival missing.json",
            "forecast survival a_v100.json --type t --zone z", "forecast survival --type t --zone z --ages x",
            "train survival a_v100.json --instances 5",
        ] {
            let answer = try terminal.shell("almanac \(command)")
            #expect(answer.exitCode == 2, "\(command): \(answer.output) \(answer.errors)")
        }
    }
}
