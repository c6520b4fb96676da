internal import Glibc
internal import Scheduling
import Workloads

/// Follows the placement that wins in simulation: from the present state the run is played to its end under each of several, all
/// with the same luck, and the best decides from then on.
///
/// It takes the place of the one in force only if it gains more than it disturbs: the mean of the paired differences lies beyond
/// its 95 % interval and is a part of the time that is left. They are tried when something happened (an instance went or was
/// refused, an attempt failed, a job or a price came), and whenever an eighth of the time that was left is over. What is chosen
/// is an ``Action/follow(_:)`` in the log.
///
/// Run times are those that the estimates of the jobs believe; failures and reclaims that nobody has announced are not
/// foreseen. Without estimates nothing is changed.
public struct Following: Sendable {
    /// What may decide in the place of the placement of the policies.
    public var alternatives: [any Placement]
    /// How often each is played to the end.
    public var playouts: Int
    /// The part of the time that is left that another one must save to be followed.
    public var leastGain: Double
    /// The standard deviation of the logarithm of run times whose estimates have no quantiles.
    public var noise: Double
    /// How many tasks may be played in one comparison: tasks that are left · placements · playouts. A larger job keeps what
    /// it has.
    public var mostWork: Int

    /// When they are compared next whatever happens, and when for a reason at the earliest.
    private var nextSeconds = -Double.infinity
    private var reasonSeconds = -Double.infinity

    /// How often placements were compared.
    package private(set) var comparisons = 0

    /// Makes a rule.
    public init(
        _ alternatives: [any Placement], playouts: Int = 12, leastGain: Double = 0.01, noise: Double = 0,
        mostWork: Int = 100_000
    ) {
        (self.alternatives, self.playouts, self.leastGain) = (alternatives, max(2, playouts), leastGain)
        (self.noise, self.mostWork) = (noise, mostWork)
    }

    /// What there is besides a placement for one job: re-planning, the same with data sent ahead to all, list scheduling by
    /// rank, and best fit.
    public static func besides(_ placement: any Placement) -> [any Placement] {
        let planned: [any Placement] = placement is Rescheduling ? [] : [Rescheduling()]
        let listed: [any Placement] = placement is Backfilling ? [] : [Backfilling()]
        return planned + [Rescheduling(prefetches: true)] + listed + [BestFit()]
    }

    /// Nothing is remembered.
    mutating func restarted() { (nextSeconds, reasonSeconds) = (-.infinity, -.infinity) }

    /// A placement by its number in the log; `nil` for that of the policies.
    func alternative(_ number: Int32) -> (any Placement)? {
        number > 0 && Int(number) <= alternatives.count ? alternatives[Int(number) - 1] : nil
    }

    /// Whether it is time to compare.
    ///
    /// - Parameter hasReason: Whether something happened that may have changed which is best.
    func isDue(_ state: RunState, hasReason: Bool) -> Bool {
        state.seconds >= (hasReason ? min(nextSeconds, reasonSeconds) : nextSeconds)
    }

    /// The number of the placement to follow now.
    ///
    /// - Parameters:
    ///   - candidate: The run under a placement, with nothing decided yet.
    /// - Complexity: O(``mostWork``) placements of tasks.
    mutating func choice(_ state: RunState, candidate: (_ number: Int32) -> Allocator) -> Int32 {
        let now = state.seconds
        let goingOn = state.jobs.filter { $0.isAdmitted && $0.ending == nil }
        let isCertain =
            noise == 0
            && goingOn.allSatisfy { job in
                (0..<Int(job.count)).allSatisfy { job.estimates?.spread(of: $0) == nil }
            }
        let count = isCertain ? 1 : playouts
        let left = goingOn.reduce(0) { $0 + Int($1.open) }
        guard left > 0, left * count * (alternatives.count + 1) <= mostWork else { return state.followed }
        comparisons += 1
        let seconds = believed(state)
        let seed = now.bitPattern
        func ends(_ number: Int32) -> [Double]? {
            Foresight.meanEnds(candidate(number), at: now, playouts: count, seed: seed, seconds)
        }
        guard let kept = ends(state.followed) else {
            // Nobody knows how long a task takes, or it would not end.
            (nextSeconds, reasonSeconds) = (now + 60, now + 60)
            return state.followed
        }
        let rest = kept.reduce(0, +) / Double(count) - now
        (nextSeconds, reasonSeconds) = (now + max(1, rest / 8), now + rest / 32)
        var best = (number: state.followed, gain: leastGain * rest)
        for number in 0...Int32(alternatives.count) where number != state.followed {
            // Where data take no time, sending them ahead changes nothing.
            let isAhead = (alternative(number) as? Rescheduling)?.prefetches == true
            if isAhead, goingOn.allSatisfy({ $0.flow == nil }) { continue }
            guard let other = ends(number) else { continue }
            let gains = zip(kept, other).map { $0 - $1 }
            let mean = gains.reduce(0, +) / Double(count)
            let squares = gains.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            let half = count > 1 ? 1.96 * (squares / Double(count * (count - 1))).squareRoot() : 0
            if mean > half, mean > best.gain { best = (number, mean) }
        }
        return best.number
    }

    /// The time that a task takes on a type of instance and does not exceed with a probability, as the estimates believe.
    private func believed(_ state: RunState) -> (TaskIndex, InstanceType, Double) -> Double? {
        let (jobs, jobOf, noise) = (state.jobs, state.tasks.job, noise)
        return { task, type, p in
            let job = jobs[Int(jobOf[Int(task)])]
            let own = Int(task - job.first)
            guard let estimates = job.estimates else { return nil }
            let isSpread = estimates.spread(of: own) != nil
            let seconds = estimates.seconds(of: own, on: type, p: isSpread ? p : nil)
            guard seconds.isFinite else { return nil }
            return isSpread || noise == 0 ? seconds : seconds * exp(noise * normalQuantile(p) - noise * noise / 2)
        }
    }
}
