import ArgumentParser
import Forests
import Foundation
import ModelFiles
import Prediction
import Tables
import Workloads

/// `almanac model`: what is in a model file.
struct ModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "Look into model files, and import those of other programs.",
        subcommands: [Show.self, ModelImportCommand.self])

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Say what a model file holds and how good it was.")

        @Argument(help: "The model file.")
        var file: String

        @OptionGroup var global: GlobalOptions

        private struct Contents: Encodable {
            let kind: String
            let schemaVersion: Int
            let metadata: [String: String]
            let tensors: [String: [Int]]
            enum CodingKeys: String, CodingKey {
                case kind, metadata, tensors
                case schemaVersion = "schema_version"
            }
        }

        func run() throws {
            let model = try ModelFile(contentsOf: file)
            var tensors: [String: [Int]] = [:]
            for name in model.tensorNames { tensors[name] = try model.shape(of: name) }
            let contents = Contents(
                kind: model.kind, schemaVersion: model.schemaVersion, metadata: model.metadata, tensors: tensors)
            var lines = [
                "\(file): \(model.kind), schema version \(model.schemaVersion), "
                    + "\(Units.formatBytes(Double(model.tensorBytes))) of tensors"
            ]
            for (key, text) in model.metadata.sorted(by: { $0.key < $1.key }) {
                lines.append("  \(key): \(text.count > 100 ? "\(text.prefix(99))…" : text)")
            }
            if model.kind == TaskModel.modelKind {
                let tasks = try TaskModel(model, path: file)
                var table = TextTable(["task type", "runs", "model"])
                for type in tasks.typeNames {
                    guard let choice = tasks.choice(for: type) else { continue }
                    table.add([type, String(choice.runs), choice.model.rawValue])
                }
                lines += ["", table.text]
            }
            if FittedForest.modelKinds.contains(model.kind) {
                lines = [lines[0]] + ForestDescription(try TableModel(model, path: file)).lines
            }
            try global.console.result(contents, text: lines.joined(separator: "\n"))
        }
    }
}
