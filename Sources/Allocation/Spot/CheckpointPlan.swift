/// When a job saves its work on machines that are lost, by their age: so that it is expected to end soonest.
///
/// After a loss the job goes on from its last checkpoint on a new machine, which takes `restart` to be ready and may be lost
/// before. By dynamic programming over the work left and the age of the machine: while a machine is young and likely to be
/// lost, work is saved often, then less and less. With a constant rate it finds what Young's and Daly's formulas approximate.
///
///     let plan = CheckpointPlan(work: 86_400, checkpoint: 300, restart: 720, rates: rates)
///     plan.interval(workLeft: 50_000, age: 4000)   // seconds of work until the next checkpoint
///
/// Source: Bougeret et al., *Checkpointing strategies for parallel jobs* (SC 2011), with a renewal at each loss.
public struct CheckpointPlan: Sendable {
    /// Seconds that the job is expected to take from the start of its first machine.
    public let expectedSeconds: Double
    private let grid: Grid
    /// The step of work at which to save, by work left and age.
    private let intervals: [UInt16]

    /// Plans.
    ///
    /// - Parameters:
    ///   - work: Seconds of work, positive.
    ///   - checkpoint: Seconds that saving takes.
    ///   - restart: Seconds until a new machine works.
    ///   - steps: Parts of the work; intervals are multiples of one, 2 to 5000.
    /// - Complexity: O(steps³).
    public init(work: Double, checkpoint: Double, restart: Double, rates: HazardRates, steps: Int = 200) {
        precondition(
            2...5000 ~= steps && work > 0 && checkpoint >= 0 && restart >= 0, "A job of some work in some parts.")
        let grid = Grid(work: work, checkpoint: checkpoint, restart: restart, rates: rates, steps: steps)
        var best = [UInt16](repeating: 1, count: (steps + 1) * grid.ages.count)
        expectedSeconds = grid.solve { left, age, cost in
            var (least, interval) = (Double.infinity, 1)
            for candidate in 1...left {
                let value = cost(candidate)
                if value < least { (least, interval) = (value, candidate) }
            }
            if let age { best[left * grid.ages.count + age] = UInt16(interval) }
            return least
        }
        (self.grid, intervals) = (grid, best)
    }

    /// Seconds of work until the next checkpoint; all that is left if none is worth it.
    public func interval(workLeft: Double, age: Double) -> Double {
        let left = min(max(1, Int((workLeft / grid.unit).rounded())), grid.steps)
        let interval = Int(intervals[left * grid.ages.count + grid.nearest(age)])
        return interval >= left ? workLeft : min(workLeft, Double(interval) * grid.unit)
    }

    /// Seconds that a job is expected to take that saves its work by a rule of its own: of the work left and the age.
    public static func expectedSeconds(
        work: Double, checkpoint: Double, restart: Double, rates: HazardRates, steps: Int = 1000,
        rule: (_ workLeft: Double, _ age: Double) -> Double
    ) -> Double {
        let grid = Grid(work: work, checkpoint: checkpoint, restart: restart, rates: rates, steps: steps)
        return grid.solve { left, age, cost in
            let interval = rule(Double(left) * grid.unit, age.map { grid.ages[$0] } ?? restart)
            return cost(min(left, max(1, Int((interval / grid.unit).rounded()))))
        }
    }

    /// Values of work left, and of age, closer to each other while a machine is young.
    private struct Grid: Sendable {
        let unit: Double
        let steps: Int
        let checkpoint: Double
        let restart: Double
        let rates: HazardRates
        let ages: [Double]
        let oldest: Double

        init(work: Double, checkpoint: Double, restart: Double, rates: HazardRates, steps: Int) {
            unit = work / Double(steps)
            (self.steps, self.checkpoint, self.restart, self.rates) = (steps, checkpoint, restart, rates)
            let oldest = max(2 * (work + restart) + 20 * checkpoint, rates.ends.last ?? 0)
            ages = (0...steps).map { oldest * (Double($0) / Double(steps)) * (Double($0) / Double(steps)) }
            self.oldest = oldest
        }

        func place(_ age: Double) -> Double { (min(max(age, 0), oldest) / oldest).squareRoot() * Double(steps) }

        func nearest(_ age: Double) -> Int { Int(place(age).rounded()) }

        /// The expected time of all of the work. For each work left, and each age (`nil`: of a machine that is just ready), `value`
        /// chooses an interval and returns its cost.
        ///
        /// Just after a start the cost of starting again is in its own definition; as the least fixed point of many lines is the
        /// least of their fixed points, each interval's is computed in closed form.
        func solve(_ value: (_ left: Int, _ age: Int?, _ cost: (Int) -> Double) -> Double) -> Double {
            let count = ages.count
            var costs = [Double](repeating: 0, count: (steps + 1) * count)
            let (survivals, lives) = (ages.map(rates.survival(to:)), ages.map(rates.meanLife(upTo:)))
            var fromStart = 0.0
            func end(_ left: Int, _ interval: Int, from age: Double) -> (survival: Double, life: Double, rest: Double) {
                let last = age + Double(interval) * unit + (interval == left ? 0 : checkpoint)
                let at = place(last)
                let index = min(Int(at), count - 2)
                let share = at - Double(index)
                let row = (left - interval) * count
                return (
                    rates.survival(to: last), rates.meanLife(upTo: last),
                    costs[row + index] * (1 - share) + costs[row + index + 1] * share
                )
            }
            for left in 1...steps {
                fromStart = value(left, nil) { interval in
                    let (survival, life, rest) = end(left, interval, from: restart)
                    // Until the machine is lost or the checkpoint is there, then again or on.
                    return (life + survival * rest) / max(survival, 1e-300)
                }
                let again = fromStart
                for age in 0..<count {
                    // So old that hardly any machine is: as the oldest of which something can be said.
                    guard survivals[age] > 1e-200 else {
                        costs[left * count + age] = age > 0 ? costs[left * count + age - 1] : again
                        continue
                    }
                    costs[left * count + age] = value(left, age) { interval in
                        let (survival, life, rest) = end(left, interval, from: ages[age])
                        let stays = survival / survivals[age]
                        return (life - lives[age]) / survivals[age] + (1 - stays) * again + stays * rest
                    }
                }
            }
            return fromStart
        }
    }
}
