import Workloads

/// An order of all tasks that keeps that of the graph, and an entry of the pool for each: what a ``ScheduleDecoder`` turns
/// into a schedule.
struct OrderGenome: Sendable {
    private(set) var order: [Int32]
    private(set) var position: [Int32]
    var entries: [Int32]

    /// Those of a schedule.
    init(_ schedule: Schedule, _ problem: PlanningProblem) {
        var place = [Int](repeating: 0, count: problem.graph.count)
        for (position, task) in problem.graph.topologicalOrder.enumerated() { place[task] = position }
        let sorted = (0..<problem.graph.count).sorted {
            (schedule.starts[$0], place[$0]) < (schedule.starts[$1], place[$1])
        }
        self.init(
            order: sorted.map { Int32($0) }, entries: schedule.instance.map { schedule.entryOfInstance[Int($0)] })
    }

    init(order: [Int32], entries: [Int32]) {
        (self.order, self.entries) = (order, entries)
        position = order
        for (place, task) in order.enumerated() { position[Int(task)] = Int32(place) }
    }

    /// The entries on which each task fits.
    static func choices(_ problem: PlanningProblem) -> [[Int32]] {
        var known: [[Int32]: [Int32]] = [:]
        return (0..<problem.graph.count).map { task in
            let fits = problem.entries.indices.filter { problem.seconds(of: task, on: $0).isFinite }.map { Int32($0) }
            if let same = known[fits] { return same }
            known[fits] = fits
            return fits
        }
    }

    /// The places in the order where a task may stand.
    func window(_ task: Int, _ links: Links) -> ClosedRange<Int> {
        var (low, high) = (0, order.count - 1)
        for other in links.before(task) { low = max(low, Int(position[Int(other)]) + 1) }
        for other in links.after(task) { high = min(high, Int(position[Int(other)]) - 1) }
        return low...high
    }

    /// What a try changed.
    struct Change {
        fileprivate var entries: [(task: Int, entry: Int32)] = []
        fileprivate var move: (task: Int, place: Int)?

        mutating func clear() {
            entries.removeAll(keepingCapacity: true)
            move = nil
        }
    }

    mutating func assign(_ task: Int, _ entry: Int32, _ change: inout Change) {
        change.entries.append((task, entries[task]))
        entries[task] = entry
    }

    mutating func move(_ task: Int, to place: Int, _ change: inout Change) {
        change.move = (task, Int(position[task]))
        move(task, to: place)
    }

    mutating func take(back change: inout Change) {
        for (task, entry) in change.entries.reversed() { entries[task] = entry }
        if let (task, place) = change.move { move(task, to: place) }
        change.clear()
    }

    private mutating func move(_ task: Int, to place: Int) {
        let step = place < Int(position[task]) ? -1 : 1
        var index = Int(position[task])
        while index != place {
            order[index] = order[index + step]
            position[Int(order[index])] = Int32(index)
            index += step
        }
        order[place] = Int32(task)
        position[task] = Int32(place)
    }

    /// The edges of a problem in both directions.
    struct Links: Sendable {
        private let problem: PlanningProblem
        private let first: [Int32]
        private let tasks: [Int32]

        init(_ problem: PlanningProblem) {
            self.problem = problem
            (first, tasks, _) = LaneModel.reversed(problem)
        }

        func before(_ task: Int) -> ArraySlice<Int32> { problem.predecessors[problem.edges(of: task)] }
        func after(_ task: Int) -> ArraySlice<Int32> { tasks[Int(first[task])..<Int(first[task + 1])] }

        /// One of the tasks that a task talks to.
        func neighbour(of task: Int, _ random: inout SplitMix) -> Int? {
            let (before, after) = (before(task), after(task))
            guard before.count + after.count > 0 else { return nil }
            let number = random.below(before.count + after.count)
            return Int(
                number < before.count
                    ? before[before.startIndex + number] : after[after.startIndex + number - before.count])
        }
    }
}
