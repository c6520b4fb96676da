public import Workloads

/// A job, a pool and a cost model as flat arrays of numbers, made once and then used by many schedules.
public struct PlanningProblem: Sendable {
    let graph: TaskGraph
    let entries: [Offer]
    let bills: [Bill]
    /// What each task occupies.
    let requests: [Corner]
    /// A request no greater than any.
    let smallest: Corner
    /// At most eight classes of requests: the least of each, lane by lane, and the class of every task.
    let corners: [Corner]
    let kindOfRequest: [UInt8]
    /// Seconds of each task (slow index) on each entry (fast index); infinite where it does not fit.
    let seconds: [Double]
    /// The predecessors of all tasks one after the other, and where those of each task begin; one more than tasks.
    let predecessors: [Int32]
    let firstEdge: [Int32]
    /// Seconds to bring what comes along each edge from another instance.
    let transfers: [Double]
    let transfersAreFree: Bool
    /// For each task on each entry, the time from its end to the end of the job if each later task could choose its entry
    /// freely. Source: Arabnejad and Barbosa, *PEFT* (2014), the optimistic cost table.
    private(set) var optimisticRest: [Double] = []

    /// Whether anything costs anything.
    var isPriced: Bool { bills.contains { $0.dollars(from: 0, to: 1e9) > 0 } }

    typealias Corner = Resources

    /// Makes the arrays.
    ///
    /// - Parameter confidence: Plan with this quantile of every run time in place of its expectation.
    /// - Throws: ``PlanError/impossible(_:_:)`` or ``PlanError/badEstimate(_:type:seconds:)``.
    /// - Complexity: O(*V* · *entries* + *E* + files).
    public init(
        _ graph: TaskGraph, on pool: ResourcePool, costs: CostModel, confidence: Double? = nil
    ) throws(PlanError) {
        let (estimates, outlook) = (costs.estimates, costs.outlook ?? MarketOutlook(listedIn: pool))
        precondition(estimates.count == graph.count, "one estimate for each task")
        precondition(outlook.pricesPerHour.count == pool.entries.count, "an outlook for each entry")
        self.graph = graph
        let places = pool.entries.indices.filter { pool.entries[$0].maximumCount > 0 }
        let entries = places.map { pool.entries[$0] }
        self.entries = entries
        bills = places.map { Bill(pricesPerHour: outlook.pricesPerHour[$0]) }
        requests = graph.tasks.indices.map { task in
            estimates.request(of: task, graph.tasks[task].request)
        }
        smallest = requests.reduce(requests.first ?? .zero) { $0.minima($1) }
        (corners, kindOfRequest) = Self.classes(of: requests)

        let speeds = entries.map { estimates.learntSpeeds(on: $0.type) }
        var seconds: [Double] = []
        seconds.reserveCapacity(graph.count * entries.count)
        for (index, request) in requests.enumerated() {
            let once = estimates.seconds(of: index, p: confidence)
            var fits = false
            for (entry, place) in places.enumerated() {
                let type = entries[entry].type
                guard all(request.lanes .<= type.capacity.lanes), entries[entry].fits(graph.tasks[index].request)
                else {
                    seconds.append(.infinity)
                    continue
                }
                let here = once / (speeds[entry].map { $0[Int(estimates.kind[index])] } ?? type.speed)
                guard here >= 0, here.isFinite else {
                    throw .badEstimate(graph.tasks[index].id, type: type.name, seconds: here)
                }
                seconds.append(outlook.secondsWithRestarts(here, on: place))
                fits = fits || seconds[seconds.count - 1].isFinite
            }
            guard fits else {
                throw .impossible(graph.tasks[index].id, request)
            }
        }
        self.seconds = seconds
        transfersAreFree = costs.network.isFree
        (firstEdge, predecessors, transfers) = Self.edges(graph, costs.network)
    }

    /// Fills ``optimisticRest``. O(*E* · *entries*).
    mutating func lookAhead() {
        let width = entries.count
        var rest = [Double](repeating: 0, count: graph.count * width)
        for task in graph.topologicalOrder.reversed() {
            var best = Double.infinity
            for entry in 0..<width { best = min(best, rest[task * width + entry] + seconds[task * width + entry]) }
            for edge in edges(of: task) {
                let predecessor = Int(predecessors[edge])
                for entry in 0..<width {
                    let here = rest[task * width + entry] + seconds[task * width + entry]
                    let value = min(here, best + transfers[edge])
                    rest[predecessor * width + entry] = max(rest[predecessor * width + entry], value)
                }
            }
        }
        optimisticRest = rest
    }

    /// The places in ``predecessors`` and ``transfers`` of what a task waits for.
    func edges(of task: Int) -> Range<Int> { Int(firstEdge[task])..<Int(firstEdge[task + 1]) }

    /// The time of a task on an entry, counted without those of which the pool has none; infinite where it does not fit.
    public func seconds(of task: Int, on entry: Int) -> Double { seconds[task * entries.count + entry] }

