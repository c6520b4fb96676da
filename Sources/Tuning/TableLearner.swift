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
        try checkOptions()
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

    private func checkOptions() throws(TableError) {
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
