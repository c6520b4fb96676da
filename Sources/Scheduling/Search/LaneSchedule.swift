import Workloads

/// A schedule on lanes that is changed by moving tasks, of which only what changes is computed.
///
/// The order of all tasks keeps that of the graph and that of every lane; a task starts as soon as the one before it on its
/// lane has ended and its data has come. On a lane that is shared it starts no sooner than the one before it, and as soon as
/// there is room beside all that come before. Next to the end of every task stands the time from there to the end of the job:
/// a path through a task that is moved is as long as what comes before it and what comes after it, so that most bad moves
/// are seen to be bad without being made.
///
/// A task of the search is a few hundred nanoseconds long: memory is reached through pointers, and indices are asserted.
package struct LaneSchedule: ~Copyable {
    let model: LaneModel
    package let count: Int
    private let width: Int

    // The model.
    private let seconds: UnsafePointer<Double>
    private let firstIn: UnsafePointer<Int32>
    private let tasksIn: UnsafePointer<Int32>
    private let secondsIn: UnsafePointer<Double>
    private let farIn: UnsafePointer<Double>
    let firstOut: UnsafePointer<Int32>
    let tasksOut: UnsafePointer<Int32>
    private let secondsOut: UnsafePointer<Double>
    private let farOut: UnsafePointer<Double>
    /// The zone of each instance; looked at only if zones matter.
    private let zoneOfHost: UnsafePointer<Int32>
    private let hasZones: Bool
    let hostOfLane: UnsafePointer<Int32>
    private let entryOfLane: UnsafePointer<Int32>
    /// When each lane takes tasks first; looked at only if not all do at once.
    private let openOfLane: UnsafePointer<Double>
    private let startsAtOnce: Bool
    /// When each task may start first; looked at only if not all may at once.
    private let release: UnsafePointer<Double>
    private let isReleased: Bool
    /// The tasks that have a deadline of their own.
    private let dated: [Int]

    // The schedule: the order and the place of each task in it, lanes, and neighbours on them.
    let order: UnsafeMutablePointer<Int32>
    let position: UnsafeMutablePointer<Int32>
    let lane: UnsafeMutablePointer<Int32>
    let host: UnsafeMutablePointer<Int32>
    private let before: UnsafeMutablePointer<Int32>
    let after: UnsafeMutablePointer<Int32>
    private let firstOnLane: UnsafeMutablePointer<Int32>
    let lastOnLane: UnsafeMutablePointer<Int32>
    let duration: UnsafeMutablePointer<Double>
    let end: UnsafeMutablePointer<Double>
    /// From the end of each task to the end of the job.
    ///
    /// Where lanes are shared it may be more: what waits for the room that several leave is not seen.
    let rest: UnsafeMutablePointer<Double>

    // Of lanes that are shared: what tasks take of them, and for each task when it starts and what runs then, by end.
    private let room: Int
    private let request: UnsafePointer<SIMD4<Double>>
    private let capacity: UnsafePointer<SIMD4<Double>>
    private let begin: UnsafeMutablePointer<Double>
    private let running: UnsafeMutablePointer<Running>
    private let runningCount: UnsafeMutablePointer<Int>
    private var next: [Running] = []
    private var ran: [(task: Int, begin: Double, count: Int)] = []
    private var ranBefore: [Running] = []

    private struct Running: Equatable {
        var end: Double
        var task: Int
    }

    // What is undone if a move is not kept.
    private let dirty: UnsafeMutablePointer<UInt64>
    private let words: Int
    private var moved: [(task: Int32, lane: Int32, position: Int32)] = []
    private var changed: [(task: Int32, end: Double)] = []
    private var touched: [Int32] = []
    private var loosened: [Int32] = []
    private var movedFrom = 0
    private var movedTo = 0
    package private(set) var makespan = 0.0
    private var makespanBefore = 0.0

    /// The tasks that none waits for: one of them ends last.
    private let leaves: [Int32]
    private let memory: [UnsafeMutableRawPointer]

    package init(_ model: LaneModel) {
        self.model = model
        let problem = model.problem
        count = problem.graph.count
        width = problem.entries.count
        var memory: [UnsafeMutableRawPointer] = []
        func copy<T>(_ values: [T]) -> UnsafeMutablePointer<T> {
            let place = UnsafeMutablePointer<T>.allocate(capacity: max(1, values.count))
            place.initialize(from: values, count: values.count)
            memory.append(UnsafeMutableRawPointer(place))
            return place
        }
        seconds = UnsafePointer(copy(problem.seconds))
        firstIn = UnsafePointer(copy(problem.firstEdge))
        tasksIn = UnsafePointer(copy(problem.predecessors))
        secondsIn = UnsafePointer(copy(problem.transfers))
        farIn = UnsafePointer(copy(problem.farTransfers))
        firstOut = UnsafePointer(copy(model.firstSuccessor))
        tasksOut = UnsafePointer(copy(model.successors))
        secondsOut = UnsafePointer(copy(model.transfersOut))
        farOut = UnsafePointer(copy(model.farTransfersOut))
        hasZones = problem.hasZones
        zoneOfHost = UnsafePointer(copy(hasZones ? model.entryOfHost.map { problem.zones[Int($0)] } : []))
        hostOfLane = UnsafePointer(copy(model.host))
        entryOfLane = UnsafePointer(copy(model.entry))
        openOfLane = UnsafePointer(copy(model.entry.map { problem.opens[Int($0)] }))
        startsAtOnce = problem.startsAtOnce
        release = UnsafePointer(copy(problem.releases))
        isReleased = !problem.releases.isEmpty
        dated = (problem.isDated ? 0..<count : 0..<0).filter { task in
            problem.entries.indices.contains { problem.latestEnd(of: task, on: $0).isFinite }
        }
        let none = [Int32](repeating: -1, count: count)
        let zero = [Double](repeating: 0, count: count)
        order = copy(none)
        position = copy(none)
        lane = copy(none)
        host = copy(none)
        before = copy(none)
        after = copy(none)
        firstOnLane = copy([Int32](repeating: -1, count: model.host.count))
        lastOnLane = copy([Int32](repeating: -1, count: model.host.count))
        duration = copy(zero)
        end = copy(zero)
        rest = copy(zero)
        room = model.room
        let shared = room > 0 ? count : 0
        request = UnsafePointer(copy(problem.requests.prefix(shared).map(\.lanes)))
        capacity = UnsafePointer(
            copy((room > 0 ? problem.entries : []).map { $0.type.capacity.lanes * (1 + 1e-12) }))
        begin = copy([Double](repeating: 0, count: shared))
        running = copy([Running](repeating: Running(end: 0, task: 0), count: shared * room))
        runningCount = copy([Int](repeating: 0, count: shared))
        words = (count + 63) / 64
        dirty = copy([UInt64](repeating: 0, count: words))
        leaves = (0..<count).filter { model.firstSuccessor[$0] == model.firstSuccessor[$0 + 1] }.map { Int32($0) }
        self.memory = memory
    }

    deinit { for place in memory { place.deallocate() } }

    /// Takes an order that keeps that of the graph, and a lane for every task.
    package mutating func set(order newOrder: [Int32], lanes: [Int32]) {
        for lane in model.host.indices { (firstOnLane[lane], lastOnLane[lane]) = (-1, -1) }
        for (place, task) in newOrder.enumerated() {
            let (task, own) = (Int(task), Int(lanes[Int(task)]))
            order[place] = Int32(task)
            position[task] = Int32(place)
            lane[task] = Int32(own)
            host[task] = hostOfLane[own]
            duration[task] = seconds[task * width + Int(entryOfLane[own])]
            before[task] = lastOnLane[own]
            after[task] = -1
            if lastOnLane[own] >= 0 {
                after[Int(lastOnLane[own])] = Int32(task)
            } else {
                firstOnLane[own] = Int32(task)
            }
            lastOnLane[own] = Int32(task)
        }
        for place in 0..<count { _ = settle(Int(order[place])) }
        for place in stride(from: count - 1, through: 0, by: -1) {
            rest[Int(order[place])] = restNow(Int(order[place]))
        }
        makespan = latestEnd()
        forget()
    }

    /// When a task can start where it is.
    @inline(__always) func start(_ task: Int) -> Double {
        var latest = room == 0 && before[task] >= 0 ? end[Int(before[task])] : opening(Int(lane[task]))
        if isReleased { latest = max(latest, release[task]) }
        let own = host[task]
        for edge in Int(firstIn[task])..<Int(firstIn[task + 1]) {
            let other = Int(tasksIn[edge])
            latest = max(latest, end[other] + delayIn(edge, host[other], own))
        }
        return room == 0 ? latest : start(task, after: Int(before[task]), on: Int(lane[task]), from: latest)
    }

    /// When there is room for a task on a shared lane, not before a time.
    private func start(_ task: Int, after previous: Int, on lane: Int, from ready: Double) -> Double {
        guard previous >= 0 else { return ready }
        let earliest = max(ready, begin[previous])
        var free = capacity[Int(entryOfLane[lane])] - request[task]
        var place = previous * room + runningCount[previous]
        while place > previous * room {
            place -= 1
            let other = running[place]
            guard other.end > earliest else { break }
            guard other.task != task else { continue }
            free -= request[other.task]
            if any(free .< 0) { return other.end }
        }
        return earliest
    }

    /// Whether two tasks have room beside each other on a shared lane.
    private func fit(_ task: Int, _ other: Int, on lane: Int) -> Bool {
        all(request[task] + request[other] .<= capacity[Int(entryOfLane[lane])])
    }

    /// Whether a task has room on a lane when nothing else runs there.
    @inline(__always) func fits(_ task: Int, on lane: Int) -> Bool {
        seconds[task * width + Int(entryOfLane[lane])] < .infinity
    }

    /// Computes when a task runs, and on a shared lane what runs when it starts; whether that changes anything for those
    /// that wait for it, and for what comes after it on its lane.
    @inline(__always) private mutating func settle(_ task: Int) -> (end: Bool, lane: Bool) {
        let start = start(task)
        let (old, new) = (end[task], start + duration[task])
        guard room > 0 else {
            guard new != old else { return (false, false) }
            changed.append((Int32(task), old))
            end[task] = new
            return (true, true)
        }
        next.removeAll(keepingCapacity: true)
        if before[task] >= 0 {
            let previous = Int(before[task])
            for place in previous * room..<previous * room + runningCount[previous] where running[place].end > start {
                next.append(running[place])
            }
        }
        if new > start {
            next.insert(Running(end: new, task: task), at: next.firstIndex { $0.end > new } ?? next.count)
        }
        let own = task * room
        var isSame = new == old && start == begin[task] && next.count == runningCount[task]
        var place = 0
        while isSame, place < next.count {
            isSame = next[place] == running[own + place]
            place += 1
        }
        guard !isSame else { return (false, false) }
        changed.append((Int32(task), old))
        ran.append((task, begin[task], runningCount[task]))
        for place in own..<own + runningCount[task] { ranBefore.append(running[place]) }
        for (place, other) in next.enumerated() { running[own + place] = other }
        (end[task], begin[task], runningCount[task]) = (new, start, next.count)
        return (new != old, true)
    }

    /// Seconds until what comes along an edge into a task is on an instance.
    @inline(__always) func delayIn(_ edge: Int, _ from: Int32, _ to: Int32) -> Double {
        if from == to { return 0 }
        return hasZones && isFar(from, to) ? farIn[edge] : secondsIn[edge]
    }

    /// The same along an edge from a task.
    @inline(__always) func delayOut(_ edge: Int, _ from: Int32, _ to: Int32) -> Double {
        if from == to { return 0 }
        return hasZones && isFar(from, to) ? farOut[edge] : secondsOut[edge]
    }

    private func isFar(_ from: Int32, _ to: Int32) -> Bool {
        let (from, to) = (zoneOfHost[Int(from)], zoneOfHost[Int(to)])
        return from != to && from >= 0 && to >= 0
    }

    /// When a lane takes tasks first.
    @inline(__always) func opening(_ lane: Int) -> Double { startsAtOnce ? 0 : openOfLane[lane] }

    @inline(__always) private func restNow(_ task: Int) -> Double {
        var longest = 0.0
        if after[task] >= 0 {
            let next = Int(after[task])
            longest = duration[next] + rest[next]
            if room > 0, fit(task, next, on: Int(lane[task])) { longest = max(0, longest - duration[task]) }
        }
        let own = host[task]
        for edge in Int(firstOut[task])..<Int(firstOut[task + 1]) {
            let other = Int(tasksOut[edge])
            longest = max(longest, duration[other] + rest[other] + delayOut(edge, own, host[other]))
        }
        return longest
    }

    private func latestEnd() -> Double {
        var latest = 0.0
        for task in leaves { latest = max(latest, end[Int(task)]) }
        return latest
    }

    /// By how much the task that is latest ends after its own deadline, in seconds; 0 if none does.
    package func lateness() -> Double {
        dated.reduce(0) { latest, task in
            let deadline = model.problem.latestEnd(of: task, on: Int(entryOfLane[Int(lane[task])]))
            return end[task] <= deadline * (1 + 1e-9) ? latest : max(latest, end[task] - deadline)
        }
    }

    /// What is billed for all instances, from first to last use, and for transfers, in US dollars.
    package func cost() -> Double {
        var sum = 0.0
        for host in model.entryOfHost.indices {
            let use = use(host)
            if use.last >= use.first {
                sum += model.problem.bills[Int(model.entryOfHost[host])].total(from: use.first, to: use.last)
            }
        }
        guard model.problem.movesCost else { return sum }
        for task in 0..<count {
            for edge in Int(firstIn[task])..<Int(firstIn[task + 1])
            where isFar(host[Int(tasksIn[edge])], host[task]) {
                sum += model.problem.farDollars[edge]
            }
        }
        return sum
    }

    /// The first start and the last end on an instance; the end is less where it is not used.
    func use(_ host: Int) -> (first: Double, last: Double) {
        var (first, last) = (Double.infinity, -Double.infinity)
        for lane in model.lanesOfHost[host] where firstOnLane[lane] >= 0 {
            let task = Int(firstOnLane[lane])
            first = min(first, room > 0 ? begin[task] : end[task] - duration[task])
            last = max(last, end[Int(lastOnLane[lane])])
            if room > 0, runningCount[Int(lastOnLane[lane])] > 0 {
                last = max(last, running[Int(lastOnLane[lane]) * room + runningCount[Int(lastOnLane[lane])] - 1].end)
            }
        }
        return (max(0, first), last)
    }

    /// The places in the order where a task may stand: after what it waits for, before what waits for it.
    @inline(__always) package func window(_ task: Int) -> ClosedRange<Int> {
        var (low, high) = (0, count - 1)
        for edge in Int(firstIn[task])..<Int(firstIn[task + 1]) {
            low = max(low, Int(position[Int(tasksIn[edge])]) + 1)
        }
        for edge in Int(firstOut[task])..<Int(firstOut[task + 1]) {
            high = min(high, Int(position[Int(tasksOut[edge])]) - 1)
        }
        return low...high
    }

    /// The longest path through a task if it stood elsewhere, but for what its absence from here would change.
    @inline(__always) func path(_ task: Int, on newLane: Int, at place: Int) -> Double {
        let (previous, next) = neighbours(task, newLane, place)
        let own = hostOfLane[newLane]
        var earliest = room == 0 && previous >= 0 ? end[previous] : opening(newLane)
        if isReleased { earliest = max(earliest, release[task]) }
        for edge in Int(firstIn[task])..<Int(firstIn[task + 1]) {
            let other = Int(tasksIn[edge])
            earliest = max(earliest, end[other] + delayIn(edge, host[other], own))
        }
        let time = seconds[task * width + Int(entryOfLane[newLane])]
        var longest = next >= 0 ? duration[next] + rest[next] : 0
        if room > 0 {
            earliest = start(task, after: previous, on: newLane, from: earliest)
            if next >= 0, fit(task, next, on: newLane) { longest = max(0, longest - time) }
        }
        for edge in Int(firstOut[task])..<Int(firstOut[task + 1]) {
            let other = Int(tasksOut[edge])
            longest = max(longest, duration[other] + rest[other] + delayOut(edge, own, host[other]))
        }
        return earliest + time + longest
    }

    /// Between which tasks of a lane a task would stand.
    @inline(__always) private func neighbours(_ task: Int, _ lane: Int, _ place: Int) -> (Int, Int) {
        // What stands at the place moves up if the task comes from behind, and down if it comes from before.
        let own = Int(position[task])
        var index = place < own ? place - 1 : place
        var previous = Int32(-1)
        while index >= 0 {
            let other = order[index]
            if self.lane[Int(other)] == Int32(lane), other != Int32(task) {
                previous = other
                break
            }
            index -= 1
        }
        var next = previous >= 0 ? after[Int(previous)] : firstOnLane[lane]
        if next == Int32(task) { next = after[task] }
        return (Int(previous), Int(next))
    }

    /// The last task of a lane before a place in the order, and the first after another; -1 if there is none.
    func around(_ low: Int, _ high: Int, on lane: Int) -> (previous: Int, next: Int) {
        var index = low - 1
        while index >= 0, self.lane[Int(order[index])] != Int32(lane) { index -= 1 }
        var other = high + 1
        while other < count, self.lane[Int(order[other])] != Int32(lane) { other += 1 }
        return (index >= 0 ? Int(order[index]) : -1, other < count ? Int(order[other]) : -1)
    }

    /// Moves a task; the ends are those from before until ``settle(upTo:)``.
    package mutating func move(_ task: Int, to newLane: Int, at place: Int) {
        let old = Int(position[task])
        if moved.isEmpty { (movedFrom, movedTo, makespanBefore) = (min(old, place), max(old, place), makespan) }
        (movedFrom, movedTo) = (min(movedFrom, old, place), max(movedTo, old, place))
        moved.append((Int32(task), lane[task], Int32(old)))
        put(task, newLane, place)
        touched.append(Int32(task))
        if after[task] >= 0 { touched.append(after[task]) }
        for edge in Int(firstOut[task])..<Int(firstOut[task + 1]) { touched.append(tasksOut[edge]) }
    }

    private mutating func put(_ task: Int, _ newLane: Int, _ place: Int) {
        let (previous, next) = neighbours(task, newLane, place)
        let (old, oldLane) = (Int(position[task]), Int(lane[task]))
        // Out of its lane.
        let (left, right) = (before[task], after[task])
        if left >= 0 {
            after[Int(left)] = right
            loosened.append(left)
        } else {
            firstOnLane[oldLane] = right
        }
        if right >= 0 {
            before[Int(right)] = left
            touched.append(right)
        } else {
            lastOnLane[oldLane] = left
        }
        // Into the other; its neighbours there are not the task itself.
        before[task] = Int32(previous)
        after[task] = Int32(next)
        if previous >= 0 { after[previous] = Int32(task) } else { firstOnLane[newLane] = Int32(task) }
        if next >= 0 { before[next] = Int32(task) } else { lastOnLane[newLane] = Int32(task) }
        lane[task] = Int32(newLane)
        host[task] = hostOfLane[newLane]
        duration[task] = seconds[task * width + Int(entryOfLane[newLane])]
        if place < old {
            var index = old
            while index > place {
                order[index] = order[index - 1]
                position[Int(order[index])] = Int32(index)
                index -= 1
            }
        } else {
            var index = old
            while index < place {
                order[index] = order[index + 1]
                position[Int(order[index])] = Int32(index)
                index += 1
            }
        }
        order[place] = Int32(task)
        position[task] = Int32(place)
    }

    /// Computes all ends that the moves change, and the makespan. Gives up, with `false`, when a path is longer than a limit.
    package mutating func settle(upTo limit: Double) -> Bool {
        var word = words
        for task in touched { word = min(word, mark(Int(task))) }
        while word < words {
            let bits = dirty[word]
            guard bits != 0 else {
                word += 1
                continue
            }
            let place = word * 64 + bits.trailingZeroBitCount
            dirty[word] = bits & (bits - 1)
            let task = Int(order[place])
            let change = settle(task)
            guard change.lane else { continue }
            if end[task] + (place > movedTo ? rest[task] : 0) > limit {
                while word < words {
                    dirty[word] = 0
                    word += 1
                }
                return false
            }
            if after[task] >= 0 { _ = mark(Int(after[task])) }
            guard change.end else { continue }
            for edge in Int(firstOut[task])..<Int(firstOut[task + 1]) { _ = mark(Int(tasksOut[edge])) }
        }
        makespan = latestEnd()
        return makespan <= limit
    }

    @inline(__always) private func mark(_ task: Int) -> Int {
        let place = Int(position[task])
        dirty[place >> 6] |= 1 << UInt64(place & 63)
        return place >> 6
    }

    /// Whether there are moves that are neither kept nor taken back.
    var isMoved: Bool { !moved.isEmpty }

    /// Takes the moves back.
    package mutating func undo() {
        for (task, lane, place) in moved.reversed() { put(Int(task), Int(lane), Int(place)) }
        for (task, end) in changed.reversed() { self.end[Int(task)] = end }
        for (task, begin, count) in ran.reversed() {
            (self.begin[task], runningCount[task]) = (begin, count)
            for place in 0..<count { running[task * room + place] = ranBefore[ranBefore.count - count + place] }
            ranBefore.removeLast(count)
        }
        makespan = makespanBefore
        forget()
    }

    /// Keeps the moves, and computes what they change of the rests.
    package mutating func keep() {
        // What stood before a moved task, on either lane or in the graph, comes to other ends.
        var word = -1
        for task in loosened { word = max(word, mark(Int(task))) }
        for (task, _, _) in moved { word = max(word, mark(Int(task)), markBefore(Int(task))) }
        while word >= 0 {
            let bits = dirty[word]
            guard bits != 0 else {
                word -= 1
                continue
            }
            let bit = 63 - bits.leadingZeroBitCount
            dirty[word] = bits & ~(1 << UInt64(bit))
            let task = Int(order[word * 64 + bit])
            let now = restNow(task)
            guard now != rest[task] else { continue }
            rest[task] = now
            _ = markBefore(task)
        }
        forget()
    }

    /// Marks what comes right before a task.
    @inline(__always) private func markBefore(_ task: Int) -> Int {
        var word = -1
        if before[task] >= 0 { word = mark(Int(before[task])) }
        for edge in Int(firstIn[task])..<Int(firstIn[task + 1]) { word = max(word, mark(Int(tasksIn[edge]))) }
        return word
    }

    private mutating func forget() {
        moved.removeAll(keepingCapacity: true)
        changed.removeAll(keepingCapacity: true)
        touched.removeAll(keepingCapacity: true)
        loosened.removeAll(keepingCapacity: true)
        ran.removeAll(keepingCapacity: true)
        ranBefore.removeAll(keepingCapacity: true)
    }

    /// Adds the tasks on longest paths to a list; where lanes are shared, those on one.
    func addLongest(to tasks: inout [Int32]) {
        let bound = makespan * (1 - 1e-9)
        guard room > 0 else {
            for task in 0..<count where end[task] + rest[task] >= bound { tasks.append(Int32(task)) }
            return
        }
        var task = leaves.first { end[Int($0)] == makespan }.map { Int($0) } ?? -1
        while task >= 0, tasks.count < count {
            tasks.append(Int32(task))
            task = blocker(task)
        }
    }

    /// What a task on a shared lane waits for last; -1 if for nothing.
    private func blocker(_ task: Int) -> Int {
        let start = begin[task]
        guard start > 0 else { return -1 }
        for edge in Int(firstIn[task])..<Int(firstIn[task + 1]) {
            let other = Int(tasksIn[edge])
            if end[other] + (host[other] == host[task] ? 0 : secondsIn[edge]) >= start { return other }
        }
        guard before[task] >= 0 else { return -1 }
        let previous = Int(before[task])
        for place in previous * room..<previous * room + runningCount[previous] where running[place].end == start {
            return running[place].task
        }
        return previous
    }

    /// Sorts the order by start; nothing else changes, but tasks may then be moved further.
    package mutating func sort() {
        var sorted = Array(UnsafeBufferPointer(start: order, count: count))
        let place = position
        // Not the end less the duration, which rounding might put before the end of what comes before.
        let starts = (0..<count).map { start($0) }
        sorted.sort {
            let (a, b) = (starts[Int($0)], starts[Int($1)])
            return a != b ? a < b : place[Int($0)] < place[Int($1)]
        }
        for (place, task) in sorted.enumerated() {
            order[place] = task
            position[Int(task)] = Int32(place)
        }
    }

    /// Checks everything against what is computed from the order and the lanes alone; `nil` if all is well.
    package func fault() -> String? {
        var fresh = LaneSchedule(model)
        fresh.set(
            order: Array(UnsafeBufferPointer(start: order, count: count)),
            lanes: Array(UnsafeBufferPointer(start: lane, count: count)))
        for task in 0..<count {
            if position[task] < 0 || order[Int(position[task])] != Int32(task) { return "task \(task) is misplaced" }
            if before[task] != fresh.before[task] || after[task] != fresh.after[task] {
                return "the neighbours of task \(task) are wrong"
            }
            if end[task] != fresh.end[task] { return "task \(task) ends at \(end[task]), not \(fresh.end[task])" }
            if room > 0 {
                let own = task * room..<task * room + runningCount[task]
                let isSame = begin[task] == fresh.begin[task] && runningCount[task] == fresh.runningCount[task]
                if !isSame || own.contains(where: { running[$0] != fresh.running[$0] }) {
                    return "what runs when task \(task) starts is wrong"
                }
            }
            if rest[task] != fresh.rest[task] {
                return "\(rest[task]) s follow task \(task), not \(fresh.rest[task])"
            }
        }
        return makespan == fresh.makespan ? nil : "the makespan is \(makespan), not \(fresh.makespan)"
    }
}
