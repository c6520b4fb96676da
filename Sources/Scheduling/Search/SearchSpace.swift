/// What searches walk through: points, each of which stands for a schedule.
protocol SearchSpace: Sendable {
    associatedtype Point: Sendable

    /// The point of a schedule, or one near it.
    func point(_ schedule: Schedule) -> Point

    /// The schedule of a point.
    func schedule(_ point: Point) -> Schedule

    /// How many tries take a few milliseconds.
    var briefTries: Int { get }

    /// Searches from points by a method; the habits of a search differ by round and chain.
    func search(
        _ points: [Point], _ score: PlanScore, _ method: PlanSearch.Method?, round: Int, chain: Int, keepsFront: Bool,
        until limit: SearchLimit, seed: UInt64
    ) -> Found<Point>
}

/// The best that a search has seen.
struct Found<Point: Sendable>: Sendable {
    var point: Point
    var score: Double
    /// Moves that were judged, and those of them that were made for it.
    var tries = 0
    var evaluations = 0
    /// Points that were seen of which none is both slower and dearer than another, if they are wanted.
    var front = Front<Point>()
}

/// Points of which none is both slower and dearer than another, from fastest to cheapest.
struct Front<Point: Sendable>: Sendable {
    private(set) var members: [(makespan: Double, cost: Double, point: Point)] = []

    /// Takes a point if none is as fast and as cheap; those that it makes useless go.
    mutating func add(makespan: Double, cost: Double, _ point: @autoclosure () -> Point) {
        var (low, high) = (0, members.count)
        while low < high {
            let middle = (low + high) / 2
            if members[middle].makespan <= makespan { low = middle + 1 } else { high = middle }
        }
        if low > 0, members[low - 1].cost <= cost * (1 + 1e-6) { return }
        var first = low
        while first > 0, members[first - 1].makespan >= makespan { first -= 1 }
        var last = low
        while last < members.count, members[last].cost >= cost { last += 1 }
        members.replaceSubrange(first..<last, with: [(makespan: makespan, cost: cost, point: point())])
    }
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
