internal import Foundation

/// What each decision of an episode led to.
enum Returns {
    /// The discounted sum of what each decision and those after it earned; one more element, 0, for the end.
    static func discounted(_ log: borrowing EpisodeLog, rate: Double) -> [Double] {
        var returns = [Double](repeating: 0, count: log.rewards.count + 1)
        for step in log.rewards.indices.reversed() {
            returns[step] = log.rewards[step] + exp(-rate * log.durations[step]) * returns[step + 1]
        }
        return returns
    }

    /// The returns of another rollout of the same problem at the times of `log`'s decisions. Between its decisions
    /// rewards flow evenly; after its end nothing is left. O(decisions of both).
    static func aligned(
        _ other: borrowing EpisodeLog, _ otherReturns: [Double], to log: borrowing EpisodeLog, rate: Double
    ) -> [Double] {
        var result: [Double] = []
        result.reserveCapacity(log.durations.count)
        var (time, begin, step) = (0.0, 0.0, 0)
        for duration in log.durations {
            // The last decision of the other that was not later.
            while step + 1 < other.durations.count, begin + other.durations[step] <= time {
                begin += other.durations[step]
                step += 1
            }
            let length = step < other.durations.count ? other.durations[step] : 0
            let left = begin + length - time
            if length == 0 && begin == time && step < other.durations.count {
                result.append(otherReturns[step])
            } else if left <= 0 {
                result.append(0)
            } else {
                result.append(
                    left / length * other.rewards[step] + exp(-rate * left) * otherReturns[step + 1])
            }
            time += duration
        }
        return result
    }

    /// Generalised advantages from the estimates of the values.
    ///
    /// Source: Schulman, Moritz, Levine, Jordan, Abbeel, *High-Dimensional Continuous Control Using Generalized Advantage
    /// Estimation* (2016), with steps of any duration.
    static func advantages(
        _ log: borrowing EpisodeLog, valueScale: Double, rate: Double, lambda: Double
    ) -> [Double] {
        var advantages = [Double](repeating: 0, count: log.rewards.count)
        var (next, advantage) = (0.0, 0.0)
        for step in log.rewards.indices.reversed() {
            let discount = exp(-rate * log.durations[step])
            let value = Double(log.decisions[step].value) * valueScale
            advantage = log.rewards[step] + discount * next - value + discount * lambda * advantage
            next = value
            advantages[step] = advantage
        }
        return advantages
    }
}
