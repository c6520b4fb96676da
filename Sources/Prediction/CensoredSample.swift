internal import Foundation
internal import LinearAlgebra

/// Values of which some are only known to be exceeded: the needs of runs that were killed for want of it.
///
/// What is known counts by the product-limit estimate: the share of a run that needed more than its bound goes to all
/// that are larger, in equal parts. One run more, not seen yet, stands behind all of them: so of *n* known values the
/// next is the largest once in *n* + 1 times. Beyond the largest an exponential tail is assumed, whose mean is that of
/// the upper values (of censored ones: time on test over events). Values are logarithms.
///
/// Source: Kaplan and Meier, *Nonparametric Estimation from Incomplete Observations* (1958); the redistribution is
/// that of Efron, *The Two Sample Problem with Censored Data* (1967).
struct CensoredSample: Sendable, Hashable {
    /// The places of the known values in what was given, ascending by value.
    let order: [Int]
    /// The known values, ascending.
    let values: [Double]
    /// What each counts; without bounds 1. All and `beyond` sum to ``total``.
    let weights: [Double]
    /// What counts beyond all that was seen.
    let beyond: Double
    /// The runs and the unseen one.
    let total: Double
    /// The largest, bounds included.
    let largest: Double
    /// Whether that is a bound: then nothing is known beyond it.
    let isOpen: Bool
    /// How far values reach beyond the largest, on average.
    let excess: Double

    /// - Parameters:
    ///   - isBound: Whether the value is known to be exceeded only.
    /// - Complexity: O(*n* log *n*).
    init(_ given: [Double], isBound: [Bool]) {
        precondition(given.count == isBound.count, "a mark per value")
        // What exceeds a bound comes after what equals it.
        let all = given.indices.sorted { (given[$0], isBound[$0] ? 1 : 0) < (given[$1], isBound[$1] ? 1 : 0) }
        var (order, weights, weight) = ([Int](), [Double](), 1.0)
        for (place, index) in all.enumerated() {
            if isBound[index] {
                weight *= 1 + 1 / Double(all.count - place)
            } else {
                order.append(index)
                weights.append(weight)
            }
        }
        (self.order, self.weights, beyond) = (order, weights, weight)
        values = order.map { given[$0] }
        total = Double(given.count + 1)
        largest = all.last.map { given[$0] } ?? .nan
        isOpen = all.last.map { isBound[$0] } ?? false
        excess = Self.meanExcess(all.map { given[$0] }, all.map { isBound[$0] })
    }

    /// The probability that the next exceeds `value`.
    func share(above value: Double) -> Double {
        if value >= largest { return beyond / total * exp(-(value - largest) / excess) }
        var sum = beyond
        for index in values.indices.reversed() {
            if values[index] <= value { break }
            sum += weights[index]
        }
        return min(1, sum / total)
    }

    /// The least of the known values that the next exceeds with at most this probability; the largest if none is.
    func quantile(exceeded risk: Double) -> Double {
        var (sum, found) = (beyond, largest)
        for index in values.indices.reversed() {
            if sum > risk * total { break }
            found = values[index]
            sum += weights[index]
        }
        return found
    }

    /// Whether more than this share of the runs lies beyond all that is known, because runs were killed there: more than
    /// would if these had never been.
    func isUnknown(risk: Double) -> Bool {
        guard !values.isEmpty else { return isOpen }
        return beyond > total * max(risk, 1 / Double(values.count + 1)) * (1 + 1e-9)
    }

    /// How far the top fifth reaches beyond its threshold on average, bounds in it counted as what they are.
    private static func meanExcess(_ sorted: [Double], _ isBound: [Bool]) -> Double {
        let n = sorted.count
        guard n > 1 else { return log(2) }
        let bounds = isBound.count { $0 }
        let top = min(n - 1, bounds + max(2, Int((0.2 * Double(n - bounds)).rounded(.up))))
        let threshold = sorted[n - top - 1]
        let known = isBound[(n - top)...].count { !$0 }
        guard known > 0 else { return log(2) }
        let excess = sorted[(n - top)...].reduce(0) { $0 + $1 - threshold } / Double(known)
        return min(excess, 1) + 1e-6
    }
}

/// The values with what was only bounded put where it is to be expected: a line on the logarithm of the size, with normal
/// errors, whose likelihood takes a bound for what it is (Tobin 1958, fitted by expectation and maximisation).
///
/// - Parameters:
///   - sizes: NaN where not known; then, and where all are equal, the line is flat.
///   - values: Logarithms.
/// - Returns: What is known unchanged; for the bounds values that spread above them as they may be expected to (their mean
///   in place of all would leave a gap, in which medians lie), at most fourfold.
func completed(_ values: [Double], isBound: [Bool], sizes: [Double]) -> [Double] {
    let known = values.indices.filter { !isBound[$0] }
    guard known.count < values.count else { return values }
    // Two runs say nothing of how they spread.
    guard known.count >= 3 else { return zip(values, isBound).map { $1 ? $0 + log(2) / 2 : $0 } }
    let hasSizes = sizes.allSatisfy { $0.isFinite && $0 >= 0 }
    let x = hasSizes ? sizes.map { log(max($0, 1)) } : values.map { _ in 0 }
    let centre = mean(x)
    let spread = x.reduce(0) { $0 + ($1 - centre) * ($1 - centre) }
    var result = values
    // The variance of what lies above a bound, beside its mean.
    var rest = 0.0
    var (expected, deviation) = (values, 1.0)
    for _ in 0..<50 {
        let level = mean(result)
        let slope =
            spread > 1e-9
            ? zip(x, result).reduce(0) { $0 + ($1.0 - centre) * ($1.1 - level) } / spread : 0
        expected = x.map { level + slope * ($0 - centre) }
        let squares = zip(result, expected).reduce(rest) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        deviation = max((squares / Double(values.count)).squareRoot(), 1e-6)
        rest = 0
        for index in values.indices where isBound[index] {
            let z = (values[index] - expected[index]) / deviation
            // The mean of the standard normal above z; beyond 5 its asymptote.
            let above =
                z > 5 ? z + 1 / z : exp(-z * z / 2) / (2 * Double.pi).squareRoot() / (0.5 * erfc(z / 2.0.squareRoot()))
            let next = min(max(expected[index] + deviation * above, values[index]), values[index] + log(4))
            rest += deviation * deviation * max(0, 1 + z * above - above * above)
            result[index] = next
        }
    }
    for (rank, index) in values.indices.filter({ isBound[$0] }).enumerated() {
        // Multiples of the golden section spread evenly, whatever the order of the runs.
        let share = ((Double(rank) + 0.5) * 0.618_033_988_749_895).truncatingRemainder(dividingBy: 1)
        let z = (values[index] - expected[index]) / deviation
        result[index] = min(expected[index] + deviation * normalQuantile(share, above: z), values[index] + log(4))
    }
    return result
}

/// The quantile of the standard normal distribution above `z`; beyond 5 that of an exponential one, which it comes to.
private func normalQuantile(_ share: Double, above z: Double) -> Double {
    if z > 5 { return z - log(1 - share) / z }
    let wanted = (1 - share) * erfc(z / 2.0.squareRoot())
    var (low, high) = (z, max(z, 0) + 8)
    for _ in 0..<60 {
        let middle = (low + high) / 2
        if erfc(middle / 2.0.squareRoot()) > wanted { low = middle } else { high = middle }
    }
    return (low + high) / 2
}
