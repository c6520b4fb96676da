import ArgumentParser
import Decomposition
import Service
import Workloads

/// `almanac evaluate decomposition`: how well breakdowns that were not learnt from are found.
struct EvaluateDecompositionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decomposition",
        abstract: "Show how well unseen breakdowns are found from their words, beside simple baselines.",
        discussion: """
            Every breakdown is found by a model that did not see it, nor one of its 'group'. F1 of the tools and of the links \
            between them, as means over the breakdowns; then the edges between steps that are given in their listed order.
            """)

    @Argument(help: "A .jsonl file of breakdowns, or a folder of them and of job files.")
    var breakdowns = "datasets/breakdowns"

    @Option(name: .long, help: "Judge these breakdowns by a model of all others in place of folds.")
    var test: String?

    @Option(name: .long, help: "Into how many parts they are parted, a model for each.")
    var folds = 5

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard 2...100 ~= folds else { throw ValidationError("--folds is \(folds), expected 2 to 100.") }
    }

    func run() throws {
        let library = try BreakdownLibrary.read(withJobs: breakdowns)
        let result =
            if let test {
                try DecompositionEvaluation(
                    training: library, testing: BreakdownLibrary.read(test).breakdowns)
            } else {
                try DecompositionEvaluation(library, folds: folds)
            }
        guard result.breakdowns > 0 else {
            throw Failure.input(
                "\(breakdowns): found a single group of breakdowns, expected two or more. Add others, or name some with --test."
            )
        }
        try global.console.result(result, text: Self.text(result))
        if result.nearest.nodeF1 > result.model.nodeF1 {
            global.console.remark("loses to the baseline 'nearest known breakdown'")
        }
    }

    private static func text(_ result: DecompositionEvaluation) -> String {
        func share(_ value: Double) -> String { Units.format(value, digits: 3) }
        var table = TextTable(["from words", "node F1", "link F1", "exact"])
        for (name, score) in [
            ("model", result.model), ("nearest known breakdown", result.nearest),
            ("most frequent tools", result.frequent),
        ] { table.add([name, share(score.nodeF1), share(score.linkF1), Units.formatPercent(score.exact)]) }
        if result.unlikeCount < result.breakdowns, result.unlikeCount > 0 {
            table.add([
                "model, the \(result.unlikeCount) unlike any known", share(result.unlike.nodeF1),
                share(result.unlike.linkF1), Units.formatPercent(result.unlike.exact),
            ])
        }
        var parts = [
            "\(result.breakdowns) breakdowns, \(result.trained) to learn from", table.text, "",
            "order of the right tools: link F1 \(share(result.orderLinkF1))",
        ]
        if let edges = result.edges {
            parts.append(
                "edges of steps in their listed order: F1 \(share(edges.f1)), the listed chain \(share(edges.chainF1)); "
                    + "\(edges.removed) of the chain left out, \(Units.formatPercent(edges.rightlyRemoved)) rightly")
        }
        var calibration = TextTable(["edges from words", "promised", "true"])
        for tenth in result.calibration {
            calibration.add([String(tenth.edges), Units.formatPercent(tenth.promised), Units.formatPercent(tenth.real)])
        }
        parts += ["", calibration.text, "calibration error \(share(result.calibrationError))"]
        return parts.joined(separator: "\n")
    }
}
