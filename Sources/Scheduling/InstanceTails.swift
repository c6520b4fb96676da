import Workloads

/// The instances of one entry of a pool, and from when on each has room for a request, whatever ends before.
///
/// Every class of requests has a time for every instance. Those of a block of instances lie side by side, and with them the
/// least of them: what has no room before the best found so far, or would cost more than it, is passed over by the block.
struct InstanceTails: Sendable {
    /// An instance, when the request would start there, and by how many seconds the instance would be rented longer.
    struct Place {
        var number: Int
        var start: Double
        var addedSeconds: Double
    }

    private struct Running: Sendable {
        var end: Double
        var cpus: Double
        var memoryBytes: Double
    }

    private let cpus: Double
    private let memoryBytes: Double
    private let smallest: PlanningProblem.Corner
    private let corners: [PlanningProblem.Corner]
    /// What is left beside each class of requests on an empty instance; classes that there are not are like the first.
    private let leftCPUs: SIMD8<Double>
    private let leftMemory: SIMD8<Double>
    /// The most instances that may be opened.
    let limit: Int

    /// How many are open.
    private(set) var count = 0
    /// The first start, the last end and the last start on each.
    private(set) var firstUse = Octets()
    private(set) var lastUse = Octets()
    private(set) var lastStart: [Double] = []
    /// The places of each in the schedule.
    private(set) var ids: [Int32] = []
    /// What ends last on each, the latest at the end, at least until not even the smallest request would fit beside it.
    private var running: [[Running]] = []
    /// From when on each class of requests has room on each instance: block by block, in these class by class.
    private var times = Octets()
    /// The least of these, for each class in each block.
    private var blockTimes: [Double] = []
    /// The latest end and the latest start in each block.
    private var blockLastUse: [Double] = []
    private var blockLastStart: [Double] = []

    static let blockSize = 16
    private static let octets = blockSize / 8
    private static let mostRunning = 32

    init(_ problem: PlanningProblem, entry: Int) {
        let type = problem.entries[entry].type
        (cpus, memoryBytes) = (type.cpus * (1 + 1e-12), type.memoryBytes * (1 + 1e-12))
        smallest = problem.smallest
        corners = problem.corners
        limit = problem.entries[entry].maximumCount
        var (leftCPUs, leftMemory) = (SIMD8(repeating: 0.0), SIMD8(repeating: 0.0))
        for kind in 0..<8 where !corners.isEmpty {
            let corner = corners[kind < corners.count ? kind : 0]
            (leftCPUs[kind], leftMemory[kind]) = (cpus - corner.cpus, memoryBytes - corner.memoryBytes)
        }
        (self.leftCPUs, self.leftMemory) = (leftCPUs, leftMemory)
    }

    /// Closes all, and keeps the memory.
    mutating func removeAll() {
        count = 0
        firstUse.removeAll(keepingCapacity: true)
        lastUse.removeAll(keepingCapacity: true)
        lastStart.removeAll(keepingCapacity: true)
        ids.removeAll(keepingCapacity: true)
        blockLastUse.removeAll(keepingCapacity: true)
        blockLastStart.removeAll(keepingCapacity: true)
        times.removeAll(keepingCapacity: true)
        blockTimes.removeAll(keepingCapacity: true)
    }

    /// Opens one, for a request that starts at a time.
    mutating func open(_ id: Int32, at start: Double) {
        lastStart.append(start)
        ids.append(id)
        if running.count == count { running.append([]) } else { running[count].removeAll(keepingCapacity: true) }
        let block = count / Self.blockSize
        if count % Self.blockSize == 0 {
            blockLastUse.append(start)
            blockLastStart.append(start)
            firstUse.append(.infinity, count: Self.blockSize)
            lastUse.append(-.infinity, count: Self.blockSize)
            times.append(.infinity, count: corners.count * Self.blockSize)
            blockTimes.append(contentsOf: repeatElement(0, count: corners.count))
        }
        (firstUse[count], lastUse[count]) = (start, start)
        for kind in corners.indices {
            times[first(kind, in: block) + count % Self.blockSize] = 0
            blockTimes[block * corners.count + kind] = 0
        }
        count += 1
    }

