import ArgumentParser

/// The root command: one file per subcommand beside this one; a subcommand parses, calls a module and prints.
struct Almanac: ParsableCommand {
    static let version = "0.1.0"
    static let configuration = CommandConfiguration(
        commandName: "almanac",
        abstract: "Learns from recorded runs and spot prices, and runs the next DAG of tasks cheaper and on time.",
        discussion: """
            Start with 'almanac demo', which runs the whole loop on bundled data. Every command takes --json.
            Exit codes: 0 done, 1 the work failed, 2 bad usage or input, 3 infeasible, 130 interrupted.
            """,
        version: version,
        subcommands: [
            DemoCommand.self, ImportCommand.self, OutcomesCommand.self, TrainCommand.self, EvaluateCommand.self,
            PredictCommand.self, ForecastCommand.self, DecomposeCommand.self, DAGCommand.self, PlanCommand.self,
            RunCommand.self,
            StatusCommand.self, PoolCommand.self, ReplayCommand.self, SimulateCommand.self, RetrainCommand.self,
            ModelCommand.self, ExportCommand.self, ReportCommand.self, DatasetsCommand.self, TuneCommand.self,
            DoctorCommand.self,
            WorkerCommand.self, MatrixProductCommand.self,
        ]
    )
}

@main
enum Main {
    static func main() {
        do {
            var command = try Almanac.parseAsRoot()
            try command.run()
        } catch {
            Failure.exit(error)
        }
    }
}
