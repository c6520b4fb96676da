import Forests
import Foundation
import LinearAlgebra
import Tables
import Workloads

/// What `almanac predict` does with a forest that tells classes apart.
struct ClassPrediction {
    let model: TableModel
    let classes: [String]
    let explains: Bool
    let output: String?
    let threads: Int

    /// How many rows and classes are printed, and how many rows explained.
    private static let (printed, columns, explained) = (20, 8, 5)

    private struct Row: Encodable {
        let line: Int
        let `class`: String
        let probabilities: [String: Double]
        var contributions: [String: Double]?
    }

    func run(_ table: TableFile, _ data: ForestData, _ console: Console) throws {
        guard let found = try model.forest.probabilities(data, threads: threads) else { return }
        let target = model.card.target
        var rows = (0..<found.rows).map { row in
            let own = classes.indices.map { found[row, $0] }
            let best = own.indices.max { (own[$0], $1) < (own[$1], $0) } ?? 0
            return Row(
                line: table.lines[row], class: classes[best],
                probabilities: Dictionary(zip(classes, own), uniquingKeysWith: { first, _ in first }))
        }
        let shown = classes.prefix(Self.columns)
        var text = TextTable(["line", target] + shown.map { "P(\($0))" })
        for row in rows.prefix(Self.printed) {
            text.add([String(row.line), row.class] + shown.map { Self.text(row.probabilities[$0] ?? 0) })
        }
        var lines = [text.text]
        if rows.count > Self.printed {
            lines.append("… and \(rows.count - Self.printed) more (--output FILE or --json have all)")
        }
        if explains {
            let features = model.forest.features
            let count = min(rows.count, Self.explained)
            for (index, explanation) in try model.explain(data.rows(Array(0..<count))).enumerated() {
                rows[index].contributions = Dictionary(
                    zip(features.map(\.name), explanation.contributions), uniquingKeysWith: { first, _ in first })
                let name = classes.count == 2 ? classes[1] : rows[index].class
                lines += ["", "line \(rows[index].line): what speaks for \(name) (+) and against it (−)"]
                for feature in features.indices.sorted(by: {
                    abs(explanation.contributions[$0]) > abs(explanation.contributions[$1])
                }) {
                    let value = explanation.contributions[feature]
                    lines.append(
                        "  \(value < 0 ? "−" : "+")\(String(format: "%.3f", abs(value)))  \(features[feature].name)")
                }
            }
        }
        if let output {
            // Names of classes may hold commas.
            func quoted(_ text: String) -> String {
                text.contains { $0 == "," || $0 == "\"" || $0.isNewline }
                    ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
            }
            var file = "line,\(quoted(target))," + classes.map { quoted("p_\($0)") }.joined(separator: ",") + "\n"
            for row in rows {
                let numbers = classes.map { "\(row.probabilities[$0] ?? 0)" }
                file += "\(row.line),\(quoted(row.class)),\(numbers.joined(separator: ","))\n"
            }
            try Console.write(Data(file.utf8), toFile: output)
        }
        try console.result(rows, text: lines.joined(separator: "\n"))
    }

    /// A probability, never 0 % nor 100 % unless it is.
    private static func text(_ probability: Double) -> String {
        switch probability {
        case ..<0.0005 where probability > 0: "< 0.1 %"
        case 0.9995... where probability < 1: "> 99.9 %"
        default: String(format: "%.1f %%", 100 * probability)
        }
    }
}
