internal import Foundation

/// What each decision of an episode led to.
package enum Returns {
    /// The discounted sum of what each decision and those after it earned; one more element, 0, for the end.
    package static func discounted(_ rewards: [Double], _ durations: [Double], rate: Double) -> [Double] {
        var returns = [Double](repeating: 0, count: rewards.count + 1)
        for step in rewards.indices.reversed() {
            returns[step] = rewards[step] + exp(-rate * durations[step]) * returns[step + 1]
        }
        return returns
    }

    /// The returns of a rollout at times that increase. Between its decisions rewards flow evenly; after its end nothing
    /// is left. O(decisions + times).
    /// - Parameter returns: What ``discounted(_:_:rate:)`` gave.
    package static func aligned(
        _ rewards: [Double], _ durations: [Double], _ returns: [Double], at times: some Sequence<Double>, rate: Double
    ) -> [Double] {
        var (begin, step) = (0.0, 0)
        return times.map { time in
            // The last decision that was not later.
            while step + 1 < durations.count, begin + durations[step] <= time {
                begin += durations[step]
                step += 1
            }
            guard step < durations.count else { return 0 }
            let (length, left) = (durations[step], begin + durations[step] - time)
            if length == 0 { return begin == time ? returns[step] : 0 }
            return left > 0 ? left / length * rewards[step] + exp(-rate * left) * returns[step + 1] : 0
        }
    }

    /// When decisions are taken that last so long.
    static func times(_ durations: [Double]) -> [Double] {
        var time = 0.0
        return durations.map { duration in
            defer { time += duration }
            return time
        }
    }

    /// Generalised advantages from the estimates of the values.
    ///
    /// Source: Schulman, Moritz, Levine, Jordan, Abbeel, *High-Dimensional Continuous Control Using Generalized Advantage
    /// Estimation* (2016), with steps of any duration.
    package static func advantages(
        _ rewards: [Double], _ durations: [Double], values: [Double], rate: Double, lambda: Double
    ) -> [Double] {
        var advantages = [Double](repeating: 0, count: rewards.count)
        var (next, advantage) = (0.0, 0.0)
        for step in rewards.indices.reversed() {
            let discount = exp(-rate * durations[step])
            advantage = rewards[step] + discount * next - values[step] + discount * lambda * advantage
            next = values[step]
            advantages[step] = advantage
        }
        return advantages
    }
}
