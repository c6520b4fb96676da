import ArgumentParser

/// `almanac train`: what models are trained on.
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train models: of the tasks and prices in the store.",
        subcommands: [TrainTasksCommand.self],
        defaultSubcommand: TrainTasksCommand.self)
}