    /// Where a request starts first, behind all that is there; of these where it adds least to the time that is paid.
    ///
    /// The request must fit an empty instance. A number that is not open yet means a new one.
    func first(_ kind: Int, _ request: PlanningProblem.Corner, ready: Double, seconds: Double) -> Place {
        let isExact = corners[kind] == request
        // Rounded as below: one that ends when the request starts is as dear as a new one, and goes before it.
        var best = Place(number: count, start: ready, addedSeconds: ready + seconds - ready)
        if count == limit {
            best = Place(number: -1, start: .greatestFiniteMagnitude, addedSeconds: .infinity)
            if isExact { best.start = max(ready, earliest(kind, from: ready)) }
        }
        for block in 0..<blockLastUse.count where blockTimes[block * corners.count + kind] <= best.start {
            // Whether no better one can start earlier.
            let isSettled = isExact || best.start <= ready
            if isSettled, best.start + seconds - blockLastUse[block] > best.addedSeconds { continue }
            for octet in block * Self.octets..<(block + 1) * Self.octets {
                let times = times.octets[first(kind, in: block) >> 3 + octet & (Self.octets - 1)]
                // The least that each can add, or, as long as starts differ, when it can start.
                var keys = times
                if isSettled {
                    // Of equals the first is the best, but for a new one.
                    let bound = best.number == count ? best.addedSeconds : best.addedSeconds.nextDown
                    keys = best.start + seconds - lastUse.octets[octet]
                    guard any((times .<= best.start) .& (keys .<= bound)) else { continue }
                    keys = keys.raised(to: 0) + (firstUse.octets[octet] - best.start).raised(to: 0)
                    keys.replace(with: .infinity, where: times .> best.start)
                }
                while true {
                    let least = keys.least
                    guard least <= (isSettled ? best.addedSeconds : best.start), least < .infinity else { break }
                    let lane = keys.firstLane(of: least)
                    keys[lane] = .infinity
                    let number = octet << 3 + lane
                    let start = max(ready, isExact ? times[lane] : time(request, on: number))
                    guard start <= best.start else { continue }
                    let added = max(0, start + seconds - lastUse[number]) + max(0, firstUse[number] - start)
                    guard
                        start < best.start || added < best.addedSeconds
                            || (added == best.addedSeconds && number < best.number)
                    else { continue }
                    best = Place(number: number, start: start, addedSeconds: added)
                }
            }
            if best.start <= ready, best.addedSeconds <= 0 { break }
        }
        return best
    }

    /// When an instance has room first for a class of requests; not sought further than one that has it by a time.
    private func earliest(_ kind: Int, from ready: Double) -> Double {
        var least = Double.greatestFiniteMagnitude
        for place in stride(from: kind, to: blockTimes.count, by: corners.count) {
            least = min(least, blockTimes[place])
            if least <= ready { break }
        }
        return least
    }

    /// The number of blocks, of ``blockSize`` instances each.
    var blockCount: Int { blockLastUse.count }

    /// The instances of a block.
    func numbers(inBlock block: Int) -> Range<Int> {
        block * Self.blockSize..<min(count, (block + 1) * Self.blockSize)
    }

    /// The latest end in a block.
    func lastUse(block: Int) -> Double { blockLastUse[block] }

    /// Whether no instance of a block has a gap after `ready`, or room for a class of requests before `latest`.
    func passes(block: Int, _ kind: Int, ready: Double, latest: Double) -> Bool {
        ready >= blockLastStart[block] && blockTimes[block * corners.count + kind] > latest
    }

    /// Where the times of a class of requests on the instances of a block begin.
    private func first(_ kind: Int, in block: Int) -> Int { (block * corners.count + kind) * Self.blockSize }

    /// From when on an instance has room for a class of requests.
    func time(ofClass kind: Int, on number: Int) -> Double {
        times[first(kind, in: number / Self.blockSize) + number % Self.blockSize]
    }

