import ArgumentParser

/// `almanac train`: what models are trained on.
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train models: of the tasks and prices in the store, or a forest of any table.",
        subcommands: [
            TrainTasksCommand.self, TrainForestCommand.self, TrainPolicyCommand.self, TrainSurvivalCommand.self,
            TrainDecompositionCommand.self,
        ],
        defaultSubcommand: TrainTasksCommand.self)
}
