internal import Foundation
internal import LinearAlgebra

/// The distribution of log(actual / predicted) on rows that the model had not seen, at 101 probabilities.
///
/// Own residuals of a task type count one each; while there are fewer than `enough`, those of all types, brought to the
/// scale of its own, fill the gap: a few runs tell how large errors are, all types together how far they can stray. Probabilities are those of split conformal
/// prediction: of *n* residuals the *k*-th smallest stands for *k* / (*n* + 1).
struct ResidualQuantiles: Sendable, Hashable {
    /// 101 values, for the probabilities 0, 0.01, …, 1.
    var grid: [Double]

    static let points = 101
    static let enough = 30.0

    init(grid: [Double]) { self.grid = grid }

    /// - Parameter isBound: Whether the actual value was more than the residual says.
    init(own: [Double], isBound: [Bool], pooled: [Double]) {
        let sample = CensoredSample(own, isBound: isBound)
        // Where runs were killed beyond all that is known, as far again as twice the largest.
        let beyond = sample.isUnknown(risk: 0) ? [sample.largest + log(2)] : []
        let (known, counts) = (
            isBound.contains(true) ? sample.values + beyond : own,
            isBound.contains(true) ? sample.weights + beyond.map { _ in sample.beyond - 1 } : own.map { _ in 1 }
        )
        let missing = max(0, Self.enough - Double(own.count))
        let values = known + (missing > 0 ? pooled : [])
        let weights =
            counts
            + (missing > 0 ? pooled.map { _ in missing / Double(max(1, pooled.count)) } : [])
        guard !values.isEmpty else {
            // Nothing is known: a factor of ten either way.
            grid = (0..<Self.points).map { log(10) * (Double($0) / 50 - 1) }
            return
        }
        let n = max(Double(own.count), missing > 0 ? Self.enough : 0)
        grid = (0..<Self.points).map { index in
            let p = Double(index) / Double(Self.points - 1)
            // Widened from the middle by (n + 1) / n: the finite-sample correction on both sides.
            let widened = 0.5 + (p - 0.5) * (n + 1) / n
            return weightedQuantile(values, weights: weights, min(max(widened, 0), 1))
        }
    }

    /// How wide the central interval of a probability is.
    func width(_ level: Double) -> Double { self((1 + level) / 2) - self((1 - level) / 2) }

    /// The `p` quantile of log(actual / predicted).
    func callAsFunction(_ p: Double) -> Double { quantile(sorted: grid, p) }
}
