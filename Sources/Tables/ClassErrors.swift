internal import Foundation

/// How good probabilities of classes were.
public struct ClassErrors: Sendable, Codable, Hashable {
    public let name: String
    /// The mean of −log of the probability that the true class was given.
    public let logLoss: Double
    /// The share of the rows whose most probable class was the true one.
    public let accuracy: Double
    /// The mean over the rows of the sum over the classes of squared differences of probability and truth, halved: 0 to 1.
    public let brier: Double
    /// The mean distance between how probable the most probable class was and how often it was true, in ten groups of
    /// rows of equal size.
    public let calibrationError: Double

    private enum CodingKeys: String, CodingKey {
        case name, accuracy, brier
        case logLoss = "log_loss"
        case calibrationError = "calibration_error"
    }

    /// A probability of nothing counts as this much.
    static let least = 1e-15

    /// - Parameters:
    ///   - probabilities: One for each class, by row.
    ///   - actual: The place of each row's class.
    public init(_ name: String, _ probabilities: [[Double]], actual: [Int]) {
        var (loss, right, squares) = (0.0, 0, 0.0)
        var sure: [(probability: Double, isRight: Bool)] = []
        for (found, truth) in zip(probabilities, actual) {
            loss -= log(max(found[truth], Self.least))
            for (place, value) in found.enumerated() {
                let error = value - (place == truth ? 1 : 0)
                squares += error * error / 2
            }
            let best = found.indices.max { (found[$0], $1) < (found[$1], $0) } ?? 0
            if best == truth { right += 1 }
            sure.append((found[best], best == truth))
        }
        let count = Double(max(1, actual.count))
        (self.name, logLoss, accuracy, brier) = (name, loss / count, Double(right) / count, squares / count)
        sure.sort { $0.probability < $1.probability }
        var distance = 0.0
        for group in 0..<10 {
            let part = sure[sure.count * group / 10..<sure.count * (group + 1) / 10]
            distance += abs(part.reduce(0) { $0 + $1.probability - ($1.isRight ? 1 : 0) })
        }
        calibrationError = distance / count
    }
}
