import ArgumentParser
import Foundation
import Plots
import Reports
import Tables
import Workloads

/// `almanac evaluate forest`: how far a forest is off on rows of a table that it has not seen.
struct EvaluateForestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forest",
        abstract: "Show how far a forest is off on unseen rows of a table, beside simple baselines.",
        discussion: """
            Every row is predicted by a model that was made without it: rows at random, whole groups (--group), or later \
            rows by earlier ones (--time). Pinball is the mean over the quantiles 0.1, 0.5 and 0.9. A column of words is \
            judged by the probabilities of its classes.
            """)

    @OptionGroup var input: TableOptions
    @OptionGroup var global: GlobalOptions

    @Option(name: .long, help: "Into how many parts the judged rows are parted, a model for each.")
    var folds = 5

    @Option(name: .long, help: "Judge whole groups of rows: those with equal values in this column.")
    var group: String?

    @Option(name: .long, help: "Judge later rows by models of earlier ones: numbers or dates in this column.")
    var time: String?

    @Option(name: .long, help: "Write a report with pictures to this HTML file.")
    var report: String?

    func validate() throws {
        guard 2...100 ~= folds else { throw ValidationError("--folds is \(folds), expected 2 to 100.") }
        guard group == nil || time == nil else {
            throw ValidationError("--group and --time are two ways to judge. Choose one.")
        }
    }

    func run() throws {
        let console = global.console
        let samples = try input.samples(group: group, time: time)
        var training = TableTraining(
            try input.learner(threads: global.threads), seed: global.seed, version: Almanac.version)
        training.scheme = group != nil ? .groups : time != nil ? .time : .random
        let bar = console.progress("evaluating", total: 1000)
        if let classes = samples.classes {
            guard report == nil else {
                throw Failure.input("--report draws numbers, and '\(input.target)' holds words. Leave it out.")
            }
            let evaluation = try TableClassEvaluation(
                samples, target: input.target, training: training, folds: folds, progress: { bar.set(Int($0 * 1000)) })
            bar.finish()
            try console.result(
                evaluation, text: Self.table(evaluation.errors) + "\n\n" + Self.table(evaluation.confusion, classes))
            for remark in samples.remarks { console.remark(remark) }
            if let better = evaluation.losesTo { console.remark("loses to the baseline '\(better.name)'") }
            return
        }
        let evaluation = try TableEvaluation(
            samples, target: input.target, training: training, folds: folds, groupColumn: input.intervalsBy,
            progress: { bar.set(Int($0 * 1000)) })
        bar.finish()
        if let report { try Console.write(Data(evaluation.page.html().utf8), toFile: report) }
        try console.result(evaluation, text: Self.table(evaluation.errors, input.target))
        let unit = TableUnit(column: input.target)
        if let (low, high) = evaluation.foldErrors.min().flatMap({ low in
            evaluation.foldErrors.max().map { (low, $0) }
        }) {
            console.remark("RMSE from \(unit(low)) to \(unit(high)) in the \(evaluation.foldErrors.count) folds")
        }
        for remark in samples.remarks { console.remark(remark) }
        if let better = evaluation.losesTo { console.remark("loses to the baseline '\(better.name)'") }
    }

    static func table(_ errors: [ClassErrors]) -> String {
        var table = TextTable(["model", "log-loss", "accuracy", "Brier", "calibration error"])
        for errors in errors {
            table.add([
                errors.name, String(format: "%.4f", errors.logLoss), Units.formatPercent(errors.accuracy),
                String(format: "%.4f", errors.brier), String(format: "%.4f", errors.calibrationError),
            ])
        }
        return table.text
    }

    /// Which classes were taken for which, of up to eight.
    private static func table(_ confusion: [[Int]], _ classes: [String]) -> String {
        let shown = classes.prefix(8)
        var table = TextTable(["class"] + shown.map { "as \($0)" })
        for (place, name) in shown.enumerated() {
            table.add([name] + confusion[place].prefix(8).map(String.init))
        }
        return table.text
    }

    static func table(_ errors: [TableErrors], _ target: String) -> String {
        let unit = TableUnit(column: target)
        var table = TextTable(["model", "RMSE", "MAE", "MdAPE", "pinball", "80 % holds", "90 % holds"])
        for errors in errors {
            table.add([
                errors.name, unit(errors.rmse), unit(errors.mae), Units.formatPercent(errors.mdape),
                unit(errors.pinball),
                Units.formatPercent(errors.coverage80), Units.formatPercent(errors.coverage90),
            ])
        }
        return table.text
    }
}
