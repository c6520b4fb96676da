import Forests
import Foundation
import Tables
import Workloads

/// What `almanac model show` says of a forest.
struct ForestDescription {
    let lines: [String]

    init(_ model: TableModel) {
        let (card, shape, features) = (model.card, model.forest.shape, model.forest.features)
        var lines = [
            "  predicts: \(card.isLogarithmic ? "the logarithm of " : "")\(card.target), by \(card.learner)",
            "  trees: \(shape.trees), nodes: \(shape.nodes), leaves: \(shape.leaves)"
                + (shape.lines > 0 ? ", lines: \(shape.lines)" : ""),
        ]
        if let rows = model.forest.trainingRowCount { lines.append("  training rows: \(rows)") }
        if let file = card.trainingFile { lines.append("  learnt from: \(file)") }
        if let options = Self.options(model.forest) { lines.append("  options: \(options)") }
        if !card.intervals.isEmpty {
            let levels = card.intervals.map { Units.formatPercent($0.level) }.joined(separator: ", ")
            lines.append("  intervals: \(levels)" + (card.groupColumn.map { ", by \($0)" } ?? ""))
        }
        if !card.heldOut.isEmpty {
            lines += ["", "On rows that were held out:", EvaluateForestCommand.table(card.heldOut, card.target)]
        }
        if let classes = model.forest.classes {
            lines.append("  classes: \(classes.prefix(12).joined(separator: ", "))\(classes.count > 12 ? ", …" : "")")
        }
        if let errors = card.heldOutClasses {
            lines += ["", "On rows that were held out:", EvaluateForestCommand.table(errors)]
        }
        let total = max(1, shape.tests.reduce(0, +))
        var table = TextTable(["feature", "levels", "tests", "error rises by"])
        let rises = Dictionary(card.importance.map { ($0.feature, $0) }, uniquingKeysWith: { first, _ in first })
        let order = features.indices.sorted {
            let (a, b) = (rises[features[$0].name]?.rise ?? -1, rises[features[$1].name]?.rise ?? -1)
            return (b, shape.tests[$1], $0) < (a, shape.tests[$0], $1)
        }
        for index in order {
            table.add([
                features[index].name, features[index].levels.map { "\($0.count)" } ?? "number",
                Units.formatPercent(Double(shape.tests[index]) / Double(total)),
                rises[features[index].name].map {
                    "\(Units.formatPercent($0.rise)) ± \(Units.formatPercent($0.spread))"
                } ?? "–",
            ])
        }
        lines += ["", table.text]
        for feature in features {
            guard let levels = feature.levels else { continue }
            let shown = levels.prefix(12).joined(separator: ", ")
            lines.append("  levels of \(feature.name): \(shown)\(levels.count > 12 ? ", …" : "")")
        }
        self.lines = lines
    }

    /// The options as JSON without what is usual for `Codable`.
    private static func options(_ forest: FittedForest) -> String? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let data: Data? =
            switch forest {
            case .random(let forest): try? encoder.encode(forest.options)
            case .boosted(let forest): try? encoder.encode(forest.options)
            case .quantiles(let forest): try? encoder.encode(forest.center.options)
            case .linear(let forest): try? encoder.encode(forest.options)
            case .imported, .classes: nil
            }
        return data.map {
            String(decoding: $0, as: UTF8.self).filter { !"{}\"".contains($0) }.replacing(",", with: ", ")
        }
    }
}
