internal import LinearAlgebra

/// The probability of yes, from some features: a logistic regression on each, its square and its positive part.
struct LogisticModel: Sendable, Codable {
    private var means: [Double]
    private var scales: [Double]
    /// The intercept, then three weights a feature.
    private var weights: [Double]

    var width: Int { means.count == scales.count && weights.count == 1 + 3 * means.count ? means.count : -1 }

    /// Fits by Newton's method (iteratively reweighted least squares) with a quadratic penalty on all but the intercept.
    ///
    /// - Parameter rows: Rows of `width` features, one after the other.
    /// - Complexity: O(*rows* · *width*²) an iteration, fewer than ten as a rule. Source: Bishop, *Pattern Recognition and
    ///   Machine Learning* (2006), 4.3.3.
    init(_ rows: [Double], width: Int, isTrue: [Bool], penalty: Double = 1) throws(LinearAlgebraError) {
        let n = isTrue.count
        precondition(rows.count == n * width, "as many rows as answers")
        (means, scales) = (Array(repeating: 0, count: width), Array(repeating: 0, count: width))
        for row in 0..<n { for column in 0..<width { means[column] += rows[row * width + column] } }
        for column in 0..<width { means[column] /= Double(max(1, n)) }
        for row in 0..<n {
            for column in 0..<width {
                let distance = rows[row * width + column] - means[column]
                scales[column] += distance * distance
            }
        }
        // A feature that never varies says nothing.
        scales = scales.map { $0 > 1e-18 * Double(n) ? 1 / ($0 / Double(n)).squareRoot() : 0 }
        let size = 1 + 3 * width
        weights = Array(repeating: 0, count: size)
        let share = (Double(isTrue.count { $0 }) + 0.5) / (Double(n) + 1)
        weights[0] = logarithm(share / (1 - share))
        guard n > 0 else { return }
        var design = Matrix(rows: n, columns: size)
        for row in 0..<n {
            for (column, value) in terms(rows[(row * width)..<((row + 1) * width)]).enumerated() {
                design[row, column] = value
            }
        }
        let answers = isTrue.map { $0 ? 1.0 : 0.0 }
        var (loss, scaled) = (Double.infinity, design)
        for _ in 0..<30 {
            let scores = try design.multiplied(by: weights)
            let probabilities = scores.map(sigmoid)
            let now = self.loss(scores, answers, penalty)
            guard loss - now > 1e-6 * abs(now) else { break }
            loss = now
            var gradient = try design.multiplied(by: zip(answers, probabilities).map(-), transpose: .yes)
            for column in 0..<size {
                for row in 0..<n {
                    let spread = max(1e-9, probabilities[row] * (1 - probabilities[row]))
                    scaled[row, column] = design[row, column] * spread.squareRoot()
                }
            }
            var curvature = try scaled.gram()
            for column in 1..<size {
                gradient[column] -= penalty * weights[column]
                curvature[column, column] += penalty
            }
            curvature[0, 0] += 1e-9
            let step = try Cholesky(curvature).solve(gradient)
            let start = weights
            // A full step can overshoot where the classes are nearly apart.
            for length in [1.0, 0.5, 0.25, 0.05] {
                weights = zip(start, step).map { $0 + length * $1 }
                if self.loss(try design.multiplied(by: weights), answers, penalty) <= loss { break }
            }
        }
    }

    func callAsFunction(_ features: [Double]) -> Double {
        var index = 0
        var score = 0.0
        for term in terms(features[...]) {
            score += weights[index] * term
            index += 1
        }
        return sigmoid(score)
    }

    private func terms(_ features: ArraySlice<Double>) -> [Double] {
        var terms = [1.0]
        terms.reserveCapacity(1 + 3 * features.count)
        for (column, feature) in features.enumerated() {
            let value = max(-5, min(5, (feature - means[column]) * scales[column]))
            terms.append(value)
            terms.append(value * value / 3)
            terms.append(max(0, value))
        }
        return terms
    }

    private func loss(_ scores: [Double], _ answers: [Double], _ penalty: Double) -> Double {
        var sum = 0.0
        for (score, answer) in zip(scores, answers) {
            sum += max(score, 0) - score * answer + logarithm(1 + exponential(-abs(score)))
        }
        return sum + penalty / 2 * weights.dropFirst().reduce(0) { $0 + $1 * $1 }
    }
}
