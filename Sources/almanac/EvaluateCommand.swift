import ArgumentParser

/// `almanac evaluate`: what is judged.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract:
            "Show how far predictions are off, beside simple baselines: of tasks, of series, of a table, or of policies.",
        subcommands: [
            EvaluateTasksCommand.self, EvaluateForecastCommand.self, EvaluateForestCommand.self,
            EvaluatePolicyCommand.self, EvaluateSpotCommand.self, EvaluateSurvivalCommand.self,
            EvaluateDecompositionCommand.self,
        ],
        defaultSubcommand: EvaluateTasksCommand.self)
}
