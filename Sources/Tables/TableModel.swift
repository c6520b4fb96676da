internal import Foundation
public import Forests
internal import LinearAlgebra
public import ModelFiles

/// A forest that learnt one column of a table from others, with its intervals and how good it was.
///
/// The model file is that of the forest; what is known beyond the trees is its ``Card``, in the metadata.
public struct TableModel: Sendable {
    /// What is known of a forest beyond its trees.
    public struct Card: Sendable, Codable {
        /// The column that is predicted.
        public var target: String
        /// What made the forest, for instance `boosted`.
        public var learner: String
        /// Whether the forest predicts the natural logarithm of the target.
        public var isLogarithmic = false
        /// Whether the prediction is the median of the forest's quantiles instead of its mean.
        public var predictsMedian = false
        /// Whether intervals start from the forest's own quantiles (CQR) instead of its prediction (split conformal).
        public var usesQuantiles = false
        /// The column whose levels have intervals of their own.
        public var groupColumn: String?
        /// Corrections on the forest's scale, a level each, from rows that were held out.
        public var intervals: [ConformalIntervals] = []
        /// How much larger the held-out RMSE gets when a feature is shuffled, the most important first.
        public var importance: [Importance] = []
        /// Errors on rows that were held out, of the forest and of the baselines beside it.
        public var heldOut: [TableErrors] = []
        /// The same of a model that tells classes apart.
        public var heldOutClasses: [ClassErrors]?
        /// By how much the scores of classes were multiplied, as rows that were held out asked for.
        public var sharpening: Double?
        /// The table that it learnt from, as it was named.
        public var trainingFile: String?
        /// The version of the program that wrote it.
        public var version: String?

        public init(target: String, learner: String) { (self.target, self.learner) = (target, learner) }
    }

    public struct Importance: Sendable, Codable, Hashable {
        public let feature: String
        /// The rise of the error when the feature is shuffled, as a share of the error.
        public let rise: Double
        public let spread: Double

        public init(feature: String, rise: Double, spread: Double) {
            (self.feature, self.rise, self.spread) = (feature, rise, spread)
        }
    }

    public let forest: FittedForest
    public var card: Card

    public init(_ forest: FittedForest, card: Card) { (self.forest, self.card) = (forest, card) }

    /// The levels of the intervals that it can give, ascending.
    public var levels: [Double] { card.intervals.map(\.level).sorted() }

    /// The prediction for every row of `data`, with the ends of its interval; they are NaN without a level.
    ///
    /// - Parameters:
    ///   - groups: The group of each row, where groups have intervals of their own.
    ///   - level: One of ``levels``; `nil` for no interval.
    /// - Throws: ``Forests/ForestError`` if a column is missing or of the wrong kind, or there is no such level.
    public func predict(
        _ data: ForestData, groups: [String?]? = nil, level: Double? = nil, threads: Int = defaultThreads
    ) throws -> [TablePrediction] {
        let values = try scores(data, threads: threads)
        guard let level else { return values.map { TablePrediction(value: scale($0), lower: .nan, upper: .nan) } }
        guard let interval = card.intervals.first(where: { abs($0.level - level) < 1e-9 }) else {
            throw ForestError.option(
                "level", found: "\(level)",
                allowed: levels.isEmpty
                    ? "none; the model was trained without intervals"
                    : levels.map { "\($0)" }.joined(separator: ", "))
        }
        let ends = try ends(data, values, level: level, threads: threads)
        return values.indices.map { row in
            let found = interval.interval(lower: ends[row].lower, upper: ends[row].upper, group: groups?[row])
            let value = scale(values[row])
            return TablePrediction(
                value: value, lower: min(value, scale(found.lower)), upper: max(value, scale(found.upper)))
        }
    }

    /// Predictions on the scale of the forest: logarithms, where it learnt these.
    package func scores(_ data: ForestData, threads: Int) throws(ForestError) -> [Double] {
        if card.predictsMedian, let medians = try forest.predictQuantiles(data, [0.5], threads: threads) {
            return medians.values
        }
        return try forest.predict(data, threads: threads)
    }

