public import Workloads

/// A job, a pool and a cost model as flat arrays of numbers, made once and then used by many schedules.
public struct PlanningProblem: Sendable {
    let graph: TaskGraph
    private let costs: CostModel
    private let confidence: Double?
    /// The most that the account may have in use at once; `nil` if that is no less than all tasks together.
    let quota: Quota?
    /// A hash of all that it was made from.
    let digest: String
    let entries: [Offer]
    let bills: [Bill]
    /// When an instance of each entry takes tasks first, in seconds, and whether all do at once.
    let opens: [Double]
    let startsAtOnce: Bool
    /// When each task may start first, and by when it must end, in seconds; empty if no task says so.
    let releases: [Double]
    let deadlines: [Double]
    /// By when each task (slow index) must end on each entry (fast index), so that after a reclaim of that all can still run on
    /// demand in time; empty where that does not matter.
    private(set) var safeEnds: [Double] = []
    /// Whether anything must end by a time of its own.
    var isDated: Bool { !deadlines.isEmpty || !safeEnds.isEmpty }
    /// What each task occupies.
    let requests: [Corner]
    /// A request no greater than any.
    let smallest: Corner
    /// At most eight classes of requests: the least of each, lane by lane, and the class of every task.
    let corners: [Corner]
    let kindOfRequest: [UInt8]
    /// All that tasks ask for, each once, with the entries that have room for it, and the shape of every task.
    let shapes: [Shape]
    let shapeOf: [Int32]
    /// Seconds of each task (slow index) on each entry (fast index); infinite where it does not fit.
    let seconds: [Double]
    /// The predecessors of all tasks one after the other, and where those of each task begin; one more than tasks.
    let predecessors: [Int32]
    let firstEdge: [Int32]
    /// Seconds to bring what comes along each edge from another instance.
    let transfers: [Double]
    /// What comes along each edge; empty if bytes take no time.
    let bytes: [Double]
    let transfersAreFree: Bool
    /// Whether data moves between zones in another time, or at a price: then the zone of each entry (-1 is none that is
    /// known), and for each edge the seconds and the US dollars to another zone. Else all are empty.
    let hasZones: Bool
    private(set) var zones: [Int32] = []
    private(set) var farTransfers: [Double] = []
    private(set) var farDollars: [Double] = []
    /// Whether moving data costs anything.
    var movesCost: Bool { hasZones && costs.network.betweenZones?.pricePerGigabyte ?? 0 > 0 }
    /// For each task on each entry, the time from its end to the end of the job if each later task could choose its entry
    /// freely. Source: Arabnejad and Barbosa, *PEFT* (2014), the optimistic cost table.
    private(set) var optimisticRest: [Double] = []

    /// Whether anything costs anything.
    var isPriced: Bool { bills.contains { $0.dollars(from: 0, to: 1e9) > 0 } }

    typealias Corner = Resources

    /// What a task asks for, and the entries that it fits.
    struct Shape: Hashable, Sendable {
        var request: Resources
        var fits: [Bool]
    }

