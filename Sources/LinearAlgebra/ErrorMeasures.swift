internal import Foundation

/// Measures of forecast and regression error. Arrays must have equal lengths (a precondition); no values give NaN.
///
/// Percentages are fractions: 0.12 is 12 %. Names as in Hyndman & Koehler, *Another look at measures of forecast
/// accuracy* (2006), and Gneiting & Raftery, *Strictly proper scoring rules* (2007).
public enum ErrorMeasures {
    /// √ mean (predicted − actual)².
    public static func rmse(actual: [Double], predicted: [Double]) -> Double {
        average(actual, predicted) { ($1 - $0) * ($1 - $0) }.squareRoot()
    }

    /// Mean |predicted − actual|.
    public static func mae(actual: [Double], predicted: [Double]) -> Double {
        average(actual, predicted) { abs($1 - $0) }
    }

    /// The median of |predicted − actual| / |actual|. Rows with `actual` = 0 are left out.
    public static func mdape(actual: [Double], predicted: [Double]) -> Double {
        median(percentageErrors(actual, predicted))
    }

    /// The mean of |predicted − actual| / |actual|. Rows with `actual` = 0 are left out.
    public static func mape(actual: [Double], predicted: [Double]) -> Double {
        mean(percentageErrors(actual, predicted))
    }

    /// Σ |predicted − actual| / Σ |actual|.
    public static func wape(actual: [Double], predicted: [Double]) -> Double {
        average(actual, predicted) { abs($1 - $0) } / mean(actual.map(abs))
    }

    /// Mean of 2 |predicted − actual| / (|actual| + |predicted|), the M3/M4 definition; 0/0 counts as 0.
    public static func smape(actual: [Double], predicted: [Double]) -> Double {
        average(actual, predicted) { a, p in
            let scale = abs(a) + abs(p)
            return scale == 0 ? 0 : 2 * abs(p - a) / scale
        }
    }

    /// MAE divided by the mean absolute seasonal difference of the training series.
    ///
    /// - Parameter season: The season's length in observations; 1 for none.
    /// - Returns: NaN if `training` has no more than `season` values or never changes.
    public static func mase(actual: [Double], predicted: [Double], training: [Double], season: Int) -> Double {
        precondition(season > 0, "a season has at least one observation")
        let scale = seasonalScale(training, season) { abs($0) }
        return scale > 0 ? mae(actual: actual, predicted: predicted) / scale : .nan
    }

    /// √ (MSE / mean squared seasonal difference of the training series), as in the M5 competition.
    public static func rmsse(actual: [Double], predicted: [Double], training: [Double], season: Int) -> Double {
        precondition(season > 0, "a season has at least one observation")
        let scale = seasonalScale(training, season) { $0 * $0 }
        return scale > 0 ? rmse(actual: actual, predicted: predicted) / scale.squareRoot() : .nan
    }

    /// The mean quantile (pinball) loss of predictions of the `p`-quantile.
    public static func pinball(actual: [Double], predicted: [Double], p: Double) -> Double {
        average(actual, predicted) { a, q in a >= q ? p * (a - q) : (1 - p) * (q - a) }
    }

    /// The share of `actual` inside [`lower`, `upper`], ends included.
    public static func coverage(actual: [Double], lower: [Double], upper: [Double]) -> Double {
        precondition(actual.count == lower.count && actual.count == upper.count, "equal lengths")
        let inside = actual.indices.count { lower[$0] <= actual[$0] && actual[$0] <= upper[$0] }
        return Double(inside) / Double(actual.count)
    }

    /// The mean interval score of a central `level` interval (Winkler, 1972): width plus 2/α times the miss.
    public static func intervalScore(actual: [Double], lower: [Double], upper: [Double], level: Double) -> Double {
        precondition(actual.count == lower.count && actual.count == upper.count, "equal lengths")
        let penalty = 2 / (1 - level)
        let sum = actual.indices.reduce(0.0) { sum, i in
            let (a, l, u) = (actual[i], lower[i], upper[i])
            return sum + (u - l) + penalty * (max(0, l - a) + max(0, a - u))
        }
        return sum / Double(actual.count)
    }

    /// The continuous ranked probability score of a normal forecast: exact (Gneiting & Raftery 2007, eq. 5).
    /// A standard deviation of 0 gives |actual − mean|.
    public static func crpsNormal(actual: Double, mean: Double, standardDeviation s: Double) -> Double {
        guard s > 0 else { return abs(actual - mean) }
        let z = (actual - mean) / s
        let density = exp(-z * z / 2) / (2 * Double.pi).squareRoot()
        return s * (z * erf(z / 2.squareRoot()) + 2 * density - 1 / Double.pi.squareRoot())
    }

    /// The continuous ranked probability score of the empirical distribution of `sample`:
    /// mean |xᵢ − y| − ½ mean |xᵢ − xⱼ|. O(*n* log *n*). NaN for no sample.
    public static func crps(actual: Double, sample: [Double]) -> Double {
        let sorted = sample.sorted()
        let n = Double(sorted.count)
        var (absolute, spread) = (0.0, 0.0)
        for (i, x) in sorted.enumerated() {
            absolute += abs(x - actual)
            spread += x * (2 * Double(i) + 1 - n)  // Σᵢⱼ |xᵢ − xⱼ| = 2 Σ xᵢ (2i + 1 − n)
        }
        return absolute / n - spread / (n * n)
    }
}

private func percentageErrors(_ actual: [Double], _ predicted: [Double]) -> [Double] {
    precondition(actual.count == predicted.count, "equal lengths")
    return actual.indices.compactMap { actual[$0] == 0 ? nil : abs((predicted[$0] - actual[$0]) / actual[$0]) }
}

private func average(_ x: [Double], _ y: [Double], _ term: (Double, Double) -> Double) -> Double {
    precondition(x.count == y.count, "equal lengths")
    var sum = 0.0
    for i in x.indices { sum += term(x[i], y[i]) }
    return sum / Double(x.count)
}

private func seasonalScale(_ series: [Double], _ season: Int, _ term: (Double) -> Double) -> Double {
    guard series.count > season else { return .nan }
    var sum = 0.0
    for i in season..<series.count { sum += term(series[i] - series[i - season]) }
    return sum / Double(series.count - season)
}
