import ArgumentParser
import Foundation
import Learning
import Prediction
import Store
import Workloads

/// `almanac retrain`: learn from the newest outcomes, if that helps.
struct RetrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retrain",
        abstract: "Train on all stored runs and keep the new model only if it predicts the newest ones better.",
        discussion: """
            The model in use and one trained anew are judged by the newest runs, which neither has seen. The new one must \
            be 2 % better; the old one is then kept beside it as '.previous'. \
            Task types whose level has changed are named; what was recorded before then is brought to the new level, or left \
            out once 30 runs have come since, if that predicts better.
            """)

    @OptionGroup var storage: StoreOptions
    @OptionGroup var global: GlobalOptions

    @Option(name: .long, help: "Folder of the models.")
    var models = "models"

    func run() throws {
        let console = global.console
        let table = try storage.existing().executions()
        var options = TaskModelOptions()
        options.threads = global.threads
        let training = Training(folder: models, options: options, seed: global.seed, version: Almanac.version)
        var results: [Retraining] = []
        for target in TaskTarget.allCases {
            let file = (models as NSString).appendingPathComponent(ModelSet.FileName.of(target))
            guard FileManager.default.fileExists(atPath: file) else { continue }
            results.append(try Retraining.run(target, training: training, on: table))
        }
        guard !results.isEmpty else { throw PredictionError.noModels(models) }
        var text = TextTable(["model", "new runs", "judged by", "MdAPE before", "after", "outcome"])
        for result in results {
            text.add([
                result.target.rawValue, String(result.newRows), String(result.judgedRows),
                result.champion.map { percent($0.mdape) } ?? "–", result.challenger.map { percent($0.mdape) } ?? "–",
                (result.promoted ? "promoted: " : "kept: ") + result.reason,
            ])
        }
        let drifts = results.flatMap { result in
            result.drifts.map { drift in
                let times =
                    "\(Units.format(drift.ratio, digits: 2)) times as \(result.target == .runtime ? "long" : "much")"
                return
                    "\(drift.type): \(result.target.rawValue) is \(times) since the last \(Units.count(drift.runsSince, "run"))"
            }
        }
        try console.result(results, text: ([text.text] + drifts).joined(separator: "\n"))
    }
}
