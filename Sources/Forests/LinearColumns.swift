internal import Foundation

/// The numeric features that a linear forest regresses on, and the scale of each.
struct LinearColumns: Sendable {
    enum Scale: Int8, Sendable {
        case plain
        /// The natural logarithm; zero and below are at the lower end.
        case logarithm
        /// The natural logarithm of 1 + x, where zeros occur.
        case logarithmPlusOne

        /// Never infinite, and NaN where missing only.
        @inline(__always)
        func callAsFunction(_ value: Double) -> Double {
            switch self {
            case .plain: value.isNaN ? value : min(max(value, -1e100), 1e100)
            case .logarithm: value.isNaN ? value : log(min(max(value, 1e-100), 1e100))
            case .logarithmPlusOne: value.isNaN ? value : log1p(min(max(value, 0), 1e100))
            }
        }
    }
    /// Indices of features.
    let features: [Int]
    let scales: [Scale]

    init(features: [Int], scales: [Scale]) { (self.features, self.scales) = (features, scales) }

    /// The numeric features of `data` that vary with the target most.
    init(_ data: ForestData, _ target: [Double], _ options: LinearForestOptions) {
        var found: [(feature: Int, scale: Scale, strength: Double)] = []
        for (feature, column) in data.columns.enumerated() {
            guard case .numeric(let values) = column.values else { continue }
            var scale = Scale.plain
            if options.logarithmicFeatures {
                let lowest = values.reduce(Double.infinity) { $1.isNaN ? $0 : min($0, $1) }
                if lowest > 0 { scale = .logarithm } else if lowest == 0 { scale = .logarithmPlusOne }
            }
            found.append((feature, scale, squaredCorrelation(values.map { scale($0) }, target)))
        }
        let chosen = found.sorted { ($1.strength, $0.feature) < ($0.strength, $1.feature) }
            .prefix(options.mostFeatures).filter { $0.strength >= 0 }.sorted { $0.feature < $1.feature }
        (features, scales) = (chosen.map(\.feature), chosen.map(\.scale))
    }

    /// The columns on their scales, in the order of ``features``.
    func values(_ data: ForestData) -> [[Double]] {
        zip(features, scales).map { feature, scale in
            guard case .numeric(let values) = data.columns[feature].values else { return [] }
            return values.map { scale($0) }
        }
    }

    /// The same for a table of an encoder, which takes the offsets of features off.
    func values(_ table: EncodedTable, _ encoder: RowEncoder) -> [[Double]] {
        zip(features, scales).map { feature, scale in
            guard case .numeric(let values) = table.columns[feature] else { return [] }
            let offset = encoder.features[feature].offset
            return values.map { scale($0 + offset) }
        }
    }
}

/// The squared correlation of what is known of `x` with `y`; −1 if `x` does not vary.
private func squaredCorrelation(_ x: [Double], _ y: [Double]) -> Double {
    var (count, meanX, meanY) = (0.0, 0.0, 0.0)
    for row in x.indices where !x[row].isNaN {
        count += 1
        meanX += (x[row] - meanX) / count
        meanY += (y[row] - meanY) / count
    }
    var (xx, xy, yy) = (0.0, 0.0, 0.0)
    for row in x.indices where !x[row].isNaN {
        let (dx, dy) = (x[row] - meanX, y[row] - meanY)
        xx += dx * dx
        xy += dx * dy
        yy += dy * dy
    }
    guard xx > 0 else { return -1 }
    // Quotients first: products of squares would overflow.
    return yy > 0 ? (xy / xx) * (xy / yy) : 0
}
