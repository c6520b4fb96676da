import ArgumentParser
import Foundation
import LocalExecution

/// `almanac worker`: runs attempts on a node for a run that another process drives.
struct WorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Run and measure tasks on a node of a cluster; 'run --engine slurm' starts it there.",
        discussion: """
            With --attempt it runs one command, and leaves its end as a file in the folder of the run; the exit code is \
            that of the command. With --instance it connects to the run, and runs what that sends until it is sent away. \
            While the run is gone what runs goes on, and whoever resumes the run is told of it; after ten minutes without \
            one it ends.
            """)

    @Argument(help: "The folder 'workers' in the folder of the run; all nodes must see it.")
    var folder: String

    @Option(name: .long, help: "Run one attempt: the name of its files.")
    var attempt: String?

    @Option(name: .long, help: "Run many: the number of the instance that this is.")
    var instance: Int?

    @Option(name: .long, help: "Seconds after which the command is ended.")
    var limit: Double?

    @Option(name: .long, help: "Bytes of memory above which the command is killed.")
    var memoryLimit: Double?

    @Argument(help: "The command of the attempt, for /bin/sh -c.")
    var command: String?

    func validate() throws {
        guard (attempt == nil) != (instance == nil), (attempt == nil) == (command == nil) else {
            throw ValidationError("Expected either --attempt and a command, or --instance.")
        }
    }

    func run() throws {
        var worker = try Worker(folder)
        if let attempt, let command {
            throw ExitCode(
                try worker.run(attempt, command: command, timeLimitSeconds: limit, memoryLimitBytes: memoryLimit))
        }
        throw ExitCode(try worker.serve(instance: instance ?? 0))
    }
}
