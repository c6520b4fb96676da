import ArgumentParser
import Sizing

/// `almanac export slurm`: requests as options of `sbatch`.
struct ExportSlurmCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "slurm",
        abstract: "Write memory, time and processors of every task type as a table and as sbatch lines.",
        discussion: RequestArguments.discussion)

    @OptionGroup var arguments: RequestArguments
    @OptionGroup var storage: StoreOptions
    @OptionGroup var global: GlobalOptions

    func run() throws {
        let requests = try arguments.requests(storage, global)
        let slurm = SlurmRequests(requests, origin: "almanac \(Almanac.version)")
        var table = TextTable(["task type", "runs", "--mem --time", "too little", "requested so far"])
        for (request, line) in zip(requests.requests, slurm.options) {
            table.add([
                request.taskType, String(request.runs), line.options, request.memoryRisk.map(percent) ?? "–",
                request.currentMemoryBytes.map(binaryText) ?? "–",
            ])
        }
        let remarks = table.text.split(separator: "\n").map { "# \($0)" }.joined(separator: "\n")
        try arguments.write(requests, "#!/bin/sh\n\(remarks)\n#\n\(slurm.text)", global)
    }
}
