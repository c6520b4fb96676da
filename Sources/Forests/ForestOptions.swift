/// The hyperparameters of a ``RegressionForest``.
public struct ForestOptions: Sendable, Hashable, Codable {
    /// How many trees to grow. More never hurt the error; time and size grow with them.
    public var treeCount = 100
    /// How many features each split may choose from; `nil` for two thirds of them, which suits recorded task runs
    /// (a few decisive features) better than the customary third.
    public var candidateFeatures: Int?
    /// The fewest training rows in a leaf.
    public var minimumLeafRows = 5
    /// The longest path from the root to a leaf.
    public var maximumDepth = 60
    /// Whether each tree sees a bootstrap sample of the rows. Without, there are no out-of-bag predictions.
    public var bootstrap = true
    /// Extremely randomised trees: one random cut per candidate feature. Smoother, faster, needs more trees.
    public var randomCuts = false
    /// Rows' worth of the node's mean that each level is shrunk by before levels are grouped.
    public var categorySmoothing = 1.0
    /// How many bins a numeric feature has; `nil` for all distinct values up to 20,000 rows and 255 above.
    public var binCount: Int?
    /// +1 for features of which more never lowers the prediction, −1 for those of which more never raises it, by name.
    public var monotone: [String: Int] = [:]
    /// Whether leaves remember their training rows, as quantiles and support need; four bytes per row and tree.
    public var keepsLeafRows = true
    /// Whether to compute the out-of-bag predictions and error.
    public var outOfBag = true

    public init() {}

    /// Defaults for extremely randomised trees: random cuts, all rows in each tree.
    public static var extraTrees: ForestOptions {
        var options = ForestOptions()
        (options.randomCuts, options.bootstrap) = (true, false)
        return options
    }

    /// Options that an older version stored lack what is newer: it has its default.
    public init(from decoder: any Decoder) throws {
        let stored = try decoder.container(keyedBy: CodingKeys.self)
        func value<Value: Decodable>(_ key: CodingKeys, _ default: Value) throws -> Value {
            try stored.decodeIfPresent(Value.self, forKey: key) ?? `default`
        }
        treeCount = try value(.treeCount, treeCount)
        candidateFeatures = try stored.decodeIfPresent(Int.self, forKey: .candidateFeatures)
        minimumLeafRows = try value(.minimumLeafRows, minimumLeafRows)
        maximumDepth = try value(.maximumDepth, maximumDepth)
        bootstrap = try value(.bootstrap, bootstrap)
        randomCuts = try value(.randomCuts, randomCuts)
        categorySmoothing = try value(.categorySmoothing, categorySmoothing)
        binCount = try stored.decodeIfPresent(Int.self, forKey: .binCount)
        monotone = try value(.monotone, monotone)
        keepsLeafRows = try value(.keepsLeafRows, keepsLeafRows)
        outOfBag = try value(.outOfBag, outOfBag)
    }

    func binLimit(rows: Int) -> Int { binCount ?? (rows <= 20_000 ? 65_535 : FeatureBins.largest) }

    func validated(featureCount: Int) throws(ForestError) {
        func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(ForestError) {
            guard range.contains(value) else {
                throw .option(name, found: "\(value)", allowed: "\(range.lowerBound) to \(range.upperBound)")
            }
        }
        try check("treeCount", treeCount, 1...100_000)
        try check("minimumLeafRows", minimumLeafRows, 1...1_000_000_000)
        try check("maximumDepth", maximumDepth, 1...10_000)
        if let candidateFeatures { try check("candidateFeatures", candidateFeatures, 1...featureCount) }
        if let binCount { try check("binCount", binCount, 2...65_535) }
        guard categorySmoothing >= 0, categorySmoothing <= 1e6 else {
            throw .option("categorySmoothing", found: "\(categorySmoothing)", allowed: "0 to 1000000")
        }
    }
}
