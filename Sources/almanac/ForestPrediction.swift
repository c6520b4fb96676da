import Forests
import Foundation
import Tables
import Workloads

/// What `almanac predict` does with a forest and a table.
struct ForestPrediction {
    let model: TableModel
    let level: Double
    let explains: Bool
    let training: String?
    let output: String?
    let allowsUnseen: Bool
    let threads: Int

    /// How many rows are printed, or explained.
    private static let printed = 20
    private static let explained = 5
    private static let neighbours = 3

    private struct Row: Encodable {
        let line: Int
        let value: Double
        let lower: Double?
        let upper: Double?
        var base: Double?
        var contributions: [String: Double]?
        var nearest: [Neighbour]?
    }

    private struct Neighbour: Encodable {
        let line: Int
        let value: Double
        /// The share of the trees in which both rows share a leaf.
        let share: Double
    }

    func run(_ path: String, _ console: Console) throws {
        let features = model.forest.features
        let table = try TableFile(path, for: features)
        let data = try table.data(for: features)
        let unseen = UnseenLevels(model.forest, data)
        if let problem = unseen.problem, !allowsUnseen {
            throw Failure.input("\(table.path): \(problem), or add --allow-unseen.")
        }
        if let classes = model.forest.classes {
            try ClassPrediction(model: model, classes: classes, explains: explains, output: output, threads: threads)
                .run(table, data, console)
            for remark in unseen.remarks { console.remark(remark) }
            return
        }
        let groups = try model.card.groupColumn.map { name in try table.words(name).map { $0 ?? "(none)" } }
        let hasIntervals = !model.levels.isEmpty
        let found = try model.predict(data, groups: groups, level: hasIntervals ? level : nil, threads: threads)
        var rows = found.enumerated().map { index, prediction in
            Row(
                line: table.lines[index], value: prediction.value, lower: hasIntervals ? prediction.lower : nil,
                upper: hasIntervals ? prediction.upper : nil)
        }
        let unit = TableUnit(column: model.card.target)
        let interval = hasIntervals ? [Units.formatPercent(level) + " from", "to"] : []
        var text = TextTable(["line", model.card.target] + interval)
        for row in rows.prefix(Self.printed) {
            text.add([String(row.line), unit(row.value)] + [row.lower, row.upper].compactMap { $0.map { unit($0) } })
        }
        var lines = [text.text]
        if rows.count > Self.printed {
            lines.append("… and \(rows.count - Self.printed) more (--output FILE or --json have all)")
        }
        if explains {
            let count = min(rows.count, Self.explained)
            let first = data.rows(Array(0..<count))
            let explanations = try model.explain(first)
            let neighbours = try nearest(first, console)
            for index in 0..<count {
                let explanation = explanations[index]
                lines += ["", "line \(rows[index].line): \(unit(explanation.base)) on average"]
                rows[index].base = explanation.base
                rows[index].contributions = Dictionary(
                    zip(features.map(\.name), explanation.contributions), uniquingKeysWith: { first, _ in first })
                let order = features.indices.sorted {
                    abs(explanation.contributions[$0]) > abs(explanation.contributions[$1])
                }
                for feature in order {
                    let value = explanation.contributions[feature]
                    lines.append(
                        "  \(value < 0 ? "−" : "+")\(unit(abs(value)))  "
                            + "\(features[feature].name) = \(Self.text(data, feature, index))")
                }
                if let neighbours {
                    rows[index].nearest = neighbours[index]
                    for neighbour in neighbours[index] {
                        lines.append(
                            "  like line \(neighbour.line) of the training table: \(unit(neighbour.value)) "
                                + "(same leaf in \(Units.formatPercent(neighbour.share)) of the trees)")
                    }
                }
            }
        }
        if let output { try write(rows, to: output) }
        try console.result(rows, text: lines.joined(separator: "\n"))
        if !hasIntervals { console.remark("the model has no intervals") }
        if explains, rows.count > Self.explained {
            console.remark("the first \(Self.explained) rows are explained")
        }
        for remark in unseen.remarks { console.remark(remark) }
    }

    /// The training rows that are most alike; `nil` if the table that was learnt from is not there.
    private func nearest(_ data: ForestData, _ console: Console) throws -> [[Neighbour]]? {
        guard let path = training ?? model.card.trainingFile, FileManager.default.fileExists(atPath: path) else {
            console.remark("--training TABLE names the table that it learnt from, to show the rows most alike")
            return nil
        }
        let table = try TableFile(path, for: model.forest.features)
        let actual = try table.numbers(model.card.target)
        let all = try table.data(for: model.forest.features)
        let rows = actual.indices.filter { actual[$0].isFinite }
        return try model.forest.nearest(data, among: all.rows(rows), count: Self.neighbours).map { found in
            found.map { Neighbour(line: table.lines[rows[$0.row]], value: actual[rows[$0.row]], share: $0.share) }
        }
    }

    private static func text(_ data: ForestData, _ feature: Int, _ row: Int) -> String {
        switch data.columns[feature].values {
        case .numeric(let values):
            return values[row].isNaN ? "(missing)" : TableUnit(column: data.columns[feature].name)(values[row])
        case .categorical(let codes, let levels): return codes[row] < 0 ? "(missing)" : levels[Int(codes[row])]
        }
    }

    private func write(_ rows: [Row], to path: String) throws {
        var text = "line,\(model.card.target)" + (model.levels.isEmpty ? "\n" : ",lower,upper\n")
        for row in rows {
            let numbers = [row.value] + [row.lower, row.upper].compactMap(\.self)
            text += "\(row.line)," + numbers.map { "\($0)" }.joined(separator: ",") + "\n"
        }
        try Console.write(Data(text.utf8), toFile: path)
    }
}
