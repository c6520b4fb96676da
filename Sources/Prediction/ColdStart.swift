internal import Foundation
internal import LinearAlgebra

/// What all task types together say of one with only a few runs: how its values follow the input size, and how far off a
/// prediction from so few is.
///
/// The types with many runs were once new as well: their first one, two and three runs are taken for all that is known,
/// and the runs after them show the errors.
struct ColdStart: Sendable {
    /// The common exponent of the input size; `nil` where the plain median of the few runs did better.
    let slope: Double?
    /// log(actual / predicted) after one, two and three runs.
    private let residuals: [[Double]]

    /// Runs that count as a few, and runs after them that are predicted.
    private static let few = 3
    private static let ahead = 10

    /// - Parameter rowsByType: The rows of each type, oldest first.
    init(_ samples: TaskSamples, _ rowsByType: [[Int]], models: [TypeModels?], minimumRuns: Int) {
        let known = rowsByType.indices.filter { rowsByType[$0].count >= minimumRuns }
        let slopes = known.compactMap { models[$0]?.logLog?.slope }
        let common = slopes.isEmpty ? 0 : min(max(median(slopes), 0), 1.5)
        var plain = [[Double]](repeating: [], count: Self.few)
        var sloped = plain
        for type in known {
            let rows = rowsByType[type]
            let sizes = samples.features[models[type]?.sizeFeature ?? 0]
            for runs in 1...Self.few {
                let first = rows[..<runs]
                let values = first.map { samples.values[$0] }
                let line = SizeRegression(sizes: first.map { sizes[$0] }, values: values, slope: common)
                for row in rows[runs..<min(rows.count, runs + Self.ahead)] {
                    let middle = median(values)
                    plain[runs - 1].append(log(samples.values[row] / middle))
                    sloped[runs - 1].append(log(samples.values[row] / (line?.predict(size: sizes[row]) ?? middle)))
                }
            }
        }
        func loss(_ residuals: [[Double]]) -> Double {
            residuals.reduce(0) { $1.reduce($0) { $0 + min(abs($1), log(10)) } }
        }
        let follows = common > 0 && loss(sloped) < loss(plain)
        slope = follows ? common : nil
        residuals = follows ? sloped : plain
    }

    /// The errors of types that had so few runs.
    func residuals(runs: Int) -> [Double] { residuals[min(max(runs, 1), Self.few) - 1] }
}
