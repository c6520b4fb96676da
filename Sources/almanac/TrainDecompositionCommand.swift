import ArgumentParser
import Decomposition
import ModelFiles
import Service
import Workloads

/// `almanac train decomposition`: learn from breakdowns how to break work down.
struct TrainDecompositionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decomposition",
        abstract: "Learn from breakdowns how a description in words becomes steps and their order.",
        discussion: """
            A breakdown is one JSON object a line: {"description": …, "steps": [{"id", "text", "tool"}], "edges": [[from, \
            to]]}. 'almanac decompose TEXT --library MODEL' uses the file.
            """)

    @Argument(help: "A .jsonl file of breakdowns, or a folder of them and of job files.")
    var breakdowns = "datasets/breakdowns"

    @Option(name: .shortAndLong, help: "The model file to write.")
    var output = "decomposition.safetensors"

    @OptionGroup var global: GlobalOptions

    private struct Trained: Encodable {
        let file: String
        let breakdowns: Int
        let tools: Int
        let bytes: Int
    }

    func run() throws {
        let library = try BreakdownLibrary.read(withJobs: breakdowns)
        let model = try Decomposer.fit(library)
        let file = try model.modelFile()
        try file.write(to: output)
        try global.console.result(
            Trained(
                file: output, breakdowns: library.breakdowns.count, tools: model.tools.count, bytes: file.tensorBytes),
            text: "\(output): from \(Units.count(library.breakdowns.count, "breakdown")), "
                + Units.count(model.tools.count, "tool"))
    }
}
