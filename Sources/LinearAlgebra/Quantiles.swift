/// The sample quantile at probability `p`, interpolated linearly (type 7 of Hyndman & Fan, 1996: R's and NumPy's
/// default). NaN for no values. O(*n* log *n*).
public func quantile(_ values: [Double], _ p: Double) -> Double {
    quantile(sorted: values.sorted(), p)
}

/// The same for values that already are in ascending order. O(1).
public func quantile(sorted values: [Double], _ p: Double) -> Double {
    guard let last = values.last else { return .nan }
    let position = Double(values.count - 1) * min(max(p, 0), 1)
    let below = Int(position)
    guard below + 1 < values.count else { return last }
    let fraction = position - Double(below)
    // At equal neighbours, and with infinities, the difference would add rounding or NaN.
    if fraction == 0 || values[below] == values[below + 1] { return values[below] }
    return values[below] + fraction * (values[below + 1] - values[below])
}

/// The median; NaN for no values.
public func median(_ values: [Double]) -> Double { quantile(values, 0.5) }

/// The smallest value whose cumulative weight reaches `p` of the total: the inverse of the weighted empirical
/// distribution. Weights must not be negative; NaN where their sum is not positive. O(*n* log *n*).
public func weightedQuantile(_ values: [Double], weights: [Double], _ p: Double) -> Double {
    precondition(values.count == weights.count, "one weight per value")
    let order = values.indices.sorted { values[$0] < values[$1] }
    let total = weights.reduce(0, +)
    guard total > 0 else { return .nan }
    var cumulative = 0.0
    for i in order {
        cumulative += weights[i]
        if cumulative >= p * total * (1 - 1e-12) && weights[i] > 0 { return values[i] }
    }
    return order.last.map { values[$0] } ?? .nan
}

/// The arithmetic mean; NaN for no values.
public func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

/// The unbiased sample variance (two passes); NaN for fewer than two values.
public func variance(_ values: [Double]) -> Double {
    let center = mean(values)
    guard values.count > 1 else { return .nan }
    return values.reduce(0) { $0 + ($1 - center) * ($1 - center) } / Double(values.count - 1)
}