    /// From when on an instance has room for a request, whatever ends before.
    func time(_ request: PlanningProblem.Corner, on number: Int) -> Double {
        var freeCPUs = cpus - request.cpus
        var freeMemory = memoryBytes - request.memoryBytes
        for item in running[number].reversed() {
            freeCPUs -= item.cpus
            freeMemory -= item.memoryBytes
            if freeCPUs < 0 || freeMemory < 0 { return item.end }
        }
        return 0
    }

    /// Takes a request onto an instance.
    mutating func book(_ number: Int, _ request: PlanningProblem.Corner, start: Double, end: Double) {
        firstUse[number] = min(firstUse[number], start)
        lastUse[number] = max(lastUse[number], end)
        lastStart[number] = max(lastStart[number], start)
        let block = number / Self.blockSize
        blockLastUse[block] = max(blockLastUse[block], end)
        blockLastStart[block] = max(blockLastStart[block], start)
        insert(Running(end: end, cpus: request.cpus, memoryBytes: request.memoryBytes), on: number)
        let after = corners.count == 1 ? SIMD8(repeating: time(corners[0], on: number)) : times(on: number)
        for kind in corners.indices {
            let place = first(kind, in: block) + number % Self.blockSize
            let before = times[place]
            guard after[kind] != before else { continue }
            times[place] = after[kind]
            guard before == blockTimes[block * corners.count + kind] else { continue }
            // Those that are not open yet count as infinite.
            let start = first(kind, in: block) >> 3
            var least = Double.infinity
            for octet in start..<start + Self.octets { least = min(least, times.octets[octet].least) }
            blockTimes[block * corners.count + kind] = least
        }
    }

    /// From when on an instance has room for each class of requests.
    private func times(on number: Int) -> SIMD8<Double> {
        var (freeCPUs, freeMemory) = (leftCPUs, leftMemory)
        var times = SIMD8(repeating: 0.0)
        var isFull = SIMDMask<SIMD8<Int64>>(repeating: false)
        for item in running[number].reversed() {
            freeCPUs -= item.cpus
            freeMemory -= item.memoryBytes
            let becomesFull = (freeCPUs .< 0) .| (freeMemory .< 0)
            times.replace(with: item.end, where: becomesFull .& .!isFull)
            isFull = becomesFull
            if all(isFull) { break }
        }
        return times
    }

    private mutating func insert(_ item: Running, on number: Int) {
        var place = running[number].count
        while place > 0, running[number][place - 1].end >= item.end { place -= 1 }
        if place == running[number].count {
            running[number].append(item)
        } else {
            running[number].insert(item, at: place)
        }
        // What ends before the instance is full of what ends later does not matter any more; it is dropped by and by.
        guard running[number].count >= Self.mostRunning else { return }
        var freeCPUs = cpus - smallest.cpus
        var freeMemory = memoryBytes - smallest.memoryBytes
        for index in running[number].indices.reversed() {
            freeCPUs -= running[number][index].cpus
            freeMemory -= running[number][index].memoryBytes
            guard freeCPUs < 0 || freeMemory < 0 else { continue }
            running[number].removeSubrange(..<index)
            return
        }
    }
}

/// Numbers, eight of them side by side.
struct Octets: Sendable {
    private(set) var octets: [SIMD8<Double>] = []

    subscript(place: Int) -> Double {
        get { octets[place >> 3][place & 7] }
        set { octets[place >> 3][place & 7] = newValue }
    }

    /// Adds so many, a multiple of eight.
    mutating func append(_ number: Double, count: Int) {
        octets.append(contentsOf: repeatElement(SIMD8(repeating: number), count: count / 8))
    }

    mutating func removeAll(keepingCapacity: Bool) { octets.removeAll(keepingCapacity: keepingCapacity) }
}

extension SIMD8<Double> {
    /// Nowhere less than a number.
    fileprivate func raised(to bound: Double) -> Self { replacing(with: bound, where: self .< bound) }

    fileprivate var least: Double {
        let four = lowHalf.replacing(with: highHalf, where: highHalf .< lowHalf)
        let two = four.lowHalf.replacing(with: four.highHalf, where: four.highHalf .< four.lowHalf)
        return two.y < two.x ? two.y : two.x
    }

    fileprivate func firstLane(of number: Double) -> Int {
        for lane in 0..<7 where self[lane] == number { return lane }
        return 7
    }
}