    /// All tasks by falling upward rank with their best times, each after its predecessors.
    public var ranked: [Int32] { order(by: ranks { $0.min() ?? 0 }).map { Int32($0) } }

    /// The finite times of a task on all entries.
    func possibleSeconds(of task: Int) -> some Sequence<Double> {
        seconds[task * entries.count..<(task + 1) * entries.count].lazy.filter(\.isFinite)
    }

    /// Upward ranks with one time for each task, made by `reduce` from its times on all entries that it fits.
    func ranks(_ reduce: ([Double]) -> Double) -> [Double] {
        let durations = (0..<graph.count).map { reduce(Array(possibleSeconds(of: $0))) }
        var ranks = durations
        for task in graph.topologicalOrder.reversed() {
            for edge in edges(of: task) {
                let predecessor = Int(predecessors[edge])
                ranks[predecessor] = max(ranks[predecessor], durations[predecessor] + transfers[edge] + ranks[task])
            }
        }
        return ranks
    }

    /// Tasks by falling rank, each after its predecessors; a task of higher priority goes first, and so do all that
    /// it waits for.
    func order(by ranks: [Double]) -> [Int] {
        var priority = graph.tasks.map(\.priority)
        var place = [Int](repeating: 0, count: graph.count)
        for (position, task) in graph.topologicalOrder.enumerated() { place[task] = position }
        for task in graph.topologicalOrder.reversed() {
            for successor in graph.successors(of: task) { priority[task] = max(priority[task], priority[successor]) }
        }
        return (0..<graph.count).sorted { a, b in
            if priority[a] != priority[b] { return priority[a] > priority[b] }
            return ranks[a] != ranks[b] ? ranks[a] > ranks[b] : place[a] < place[b]
        }
    }

    /// Each request its own class if there are at most eight, else four by processors with two by memory in each.
    private static func classes(of requests: [Corner]) -> (corners: [Corner], kinds: [UInt8]) {
        let distinct = Set(requests).sorted { Self.less($0, $1, by: [0, 1, 2, 3]) }
        var groups = distinct.map { [$0] }
        if distinct.count > 8 {
            groups = halves(distinct).flatMap { halves($0) }.flatMap { quarter in
                halves(quarter.sorted { Self.less($0, $1, by: [1, 0, 2, 3]) })
            }
        }
        var kinds: [Corner: UInt8] = [:]
        for (kind, group) in groups.enumerated() { for request in group { kinds[request] = UInt8(kind) } }
        return (groups.map { $0.reduce($0[0]) { $0.minima($1) } }, requests.map { kinds[$0] ?? 0 })
    }

    private static func less(_ a: Corner, _ b: Corner, by lanes: [Int]) -> Bool {
        for lane in lanes where a.lanes[lane] != b.lanes[lane] { return a.lanes[lane] < b.lanes[lane] }
        return false
    }

    private static func halves(_ items: [Corner]) -> [[Corner]] {
        let middle = (items.count + 1) / 2
        return [Array(items[..<middle]), Array(items[middle...])].filter { !$0.isEmpty }
    }

    /// All edges with the seconds that it takes to bring the files that the predecessor writes and the task reads; each
    /// path counts once. O(files + edges).
    private static func edges(
        _ graph: TaskGraph, _ network: Network
    ) -> (firstEdge: [Int32], predecessors: [Int32], transfers: [Double]) {
        var (firstEdge, predecessors): ([Int32], [Int32]) = ([0], [])
        firstEdge.reserveCapacity(graph.count + 1)
        for task in 0..<graph.count {
            for predecessor in graph.predecessors(of: task) { predecessors.append(Int32(predecessor)) }
            firstEdge.append(Int32(predecessors.count))
        }
        // Where bytes take no time, nobody need know them.
        guard network.bytesPerSecond != nil else {
            return (firstEdge, predecessors, predecessors.map { _ in network.seconds(0) })
        }
        var writers: [String: [(task: Int, bytes: Double?)]] = [:]
        for (index, task) in graph.tasks.enumerated() {
            for output in task.outputs where writers[output.path]?.last?.task != index {
                writers[output.path, default: []].append((index, output.sizeBytes))
            }
        }
        var transfers: [Double] = []
        // For the task at hand: what each task before it brings.
        var brought = [Double](repeating: 0, count: graph.count)
        for (index, task) in graph.tasks.enumerated() {
            var seen: Set<String> = []
            for input in task.inputs where seen.insert(input.path).inserted {
                for writer in writers[input.path] ?? [] {
                    brought[writer.task] += writer.bytes ?? input.sizeBytes ?? 0
                }
            }
            for predecessor in graph.predecessors(of: index) { transfers.append(network.seconds(brought[predecessor])) }
            for path in seen { for writer in writers[path] ?? [] { brought[writer.task] = 0 } }
        }
        return (firstEdge, predecessors, transfers)
    }
}
