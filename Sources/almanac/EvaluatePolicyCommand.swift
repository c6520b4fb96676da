public import ArgumentParser
import Foundation
import Plots
import Reports
import Service
public import Simulation
import Workloads

/// `almanac evaluate policy`: a policy beside the rules that need no learning.
struct EvaluatePolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy",
        abstract: "Compare a policy with the rules that need no learning, in the same simulated episodes.",
        discussion: """
            Ratios are to the policy, episode by episode, with a 95 % interval: above 1 the other is worse. --report draws what \
            happened in the episodes in which the policy won and lost most.
            """)

    @Argument(help: "The policy file that 'almanac train policy' wrote.")
    var policy: String

    @OptionGroup var input: PolicyOptions
    @OptionGroup var global: GlobalOptions

    @Option(name: .long, help: "How many episodes.")
    var episodes = 40

    @Option(name: .long, help: "Write a page with the table and the Gantt charts of the greatest win and loss (HTML).")
    var report: String?

    func validate() throws {
        guard 2...10_000 ~= episodes else { throw ValidationError("--episodes is \(episodes), expected 2 to 10000.") }
    }

    private struct Answer: Encodable {
        let objective: PolicyWorkload.Objective
        let episodes: Int
        let rows: [PolicyComparison.Row]
        let isBetterThanAll: Bool

        enum CodingKeys: String, CodingKey {
            case objective, episodes, rows
            case isBetterThanAll = "is_better_than_all"
        }
    }

    func run() throws {
        let model = try PolicyModel(contentsOf: policy)
        let study = try input.study()
        let found = study.compare(model.rule, episodes: episodes, seed: global.seed, threads: global.threads)
        if let report {
            let page = PolicyReport(study.workload, model, found).page()
            try Console.write(Data(page.html().utf8), toFile: report)
        }
        let best = found.best
        try global.console.result(
            Answer(
                objective: study.workload.objective, episodes: episodes, rows: found.rows,
                isBetterThanAll: found.isBetterThanAll),
            text: PolicyText.table(found.rows, study.workload.objective))
        guard !found.isBetterThanAll, let best else { return }
        global.console.remark(
            best.high < 1
                ? "here '\(best.name)' is better than the policy: train one on these jobs"
                : "that the policy is better than '\(best.name)' here is not certain")
    }
}

/// What is said of policies.
enum PolicyText {
    static func table(_ rows: [PolicyComparison.Row], _ objective: PolicyWorkload.Objective) -> String {
        let isMoney = objective == .cost
        func format(_ value: Double) -> String { isMoney ? Units.formatPrice(value) : Units.formatSeconds(value) }
        var table = TextTable(["policy", "mean \(objective.rawValue)", "p95", "by the policy's", "95 %"])
        for (place, row) in rows.enumerated() {
            table.add([
                row.name, format(row.mean), format(row.p95), place == 0 ? "" : Units.format(row.ratio, digits: 3),
                place == 0 ? "" : "\(Units.format(row.low, digits: 3))–\(Units.format(row.high, digits: 3))",
            ])
        }
        return table.text
    }

    /// What a person should know of a policy before it is used.
    static func remark(_ origin: PolicyModel.Origin) -> String? {
        guard !origin.isAdopted, let best = origin.heldOut.dropFirst().min(by: { $0.ratio < $1.ratio }) else {
            return nil
        }
        let why = best.high < 1 ? "is better" : "may be as good"
        return
            "the policy is not followed: '\(best.name)' \(why) on held-out episodes, and decides in simulations, and a plan in runs"
    }
}

extension PolicyWorkload.Objective: ExpressibleByArgument {}
