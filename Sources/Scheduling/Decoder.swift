import Workloads

/// Turns an order of tasks and an offer for each into a schedule, on arrays that are used again and again.
///
/// A task goes to the first instance of its offer that is free when its data can be there, or else to the one that is free
/// first; where a predecessor ran on that offer, its instance is looked at too, as nothing has to be moved there. Tasks
/// are not moved into gaps, so an order in which starts rise loses nothing by it.
///
/// - Complexity: O(*V* · (log *instances* + tasks at once on one) + *E*) for one schedule.
struct Decoder {
    private let problem: PlanningProblem
    private let firstPredecessor: [Int32]
    private let predecessors: [Int32]
    /// The first instance of every offer; one more than offers.
    private let firstInstance: [Int32]
    private let prices: [Double]

    /// When each task starts and ends, and on which instance, of the schedule that was decoded last.
    private(set) var starts: [Double]
    private(set) var ends: [Double]
    private(set) var instanceOf: [Int32]
    private(set) var makespan = 0.0
    private(set) var cost = 0.0

    // For every instance: what runs there last, the latest end first, until no request would fit beside it.
    private var lastEnds: [[Running]]
    private var firstUse: [Double]
    private var lastUse: [Double]
    /// Trees of the earliest time at which some request may fit, one after the other.
    private var trees: [Double]
    private let treeStart: [Int]
    private let treeWidth: [Int]

    private struct Running {
        var end: Double
        var cpus: Double
        var memoryBytes: Double
    }

    /// - Parameter mostInstances: At most so many instances of one offer are looked at.
    init(_ problem: PlanningProblem, mostInstances: Int = 4096) {
        self.problem = problem
        let graph = problem.graph
        var (first, all): ([Int32], [Int32]) = ([0], [])
        for task in 0..<graph.count {
            for predecessor in graph.predecessors(of: task) { all.append(Int32(predecessor)) }
            first.append(Int32(all.count))
        }
        (firstPredecessor, predecessors) = (first, all)
        var (counts, starts, widths): ([Int32], [Int], [Int]) = ([0], [], [])
        var nodes = 0
        for entry in problem.entries {
            let count = min(entry.maximumCount, mostInstances, max(1, graph.count))
            counts.append((counts.last ?? 0) + Int32(count))
            var width = 1
            while width < count { width *= 2 }
            starts.append(nodes)
            widths.append(width)
            nodes += 2 * width
        }
        (firstInstance, treeStart, treeWidth) = (counts, starts, widths)
        prices = problem.entries.map { problem.costs.price($0, 0).perHour / 3600 }
        self.starts = Array(repeating: 0, count: graph.count)
        ends = self.starts
        instanceOf = Array(repeating: -1, count: graph.count)
        let instances = Int(counts.last ?? 0)
        lastEnds = Array(repeating: [], count: instances)
        firstUse = Array(repeating: .infinity, count: instances)
        lastUse = Array(repeating: 0, count: instances)
        trees = Array(repeating: 0, count: nodes)
    }

    /// Makes the schedule.
    ///
    /// - Parameters:
    ///   - order: All tasks, each after its predecessors.
    ///   - offers: The entry of the pool for every task, on which it fits.
    mutating func decode(order: [Int32], offers: [Int32]) {
        reset()
        var makespan = 0.0
        for item in order {
            let (task, offer) = (Int(item), Int(offers[Int(item)]))
            let seconds = problem.seconds(of: task, on: offer)
            let (instance, start) = place(task, offer)
            let end = start + seconds
            (starts[task], ends[task], instanceOf[task]) = (start, end, Int32(instance))
            reserve(instance, offer, end, problem.cpus[task], problem.memoryBytes[task])
            firstUse[instance] = min(firstUse[instance], start)
            lastUse[instance] = max(lastUse[instance], end)
            makespan = max(makespan, end)
        }
        self.makespan = makespan
        cost = 0
        for offer in prices.indices where prices[offer] != 0 {
            for instance in Int(firstInstance[offer])..<Int(firstInstance[offer + 1]) where lastUse[instance] > 0 {
                cost += (lastUse[instance] - firstUse[instance]) * prices[offer]
            }
        }
    }

    private mutating func reset() {
        for instance in lastEnds.indices where lastUse[instance] > 0 || firstUse[instance].isFinite {
            lastEnds[instance].removeAll(keepingCapacity: true)
            firstUse[instance] = .infinity
            lastUse[instance] = 0
        }
        for offer in treeStart.indices {
            let (start, width) = (treeStart[offer], treeWidth[offer])
            let count = Int(firstInstance[offer + 1] - firstInstance[offer])
            for node in 0..<width { trees[start + node] = 0 }
            for leaf in 0..<width { trees[start + width + leaf] = leaf < count ? 0 : .infinity }
        }
    }

