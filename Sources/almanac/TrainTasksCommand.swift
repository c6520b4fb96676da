import ArgumentParser
import Foundation
import Learning
import Markets
import Prediction
import Store
import Workloads

/// `almanac train [tasks]`: models from the store.
struct TrainTasksCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tasks",
        abstract: "Train models of run time, memory, output size and spot price on the imported traces.",
        discussion: """
            Trains what the store has data for, or only the target named. Each model file says what it learnt from, and \
            how far off it was on the last 30 % of each task type beside the plain median.
            """)

    enum Target: String, ExpressibleByArgument, CaseIterable { case all, runtime, memory, output, price }

    @Argument(help: "What to predict: all, runtime, memory, output or price.")
    var target: Target = .all

    @OptionGroup var storage: StoreOptions
    @OptionGroup var global: GlobalOptions

    @Option(name: .long, help: "Folder that the model files are written to.")
    var models = "models"

    @Option(name: .long, help: "Learn from this workflow only.")
    var workflow: String?

    @Option(
        name: .long,
        help: "Speeds of machines, a CSV table 'machine,work,speed': run times are then predicted for all of them.")
    var machineScores: String?

    @Option(name: .long, help: "Trees of the forest.")
    var trees = 100

    func validate() throws {
        guard 1...10_000 ~= trees else { throw ValidationError("--trees is \(trees), expected 1 to 10000.") }
    }

    func run() throws {
        let console = global.console
        let store = try storage.existing()
        var options = TaskModelOptions()
        options.threads = global.threads
        options.trees = trees
        if let machineScores {
            options.machineScores = try MachineScores(
                csv: String(contentsOfFile: machineScores, encoding: .utf8), name: machineScores)
        }
        let training = Training(folder: models, options: options, seed: global.seed, version: Almanac.version)

        try training.checkFolder()
        var trained: [Training.Trained] = []
        let targets = TaskTarget.allCases.filter { target == .all || $0 == target.task }
        if target != .price {
            let table = try store.executions(workflow: workflow)
            let bar = console.progress("training", total: targets.count)
            for target in targets {
                do {
                    trained.append(try training.train(target, on: table))
                } catch PredictionError.noRows where self.target == .all {
                    console.remark("no run recorded \(target.rawValue): no model of it")
                }
                bar.advance()
            }
            bar.finish()
        }
        if target == .price || target == .all {
            let prices = try store.spotPrices(product: SpotMarket.linux)
            if target == .price || prices.count > 0 {
                trained.append(try training.trainPrices(on: prices).trained)
            }
        }
        guard !trained.isEmpty else {
            throw Failure.input(
                "\(storage.store): the store has nothing to learn from. Import traces: 'almanac import auto FILE'.")
        }
        try console.result(trained, text: Self.text(trained))
        for ratios in trained.compactMap(\.errorAgainstNaive) where !ratios.isEmpty {
            let text = zip(PriceModel.judgedHours, ratios).map { "\($0) h: \(String(format: "%.2f", $1))" }
            console.remark(
                "price error on the last week against naive (below 1 is better): \(text.joined(separator: ", "))")
        }
        for model in trained where model.heldOut?.losesToMedian == true {
            console.remark("\(model.target): loses to the plain median on held-out runs; more or newer runs may help")
        }
    }
}

extension TrainTasksCommand {
    /// A table of the models of tasks, and one of that of prices.
    private static func text(_ trained: [Training.Trained]) -> String {
        var tasks = TextTable(["model", "rows", "types", "MdAPE", "median's", "90 % holds", "file"])
        var prices = TextTable(["model", "prices", "markets", "file"])
        for model in trained {
            if model.errorAgainstNaive != nil {
                prices.add([model.target, String(model.rows), String(model.groups), model.file])
                continue
            }
            let heldOut = model.heldOut
            tasks.add([
                model.target, String(model.rows), String(model.groups), heldOut.map { percent($0.chosen.mdape) } ?? "–",
                heldOut?.candidates[.median].map { percent($0.mdape) } ?? "–",
                heldOut.map { percent($0.coverage90) } ?? "–", model.file,
            ])
        }
        return [tasks, prices].filter { !$0.rows.isEmpty }.map(\.text).joined(separator: "\n\n")
    }
}

extension TrainTasksCommand.Target {
    fileprivate var task: TaskTarget? {
        switch self {
        case .runtime: .runtime
        case .memory: .peakMemory
        case .output: .outputSize
        case .all, .price: nil
        }
    }
}

/// A share as a percentage with three significant digits.
func percent(_ value: Double) -> String {
    value.isFinite ? String(format: abs(value) < 0.9995 ? "%.1f %%" : "%.0f %%", value * 100) : "–"
}
