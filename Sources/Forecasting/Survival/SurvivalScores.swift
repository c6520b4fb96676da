internal import Foundation

/// How good predicted survival was.
public enum SurvivalScores {
    /// The mean over the lifetimes of the squared difference between the predicted survival at `time` and what was:
    /// those cut off before are made up for by others (inverse probability of censoring weighting).
    ///
    /// - Parameters:
    ///   - predicted: The probability of each lifetime to last beyond `time`.
    ///   - training: The lifetimes that tell how likely it is to be cut off.
    ///   Source: Graf et al., *Assessment and comparison of prognostic classification schemes* (1999).
    public static func brier(
        _ predicted: [Double], _ lifetimes: [SurvivalTable.Lifetime], at time: Double,
        training: [SurvivalTable.Lifetime]
    ) -> Double {
        brier(predicted, lifetimes, at: time, censoring: censoring(training))
    }

    /// The mean of the Brier scores over a range of times, by trapezoids.
    ///
    /// - Parameter predicted: For each of `times` the survival of every lifetime.
    public static func integratedBrier(
        _ predicted: [[Double]], _ lifetimes: [SurvivalTable.Lifetime], times: [Double],
        training: [SurvivalTable.Lifetime]
    ) -> Double {
        guard let first = times.first, let last = times.last, last > first else { return .nan }
        let censoring = censoring(training)
        let scores = times.indices.map { brier(predicted[$0], lifetimes, at: times[$0], censoring: censoring) }
        var sum = 0.0
        for i in 1..<times.count { sum += (scores[i] + scores[i - 1]) / 2 * (times[i] - times[i - 1]) }
        return sum / (last - first)
    }

    /// Harrell's concordance: of pairs of lifetimes of which it is known which one ended first, the share in which that one
    /// had the larger risk; equal risks count half.
    ///
    /// - Complexity: O(*n*²).
    public static func concordance(risks: [Double], _ lifetimes: [SurvivalTable.Lifetime]) -> Double {
        var (right, pairs) = (0.0, 0.0)
        for (i, first) in lifetimes.enumerated() where first.ended {
            for (j, other) in lifetimes.enumerated()
            where i != j && (other.end > first.end || (other.end == first.end && !other.ended)) {
                pairs += 1
                right += risks[i] > risks[j] ? 1 : risks[i] == risks[j] ? 0.5 : 0
            }
        }
        return pairs > 0 ? right / pairs : .nan
    }

    /// The share of outcomes that did not exceed their predicted quantile at each probability, where cut-off ones count as
    /// Kaplan and Meier have it. Calibrated predictions give the probabilities themselves.
    ///
    /// - Parameter reached: The predicted probability of not living longer than was seen, of each lifetime, and whether it
    ///   ended there.
    public static func calibration(_ reached: [(probability: Double, ended: Bool)], at levels: [Double]) -> [Double] {
        let table = SurvivalTable(
            reached.map { SurvivalTable.Lifetime(start: -1, end: $0.probability, ended: $0.ended) })
        return levels.map { 1 - table.survival(at: $0) }
    }

    private static func censoring(_ training: [SurvivalTable.Lifetime]) -> SurvivalTable {
        SurvivalTable(training.map { SurvivalTable.Lifetime(start: $0.start, end: $0.end, ended: !$0.ended) })
    }

    private static func brier(
        _ predicted: [Double], _ lifetimes: [SurvivalTable.Lifetime], at time: Double, censoring: SurvivalTable
    ) -> Double {
        let now = max(censoring.survival(at: time), 1e-12)
        var sum = 0.0
        for (value, lifetime) in zip(predicted, lifetimes) {
            if lifetime.end <= time, lifetime.ended {
                sum += value * value / max(censoring.survival(at: lifetime.end), 1e-12)
            } else if lifetime.end > time {
                sum += (1 - value) * (1 - value) / now
            }
        }
        return sum / Double(max(1, lifetimes.count))
    }
}
