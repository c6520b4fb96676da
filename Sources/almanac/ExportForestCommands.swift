import ArgumentParser
import Forests
import Foundation
import Tables

/// What the exports of forests share.
struct ForestExportOptions: ParsableArguments {
    @Argument(help: "A model file of a forest.")
    var model: String

    @Option(name: .shortAndLong, help: "The file to write.")
    var output: String

    private struct Exported: Encodable {
        let file: String
        let format: String
        let trees: Int
        let bytes: Int
    }

    func write(_ format: String, _ console: Console, _ bytes: (PortableTrees) throws -> Data) throws {
        let model = try TableModel(contentsOf: self.model)
        let trees = try model.forest.portable
        guard !trees.hasLines || format == "LightGBM text" else {
            throw Failure.input("\(self.model): its leaves hold lines, which only LightGBM's format can say.")
        }
        guard trees.link != .signedSquare || format != "XGBoost JSON" else {
            throw Failure.input("\(self.model): it predicts squares of sums, which XGBoost's format cannot say.")
        }
        let data = try bytes(trees)
        try Console.write(data, toFile: output)
        try console.result(
            Exported(file: output, format: format, trees: trees.trees.count, bytes: data.count),
            text: "\(output): \(format), \(trees.trees.count) trees, \(data.count) bytes")
        if format == "LightGBM text", trees.trees.joined().contains(where: { $0.levels != nil && $0.missingGoesLeft }) {
            console.remark("LightGBM sends rows without a level another way than this model does")
        }
        if model.card.isLogarithmic { console.remark("it predicts the natural logarithm of '\(model.card.target)'") }
        if trees.features.contains(where: { $0.levels != nil }) {
            console.remark("levels are codes: the place of a name in the sorted list that 'almanac model show' prints")
        }
    }
}

/// `almanac export lightgbm`
struct ExportLightGBM: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lightgbm", abstract: "Write a forest as LightGBM's text format: nothing is lost.")
    @OptionGroup var export: ForestExportOptions
    @OptionGroup var global: GlobalOptions

    func run() throws {
        try export.write("LightGBM text", global.console) { Data($0.lightGBMText().utf8) }
    }
}

/// `almanac export xgboost`
struct ExportXGBoost: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "xgboost", abstract: "Write a forest as XGBoost's JSON format: single precision.")
    @OptionGroup var export: ForestExportOptions
    @OptionGroup var global: GlobalOptions

    func run() throws { try export.write("XGBoost JSON", global.console) { Data($0.xgboostJSON().utf8) } }
}

/// `almanac export onnx`
struct ExportONNX: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "onnx", abstract: "Write a forest as ONNX, for any runtime of it.")
    @OptionGroup var export: ForestExportOptions
    @OptionGroup var global: GlobalOptions

    func run() throws { try export.write("ONNX", global.console) { Data($0.onnx()) } }
}
