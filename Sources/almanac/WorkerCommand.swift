import ArgumentParser
import Foundation
import LocalExecution

/// `almanac worker`: runs attempts on a node for a run that another process drives.
struct WorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Run and measure tasks on a node of a cluster; 'run --engine slurm' starts it there.",
        discussion: """
            With --attempt it runs one command, and leaves its end as a file in the folder of the run. The exit code is \
            that of the command. SIGTERM ends the command in an orderly way, a second one at once.
            """)

    @Argument(help: "The folder 'workers' in the folder of the run; all nodes must see it.")
    var folder: String

    @Option(name: .long, help: "Run one attempt: the name of its files.")
    var attempt: String

    @Option(name: .long, help: "Seconds after which the command is ended.")
    var limit: Double?

    @Option(name: .long, help: "Bytes of memory above which the command is killed.")
    var memoryLimit: Double?

    @Argument(help: "The command, for /bin/sh -c.")
    var command: String

    func run() throws {
        var worker = try Worker(folder)
        let code = try worker.run(
            attempt, command: command, timeLimitSeconds: limit, memoryLimitBytes: memoryLimit)
        throw ExitCode(code)
    }
}
