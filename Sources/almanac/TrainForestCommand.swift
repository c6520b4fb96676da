import ArgumentParser
import Forests
import Foundation
import Learning
import ModelFiles
import Tables

/// `almanac train forest`: a forest that predicts a column of any table.
struct TrainForestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forest",
        abstract: "Train a forest on a table: a column from others, with intervals.",
        discussion: """
            Prints the errors on rows that were held out, beside simple baselines. 'almanac predict MODEL TABLE' \
            uses the file; 'almanac evaluate forest' says more about how good it is. A column of words gets a \
            probability for each of them; numbers that are names need --categorical. In tables with the columns of our \
            traces, what is only known after a run is left out.
            """)

    @OptionGroup var input: TableOptions
    @OptionGroup var global: GlobalOptions

    @Option(name: .shortAndLong, help: "The model file to write.")
    var output = "forest.safetensors"

    private struct Trained: Encodable {
        let file: String
        let rows: Int
        let features: [String]
        let bytes: Int
        let card: TableModel.Card
    }

    func run() throws {
        let console = global.console
        let path = try input.path(output)
        let samples = try input.samples()
        let training = TableTraining(
            try input.learner(threads: global.threads), seed: global.seed, version: Almanac.version)
        let bar = console.progress("training", total: 2000)
        let folds = samples.count > 20_000 ? 2 : 3
        if samples.classes != nil {
            var evaluation: TableClassEvaluation?
            if samples.count >= 20 {
                evaluation = try TableClassEvaluation(
                    samples, target: input.target, training: training, folds: folds,
                    progress: { bar.set(Int($0 * 1000)) })
            }
            var model = try training.train(
                samples, target: input.target, groupColumn: input.intervalsBy,
                progress: { bar.set(1000 + Int($0 * 1000)) })
            bar.finish()
            (model.card.heldOutClasses, model.card.importance) = (evaluation?.errors, evaluation?.importance ?? [])
            try write(
                model, samples, to: path, errors: evaluation.map { EvaluateForestCommand.table($0.errors) },
                losesTo: evaluation?.losesTo?.name)
            return
        }
        var evaluation: TableEvaluation?
        if samples.count >= 20 {
            evaluation = try TableEvaluation(
                samples, target: input.target, training: training, folds: folds,
                groupColumn: input.intervalsBy, progress: { bar.set(Int($0 * 1000)) })
        }
        var model = try training.train(
            samples, target: input.target, groupColumn: input.intervalsBy, progress: { bar.set(1000 + Int($0 * 1000)) })
        bar.finish()
        if let evaluation { (model.card.heldOut, model.card.importance) = (evaluation.errors, evaluation.importance) }
        try write(
            model, samples, to: path,
            errors: evaluation.map { EvaluateForestCommand.table($0.errors, input.target) },
            losesTo: evaluation?.losesTo?.name)
    }

    private func write(
        _ model: TableModel, _ samples: TableSamples, to path: String, errors: String?, losesTo baseline: String?
    ) throws {
        let console = global.console
        let file = try model.modelFile()
        try file.write(to: path)
        let names = model.forest.features.map(\.name)
        try console.result(
            Trained(file: output, rows: samples.count, features: names, bytes: file.tensorBytes, card: model.card),
            text: (errors.map { $0 + "\n\n" } ?? "")
                + "\(output): \(input.learner), \(samples.count) rows, from \(names.joined(separator: ", "))"
                + (samples.classes.map { ", \($0.count) classes" } ?? ""))
        for remark in samples.remarks { console.remark(remark) }
        if let baseline { console.remark("loses to the baseline '\(baseline)' on held-out rows") }
    }
}

extension TableOptions {
    /// The place of a model file; a folder that is not there is an error before any work.
    func path(_ output: String) throws -> String {
        let folder = parentFolder(of: output)
        guard FileManager.default.fileExists(atPath: folder) else {
            throw Failure.input("\(output): there is no folder '\(folder)'. Make it, or name another with --output.")
        }
        return output
    }
}
