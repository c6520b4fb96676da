internal import Foundation
internal import LinearAlgebra

/// Every simple model of one task type: all of them are cheap, so all are kept and shown side by side.
struct TypeModels: Sendable, Hashable {
    /// Which feature is the size: the input size, or where that does not vary the feature that explains most.
    var sizeFeature = 0
    var median: Double
    var recent: Double
    var linear: SizeRegression?
    var proportional: SizeRegression?
    var relative: SizeRegression?
    var logLog: SizeRegression?
    var neighbours: SizeNeighbours?

    /// - Parameter rows: The type's rows of `samples`, oldest first; at least one.
    init(_ samples: TaskSamples, rows: some Collection<Int>) {
        let values = rows.map { samples.values[$0] }
        sizeFeature = Self.explaining(values, samples, rows)
        let sizes = rows.map { [sizeFeature] in samples.features[sizeFeature][$0] }
        median = LinearAlgebra.median(values)
        recent = LinearAlgebra.median(Array(values.suffix(10)))
        linear = SizeRegression(sizes: sizes, values: values, loss: .squares)
        proportional = SizeRegression(sizes: sizes, values: values, loss: .proportional)
        relative = SizeRegression(sizes: sizes, values: values, loss: .relative)
        logLog = SizeRegression(sizes: sizes, values: values, loss: .logSquares)
        neighbours = SizeNeighbours(observedSizes: sizes, values: values)
    }

    init(median: Double, recent: Double) { (self.median, self.recent) = (median, recent) }

    /// What forests correct: the curve, or the median where there is none.
    func base(features: [Double]) -> Double { value(of: .logLog, size: features[sizeFeature]) }

    /// A model that could not be fitted, or a size that is not known, gives the median.
    ///
    /// - Parameter pooled: What the forest over all types makes of `base`.
    func value(
        of candidate: TaskModel.Candidate, features: [Double], pooled: (_ base: Double) -> Double?
    ) -> Double {
        switch candidate {
        case .forest, .boosting, .linearLeaves: pooled(base(features: features)) ?? median
        default: value(of: candidate, size: features[sizeFeature])
        }
    }

    /// What a model of this type alone says of a size; forests, which ask for more, are their base here.
    func value(of candidate: TaskModel.Candidate, size: Double) -> Double {
        let value: Double? =
            switch candidate {
            case .median: nil
            case .recent: recent
            case .linear: linear?.predict(size: size)
            case .proportional: proportional?.predict(size: size)
            case .relative: relative?.predict(size: size)
            case .neighbours: neighbours?.predict(size: size)
            case .logLog, .forest, .boosting, .linearLeaves: logLog?.predict(size: size)
            }
        return value ?? median
    }

    /// The first feature if it varies, else the one of strongest rank correlation with the values. What was requested does
    /// not count for memory: peaks follow it where runs were killed and tried again with more.
    private static func explaining(_ values: [Double], _ samples: TaskSamples, _ rows: some Collection<Int>) -> Int {
        var best = (feature: 0, strength: 0.0)
        for feature in samples.features.indices {
            let pairs = zip(rows.map { samples.features[feature][$0] }, values).filter { $0.0.isFinite }
            if samples.target == .peakMemory, samples.featureNames[feature] == TaskFeatures.memory { continue }
            guard pairs.count * 2 > values.count, Set(pairs.map(\.0)).count > 1 else { continue }
            if feature == 0 { return 0 }
            let strength = abs(rankCorrelation(pairs.map(\.0), pairs.map(\.1)))
            if strength > best.strength + 1e-9 { best = (feature, strength) }
        }
        return best.feature
    }
}

/// Spearman's rank correlation; ties get their mean rank. 0 where one of them is constant.
private func rankCorrelation(_ x: [Double], _ y: [Double]) -> Double {
    let (a, b) = (ranks(x), ranks(y))
    let (ma, mb) = (mean(a), mean(b))
    var (ab, aa, bb) = (0.0, 0.0, 0.0)
    for i in a.indices {
        ab += (a[i] - ma) * (b[i] - mb)
        aa += (a[i] - ma) * (a[i] - ma)
        bb += (b[i] - mb) * (b[i] - mb)
    }
    return aa > 0 && bb > 0 ? ab / (aa * bb).squareRoot() : 0
}

private func ranks(_ values: [Double]) -> [Double] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var result = [Double](repeating: 0, count: values.count)
    var start = 0
    while start < order.count {
        var end = start + 1
        while end < order.count && values[order[end]] == values[order[start]] { end += 1 }
        for i in start..<end { result[order[i]] = Double(start + end - 1) / 2 }
        start = end
    }
    return result
}
