import ArgumentParser
import Foundation
import Learning
import Prediction
import Service
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

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Let a policy that 'almanac train policy' wrote learn from the stored runs too; it is replaced only by one that is "
                + "better on the newest."))
    var policy: String?

    @Option(name: .long, help: "How long the policy learns.")
    var minutes = 1.0

    func validate() throws {
        guard 0...10_000 ~= minutes else { throw ValidationError("--minutes is \(minutes), expected 0 to 10000.") }
    }

    private func retrainPolicy(_ path: String) throws {
        let found = try PolicyRetraining(
            path, store: storage.store, seconds: minutes * 60, seed: global.seed, threads: global.threads)
        let ratio = found.ratio.map { ", the old one takes \(Units.format($0, digits: 3)) × as much there" } ?? ""
        let range = found.low.flatMap { low in
            found.high.map { " (95 % \(Units.format(low, digits: 3)) to \(Units.format($0, digits: 3)))" }
        }
        try global.console.result(
            found,
            text: "\(path): \(found.isAdopted ? "adopted" : "not adopted"), \(found.reason)\(ratio)\(range ?? "")")
    }

    func run() throws {
        if let policy { return try retrainPolicy(policy) }
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
                result.champion.map { Units.formatPercent($0.mdape) } ?? "–",
                result.challenger.map { Units.formatPercent($0.mdape) } ?? "–",
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
