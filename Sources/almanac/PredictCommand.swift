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
        if let cpus, !(cpus > 0 && cpus.isFinite) { throw ValidationError("--cpus is \(cpus), expected more than 0.") }
        for text in parameter {
            let parts = text.split(separator: "=")
            guard parts.count == 2, Double(parts[1])?.isFinite == true else {
                throw ValidationError("--parameter is '\(text)', expected NAME=NUMBER.")
            }
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
            guard model.featureNames.contains("param.\(parts[0])") else {
                let known = model.featureNames.filter { $0.hasPrefix("param.") }.map { $0.dropFirst("param.".count) }
                throw Failure.input(
                    "--parameter \(parts[0]): the model does not know it. "
                        + (known.isEmpty ? "It knows none." : "It knows: \(known.joined(separator: ", "))."))
            }
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
            let near = nearestName(to: type, among: model.typeNames).map { "Did you mean '\($0)'?" }
            console.remark(
                "'\(type)' was never seen: this is what a typical type takes. "
                    + (near ?? "'almanac model show \(self.model)' lists the types."))
        }
        let unknown = zip(model.featureNames, features).filter { $1.isNaN }.map(\.0)
        if !unknown.isEmpty { console.remark("not given: \(unknown.joined(separator: ", "))") }
    }
}
