internal import Foundation
internal import LinearAlgebra

/// A straight line through (size, value), on the plain or on the logarithmic scale.
///
/// Predictions stay between half the smallest value seen and `reach` times the largest, so that an absurd slope from a
/// narrow range of sizes cannot promise a negative or an endless run. Beyond the largest size seen the upper end grows
/// in proportion: extrapolation is what a line is for.
struct SizeRegression: Sendable, Hashable {
    /// What the fit minimises.
    enum Loss: Sendable {
        /// Squared errors of the value.
        case squares
        /// Squared errors of the value, each divided by the value: long runs vary more than short ones.
        case proportional
        /// Squared errors of the value's logarithm against the size's logarithm.
        case logSquares
        /// Absolute relative errors of the value: robust, and close to what MdAPE measures.
        case relative
    }

    var intercept: Double
    var slope: Double
    var logarithmic: Bool
    var lowest: Double
    var highest: Double
    var largestSize: Double

    /// How far above the largest value seen a prediction may go, as a factor.
    static let reach = 4.0

    init(
        intercept: Double, slope: Double, logarithmic: Bool, lowest: Double, highest: Double, largestSize: Double
    ) {
        (self.intercept, self.slope, self.logarithmic) = (intercept, slope, logarithmic)
        (self.lowest, self.highest, self.largestSize) = (lowest, highest, largestSize)
    }

    /// `nil` if fewer than three rows have a size, or all sizes are equal.
    init?(sizes: [Double], values: [Double], loss: Loss) {
        logarithmic = if case .logSquares = loss { true } else { false }
        var (x, y): ([Double], [Double]) = ([], [])
        for (size, value) in zip(sizes, values) where size.isFinite && size >= 0 {
            x.append(logarithmic ? log(max(size, 1)) : size)
            y.append(logarithmic ? log(value) : value)
        }
        guard x.count >= 3, let least = x.min(), let most = x.max(), most > least else { return nil }
        // Centred and scaled: file sizes of 10¹¹ bytes beside a column of ones would cost half the digits.
        let (centre, scale) = (mean(x), most - least)
        let scaled = x.map { ($0 - centre) / scale }
        let line =
            switch loss {
            case .squares, .logSquares:
                weightedLeastSquares(scaled, y, weights: [Double](repeating: 1, count: y.count))
            case .proportional: weightedLeastSquares(scaled, y, weights: y.map { 1 / $0.squareRoot() })
            case .relative: leastRelative(scaled, y)
            }
        guard let line else { return nil }
        slope = line.slope / scale
        intercept = line.intercept - slope * centre
        lowest = (values.min() ?? 0) / 2
        highest = (values.max() ?? 0) * Self.reach
        largestSize = logarithmic ? exp(most) : most
    }

    /// A line through the middle of the runs, of a given slope on the logarithmic scale; `nil` if no run has a size.
    init?(sizes: [Double], values: [Double], slope: Double) {
        let known = zip(sizes, values).filter { $0.0.isFinite && $0.0 >= 0 }
        guard let most = known.map(\.0).max() else { return nil }
        logarithmic = true
        self.slope = slope
        intercept = median(known.map { log($1) - slope * log(max($0, 1)) })
        lowest = (values.min() ?? 0) / 2
        highest = (values.max() ?? 0) * Self.reach
        largestSize = most
    }

    /// `nil` if the size is not known.
    func predict(size: Double) -> Double? {
        guard size.isFinite else { return nil }
        let value = logarithmic ? exp(intercept + slope * log(max(size, 1))) : intercept + slope * size
        let beyond = largestSize > 0 ? max(1, size / largestSize) : 1
        return min(max(value, lowest), highest * beyond)
    }
}

private typealias Line = (intercept: Double, slope: Double)

/// Minimises Σ |y − a − b x| / y by iteratively reweighted least squares. `y` must be positive.
private func leastRelative(_ x: [Double], _ y: [Double]) -> Line? {
    var weights = y.map { 1 / $0 }
    guard var line = weightedLeastSquares(x, y, weights: weights) else { return nil }
    for _ in 0..<30 {
        for i in x.indices {
            let relativeError = abs((y[i] - line.intercept - line.slope * x[i]) / y[i])
            // √ of the weight 1 / |error|, bounded where the line passes through a point.
            weights[i] = 1 / (y[i] * max(relativeError, 1e-3).squareRoot())
        }
        guard let next = weightedLeastSquares(x, y, weights: weights) else { return line }
        let change = abs(next.intercept - line.intercept) + abs(next.slope - line.slope)
        line = next
        if change < 1e-9 * (abs(line.intercept) + abs(line.slope)) { break }
    }
    return line
}

/// Minimises Σ (wᵢ (yᵢ − a − b xᵢ))² by its two normal equations: `x` is centred and scaled, so they are well
/// conditioned.
private func weightedLeastSquares(_ x: [Double], _ y: [Double], weights: [Double]) -> Line? {
    var (sw, sx, sy) = (0.0, 0.0, 0.0)
    for i in x.indices {
        let w = weights[i] * weights[i]
        sw += w
        sx += w * x[i]
        sy += w * y[i]
    }
    guard sw > 0, sw.isFinite else { return nil }
    let (mx, my) = (sx / sw, sy / sw)
    var (sxx, sxy) = (0.0, 0.0)
    for i in x.indices {
        let w = weights[i] * weights[i]
        sxx += w * (x[i] - mx) * (x[i] - mx)
        sxy += w * (x[i] - mx) * (y[i] - my)
    }
    guard sxx > 1e-12 * sw else { return nil }
    return (my - sxy / sxx * mx, sxy / sxx)
}
