import Workloads

/// A schedule on lanes that is changed by moving tasks, of which only what changes is computed.
///
/// The order of all tasks keeps that of the graph and that of every lane; a task starts as soon as the one before it on its
/// lane has ended and its data has come. Next to the end of every task stands the time from there to the end of the job:
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
    let firstOut: UnsafePointer<Int32>
    let tasksOut: UnsafePointer<Int32>
    let secondsOut: UnsafePointer<Double>
    let hostOfLane: UnsafePointer<Int32>
    private let entryOfLane: UnsafePointer<Int32>

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
    let rest: UnsafeMutablePointer<Double>

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
        firstOut = UnsafePointer(copy(model.firstSuccessor))
        tasksOut = UnsafePointer(copy(model.successors))
        secondsOut = UnsafePointer(copy(model.transfersOut))
        hostOfLane = UnsafePointer(copy(model.host))
        entryOfLane = UnsafePointer(copy(model.entry))
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
        for place in 0..<count { end[Int(order[place])] = start(Int(order[place])) + duration[Int(order[place])] }
        for place in stride(from: count - 1, through: 0, by: -1) {
            rest[Int(order[place])] = restNow(Int(order[place]))
        }
        makespan = latestEnd()
        forget()
    }

    /// When a task can start where it is.
    @inline(__always) func start(_ task: Int) -> Double {
        var latest = before[task] >= 0 ? end[Int(before[task])] : 0
        let own = host[task]
        for edge in Int(firstIn[task])..<Int(firstIn[task + 1]) {
            let other = Int(tasksIn[edge])
            latest = max(latest, end[other] + (host[other] == own ? 0 : secondsIn[edge]))
        }
        return latest
    }

    @inline(__always) private func restNow(_ task: Int) -> Double {
        var longest = 0.0
        if after[task] >= 0 { longest = duration[Int(after[task])] + rest[Int(after[task])] }
        let own = host[task]
        for edge in Int(firstOut[task])..<Int(firstOut[task + 1]) {
            let other = Int(tasksOut[edge])
            longest = max(longest, duration[other] + rest[other] + (host[other] == own ? 0 : secondsOut[edge]))
        }
        return longest
    }

    private func latestEnd() -> Double {
        var latest = 0.0
        for task in leaves { latest = max(latest, end[Int(task)]) }
        return latest
    }

    /// What all instances cost from first to last use, in US dollars.
    package func cost() -> Double {
        var sum = 0.0
        for host in model.entryOfHost.indices {
            let use = use(host)
            if use.last >= use.first {
                sum += model.problem.bills[Int(model.entryOfHost[host])].dollars(from: use.first, to: use.last)
            }
        }
        return sum
    }

    /// The first start and the last end on an instance; the end is less where it is not used.
    func use(_ host: Int) -> (first: Double, last: Double) {
        var (first, last) = (Double.infinity, -Double.infinity)
        for lane in model.lanesOfHost[host] where firstOnLane[lane] >= 0 {
            first = min(first, end[Int(firstOnLane[lane])] - duration[Int(firstOnLane[lane])])
            last = max(last, end[Int(lastOnLane[lane])])
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
        var earliest = previous >= 0 ? end[previous] : 0
        for edge in Int(firstIn[task])..<Int(firstIn[task + 1]) {
            let other = Int(tasksIn[edge])
            earliest = max(earliest, end[other] + (host[other] == own ? 0 : secondsIn[edge]))
        }
        var longest = next >= 0 ? duration[next] + rest[next] : 0
        for edge in Int(firstOut[task])..<Int(firstOut[task + 1]) {
            let other = Int(tasksOut[edge])
            longest = max(longest, duration[other] + rest[other] + (host[other] == own ? 0 : secondsOut[edge]))
        }
        return earliest + seconds[task * width + Int(entryOfLane[newLane])] + longest
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
            let now = start(task) + duration[task]
            guard now != end[task] else { continue }
            changed.append((Int32(task), end[task]))
            end[task] = now
            if now + (place > movedTo ? rest[task] : 0) > limit {
                while word < words {
                    dirty[word] = 0
                    word += 1
                }
                return false
            }
            if after[task] >= 0 { _ = mark(Int(after[task])) }
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
            if rest[task] != fresh.rest[task] {
                return "\(rest[task]) s follow task \(task), not \(fresh.rest[task])"
            }
        }
        return makespan == fresh.makespan ? nil : "the makespan is \(makespan), not \(fresh.makespan)"
    }
}
