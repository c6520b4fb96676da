internal import Foundation
public import Forests

func exponential(_ value: Double) -> Double { exp(value) }
func logarithm(_ value: Double) -> Double { log(value) }

/// How a table is learnt: the kind of forest and what people choose about it.
public struct TableLearner: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        case random, extra, quantile, boosted, linear
        case boostedQuantiles = "boosted-quantiles"
        case boostedLinear = "boosted-linear"
    }

    public var kind = Kind.boosted
    public var loss = BoostingLoss.squared
    /// +1 or −1 for features of which more never lowers, or raises, the prediction.
    public var monotone: [String: Int] = [:]
    /// Trees, or rounds of boosting; `nil` for the default of the kind.
    public var trees: Int?
    /// The fewest rows in a leaf; `nil` for the default of the kind.
    public var minimumLeafRows: Int?
    public var learningRate: Double?
    public var maximumLeaves: Int?
    public var threads = 1

    public init() {}

    /// Fits a forest to rows of a table.
    ///
    /// - Throws: ``Forests/ForestError`` for data or options that it cannot use.
    public func fit(
        _ samples: TableSamples, seed: UInt64, progress: (@Sendable (Double) -> Void)? = nil
    ) throws -> FittedForest {
        let (data, target, weights) = (samples.data, samples.target, samples.weights)
        try checkOptions(samples)
        if let classes = samples.classes {
            let learner: ForestClassifier.Learner =
                kind == .boosted ? .boosted(boostingOptions(.logLoss)) : .averaged(forestOptions(data))
            return .classes(
                try ForestClassifier.fit(
                    data, labels: target.map { classes[Int($0)] }, weights: weights, learner: learner, seed: seed,
                    threads: threads, progress: progress))
        }
        switch kind {
        case .random, .extra, .quantile:
            return .random(
                try RegressionForest.fit(
                    data, target: target, weights: weights, options: forestOptions(data), seed: seed, threads: threads,
                    progress: progress))
        case .boosted:
            return .boosted(
                try BoostedForest.fit(
                    data, target: target, weights: weights, options: boostingOptions(.init()), seed: seed,
                    threads: threads, progress: progress))
        case .boostedQuantiles:
            return .quantiles(
                try BoostedQuantiles.fit(
                    data, target: target, options: boostingOptions(.init()), seed: seed, threads: threads))
        case .linear, .boostedLinear:
            var options: LinearForestOptions = kind == .linear ? .random : .boosted
            switch options.trees {
            case .random(var forest):
                forest.treeCount = trees ?? forest.treeCount
                forest.minimumLeafRows = minimumLeafRows ?? forest.minimumLeafRows
                options.trees = .random(forest)
            case .boosted(let boosting): options.trees = .boosted(boostingOptions(boosting))
            }
            options.logarithmicFeatures = samples.isLogarithmic
            return .linear(
                try LinearForest.fit(
                    data, target: target, weights: weights, options: options, seed: seed, threads: threads,
                    progress: progress))
        }
    }

    /// Tables up to this size are small: the fewest rows in a leaf matter much there, and trying costs little.
    public static let smallTable = 2000

    /// The learner with the fewest rows in a leaf, where nobody chose them: the default, or in small tables 1 where that
    /// errs less on rows that were held out (3 folds).
    public func withLeafRows(for samples: TableSamples, seed: UInt64) throws -> TableLearner {
        guard samples.classes == nil, minimumLeafRows == nil, [.random, .extra, .boosted].contains(kind),
            loss == .squared,
            (30...Self.smallTable).contains(samples.count)
        else { return self }
        let parts = try TablePart.parts(samples, .random, folds: 3, seed: seed)
        func error(_ learner: TableLearner) throws -> Double {
            try parts.reduce(0) { sum, part in
                let held = samples.rows(part.test)
                let predicted = try learner.fit(samples.rows(part.training), seed: seed).predict(
                    held.data, threads: threads)
                return zip(predicted, held.target).reduce(sum) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            }
        }
        var finest = self
        finest.minimumLeafRows = 1
        // Not for a trifle: larger leaves are more stable.
        return try error(finest) < 0.98 * error(self) ? finest : self
    }

    private func checkOptions(_ samples: TableSamples) throws(TableError) {
        if samples.classes != nil {
            guard [.random, .extra, .boosted].contains(kind) else {
                throw .contradiction(
                    "the learner '\(kind.rawValue)' predicts numbers, and the target holds words",
                    remedy: "Use 'boosted', 'random' or 'extra'.")
            }
            guard loss == .squared else {
                throw .contradiction("--loss is of no use to a target of words", remedy: "Its loss is log-loss.")
            }
        }
        let boosts = kind == .boosted || kind == .boostedQuantiles
        if loss != .squared, kind != .boosted {
            throw .contradiction("--loss is of no use to the learner '\(kind.rawValue)'", remedy: "Use 'boosted'.")
        }
        if !monotone.isEmpty, !boosts {
            throw .contradiction(
                "--monotone is of no use to the learner '\(kind.rawValue)'",
                remedy: "Use 'boosted' or 'boosted-quantiles'.")
        }
    }

    private func forestOptions(_ data: ForestData) -> ForestOptions {
        var options = kind == .extra ? ForestOptions.extraTrees : ForestOptions()
        options.treeCount = trees ?? options.treeCount
        options.minimumLeafRows = minimumLeafRows ?? options.minimumLeafRows
        return options
    }

    private func boostingOptions(_ defaults: BoostingOptions) -> BoostingOptions {
        var options = defaults
        options.rounds = trees ?? options.rounds
        options.minimumLeafRows = minimumLeafRows ?? options.minimumLeafRows
        options.learningRate = learningRate ?? options.learningRate
        options.maximumLeaves = maximumLeaves ?? options.maximumLeaves
        (options.loss, options.monotone) = (loss, monotone)
        return options
    }
}
