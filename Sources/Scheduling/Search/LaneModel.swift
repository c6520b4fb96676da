import Workloads

/// A planning problem in which an instance is a few lanes, each of which runs one task at a time.
///
/// That is exact where the tasks that fit an entry of the pool all ask for the same, or no two of them fit together. Elsewhere
/// an instance may be one lane that is shared: as many of its tasks run at once as there is room for.
package struct LaneModel: Sendable {
    let problem: PlanningProblem
    /// For each lane: its instance, and the entry of that.
    package private(set) var host: [Int32] = []
    private(set) var entry: [Int32] = []
    /// For each instance: its entry, and its lanes.
    private(set) var entryOfHost: [Int32] = []
    private(set) var lanesOfHost: [Range<Int>] = []
    /// The edges from each task, as those to it in the problem.
    let firstSuccessor: [Int32]
    let successors: [Int32]
    let transfersOut: [Double]
    /// The same to another zone; empty where zones do not matter.
    let farTransfersOut: [Double]
    /// The lanes on which each task may run, one after the other, and where those of each begin; tasks that fit the same
    /// entries share them.
    private(set) var possible: [[Int32]] = []
    private(set) var possibleOf: [Int32] = []
    /// How many tasks at most run at once on a lane that is shared; 0 if none is.
    let room: Int

    /// What a task talks to: what it waits for, then what waits for it, by number.
    @inline(__always) func neighbour(_ task: Int, _ number: Int) -> Int {
        let inward = problem.edges(of: task)
        return Int(
            number < inward.count
                ? problem.predecessors[inward.lowerBound + number]
                : successors[Int(firstSuccessor[task]) + number - inward.count])
    }

    /// How many tasks a task talks to.
    @inline(__always) func neighbourCount(_ task: Int) -> Int {
        problem.edges(of: task).count + Int(firstSuccessor[task + 1] - firstSuccessor[task])
    }

    /// `nil` where lanes would not be exact, because of a quota too, or if many tasks share one.
    ///
    /// - Parameters:
    ///   - most: The most instances of each entry.
    ///   - sharing: Whether tasks may share lanes.
    package init?(_ problem: PlanningProblem, most: [Int], sharing: Bool = false) {
        self.problem = problem
        room = sharing ? problem.entries.indices.reduce(0) { max($0, Self.room(problem, $1)) } : 0
        guard problem.quota == nil, room <= 64, room * problem.graph.count <= 2_000_000 else { return nil }
        for entry in problem.entries.indices {
            guard let lanes = sharing ? 1 : Self.lanes(problem, entry) else { return nil }
            for _ in 0..<min(most[entry], problem.entries[entry].maximumCount, problem.graph.count) {
                let first = host.count
                for _ in 0..<lanes {
                    host.append(Int32(entryOfHost.count))
                    self.entry.append(Int32(entry))
                }
                lanesOfHost.append(first..<host.count)
                entryOfHost.append(Int32(entry))
            }
        }
        (firstSuccessor, successors, transfersOut) = Self.reversed(problem)
        farTransfersOut = problem.hasZones ? Self.reversed(problem, problem.farTransfers).seconds : []
        possible = problem.shapes.map { shape in
            self.entry.indices.filter { shape.fits[Int(self.entry[$0])] }.map { Int32($0) }
        }
        possibleOf = problem.shapeOf
        guard possible.allSatisfy({ !$0.isEmpty }) else { return nil }
    }

    /// How many tasks an instance of an entry runs at once; `nil` if that depends on which.
    static func lanes(_ problem: PlanningProblem, _ entry: Int) -> Int? {
        let requests = Set(problem.shapes.lazy.filter { $0.fits[entry] }.map(\.request))
        guard let least = requests.first else { return 1 }
        let capacity = problem.entries[entry].type.capacity.lanes * (1 + 1e-12)
        if requests.count == 1 {
            var most = Double(problem.graph.count)
            for lane in 0..<4 where least.lanes[lane] > 0 { most = min(most, capacity[lane] / least.lanes[lane]) }
            return Int(max(1, most))
        }
        let smallest = requests.reduce(least) { $0.minima($1) }
        return any(2 * smallest.lanes .> capacity) ? 1 : nil
    }

    /// How many of the tasks that fit an entry run at once on one of its instances, at most.
    private static func room(_ problem: PlanningProblem, _ entry: Int) -> Int {
        let requests = problem.shapes.lazy.filter { $0.fits[entry] }.map(\.request)
        let smallest = requests.reduce(requests.first ?? .zero) { $0.minima($1) }
        let capacity = problem.entries[entry].type.capacity.lanes * (1 + 1e-12)
        var most = Double(problem.graph.count)
        for lane in 0..<4 where smallest.lanes[lane] > 0 { most = min(most, capacity[lane] / smallest.lanes[lane]) }
        return Int(max(1, most))
    }

    static func reversed(
        _ problem: PlanningProblem, _ transfers: [Double]? = nil
    ) -> (first: [Int32], tasks: [Int32], seconds: [Double]) {
        let transfers = transfers ?? problem.transfers
        var first = [Int32](repeating: 0, count: problem.graph.count + 1)
        for task in problem.predecessors { first[Int(task) + 1] += 1 }
        for task in 0..<problem.graph.count { first[task + 1] += first[task] }
        var next = first
        var tasks = [Int32](repeating: 0, count: problem.predecessors.count)
        var seconds = [Double](repeating: 0, count: problem.predecessors.count)
        for task in 0..<problem.graph.count {
            for edge in problem.edges(of: task) {
                let place = Int(next[Int(problem.predecessors[edge])])
                next[Int(problem.predecessors[edge])] += 1
                (tasks[place], seconds[place]) = (Int32(task), transfers[edge])
            }
        }
        return (first, tasks, seconds)
    }

    /// All instances of a pool as lanes; `nil` where that would not be exact, or there are too many of them.
    static func whole(_ problem: PlanningProblem) -> LaneModel? {
        let most = problem.entries.map { min($0.maximumCount, problem.graph.count) }
        return most.reduce(0, +) <= max(4096, problem.graph.count) ? LaneModel(problem, most: most) : nil
    }

    /// How many instances of each entry schedules use, and some more.
    static func room(for schedules: [Schedule], _ problem: PlanningProblem) -> [Int] {
        problem.entries.indices.map { entry in
            let used = schedules.map { $0.entryOfInstance.count { Int($0) == entry } }.max() ?? 0
            return used + max(2, used / 4)
        }
    }
}
