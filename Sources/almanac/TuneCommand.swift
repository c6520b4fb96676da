import ArgumentParser
import Foundation
import Sizing
import Workloads

/// `almanac tune`: what settings are tuned.
struct TuneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tune", abstract: "Find good settings in few trials: the cluster for a job.",
        subcommands: [TuneCloudCommand.self], defaultSubcommand: TuneCloudCommand.self)
}

/// `almanac tune cloud`: which cluster to try next, and which is the best so far.
struct TuneCloudCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cloud",
        abstract: "Say which cluster to try next for a job, and which is the cheapest or fastest so far.",
        discussion: """
            CONFIGURATIONS is a CSV table: name,machines,cpus,memory,price_per_hour, the last three of one machine. \
            --trials is one of the runs so far: name,seconds and, if some were given up, completed (yes or no). Run the \
            job on what is proposed, add a line to the trials, and ask again, until it says \
            stop: after six trials, when less than a tenth is to be gained.
            """)

    @Argument(help: "The clusters to choose from.")
    var configurations: String

    @Option(name: .long, help: "The runs so far.")
    var trials: String?

    @Option(name: .long, help: "What is to be small: cost, time, or their product.")
    var goal = Goal.Objective.cost

    @Option(name: .long, help: "The job must not take longer, for instance 2h.")
    var deadline: TimeSpan?

    @OptionGroup var global: GlobalOptions

    private struct Answer: Encodable {
        struct Found: Encodable {
            let name: String
            let seconds: Double
            let cost: Double
        }
        let trials: Int
        let best: Found?
        let next: String?
        let proposal: ConfigurationSearch.Proposal?
        /// Whether another trial is expected to gain less than it costs.
        let stop: Bool
    }

    func run() throws {
        let choices = try CloudTrials.configurations(configurations)
        let probes = try trials.map { try CloudTrials.trials($0, of: choices) } ?? []
        var options = ConfigurationSearch.Options()
        options.objective = goal
        if let deadline { options.deadlineSeconds = deadline.seconds }
        let search = try ConfigurationSearch(choices, options: options)
        let (best, next) = (search.best(of: probes), search.proposal(after: probes))
        var lines: [String] = []
        func price(_ seconds: Double, _ configuration: Int) -> Double {
            seconds / 3600 * choices[configuration].pricePerHour
        }
        if let best {
            lines.append(
                "best so far: \(choices[best.configuration].name), \(Units.formatSeconds(best.seconds)), "
                    + Units.formatPrice(price(best.seconds, best.configuration)))
        } else if !probes.isEmpty {
            lines.append("best so far: none, no run completed in time")
        }
        let stop = search.isSettled(probes, next: next)
        if stop, let best { lines.append("stop: run the job on \(choices[best.configuration].name)") }
        if let next {
            var text =
                stop
                ? "if you must, try next: \(choices[next.configuration].name)"
                : "try next: \(choices[next.configuration].name)"
            if next.expectedSeconds.isFinite {
                text +=
                    ", expected \(Units.formatSeconds(next.expectedSeconds)) and \(Units.formatPrice(next.expectedCost))"
                    + "; expected improvement \(Units.formatPercent(next.expectedImprovement))"
            }
            lines.append(text)
        } else {
            lines.append("all have been tried")
        }
        try global.console.result(
            Answer(
                trials: probes.count,
                best: best.map {
                    .init(
                        name: choices[$0.configuration].name, seconds: $0.seconds,
                        cost: price($0.seconds, $0.configuration))
                }, next: next.map { choices[$0.configuration].name }, proposal: next, stop: stop),
            text: lines.joined(separator: "\n"))
    }
}
