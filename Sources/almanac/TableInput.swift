import ArgumentParser
import Forests
import Foundation
import Tables
import Traces
import Workloads

/// The table that a command learns from, and how.
struct TableOptions: ParsableArguments {
    @Argument(help: "A table with a header: CSV, or with tabs; - for standard input.")
    var table: String

    @Option(name: .long, help: "The column to predict.")
    var target: String

    @Option(name: .long, help: "random, extra, quantile, boosted, boosted-quantiles, linear or boosted-linear.")
    var learner = "boosted"

    @Option(name: .long, help: "Of 'boosted': squared, absolute, gamma, huber=DELTA or quantile=P.")
    var loss = "squared"

    @Flag(name: .long, help: "Learn logarithms: errors count in proportion. For seconds and bytes.")
    var log = false

    @Option(name: .long, help: "COL=+1: more of COL never lowers the prediction; COL=-1: never raises it. Repeatable.")
    var monotone: [String] = []

    @Option(name: .long, help: "A column whose numbers are names. Repeatable.")
    var categorical: [String] = []

    @Option(name: .long, help: "A column to leave out. Repeatable.")
    var drop: [String] = []

    @Option(name: .long, help: "The columns to predict from, separated by commas, instead of all.")
    var features: String?

    @Option(name: .long, help: "A column of weights of the rows, above 0.")
    var weight: String?

    @Option(name: .long, help: "Trees of the forest, or rounds of boosting. (default: 100; boosted 200)")
    var trees: Int?

    @Option(
        name: .long,
        help: """
            The fewest rows in a leaf. (default: 5, or 1 where that errs less on held-out rows of up to 2000; linear 10, \
            boosted-linear 15)
            """)
    var leafRows: Int?

    @Option(name: .long, help: "The most leaves of a boosted tree. (default: 31)")
    var leaves: Int?

    @Option(name: .long, help: "The learning rate of boosting. (default: 0.1)")
    var rate: Double?

    @Option(name: .long, help: "Give every level of this column intervals of its own, where it has 30 rows.")
    var intervalsBy: String?

    func validate() throws {
        _ = try learner(threads: 1)
    }

    func learner(threads: Int) throws -> TableLearner {
        var result = TableLearner()
        guard let kind = TableLearner.Kind(rawValue: learner) else {
            let known = TableLearner.Kind.allCases.map(\.rawValue)
            let near = nearestName(to: learner, among: known).map { " Did you mean '\($0)'?" } ?? ""
            throw ValidationError("--learner is '\(learner)', expected \(known.joined(separator: ", ")).\(near)")
        }
        result.kind = kind
        let parts = loss.split(separator: "=", maxSplits: 1).map(String.init)
        switch (parts.first ?? "", parts.count > 1 ? Double(parts[1]) : nil) {
        case ("squared", nil): result.loss = .squared
        case ("absolute", nil): result.loss = .absolute
        case ("gamma", nil): result.loss = .gamma
        case ("huber", let delta?): result.loss = .huber(delta: delta)
        case ("quantile", let p?): result.loss = .quantile(p: p)
        default:
            throw ValidationError(
                "--loss is '\(loss)', expected squared, absolute, gamma, huber=DELTA or quantile=P, for instance "
                    + "quantile=0.9.")
        }
        for text in monotone {
            guard let equals = text.lastIndex(of: "="), let direction = Int(text[text.index(after: equals)...]),
                abs(direction) == 1
            else { throw ValidationError("--monotone is '\(text)', expected COL=+1 or COL=-1.") }
            result.monotone[String(text[..<equals])] = direction
        }
        (result.trees, result.minimumLeafRows) = (trees, leafRows)
        (result.maximumLeaves, result.learningRate, result.threads) = (leaves, rate, threads)
        return result
    }

    /// The rows to learn from.
    func samples(group: String? = nil, time: String? = nil) throws -> TableSamples {
        let file = try TableFile(table, categorical: Set(categorical))
        var question = TableQuestion(target: target)
        question.features = features?.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } ?? []
        (question.dropped, question.weight, question.isLogarithmic) = (drop, weight, log)
        (question.group, question.time) = (group, time)
        if AttemptColumn(name: target) != nil { question.results = Set(AttemptColumn.results.map(\.name)) }
        return try TableSamples(file, question)
    }
}

/// Numbers of a table in the unit that its name tells.
struct TableUnit {
    let column: String

    func callAsFunction(_ value: Double) -> String {
        guard value.isFinite else { return "–" }
        if column.hasSuffix("seconds") || column.hasSuffix("_s"), value >= 0 { return Units.formatSeconds(value) }
        if column.hasSuffix("_bytes") || column == "bytes", value >= 0 { return Units.formatBytes(value) }
        return String(format: "%.4g", value)
    }
}
