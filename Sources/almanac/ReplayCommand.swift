import ArgumentParser
import Execution
import Workloads

/// `almanac replay`: whether the decisions of a run follow from what happened.
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Feed the events of a run to the allocator once more and compare what it decides.",
        discussion: """
            RUN is the folder of a run, for instance .almanac/runs/NAME/1. Nothing is run and nothing is written. Exit code \
            1: some decision is another one today; the first is printed.
            """)

    @Argument(help: ArgumentHelp("The folder of the run.", valueName: "run"))
    var folder: String

    @OptionGroup var global: GlobalOptions

    func run() throws {
        let replay = try Replay(runFolder: folder)
        let counts =
            "\(Units.count(replay.events, "event")), \(Units.count(replay.decisions, "decision")), "
            + Units.count(replay.restarts, "restart")
        guard let difference = replay.difference else {
            return try global.console.result(replay, text: "equal: \(counts)")
        }
        var lines = ["different after \(Units.formatSeconds(difference.seconds)) (\(counts))"]
        lines += difference.events.map { "  happened: \($0)" }
        lines.append("  in the log: \(difference.logged ?? "nothing more")")
        lines.append("  today: \(difference.decided ?? "nothing more")")
        try global.console.result(replay, text: lines.joined(separator: "\n"))
        throw ExitCode(1)
    }
}