    private mutating func place(_ task: Int, _ offer: Int) -> (instance: Int, start: Double) {
        let (cpus, memory) = (problem.cpus[task], problem.memoryBytes[task])
        let range = Int(firstPredecessor[task])..<Int(firstPredecessor[task + 1])
        // When the data is on an instance that runs none of the predecessors.
        var ready = 0.0
        var (latest, latestHost) = (-1.0, -1)
        for place in range {
            let predecessor = Int(predecessors[place])
            var arrival = ends[predecessor]
            if !problem.transfersAreFree {
                arrival += problem.transferSeconds(
                    to: task, place: place - range.lowerBound, from: offerOf(Int(instanceOf[predecessor])), to: offer)
            }
            ready = max(ready, arrival)
            if arrival > latest { (latest, latestHost) = (arrival, Int(instanceOf[predecessor])) }
        }
        var best = firstFree(offer, ready, cpus, memory)
        if latestHost >= 0, !problem.transfersAreFree, best.start >= ready, offerOf(latestHost) == offer {
            // Where the data that comes last was made, it need not travel.
            var there = 0.0
            for place in range {
                let predecessor = Int(predecessors[place])
                let isHere = Int(instanceOf[predecessor]) == latestHost
                there = max(
                    there,
                    ends[predecessor]
                        + (isHere
                            ? 0
                            : problem.transferSeconds(
                                to: task, place: place - range.lowerBound,
                                from: offerOf(Int(instanceOf[predecessor])), to: offer)))
            }
            let start = earliest(latestHost, offer, there, cpus, memory)
            if start < best.start { best = (latestHost, start) }
        }
        return best
    }

    private func offerOf(_ instance: Int) -> Int {
        var offer = 0
        while Int(firstInstance[offer + 1]) <= instance { offer += 1 }
        return offer
    }

    /// The first instance with room at `ready`, or the one with room first.
    private func firstFree(_ offer: Int, _ ready: Double, _ cpus: Double, _ memory: Double) -> (instance: Int, start: Double)
    {
        let (root, width, first) = (treeStart[offer], treeWidth[offer], Int(firstInstance[offer]))
        var best = (instance: -1, start: Double.infinity)
        var node = 1
        var tries = 0
        // Leaves from left to right whose time has come, then the leaf whose time comes first.
        search: while tries < 4 {
            guard trees[root + node] <= ready else { break }
            while node < width { node = trees[root + 2 * node] <= ready ? 2 * node : 2 * node + 1 }
            let instance = first + node - width
            let start = earliest(instance, offer, ready, cpus, memory)
            if start < best.start { best = (instance, start) }
            if start <= ready { return best }
            tries += 1
            // The next subtree to the right that has such a leaf.
            while true {
                while node > 1, node % 2 == 1 { node /= 2 }
                if node <= 1 { break search }
                node += 1
                if trees[root + node] <= ready { break }
            }
        }
        node = 1
        while node < width { node = trees[root + 2 * node] <= trees[root + 2 * node + 1] ? 2 * node : 2 * node + 1 }
        let start = earliest(first + node - width, offer, ready, cpus, memory)
        return start < best.start ? (first + node - width, start) : best
    }

    /// When a request fits on an instance, if nothing that is there moves.
    private func earliest(_ instance: Int, _ offer: Int, _ ready: Double, _ cpus: Double, _ memory: Double) -> Double {
        let type = problem.entries[offer].type
        var freeCPUs = type.cpus * (1 + 1e-12) - cpus
        var freeMemory = type.memoryBytes * (1 + 1e-12) - memory
        for running in lastEnds[instance] {
            if running.end <= ready { return ready }
            freeCPUs -= running.cpus
            freeMemory -= running.memoryBytes
            if freeCPUs < 0 || freeMemory < 0 { return running.end }
        }
        return ready
    }

    private mutating func reserve(_ instance: Int, _ offer: Int, _ end: Double, _ cpus: Double, _ memory: Double) {
        let type = problem.entries[offer].type
        var place = 0
        while place < lastEnds[instance].count, lastEnds[instance][place].end >= end { place += 1 }
        lastEnds[instance].insert(Running(end: end, cpus: cpus, memoryBytes: memory), at: place)
        // What ends before the instance is full of what ends later does not matter any more.
        var freeCPUs = type.cpus * (1 + 1e-12) - problem.smallestCPUs
        var freeMemory = type.memoryBytes * (1 + 1e-12) - problem.smallestMemory
        var time = 0.0
        for (index, running) in lastEnds[instance].enumerated() {
            freeCPUs -= running.cpus
            freeMemory -= running.memoryBytes
            guard freeCPUs < 0 || freeMemory < 0 else { continue }
            time = running.end
            lastEnds[instance].removeSubrange((index + 1)...)
            break
        }
        let (root, width) = (treeStart[offer], treeWidth[offer])
        var node = width + instance - Int(firstInstance[offer])
        trees[root + node] = time
        while node > 1 {
            node /= 2
            let least = min(trees[root + 2 * node], trees[root + 2 * node + 1])
            if trees[root + node] == least { break }
            trees[root + node] = least
        }
    }
}