    /// What the correction of an interval starts from, on the scale of the forest.
    package func ends(
        _ data: ForestData, _ values: [Double], level: Double, threads: Int
    ) throws(ForestError) -> [(lower: Double, upper: Double)] {
        guard card.usesQuantiles,
            let ends = try forest.predictQuantiles(data, [(1 - level) / 2, (1 + level) / 2], threads: threads)
        else { return values.map { ($0, $0) } }
        return values.indices.map { (ends[$0, 0], ends[$0, 1]) }
    }

    /// From the scale of the forest to that of the target.
    package func scale(_ score: Double) -> Double { card.isLogarithmic ? exp(score) : score }

    func unscale(_ value: Double) -> Double { card.isLogarithmic ? log(value) : value }

    /// What each feature adds to a prediction, in the unit of the target.
    ///
    /// Shapley values of the forest's mean. Where the forest predicts logarithms (or roots), a feature multiplies; its
    /// part of the difference from the base is then the part that its logarithm has. Of classes they stay on the forest's
    /// scale: logarithms of odds, or averages.
    public func explain(_ data: ForestData) throws(ForestError) -> [ForestExplanation] {
        let (explanations, link) = (try forest.explain(data), forest.link)
        guard forest.classes == nil, card.isLogarithmic || link != .identity else { return explanations }
        return explanations.map { explanation in
            let sum = explanation.contributions.reduce(0, +)
            let base = scale(link(explanation.base))
            let difference = scale(link(explanation.base + sum)) - base
            return ForestExplanation(
                base: base, contributions: explanation.contributions.map { sum == 0 ? 0 : $0 / sum * difference })
        }
    }
}

/// A value and the interval that holds the outcome with the probability asked for.
public struct TablePrediction: Sendable, Hashable, Codable {
    public let value: Double
    public let lower: Double
    public let upper: Double
}

/// How far predictions were off.
public struct TableErrors: Sendable, Codable, Hashable {
    public var name: String
    public var rmse: Double
    public var mae: Double
    public var mdape: Double
    /// The mean of the pinball losses at 0.1, 0.5 and 0.9.
    public var pinball: Double
    /// The share of outcomes inside of the 80 % and 90 % intervals.
    public var coverage80: Double
    public var coverage90: Double

    public init(
        name: String, rmse: Double, mae: Double, mdape: Double, pinball: Double, coverage80: Double, coverage90: Double
    ) {
        (self.name, self.rmse, self.mae, self.mdape) = (name, rmse, mae, mdape)
        (self.pinball, self.coverage80, self.coverage90) = (pinball, coverage80, coverage90)
    }
}

extension TableModel {
    private static let cardKey = "table"

    /// The model file: that of the forest, and the card.
    public func modelFile() throws -> ModelFile {
        var file = try forest.modelFile()
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        file.metadata[Self.cardKey] = String(decoding: try encoder.encode(card), as: UTF8.self)
        return file
    }

    public func write(to path: String) throws { try modelFile().write(to: path) }

    /// Reads any forest: one without a card, as the library writes it, predicts without intervals.
    ///
    /// - Throws: `ModelFileError` for a damaged file, ``Forests/ForestError`` for one that holds no forest.
    public init(contentsOf path: String) throws { try self.init(ModelFile(contentsOf: path), path: path) }

    /// Reads a forest from an open file; `path` is for messages.
    public init(_ file: ModelFile, path: String) throws {
        forest = try FittedForest(file, path: path)
        guard let text = file.metadata[Self.cardKey] else {
            card = Card(target: "prediction", learner: file.kind)
            return
        }
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        do {
            card = try decoder.decode(Card.self, from: Data(text.utf8))
        } catch {
            throw ForestError.format(
                file: path, line: 0, found: "a damaged card (\(error))", expected: "the metadata 'table' as JSON")
        }
    }
}
