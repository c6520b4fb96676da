import Glibc
import Workloads

/// How important each task is: a share of what comes after it flows back to it along the dependencies, as in PageRank on the
/// reversed graph.
///
/// With *w* the weight of a task (its time on the best offers, with what reclaims and price make of it) and *c* that of an
/// edge,
///
///     r(v) = w(v) + d · ( Σ over successors s of ( share(v, s)^b · (c(v, s) + r(s)) )^p )^(1/p)
///
/// where *share(v, s)* is the weight of *v* and its edge among all that *s* waits for. A directed acyclic graph needs no
/// iteration: one pass from the end is the fixed point. With *d* = 1, *b* = 0 and *p* = ∞ it is the upward rank; on a chain
/// it is that for every *p* and *b*; in an out-tree with *p* = 1 it is the work of all that follows.
/// Source: Page, Brin, Motwani and Winograd, *The PageRank citation ranking* (1999).
package struct Importance: Sendable {
    /// How much of what follows counts.
    package var damping = 1.0
    /// How far a task that is one of many is less to blame for what follows.
    package var sharing = 1.0
    /// From a sum (1) to the greatest (∞).
    package var power = 1.0

    package init(damping: Double = 1, sharing: Double = 1, power: Double = 1) {
        (self.damping, self.sharing, self.power) = (damping, sharing, power)
    }

    /// - Parameter weights: The weight of every task, in seconds.
    /// - Complexity: O(*V* + *E*).
    package func ranks(_ problem: PlanningProblem, weights: [Double]) -> [Double] {
        let count = problem.graph.count
        // What every task waits for.
        var inward = [Double](repeating: 0, count: count)
        for task in 0..<count {
            for edge in problem.edges(of: task) {
                inward[task] += weights[Int(problem.predecessors[edge])] + problem.transfers[edge]
            }
        }
        var (sums, ranks) = ([Double](repeating: 0, count: count), weights)
        for task in problem.graph.topologicalOrder.reversed() {
            let follows = power.isFinite && power != 1 ? pow(sums[task], 1 / power) : sums[task]
            ranks[task] = weights[task] + damping * follows
            for edge in problem.edges(of: task) {
                let predecessor = Int(problem.predecessors[edge])
                let own = weights[predecessor] + problem.transfers[edge]
                var share = 1.0
                if sharing != 0 { share = inward[task] > 0 ? pow(own / inward[task], sharing) : 1 }
                let flow = share * (problem.transfers[edge] + ranks[task])
                if power.isFinite {
                    sums[predecessor] += power == 1 ? flow : pow(flow, power)
                } else {
                    sums[predecessor] = max(sums[predecessor], flow)
                }
            }
        }
        return ranks
    }
}
