/// What boosting minimises.
public enum BoostingLoss: Sendable, Hashable, Codable {
    /// Squared error: predicts the mean.
    case squared
    /// Absolute error: predicts the median.
    case absolute
    /// Squared for errors up to `delta`, absolute beyond: a mean that outliers do not pull.
    case huber(delta: Double)
    /// Pinball loss: predicts the quantile at probability `p`.
    case quantile(p: Double)
    /// Gamma deviance with a log link, for strictly positive targets such as seconds and bytes: errors count in
    /// proportion to the prediction, which is always positive.
    case gamma
    /// Log-loss, for targets from 0 to 1 (did it happen?): predicts the probability.
    case logistic
    /// Log-loss of three or more classes: of the forests in a ``ForestClassifier``, which only it fits.
    case softmax
}

/// The hyperparameters of a ``BoostedForest``.
///
/// One default setting serves both a few hundred recorded runs and a million of them.
public struct BoostingOptions: Sendable, Hashable, Codable {
    public var loss = BoostingLoss.squared
    /// How many trees to add, at most.
    public var rounds = 200
    /// The share of each tree's values that is added.
    public var learningRate = 0.1
    public var maximumLeaves = 31
    public var maximumDepth = 60
    /// The fewest training rows in a leaf.
    public var minimumLeafRows = 5
    /// The smallest gain that justifies a split.
    public var minimumGain = 0.0
    /// Ridge penalty on leaf values, in rows.
    public var l2 = 5.0
    /// The share of the rows that each tree sees.
    public var rowShare = 1.0
    /// The share of the features that each tree may use, but two at least. Trees that see different features err
    /// differently: less error in less time than with all of them.
    public var featureShare = 0.6
    /// Bins per numeric feature.
    public var binCount = 255
    /// Rows' worth of the node's mean that each level is shrunk by before levels are grouped.
    public var categorySmoothing = 1.0
    /// An additional ridge penalty where levels are split.
    public var categoryL2 = 1.0
    /// The fewest rows by which two groups of levels of one node differ.
    public var minimumGroupRows = 5
    /// +1 for features of which more never lowers the prediction, −1 for those of which more never raises it, by name.
    public var monotone: [String: Int] = [:]
    /// The share of the rows that is held out to find the best number of rounds; 0 for none.
    public var validationShare = 0.0
    /// How many rounds without improvement on the held-out rows end the fit.
    public var patience = 20

    public init() {}

    /// Defaults for log-loss. Its second derivatives are a quarter at most, so rows weigh less against the penalty; trees
    /// on a part of the features learn too slowly; and groups of levels need more rows to tell their shares.
    public static var logLoss: BoostingOptions {
        var options = BoostingOptions()
        (options.loss, options.l2, options.featureShare) = (.logistic, 1, 1)
        (options.categoryL2, options.minimumGroupRows) = (10, 30)
        return options
    }

    func validated(_ data: ForestData, _ target: [Double]) throws(ForestError) {
        func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(ForestError) {
            guard range.contains(value) else {
                throw .option(name, found: "\(value)", allowed: "\(range.lowerBound) to \(range.upperBound)")
            }
        }
        func check(_ name: String, _ value: Double, _ low: Double, _ high: Double) throws(ForestError) {
            guard value >= low, value <= high else {
                throw .option(name, found: "\(value)", allowed: "\(low) to \(high)")
            }
        }
        try check("rounds", rounds, 1...100_000)
        try check("maximumLeaves", maximumLeaves, 2...65_536)
        try check("maximumDepth", maximumDepth, 1...10_000)
        try check("minimumLeafRows", minimumLeafRows, 1...1_000_000_000)
        try check("binCount", binCount, 2...FeatureBins.largest)
        try check("minimumGroupRows", minimumGroupRows, 1...1_000_000_000)
        try check("patience", patience, 1...100_000)
        try check("learningRate", learningRate, 1e-6, 1)
        try check("minimumGain", minimumGain, 0, 1e300)
        try check("l2", l2, 0, 1e9)
        try check("categoryL2", categoryL2, 0, 1e9)
        try check("categorySmoothing", categorySmoothing, 0, 1e9)
        try check("rowShare", rowShare, 1e-6, 1)
        try check("featureShare", featureShare, 1e-6, 1)
        try check("validationShare", validationShare, 0, 0.9)
        switch loss {
        case .huber(let delta): try check("loss.huber.delta", delta, 1e-300, 1e300)
        case .quantile(let p): try check("loss.quantile.p", p, 1e-6, 1 - 1e-6)
        case .gamma:
            for (row, value) in target.enumerated() where value <= 0 {
                throw .invalidValue(
                    what: "Target", row: row, found: value, expected: "a positive number for gamma loss")
            }
        case .logistic:
            for (row, value) in target.enumerated() where !(0...1 ~= value) {
                throw .invalidValue(what: "Target", row: row, found: value, expected: "0 to 1 for log-loss")
            }
        case .squared, .absolute, .softmax: break
        }
        try checkMonotone(monotone, data)
    }
}
