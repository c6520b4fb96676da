/// What searches walk through: points, each of which stands for a schedule.
protocol SearchSpace: Sendable {
    associatedtype Point: Sendable

    /// The point of a schedule, or one near it.
    func point(_ schedule: Schedule) -> Point

    /// The schedule of a point.
    func schedule(_ point: Point) -> Schedule

    /// How many tries take a few milliseconds.
    var briefTries: Int { get }

    /// Anneals from a point; the habits of a search differ by round and chain.
    func anneal(
        _ point: Point, _ score: PlanScore, round: Int, chain: Int, until limit: SearchLimit, seed: UInt64
    ) -> Found<Point>
}

/// The best that a search has seen.
struct Found<Point: Sendable>: Sendable {
    var point: Point
    var score: Double
    /// Moves that were judged, and those of them that were made for it.
    var tries = 0
    var evaluations = 0
}

/// When a search ends: after so many tries, at a time, or when nothing better is possible.
struct SearchLimit: Sendable {
    var tries = Int.max
    var begin = ContinuousClock.now
    var seconds = Double.infinity
    /// A score that cannot be bettered.
    var least = -Double.infinity

    /// The share of it that has passed.
    func passed(tries: Int, score: Double) -> Double {
        if score <= least { return 1 }
        let byTries = Double(tries) / Double(self.tries)
        guard seconds < .infinity else { return byTries }
        let spent = begin.duration(to: .now).components
        return max(byTries, (Double(spent.seconds) + Double(spent.attoseconds) * 1e-18) / seconds)
    }
}
