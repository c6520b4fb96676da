internal import Glibc
public import Workloads

/// What a stream of jobs is expected to want over time: for each step of time the mean and the spread of the resources that
/// run at once.
///
///     var forecast = DemandForecast(stepSeconds: 3600, mean: [Resources(cpus: 8)], deviation: [Resources(cpus: 4)])
///     forecast.quantile(0.9, at: 1800)   // 13.1 cpus
public struct DemandForecast: Hashable, Sendable {
    /// The length of a step, in seconds.
    public let stepSeconds: Double
    /// The mean of every step, and the standard deviation.
    public let mean: [Resources]
    public let deviation: [Resources]
    /// Whether the steps begin anew after the last, as days do; else nothing is wanted then.
    public var repeats: Bool

    /// Makes one by hand.
    ///
    /// - Precondition: As many means as deviations, and steps that last.
    public init(stepSeconds: Double, mean: [Resources], deviation: [Resources], repeats: Bool = false) {
        precondition(stepSeconds > 0 && mean.count == deviation.count, "a deviation for each mean, and steps that last")
        (self.stepSeconds, self.mean, self.deviation, self.repeats) = (stepSeconds, mean, deviation, repeats)
    }

    /// What came is taken as what comes, at another moment of the same step: arrivals of a Poisson process whose rate changes
    /// from step to step. Of such a process mean and variance follow from what every arrival wants and for how long
    /// (Campbell, *The study of discontinuous phenomena*, 1909).
    ///
    /// - Parameters:
    ///   - arrivals: When each came, in seconds, what it wanted, and for how long.
    ///   - steps: So many steps are one period.
    ///   - periods: How many periods the arrivals are from.
    /// - Complexity: O(steps + the steps that each arrival lasts).
    public init(
        arrivals: [(seconds: Double, wants: Resources, forSeconds: Double)], stepSeconds: Double, steps: Int,
        periods: Int = 1, repeats: Bool = false
    ) {
        var mean = [Resources](repeating: .zero, count: max(1, steps))
        var variance = mean
        let all = Double(mean.count * max(1, periods))
        for (seconds, wants, length) in arrivals where length > 0 && seconds.isFinite && length.isFinite {
            let first = max(0, (seconds / stepSeconds).rounded(.down))
            for step in stride(from: first, to: min(all, (seconds + length) / stepSeconds), by: 1) {
                let overlap = min(seconds + length, (step + 1) * stepSeconds) - max(seconds, step * stepSeconds)
                let share = max(0, overlap) / (stepSeconds * Double(max(1, periods)))
                let place = Int(step) % mean.count
                mean[place].lanes += wants.lanes * share
                variance[place].lanes += wants.lanes * wants.lanes * share
            }
        }
        self.init(
            stepSeconds: stepSeconds, mean: mean, deviation: variance.map { Resources(lanes: $0.lanes.squareRoot()) },
            repeats: repeats)
    }

    /// What suffices at a time with a probability, each kind of resource for itself, by the normal distribution.
    public func quantile(_ p: Double, at seconds: Double) -> Resources {
        guard let step = step(at: seconds) else { return .zero }
        let wanted = mean[step].lanes + normalQuantile(p) * deviation[step].lanes
        return Resources(lanes: wanted).maxima(.zero)
    }

    /// When the step ends that a time is in; infinite if nothing changes any more.
    func stepEnd(after seconds: Double) -> Double {
        guard step(at: seconds) != nil, mean.count > 1 || !repeats else { return .infinity }
        let end = ((seconds / stepSeconds).rounded(.down) + 1) * stepSeconds
        return end > seconds ? end : seconds + stepSeconds
    }

    private func step(at seconds: Double) -> Int? {
        let place = (max(0, seconds) / stepSeconds).rounded(.down)
        if place < Double(mean.count) { return Int(place) }
        return repeats && !mean.isEmpty && place < 1e15 ? Int(place) % mean.count : nil
    }
}

/// The quantile of the standard normal distribution, to 0.03 between 0.001 and 0.999. Source: Tukey, *The practical relationship
/// between the common transformations of percentages* (1960).
func normalQuantile(_ p: Double) -> Double { (pow(p, 0.135) - pow(1 - p, 0.135)) / 0.1975 }
