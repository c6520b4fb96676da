internal import Workloads

/// A time below which no schedule of a problem ends, however long one searches.
///
/// The greatest of three: the longest path, in which data moves unless tasks run on one instance, and those that do run one
/// after the other where an instance has no room for two (Colin and Chrétienne, *C.P.M. scheduling with small communication
/// delays and task duplication*, 1991, by the entry of the pool); the work that must be done between two times, by all that
/// can be rented, or within the quota; and the same where at every moment only so many tasks can run at once as may have started. Of small jobs a
/// ``PlanSearch`` may prove more.
public struct LowerBound: Sendable {
    /// No schedule is shorter, in seconds.
    public private(set) var makespanSeconds = 0.0
    /// Each part: the longest path, and the work, from when the first instance takes tasks.
    public private(set) var pathSeconds = 0.0
    public private(set) var workSeconds = 0.0

    /// - Parameter briefly: Whether, of large problems, the longest path may count as if all entries were as fast as the best.
    /// - Complexity: O(*E* · *kinds of entries* · log *degree* + *V* · *thresholds*).
    public init(_ problem: PlanningProblem, briefly: Bool = false) {
        guard problem.graph.count > 0 else { return }
        let bounds = Paths(problem, mostTimes: briefly ? 400_000 : 2_000_000)
        pathSeconds = bounds.longest
        workSeconds = max(Work(problem, bounds).seconds, Self.accountSeconds(problem))
        // Sums of the same seconds in another order differ by rounding.
        makespanSeconds = (max(pathSeconds, workSeconds) + (problem.opens.min() ?? 0)) * (1 - 1e-12)
    }

    /// The time of all work where only so much may be in use at once.
    private static func accountSeconds(_ problem: PlanningProblem) -> Double {
        guard let quota = problem.quota else { return 0 }
        var (used, paid) = (SIMD4<Double>(repeating: 0), 0.0)
        for task in 0..<problem.graph.count {
            var (least, cheapest) = (Double.infinity, Double.infinity)
            for entry in problem.entries.indices where problem.seconds(of: task, on: entry).isFinite {
                let seconds = problem.seconds(of: task, on: entry)
                least = min(least, seconds)
                cheapest = min(cheapest, seconds * problem.entries[entry].pricePerHour(of: problem.requests[task]))
            }
            used += least * problem.requests[task].lanes
            paid += cheapest
        }
        var seconds = quota.pricePerHour.isFinite && paid > 0 ? paid / quota.pricePerHour : 0
        for lane in 0..<4 where used[lane] > 0 { seconds = max(seconds, used[lane] / quota.resources.lanes[lane]) }
        return seconds
    }

    /// Takes what a search has proved.
    mutating func raise(to seconds: Double) { makespanSeconds = max(makespanSeconds, seconds * (1 - 1e-12)) }

    /// How much longer a schedule is than it must be, as a share of the bound; infinite if nothing is known.
    public func gap(_ makespan: Double) -> Double { makespanSeconds > 0 ? makespan / makespanSeconds - 1 : .infinity }
}

extension LowerBound {
    /// Before and after each task, what must pass at least.
    struct Paths {
        /// The least time from the start of the job to the start of a task, and from its end to the end of the job.
        private(set) var heads: [Double] = []
        private(set) var tails: [Double] = []
        private(set) var longest = 0.0

        init(_ problem: PlanningProblem, mostTimes: Int = 2_000_000) {
            let count = problem.graph.count
            // A task on a kind of entry: how long it takes. Where that is too much, all is as fast as on the best.
            let kinds = problem.seconds.count <= mostTimes ? Self.kinds(problem) : nil
            let isAlone = kinds?.isAlone ?? [problem.entries.indices.allSatisfy { LaneModel.lanes(problem, $0) == 1 }]
            let width = isAlone.count
            var seconds = kinds == nil ? problem.spans.least : []
            if let kinds {
                seconds.reserveCapacity(count * width)
                for task in 0..<count { seconds += kinds.entries.map { problem.seconds(of: task, on: $0) } }
            }
            // Whatever moves fastest.
            let nearest =
                problem.hasZones ? zip(problem.transfers, problem.farTransfers).map { min($0, $1) } : problem.transfers
            let edges = Edges(first: problem.firstEdge, tasks: problem.predecessors, seconds: nearest)
            let order = problem.graph.topologicalOrder
            // The time until the first instance comes is added to all at the end.
            let open = problem.opens.min() ?? 0
            let heads = Self.earliest(
                order, edges, seconds, isAlone, releases: problem.releases.map { max(0, $0 - open) })
            let backward = LaneModel.reversed(problem, nearest)
            let tails = Self.earliest(
                order.reversed(), Edges(first: backward.first, tasks: backward.tasks, seconds: backward.seconds),
                seconds, isAlone, releases: [])
            for task in 0..<count {
                var (head, tail, path) = (Double.infinity, Double.infinity, Double.infinity)
                for place in task * width..<(task + 1) * width where seconds[place].isFinite {
                    head = min(head, heads[place])
                    tail = min(tail, tails[place])
                    path = min(path, heads[place] + seconds[place] + tails[place])
                }
                self.heads.append(head)
                self.tails.append(tail)
                longest = max(longest, path)
            }
        }

        private struct Edges {
            var first: [Int32]
            var tasks: [Int32]
            var seconds: [Double]
        }

