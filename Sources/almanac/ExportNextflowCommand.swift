import ArgumentParser
import Sizing

/// `almanac export nextflow`: requests as a Nextflow configuration.
struct ExportNextflowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nextflow",
        abstract: "Write memory, time and processors of every process as a nextflow.config.",
        discussion: """
            Two commands, with nothing but a trace file:
              almanac import nextflow trace.txt
              almanac export nextflow --output nextflow.config
            \(RequestArguments.discussion)
            """)

    @OptionGroup var arguments: RequestArguments
    @OptionGroup var storage: StoreOptions
    @OptionGroup var global: GlobalOptions

    func run() throws {
        let requests = try arguments.requests(storage, global)
        try arguments.write(
            requests, NextflowConfiguration(requests, origin: "almanac \(Almanac.version)").text, global)
    }
}
