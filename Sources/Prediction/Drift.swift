internal import Foundation
internal import LinearAlgebra

/// A task type that has become slower or larger, or faster or smaller, at some moment, and stayed so.
public struct Drift: Sendable, Hashable, Encodable {
    public let type: String
    /// The rows of the type, and how many of them came after the change.
    public let runs: Int
    public let runsSince: Int
    /// When the first run after the change was submitted, in Unix seconds; NaN where that was not recorded.
    public let since: Double
    /// What the value of a run is now over what it was before.
    public let ratio: Double
    /// The size of the change in standard errors.
    public let standardErrors: Double

    enum CodingKeys: String, CodingKey {
        case type, runs, since, ratio
        case runsSince = "runs_since"
        case standardErrors = "standard_errors"
    }

    /// So many standard errors a change must have: runs come in batches, and chance has many moments to choose from.
    static let leastStandardErrors = 5.0
    /// A change is at least so large, as a logarithm.
    static let leastChange = 0.1
    /// With so many runs since the change, those before it are not needed.
    static let sufficientRuns = 30
    private static let fewestRuns = 12
    private static let fewestOnEachSide = 4

    /// Looks for one change of level in residuals in the order of time: the place where the means before and after
    /// differ by the most standard errors (the likelihood ratio for one change point: Hinkley, *Inference about the
    /// change-point in a sequence of random variables*, Biometrika 57, 1970), which are widened for residuals that
    /// resemble their predecessors.
    ///
    /// - Complexity: O(*n*).
    static func change(in residuals: [Double]) -> (start: Int, shift: Double, standardErrors: Double)? {
        let n = residuals.count
        guard n >= fewestRuns else { return nil }
        // One absurd run is no change: none counts for more than four of the usual deviations.
        let centre = median(residuals)
        let usual = 1.4826 * median(residuals.map { abs($0 - centre) })
        guard usual.isFinite else { return nil }
        let bounded = usual > 0 ? residuals.map { min(max($0 - centre, -4 * usual), 4 * usual) } : residuals
        let total = bounded.reduce(0, +)
        var (sum, best, start) = (0.0, 0.0, 0)
        for place in 1..<n {
            sum += bounded[place - 1]
            guard place >= fewestOnEachSide, n - place >= fewestOnEachSide else { continue }
            let difference = (total - sum) / Double(n - place) - sum / Double(place)
            let strength = abs(difference) * (Double(place) * Double(n - place) / Double(n)).squareRoot()
            if strength > best { (best, start) = (strength, place) }
        }
        guard start > 0 else { return nil }
        let (before, after) = (Array(bounded[..<start]), Array(bounded[start...]))
        let (low, high) = (mean(before), mean(after))
        let rest = before.map { $0 - low } + after.map { $0 - high }
        let squares = rest.reduce(0) { $0 + $1 * $1 }
        let products = zip(rest, rest.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 }
        let correlation = squares > 0 ? min(max(products / squares, 0), 0.9) : 0
        let deviation = max(
            (squares / Double(n - 2)).squareRoot() * ((1 + correlation) / (1 - correlation)).squareRoot(), 0.01)
        return (start, median(Array(residuals[start...])) - median(Array(residuals[..<start])), best / deviation)
    }
}

extension TaskSamples {
    /// The task types whose values have changed their level, beyond what sizes and machines explain.
    public func drifts() -> [Drift] {
        rowsByType.compactMap { rows in
            guard let residuals = residuals(of: rows), let change = Drift.change(in: residuals),
                change.standardErrors >= Drift.leastStandardErrors, abs(change.shift) >= Drift.leastChange
            else { return nil }
            return Drift(
                type: typeNames[types[rows[0]]], runs: rows.count, runsSince: rows.count - change.start,
                since: times[rows[change.start]], ratio: exp(change.shift), standardErrors: change.standardErrors)
        }
    }

    /// The rows as if they had all been recorded after the changes: where enough runs have come since, older ones are left
    /// out; else they are brought to the new level.
    public func corrected(for drifts: [Drift]) -> TaskSamples {
        var result = self
        var kept = [Bool](repeating: true, count: count)
        for drift in drifts {
            guard let type = typeNames.firstIndex(of: drift.type) else { continue }
            let old = types.indices.filter { types[$0] == type }.dropLast(drift.runsSince)
            for row in old where drift.runsSince >= Drift.sufficientRuns { kept[row] = false }
            for row in old { result.values[row] *= drift.ratio }
        }
        return result.selecting(kept.indices.filter { kept[$0] })
    }

    /// log(value / expected) of rows of one type, where a line on logarithms says what to expect of a size, and machines
    /// are compared with themselves alone.
    private func residuals(of rows: [Int]) -> [Double]? {
        guard let sizes = features.first else { return nil }
        let line = SizeRegression(sizes: rows.map { sizes[$0] }, values: rows.map { values[$0] }, loss: .logSquares)
        let middle = median(rows.map { values[$0] })
        var residuals = rows.map { row in log(values[row] / (line?.predict(size: sizes[row]) ?? middle)) }
        guard target == .runtime else { return residuals }
        for places in Dictionary(grouping: rows.indices, by: { machines[rows[$0]] }).values {
            let own = median(places.map { residuals[$0] })
            for place in places { residuals[place] -= own }
        }
        return residuals
    }
}
