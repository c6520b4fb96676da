import ArgumentParser

/// `almanac evaluate`: what is judged.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Show how far predictions are off, beside simple baselines: of tasks, of series, or of a table.",
        subcommands: [
            EvaluateTasksCommand.self, EvaluateForecastCommand.self, EvaluateForestCommand.self,
            EvaluatePolicyCommand.self, EvaluateDecompositionCommand.self,
        ],
        defaultSubcommand: EvaluateTasksCommand.self)
}
