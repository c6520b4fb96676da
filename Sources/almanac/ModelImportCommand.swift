import ArgumentParser
import Forests
import Foundation
import ModelFiles
import Prediction
import Tables

/// `almanac model import`: a model that another program trained.
struct ModelImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Import a forest of LightGBM (text), XGBoost (JSON, UBJSON) or ONNX; the content says which.",
        discussion: """
            With --target it predicts tasks: 'almanac predict', 'plan' and 'run' use it in place of our own model. Its \
            features are then found by name: task_type, input_bytes, cpus, requested_memory_bytes, param.NAME. Without, \
            it predicts rows of tables. LightGBM, and XGBoost from 3.1 on, keep the names of levels if they were trained \
            on pandas categories.
            """)

    enum Target: String, ExpressibleByArgument, CaseIterable {
        case runtime, memory, output
        var task: TaskTarget {
            switch self {
            case .runtime: .runtime
            case .memory: .peakMemory
            case .output: .outputSize
            }
        }
    }

    @Argument(help: "The file that the other program wrote.")
    var file: String

    @OptionGroup var global: GlobalOptions

    @Option(name: .long, help: "What of a task it predicts: runtime (seconds), memory or output (bytes).")
    var target: Target?

    @Option(name: .long, help: "With --target, the folder of models that it is put into.")
    var models = "models"

    @Option(name: .shortAndLong, help: "The model file to write, instead of one in the folder of models.")
    var output: String?

    @Flag(name: .long, help: "It predicts the natural logarithm of the target.")
    var log = false

    @Option(name: .long, help: "Names of its features in order, separated by commas, where the file has none.")
    var features: String?

    @Option(name: .long, help: "COL=A,B,C: the names of a feature's levels in the order of their codes. Repeatable.")
    var levels: [String] = []

    @Option(name: .long, help: "A table that it has not seen: gives it intervals.")
    var calibrate: String?

    @Option(name: .long, help: "The column of that table with the outcome; with --target the one of our schema.")
    var column: String?

    func validate() throws {
        guard target != nil || output != nil else {
            throw ValidationError("Say what it is for: --target runtime (or memory, output), or --output FILE.")
        }
        guard calibrate == nil || column != nil || target != nil else {
            throw ValidationError("--calibrate needs the outcome: add --column COL.")
        }
    }

    private struct Imported: Encodable {
        let file: String
        let format: String
        let trees: Int
        let features: [String]
        let target: String?
    }

    func run() throws {
        let console = global.console
        guard let data = FileManager.default.contents(atPath: file) else {
            throw Failure.input("\(file): there is no such file, or it cannot be read.")
        }
        let bytes = Array(data)
        let format = try PortableTrees.format(of: bytes, path: file)
        let trees = try named(PortableTrees(bytes: bytes, path: file))
        var card = TableModel.Card(
            target: target?.task.rawValue ?? column ?? "prediction", learner: "imported from \(format.rawValue)")
        (card.isLogarithmic, card.version) = (log, Almanac.version)
        var model = TableModel(.imported(trees), card: card)
        if let calibrate {
            let table = try TableFile(calibrate, for: trees.features)
            let data = try table.data(for: trees.features)
            let unseen = UnseenLevels(model.forest, data)
            if let problem = unseen.problem { throw Failure.input("\(calibrate): \(problem)") }
            for remark in unseen.remarks { console.remark("\(calibrate): \(remark)") }
            model = try model.calibrated(
                on: data, actual: table.numbers(column ?? card.target), levels: TableTraining.levels)
        }
        let path: String
        if let target {
            let task = ImportedTaskModel(model, target: target.task)
            path = output ?? (models as NSString).appendingPathComponent(ModelSet.FileName.of(target.task))
            if output == nil {
                try FileManager.default.createDirectory(atPath: models, withIntermediateDirectories: true)
            }
            try task.modelFile().write(to: path)
            let unknown = task.unknownFeatures
            if !unknown.isEmpty {
                console.remark("no task says its \(unknown.joined(separator: ", ")): always missing")
            }
            if task.typeNames.isEmpty {
                console.remark("it does not ask for the task type")
            } else if task.typeNames.allSatisfy({ Int($0) != nil }) {
                console.remark("its task types have no names; give them with --levels task_type=A,B,C")
            }
            if model.levels.isEmpty {
                console.remark("it has no intervals: every quantile is its prediction; --calibrate gives it some")
            }
        } else {
            path = output ?? ""
            try model.write(to: path)
        }
        // What was written must read back before anybody relies on it.
        guard try TableModel(contentsOf: path).forest.shape == model.forest.shape else {
            throw Failure.input("\(path): does not read back as it was written. Import the model again.")
        }
        for remark in trees.remarks { console.remark(remark) }
        for (feature, isAsked) in zip(trees.features, model.forest.isAsked) where isAsked && feature.levelKind == .codes
        {
            guard target == nil else { continue }
            console.remark(
                "the levels of \(feature.name) have no names: it is asked for by code. Give names with --levels "
                    + "\(feature.name)=A,B,C")
        }
        try console.result(
            Imported(
                file: path, format: format.rawValue, trees: trees.trees.count, features: trees.features.map(\.name),
                target: target?.task.rawValue),
            text: "\(path): \(format.rawValue), \(trees.trees.count) trees, from "
                + trees.features.map(\.name).joined(separator: ", "))
    }

    /// The trees with the names that were given.
    private func named(_ trees: PortableTrees) throws -> PortableTrees {
        var result = trees
        if let features {
            let names = features.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            guard names.count == trees.features.count else {
                throw Failure.input(
                    "--features names \(names.count) features, the model has \(trees.features.count): "
                        + trees.features.map(\.name).joined(separator: ", "))
            }
            result.features = zip(names, trees.features).map {
                ForestFeature(name: $0, levels: $1.levels, levelKind: $1.levelKind)
            }
        }
        for text in levels {
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, let index = result.features.firstIndex(where: { $0.name == parts[0] }) else {
                throw Failure.input(
                    "--levels is '\(text)', expected COL=A,B,C with one of "
                        + result.features.map(\.name).joined(separator: ", "))
            }
            try result.setLevels(
                parts[1].split(separator: ",", omittingEmptySubsequences: false).map(String.init), ofFeature: index)
        }
        return result
    }
}
