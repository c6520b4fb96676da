import Foundation
import Testing

@Suite("Simulations", .enabled(if: Terminal.isBuilt, "build the release binary first"))
struct SimulateTests {
    private func terminal() throws -> Terminal {
        let terminal = try Terminal()
        try terminal.write(
            """
            name: fan
            tasks:
              - {id: split, command: s, seconds: 120}
              - {id: "map-${n}", foreach: {n: [1, 2, 3, 4]}, command: m, seconds: 900, cpus: 2, needs: [split]}
              - {id: merge, command: m, seconds: 300, needs: ["map-*"]}
            pool:
              - {type: n4, cpus: 4, memory: 16 GB, price: 0.40, spot_price: 0.10, count: 2}
            """, to: "fan.yaml")
        return terminal
    }

    private func scenarios(_ terminal: Terminal, _ arguments: String...) throws -> [[String: Any]] {
        let answer = try terminal.start(["simulate", "fan.yaml", "--json"] + arguments).wait().json as? [String: Any]
        return try #require(answer?["scenarios"] as? [[String: Any]])
    }

    private func median(_ scenario: [String: Any], _ key: String) -> Double {
        let statistics = scenario["statistics"] as? [String: Any]
        return (statistics?[key] as? [String: Any])?["median"] as? Double ?? .nan
    }

    @Test("a job that is refused spot instances runs on those that are to be had, and pays for no others")
    func refused() throws {
        let found = try scenarios(
            try terminal(), "--runs", "30", "--refusals", "0.99", "--what-if", "spot=off")
        #expect(found.count == 2)
        for key in ["makespan_seconds", "cost"] {
            let (asked, without) = (median(found[0], key), median(found[1], key))
            #expect(asked <= without * 1.05, "\(key): \(asked), and without spot instances \(without)")
        }
    }

    @Test("what would be without spot instances can be asked of a market, too")
    func withoutMarket() throws {
        let found = try scenarios(
            try terminal(), "--runs", "5", "--market", "generated", "--what-if", "spot=off")
        #expect(found.count == 2 && median(found[1], "makespan_seconds") == 120 + 900 + 300)
    }

    @Test(
        "an assumption that means nothing is refused",
        arguments: [
            "reclaims=20", "reclaims=-0.3", "budget=-1", "deadline=soon", "latency=x", "objective=fast", "noise=4",
        ])
    func nonsense(assumption: String) throws {
        let found = try terminal().almanac("simulate", "fan.yaml", "--runs", "2", "--what-if", assumption)
        #expect(found.exitCode == 2 && found.errors.contains(assumption))
    }

    @Test("the page of a simulated run says what it took and cost")
    func page() throws {
        let terminal = try terminal()
        let found = try scenarios(terminal, "--runs", "1", "--gantt", "run.html")
        let page = try String(contentsOfFile: terminal.path("run.html"), encoding: .utf8)
        let cost = median(found[0], "cost")
        #expect(cost > 0 && page.contains(String(String(format: "$%.4f", cost).prefix(6))), "\(cost)")
        #expect(page.contains("22m 0s"), "120 + 900 + 300 s")
    }

    @Test("a policy of one seed is the same file on any number of threads")
    func samePolicy() throws {
        let terminal = try terminal()
        for threads in ["1", "2"] {
            let trained = try terminal.almanac(
                "train", "policy", "fan.yaml", "--generations", "2", "--episodes", "4", "--seed", "3", "--threads",
                threads,
                "--output", "policy-\(threads).safetensors", "--json")
            let answer = try #require(trained.json as? [String: Any], "\(trained.errors)")
            let weights = try #require(answer["weights"] as? [String: Double])
            #expect(weights["fan_out"] != nil && weights.keys.allSatisfy { $0 == $0.lowercased() })
        }
        let files = try ["1", "2"].map {
            try Data(contentsOf: URL(filePath: terminal.path("policy-\($0).safetensors")))
        }
        #expect(files[0] == files[1])
    }

    @Test("of two jobs of one tenant the least quota counts, whatever their order")
    func quotas() throws {
        let terminal = try Terminal()
        for (name, quota) in [("q1", "quota: {cpus: 2}\n"), ("q2", "")] {
            try terminal.write(
                """
                name: \(name)
                tenant: lab
                \(quota)tasks:
                  - {id: "t-${n}", foreach: {n: [1, 2, 3, 4]}, command: t, seconds: 10}
                pool:
                  - {type: w, cpus: 1, memory: 1 GB, price: 1, count: 8}
                """, to: "\(name).yaml")
        }
        for jobs in [["q1.yaml", "q2.yaml"], ["q2.yaml", "q1.yaml"]] {
            let found =
                try terminal.start(["simulate"] + jobs + ["--runs", "1", "--json"]).wait().json as? [String: Any]
            let scenario = try #require((found?["scenarios"] as? [[String: Any]])?.first)
            #expect(median(scenario, "makespan_seconds") == 40)
        }
    }
}
