import Foundation
import Prediction

/// Predictions of the rows of a table that are marked as tests, in their order.
struct Answer: Encodable {
    var predicted: [Double] = []
    var lower: [Double] = []
    var upper: [Double] = []
    /// The quantile above which an alert is raised.
    var alert: [Double] = []
}

/// History → next, per set of runs.
func laterRuns(_ table: Table) throws -> [String: Answer] {
    let (sets, tests) = (try table.texts("set"), try table.numbers("test"))
    let questions = try Questions(table, features: ["size_bytes", "cpus", "requested_memory_bytes"])
    var answers: [String: Answer] = [:]
    for (set, rows) in grouped(sets, sets.indices) {
        let model = try TaskModel.fit(
            questions.samples(
                rows.filter { tests[$0] == 0 }, target: set.hasSuffix("run time") ? .runtime : .peakMemory),
            options: options, seed: 1)
        answers[set] = questions.answer(model, rows.filter { tests[$0] == 1 })
    }
    return answers
}

/// Lotaru's protocol: runs on one machine, predictions for others of which scores are known.
func timesOnOtherMachines(_ table: Table, scores: String?) throws -> Answer {
    let (sets, tests) = (try table.texts("set"), try table.numbers("test"))
    let questions = try Questions(table, features: ["size_bytes"], machines: try table.texts("machine"))
    var options = options
    if let scores {
        options.machineScores = try MachineScores(csv: String(contentsOfFile: scores, encoding: .utf8), name: scores)
    }
    var answer = Answer()
    for (_, rows) in grouped(sets, sets.indices) {
        let model = try TaskModel.fit(
            questions.samples(rows.filter { tests[$0] == 0 }, target: .runtime), options: options, seed: 1)
        let part = questions.answer(model, rows.filter { tests[$0] == 1 })
        answer.predicted += part.predicted
        answer.lower += part.lower
        answer.upper += part.upper
        answer.alert += part.alert
    }
    return answer
}

private var options: TaskModelOptions {
    var options = TaskModelOptions()
    options.threads = 2
    return options
}

/// The columns of a table of runs.
private struct Questions {
    let types: [String]
    let values: [Double]
    let names: [String]
    let features: [[Double]]
    let machines: [String?]

    init(_ table: Table, features names: [String], machines: [String]? = nil) throws {
        types = try table.texts("type")
        values = try table.numbers("value")
        self.names = names
        features = try names.map { try table.numbers($0) }
        self.machines = machines ?? [String?](repeating: nil, count: types.count)
    }

    func samples(_ rows: [Int], target: TaskTarget) throws -> TaskSamples {
        let groups = grouped(types, rows)
        let codes = Dictionary(uniqueKeysWithValues: groups.enumerated().map { ($1.key, $0) })
        return try TaskSamples(
            target: target, typeNames: groups.map(\.key), featureNames: names,
            types: rows.map { codes[types[$0]] ?? 0 }, features: features.map { column in rows.map { column[$0] } },
            values: rows.map { values[$0] }, machines: rows.map { machines[$0] })
    }

    func answer(_ model: TaskModel, _ rows: [Int]) -> Answer {
        var answer = Answer()
        for row in rows {
            let prediction = model.predict(
                type: types[row], features: features.map { $0[row] }, machine: machines[row])
            answer.predicted.append(prediction.value)
            answer.lower.append(prediction.lower)
            answer.upper.append(prediction.upper)
            answer.alert.append(
                model.quantile(type: types[row], features: features.map { $0[row] }, machine: machines[row], 0.99))
        }
        return answer
    }
}
