import ArgumentParser
import Foundation
import Prediction
import Workloads

/// `almanac predict`: one task, by a model file.
struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict",
        abstract: "Predict the run time, memory or output of one task, with an interval and the runs behind it.")

    @Argument(help: "A model file that 'almanac train' wrote, for instance models/runtime.safetensors.")
    var model: String

    @Option(name: .long, help: "The task type. A type never seen gets a pooled answer and says so.")
    var type: String

    @Option(name: .long, help: "Size of the inputs, for instance 2.5GB.")
    var input: ByteCount?

    @Option(name: .long, help: "Processors reserved for the task.")
    var cpus: Double?

    @Option(name: .long, help: "Memory reserved for the task, for instance 8GB.")
    var memory: ByteCount?

    @Option(name: .long, help: "A parameter as NAME=NUMBER; may be repeated.")
    var parameter: [String] = []

    @Option(name: .long, help: "Probability of the interval.")
    var level = 0.9

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard level > 0, level < 1 else { throw ValidationError("--level is \(level), expected between 0 and 1.") }
        for text in parameter where text.split(separator: "=").count != 2 {
            throw ValidationError("--parameter is '\(text)', expected NAME=NUMBER.")
        }
    }

    func run() throws {
        let console = global.console
        let model = try TaskModel(contentsOf: model)
        var task = TaskSpec(id: "task", type: type)
        task.request.cpus = cpus ?? .nan
        task.request.memoryBytes = memory?.bytes ?? 0
        if let input { task.inputs = [FileSpec(path: "input", sizeBytes: input.bytes)] }
        for text in parameter {
            let parts = text.split(separator: "=")
            task.parameters[String(parts[0])] = String(parts[1])
        }
        let features = TaskFeatures.values(of: task, names: model.featureNames)
        let prediction = model.predict(type: type, features: features, level: level)
        let show = model.target == .runtime ? Units.formatSeconds : Units.formatBytes
        try console.result(
            prediction,
            text: """
                \(type): \(model.target.rawValue) \(show(prediction.value))
                \(percent(level)) interval \(show(prediction.lower)) to \(show(prediction.upper))
                from \(prediction.runs) runs of this type, by \(prediction.model.rawValue)
                """)
        if prediction.runs == 0 {
            let close = model.typeNames.prefix(6).joined(separator: ", ")
            console.remark("'\(type)' was never seen: this is what a typical type takes. Known: \(close), …")
        }
        let unknown = zip(model.featureNames, features).filter { $1.isNaN }.map(\.0)
        if !unknown.isEmpty { console.remark("not given: \(unknown.joined(separator: ", "))") }
    }
}
