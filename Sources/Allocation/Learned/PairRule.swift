/// Scores a ready task on an offer that has room for it: the greatest score above zero starts, and if there is none, what is
/// free stays idle for the time being.
///
/// A weighted sum of ``PairFeatures``. It is learnt in the simulator by an evolution strategy; the weights that it
/// begins with are those of list scheduling: the longest path first, where it ends first, smaller jobs before larger
/// ones.
public struct PairRule: Hashable, Sendable, Codable {
    /// One for each of ``PairFeatures/names``.
    public var weights: [Float]
    /// How much more the smaller of several jobs get than an equal share: the logarithm of the exponent above one, and how it
    /// grows with that of jobs per processor. Source: Berg et al., *heSRPT* (2020).
    public var skew: Float
    public var skewByLoad: Float
    /// The least and the greatest of every feature that it was trained on; empty if nobody looked.
    public var low: [Float] = []
    public var high: [Float] = []

    /// Makes a rule; a number of weights other than that of the features is a mistake of the programmer.
    public init(weights: [Float], skew: Float = 0, skewByLoad: Float = 0) {
        precondition(weights.count == PairFeatures.count, "one weight for each feature")
        (self.weights, self.skew, self.skewByLoad) = (weights, skew, skewByLoad)
    }

    /// What it is before it has learnt anything.
    public static let untuned: PairRule = {
        var rule = PairRule(weights: Array(repeating: 0, count: PairFeatures.count))
        rule[.start] = 4
        rule[.path] = 3
        rule[.smallness] = 0.5
        rule[.later] = -3
        rule[.transfer] = -1
        rule[.tightness] = 0.3
        rule[.priority] = 10
        rule[.overShare] = -0.5
        rule[.urgency] = 2
        return rule
    }()

    /// The weight of a feature.
    public subscript(feature: PairFeatures.Name) -> Float {
        get { weights[feature.rawValue] }
        set { weights[feature.rawValue] = newValue }
    }

    /// Whether it looks at what re-planning would do, which takes time to find out.
    public var takesAdvice: Bool { self[.planned] != 0 || self[.unplanned] != 0 }

    /// To follow re-planning; all else but breaks ties.
    public static let advised: PairRule = {
        var rule = PairRule.untuned
        rule.weights = rule.weights.map { $0 / 4 }
        rule[.start] = -3
        rule[.planned] = 8
        return rule
    }()

    /// Whether all its numbers are.
    public var isFinite: Bool {
        weights.allSatisfy(\.isFinite) && skew.isFinite && skewByLoad.isFinite
    }

    /// Whether some feature lies outside of what it was trained on by more than half of that.
    func isFarOff(_ features: [Float], rows: Int) -> Bool {
        let width = PairFeatures.count
        guard low.count == width, high.count == width else { return false }
        for row in 0..<rows {
            for column in 0..<width {
                let (value, margin) = (features[row * width + column], 1 + (high[column] - low[column]) / 2)
                if value < low[column] - margin || value > high[column] + margin { return true }
            }
        }
        return false
    }

    /// The row of the highest score; `nil` is to wait, if that is allowed and none is above zero.
    package static func choice(_ scores: [Float], mayWait: Bool) -> Int? {
        var best = 0
        for row in scores.indices where scores[row] > scores[best] { best = row }
        return scores[best] > 0 || !mayWait ? best : nil
    }

    /// The scores of so many rows of features. O(*rows* · weights).
    func score(_ features: [Float], rows: Int, into scores: inout [Float]) {
        let width = PairFeatures.count
        scores.removeAll(keepingCapacity: true)
        for row in 0..<rows {
            var sum: Float = 0
            for column in 0..<width { sum += weights[column] * features[row * width + column] }
            scores.append(sum)
        }
    }
}
