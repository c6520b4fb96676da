import ArgumentParser
import Sizing

/// `almanac export snakemake`: requests as a Snakemake profile.
struct ExportSnakemakeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snakemake",
        abstract: "Write memory, time and threads of every rule as the config.yaml of a Snakemake profile.",
        discussion: RequestArguments.discussion)

    @OptionGroup var arguments: RequestArguments
    @OptionGroup var storage: StoreOptions
    @OptionGroup var global: GlobalOptions

    func run() throws {
        let requests = try arguments.requests(storage, global)
        try arguments.write(requests, SnakemakeProfile(requests, origin: "almanac \(Almanac.version)").text, global)
    }
}
