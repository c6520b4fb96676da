internal import Foundation
internal import LinearAlgebra

func exponential(_ value: Double) -> Double { exp(value) }
func logarithm(_ value: Double) -> Double { log(value) }

extension BoostingLoss {
    /// Whether the second derivative is 1 everywhere.
    var hasUnitHessian: Bool {
        switch self {
        case .squared, .absolute, .huber, .quantile: true
        case .gamma, .logistic, .softmax: false
        }
    }

    /// From the trees' sum to the prediction.
    var link: PortableTrees.Link {
        switch self {
        case .gamma: .exponential
        case .logistic: .logistic
        case .squared, .absolute, .huber, .quantile, .softmax: .identity
        }
    }

    /// Whether leaf values are a quantile of the residuals instead of a Newton step, and which.
    var leafQuantile: Double? {
        switch self {
        case .absolute: 0.5
        case .quantile(let p): p
        case .squared, .huber, .gamma, .logistic, .softmax: nil
        }
    }

    /// First and second derivative of the loss of one row by the score.
    @inline(__always)
    package func derivatives(_ score: Double, _ target: Double) -> (Double, Double) {
        switch self {
        // The derivatives of several classes are taken together, elsewhere.
        case .squared, .softmax: return (score - target, 1)
        case .absolute: return (score > target ? 1 : score < target ? -1 : 0, 1)
        case .huber(let delta): return (min(max(score - target, -delta), delta), 1)
        case .quantile(let p): return (score >= target ? 1 - p : -p, 1)
        case .gamma:
            let ratio = target * exp(-score)
            return (1 - ratio, ratio)
        case .logistic:
            let probability = 1 / (1 + exp(-score))
            return (probability - target, probability * (1 - probability))
        }
    }

    /// The loss of one row.
    package func value(_ score: Double, _ target: Double) -> Double {
        let error = target - score
        switch self {
        case .squared, .softmax: return error * error
        case .absolute: return abs(error)
        case .huber(let delta):
            return abs(error) <= delta ? error * error / 2 : delta * (abs(error) - delta / 2)
        case .quantile(let p): return error >= 0 ? p * error : (p - 1) * error
        case .gamma: return target * exp(-score) + score
        case .logistic: return max(score, 0) - target * score + log1p(exp(-abs(score)))
        }
    }

    /// The best constant score.
    func base(_ target: [Double], _ weights: [Double]?) -> Double {
        let total = weights?.reduce(0, +) ?? Double(target.count)
        func mean() -> Double { target.indices.reduce(0) { $0 + target[$1] * ((weights?[$1] ?? 1) / total) } }
        func middle(_ p: Double) -> Double {
            weightedQuantile(target, weights: weights ?? Array(repeating: 1, count: target.count), p)
        }
        switch self {
        case .squared, .softmax: return mean()
        case .gamma: return log(mean())
        case .logistic:
            // As if half a row more had been seen of either outcome: one alone is no proof.
            let share = mean()
            return log((share * total + 0.5) / ((1 - share) * total + 0.5))
        case .absolute, .huber: return middle(0.5)
        case .quantile(let p): return middle(p)
        }
    }
}
