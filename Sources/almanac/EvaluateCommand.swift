import ArgumentParser

/// `almanac evaluate`: what is judged.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Show how far predictions are off, beside simple baselines: of tasks, or of series.",
        subcommands: [EvaluateTasksCommand.self, EvaluateForecastCommand.self],
        defaultSubcommand: EvaluateTasksCommand.self)
}