        /// One entry of each kind, those with equal times being alike, and whether its instances run one task at a time.
        private static func kinds(_ problem: PlanningProblem) -> (entries: [Int], isAlone: [Bool]) {
            let width = problem.entries.count
            var kinds: [Int] = []
            var isAlone: [Bool] = []
            let places = stride(from: 0, to: problem.seconds.count, by: width)
            for entry in 0..<width {
                let alone = LaneModel.lanes(problem, entry) == 1
                let same = kinds.firstIndex { kind in
                    places.allSatisfy { problem.seconds[$0 + kind] == problem.seconds[$0 + entry] }
                }
                if let same {
                    isAlone[same] = isAlone[same] && alone
                } else {
                    kinds.append(entry)
                    isAlone.append(alone)
                }
            }
            return (kinds, isAlone)
        }

        /// When each task on each kind of entry may start at the earliest. What it waits for either runs on the same
        /// instance, one after the other, or its data moves: the more of what comes last runs there, the less is waited for.
        private static func earliest(
            _ order: [Int], _ edges: Edges, _ seconds: [Double], _ isAlone: [Bool], releases: [Double]
        ) -> [Double] {
            let width = isAlone.count
            var starts = [Double](repeating: 0, count: seconds.count)
            var ends = [Double](repeating: 0, count: seconds.count / max(1, width))
            var inputs: [(arrival: Double, task: Int)] = []
            var here: [(ready: Double, seconds: Double)] = []
            for task in order {
                inputs.removeAll(keepingCapacity: true)
                for edge in Int(edges.first[task])..<Int(edges.first[task + 1]) {
                    let other = Int(edges.tasks[edge])
                    inputs.append((ends[other] + edges.seconds[edge], other))
                }
                inputs.sort { $0.arrival > $1.arrival }
                var end = Double.infinity
                for kind in 0..<width where seconds[task * width + kind].isFinite {
                    var (best, sequence) = (Double.infinity, 0.0)
                    here.removeAll(keepingCapacity: true)
                    for place in 0...inputs.count {
                        let rest = place < inputs.count ? inputs[place].arrival : 0
                        best = min(best, max(sequence, rest))
                        // The more runs here, the longer it takes: no better choice is to come.
                        guard place < inputs.count, sequence < best else { break }
                        let other = inputs[place].task * width + kind
                        guard seconds[other].isFinite else { break }
                        if isAlone[kind] {
                            let item = (ready: starts[other], seconds: seconds[other])
                            here.insert(item, at: here.firstIndex { $0.ready > item.ready } ?? here.count)
                            sequence = here.reduce(0) { max($0, $1.ready) + $1.seconds }
                        } else {
                            sequence = max(sequence, starts[other] + seconds[other])
                        }
                    }
                    if !releases.isEmpty { best = max(best, releases[task]) }
                    starts[task * width + kind] = best
                    end = min(end, best + seconds[task * width + kind])
                }
                ends[task] = end
            }
            return starts
        }
    }

    /// What must be done between two times, by all that can be rented.
    private struct Work {
        private(set) var seconds = 0.0

        init(_ problem: PlanningProblem, _ paths: Paths) {
            // Speeds of lanes, and the work of a task that a lane of speed 1 does in a second.
            let count = problem.graph.count
            var speeds: [Double] = []
            var work = [Double](repeating: .infinity, count: count)
            for (entry, offer) in problem.entries.enumerated() {
                guard let lanes = LaneModel.lanes(problem, entry) else { return }
                let speed = max(offer.type.speed, .leastNormalMagnitude)
                let instances = min(offer.maximumCount, count)
                guard instances * lanes < 1 << 20 else { return }
                speeds.append(contentsOf: repeatElement(speed, count: min(count, instances * lanes)))
                for task in 0..<count { work[task] = min(work[task], problem.seconds(of: task, on: entry) * speed) }
            }
            speeds.sort(by: >)
            var total: [Double] = [0]
            for speed in speeds.prefix(count) { total.append(total[total.count - 1] + speed) }
            let thresholds = { (values: [Double]) -> [Double] in
                let sorted = Set(values).sorted()
                let step = max(1, sorted.count / 64)
                return stride(from: 0, to: sorted.count, by: step).map { sorted[$0] }
            }
            let byTail = (0..<count).sorted { paths.tails[$0] > paths.tails[$1] }
            for head in thresholds(paths.heads) {
                var (sum, most) = (0.0, 0)
                for task in byTail where paths.heads[task] >= head {
                    sum += work[task]
                    most = min(most + 1, total.count - 1)
                    seconds = max(seconds, head + sum / total[most] + paths.tails[task])
                }
            }
            // All work, where so many lanes at most are busy as tasks may have started and need not have ended.
            let (starts, ends) = (paths.heads.sorted(), paths.tails.sorted())
            let sum = work.reduce(0, +)
            func done(by end: Double) -> Double {
                var (time, done, place, last) = (0.0, 0.0, 0, count)
                while time < end {
                    while place < count, starts[place] <= time { place += 1 }
                    while last > 0, end - ends[last - 1] <= time { last -= 1 }
                    let next = min(
                        place < count ? starts[place] : .infinity, last > 0 ? end - ends[last - 1] : .infinity, end)
                    let busy = min(place, last, total.count - 1)
                    done += total[busy] * (next - time)
                    time = next
                }
                return done
            }
            var (low, high) = (seconds, 4 * (seconds + sum / max(total[total.count - 1], .leastNormalMagnitude)))
            guard done(by: low) < sum else { return }
            for _ in 0..<60 {
                let middle = (low + high) / 2
                if done(by: middle) < sum { low = middle } else { high = middle }
            }
            seconds = max(seconds, low)
        }
    }
}
