import Foundation
import Testing

@Suite(
    "Spot under a deadline",
    .enabled(if: Terminal.isBuilt, "build the release binary first, or name one in ALMANAC_BINARY"))
struct SpotTests {
    private let terminal: Terminal
    private static let zones = ["a", "b", "c"].map { zone in
        Terminal.repository.appendingPathComponent("datasets/markets/availability/gen-east-1\(zone)_g4dn_1.json").path
    }

    init() throws { terminal = try Terminal() }

    @Test("a plan that has learnt from sister zones is cheaper than on demand, and misses nothing, on any thread count")
    func sisters() throws {
        let options = ["--work", "24h", "--deadline", "30h", "--starts", "8", "--spot-price", "0.2", "--report"]
        let answers = try ["1", "2"].map { threads in
            try terminal.start(
                ["evaluate", "spot"] + Self.zones + options + ["\(threads).html", "--json", "--threads", threads]
            ).wait(timeoutSeconds: 120)
        }
        #expect(answers[0].exitCode == 0, "\(answers[0].errors)")
        #expect(answers[0].output == answers[1].output)
        let answer = try #require(answers[0].json as? [String: Any])
        let policies = try #require(answer["policies"] as? [[String: Any]])
        #expect(policies.count == 9 && policies[0]["policy"] as? String == "plan" && answer["starts"] as? Int == 24)
        for policy in policies {
            #expect(policy["missed_deadlines"] as? Int == 0)
            #expect(try #require(policy["regret"] as? Double) >= -1e-9)
        }
        let plan = try #require(policies[0]["mean_cost"] as? Double)
        let rule = try #require(policies[1]["mean_cost"] as? Double)
        #expect(plan < 1 && plan < rule * 1.05)
        let bills = try #require(answer["bills"] as? [String: Double])
        #expect(abs(try #require(bills["on demand"]) - 3 * 0.2 * 24.2) < 1e-9)
        let page = String(decoding: try terminal.data("2.html"), as: UTF8.self)
        #expect(page.contains("Hatched") && page.contains("uniform progress"))
    }

    @Test("of one trace the first half teaches; a picture of one run") func one() throws {
        let answer = try terminal.almanac(
            "evaluate", "spot", Self.zones[0], "--work", "10h", "--deadline", "14h", "--report", "run.svg")
        #expect(answer.exitCode == 0, "\(answer.errors)")
        #expect(answer.output.contains("uniform progress"))
        #expect(String(decoding: try terminal.data("run.svg"), as: UTF8.self).contains("<svg"))
    }

    @Test(
        "say what cannot be",
        arguments: [
            ("--work 10h --deadline 10h", 3, "cannot be met"), ("--work 10h --deadline 40d", 2, "long enough"),
            ("--work 10h --deadline 14h --on-demand-ratio 0.5", 2, "expected 1 to 1000"),
            ("--work 10h --deadline 900d", 2, "to a year"), ("--work 1h --deadline 2h --instances 0", 2, "expected 1"),
        ])
    func refusals(options: String, code: Int32, part: String) throws {
        let answer = try terminal.shell("almanac evaluate spot \(Self.zones[0]) \(options)")
        #expect(answer.exitCode == code && answer.errors.contains(part), "\(answer.errors)")
    }

    @Test("refuse a file of another kind") func otherKind() throws {
        try terminal.write("{\"SpotPriceHistory\": []}", to: "prices.json")
        let answer = try terminal.almanac("evaluate", "spot", "prices.json", "--work", "1h", "--deadline", "2h")
        #expect(answer.exitCode == 2 && !answer.errors.isEmpty)
    }
}