    /// Makes the arrays.
    ///
    /// - Parameters:
    ///   - quota: The most that all tasks may have in use at once.
    ///   - confidence: Plan with this quantile of every run time in place of its expectation.
    /// - Throws: ``PlanError/impossible(_:_:)``, ``PlanError/beyondQuota(_:_:_:)`` or
    ///   ``PlanError/badEstimate(_:type:seconds:)``.
    /// - Complexity: O(*V* · *entries* + *E* + files).
    public init(
        _ graph: TaskGraph, on pool: ResourcePool, costs: CostModel, quota: Quota? = nil, confidence: Double? = nil
    ) throws(PlanError) {
        let (estimates, outlook) = (costs.estimates, costs.outlook ?? MarketOutlook(listedIn: pool))
        precondition(estimates.count == graph.count, "one estimate for each task")
        precondition(outlook.pricesPerHour.count == pool.entries.count, "an outlook for each entry")
        (self.graph, self.costs, self.confidence) = (graph, costs, confidence)
        digest = costs.digest(of: graph, on: pool)
        let places = pool.entries.indices.filter { pool.entries[$0].maximumCount > 0 }
        let entries = places.map { pool.entries[$0] }
        self.entries = entries
        bills = places.map { Bill(pricesPerHour: outlook.pricesPerHour[$0], pool.entries[$0].billing) }
        opens = entries.map(\.openSeconds)
        startsAtOnce = opens.allSatisfy { $0 == 0 }
        let isReleased = graph.tasks.contains { $0.notBeforeSeconds ?? 0 > 0 }
        releases = isReleased ? graph.tasks.map { max(0, $0.notBeforeSeconds ?? 0) } : []
        let isDated = graph.tasks.contains { $0.deadlineSeconds != nil }
        deadlines = isDated ? graph.tasks.map { $0.deadlineSeconds ?? .infinity } : []
        requests = graph.tasks.indices.map { task in
            estimates.request(of: task, graph.tasks[task].request)
        }
        smallest = requests.reduce(requests.first ?? .zero) { $0.minima($1) }
        (corners, kindOfRequest) = Self.classes(of: requests)

        let isLimited = quota?.isLimiting(requests, on: entries) ?? false
        self.quota = isLimited ? quota : nil
        seconds = try Self.seconds(graph, requests, entries, places, costs.estimates, outlook, self.quota, confidence)
        (shapes, shapeOf) = Self.shapes(requests, seconds, width: entries.count)
        let network = costs.network
        // Where bytes take no time, nobody need know them.
        let movesBytes = network.bytesPerSecond != nil || network.betweenZones != nil
        let flow = DataFlow(graph, over: network, countsBytes: movesBytes)
        (firstEdge, predecessors, bytes) = (flow.firstEdge, flow.predecessors, flow.bytes)
        transfers = movesBytes ? bytes.map { network.seconds($0) } : predecessors.map { _ in network.seconds(0) }
        let names = Set(entries.compactMap(\.zone)).sorted()
        hasZones = network.betweenZones != nil && names.count > 1
        transfersAreFree = !hasZones && network.latencySeconds <= 0 && network.bytesPerSecond == nil
        if hasZones {
            zones = entries.map { entry in Int32(names.firstIndex { $0 == entry.zone } ?? -1) }
            farTransfers = bytes.map { network.seconds($0, isFar: true) }
            farDollars = bytes.map { network.dollarsToOtherZone($0) }
        }
    }

    /// The times of all tasks on all entries. What is the same for task after task is looked up once.
    private static func seconds(
        _ graph: TaskGraph, _ requests: [Resources], _ entries: [Offer], _ places: [Int], _ estimates: Estimates,
        _ outlook: MarketOutlook, _ quota: Quota?, _ confidence: Double?
    ) throws(PlanError) -> [Double] {
        let speeds = entries.map { estimates.learntSpeeds(on: $0.type) }
        let ownSpeeds = entries.map(\.type.speed)
        let isReclaimed = places.map { outlook.reclaimsPerHour[$0] > 0 }
        var seconds: [Double] = []
        seconds.reserveCapacity(graph.count * entries.count)
        var fits: [Bool] = []
        let tasks = graph.tasks
        for index in tasks.indices {
            if index == 0 || requests[index] != requests[index - 1] || tasks[index].request != tasks[index - 1].request
            {
                let (request, wanted) = (requests[index], tasks[index].request)
                fits = entries.map { all(request.lanes .<= $0.capacity.lanes) && $0.fits(wanted) }
            }
            let once = estimates.seconds(of: index, p: confidence)
            var (isPossible, isPossibleAlone) = (false, false)
            for entry in entries.indices {
                guard fits[entry] else {
                    seconds.append(.infinity)
                    continue
                }
                let here = once / (speeds[entry].map { $0[Int(estimates.kind[index])] } ?? ownSpeeds[entry])
                guard here >= 0, here.isFinite else {
                    throw .badEstimate(tasks[index].id, type: entries[entry].type.name, seconds: here)
                }
                var value = isReclaimed[entry] ? outlook.secondsWithRestarts(here, on: places[entry]) : here
                isPossibleAlone = isPossibleAlone || value.isFinite
                if let quota, !quota.allows(requests[index], on: entries[entry]) { value = .infinity }
                isPossible = isPossible || value.isFinite
                seconds.append(value)
            }
            guard isPossible else {
                if isPossibleAlone, let quota { throw .beyondQuota(tasks[index].id, requests[index], quota) }
                throw .impossible(tasks[index].id, requests[index])
            }
        }
        return seconds
    }

