import Glibc

/// The power transformation that makes variation independent of the level: `(x^λ - 1) / λ`, logarithm at 0.
public struct BoxCox: Sendable, Hashable, Codable {
    public let lambda: Double

    /// Any λ from −1 to 2 is sensible.
    public init(lambda: Double) { self.lambda = lambda }

    /// The λ in −0.9...2 with the least variation of level against spread from season to season.
    ///
    /// Source: Guerrero, *Time-series analysis supported by power transformations* (1993). 1 unless all values are
    /// positive.
    public static func guerrero(_ series: [Double], period: Int) -> BoxCox {
        let x = series.filter { !$0.isNaN }
        let length = max(2, period)
        let count = x.count / length
        guard count >= 2, x.allSatisfy({ $0 > 0 }) else { return BoxCox(lambda: 1) }
        let blocks = (0..<count).map {
            Array(x[(x.count - (count - $0) * length)..<(x.count - (count - 1 - $0) * length)])
        }
        let means = blocks.map { $0.reduce(0, +) / Double(length) }
        let spreads = zip(blocks, means).map { block, mean in
            (block.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(length - 1)).squareRoot()
        }
        func variation(_ lambda: Double) -> Double {
            let ratios = zip(means, spreads).map { $1 / pow($0, 1 - lambda) }
            let mean = ratios.reduce(0, +) / Double(count)
            let spread = (ratios.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1)).squareRoot()
            return mean > 0 ? spread / mean : .infinity
        }
        var (low, high) = (-0.9, 2.0)
        for _ in 0..<60 {
            let (a, b) = (low + (high - low) * 0.382, high - (high - low) * 0.382)
            if variation(a) < variation(b) { high = b } else { low = a }
        }
        return BoxCox(lambda: (low + high) / 2)
    }

    /// NaN for values that have no transform.
    func forward(_ x: Double) -> Double {
        if abs(lambda) < 1e-8 { return x > 0 ? log(x) : .nan }
        guard x > 0 else { return lambda > 0 && x == 0 ? -1 / lambda : .nan }
        return (pow(x, lambda) - 1) / lambda
    }

    func backward(_ y: Double) -> Double {
        if abs(lambda) < 1e-8 { return exp(y) }
        let base = lambda * y + 1
        return base > 0 ? pow(base, 1 / lambda) : 0
    }

    /// The mean of a transformed-back normal variable, to second order; not more than the two-deviation quantile.
    func backwardMean(_ y: Double, deviation: Double) -> Double {
        let median = backward(y)
        let base = abs(lambda) < 1e-8 ? 1 : lambda * y + 1
        guard base > 0 else { return median }
        let adjusted = median * (1 + deviation * deviation * (1 - lambda) / (2 * base * base))
        return min(max(adjusted, backward(y - 2 * deviation)), backward(y + 2 * deviation))
    }
}
