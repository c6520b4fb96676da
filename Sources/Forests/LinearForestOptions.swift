/// The hyperparameters of a ``LinearForest``.
public struct LinearForestOptions: Sendable, Hashable, Codable {
    /// How the trees are made.
    public enum Trees: Sendable, Hashable, Codable {
        /// The mean of trees on bootstrap samples.
        case random(ForestOptions)
        /// A sum of small trees; squared loss, without monotone constraints and early stopping.
        case boosted(BoostingOptions)
    }
    public var trees: Trees
    /// Regress on the logarithms of features whose training values are not negative. With a target that is itself a
    /// logarithm, lines are then power laws, which is what run times of computations follow.
    public var logarithmicFeatures = false
    /// By how much of the error the lines of a node must lower the error of rows that were left out.
    public var minimumGain = 0.1
    /// How far lines continue outside of the training values of their node, in ranges of these values: beyond, the
    /// prediction is that of the end. `nil` for 128, and for 2 where features are logarithms.
    public var reach: Double?
    /// The most features to regress on: those with the strongest correlation with the target.
    public var mostFeatures = 32

    public init(_ trees: Trees) { self.trees = trees }

    /// A random forest of 100 trees.
    public static var random: LinearForestOptions {
        var forest = ForestOptions()
        forest.minimumLeafRows = 10
        return LinearForestOptions(.random(forest))
    }

    /// Boosting in 100 rounds.
    public static var boosted: LinearForestOptions {
        var boosting = BoostingOptions()
        (boosting.rounds, boosting.minimumLeafRows) = (100, 15)
        return LinearForestOptions(.boosted(boosting))
    }

    func validated(_ data: ForestData, _ target: [Double]) throws(ForestError) {
        guard minimumGain >= 0, minimumGain < 1 else {
            throw .option("minimumGain", found: "\(minimumGain)", allowed: "0 to below 1")
        }
        if let reach {
            guard reach >= 0, reach <= 1e6 else { throw .option("reach", found: "\(reach)", allowed: "0 to 1000000") }
        }
        guard (1...1000).contains(mostFeatures) else {
            throw .option("mostFeatures", found: "\(mostFeatures)", allowed: "1 to 1000")
        }
        switch trees {
        case .random(let options): try options.validated(featureCount: data.columns.count)
        case .boosted(let options):
            try options.validated(data, target)
            guard options.loss == .squared else {
                throw .option("loss", found: "\(options.loss)", allowed: "squared where leaves are linear")
            }
            guard options.monotone.values.allSatisfy({ $0 == 0 }) else {
                throw .option("monotone", found: "\(options.monotone)", allowed: "none where leaves are linear")
            }
            guard options.validationShare == 0 else {
                throw .option(
                    "validationShare", found: "\(options.validationShare)", allowed: "0 where leaves are linear")
            }
        }
    }
}
