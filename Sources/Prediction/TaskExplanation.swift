/// Why a task model predicts what it does for one task.
public struct TaskExplanation: Sendable, Hashable, Codable {
    /// What it predicts for the type alone.
    public let base: Double
    /// What each feature adds, in seconds or bytes; `base` and all of them sum to the prediction.
    public let contributions: [Contribution]

    public struct Contribution: Sendable, Hashable, Codable {
        public let feature: String
        public let value: Double
    }
}

extension TaskModel {
    /// The most known features for which all orders are tried.
    static let mostExplained = 12

    /// Exact Shapley values of the known features of one task: a feature that is not known yet counts as missing.
    ///
    /// - Complexity: 2 to the number of known features predictions; the first twelve known ones are told apart.
    ///   Source: Shapley, *A Value for n-Person Games* (1953).
    public func explain(type: String, features: [Double], machine: String? = nil) -> TaskExplanation {
        let known = Array(features.indices.filter { !features[$0].isNaN }.prefix(Self.mostExplained))
        let others = features.indices.filter { !known.contains($0) }
        let values = (0..<1 << known.count).map { subset -> Double in
            var given = [Double](repeating: .nan, count: features.count)
            for other in others { given[other] = features[other] }
            for (bit, feature) in known.enumerated() where subset >> bit & 1 == 1 { given[feature] = features[feature] }
            return predict(type: type, features: given, machine: machine).value
        }
        var factorials = [1.0]
        for i in 1...max(1, known.count) { factorials.append(factorials[i - 1] * Double(i)) }
        let contributions = known.enumerated().map { bit, feature in
            var sum = 0.0
            for subset in values.indices where subset >> bit & 1 == 0 {
                let size = subset.nonzeroBitCount
                let weight = factorials[size] * factorials[known.count - size - 1] / factorials[known.count]
                sum += weight * (values[subset | 1 << bit] - values[subset])
            }
            return TaskExplanation.Contribution(feature: featureNames[feature], value: sum)
        }
        return TaskExplanation(base: values[0], contributions: contributions)
    }
}
