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
        var request: Resources
    }

    private let capacity: SIMD4<Double>
    private let smallest: PlanningProblem.Corner
    /// The greatest of all classes of requests, lane by lane.
    private let greatest: PlanningProblem.Corner
    private let corners: [PlanningProblem.Corner]
    /// The most instances that may be opened.
    let limit: Int

    /// How many are open.
    private(set) var count = 0
    /// The first start, the last end and the last start on each.
    private(set) var firstUse: [Double] = []
    private(set) var lastUse: [Double] = []
    private(set) var lastStart: [Double] = []
    /// The places of each in the schedule.
    private(set) var ids: [Int32] = []
    /// What ends last on each, the latest at the end, at least until not even the smallest request would fit beside it:
    /// `room` places for each instance, and how many of them it uses.
    private var running: [Running] = []
    private var runningCount: [Int] = []
    private var room = 8
    /// From when on each class of requests has room on each instance: block by block, in these class by class.
    private var times: [Double] = []
    /// The least of these for each class in each block: blocks of blocks, in these class by class.
    private var blockTimes: [Double] = []
    /// The latest end and the latest start in each block.
    private var blockLastUse: [Double] = []
    private var blockLastStart: [Double] = []

    static let blockSize = 8

    init(_ problem: PlanningProblem, entry: Int) {
        let type = problem.entries[entry].type
        capacity = type.capacity.lanes * (1 + 1e-12)
        smallest = problem.smallest
        corners = problem.corners
        greatest = corners.reduce(smallest) { $0.maxima($1) }
        limit = problem.entries[entry].maximumCount
    }

    /// Closes all, and keeps the memory.
    mutating func removeAll() {
        count = 0
        firstUse.removeAll(keepingCapacity: true)
        lastUse.removeAll(keepingCapacity: true)
        lastStart.removeAll(keepingCapacity: true)
        ids.removeAll(keepingCapacity: true)
        runningCount.removeAll(keepingCapacity: true)
        blockLastUse.removeAll(keepingCapacity: true)
        blockLastStart.removeAll(keepingCapacity: true)
        times.removeAll(keepingCapacity: true)
        blockTimes.removeAll(keepingCapacity: true)
    }

    /// Opens one, for a request that starts at a time.
    mutating func open(_ id: Int32, at start: Double) {
        firstUse.append(start)
        lastStart.append(start)
        ids.append(id)
        runningCount.append(0)
        if running.count < runningCount.count * room {
            running.append(contentsOf: repeatElement(Running(end: 0, request: .zero), count: room))
        }
        let block = count / Self.blockSize
        if count % Self.blockSize == 0 {
            blockLastStart.append(start)
            lastUse.append(contentsOf: repeatElement(-.infinity, count: Self.blockSize))
            times.append(contentsOf: repeatElement(.infinity, count: corners.count * Self.blockSize))
            if block % Self.blockSize == 0 {
                blockLastUse.append(contentsOf: repeatElement(-.infinity, count: Self.blockSize))
                blockTimes.append(contentsOf: repeatElement(.infinity, count: corners.count * Self.blockSize))
            }
            blockLastUse[block] = start
        }
        lastUse[count] = start
        for kind in corners.indices {
            times[position(kind, count)] = 0
            blockTimes[position(kind, block)] = 0
        }
        count += 1
    }

    /// Where a request starts first, behind all that is there; of these where it adds least to the time that is paid, and of
    /// these the first.
    ///
    /// The request must fit an empty instance. A number that is not open yet means a new one.
    func first(_ kind: Int, _ request: PlanningProblem.Corner, ready: Double, seconds: Double) -> Place {
        let isExact = corners[kind] == request
        if count < limit {
            // Rounded as below: one that ends when the request starts is as dear as a new one, and goes before it.
            let new = Place(number: count, start: ready, addedSeconds: ready + seconds - ready)
            return cheapest(kind, request, isExact, seconds, upTo: new)
        }
        var best = Place(number: count, start: ready, addedSeconds: .infinity)
        let block = earliest(kind, from: ready)
        let time = blockTimes[position(kind, block)]
        best.start = max(ready, time)
        if !isExact {
            // The class may have room there before the request has.
            let number = numbers(inBlock: block).first { times[position(kind, $0)] == time } ?? 0
            let start = max(ready, self.time(request, on: number, from: ready))
            if start > best.start {
                best = Place(number: number, start: start, addedSeconds: added(number, start, start + seconds))
                best = earliest(kind, request, ready, seconds, upTo: best)
            }
        }
        return cheapest(kind, request, isExact, seconds, upTo: best)
    }

    /// What adds least of all that have room when the best so far starts.
    private func cheapest(
        _ kind: Int, _ request: PlanningProblem.Corner, _ isExact: Bool, _ seconds: Double, upTo place: Place
    ) -> Place {
        var best = place
        let (start, end) = (place.start, place.start + seconds)
        for group in 0..<(blockLastStart.count + Self.blockSize - 1) / Self.blockSize {
            var blocks = lanes(blockTimes, blockLastUse, kind, in: group, by: start, end: end, upTo: best.addedSeconds)
            while blocks != 0 {
                let block = group * Self.blockSize + blocks.trailingZeroBitCount
                blocks &= blocks - 1
                guard end - blockLastUse[block] <= best.addedSeconds else { continue }
                var lanes = lanes(times, lastUse, kind, in: block, by: start, end: end, upTo: best.addedSeconds)
                while lanes != 0 {
                    let number = block * Self.blockSize + lanes.trailingZeroBitCount
                    lanes &= lanes - 1
                    let least = end - lastUse[number]
                    guard least < best.addedSeconds || (least == best.addedSeconds && number < best.number),
                        isExact || time(request, on: number, from: start) <= start
                    else { continue }
                    let added = added(number, start, end)
                    guard added < best.addedSeconds || (added == best.addedSeconds && number < best.number) else {
                        continue
                    }
                    best = Place(number: number, start: start, addedSeconds: added)
                }
                if best.addedSeconds <= 0, best.number < (block + 1) * Self.blockSize { return best }
            }
        }
        return best
    }

    /// Of the instances of a block, or of a block of blocks, a bit for each that has room by a time and is used so long that
    /// to use it until an end adds no more than so many seconds.
    private func lanes(
        _ times: [Double], _ lastUse: [Double], _ kind: Int, in block: Int, by start: Double, end: Double,
        upTo most: Double
    ) -> UInt32 {
        let first = position(kind, block * Self.blockSize)
        let times = times.span.extracting(first..<first + Self.blockSize)
        let lastUse = lastUse.span.extracting(block * Self.blockSize..<(block + 1) * Self.blockSize)
        var lanes: UInt32 = 0
        // Without branches, which nobody could predict.
        for lane in 0..<Self.blockSize {
            let hasRoom: UInt32 = times[lane] <= start ? 1 : 0
            let isCheap: UInt32 = end - lastUse[lane] <= most ? 1 : 0
            lanes |= (hasRoom & isCheap) << UInt32(truncatingIfNeeded: lane)
        }
        return lanes
    }

    /// What starts first, where the time of the class is not that of the request.
    private func earliest(
        _ kind: Int, _ request: PlanningProblem.Corner, _ ready: Double, _ seconds: Double, upTo place: Place
    ) -> Place {
        var best = place
        for block in blockLastStart.indices where blockTimes[position(kind, block)] < best.start {
            for number in numbers(inBlock: block) where times[position(kind, number)] < best.start {
                let start = max(ready, time(request, on: number, from: ready))
                guard start < best.start else { continue }
                best = Place(number: number, start: start, addedSeconds: added(number, start, start + seconds))
                if start <= ready { return best }
            }
        }
        return best
    }

    /// By how many seconds an instance is rented longer for a request.
    private func added(_ number: Int, _ start: Double, _ end: Double) -> Double {
        max(0, end - lastUse[number]) + max(0, firstUse[number] - start)
    }

    /// The block that has room first for a class of requests, or has it by a time.
    private func earliest(_ kind: Int, from ready: Double) -> Int {
        var (block, least) = (0, Double.infinity)
        for candidate in blockLastStart.indices {
            let time = blockTimes[position(kind, candidate)]
            guard time < least else { continue }
            (block, least) = (candidate, time)
            if least <= ready { break }
        }
        return block
    }

    /// The number of blocks, of ``blockSize`` instances each.
    var blockCount: Int { blockLastStart.count }

    /// The instances of a block.
    func numbers(inBlock block: Int) -> Range<Int> {
        block * Self.blockSize..<min(count, (block + 1) * Self.blockSize)
    }

    /// The latest end in a block.
    func lastUse(block: Int) -> Double { blockLastUse[block] }

    /// Whether no instance of a block has a gap after `ready`, or room for a class of requests before `latest`.
    func passes(block: Int, _ kind: Int, ready: Double, latest: Double) -> Bool {
        ready >= blockLastStart[block] && blockTimes[position(kind, block)] > latest
    }

    /// Where the time of a class of requests on an instance, or in a block, is found.
    private func position(_ kind: Int, _ number: Int) -> Int {
        (number / Self.blockSize * corners.count + kind) * Self.blockSize + number % Self.blockSize
    }

    /// From when on an instance has room for a class of requests.
    func time(ofClass kind: Int, on number: Int) -> Double { times[position(kind, number)] }

    /// From when on an instance has room for a request, whatever ends before; not sought before a time.
    func time(_ request: PlanningProblem.Corner, on number: Int, from ready: Double = 0) -> Double {
        var free = capacity - request.lanes
        let first = number * room
        var place = first + runningCount[number]
        while place > first {
            place -= 1
            let item = running[place]
            guard item.end > ready else { return ready }
            free -= item.request.lanes
            if any(free .< 0) { return item.end }
        }
        return 0
    }

    /// Takes a request onto an instance, and returns the place of that in the schedule.
    @discardableResult
    mutating func book(_ number: Int, _ request: PlanningProblem.Corner, start: Double, end: Double) -> Int32 {
        if start < firstUse[number] { firstUse[number] = start }
        if end > lastUse[number] { lastUse[number] = end }
        if start > lastStart[number] { lastStart[number] = start }
        let block = number / Self.blockSize
        if end > blockLastUse[block] { blockLastUse[block] = end }
        if start > blockLastStart[block] { blockLastStart[block] = start }
        insert(Running(end: end, request: request), on: number)
        if corners.count == 1 {
            set(time(corners[0], on: number), 0, on: number)
        } else {
            setTimes(on: number)
        }
        return ids[number]
    }

    /// Sets from when on an instance has room for each class of requests.
    private mutating func setTimes(on number: Int) {
        var free = capacity
        var pending = UInt8.max >> (8 - UInt8(corners.count))
        var most = greatest
        let first = number * room
        var place = first + runningCount[number]
        while place > first {
            place -= 1
            let item = running[place]
            free -= item.request.lanes
            guard any(free .< most.lanes) else { continue }
            most = smallest
            var rest = pending
            while rest != 0 {
                let kind = rest.trailingZeroBitCount
                rest &= rest - 1
                if any(free .< corners[kind].lanes) {
                    set(item.end, kind, on: number)
                    pending &= ~(1 << UInt8(kind))
                } else {
                    most = most.maxima(corners[kind])
                }
            }
            if pending == 0 { return }
        }
        // The others have room from the beginning, as before.
    }

    private mutating func set(_ time: Double, _ kind: Int, on number: Int) {
        let (own, common) = (position(kind, number), position(kind, number / Self.blockSize))
        let before = times[own]
        guard time != before else { return }
        times[own] = time
        guard before == blockTimes[common] else { return }
        // Those that are not open yet count as infinite.
        var least = time
        let first = own - own % Self.blockSize
        for place in first..<first + Self.blockSize where times[place] < least { least = times[place] }
        blockTimes[common] = least
    }

    private mutating func insert(_ item: Running, on number: Int) {
        let count = runningCount[number]
        if count == room, !dropFirst(on: number) { enlarge() }
        let first = number * room
        var place = first + runningCount[number]
        while place > first, running[place - 1].end >= item.end {
            running[place] = running[place - 1]
            place -= 1
        }
        running[place] = item
        runningCount[number] += 1
    }

    /// Drops what ends before the instance is full of what ends later: it does not matter any more.
    private mutating func dropFirst(on number: Int) -> Bool {
        var free = capacity - smallest.lanes
        let all = number * room..<number * room + runningCount[number]
        for place in all.reversed() {
            free -= running[place].request.lanes
            guard any(free .< 0) else { continue }
            for kept in place..<all.upperBound { running[kept - place + all.lowerBound] = running[kept] }
            runningCount[number] = all.upperBound - place
            return place > all.lowerBound
        }
        return false
    }

    /// Makes room for twice as many on every instance.
    private mutating func enlarge() {
        let none = Running(end: 0, request: .zero)
        var larger: [Running] = []
        larger.reserveCapacity(2 * running.count)
        for number in 0..<running.count / room {
            larger.append(contentsOf: running[number * room..<(number + 1) * room])
            larger.append(contentsOf: repeatElement(none, count: room))
        }
        (running, room) = (larger, 2 * room)
    }
}
