import ArgumentParser
import Forests
import Foundation
import ModelFiles
import Prediction
import Tables
import Workloads

/// `almanac predict`: one task, or the rows of a table, by a model file.
struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict",
        abstract: "Predict a task, or the rows of a table, with an interval and what the prediction rests on.",
        discussion: """
            A task: almanac predict models/runtime.safetensors --type sort --input 2GB
            A table, by a model of 'almanac train forest': almanac predict forest.safetensors new.csv
            """)

    @Argument(help: "A model file that 'almanac train' or 'almanac model import' wrote.")
    var model: String

    @Argument(
        help:
            "For a forest of a table: the rows to predict, with the columns that it was trained on; - for standard input."
    )
    var table: String?

    @Option(
        name: .long,
        help:
            "The task type, or the last part of one: SORT for A:B:SORT. One never seen gets a pooled answer and says so."
    )
    var type: String?

    @Option(name: .long, help: "Size of the inputs, for instance 2.5GB.")
    var input: ByteCount?

    @Option(name: .long, help: "Processors reserved for the task.")
    var cpus: Double?

    @Option(name: .long, help: "Memory reserved for the task, for instance 8GB.")
    var memory: ByteCount?

    @Option(name: .long, help: "The machine that will run the task, if its speed is known to the model.")
    var machine: String?

    @Option(name: .long, help: "A parameter as NAME=NUMBER; may be repeated.")
    var parameter: [String] = []

    @Option(name: .long, help: "Probability of the interval.")
    var level = 0.9

    @Flag(name: .long, help: "Say what each feature adds, and which training rows are most alike.")
    var explain = false

    @Option(name: .long, help: "With --explain, the table that the forest learnt from, if it has been moved.")
    var training: String?

    @Option(name: .shortAndLong, help: "Write the predictions of all rows to this CSV file.")
    var output: String?

    @Flag(name: .long, help: "Answer also where no row has a level that the model has seen.")
    var allowUnseen = false

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
        guard (table == nil) != (type == nil) else {
            throw ValidationError("Say what to predict: a task by --type, or the rows of a table by its file.")
        }
    }

    func run() throws {
        let file = try ModelFile(contentsOf: model)
        let isForest = FittedForest.modelKinds.contains(file.kind)
        if let table {
            guard isForest else {
                throw Failure.input(
                    "\(model): a \(file.kind) predicts tasks, not tables. Use --type, or train a forest on a table: "
                        + "'almanac train forest TABLE --target COL'.")
            }
            return try ForestPrediction(
                model: TableModel(file, path: model), level: level, explains: explain, training: training,
                output: output, allowsUnseen: allowUnseen, threads: global.threads
            ).run(table, global.console)
        }
        if isForest {
            guard let imported = try ImportedTaskModel(file, path: model) else {
                throw Failure.input(
                    "\(model): this forest predicts rows of tables, not tasks. Give it a table, or import it with "
                        + "--target.")
            }
            return try predict(imported)
        }
        try predict(TaskModel(file, path: model))
    }

    /// The task that the options describe.
    private func task(_ type: String) -> TaskSpec {
        var task = TaskSpec(id: "task", type: type)
        task.request.cpus = cpus ?? .nan
        task.request.memoryBytes = memory?.bytes ?? 0
        if let input { task.inputs = [FileSpec(path: "input", sizeBytes: input.bytes)] }
        for text in parameter {
            let parts = text.split(separator: "=")
            task.parameters[String(parts[0])] = String(parts[1])
        }
        return task
    }

    /// The type that `--type` names: Nextflow puts the workflows before a process, `NFCORE_MAG:MAG:PRODIGAL`, which nobody
    /// types. The remedy says what comes near one that was never seen.
    private func typeName(among known: [String]) -> (name: String, remedy: String) {
        let type = type ?? ""
        if known.contains(type) { return (type, "") }
        let ending = type.isEmpty ? [] : known.filter { $0.hasSuffix(":" + type) }
        if ending.count == 1 {
            global.console.remark("'\(type)' is taken as '\(ending[0])'")
            return (ending[0], "")
        }
        let process = { (name: String) in String(name.split(separator: ":").last ?? "") }
        let processes = Dictionary(grouping: known, by: process)
        let near =
            !ending.isEmpty
            ? ending
            : nearestName(to: type, among: known).map { [$0] }
                ?? nearestName(to: process(type), among: processes.keys.sorted()).flatMap { processes[$0] } ?? []
        let names = near.prefix(5).map { "'\($0)'" }.joined(separator: " or ") + (near.count > 5 ? " or …" : "")
        return (type, near.isEmpty ? "'almanac model show \(model)' lists the types." : "Did you mean \(names)?")
    }

    private func predict(_ model: TaskModel) throws {
        let console = global.console
        let (type, remedy) = typeName(among: model.typeNames)
        let task = task(type)
        for name in task.parameters.keys.sorted() {
            guard model.featureNames.contains("param.\(name)") else {
                let known = model.featureNames.filter { $0.hasPrefix("param.") }.map { $0.dropFirst("param.".count) }
                throw Failure.input(
                    "--parameter \(name): the model does not know it. "
                        + (known.isEmpty ? "It knows none." : "It knows: \(known.joined(separator: ", "))."))
            }
        }
        let features = TaskFeatures.values(of: task, names: model.featureNames)
        let prediction = model.predict(type: type, features: features, machine: machine, level: level)
        let show = model.target == .runtime ? Units.formatSeconds : Units.formatBytes
        var lines = [
            "\(type): \(model.target.rawValue) \(show(prediction.value))",
            "\(percent(level)) interval \(show(prediction.lower)) to \(show(prediction.upper))",
            "from \(prediction.runs) runs of this type, by \(prediction.model.rawValue)",
        ]
        let request = model.memoryRequest(type: type, features: features)
        if let request {
            let risk =
                request.atLeastBytes.map {
                    "\(request.killed) of \(Units.count(request.runs, "run")) were killed: the need is not known, at least \(show($0))"
                }
                ?? (request.isPredicted
                    ? "too little for \(percent(request.failureShare)) of such tasks"
                    : "few runs: nobody knows how often it is too little")
            lines.append(
                "request \(show(request.bytes)), \(risk), then \(show(request.retryBytes)); the most seen is "
                    + show(request.maximumSeenBytes))
        }
        let explanation = explain ? model.explain(type: type, features: features, machine: machine) : nil
        if let explanation {
            lines += ["", "\(show(explanation.base))  from the type alone"]
            for part in explanation.contributions {
                lines.append("\(part.value < 0 ? "−" : "+")\(show(abs(part.value)))  \(part.feature)")
            }
        }
        struct Answer: Encodable {
            let prediction: TaskPrediction
            let explanation: TaskExplanation?
            let request: MemoryRequest?

            func encode(to encoder: any Encoder) throws {
                try prediction.encode(to: encoder)
                var container = encoder.container(keyedBy: Key.self)
                try container.encodeIfPresent(explanation, forKey: .explanation)
                try container.encodeIfPresent(request, forKey: .request)
            }
            enum Key: CodingKey { case explanation, request }
        }
        try console.result(
            Answer(prediction: prediction, explanation: explanation, request: request),
            text: lines.joined(separator: "\n"))
        if let machine, !model.knowsSpeed(of: machine) {
            console.remark(
                "nothing is known of the speed of '\(machine)': this is the time on the machines of the recorded runs. "
                    + "'almanac train --machine-scores' reads speeds.")
        }
        if prediction.runs == 0 {
            console.remark("'\(type)' was never seen: this is what a typical type takes. \(remedy)")
        }
        let unknown = zip(model.featureNames, features).filter { $1.isNaN }.map(\.0)
        if !unknown.isEmpty { console.remark("not given: \(unknown.joined(separator: ", "))") }
    }

    private func predict(_ imported: ImportedTaskModel) throws {
        let console = global.console
        let (type, remedy) = typeName(among: imported.typeNames)
        let task = task(type)
        let hasIntervals = !imported.model.levels.isEmpty
        guard let found = try imported.interval(task, level: hasIntervals ? level : nil) else { return }
        let show = imported.target == .runtime ? Units.formatSeconds : Units.formatBytes
        var lines = ["\(type): \(imported.target.rawValue) \(show(max(0, found.value)))"]
        if hasIntervals {
            lines.append("\(percent(level)) interval \(show(max(0, found.lower))) to \(show(max(0, found.upper)))")
        }
        lines.append("by a forest, \(imported.model.card.learner)")
        if explain, let explanation = try imported.explain(task) {
            lines += ["", "\(show(max(0, explanation.base)))  on average"]
            for (feature, value) in zip(imported.model.forest.features, explanation.contributions) {
                lines.append("\(value < 0 ? "−" : "+")\(show(abs(value)))  \(feature.name)")
            }
        }
        try console.result(found, text: lines.joined(separator: "\n"))
        if !imported.typeNames.isEmpty, !imported.typeNames.contains(type) {
            console.remark("the model has never seen '\(type)'. \(remedy)")
        }
        if !hasIntervals { console.remark("it has no intervals: import it with --calibrate") }
    }
}
