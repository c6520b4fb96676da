/// A small network that adds to the scores of a ``PairRule``: one hidden layer over the features of a pair and their means over
/// all pairs of the moment.
public struct PairNetwork: Hashable, Sendable, Codable {
    /// Hidden units.
    public var width: Int
    /// Weights of the hidden layer, `2 · features` for each unit; its biases; the weights of the output.
    public var hidden: [Float]
    public var bias: [Float]
    public var output: [Float]

    /// A network of so many hidden units that adds nothing.
    public init(width: Int, hidden: [Float]) {
        precondition(hidden.count == width * 2 * PairFeatures.count, "two weights a feature and unit")
        (self.width, self.hidden) = (width, hidden)
        bias = Array(repeating: 0, count: width)
        output = Array(repeating: 0, count: width)
    }

    /// How many numbers it has.
    public static func count(width: Int) -> Int { width * (2 * PairFeatures.count + 2) }

    /// Whether all its numbers are, and are as many as they must be.
    public var isFinite: Bool {
        hidden.count == width * 2 * PairFeatures.count && bias.count == width && output.count == width
            && hidden.allSatisfy(\.isFinite) && bias.allSatisfy(\.isFinite) && output.allSatisfy(\.isFinite)
    }

    /// Adds its output to the scores of so many rows. O(*rows* · width · features).
    func add(_ features: [Float], rows: Int, to scores: inout [Float]) {
        let columns = PairFeatures.count
        guard rows > 0 else { return }
        var means = [Float](repeating: 0, count: columns)
        for row in 0..<rows { for column in 0..<columns { means[column] += features[row * columns + column] } }
        for column in 0..<columns { means[column] /= Float(rows) }
        for unit in 0..<width {
            let weights = unit * 2 * columns
            var common = bias[unit]
            for column in 0..<columns { common += hidden[weights + columns + column] * means[column] }
            for row in 0..<rows {
                var sum = common
                for column in 0..<columns { sum += hidden[weights + column] * features[row * columns + column] }
                if sum > 0 { scores[row] += output[unit] * sum }
            }
        }
    }
}
