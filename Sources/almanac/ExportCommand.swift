import ArgumentParser

/// `almanac export`: what we learnt, in the form that other tools read.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write what was learnt in the form that other tools read.",
        subcommands: [
            ExportNextflowCommand.self, ExportSnakemakeCommand.self, ExportSlurmCommand.self, ExportLightGBM.self,
            ExportXGBoost.self, ExportONNX.self,
        ])
}
