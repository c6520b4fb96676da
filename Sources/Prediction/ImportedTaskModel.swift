public import Forests
internal import Foundation
public import ModelFiles
internal import Reading
internal import Scheduling
public import Tables
public import Workloads

/// A forest that predicts the run time, memory or output of tasks from features with the names of the trace schema:
/// trained elsewhere (LightGBM, XGBoost, ONNX) and imported, or by `almanac train forest` on a table of runs.
///
/// Known names, with the other names that they may have: `task_type` (`type`, `process`), `input_bytes`
/// (`size_bytes`), `cpus`, `requested_memory_bytes` (`memory_bytes`), and `param.NAME`. Any other feature is missing.
public struct ImportedTaskModel: Sendable {
    public let target: TaskTarget
    public let model: TableModel
    private let sources: [Source]

    /// Where a feature's value comes from.
    private enum Source: Sendable {
        case type, input, cpus, memory
        case parameter(String)
        case none

        init(_ name: String) {
            switch name {
            case "task_type", "type", "process": self = .type
            case "input_bytes", "size_bytes": self = .input
            case "cpus": self = .cpus
            case "requested_memory_bytes", "memory_bytes": self = .memory
            default:
                let prefix = TaskFeatures.parameterPrefix
                self = name.hasPrefix(prefix) ? .parameter(String(name.dropFirst(prefix.count))) : .none
            }
        }
    }

    private static let key = "task_target"

    public init(_ model: TableModel, target: TaskTarget) {
        (self.model, self.target) = (model, target)
        sources = model.forest.features.map { Source($0.name) }
    }

    /// The features of which no task knows anything.
    public var unknownFeatures: [String] {
        zip(model.forest.features, sources).compactMap { feature, source in
            if case .none = source { feature.name } else { nil }
        }
    }

    /// The task types that it learnt; empty if it does not ask for the type.
    public var typeNames: [String] {
        zip(model.forest.features, sources).compactMap { feature, source in
            if case .type = source { feature.levels } else { nil }
        }.first ?? []
    }

    /// What it expects of each task, in seconds or bytes, at least zero, and quantiles of that: of each probability the end
    /// of the nearest of the model's intervals that reaches as far. A model without intervals has no spread.
    ///
    /// - Throws: What the model throws of tasks that it cannot read.
    func estimates(of tasks: [TaskSpec]) throws -> (expected: [Double], quantiles: [Estimates.Quantiles]) {
        guard !tasks.isEmpty else { return ([], []) }
        let data = try data(tasks)
        let groups = model.card.groupColumn.map { column in tasks.map { word($0, Source(column)) } }
        let expected = try model.predict(data).map { max(0, $0.value) }
        guard let last = model.levels.last else { return (expected, expected.map { .init(exactly: $0) }) }
        var ends: [Double: [TablePrediction]] = [:]
        func level(_ p: Double) -> Double { model.levels.first { $0 >= abs(2 * p - 1) - 1e-9 } ?? last }
        for p in Estimates.Quantiles.levels where p != 0.5 && ends[level(p)] == nil {
            ends[level(p)] = try model.predict(data, groups: groups, level: level(p))
        }
        let quantiles = tasks.indices.map { task in
            Estimates.Quantiles { p in
                guard p != 0.5, let end = ends[level(p)]?[task] else { return expected[task] }
                return max(0, p > 0.5 ? end.upper : end.lower)
            }
        }
        return (expected, quantiles)
    }

    /// The prediction with an interval of one of the model's levels.
    public func interval(_ task: TaskSpec, level: Double?) throws -> TablePrediction? {
        try model.predict(data([task]), groups: groups(task), level: level, threads: 1).first
    }

    /// What each feature adds for a task, in seconds or bytes.
    public func explain(_ task: TaskSpec) throws -> ForestExplanation? { try model.explain(data([task])).first }

    /// Tasks as a table, a row for each.
    public func data(_ tasks: [TaskSpec]) throws(ForestError) -> ForestData {
        try ForestData(
            zip(model.forest.features, sources).map { feature, source in
                guard feature.levels != nil else { return .numeric(feature.name, tasks.map { number($0, source) }) }
                return .categorical(feature.name, tasks.map { word($0, source) })
            })
    }

    private func groups(_ task: TaskSpec) -> [String?]? {
        model.card.groupColumn.map { column in [word(task, Source(column))] }
    }

    private func number(_ task: TaskSpec, _ source: Source) -> Double {
        switch source {
        case .type, .none: .nan
        case .input: task.inputBytes ?? .nan
        case .cpus: task.request.cpus
        case .memory: task.request.memoryBytes > 0 ? task.request.memoryBytes : .nan
        case .parameter(let name): task.parameters[name].flatMap(Double.init) ?? .nan
        }
    }

    private func word(_ task: TaskSpec, _ source: Source) -> String? {
        switch source {
        case .type: task.type
        case .parameter(let name): task.parameters[name]
        case .input, .cpus, .memory:
            Int(exactly: number(task, source).rounded()).map(String.init)
        case .none: nil
        }
    }
}

extension ImportedTaskModel {
    /// The model file: that of the forest, which names the target of the tasks.
    public func modelFile() throws -> ModelFile {
        var file = try model.modelFile()
        file.metadata[Self.key] = target.rawValue
        return file
    }

    /// Reads a forest that predicts tasks; `nil` if the file holds something else.
    ///
    /// - Throws: What reading the forest throws, and ``PredictionError/wrongTarget(_:found:expected:)``.
    public init?(_ file: ModelFile, path: String, target: TaskTarget? = nil) throws {
        guard FittedForest.modelKinds.contains(file.kind) else { return nil }
        let model = try TableModel(file, path: path)
        let found = TaskTarget(rawValue: file.metadata[Self.key] ?? model.card.target)
        guard let found else { return nil }
        if let target, found != target { throw PredictionError.wrongTarget(path, found: found, expected: target) }
        self.init(model, target: found)
    }
}