    private static func shapes(
        _ requests: [Resources], _ seconds: [Double], width: Int
    ) -> (shapes: [Shape], shapeOf: [Int32]) {
        var known: [Shape: Int32] = [:]
        var shapes: [Shape] = []
        var shapeOf: [Int32] = []
        shapeOf.reserveCapacity(requests.count)
        for (task, request) in requests.enumerated() {
            let own = task * width..<(task + 1) * width
            // Mostly it is that of the task before.
            if task > 0, request == requests[task - 1] {
                let last = shapes[Int(shapeOf[task - 1])]
                if own.allSatisfy({ seconds[$0].isFinite == last.fits[$0 - own.lowerBound] }) {
                    shapeOf.append(shapeOf[task - 1])
                    continue
                }
            }
            let shape = Shape(request: request, fits: own.map { seconds[$0].isFinite })
            if known[shape] == nil {
                known[shape] = Int32(shapes.count)
                shapes.append(shape)
            }
            shapeOf.append(known[shape] ?? 0)
        }
        return (shapes, shapeOf)
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

    /// Whether entries are in different zones between which data moves in another way.
    func isFar(_ from: Int32, _ to: Int32) -> Bool {
        hasZones && zones[Int(from)] != zones[Int(to)] && zones[Int(from)] >= 0 && zones[Int(to)] >= 0
    }

    /// Seconds to bring what comes along an edge from an instance of one entry to another of another.
    func seconds(along edge: Int, from: Int32, to: Int32) -> Double {
        isFar(from, to) ? farTransfers[edge] : transfers[edge]
    }

    /// When a task may start first, whatever it waits for.
    func release(of task: Int) -> Double { releases.isEmpty ? 0 : releases[task] }

    /// By when a task must end on an entry; infinite if that does not matter.
    func latestEnd(of task: Int, on entry: Int) -> Double {
        let own = deadlines.isEmpty ? .infinity : deadlines[task]
        return safeEnds.isEmpty ? own : min(own, safeEnds[task * entries.count + entry])
    }

    /// By how many seconds the task that is latest ends after it must; 0 if none does, but for rounding.
    func lateness(_ ends: [Double], on entry: (Int) -> Int) -> Double {
        guard isDated else { return 0 }
        return ends.indices.reduce(0) { latest, task in
            let end = latestEnd(of: task, on: entry(task))
            return ends[task] <= end * (1 + 1e-9) ? latest : max(latest, ends[task] - end)
        }
    }

    /// The same problem with plans that keep a deadline of the job whenever a spot instance is taken back, even at the last
    /// moment: what it ran, and all that follows, then runs on demand, with times that nine of ten runs keep. `nil` if that
    /// asks nothing of a plan.
    ///
    /// - Complexity: O(*V* · *entries* + *E*).
    func recoverable(by deadline: Double?) -> PlanningProblem? {
        let isSpot = entries.map { $0.purchase == .spot }
        guard let deadline, isSpot.contains(true), isSpot.contains(false) else { return nil }
        var (once, opens) = ([Double](), [Double]())
        for task in 0..<graph.count {
            var best = (seconds: Double.infinity, open: 0.0)
            let slower = slowdown(of: task)
            for entry in entries.indices where !isSpot[entry] {
                let seconds = seconds(of: task, on: entry) * slower
                if seconds + self.opens[entry] < best.seconds + best.open { best = (seconds, self.opens[entry]) }
            }
            once.append(best.seconds)
            opens.append(best.open)
        }
        var latest = graph.tasks.map { min(deadline, $0.deadlineSeconds ?? .infinity) }
        for task in graph.topologicalOrder.reversed() {
            // What cannot run on demand takes no time here.
            let start = latest[task] - (once[task].isFinite ? once[task] : 0)
            for edge in edges(of: task) {
                let predecessor = Int(predecessors[edge])
                latest[predecessor] = min(latest[predecessor], start - transfers[edge])
            }
        }
        var problem = self
        problem.safeEnds = (0..<graph.count).flatMap { task in
            entries.indices.map { entry in
                isSpot[entry] && once[task].isFinite ? latest[task] - once[task] - opens[task] : .infinity
            }
        }
        return problem
    }

    /// By what factor a task takes longer than is planned in one of ten runs.
    private func slowdown(of task: Int) -> Double {
        let planned = costs.estimates.seconds(of: task, p: confidence)
        return planned > 0 ? max(1, costs.estimates.seconds(of: task, p: 0.9) / planned) : 1
    }

    /// When each task must end at the latest, if all that follows takes its least time and moves no data: so that all
    /// deadlines of tasks are kept, and nothing ends after a time.
    func latestEnds(_ least: [Double], upTo end: Double) -> [Double] {
        var latest = deadlines.isEmpty ? graph.tasks.map { _ in end } : deadlines.map { min($0, end) }
        for task in graph.topologicalOrder.reversed() {
            for edge in edges(of: task) {
                let predecessor = Int(predecessors[edge])
                latest[predecessor] = min(latest[predecessor], latest[task] - least[task])
            }
        }
        return latest
    }

    /// The places in ``predecessors`` and ``transfers`` of what a task waits for.
    func edges(of task: Int) -> Range<Int> { Int(firstEdge[task])..<Int(firstEdge[task + 1]) }

    /// The time of a task on an entry, counted without those of which the pool has none; infinite where it does not fit.
    public func seconds(of task: Int, on entry: Int) -> Double { seconds[task * entries.count + entry] }

    /// What is known of the time that a task may take on an entry.
    func spread(of task: Int, on entry: Int) -> Plan.Spread? {
        let (estimates, type) = (costs.estimates, entries[entry].type)
        guard task < estimates.secondsQuantiles.count else { return nil }
        return Plan.Spread(
            lowSeconds: estimates.seconds(of: task, on: type, p: 0.05),
            medianSeconds: estimates.seconds(of: task, on: type, p: 0.5),
            highSeconds: estimates.seconds(of: task, on: type, p: 0.95))
    }

    /// All tasks by falling upward rank with their best times, each after its predecessors.
    public var ranked: [Int32] { order(by: ranks(spans.least)).map { Int32($0) } }

    /// Whether an order names every task once, after its predecessors.
    func isOrder(_ order: [Int]) -> Bool {
        var place = [Int](repeating: -1, count: graph.count)
        guard order.count == graph.count else { return false }
        for (position, task) in order.enumerated() {
            guard place.indices.contains(task), place[task] < 0 else { return false }
            place[task] = position
        }
        return place.indices.allSatisfy { task in
            edges(of: task).allSatisfy { place[Int(predecessors[$0])] < place[task] }
        }
    }

    /// Upward ranks with one time for each task.
    ///
    /// Source: Topcuoglu, Hariri and Wu, *HEFT and CPOP* (2002).
    func ranks(_ durations: [Double]) -> [Double] {
        var ranks = durations
        for task in graph.topologicalOrder.reversed() {
            for edge in edges(of: task) {
                let predecessor = Int(predecessors[edge])
                ranks[predecessor] = max(ranks[predecessor], durations[predecessor] + transfers[edge] + ranks[task])
            }
        }
        return ranks
    }

    /// The mean, the least and the greatest of the times of each task on the entries that it fits.
    var spans: (mean: [Double], least: [Double], greatest: [Double]) {
        let width = entries.count
        var result = (mean: [Double](), least: [Double](), greatest: [Double]())
        for task in 0..<graph.count {
            var (sum, count, least, greatest) = (0.0, 0.0, Double.infinity, 0.0)
            for place in task * width..<(task + 1) * width where seconds[place].isFinite {
                sum += seconds[place]
                count += 1
                least = min(least, seconds[place])
                greatest = max(greatest, seconds[place])
            }
            result.mean.append(sum / count)
            result.least.append(least)
            result.greatest.append(greatest)
        }
        return result
    }

    /// Tasks by falling rank, each after its predecessors; a task of higher priority goes first, and so do all that
    /// it waits for.
    func order(by ranks: [Double]) -> [Int] {
        var priority = graph.tasks.map(\.priority)
        var place = [Int](repeating: 0, count: graph.count)
        for (position, task) in graph.topologicalOrder.enumerated() { place[task] = position }
        for task in graph.topologicalOrder.reversed() {
            for edge in edges(of: task) {
                let predecessor = Int(predecessors[edge])
                priority[predecessor] = max(priority[predecessor], priority[task])
            }
        }
        return (0..<graph.count).sorted { a, b in
            if priority[a] != priority[b] { return priority[a] > priority[b] }
            return ranks[a] != ranks[b] ? ranks[a] > ranks[b] : place[a] < place[b]
        }
    }

    /// Tasks by falling rank where ranks need not fall along edges: of all that may go next the one of highest rank.
    func order(following ranks: [Double]) -> [Int] {
        var highest = ranks
        for task in graph.topologicalOrder.reversed() {
            for edge in edges(of: task) {
                let predecessor = Int(predecessors[edge])
                highest[predecessor] = max(highest[predecessor], highest[task])
            }
        }
        // Equal to what follows, a task goes first by its place in the graph.
        return order(by: highest)
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
}
